// The app's Home: blocks as in a modal, drawn anew when the app publishes them anew.

import { act, ask } from "./acts.js";
import { blocksOf } from "./blocks.js";
import { byId, fill, h } from "./dom.js";
import { suggested } from "./form.js";
import { note } from "./note.js";
import { seen } from "./store.js";

const at = (element, block) => ({ block_id: block.block_id, action_id: element.action_id, home: true });

/** The surface that Home is for its elements. */
const surface = {
  state: (element, block) => seen.get("home")?.state.values[block.block_id]?.[element.action_id],
  press: (element) => act("press_in_view", { action_id: element.action_id, value: element.value ?? null, home: true }),
  choose: async (element, block, value) => {
    const outcome = await act("type", { ...at(element, block), value: value ?? null });
    note(outcome);
    return outcome;
  },
  suggest: async (element, block, query) => suggested(await ask("suggest", { ...at(element, block), query })),
};

/** Home is asked for anew each time it is entered, as in the workspace itself. */
export async function enterHome() {
  byId("home").hidden = false;
  byId("messages").hidden = true;
  byId("composer").hidden = true;
  drawHome();
  await act("open_home");
}

/** What was entered here is there already; only what the app changed is drawn, and the keyboard stays where it was. */
export function drawHome() {
  const home = seen.get("home");
  const place = byId("home");
  const sign = home ? `${home.id} ${home.hash}` : "nothing";
  if (place.dataset.sign === sign) return;
  const focused = place.contains(document.activeElement) ? document.activeElement.dataset.focus : undefined;
  place.dataset.sign = sign;
  fill(place, home ? blocksOf(home.blocks, surface) : h("p", { class: "quiet" }, "The app shows nothing here yet."));
  if (focused !== undefined) [...place.querySelectorAll("[data-focus]")].find((one) => one.dataset.focus === focused)?.focus();
}
