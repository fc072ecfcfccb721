// Who I am, and the conversations I see, with what is unread.

import { byId, fill, h } from "./dom.js";
import { sign } from "./signs.js";
import { face, me, person, readAs, seen } from "./store.js";
import { look, looking, unread } from "./view_state.js";

export const HOME = "home";

/** The id of a channel that is named by its id or as people name it. */
export const namedChannel = (name) => seen.get("channels").find((one) => one.id === name || `#${one.name}` === name)?.id;

export function drawSidebar() {
  fill(byId("team"), seen.get("team").name);
  drawWhoAmI();
  const channels = seen.get("channels");
  const plain = channels.filter((one) => !one.direct).sort((one, other) => one.name.localeCompare(other.name));
  const direct = channels.filter((one) => one.direct);
  fill(
    byId("channels"),
    h("h2", {}, "Channels"),
    h("ul", {}, plain.map((one) => row(one.id, one.name, one.private ? sign("lock") : one.shared ? "⇄" : "#", one.archived))),
    h("h2", {}, "Apps"),
    h("ul", {}, row(HOME, `${face().app}: Home`, "⌂"), direct.length ? direct.map((one) => row(one.id, face().app, "✉")) : row(face().bot, face().app, "✉")),
  );
}

function row(id, name, mark, archived) {
  const count = id === HOME || id === looking.channel ? 0 : unread(id);
  const here = id === looking.channel;
  const words = count ? `${name}, ${count} unread` : name;
  return h(
    "li",
    {},
    h(
      "button",
      { type: "button", class: `room ${count ? "unread" : ""} ${archived ? "quiet" : ""}`, "aria-current": here ? "page" : undefined, "aria-label": words, onclick: () => look({ channel: id, thread: null, pane: "channel" }) },
      h("span", { class: "sign", "aria-hidden": "true" }, mark),
      h("span", { class: "room-name" }, name),
      count > 0 && h("span", { class: "count" }, count),
    ),
  );
}

function drawWhoAmI() {
  const personas = face().personas;
  const option = ({ user, role }) => h("option", { value: user }, `${person(user)?.real_name} – ${role}`);
  const others = seen.get("people").filter((one) => one.kind !== "bot" && !personas.some((other) => other.user === one.id));
  const known = byId("who");
  const stamp = JSON.stringify([personas, others.length]);
  if (known?.dataset.sign !== stamp) {
    const list = h("select", { id: "who", onchange: (event) => become(event.target.value) }, personas.map(option), h("optgroup", { label: "Others" }, others.map((one) => h("option", { value: one.id }, one.real_name))));
    list.dataset.sign = stamp;
    fill(byId("whoami"), h("label", { for: "who" }, "I am"), list);
  }
  byId("who").value = me();
}

/** Be somebody else, and see what they see. */
export function become(user, where) {
  if (user === me() && where) return look({ channel: namedChannel(where), thread: null, pane: "channel" });
  looking.next = where ?? null;
  // The address may name who was here first: loaded anew, it is not to bring them back.
  history.replaceState(null, "", location.pathname);
  return readAs(user);
}
