// Elements without markup: all text is set as text, so whatever anybody wrote stays what it is.

const EVENTS = /^on[a-z]+$/;
const AS_PROPERTY = new Set(["value", "checked", "disabled", "hidden", "open", "indeterminate"]);

/** An element with properties and children; strings become text, false and null nothing. */
export function h(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (EVENTS.test(name)) made.addEventListener(name.slice(2), value);
    else if (name === "class") made.className = value;
    else if (AS_PROPERTY.has(name)) made[name] = value;
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...flat(children));
  return made;
}

function flat(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

export function fill(place, ...children) {
  place.replaceChildren(...flat(children));
}

export const byId = (id) => document.getElementById(id);

let serial = 0;
/** An id that no other element has, for labels and what they name. */
export const freshId = (name) => `${name}-${(serial += 1)}`;

/** Tell a screen reader something that is only seen otherwise. */
export function announce(text) {
  byId("announcer").textContent = text;
}

/** Replace the children of a place by key, leaving alone whatever has not changed: focus and reading position stay. */
export function reconcile(place, entries) {
  const old = new Map([...place.children].map((child) => [child.dataset.key, child]));
  let after = null;
  for (const { key, sign, make } of entries) {
    let node = old.get(key);
    old.delete(key);
    if (!node || node.dataset.sign !== sign) {
      const made = make();
      made.dataset.key = key;
      made.dataset.sign = sign;
      if (node) made.classList.add("changed");
      if (node) replaceKeepingFocus(node, made);
      node = made;
    }
    const next = after ? after.nextElementSibling : place.firstElementChild;
    if (next !== node) place.insertBefore(node, next);
    after = node;
  }
  for (const node of old.values()) {
    const left = node.contains(document.activeElement);
    node.remove();
    if (left) place.focus({ preventScroll: true });
  }
}

/** A message may be edited while the keyboard is on one of its buttons. */
function replaceKeepingFocus(node, made) {
  const focused = node.contains(document.activeElement) ? (document.activeElement.dataset.focus ?? "") : undefined;
  node.replaceWith(made);
  if (focused === undefined) return;
  const again = [...made.querySelectorAll("[data-focus]")].find((one) => one.dataset.focus === focused);
  (again ?? made).focus({ preventScroll: true });
}

/** Whether a person moved the pointer: a browser also tells of one that rests where something new is drawn below it. */
export const moved = (event) => event.movementX !== 0 || event.movementY !== 0;
