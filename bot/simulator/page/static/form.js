// A modal: what the app asks a person. Typed values stay while the app changes the form around them.

import { act, ask } from "./acts.js";
import { expectAnswer, unexpected } from "./answers.js";
import { blocksOf } from "./blocks.js";
import { byId, fill, h } from "./dom.js";
import { asChoice } from "./elements.js";
import { seen, watch } from "./store.js";
import { plain } from "./text.js";

let dialog = null;
let openedIn = null;
let shownId = null;
let typed = new Map();
let sending = false;

const keyOf = (element, block) => `${block.block_id} ${element.action_id}`;

/** The surface that modals are for their elements. */
const surface = {
  state: (element, block) => seen.get("view")?.state.values[block.block_id]?.[element.action_id],
  error: (block) => seen.get("view")?.errors[block.block_id],
  typed: (element, block, value) => typed.set(keyOf(element, block), { element, block, value }),
  choose: (element, block, value) => {
    typed.delete(keyOf(element, block));
    return act("type", { block_id: block.block_id, action_id: element.action_id, value: value ?? null });
  },
  press: async (element) => {
    await flush();
    return act("press_in_view", { action_id: element.action_id, value: element.value ?? null });
  },
  suggest: async (element, block, query) => suggested(await ask("suggest", { block_id: block.block_id, action_id: element.action_id, query })),
};

export const suggested = (answer) => ({ options: (answer.options ?? []).map(asChoice), error: answer.ok ? null : answer.error });

/** Text that nobody has left yet is told before anything that it matters for. */
async function flush() {
  const waiting = [...typed.values()];
  typed = new Map();
  await Promise.all(waiting.map(({ element, block, value }) => act("type", { block_id: block.block_id, action_id: element.action_id, value })));
}

async function submit(event) {
  event.preventDefault();
  if (sending) return;
  sending = true;
  const button = dialog.querySelector(".submit");
  button.setAttribute("aria-busy", "true");
  await flush();
  expectAnswer();
  const outcome = await act("submit");
  if (!outcome.ok || Object.keys(outcome.errors ?? {}).length) unexpected();
  sending = false;
  button.removeAttribute("aria-busy");
  if (outcome.error) note(outcome.error);
}

function note(text) {
  const place = dialog?.querySelector(".modal-note");
  if (place) fill(place, text);
}

const close = (everything) => act("close", everything ? { everything } : {});

function draw(view) {
  const active = dialog?.contains(document.activeElement) ? document.activeElement : null;
  const [focused, searched] = [active?.dataset.focus, active?.getAttribute("role") === "combobox" ? active.value : ""];
  const scroll = dialog?.querySelector(".modal-body")?.scrollTop ?? 0;
  // A form that only says that it is being made has no field yet.
  const isNew = view.id !== shownId || !dialog?.querySelector(".modal-body [data-focus]");
  if (!dialog) dialog = emptyDialog();
  shownId = view.id;
  const submits = view.submit && h("button", { type: "submit", class: "button primary submit" }, plain(view.submit));
  const closes = h("button", { type: "button", class: "button", onclick: () => close(false) }, view.close ? plain(view.close) : "Close");
  const head = h("header", {}, h("h2", { id: "modal-title" }, plain(view.title)), h("button", { type: "button", class: "bare cross", "aria-label": "Close", onclick: () => close(true) }, "×"));
  const body = h("div", { class: "modal-body" }, blocksOf(view.blocks, surface));
  const form = h("form", { onsubmit: submit, novalidate: true }, head, body, h("p", { class: "modal-note error", role: "alert" }), h("footer", {}, closes, submits));
  fill(dialog, form);
  if (!isNew) body.scrollTop = scroll;
  const wrong = Object.keys(view.errors).length ? form.querySelector(".wrong input, .wrong textarea") : null;
  const before = [...form.querySelectorAll("[data-focus]")].find((one) => one.dataset.focus === focused);
  const first = form.querySelector(".modal-body [data-focus]");
  const chosen = wrong ?? before ?? (isNew ? first : null) ?? closes;
  if (chosen === first && !before) first.dataset.quietly = "";
  chosen.focus({ preventScroll: !wrong && !isNew });
  delete chosen.dataset.quietly;
  if (before && !wrong) searchOn(before, searched);
}

/** Whoever was looking for something goes on with it in the form that is drawn anew. */
function searchOn(field, searched) {
  if (!searched || field.value === searched) return;
  field.value = searched;
  field.dispatchEvent(new Event("input"));
}

function emptyDialog() {
  const made = h("dialog", { class: "modal", "aria-labelledby": "modal-title" });
  made.addEventListener("cancel", (event) => {
    event.preventDefault();
    close(false);
  });
  openedIn = document.activeElement?.closest(".message")?.dataset.ts;
  byId("app").append(made);
  made.showModal();
  return made;
}

/** What a person types and has not left yet must outlive a form that is drawn anew. */
function keepTyped(view) {
  for (const { element, block, value } of typed.values()) {
    const state = view.state.values[block.block_id]?.[element.action_id];
    if (state && "value" in state) state.value = value;
  }
}

function closed() {
  if (!dialog) return;
  dialog.close();
  dialog.remove();
  dialog = shownId = null;
  typed = new Map();
  // What was pressed may be drawn anew or gone.
  if (document.activeElement === document.body) (document.querySelector(`.message[data-ts="${openedIn}"]`) ?? byId("messages")).focus({ preventScroll: true });
}

export function watchForms() {
  watch(
    (key) => key === "view",
    () => {
      const view = seen.get("view");
      if (!view) {
        closed();
        return;
      }
      if (view.id !== shownId) typed = new Map();
      // The server says again what was just typed here: nothing to draw.
      const sign = JSON.stringify([view.id, view.hash, view.errors]);
      if (dialog && dialog.dataset.sign === sign) return;
      keepTyped(view);
      draw(view);
      dialog.dataset.sign = sign;
    },
  );
}
