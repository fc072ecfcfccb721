// Messages of a channel and of a thread, as they are posted, edited and taken away.

import { act, ask } from "./acts.js";
import { blocksOf } from "./blocks.js";
import { byId, fill, h, reconcile } from "./dom.js";
import { sizeOf } from "./files.js";
import { suggested } from "./form.js";
import { showMenu } from "./menu.js";
import { drawnAtEnd, toNewest } from "./newest.js";
import { note } from "./note.js";
import { sign as drawn } from "./signs.js";
import { channel, face, me, messagesOf, person, seen } from "./store.js";
import { clock, dayOf, rich } from "./text.js";
import { look, looking, markRead } from "./view_state.js";

const CLOSE_S = 240;
const pressedIn = new Map();
const answeredIn = new Map();

/** A private answer that names no thread stands where its button was pressed: in the thread, or in the channel. */
function threadOf(message, here) {
  if (message.thread || !message.answers) return message.thread;
  const pressed = () => pressedIn.get(message.answers) ?? here.find((one) => one.ts === message.answers)?.thread ?? null;
  if (!answeredIn.has(message.ts)) answeredIn.set(message.ts, pressed());
  return answeredIn.get(message.ts);
}

/** Arrow keys lead from message to message; Enter opens the thread of the one that is reached. */
export function walk(event) {
  const here = event.target.closest(".message");
  const messages = [...event.currentTarget.querySelectorAll(".message")];
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (event.target !== here && event.target !== event.currentTarget) return;
  if (step) (messages[messages.indexOf(here) + step] ?? messages.at(-1))?.focus();
  else if (event.key === "Enter" && here && event.currentTarget.id === "messages") openThread(here.dataset.ts);
  else return;
  event.preventDefault();
}

export function drawChannel() {
  const here = messagesOf(looking.channel);
  const tops = here.filter((one) => !here.some((other) => other.ts === threadOf(one, here)));
  drawnAtEnd("messages", looking.channel, () => reconcile(byId("messages"), entries(tops, here)));
  if (looking.pane === "channel") markRead(looking.channel);
}

export function drawThread() {
  const here = messagesOf(looking.channel);
  const shown = here.filter((one) => looking.thread && [one.ts, threadOf(one, here)].includes(looking.thread));
  byId("thread").hidden = !looking.thread;
  byId("app").classList.toggle("with-thread", Boolean(looking.thread));
  if (!looking.thread) return;
  const close = h("button", { type: "button", class: "bare cross", "aria-label": "Close thread", onclick: closeThread }, "×");
  fill(byId("thread-head"), h("h2", {}, "Thread ", h("span", { class: "quiet" }, `#${channel(looking.channel)?.name ?? ""}`)), close);
  drawnAtEnd("replies", looking.thread, () => reconcile(byId("replies"), shown.map((one, index) => entry(one, shown[index - 1], [], true))));
}

function* entries(tops, here) {
  let day = "";
  for (const [index, message] of tops.entries()) {
    const its = dayOf(message.ts);
    if (its !== day) yield { key: `day ${its}`, sign: its, make: () => h("div", { class: "day", role: "separator" }, h("span", {}, its)) };
    day = its;
    const replies = here.filter((one) => one.thread === message.ts && !one.mine);
    yield entry(message, tops[index - 1], replies, false);
  }
}

function entry(message, before, replies, inThread) {
  const follows = before && !message.app && before.user === message.user && before.mine === message.mine && message.ts - before.ts < CLOSE_S;
  const latest = replies.at(-1)?.ts ?? "";
  const sign = JSON.stringify([message, follows, replies.length, latest, me()]);
  return { key: message.ts, sign, make: () => messageOf(message, { follows, replies, inThread }) };
}

function messageOf(message, { follows, replies, inThread }) {
  const author = person(message.user);
  const name = message.app ? face().app : (author?.real_name ?? message.user);
  const head = h(
    "header",
    {},
    h("strong", {}, name),
    message.app && h("span", { class: "badge" }, "app"),
    author?.kind === "guest" && h("span", { class: "badge" }, "guest"),
    author?.kind === "outsider" && h("span", { class: "badge" }, "other organisation"),
    h("time", { class: "quiet", datetime: new Date(message.ts * 1000).toISOString() }, clock(message.ts)),
  );
  const kind = [message.mine && "only-me", follows && !message.mine && "follows", message.app && "of-app"];
  return h(
    "article",
    { class: `message ${kind.filter(Boolean).join(" ")}`, "aria-label": `${name}, ${clock(message.ts)}`, "data-ts": message.ts, tabindex: "-1", "data-focus": "message" },
    h("div", { class: `avatar tint-${tint(message.user)}`, "aria-hidden": "true" }, message.app ? "" : name[0]),
    h("div", { class: "body" }, message.mine && h("p", { class: "quiet eyes" }, drawn("eye"), " Only visible to you"), head, content(message, inThread), !inThread && threadLink(message, replies)),
    more(message, inThread),
  );
}

