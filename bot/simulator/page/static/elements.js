// The interactive elements of Block Kit. `on` is the surface they stand on: it knows what was entered, and hears changes.
// Source: docs.slack.dev, reference/block-kit/block-elements.

import { freshId, h } from "./dom.js";
import { pickedFiles } from "./files.js";
import { showMenu } from "./menu.js";
import { Picker } from "./picker.js";
import { sign } from "./signs.js";
import { me, seen } from "./store.js";
import { link, plain } from "./text.js";
import { confirmed } from "./confirm.js";

export function elementOf(element, block, on, label) {
  const make = ELEMENTS[element.type];
  return make ? make(element, block, on, label) : h("em", { class: "quiet" }, `(${element.type} is not shown here)`);
}

const spoken = (element, label) => label ?? element.placeholder?.text ?? element.type.replaceAll("_", " ");
const focusOf = (element, block) => `${block.block_id}/${element.action_id}/${element.value ?? ""}`;

function button(element, block, on) {
  const made = h(
    "button",
    {
      type: "button",
      class: `button ${element.style ?? ""}`,
      "aria-label": element.accessibility_label,
      "data-focus": focusOf(element, block),
      "data-action": element.action_id,
    },
    plain(element.text),
  );
  made.addEventListener("click", () => pressed(made, element, block, on));
  if (!element.url) return made;
  const address = link(element.url, "");
  made.append(" ↗");
  if (address instanceof HTMLElement) made.addEventListener("click", () => address.click());
  return made;
}

async function pressed(made, element, block, on) {
  if (made.getAttribute("aria-busy") || !(await confirmed(element.confirm))) return;
  made.setAttribute("aria-busy", "true");
  const outcome = await on.press(element, block);
  made.removeAttribute("aria-busy");
  made.querySelector(".warning")?.remove();
  if (!outcome.ok) made.append(h("span", { class: "warning", role: "img", "aria-label": "failed", title: outcome.error }, " ⚠"));
}

function overflow(element, block, on) {
  const choose = async (option) => (await confirmed(element.confirm)) && on.choose(element, block, option.value);
  const items = element.options.map((option) => ({ label: option.text.text, told: option.description?.text, act: () => choose(option) }));
  const made = h("button", { type: "button", class: "button", "aria-haspopup": "menu", "aria-label": "More" }, "⋯");
  made.addEventListener("click", () => showMenu(made, items));
  return made;
}

/** An option of a payload as the picker shows it. */
export const asChoice = (option) => ({ value: option.value, label: option.text.text, told: option.description?.text });

const allOptions = (holder) => [...(holder.options ?? []), ...(holder.option_groups ?? []).flatMap((one) => one.options)];

function among(choices) {
  return async (query) => {
    const wanted = query.trim().toLowerCase();
    return { options: choices().filter((one) => one.label.toLowerCase().includes(wanted)) };
  };
}

const people = () => seen.get("people").map((one) => ({ value: one.id, label: `@${one.name}`, told: one.real_name }));
const places = (kinds) => () =>
  seen
    .get("channels")
    .filter((one) => kinds(one))
    .map((one) => ({ value: one.id, label: one.direct ? "Direct message" : `#${one.name}` }));
const SOURCES = {
  static: (element) => among(() => allOptions(element).map(asChoice)),
  users: () => among(people),
  channels: () => among(places((one) => !one.direct && !one.private)),
  conversations: (element) => among(places((one) => fits(one, element.filter))),
};

function fits(one, filter) {
  if (!filter?.include) return true;
  const kind = one.direct ? "im" : one.private ? "private" : "public";
  return filter.include.includes(kind) && !(one.shared && filter.exclude_external_shared_channels);
}

/** What stands chosen in the state of an element, whichever sort of choice that is. */
function chosenOf(element, state, choices) {
  const [, value] = Object.entries(state ?? {}).find(([key]) => key.startsWith("selected_")) ?? [];
  const values = value === undefined || value === null ? [] : Array.isArray(value) ? value : [value];
  return values.map((one) => (typeof one === "object" ? asChoice(one) : (choices.find((other) => other.value === one) ?? { value: one, label: one })));
}

