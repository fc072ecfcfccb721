"""A plain-text picture of what people see, and the bare words a screen reader speaks.

Entities are decoded as Slack's client does, so an injected broadcast or link is seen for what it is.
Source: docs.slack.dev, messaging/formatting-message-text.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from bot.simulator.workspace.messages import Blocks, Message
from bot.simulator.workspace.values import each_block
from bot.simulator.workspace.views import View
from bot.simulator.workspace.world import WorkspaceWorld

WIDTH = 88
EMOJI = {
    "white_check_mark": "✅",
    "hourglass_flowing_sand": "⏳",
    "hourglass": "⌛",
    "x": "❌",
    "warning": "⚠️",
    "camera": "📷",
    "camera_with_flash": "📸",
    "link": "🔗",
    "double_vertical_bar": "⏸",
    "rotating_light": "🚨",
    "lock": "🔒",
    "no_entry": "⛔",
    "eyes": "👀",
    "question": "❓",
    "information_source": "ℹ️",
    "arrows_counterclockwise": "🔄",
    "large_green_circle": "🟢",
    "large_yellow_circle": "🟡",
    "red_circle": "🔴",
    "floppy_disk": "💾",
    "clock1": "🕐",
    "wastebasket": "🗑",
    "white_circle": "⚪",
    "no_entry_sign": "🚫",
    "inbox_tray": "📥",
    "mag": "🔍",
    "grey_question": "❔",
    "mailbox": "📫",
    "white_large_square": "⬜",
    "bust_in_silhouette": "👤",
    "key": "🔑",
    "hand": "✋",
    "memo": "📝",
    "alarm_clock": "⏰",
    "clipboard": "📋",
    "page_facing_up": "📄",
    "rewind": "⏪",
    "leftwards_arrow_with_hook": "↩️",
}
_ENTITY = re.compile(r"<([^<>]+)>")
_SHORTCODE = re.compile(r":([a-z0-9_+-]+):")
_SIGNS = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
_TASKS = {"in_progress": "◐", "complete": "✓", "error": "✕"}
_BOXES = {
    "static_select": "▾",
    "external_select": "▾",
    "users_select": "▾",
    "conversations_select": "▾",
    "channels_select": "▾",
    "overflow": "⋯",
}


def mrkdwn_text(text: str, world: WorkspaceWorld) -> str:
    """Decode mentions, links, dates, emoji and the three escaped signs."""
    decoded = _ENTITY.sub(lambda match: _entity(match[1], world), text)
    for escaped, sign in _SIGNS:
        decoded = decoded.replace(escaped, sign)
    return emoji_text(decoded)


def emoji_text(text: str) -> str:
    """Show common emoji; others keep their shortcode."""
    return _SHORTCODE.sub(lambda match: EMOJI.get(match[1], match[0]), text)


def blocks_text(blocks: Blocks, world: WorkspaceWorld, width: int = WIDTH) -> str:
    """Blocks as lines of text."""
    lines: list[str] = []
    for block in blocks:
        lines += _block_lines(block, world, width)
    return "\n".join(lines)


def message_text(message: Message, world: WorkspaceWorld, width: int = WIDTH) -> str:
    """One message: who and when, then its content."""
    author = world.people.get(message.user)
    name = world.app.name if message.from_app else (author.name if author else message.user)
    marks = " APP" if message.from_app else ""
    if message.edits and not message.blocks:
        marks += " (edited)"
    lines = [f"{name}{marks}  {_clock_text(float(message.ts))}"]
    if message.ephemeral_to:
        lines.append("  👁 Only visible to you")
    body = blocks_text(message.blocks, world, width - 2) if _has_layout(message) else ""
    shown = body or "\n".join(_wrapped(mrkdwn_text(message.text, world), width - 2))
    return "\n".join([*lines, *(f"  {line}".rstrip() for line in shown.splitlines())])


def channel_text(title: str, messages: Iterable[Message], world: WorkspaceWorld, width: int = WIDTH) -> str:
    """A channel from top to bottom, replies indented under their parents."""
    shown = list(messages)
    standing = {message.ts for message in shown}
    lines = [title, "─" * min(width, max(len(title), 24))]
    for message in shown:
        if message.thread_ts in standing:
            continue
        lines += [message_text(message, world, width), ""]
        for reply in (item for item in shown if item.thread_ts == message.ts):
            lines += [f"  │ {line}" for line in message_text(reply, world, width - 4).splitlines()]
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def view_text(view: View, world: WorkspaceWorld, width: int = WIDTH) -> str:
    """A modal or Home with what was typed and the errors under the inputs."""
    title = (view.source.get("title") or {"text": world.app.name})["text"]
    lines = [f"┌ {title}"]
    for block in view.blocks:
        lines += [f"│ {line}" for line in _block_lines(block, world, width - 2)]
        for one in each_block([block]):
            if one["type"] == "input":
                value = view.values[one["block_id"]][one["element"]["action_id"]]
                lines.append(f"│   = {_value_text(value)}")
            if one["block_id"] in view.errors:
                lines.append(f"│   ! {view.errors[one['block_id']]}")
    buttons = [view.source[key]["text"] for key in ("close", "submit") if view.source.get(key)]
    return "\n".join([*lines, "└ " + "  ".join(f"[ {label} ]" for label in buttons)])


def spoken(messages: Iterable[Message], world: WorkspaceWorld) -> list[str]:
    """What a screen reader has to go by: `text` alone, entities decoded."""
    return [mrkdwn_text(message.text, world) for message in messages]


def _has_layout(message: Message) -> bool:
    return any(block["type"] != "rich_text" for block in message.blocks)


def _entity(inside: str, world: WorkspaceWorld) -> str:
    target, _, label = inside.partition("|")
    if target.startswith("@"):
        person = world.people.get(target[1:])
        return f"@{person.name if person else label or target[1:]}"
    if target.startswith("#"):
        channel = world.channels.get(target[1:])
        return f"#{channel.name if channel else label or target[1:]}"
    if target in ("!channel", "!here", "!everyone"):
        return f"📢 @{target[1:].upper()} 📢"
    if target.startswith("!subteam^"):
        group = world.groups.get(target.removeprefix("!subteam^"))
        return f"@{group.handle}" if group else label or inside
    if target.startswith("!date^"):
        return _date_text(target, label)
    if label:
        return f"{label} ({target})"
    return target


def _date_text(target: str, fallback: str) -> str:
    parts = target.split("^")
    if len(parts) < 3 or not parts[1].isdigit():
        return fallback
    moment = datetime.fromtimestamp(int(parts[1]), UTC)
    day = f"{moment:%b} {moment.day}, {moment.year}"
    shown = parts[2]
    for token, text in {
        "date_num": f"{moment:%Y-%m-%d}",
        "date_short_pretty": day,
        "date_long_pretty": f"{moment:%A}, {moment:%B} {moment.day}, {moment.year}",
        "date_pretty": f"{moment:%B} {moment.day}, {moment.year}",
        "date_short": day,
        "date_long": f"{moment:%A}, {moment:%B} {moment.day}, {moment.year}",
        "date": f"{moment:%B} {moment.day}, {moment.year}",
        "time_secs": f"{moment:%H:%M:%S}",
        "time": f"{moment:%H:%M}",
        "ago": f"{moment:%Y-%m-%d %H:%M}",
    }.items():
        shown = shown.replace("{" + token + "}", text)
    return f"{shown} UTC"


def _block_lines(block: dict[str, Any], world: WorkspaceWorld, width: int) -> list[str]:
    match block["type"]:
        case "header":
            return [f"# {emoji_text(block['text']['text'])}"]
        case "section":
            texts = [block["text"]] if block.get("text") else []
            lines = [line for text in texts for line in _wrapped(_object_text(text, world), width)]
            for text in block.get("fields") or []:
                lines += [f"• {line}" for line in _wrapped(_object_text(text, world).replace("\n", " "), width - 2)]
            if block.get("accessory"):
                lines.append(_element_text(block["accessory"], world))
            return lines
        case "context":
            parts = [_element_text(element, world) for element in block["elements"]]
            return _wrapped(" · ".join(parts), width)
        case "actions":
            return _wrapped("  ".join(_element_text(element, world) for element in block["elements"]), width)
        case "divider":
            return ["─" * min(width, 32)]
        case "image":
            return [f"(image: {block.get('alt_text', '')})"]
        case "input":
            mark = "" if block.get("optional") else " *"
            hint = [f"  {block['hint']['text']}"] if block.get("hint") else []
            return [f"{block['label']['text']}{mark} {_element_text(block['element'], world)}", *hint]
        case "markdown":
            return _wrapped(str(block["text"]), width)
        case "rich_text":
            return _wrapped(_rich_text(block), width)
        case "context_actions":
            return _wrapped("  ".join(_element_text(element, world) for element in block["elements"]), width)
        case _:
            return _compound_lines(block, world, width)


def _compound_lines(block: dict[str, Any], world: WorkspaceWorld, width: int) -> list[str]:
    """Blocks that hold others, or tables and tasks."""
    match block["type"]:
        case "container":
            title = block.get("title") or {"type": "plain_text", "text": _rich_text(block.get("rich_text_title"))}
            inner = blocks_text(block["child_blocks"], world, width - 2).splitlines()
            return [_object_text(title, world), *(f"  {line}" for line in inner)]
        case "carousel":
            return [line for card in block["elements"] for line in _compound_lines(card, world, width)]
        case "card":
            texts = [_object_text(block[key], world) for key in ("title", "subtitle", "body") if block.get(key)]
            buttons = "  ".join(_element_text(one, world) for one in block.get("actions") or [])
            return [line for text in [*texts, buttons] if text for line in _wrapped(text, width)]
        case "alert":
            return _wrapped(f"! {_object_text(block['text'], world)}", width)
        case "plan":
            return [_bare(block["title"]), *(line for one in block.get("tasks") or [] for line in _task_lines(one))]
        case "task_card":
            return _task_lines(block)
        case "table" | "data_table":
            return [" | ".join(_cell_text(cell) for cell in row) for row in block["rows"]]
        case "video":
            return [f"(video: {block['title']['text']})"]
        case other:
            return [f"({other})"]


def _task_lines(task: dict[str, Any]) -> list[str]:
    told = [_rich_text(task[key]) for key in ("details", "output") if task.get(key)]
    return [f"{_TASKS.get(task.get('status', ''), '○')} {_bare(task['title'])}", *(f"  {text}" for text in told)]


def _bare(text: Any) -> str:
    return str(text["text"] if isinstance(text, dict) else text)


def _cell_text(cell: dict[str, Any]) -> str:
    return str(cell["text"]) if "text" in cell else _rich_text(cell)


def _element_text(element: dict[str, Any], world: WorkspaceWorld) -> str:
    kind = element.get("type")
    if kind in ("mrkdwn", "plain_text"):
        return _object_text(element, world)
    if kind == "image":
        return f"(image: {element.get('alt_text', '')})"
    if kind in ("button", "icon_button", "workflow_button"):
        return f"[ {emoji_text(element['text']['text'])} ]"
    if kind == "feedback_buttons":
        sides = (element["positive_button"], element["negative_button"])
        return "  ".join(f"[ {emoji_text(one['text']['text'])} ]" for one in sides)
    options = ", ".join(option["text"]["text"] for option in element.get("options") or [])
    label = (element.get("placeholder") or {}).get("text") or options or str(kind)
    return f"[ {label} {_BOXES.get(str(kind), '…')} ]"


def _object_text(text: dict[str, Any], world: WorkspaceWorld) -> str:
    return mrkdwn_text(text["text"], world) if text["type"] == "mrkdwn" else emoji_text(text["text"])


def _rich_text(value: Any) -> str:
    if isinstance(value, dict):
        return str(value["text"]) if value.get("type") == "text" else _rich_text(value.get("elements", []))
    return "".join(_rich_text(item) for item in value) if isinstance(value, list) else ""


def _value_text(value: dict[str, Any]) -> str:
    chosen = next((item for key, item in value.items() if key != "type"), None)
    if isinstance(chosen, dict):
        return str(chosen.get("text", {}).get("text", ""))
    if isinstance(chosen, list):
        return ", ".join(item["text"]["text"] if isinstance(item, dict) else str(item) for item in chosen)
    return "" if chosen is None else str(chosen)


def _wrapped(text: str, width: int) -> list[str]:
    lines: list[str] = []
    for line in text.splitlines():
        indent = " " * (len(line) - len(line.lstrip(" •◦")))
        lines += textwrap.wrap(
            line, max(width, 20), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        ) or [""]
    return lines


def _clock_text(ts: float) -> str:
    return f"{datetime.fromtimestamp(ts, UTC):%H:%M:%S}"
