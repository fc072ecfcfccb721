// Where the answer to a form stands: a form that is gone leads nowhere by itself.

import { openThread } from "./messages.js";
import { toNewest } from "./newest.js";
import { lead } from "./note.js";
import { all, channel, me, watch } from "./store.js";
import { look, looking } from "./view_state.js";

const WITHIN_MS = 20_000;
let expected = null;

/** From now on, until it is there or `unexpected`. */
export function expectAnswer() {
  const latest = all("message/").reduce((ts, one) => (one.ts > ts ? one.ts : ts), "0");
  expected = { after: latest, person: me(), until: Date.now() + WITHIN_MS };
}

export const unexpected = () => (expected = null);

const forMe = (one) => one.mine || channel(one.channel)?.direct || one.text.includes(`<@${me()}>`);

export function watchAnswers() {
  watch((key) => key.startsWith("message/"), () => {
    if (!expected) return;
    if (expected.person !== me() || Date.now() > expected.until) return unexpected();
    const found = all("message/").find((one) => one.app && one.ts > expected.after && forMe(one));
    if (!found) return;
    unexpected();
    leadTo(found);
  });
}

function leadTo(message) {
  if (message.channel === looking.channel && (!message.thread || message.thread === looking.thread)) return toNewest(message.thread ? "replies" : "messages");
  const place = channel(message.channel);
  const where = place?.direct ? "the direct message with the app" : `#${place?.name}${message.thread ? ", in a thread" : ""}`;
  lead(`The answer to the form stands in ${where}.`, "Go There", () => {
    look({ channel: message.channel, thread: null, pane: "channel" });
    if (message.thread) openThread(message.thread);
  });
}
