// A field that offers choices while one types: all selects are made of it. Pattern: combobox with a listbox (WAI-ARIA).

import { freshId, h, moved } from "./dom.js";

const TYPING_MS = 120;

/**
 * `source(query)` answers { options: [{ value, label, told }], error }. `chosen`: those options at the beginning.
 * `onChange(options)` hears each choice; `many`: more than one may be chosen, at most `most`.
 */
export class Picker {
  constructor({ source, chosen = [], many = false, most = Infinity, placeholder = "", label, least = 0, focus, onChange }) {
    Object.assign(this, { source, many, most, least, onChange, chosen: [...chosen], options: [], at: -1, asked: 0 });
    const list = freshId("options");
    this.list = h("div", { id: list, role: "listbox", class: "options", hidden: true, "aria-multiselectable": many || undefined });
    this.input = h("input", {
      type: "text",
      role: "combobox",
      autocomplete: "off",
      spellcheck: "false",
      "aria-controls": list,
      "aria-expanded": "false",
      "aria-autocomplete": "list",
      "aria-label": label,
      "data-focus": focus,
      placeholder,
      oninput: () => this.typed(),
      onfocus: () => this.focused(),
      onclick: () => this.show(),
      onblur: () => setTimeout(() => this.hide(), 120),
      onkeydown: (event) => this.key(event),
    });
    this.chips = h("span", { class: "chips" });
    this.node = h("div", { class: many ? "picker many" : "picker" }, h("div", { class: "picker-box" }, this.chips, this.input), this.list);
    this.placeholder = placeholder;
    this.draw();
  }

  draw() {
    if (this.many) {
      this.chips.replaceChildren(...this.chosen.map((option) => this.chip(option)));
    } else {
      this.input.value = this.chosen[0]?.label ?? "";
    }
    this.input.placeholder = this.many && this.chosen.length ? "" : this.placeholder;
  }

  chip(option) {
    const remove = () => this.take(this.chosen.filter((one) => one.value !== option.value));
    const cross = h("button", { type: "button", "aria-label": `Remove ${option.label}`, onclick: remove }, "×");
    return h("span", { class: "chip" }, option.label, cross);
  }

  typed() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.load(this.input.value), TYPING_MS);
  }

  /** A form that opens hands over the keyboard, and covers nothing by a list that nobody asked for. */
  focused() {
    if (!("quietly" in this.input.dataset)) this.show();
    else if (!this.many) this.input.select();
  }

  show() {
    if (!this.list.hidden) return;
    if (!this.many) this.input.select();
    this.load(this.many ? this.input.value : "");
  }

  async load(query) {
    const number = (this.asked += 1);
    this.open();
    if (query.length < this.least) return this.say(`Type at least ${this.least} characters`);
    this.say("Loading…", "loading");
    const { options, error } = await this.source(query);
    // An answer that is overtaken by what was typed since is of no use.
    if (number !== this.asked || this.list.hidden) return;
    if (error) return this.say(error, "error");
    const left = this.many ? options.filter((one) => !this.chosen.some((other) => other.value === one.value)) : options;
    this.offer(left);
  }

  offer(options) {
    this.options = options;
    if (!options.length) return this.say("Nothing found");
    this.list.replaceChildren(...options.map((option, index) => this.row(option, index)));
    this.point(0);
  }

  row(option, index) {
    const choose = (event) => {
      event.preventDefault();
      this.choose(index);
    };
    const text = [h("span", {}, option.label), option.told && h("small", {}, option.told)];
    const id = freshId("option");
    return h("div", { id, role: "option", "aria-selected": "false", onpointerdown: choose, onpointermove: (event) => moved(event) && this.at !== index && this.point(index) }, text);
  }

  say(text, kind = "") {
    this.options = [];
    this.at = -1;
    this.list.replaceChildren(h("p", { class: `hint ${kind}`, role: "status" }, text));
  }

  point(index) {
    this.at = index;
    const rows = [...this.list.querySelectorAll("[role=option]")];
    rows.forEach((row, number) => row.setAttribute("aria-selected", String(number === index)));
    this.input.setAttribute("aria-activedescendant", rows[index]?.id ?? "");
    rows[index]?.scrollIntoView({ block: "nearest" });
  }

  key(event) {
    const count = this.options.length;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (this.list.hidden) this.show();
      else if (count) this.point((this.at + (event.key === "ArrowDown" ? 1 : -1) + count) % count);
    } else if (event.key === "Enter" && !this.list.hidden) this.choose(this.at);
    else if (event.key === "Escape" && !this.list.hidden) this.hide();
    else if (event.key === "Backspace" && this.many && !this.input.value && this.chosen.length) this.take(this.chosen.slice(0, -1));
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  choose(index) {
    const option = this.options[index];
    if (!option) return;
    if (this.many && this.chosen.length >= this.most) return this.say(`At most ${this.most} can be chosen`, "error");
    this.input.value = "";
    this.take(this.many ? [...this.chosen, option] : [option]);
    if (this.many) this.load("");
    else this.hide();
  }

  take(options) {
    this.chosen = options;
    this.draw();
    this.onChange(options);
    this.input.focus();
  }

  open() {
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    requestAnimationFrame(() => this.list.scrollIntoView({ block: "nearest" }));
  }

  hide() {
    this.list.hidden = true;
    this.list.replaceChildren();
    this.input.setAttribute("aria-expanded", "false");
    this.input.setAttribute("aria-activedescendant", "");
    if (!this.many) this.draw();
    else this.input.value = "";
  }
}
