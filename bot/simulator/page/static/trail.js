// The bot's audit trail as it is written: who, what, by which rule. Read from the store, also while the bot is killed.

import { behind } from "./acts.js";
import { h, reconcile } from "./dom.js";
import { named } from "./rights.js";
import { person } from "./store.js";
import { looking } from "./view_state.js";

const LOOK_MS = 1500;
const SHOWN = 200;
const TOLD = "What the bot writes down, the latest first: who did what, and the rule that decided. Each row carries the hash of the one before, so none can be changed unseen. Nothing that people typed stands in it.";
let rows = [];
let reading = false;

export function drawTrail(place) {
  const entries = rows.slice(-SHOWN).reverse();
  const make = (one) => () => rowOf(one);
  reconcile(place, [{ key: "told", sign: "", make: () => h("p", { class: "hint" }, TOLD) }, ...entries.map((one) => ({ key: String(one.seq), sign: "", make: make(one) }))]);
  if (!reading) read(place);
}

/** Rows are only ever added. */
async function read(place) {
  reading = true;
  const found = await behind("trail", { after: rows.at(-1)?.seq ?? null });
  rows = [...rows, ...(found.rows ?? [])];
  if (looking.tab !== "trail") return (reading = false);
  setTimeout(() => {
    reading = false;
    if (looking.tab === "trail") drawTrail(place);
  }, found.rows?.length ? 0 : LOOK_MS);
  return reading;
}

function rowOf(one) {
  const at = new Date(one.at).toLocaleTimeString(undefined, { hour12: false });
  const bad = one.outcome === "denied" || one.outcome === "failed";
  const waits = one.outcome === "allowed" && one.rule === "approval-needed";
  const said = one.outcome === "asked" ? "asked back" : one.outcome;
  const [outcome, kind] = waits ? ["waits for approval", "waits"] : [said, bad ? "bad" : ""];
  const facts = Object.entries(one.details ?? {}).filter(([, value]) => value !== null && value !== "");
  return h(
    "div",
    { class: `call ${bad ? "bad" : ""}` },
    h("div", {}, h("time", { class: "quiet" }, at), " ", h("strong", {}, person(one.actor)?.real_name ?? one.actor), ` ${one.action} `, h("span", { class: `status ${kind}` }, outcome), one.rule && h("span", { class: "quiet" }, ` by the rule ${one.rule}`)),
    h("div", { class: "quiet" }, one.subject && h("code", {}, one.subject), facts.length > 0 && ` ${named(facts.map(([name, value]) => `${name} ${value}`).join(" · "))}`),
  );
}
