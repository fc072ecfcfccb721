"""The blocks that Slack makes of a message's text: what was written as mrkdwn comes back as rich text.

Source: docs.slack.dev, messaging/formatting-message-text and reference/block-kit/blocks/rich-text-block; that an app's
text comes back so too was seen in answers of slack.com. Differences that stay: styles do not nest, emoji carry no
`unicode`, a date is a link's text, and `mrkdwn: false` and `parse` are not looked at.
"""

from __future__ import annotations

import html
import re
from typing import Any

Element = dict[str, Any]
_FENCE = re.compile(r"```\n?(.+?)\n?```", re.DOTALL)
_QUOTED = re.compile(r"((?:^(?:>|&gt;) ?[^\n]*(?:\n|\Z))+)", re.MULTILINE)
_QUOTE_SIGN = re.compile(r"^(?:>|&gt;) ?", re.MULTILINE)
_TOKEN = re.compile(
    r"<(?P<entity>[^<>\n]+)>"
    r"|`(?P<code>[^`\n]+)`"
    r"|(?<![\w*])\*(?P<bold>[^\s*](?:[^*\n]*[^\s*])?)\*(?![\w*])"
    r"|(?<!\w)_(?P<italic>[^\s_](?:[^_\n]*[^\s_])?)_(?!\w)"
    r"|(?<![\w~])~(?P<strike>[^\s~](?:[^~\n]*[^\s~])?)~(?![\w~])"
    r"|(?<![\w:]):(?P<emoji>[a-z0-9_+'-]+):(?!\w)"
)
_STYLES = ("code", "bold", "italic", "strike")


def blocks_of(text: str) -> list[Element]:
    """One rich_text block without its block_id; none for no text."""
    parts: list[Element] = []
    for index, piece in enumerate(_FENCE.split(text)):
        if index % 2:
            parts.append(_part("rich_text_preformatted", [_text(piece)]))
        else:
            parts += _paragraphs(piece)
    return [{"type": "rich_text", "elements": parts}] if parts else []


def _paragraphs(text: str) -> list[Element]:
    parts = []
    for index, piece in enumerate(_QUOTED.split(text)):
        if index % 2:
            parts.append(_part("rich_text_quote", _leaves(_QUOTE_SIGN.sub("", piece).removesuffix("\n"))))
        elif piece:
            parts.append(_part("rich_text_section", _leaves(piece)))
    return parts


def _part(kind: str, elements: list[Element]) -> Element:
    return {"type": kind, "elements": elements}


def _leaves(text: str, style: dict[str, bool] | None = None) -> list[Element]:
    found, at = [], 0
    for match in _TOKEN.finditer(text):
        if match.start() > at:
            found.append(_text(text[at : match.start()], style))
        at = match.end()
        named = str(match.lastgroup)
        if named == "code":
            found.append(_text(match["code"], {"code": True}))
        elif named in _STYLES:
            found += _leaves(match[named], {named: True})
        elif named == "emoji":
            found.append({"type": "emoji", "name": match["emoji"]})
        else:
            found.append(_entity(match["entity"], style))
    if at < len(text):
        found.append(_text(text[at:], style))
    return found


def _text(text: str, style: dict[str, bool] | None = None) -> Element:
    element: Element = {"type": "text", "text": html.unescape(text)}
    return element | ({"style": style} if style else {})


def _entity(inside: str, style: dict[str, bool] | None) -> Element:
    target, _, label = inside.partition("|")
    match target[:1], target[1:]:
        case "@", user:
            return {"type": "user", "user_id": user}
        case "#", channel:
            return {"type": "channel", "channel_id": channel}
        case "!", ("here" | "channel" | "everyone") as many:
            return {"type": "broadcast", "range": many}
        case "!", group if group.startswith("subteam^"):
            return {"type": "usergroup", "usergroup_id": group.removeprefix("subteam^")}
        case "!", _:
            return _text(label, style)
        case _:
            pass
    link: Element = {"type": "link", "url": html.unescape(target)}
    return link | ({"text": html.unescape(label)} if label else {}) | ({"style": style} if style else {})
