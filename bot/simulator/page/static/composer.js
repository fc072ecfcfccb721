// The box in which a person writes: Enter sends, a slash is a command, @ and # offer names.

import { act } from "./acts.js";
import { byId, fill, freshId, h, moved } from "./dom.js";
import { showMenu } from "./menu.js";
import { toNewest } from "./newest.js";
import { note } from "./note.js";
import { channel, face, seen } from "./store.js";
import { looking } from "./view_state.js";

const WORD = /(?:^|\s)([@#/][\w.-]*)$/;

/** A message box. `thread()` names the thread it writes in, if any. */
export class Composer {
  constructor(place, { id, thread }) {
    const list = freshId("names");
    this.thread = thread;
    this.list = h("div", { id: list, role: "listbox", class: "options above", hidden: true });
    this.box = h("textarea", { id, rows: 1, "aria-controls": list, "aria-autocomplete": "list", autocomplete: "off" });
    this.box.addEventListener("keydown", (event) => this.key(event));
    this.box.addEventListener("input", () => this.typed());
    this.box.addEventListener("blur", () => setTimeout(() => (this.list.hidden = true), 150));
    const send = h("button", { type: "button", class: "button primary send", "aria-label": "Send", onclick: () => this.send() }, "➤");
    const row = thread() === undefined ? this.shortcuts() : null;
    fill(place, h("div", { class: "composer" }, this.list, row, this.box, send));
    this.choices = [];
  }

  shortcuts() {
    const button = h("button", { type: "button", class: "bare plus", "aria-haspopup": "menu", "aria-label": "Shortcuts" }, "+");
    const run = (one) => async () => note(await act("shortcut", { callback_id: one.callback_id }));
    button.addEventListener("click", () => {
      const items = face().shortcuts.filter((one) => one.type === "global").map((one) => ({ label: one.name, told: face().app, act: run(one) }));
      const command = { label: face().command, told: face().hint, act: () => this.put(`${face().command} `) };
      showMenu(button, [...items, command]);
    });
    return button;
  }

  put(text) {
    this.box.value = text;
    this.box.focus();
    this.typed();
  }

  name(where, hint = where) {
    this.box.placeholder = hint;
    this.box.setAttribute("aria-label", where);
  }

  typed() {
    this.box.style.height = "auto";
    this.box.style.height = `${Math.min(this.box.scrollHeight, 180)}px`;
    const word = WORD.exec(this.box.value.slice(0, this.box.selectionStart))?.[1];
    this.choices = word ? offered(word, this.box.value) : [];
    this.at = 0;
    this.list.hidden = !this.choices.length;
    this.list.replaceChildren(...this.choices.map((one, index) => this.row(one, index, word)));
    this.word = word;
    this.point();
  }

  row(one, index) {
    const choose = (event) => {
      event.preventDefault();
      this.complete(index);
    };
    return h("div", { id: freshId("name"), role: "option", onpointerdown: choose, onpointermove: (event) => moved(event) && this.point(index) }, h("span", {}, one.name), h("small", {}, one.told));
  }

  point(at = this.at) {
    this.at = at;
    const rows = [...this.list.children];
    rows.forEach((row, number) => row.setAttribute("aria-selected", String(number === this.at)));
    this.box.setAttribute("aria-activedescendant", rows[this.at]?.id ?? "");
  }

  complete(index) {
    const before = this.box.value.slice(0, this.box.selectionStart - this.word.length);
    const after = this.box.value.slice(this.box.selectionStart);
    this.box.value = `${before}${this.choices[index].name} ${after}`;
    const place = before.length + this.choices[index].name.length + 1;
    this.box.setSelectionRange(place, place);
    this.typed();
    this.box.focus();
  }

  key(event) {
    const open = !this.list.hidden;
    if (open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      this.at = (this.at + (event.key === "ArrowDown" ? 1 : -1) + this.choices.length) % this.choices.length;
      this.point();
    } else if (open && (event.key === "Tab" || event.key === "Enter")) this.complete(this.at);
    else if (open && event.key === "Escape") this.list.hidden = true;
    else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) this.send();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  async send() {
    const text = this.box.value.trim();
    if (!text) return;
    this.put("");
    const thread = this.thread();
    toNewest(thread ? "replies" : "messages");
    const outcome = text.startsWith("/") ? await commanded(text, thread) : await act("say", { channel: looking.channel, text, thread_ts: thread ?? null });
    note(outcome);
    // What the workspace would not take is there to be mended.
    if (!outcome.ok && !this.box.value) this.put(text);
  }
}

function commanded(text, thread) {
  const [, word, rest] = /^(\S+)\s*([\s\S]*)$/.exec(text);
  return act("command", { channel: looking.channel, command: word, text: rest, thread_ts: thread ?? null });
}

function offered(word, whole) {
  const wanted = word.slice(1).toLowerCase();
  const begins = (name) => name.toLowerCase().startsWith(wanted);
  if (word.startsWith("/")) return whole === word && begins(face().command.slice(1)) && whole !== face().command ? [{ name: face().command, told: face().hint }] : [];
  if (word.startsWith("#")) {
    return seen.get("channels").filter((one) => !one.direct && begins(one.name)).map((one) => ({ name: `#${one.name}`, told: "" }));
  }
  const app = face().bot;
  const people = seen.get("people").filter((one) => begins(one.name)).sort((one, other) => (other.id === app) - (one.id === app));
  const groups = seen.get("groups").filter((one) => begins(one.handle));
  return [...people.map((one) => ({ name: `@${one.name}`, told: one.real_name })), ...groups.map((one) => ({ name: `@${one.handle}`, told: "a group" }))].slice(0, 8);
}

export const placeName = () => {
  const here = channel(looking.channel);
  return !here || here.direct ? face()?.app : `#${here.name}`;
};

export const boxOf = (place) => byId(place).querySelector("textarea");