function select(element, block, on, label) {
  const many = element.type.startsWith("multi_");
  const kind = element.type.replace("multi_", "").replace("_select", "");
  const source = kind === "external" ? (query) => on.suggest(element, block, query) : SOURCES[kind](element);
  const named = kind === "external" || kind === "static" ? [] : [...people(), ...places(() => true)()];
  const picker = new Picker({
    source,
    many,
    most: element.max_selected_items ?? Infinity,
    least: kind === "external" ? (element.min_query_length ?? 3) : 0,
    chosen: chosenOf(element, on.state(element, block), named),
    placeholder: element.placeholder?.text ?? (many ? "Choose some" : "Choose one"),
    label: spoken(element, label),
    focus: focusOf(element, block),
    onChange: async (options) => {
      if (await confirmed(element.confirm)) on.choose(element, block, many ? options.map((one) => one.value) : options[0]?.value);
    },
  });
  return picker.node;
}

function boxes(element, block, on, label) {
  const many = element.type === "checkboxes";
  const name = freshId("box");
  const chosen = new Set(chosenOf(element, on.state(element, block), []).map((one) => one.value));
  const changed = (option, box) => {
    if (!many) chosen.clear();
    (box.checked ? chosen.add : chosen.delete).call(chosen, option.value);
    on.choose(element, block, many ? [...chosen] : option.value);
  };
  const row = (option, number) => {
    const focus = number === 0 ? focusOf(element, block) : undefined;
    const box = h("input", { type: many ? "checkbox" : "radio", name, checked: chosen.has(option.value), "data-focus": focus });
    box.addEventListener("change", () => changed(option, box));
    return h("label", { class: "box" }, box, h("span", {}, plain(option.text), option.description && h("small", {}, plain(option.description))));
  };
  return h("div", { role: many ? "group" : "radiogroup", "aria-label": spoken(element, label), class: "boxes" }, element.options.map(row));
}

/** A field for text. The workspace hears of it when the field is left; with `dispatch_action`, also at Enter. */
function field(kind, key, convert = (text) => text, show = (value) => value ?? "") {
  return (element, block, on, label) => {
    const long = element.multiline || element.type === "rich_text_input";
    const made = h(long ? "textarea" : "input", {
      type: long ? undefined : kind,
      rows: long ? 3 : undefined,
      inputmode: element.type === "number_input" ? "decimal" : undefined,
      value: show(on.state(element, block)?.[key]),
      placeholder: element.placeholder?.text,
      maxlength: element.max_length,
      "aria-label": label ? undefined : spoken(element),
      "data-focus": focusOf(element, block),
      autocomplete: "off",
    });
    const told = () => on.choose(element, block, made.value === "" ? null : convert(made.value));
    made.addEventListener("change", told);
    made.addEventListener("input", () => on.typed?.(element, block, made.value === "" ? null : convert(made.value)));
    return made;
  };
}

const richValue = (text) => ({ type: "rich_text", elements: [{ type: "rich_text_section", elements: [{ type: "text", text }] }] });
const local = (seconds) => (seconds ? new Date(seconds * 1000 - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 16) : "");

/** Nothing from elsewhere is loaded, so a picture is its description. */
export function picture(element) {
  return h("span", { class: "picture", role: "img", "aria-label": element.alt_text }, sign("picture"), " ", element.alt_text);
}

function icon(element, block, on) {
  if (element.visible_to_user_ids && !element.visible_to_user_ids.includes(me())) return h("span", { hidden: true });
  const made = button(element, block, on);
  if (element.icon === "trash") made.prepend(sign("trash"), " ");
  return made;
}

function feedback(element, block, on) {
  const one = (part) => button({ ...part, action_id: element.action_id }, block, on);
  return h("span", { class: "feedback" }, one(element.positive_button), one(element.negative_button));
}

const ELEMENTS = {
  button,
  workflow_button: button,
  overflow,
  checkboxes: boxes,
  radio_buttons: boxes,
  datepicker: field("date", "selected_date"),
  timepicker: field("time", "selected_time"),
  datetimepicker: field("datetime-local", "selected_date_time", (text) => Math.floor(new Date(text).getTime() / 1000), local),
  plain_text_input: field("text", "value"),
  email_text_input: field("email", "value"),
  url_text_input: field("url", "value"),
  // A number is checked by the workspace, whose words a person then reads; a number field would swallow letters.
  number_input: field("text", "value"),
  rich_text_input: field("text", "rich_text_value", richValue, (value) => (value ? "…" : "")),
  file_input: pickedFiles,
  feedback_buttons: feedback,
  icon_button: icon,
  image: picture,
};
for (const kind of ["static", "external", "users", "conversations", "channels"]) {
  ELEMENTS[`${kind}_select`] = select;
  ELEMENTS[`multi_${kind}_select`] = select;
}
