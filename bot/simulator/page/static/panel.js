// Behind the scenes: things to try, the cloud, its calls, what may go wrong, and who may do what.

import { behind } from "./acts.js";
import { drawCalls, drawCloud } from "./cloud.js";
import { byId, fill, h } from "./dom.js";
import { drawRights } from "./rights.js";
import { become } from "./sidebar.js";
import { face, person, seen } from "./store.js";
import { drawTrail } from "./trail.js";
import { drawTrouble } from "./trouble.js";
import { look, looking } from "./view_state.js";

const TABS = [
  ["try", "Try", drawTry],
  ["cloud", "Cloud", drawCloud],
  ["calls", "Calls", drawCalls],
  ["trouble", "Trouble", drawTrouble],
  ["rights", "Rights", drawRights],
  ["trail", "Trail", drawTrail],
];
let drawnTab = null;

export function drawPanel() {
  const place = byId("panel");
  if (!place.firstChild) {
    fill(place, h("div", { role: "tablist", "aria-label": "Behind the scenes", onkeydown: arrow }), h("div", { id: "tab-body", role: "tabpanel", tabindex: "0" }));
  }
  const tab = ([name, label]) =>
    h("button", { type: "button", role: "tab", id: `tab-${name}`, "aria-controls": "tab-body", "aria-selected": String(looking.tab === name), tabindex: looking.tab === name ? "0" : "-1", onclick: () => look({ tab: name }) }, label);
  if (drawnTab !== looking.tab) {
    const focused = place.firstChild.contains(document.activeElement);
    fill(place.firstChild, TABS.map(tab));
    fill(byId("tab-body"));
    byId("tab-body").setAttribute("aria-labelledby", `tab-${looking.tab}`);
    if (focused) byId(`tab-${looking.tab}`).focus();
    drawnTab = looking.tab;
  }
  TABS.find(([name]) => name === looking.tab)[2](byId("tab-body"));
}

function arrow(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const at = TABS.findIndex(([name]) => name === looking.tab);
  look({ tab: TABS.at((at + step) % TABS.length)[0] });
}

function drawTry(place) {
  if (place.firstChild) return;
  const { told, things } = face();
  const what = "This is a rehearsal. The workspace beside this and the cloud behind it are simulated; the bot between them is the real one.";
  const thing = (one, number) => {
    const said = h("p", { class: "hint", role: "status" });
    const button = h("button", { type: "button", class: "button primary", "data-try": number }, one.title);
    button.addEventListener("click", () => tried(button, said, one, number));
    return h("li", {}, h("p", {}, one.told, h("span", { class: "quiet" }, ` As ${person(one.user)?.real_name}.`)), button, said);
  };
  fill(
    place,
    h("p", { class: "hint" }, what),
    told && h("p", { class: "lead story" }, told),
    things.length > 0 && [h("h3", {}, "Things to try, each one press"), h("ol", { class: "things" }, things.map(thing))],
    h("h3", {}, "Or your own"),
    h("p", {}, "Write ", h("code", {}, face().command), " in the channel for a form, or ", h("code", {}, `${face().command} help`), ". Be somebody else at the top left. Let things go wrong under ", h("em", {}, "Trouble"), ". ", h("em", {}, "Cloud"), " and ", h("em", {}, "Calls"), " show what the bot really does, ", h("em", {}, "Rights"), " who may, and ", h("em", {}, "Trail"), " what it writes down for an auditor."),
  );
}

async function tried(button, said, one, number) {
  button.setAttribute("aria-busy", "true");
  button.disabled = true;
  fill(said, "Watch the channel…");
  look({ pane: "channel" });
  become(one.user, one.channel);
  const outcome = await behind("try", { number });
  button.disabled = false;
  button.removeAttribute("aria-busy");
  fill(said, outcome.ok ? (outcome.told ?? "Done. The channel tells the rest.") : outcome.error);
}

export const botWords = () => {
  const bot = seen.get("bot");
  return !bot.running ? "killed" : bot.connected ? "running" : "starting";
};
