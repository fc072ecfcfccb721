// What may go wrong, at the press of a switch; and the bot itself, killed and started again.

import { behind } from "./acts.js";
import { announce, fill, h, reconcile } from "./dom.js";
import { note } from "./note.js";
import { seen } from "./store.js";
import { botWords } from "./panel.js";

export function drawTrouble(place) {
  const bot = seen.get("bot");
  const words = botWords();
  const entries = [
    { key: "bot", sign: words, make: () => botSwitch(words) },
    { key: "head", sign: "", make: () => h("h3", {}, "What may go wrong") },
    ...seen.get("troubles").map((one) => ({ key: one.id, sign: `${one.on} ${one.waits}`, make: () => troubleRow(one) })),
    { key: "log", sign: String(bot.lines.length) + bot.lines.at(-1), make: () => log(bot.lines) },
  ];
  reconcile(place, entries);
}

function botSwitch(words) {
  const up = words !== "killed";
  const button = h("button", { type: "button", class: `button ${up ? "danger" : "primary"}`, id: "bot-switch", "data-focus": "bot" }, up ? "Kill the bot" : "Start the bot");
  button.addEventListener("click", async () => {
    button.setAttribute("aria-busy", "true");
    const outcome = await behind("bot", { do: up ? "kill" : "start" });
    button.removeAttribute("aria-busy");
    note(outcome);
    announce(`The bot is ${up ? "killed" : "started"}.`);
  });
  const told = up ? "Kill it as a power cut would, at any moment." : "It takes up what it had recorded.";
  return h("section", { class: "bot" }, h("p", {}, h("strong", {}, "The bot is "), h("span", { class: `state ${words}` }, words)), button, h("p", { class: "hint" }, told));
}

function troubleRow(one) {
  const press = async () => note(await behind("trouble", { trouble: one.id, on: !one.on }));
  const control = one.switch
    ? h("button", { type: "button", role: "switch", class: "switch", "aria-checked": String(one.on), "aria-label": one.label, "data-focus": one.id, "data-trouble": one.id, onclick: press })
    : h("button", { type: "button", class: "button", "data-focus": one.id, "data-trouble": one.id, "aria-label": one.label, onclick: press }, "Now");
  return h("div", { class: "trouble" }, h("div", {}, h("strong", {}, one.label), h("p", { class: "hint" }, one.told), one.waits && h("p", { class: "waits", role: "status" }, "Armed: it strikes as soon as the bot does that.")), control);
}

function log(lines) {
  const made = h("pre", { class: "log", tabindex: "0", "aria-label": "The bot's log" });
  fill(made, lines.slice(-25).join("\n"));
  return h("section", {}, h("h3", {}, "The bot's log"), made);
}
