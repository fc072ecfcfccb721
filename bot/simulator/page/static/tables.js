// Tables in messages: plain ones, and data tables that sort and turn pages without asking anybody.

import { fill, h } from "./dom.js";
import { richText } from "./rich_text.js";

const text = (cell) => (cell.type === "rich_text" ? richText(cell) : String(cell.text ?? cell.value ?? ""));

export function table(block) {
  const row = (cells, tag) => h("tr", {}, cells.map((cell) => h(tag, {}, text(cell))));
  const [head, ...rows] = block.rows;
  return h("div", { class: "scroll" }, h("table", {}, h("thead", {}, row(head, "th")), h("tbody", {}, rows.map((one) => row(one, "td")))));
}

export function dataTable(block) {
  const [head, ...rows] = block.rows;
  const size = block.page_size ?? 5;
  const state = { page: 0, by: null, down: false };
  const body = h("tbody");
  const pages = h("p", { class: "row" });
  const draw = () => {
    const shown = state.by === null ? rows : [...rows].sort(order(state.by, state.down));
    fill(body, shown.slice(state.page * size, (state.page + 1) * size).map((one) => line(one, block.row_header_column_index ?? 0)));
    fill(pages, pager(state, Math.ceil(rows.length / size), draw));
  };
  const sort = (index) => () => {
    Object.assign(state, { down: state.by === index && !state.down, by: index, page: 0 });
    draw();
  };
  const heads = head.map((cell, index) => h("th", { scope: "col" }, h("button", { type: "button", class: "bare", onclick: sort(index) }, text(cell), " ↕")));
  draw();
  const made = h("table", {}, h("caption", {}, block.caption), h("thead", {}, h("tr", {}, heads)), body);
  return h("div", { class: "scroll" }, made, rows.length > size && pages);
}

function line(cells, header) {
  return h("tr", {}, cells.map((cell, index) => h(index === header ? "th" : "td", index === header ? { scope: "row" } : {}, text(cell))));
}

function order(column, down) {
  const value = (row) => row[column].value ?? String(row[column].text ?? "");
  return (one, other) => (value(one) < value(other) ? -1 : value(one) > value(other) ? 1 : 0) * (down ? -1 : 1);
}

function pager(state, count, draw) {
  const turn = (by) => () => {
    state.page += by;
    draw();
  };
  const button = (label, by, off) => h("button", { type: "button", class: "button", disabled: off, onclick: turn(by) }, label);
  return [button("‹ Earlier", -1, state.page === 0), ` ${state.page + 1} of ${count} `, button("Later ›", 1, state.page + 1 >= count)];
}
