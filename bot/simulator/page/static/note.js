// What the workspace says to a person about something that did not work.

import { byId, fill, h } from "./dom.js";
import { sign } from "./signs.js";
import { seen } from "./store.js";

const SHOWN_MS = 12_000;
const DOWN = "The bot is killed, so nothing came of it: start it, and do it again.";
let waiting = 0;

const show = (...told) => {
  const place = byId("note");
  clearTimeout(waiting);
  fill(place, ...told, h("button", { type: "button", class: "bare", "aria-label": "Dismiss", onclick: () => fill(place) }, "×"));
  waiting = setTimeout(() => fill(place), SHOWN_MS);
};

/** Say something with a button that leads on. */
export function lead(told, label, act) {
  const go = () => {
    fill(byId("note"));
    act();
  };
  show(h("p", {}, told), h("button", { type: "button", class: "button", onclick: go }, label));
}

/** Show why an act went wrong; one that went well takes away what was said before. */
export function note(outcome) {
  if (outcome.ok && !outcome.error) return fill(byId("note"));
  show(h("p", {}, sign("eye"), " ", outcome.error ?? "That did not work.", !seen.get("bot").running && h("span", {}, h("br"), DOWN)));
  return undefined;
}
