// Slack's mrkdwn as elements. Source: docs.slack.dev, messaging/formatting-message-text.

import { h } from "./dom.js";
import { channel, face, group, person } from "./store.js";
import { look } from "./view_state.js";

const PIECES = new RegExp(
  [
    "```([\\s\\S]+?)```", // 1: a block of code
    "`([^`\\n]+)`", // 2: code
    "<([^<>\\n]+)>", // 3: a mention, a link, a date
    "(?<![\\w*])\\*(\\S(?:[^*\\n]*?\\S)?)\\*(?![\\w*])", // 4: bold
    "(?<![\\w_])_(\\S(?:[^_\\n]*?\\S)?)_(?![\\w_])", // 5: italic
    "(?<![\\w~])~(\\S(?:[^~\\n]*?\\S)?)~(?![\\w~])", // 6: struck out
    ":([a-z0-9_+-]+):", // 7: emoji
  ].join("|"),
  "g",
);
const SIGNS = { "&lt;": "<", "&gt;": ">", "&amp;": "&" };

export const decoded = (text) => text.replace(/&(lt|gt|amp);/g, (sign) => SIGNS[sign]);

/** The elements of a text object, or of a message's text. */
export function rich(text) {
  const found = [];
  let quoted = [];
  const lines = text.split("\n");
  const flush = () => {
    if (quoted.length) found.push(h("blockquote", {}, inline(quoted.join("\n"))));
    quoted = [];
  };
  let plain = [];
  for (const line of lines) {
    const quote = /^(?:>|&gt;) ?(.*)$/.exec(line);
    if (quote && plain.length) found.push(h("span", {}, inline(plain.join("\n")))) && (plain = []);
    if (!quote) flush();
    (quote ? quoted : plain).push(quote ? quote[1] : line);
  }
  flush();
  if (plain.length) found.push(...inline(plain.join("\n")));
  return found;
}

function inline(text) {
  const found = [];
  let at = 0;
  for (const piece of text.matchAll(PIECES)) {
    if (piece.index > at) found.push(decoded(text.slice(at, piece.index)));
    found.push(pieceOf(piece));
    at = piece.index + piece[0].length;
    // A block of code is a line of its own already.
    if (piece[1] !== undefined && text[at] === "\n") at += 1;
  }
  if (at < text.length) found.push(decoded(text.slice(at)));
  return found;
}

// What is longer may be wider than a phone.
const WHOLE = 30;

export const wholeIfShort = (text) => (text.length > WHOLE ? {} : { class: "whole" });

function pieceOf([whole, pre, code, entity, bold, italic, struck, short]) {
  if (pre !== undefined) return h("pre", {}, decoded(pre.replace(/^\n/, "")));
  if (code !== undefined) return h("code", wholeIfShort(decoded(code)), decoded(code));
  if (entity !== undefined) return entityOf(entity);
  if (bold !== undefined) return h("strong", {}, inline(bold));
  if (italic !== undefined) return h("em", {}, inline(italic));
  if (struck !== undefined) return h("s", {}, inline(struck));
  return emoji(short, whole);
}

export function emoji(short, whole = `:${short}:`) {
  const sign = face()?.emoji?.[short];
  return sign ? h("span", { class: "emoji", role: "img", "aria-label": short.replaceAll("_", " ") }, sign) : whole;
}

/** Plain text with its emoji, which Slack shows in labels too. */
export function plain(object) {
  if (!object) return [];
  if (object.type === "mrkdwn") return rich(object.text);
  const parts = object.text.split(/(:[a-z0-9_+-]+:)/);
  return parts.map((part) => (/^:.+:$/.test(part) ? emoji(part.slice(1, -1), part) : part));
}

function entityOf(inside) {
  const [target, label = ""] = split(inside);
  if (target.startsWith("@")) return mention(`@${person(target.slice(1))?.name ?? (label || target.slice(1))}`, target.slice(1));
  if (target.startsWith("#")) return mention(`#${channel(target.slice(1))?.name ?? (label || "a channel")}`);
  if (target.startsWith("!subteam^")) return mention(`@${group(target.slice(9))?.handle ?? label}`);
  if (target.startsWith("!date^")) return dateOf(target, label);
  if (/^!(channel|here|everyone)$/.test(target)) return h("span", { class: "mention loud" }, `@${target.slice(1)}`);
  return link(decoded(target), label ? decoded(label) : decoded(target));
}

function split(inside) {
  const bar = inside.indexOf("|");
  return bar < 0 ? [inside] : [inside.slice(0, bar), inside.slice(bar + 1)];
}

const mention = (text, id) => h("span", { class: id && id === document.body.dataset.me ? "mention mine" : "mention" }, text);

/** Only what a browser may follow becomes a link. */
export function link(address, label) {
  const here = PERMALINK.exec(address);
  if (here && channel(here[1])) return h("a", { href: "#", onclick: (event) => follow(event, here) }, label);
  if (!/^(https?:|mailto:)/i.test(address)) return label;
  return h("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, label);
}

const PERMALINK = /\/archives\/([A-Z0-9]+)\/p(\d{10})(\d{6})(?:\?thread_ts=([\d.]+))?/;

/** A link to a message of this workspace leads there. */
function follow(event, [, place, seconds, rest, thread]) {
  event.preventDefault();
  const ts = `${seconds}.${rest}`;
  look({ channel: place, thread: thread ?? null, pane: thread ? "thread" : "channel" });
  const message = document.querySelector(`.message[data-ts="${ts}"]`);
  message?.scrollIntoView({ block: "center" });
  message?.classList.add("found");
}

function dateOf(target, fallback) {
  const [, seconds, format, address] = target.split("^");
  if (!/^\d+$/.test(seconds)) return fallback;
  const moment = new Date(Number(seconds) * 1000);
  const shown = (format ?? "").replace(/\{(\w+)\}/g, (whole, token) => DATES[token]?.(moment) ?? whole);
  const time = h("time", { datetime: moment.toISOString(), title: moment.toLocaleString() }, shown);
  return address ? link(address, shown) : time;
}

const day = (options) => (moment) => moment.toLocaleDateString(undefined, options);
const short = (moment) => {
  const days = Math.round((new Date(moment).setHours(0, 0, 0, 0) - new Date().setHours(0, 0, 0, 0)) / 86_400_000);
  return { 0: "today", "-1": "yesterday", 1: "tomorrow" }[days] ?? day({ month: "short", day: "numeric", year: "numeric" })(moment);
};
const DATES = {
  date_num: (moment) => moment.toISOString().slice(0, 10),
  date: day({ month: "long", day: "numeric", year: "numeric" }),
  date_short: day({ month: "short", day: "numeric", year: "numeric" }),
  date_long: day({ weekday: "long", month: "long", day: "numeric", year: "numeric" }),
  date_pretty: short,
  date_short_pretty: short,
  date_long_pretty: short,
  time: (moment) => moment.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hour12: false }),
  time_secs: (moment) => moment.toLocaleTimeString(undefined, { hour12: false }),
  ago: (moment) => moment.toLocaleString(),
};

export const clock = (ts) => DATES.time(new Date(Number(ts) * 1000));
export const dayOf = (ts) => short(new Date(Number(ts) * 1000));
