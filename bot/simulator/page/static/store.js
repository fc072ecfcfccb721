// What this person sees of the workspace and of the cloud, kept in step with the server by one stream.

export const seen = new Map();
const watchers = [];
let source = null;

/** Call `then(keys)` after each change that touches a key for which `test` is true. */
export function watch(test, then) {
  watchers.push({ test, then });
}

/** Read as this person from now on. */
export function readAs(viewer) {
  source?.close();
  source = new EventSource(`/page/stream?viewer=${encodeURIComponent(viewer)}`);
  source.addEventListener("all", (event) => take(JSON.parse(event.data), true));
  source.addEventListener("change", (event) => take(JSON.parse(event.data), false));
  source.onopen = () => document.body.classList.remove("away");
  source.onerror = () => {
    document.body.classList.add("away");
    // Another world than the one that was left: nobody here is known by that name.
    if (viewer && !seen.size && source.readyState === EventSource.CLOSED) readAs("");
  };
}

/** Who the reader was in this tab before it was loaded anew, or "". */
export const kept = () => sessionStorage.getItem("me") ?? "";
export const keep = (user) => sessionStorage.setItem("me", user);

function take(changes, whole) {
  const keys = new Set(Object.keys(changes));
  if (whole) for (const key of seen.keys()) if (!keys.has(key)) keys.add(key) && seen.delete(key);
  for (const [key, value] of Object.entries(changes)) value === null && !KEPT.has(key) ? seen.delete(key) : seen.set(key, value);
  for (const { test, then } of watchers) {
    const touched = [...keys].filter(test);
    if (touched.length) then(touched, whole);
  }
}

// These are there with null as well: nothing is open.
const KEPT = new Set(["view", "home"]);

/** The values whose keys begin so, in the order of their keys. */
export function all(prefix) {
  return [...seen].filter(([key]) => key.startsWith(prefix)).map(([, value]) => value);
}

export const me = () => seen.get("me");
export const face = () => seen.get("face");
export const person = (id) => seen.get("people")?.find((one) => one.id === id);
export const channel = (id) => seen.get("channels")?.find((one) => one.id === id);
export const group = (id) => seen.get("groups")?.find((one) => one.id === id);

/** The messages of a channel, oldest first. */
export function messagesOf(channelId) {
  return all(`message/${channelId}/`).sort((one, other) => (one.ts < other.ts ? -1 : 1));
}
