// The question before a button that is not taken back.

import { h } from "./dom.js";
import { plain } from "./text.js";

/** True where nothing is asked, or the person agrees. */
export function confirmed(confirm) {
  if (!confirm) return Promise.resolve(true);
  return new Promise((resolve) => {
    const answer = (value) => () => {
      resolve(value);
      dialog.close();
      dialog.remove();
    };
    const kind = confirm.style === "danger" ? "danger" : "primary";
    const yes = h("button", { type: "button", class: `button ${kind}`, onclick: answer(true) }, plain(confirm.confirm));
    const no = h("button", { type: "button", class: "button", onclick: answer(false) }, plain(confirm.deny));
    const dialog = h(
      "dialog",
      { class: "modal small", "aria-label": confirm.title.text, oncancel: answer(false) },
      h("header", {}, h("h2", {}, plain(confirm.title))),
      h("div", { class: "modal-body" }, plain(confirm.text)),
      h("footer", {}, no, yes),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}
