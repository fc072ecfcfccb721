// Block Kit's layout blocks as elements. `on` is the surface: see elements.js.
// Source: docs.slack.dev, reference/block-kit/blocks.

import { freshId, h } from "./dom.js";
import { elementOf, picture } from "./elements.js";
import { richText } from "./rich_text.js";
import { dataTable, table } from "./tables.js";
import { link, plain, rich } from "./text.js";

export const blocksOf = (blocks, on) => blocks.map((block) => blockOf(block, on));

function blockOf(block, on) {
  const make = BLOCKS[block.type];
  const made = make ? make(block, on) : h("p", { class: "quiet" }, `(a block of the type ${block.type})`);
  made.classList.add("block", `block-${block.type}`);
  return made;
}

function section(block, on) {
  const text = block.text && h("div", { class: "text" }, plain(block.text));
  const fields = block.fields && h("div", { class: "fields" }, block.fields.map((one) => h("div", { class: "text" }, plain(one))));
  const accessory = block.accessory && h("div", { class: "accessory" }, elementOf(block.accessory, block, on));
  return h("div", {}, h("div", { class: "section-main" }, text, fields), accessory);
}

function context(block) {
  const part = (one) => (one.type === "image" ? picture(one) : h("span", { class: "text" }, plain(one)));
  return h("div", {}, block.elements.map(part));
}

function input(block, on) {
  const label = freshId("label");
  const error = on.error?.(block);
  const made = elementOf(block.element, block, on, block.label.text);
  const ids = [block.hint && `${label}-hint`, error && `${label}-error`].filter(Boolean).join(" ");
  for (const one of made.matches("input, textarea") ? [made] : made.querySelectorAll("input, textarea")) {
    if (ids) one.setAttribute("aria-describedby", ids);
    if (!block.optional) one.setAttribute("aria-required", "true");
    if (error) one.setAttribute("aria-invalid", "true");
    if (one.matches("textarea, input:not([type=checkbox]):not([type=radio])")) one.id = label;
  }
  return h(
    "div",
    { class: error ? "wrong" : "" },
    h("label", { for: label, class: "label" }, plain(block.label), block.optional && h("span", { class: "quiet" }, " (optional)")),
    made,
    error && h("p", { id: `${label}-error`, class: "error", role: "alert" }, error),
    block.hint && h("p", { id: `${label}-hint`, class: "hint" }, plain(block.hint)),
  );
}

function card(block, on) {
  const part = (name, text) => text && h("div", { class: name }, plain(text));
  const buttons = block.actions?.length && h("div", { class: "row" }, block.actions.map((one) => elementOf(one, block, on)));
  return h("article", {}, block.hero_image && picture(block.hero_image), block.icon && picture(block.icon), part("card-title", block.title), part("quiet", block.subtitle), part("text", block.body), buttons);
}

const STATUS = { pending: "○", in_progress: "◐", complete: "✓", error: "✕" };

function task(block) {
  const told = [block.details, block.output].filter(Boolean).map((one) => h("div", { class: "text" }, richText(one)));
  const sign = h("span", { class: `task-sign ${block.status ?? "pending"}`, role: "img", "aria-label": (block.status ?? "pending").replace("_", " ") }, STATUS[block.status] ?? "○");
  const sources = (block.sources ?? []).map((one) => h("div", { class: "text" }, link(one.url, one.text)));
  return h("div", { class: "task" }, sign, h("div", {}, !block.hide_title && h("strong", {}, plain(asText(block.title))), told, sources));
}

/** Groups blocks under a title; one that can be folded is opened and closed by its title. */
function container(block, on) {
  const title = block.rich_text_title ? richText(block.rich_text_title) : plain(block.title);
  const head = [block.icon && picture(block.icon), h("strong", {}, title), block.subtitle && h("div", { class: "quiet" }, plain(block.subtitle))];
  const inner = blocksOf(block.child_blocks ?? [], on);
  if (!block.is_collapsible) return h("section", { class: block.has_header_divider ? "divided" : "" }, h("header", {}, head), inner);
  return h("details", { open: !block.default_collapsed }, h("summary", {}, head), inner);
}

function video(block) {
  const by = [block.author_name, block.provider_name].filter(Boolean).join(", ");
  const title = block.title_url ? link(block.title_url, block.title.text) : plain(block.title);
  return h("figure", {}, h("figcaption", {}, title), block.description && h("p", { class: "quiet" }, plain(block.description)), picture(block), by && h("p", { class: "quiet" }, by));
}

const asText = (value) => (typeof value === "string" ? { type: "plain_text", text: value } : value);

const BLOCKS = {
  section,
  context,
  input,
  card,
  task_card: task,
  header: (block) => h(`h${Math.min(6, 2 + (block.level ?? 1))}`, {}, plain(block.text)),
  divider: () => h("hr"),
  actions: (block, on) => h("div", {}, block.elements.map((one) => elementOf(one, block, on))),
  context_actions: (block, on) => h("div", {}, block.elements.map((one) => elementOf(one, block, on))),
  image: (block) => h("figure", {}, block.title && h("figcaption", {}, plain(block.title)), picture(block)),
  video,
  markdown: (block) => h("div", { class: "text" }, rich(block.text)),
  rich_text: (block) => h("div", { class: "text" }, richText(block)),
  table: (block) => table(block),
  data_table: (block) => dataTable(block),
  alert: (block) => h("div", { class: `alert ${block.level ?? "default"}`, role: "note" }, plain(block.text)),
  carousel: (block, on) => h("div", {}, (block.elements ?? block.cards ?? []).map((one) => blockOf(one, on))),
  container,
  plan: (block) => h("div", {}, h("strong", {}, plain(asText(block.title))), (block.tasks ?? []).map(task)),
};
