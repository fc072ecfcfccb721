// A menu below a button: arrow keys, Home and End, Esc closes and gives the focus back.

import { h } from "./dom.js";

let open = null;

export function closeMenu() {
  open?.close();
}

/** Show a menu of { label, told?, act, danger? } under a button. */
export function showMenu(button, items) {
  const again = open?.button === button;
  closeMenu();
  if (again) return;
  const menu = h("div", { class: "menu", role: "menu" }, items.map(entry));
  // Inside of a dialog everything else is inert: the menu has to be there as well.
  const place = button.closest("dialog") ?? document.body;
  place.append(menu);
  set(menu, button);
  button.setAttribute("aria-expanded", "true");
  const close = (back = true) => {
    menu.remove();
    button.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside, true);
    open = null;
    if (back) button.focus();
  };
  const outside = (event) => !menu.contains(event.target) && event.target !== button && close(false);
  document.addEventListener("pointerdown", outside, true);
  menu.addEventListener("keydown", (event) => move(event, menu, close));
  open = { button, close };
  menu.firstElementChild?.focus();
}

function entry({ label, told, act, danger }) {
  const chosen = () => {
    closeMenu();
    act();
  };
  const kind = danger ? "danger" : "";
  return h("button", { type: "button", role: "menuitem", class: kind, tabindex: "-1", onclick: chosen }, label, told && h("small", {}, told));
}

function move(event, menu, close) {
  const items = [...menu.children];
  const at = items.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
  if (to !== undefined) items.at(to % items.length).focus();
  else if (event.key === "Escape" || event.key === "Tab") close();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function set(menu, button) {
  const place = button.getBoundingClientRect();
  const width = menu.offsetWidth;
  const height = menu.offsetHeight;
  const below = place.bottom + height + 8 < window.innerHeight;
  menu.style.left = `${Math.max(8, Math.min(place.left, window.innerWidth - width - 8))}px`;
  menu.style.top = `${Math.max(8, below ? place.bottom + 4 : place.top - height - 4)}px`;
}
