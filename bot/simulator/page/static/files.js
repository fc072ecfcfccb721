// A field in which files are handed in: they go to the workspace with their content, and nowhere else.

import { fill, h } from "./dom.js";

export function pickedFiles(element, block, on, label) {
  const list = h("ul", { class: "files quiet" });
  const input = h("input", {
    type: "file",
    multiple: (element.max_files ?? 10) > 1,
    accept: (element.filetypes ?? []).map((kind) => `.${kind}`).join(",") || undefined,
    "aria-label": label ?? "Files",
    "data-focus": `${block.block_id}/${element.action_id}/`,
  });
  const show = (files) => fill(list, files.map((one) => h("li", {}, `${one.name}, ${sizeOf(one.size)}`)));
  input.addEventListener("change", async () => {
    const outcome = await on.choose(element, block, await Promise.all([...input.files].map(withContent)));
    if (outcome?.ok !== false) return show([...input.files]);
    fill(list, h("li", { class: "error", role: "alert" }, outcome.error));
    input.value = "";
  });
  show(on.state(element, block)?.files ?? []);
  return h("div", {}, input, list);
}

export const sizeOf = (bytes) => (bytes < 1024 ? `${bytes} B` : bytes < 1024 ** 2 ? `${Math.ceil(bytes / 1024)} kB` : `${(bytes / 1024 ** 2).toFixed(1)} MB`);

function withContent(file) {
  return new Promise((done) => {
    const reader = new FileReader();
    reader.onload = () => done({ name: file.name, content: reader.result.slice(reader.result.indexOf(",") + 1) });
    reader.readAsDataURL(file);
  });
}
