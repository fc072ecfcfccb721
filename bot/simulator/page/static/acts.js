// What a person does goes to the workspace, one thing after the other, and comes back by the stream.

import { me } from "./store.js";

let last = Promise.resolve();

async function post(path, body) {
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    return await answer.json();
  } catch {
    return { ok: false, error: "The demo does not answer: is it still running?" };
  }
}

/** Do something as the present person. Acts keep their order, as typing before a press must. */
export function act(name, body = {}) {
  const mine = last.then(() => post(`/_control/${name}`, { user: me(), ...body }));
  last = mine.catch(() => undefined);
  return mine;
}

/** Ask without waiting for acts before it: options while somebody types. */
export const ask = (name, body) => post(`/_control/${name}`, { user: me(), ...body });

/** What the side panel does is no act of a person in the workspace. */
export const behind = (name, body) => post(`/page/${name}`, body);
