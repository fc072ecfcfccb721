// The simulated cloud: servers with their disks, what is being made of them, and each call as it arrives.

import { behind } from "./acts.js";
import { h, reconcile } from "./dom.js";
import { note } from "./note.js";
import { all, seen } from "./store.js";
import { clock } from "./text.js";

const SIGNS = { available: "✓", creating: "◐", deleting: "…", rollbacking: "↺", error: "✕", error_deleting: "✕" };
const FAULTS = { drop_before: "lost on the way", drop_after: "done, its answer lost", external_busy: "busy elsewhere", job_fail: "its job will fail" };
const ROLLED = { rollbacking: "being rolled back to the copy of", available: "rolled back to the copy of", error_rollbacking: "not rolled back to the copy of" };

export function drawCloud(place) {
  const disks = all("disk/");
  const snapshots = all("snapshot/");
  const copies = disks.filter((one) => !one.server && one.origin);
  const loose = disks.filter((one) => !one.server && !one.origin);
  const latest = (server) => Math.max(0, ...snapshots.filter((one) => disks.some((disk) => disk.id === one.disk && disk.server === server.id)).map((one) => one.at));
  // Where something happens stands on top.
  const servers = all("server/").sort((one, other) => latest(other) - latest(one) || one.name.localeCompare(other.name));
  const entries = [
    { key: "sum", sign: sum(snapshots, disks), make: () => h("p", { class: "lead" }, sum(snapshots, disks)) },
    { key: "plugs", sign: "", make: () => h("p", { class: "hint" }, "Attach and detach stand for what a person does in the console: a disk that is rolled back has to be detached.") },
    copies.length > 0 && machine("copies", "Disks made of snapshots", "", copies, snapshots),
    ...servers.map((one) => machine(one.id, one.name, one.stopped ? `${one.project} · stopped` : one.project, disks.filter((disk) => disk.server === one.id), snapshots)),
    machine("loose", "Not attached", "", loose, snapshots),
    jobs(),
  ];
  reconcile(place, entries.filter(Boolean));
}

function sum(snapshots, disks) {
  const count = (status) => snapshots.filter((one) => one.status === status).length;
  const rolling = disks.filter((one) => one.status === "rollbacking").length;
  const also = rolling ? ` · ${rolling} being rolled back` : "";
  return `Snapshots: ${count("creating")} being made · ${count("available")} available · ${count("error")} failed${also}`;
}

function machine(key, name, project, disks, snapshots) {
  const ids = new Set(disks.map((one) => one.id));
  const mine = snapshots.filter((one) => ids.has(one.disk));
  const make = () => h("section", { class: "machine" }, h("h3", {}, name, h("span", { class: "quiet" }, ` ${project}`)), disks.map((disk) => diskRow(disk, mine)));
  return { key, sign: JSON.stringify([name, disks, mine]), make };
}

function diskRow(disk, snapshots) {
  const mine = snapshots.filter((one) => one.disk === disk.id).sort((one, other) => other.at - one.at);
  const state = disk.busy ? "busy" : disk.server && disk.detached && disk.status === "available" ? "detached" : disk.status;
  return h(
    "div",
    { class: "disk" },
    h("div", { class: "disk-head" }, h("span", {}, h("strong", {}, disk.name), " ", h("span", { class: `state ${state}` }, state), " ", h("span", { class: "quiet" }, `${disk.size} GiB ${disk.type}`)), plug(disk)),
    disk.origin && h("p", { class: "quiet" }, `made of the copy of ${disk.origin.disk}, ${clock(disk.origin.at)}`),
    disk.rolled_back && h("p", { class: disk.rolled_back.how === "error_rollbacking" ? "bad" : "quiet" }, `↺ ${ROLLED[disk.rolled_back.how]} ${clock(disk.rolled_back.to)}`),
    mine.slice(0, 3).map(snapshotRow),
    mine.length > 3 && h("p", { class: "quiet" }, `and ${mine.length - 3} more`),
  );
}

/** What a person does in the console before and after a roll-back. */
function plug(disk) {
  const attached = disk.status === "in-use";
  if (!attached && !(disk.status === "available" && disk.belongs)) return false;
  const words = attached ? "Detach" : `Attach to ${disk.belongs}`;
  const title = attached && disk.system ? "Its server is stopped first" : undefined;
  const press = async () => note(await behind("plug", { disk: disk.id, attached: !attached }));
  return h("button", { type: "button", class: "plug", "data-focus": `plug/${disk.id}`, "aria-label": `${words}: ${disk.name}`, title, onclick: press }, words);
}

function snapshotRow(one) {
  const running = one.status === "creating";
  const bar = running && h("progress", { max: 100, value: one.percent, "aria-label": `${one.name}: ${one.percent} %` });
  return h("div", { class: `snapshot ${one.status}`, title: one.name }, h("span", { "aria-hidden": "true" }, SIGNS[one.status] ?? "•"), ` ${one.status} `, bar, running ? ` ${one.percent} %` : h("span", { class: "quiet" }, clock(one.at)), one.group && h("span", { class: "badge", title: "Copied at the same moment as the other disks of its group" }, "same moment"));
}

function jobs() {
  const found = all("job/").sort((one, other) => other.at - one.at).slice(0, 12);
  const row = (one) => h("tr", { class: one.status.toLowerCase() }, h("td", {}, one.type), h("td", {}, one.disks.map((id) => seen.get(`disk/${id}`)?.name ?? id).join(", ")), h("td", { title: one.why }, one.status));
  const make = () => h("section", {}, h("h3", {}, "Jobs"), found.length ? h("div", { class: "scroll" }, h("table", {}, h("tbody", {}, found.map(row)))) : h("p", { class: "quiet" }, "None yet."));
  return { key: "jobs", sign: JSON.stringify(found), make };
}

export function drawCalls(place) {
  const calls = all("call/").sort((one, other) => other.number - one.number);
  const writes = calls.filter((one) => one.method !== "GET").length;
  const told = `Each call of the bot to the cloud, the latest first. A bar marks what is no mere reading, red what was refused or lost: ${calls.length - writes} read, ${writes} more.`;
  reconcile(place, [{ key: "told", sign: told, make: () => h("p", { class: "hint" }, told) }, ...calls.map((one) => ({ key: String(one.number), sign: JSON.stringify(one), make: () => callRow(one) }))]);
}

function callRow(one) {
  const bad = one.status === null || one.status >= 400;
  const path = one.path.replace(/[0-9a-f]{32}/g, "{project}").replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, "{id}");
  const disks = one.volume_ids.map((id) => seen.get(`disk/${id}`)?.name ?? id).join(", ");
  const at = new Date(one.at).toLocaleTimeString(undefined, { hour12: false });
  return h(
    "div",
    { class: `call ${bad ? "bad" : ""} ${one.method === "GET" ? "" : "writes"}` },
    h("div", {}, h("time", { class: "quiet" }, at), " ", h("strong", {}, one.method), " ", h("span", { class: `status ${bad ? "bad" : ""}` }, one.status ?? "no answer"), one.error_code && ` ${one.error_code}`, one.fault && [" ", h("span", { class: "badge loud" }, FAULTS[one.fault] ?? one.fault.replaceAll("_", " "))]),
    h("code", {}, path),
    disks && h("div", { class: "quiet" }, disks),
  );
}
