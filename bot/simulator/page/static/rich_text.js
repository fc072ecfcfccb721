// Rich text, the form in which people's own messages come. Source: docs.slack.dev, blocks/rich-text-block.

import { h } from "./dom.js";
import { channel, group, person } from "./store.js";
import { emoji, link, wholeIfShort } from "./text.js";

export const richText = (block) => block.elements.map(part);

function part(element) {
  switch (element.type) {
    case "rich_text_section":
      return h("span", {}, element.elements.map(leaf));
    case "rich_text_preformatted":
      return h("pre", {}, element.elements.map(leaf));
    case "rich_text_quote":
      return h("blockquote", {}, element.elements.map(leaf));
    case "rich_text_list":
      return h(element.style === "ordered" ? "ol" : "ul", {}, element.elements.map((one) => h("li", {}, part(one))));
    default:
      return leaf(element);
  }
}

function leaf(element) {
  switch (element.type) {
    case "text":
      return styled(element.text, element.style);
    case "emoji":
      return emoji(element.name);
    case "link":
      return link(element.url, element.text ?? element.url);
    case "user":
      return mention(`@${person(element.user_id)?.name ?? element.user_id}`, element.user_id);
    case "usergroup":
      return mention(`@${group(element.usergroup_id)?.handle ?? element.usergroup_id}`);
    case "channel":
      return mention(`#${channel(element.channel_id)?.name ?? "a channel"}`);
    case "broadcast":
      return h("span", { class: "mention loud" }, `@${element.range}`);
    default:
      return element.text ?? `(${element.type})`;
  }
}

const mention = (text, id) => h("span", { class: id && id === document.body.dataset.me ? "mention mine" : "mention" }, text);

const STYLES = { bold: "strong", italic: "em", strike: "s", code: "code", underline: "u" };

function styled(text, style = {}) {
  const tags = Object.keys(STYLES).filter((name) => style[name]);
  // What a person typed comes as one text, with the signs that Slack escapes in it.
  const shown = text.replace(/&(lt|gt|amp);/g, (sign) => ({ "&lt;": "<", "&gt;": ">", "&amp;": "&" })[sign]);
  return tags.reduce((inner, name) => h(STYLES[name], name === "code" ? wholeIfShort(shown) : {}, inner), shown);
}
