// May this person do that, there, from here? The bot itself answers, with the grant or rule that decides.

import { behind } from "./acts.js";
import { fill, h } from "./dom.js";
import { channel, face, me, person, seen } from "./store.js";
import { rich } from "./text.js";
import { looking } from "./view_state.js";

const QUICK_MS = 200;
let latest = 0;

export function drawRights(place) {
  if (place.firstChild) return;
  const option = (value, label = value) => h("option", { value }, label);
  const people = seen.get("people").filter((one) => one.kind !== "bot");
  const channels = seen.get("channels").filter((one) => !one.direct);
  const fields = {
    user: h("select", { id: "may-user" }, people.map((one) => option(one.id, one.real_name))),
    action: h("select", { id: "may-action" }, face().actions.map((one) => option(one))),
    project: h("select", { id: "may-project" }, [...face().projects, "no-such-project"].map((one) => option(one))),
    channel: h("select", { id: "may-channel" }, channels.map((one) => option(one.id, `#${one.name}`))),
  };
  fields.user.value = me();
  fields.action.value = "create";
  if (channels.some((one) => one.id === looking.channel)) fields.channel.value = looking.channel;
  const answer = h("div", { id: "may-answer", role: "status", "aria-live": "polite" });
  const ask = () => asked(fields, answer);
  for (const field of Object.values(fields)) field.addEventListener("change", ask);
  const label = (name, text) => h("label", {}, text, fields[name]);
  fill(place, h("p", { class: "lead" }, "May somebody do something? The bot decides by its own rules, and says why."), h("div", { class: "may" }, label("user", "May"), label("action", "do"), label("project", "in"), label("channel", "from")), answer);
  ask();
}

/** Who turns through a list means where they end; an answer that is overtaken by another question is of no use. */
async function asked(fields, answer) {
  const number = (latest += 1);
  answer.setAttribute("aria-busy", "true");
  await new Promise((then) => setTimeout(then, QUICK_MS));
  if (number !== latest) return;
  const question = Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.value]));
  const found = await behind("explain", question);
  if (number !== latest) return;
  answer.removeAttribute("aria-busy");
  if (!found.ok) return fill(answer, found.error);
  const [verdict, kind] = !found.allowed ? ["No", "no"] : found.rule === "approval-needed" ? ["Yes, once others agree", "waits"] : ["Yes", "yes"];
  const told = found.allowed ? rich(named(found.told)) : [`What ${person(question.user)?.real_name} reads: “`, rich(named(found.told)), "”"];
  fill(answer, h("p", { class: `verdict ${kind}` }, verdict), h("p", {}, told), found.rule && h("p", { class: "quiet" }, "rule: ", h("code", {}, found.rule)));
}

/** Ids of people, groups and channels as the names that people know. */
export function named(text) {
  return text.replace(/\b(?:user|group):([US]\w+)|\b([USC]0\w+)\b/g, (whole, one, other) => {
    const id = one ?? other;
    const place = channel(id);
    if (place) return `#${place.name}`;
    const handle = seen.get("groups").find((group) => group.id === id)?.handle;
    return handle ? `@${handle}` : (person(id)?.real_name ?? whole);
  });
}
