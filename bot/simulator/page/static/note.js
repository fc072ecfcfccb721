// What the workspace says to a person about something that did not work.

import { byId, fill, h } from "./dom.js";
import { sign } from "./signs.js";

let waiting = 0;

/** Show why an act went wrong; one that went well takes away what was said before. */
export function note(outcome) {
  const place = byId("note");
  const hide = () => fill(place);
  clearTimeout(waiting);
  if (outcome.ok && !outcome.error) return hide();
  fill(place, h("p", {}, sign("eye"), " ", outcome.error ?? "That did not work."), h("button", { type: "button", class: "bare", "aria-label": "Dismiss", onclick: hide }, "×"));
  waiting = setTimeout(hide, 12_000);
  return undefined;
}
