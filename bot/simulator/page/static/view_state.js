// Which channel, thread and pane this reader looks at, and up to where each person has read.

import { messagesOf, me } from "./store.js";

export const looking = { channel: null, thread: null, pane: "channel", tab: "try" };
const followers = [];
const readUpTo = new Map();

export function onLook(then) {
  followers.push(then);
}

/** Look somewhere else. */
export function look(changes) {
  Object.assign(looking, changes);
  document.getElementById("app").dataset.pane = looking.pane;
  for (const then of followers) then(changes);
}

const markOf = (channel) => `${me()}/${channel}`;

/** All that stands there now counts as read. */
export function markRead(channel) {
  const latest = messagesOf(channel).at(-1)?.ts ?? "0";
  readUpTo.set(markOf(channel), latest);
}

/** How many messages of others came since this person last looked. */
export function unread(channel) {
  const mark = readUpTo.get(markOf(channel));
  if (mark === undefined) return markRead(channel) ?? 0;
  return messagesOf(channel).filter((one) => one.ts > mark && one.user !== me()).length;
}
