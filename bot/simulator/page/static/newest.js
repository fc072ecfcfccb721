// The end of a list of messages stays in sight for whoever is there; whoever reads further up is told of what is new.

import { byId } from "./dom.js";

const NEAR = 80;
const lists = new Map();

/** Begin to watch a list; its button, named after it, leads to its end. */
export function keepNewest(id) {
  const place = byId(id);
  const list = { place, atEnd: true, top: 0, what: null, button: byId(`${id}-newer`) };
  lists.set(id, list);
  place.addEventListener("scroll", () => scrolled(list));
  // A box that grows below, a note above and the way back from another pane change its height, and scroll nothing.
  new ResizeObserver(() => list.atEnd && toNewest(id)).observe(place);
  list.button.addEventListener("click", () => {
    toNewest(id);
    place.focus();
  });
}

function scrolled(list) {
  const { place } = list;
  // Where it was put by the page itself it is still, though what stands around it may have grown since.
  if (!place.clientHeight || place.scrollTop === list.top) return;
  list.top = place.scrollTop;
  list.atEnd = place.scrollHeight - place.scrollTop - place.clientHeight < NEAR;
  if (list.atEnd) list.button.hidden = true;
}

export function toNewest(id) {
  const list = lists.get(id);
  list.atEnd = true;
  list.button.hidden = true;
  list.place.scrollTop = list.place.scrollHeight;
  list.top = list.place.scrollTop;
}

/** Draw a list. `what` names what it shows: something else than before is shown from its end. */
export function drawnAtEnd(id, what, draw) {
  const list = lists.get(id);
  const before = list.place.lastElementChild?.dataset.key ?? "";
  // The event of a scroll comes with the next picture only, which may be after the message.
  if (list.place.scrollTop !== list.top) scrolled(list);
  draw();
  const isNew = (list.place.lastElementChild?.dataset.key ?? "") > before;
  if (list.atEnd || list.what !== what) toNewest(id);
  else if (isNew) list.button.hidden = false;
  list.what = what;
}
