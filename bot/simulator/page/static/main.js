// The page as a whole: what is drawn when, after a change of the workspace or of where the reader looks.

import { behind } from "./acts.js";
import { watchAnswers } from "./answers.js";
import { Composer, placeName } from "./composer.js";
import { byId, fill, h } from "./dom.js";
import { watchForms } from "./form.js";
import { drawHome, enterHome } from "./home.js";
import { closeMenu } from "./menu.js";
import { closeThread, drawChannel, drawThread, walk } from "./messages.js";
import { keepNewest, toNewest } from "./newest.js";
import { note } from "./note.js";
import { botWords, drawPanel } from "./panel.js";
import { sign } from "./signs.js";
import { HOME, drawSidebar, namedChannel } from "./sidebar.js";
import { channel, face, keep, kept, me, person, readAs, seen, watch } from "./store.js";
import { look, looking, onLook } from "./view_state.js";

const PANES = [
  ["sidebar", "☰", "Channels"],
  ["channel", sign("talk"), "Messages"],
  ["thread", "↳", "Thread"],
  ["panel", "☁", "Try and watch"],
];

let composer;
let threadComposer;

/** Where the list of people is behind another pane, the head says who one is, and leads there. */
function whoIAm() {
  const name = person(me())?.real_name ?? me();
  return h("button", { type: "button", class: "state as", title: "Be somebody else", "aria-label": `You are ${name}: be somebody else`, onclick: () => look({ pane: "sidebar" }) }, `as ${name}`);
}

function drawHead() {
  const here = channel(looking.channel);
  const isHome = looking.channel === HOME;
  const title = isHome ? `${face().app}: Home` : here && !here.direct ? `${here.private ? "" : "#"} ${here.name}`.trim() : face().app;
  const told = isHome ? "" : here?.archived ? "archived" : here?.shared ? "shared with another organisation" : here && !here.direct ? `${here.members} members` : "direct message";
  fill(byId("channel-head"), h("h2", { id: "channel-name" }, here?.private && !here.direct && !isHome && [sign("lock"), " "], title), h("span", { class: "quiet told" }, told), whoIAm(), h("button", { type: "button", class: `state ${botWords()}`, title: "Kill it or start it under Trouble", onclick: () => look({ tab: "trouble", pane: "panel", thread: null }) }, `bot ${botWords()}`));
  document.title = `${title} – snapshot-bot demo`;
}

/** A card of a bot that is down stands still, and says nothing of it. */
function drawDown() {
  const killed = botWords() === "killed";
  if (byId("down").hasChildNodes() === killed) return;
  const start = async () => note(await behind("bot", { do: "start" }));
  const told = "The bot is killed: nobody is answered, nothing more is ordered, and what stands in messages stands still. What the cloud has begun goes on.";
  fill(byId("down"), killed && [h("p", {}, told), h("button", { type: "button", class: "button", onclick: start }, "Start It")]);
}

function drawPlace() {
  drawHead();
  const isHome = looking.channel === HOME;
  if (isHome) return;
  byId("home").hidden = true;
  byId("messages").hidden = false;
  byId("composer").hidden = Boolean(channel(looking.channel)?.archived);
  composer.name(`Message ${placeName()}`, `Message, or ${face().command} …`);
  threadComposer.name("Reply…");
  drawChannel();
  drawThread();
}

function drawSwitcher() {
  const item = ([pane, mark, label]) =>
    h("button", { type: "button", "aria-current": looking.pane === pane ? "page" : undefined, hidden: pane === "thread" && !looking.thread, onclick: () => look({ pane }) }, h("span", { "aria-hidden": "true" }, mark), label);
  fill(byId("switcher"), PANES.map(item));
}

/** Where somebody who sees other channels begins. */
function settle(whole) {
  document.body.dataset.me = me();
  keep(me());
  if (!whole) return;
  const ids = seen.get("channels").map((one) => one.id);
  const wanted = namedChannel(looking.next) ?? (ids.includes(looking.channel) || looking.channel === HOME ? looking.channel : null);
  looking.next = null;
  look({ channel: wanted ?? namedChannel(face().channel) ?? ids[0], thread: null });
}

/** The conversation with the app gets an id of its own with the first message in it. */
function followDirectMessage() {
  const direct = seen.get("channels").find((one) => one.direct);
  if (direct && looking.channel === face().bot) look({ channel: direct.id });
}

function begin() {
  composer = new Composer(byId("composer"), { id: "message-box", thread: () => undefined });
  threadComposer = new Composer(byId("thread-composer"), { id: "reply-box", thread: () => looking.thread });
  watch((key) => key === "me" || key === "channels", (keys, whole) => keys.includes("me") && settle(whole));
  watch((key) => /^(message\/|channels|people|groups|team|face|me)/.test(key), () => {
    followDirectMessage();
    drawSidebar();
    drawPlace();
  });
  watch((key) => key === "bot", () => {
    drawHead();
    drawDown();
  });
  watch((key) => key === "home", () => looking.channel === HOME && drawHome());
  watch((key) => /^(bot|troubles|face|me|call|disk|server|snapshot|job)/.test(key), drawPanel);
  watchForms();
  watchAnswers();
  onLook((changes) => {
    closeMenu();
    drawSidebar();
    drawPlace();
    drawSwitcher();
    if (changes.tab) drawPanel();
    if (changes.channel === HOME) enterHome();
    if (changes.channel) toNewest("messages");
  });
  document.addEventListener("keydown", escape);
  for (const list of ["messages", "replies"]) {
    byId(list).addEventListener("keydown", walk);
    keepNewest(list);
  }
  readAs(new URLSearchParams(location.search).get("as") ?? kept());
}

/** Esc closes what was opened last, beside dialogs and menus, which do so themselves. */
function escape(event) {
  if (event.key === "Escape" && looking.thread && !document.querySelector("dialog[open]")) closeThread();
}

begin();
