// What the workspace says to a person about something that did not work.

import { byId, fill, h } from "./dom.js";

let waiting = 0;

/** Show why an act went wrong; an act that went well shows nothing. */
export function note(outcome) {
  if (!outcome || (outcome.ok && !outcome.error)) return;
  clearTimeout(waiting);
  const place = byId("note");
  const hide = () => fill(place);
  fill(place, h("p", {}, "👁 ", outcome.error ?? "That did not work."), h("button", { type: "button", class: "bare", "aria-label": "Dismiss", onclick: hide }, "×"));
  waiting = setTimeout(hide, 12_000);
}