const tint = (id) => Math.max(0, seen.get("people").findIndex((one) => one.id === id)) % 6;

function content(message, inThread) {
  const body = message.blocks.length ? blocksOf(message.blocks, surfaceOf(message, inThread)) : [h("div", { class: "text" }, rich(message.text))];
  const edited = message.edits > 0 && !message.app && h("span", { class: "quiet" }, " (edited)");
  const files = message.files.map((one) => h("p", { class: "file" }, drawn("file"), " ", one.name, h("span", { class: "quiet" }, ` ${sizeOf(one.size)}`)));
  return h("div", { class: "content" }, body, files, edited);
}

/** The surface that a message is for the elements on it. */
function surfaceOf(message, inThread) {
  const where = { channel: message.channel, ts: message.ts };
  return {
    state: (element, block) => message.values?.[block.block_id]?.[element.action_id],
    press: (element) => {
      pressedIn.set(message.ts, inThread ? looking.thread : null);
      return act("press", { ...where, action_id: element.action_id, value: element.value ?? null });
    },
    choose: async (element, block, value) => {
      const outcome = await act("enter", { ...where, block_id: block.block_id, action_id: element.action_id, value: value ?? null });
      note(outcome);
      return outcome;
    },
    suggest: async (element, block, query) => suggested(await ask("suggest", { ...where, block_id: block.block_id, action_id: element.action_id, query })),
  };
}

function threadLink(message, replies) {
  if (!replies.length) return null;
  const words = replies.length === 1 ? "1 reply" : `${replies.length} replies`;
  const fresh = replies.at(-1).ts > (looking.threadsRead?.get(message.ts) ?? "0");
  const open = () => openThread(message.ts);
  return h("button", { type: "button", class: `replies ${fresh ? "fresh" : ""}`, "data-focus": "replies", onclick: open }, words, h("span", { class: "quiet" }, ` last at ${clock(replies.at(-1).ts)}`));
}

export function openThread(ts) {
  const root = seen.get(`message/${looking.channel}/${ts}`);
  look({ thread: root?.thread ?? ts, pane: "thread" });
  toNewest("replies");
  byId("thread-composer").querySelector("textarea")?.focus();
}

/** Whoever was in the thread goes on at its message in the channel. */
export function closeThread() {
  const root = looking.thread;
  const left = [byId("thread"), document.body].some((one) => one === document.activeElement || (one !== document.body && one.contains(document.activeElement)));
  look({ thread: null, pane: "channel" });
  if (!left) return;
  const message = byId("messages").querySelector(`.message[data-ts="${root}"]`);
  (message?.querySelector(".replies") ?? message ?? byId("messages")).focus({ preventScroll: true });
}

function more(message, inThread) {
  if (message.mine) return null;
  const button = h("button", { type: "button", class: "bare more", "aria-haspopup": "menu", "aria-label": "More actions", "data-focus": "more" }, "⋯");
  const reply = { label: "Reply in thread", act: () => openThread(message.ts) };
  const shortcuts = face()
    .shortcuts.filter((one) => one.type === "message")
    .map((one) => ({ label: one.name, told: face().app, act: async () => note(await act("message_shortcut", { channel: message.channel, ts: message.ts, callback_id: one.callback_id })) }));
  const edit = message.user === me() && { label: "Edit message", act: () => editing(message, button.closest(".message")) };
  button.addEventListener("click", () => showMenu(button, [!inThread && reply, edit, ...shortcuts].filter(Boolean)));
  return button;
}

function editing(message, place) {
  const text = message.text.replace(/<@(\w+)(?:\|[^>]*)?>/g, (whole, id) => `@${person(id)?.name ?? id}`);
  const field = h("textarea", { rows: 2, value: text, "aria-label": "Edit message" });
  const back = () => place.replaceWith(messageOf(message, { replies: [] }));
  field.addEventListener("keydown", async (event) => {
    if (event.key === "Escape") back();
    if (event.key !== "Enter" || event.shiftKey) return;
    event.preventDefault();
    note(await act("edit", { channel: message.channel, ts: message.ts, text: field.value }));
  });
  fill(place.querySelector(".content"), field, h("p", { class: "hint" }, "Enter saves, Esc leaves it as it was"));
  field.focus();
}
