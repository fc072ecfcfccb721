"""Arguments as Slack reads them: which must be there, numbers, flags, timestamps and pages.

Source: docs.slack.dev, reference/methods and apis/web-api/pagination; the words were seen in answers of slack.com.
A difference that stays: a `limit` below zero is refused, where Slack serves it in a way of each method's own.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any, TypeVar

from bot.simulator.workspace.errors import SlackRefusal

Args = dict[str, Any]
Item = TypeVar("Item")
DEFAULT_LIMIT = 100
_NUMBER = re.compile(r"-?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE]-?\d+)?", re.ASCII)
_NO_DIGIT = re.compile(r"[^0-9]")
_IN_CHANNEL = ("channel",)
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "chat.postMessage": _IN_CHANNEL,
    "chat.postEphemeral": ("user", "channel"),
    "chat.update": ("channel", "ts"),
    "chat.delete": ("channel", "ts"),
    "chat.getPermalink": ("channel", "message_ts"),
    "conversations.history": _IN_CHANNEL,
    "conversations.info": _IN_CHANNEL,
    "conversations.join": _IN_CHANNEL,
    "conversations.members": _IN_CHANNEL,
    "conversations.replies": ("channel", "ts"),
    "files.completeUploadExternal": ("files",),
    "files.delete": ("file",),
    "files.getUploadURLExternal": ("filename", "length"),
    "files.info": ("file",),
    "reactions.add": ("channel", "timestamp", "name"),
    "reactions.remove": ("name",),
    "usergroups.users.list": ("usergroup",),
    "users.info": ("user",),
    "users.lookupByEmail": ("email",),
    "views.open": ("view",),
    "views.publish": ("user_id", "view"),
    "views.push": ("view",),
    "views.update": ("view",),
}


def invalid(*messages: str) -> SlackRefusal:
    """`invalid_arguments` with a line for each thing that is wrong."""
    lines = [f"[ERROR] {message}" for message in messages]
    return SlackRefusal("invalid_arguments", {"response_metadata": {"messages": lines}})


def require_arguments(method: str, args: Args) -> None:
    """Refuse a call that lacks what its method needs; what is there and empty names nothing, which is another error."""
    missing = [name for name in REQUIRED.get(method, ()) if args.get(name) is None]
    if missing:
        raise invalid(*(f"missing required field: {name}" for name in missing))


def flag(args: Args, name: str) -> bool:
    return str(args.get(name, "")).lower() in ("1", "true")


def limit_of(args: Args, *, most: int) -> int:
    """The page size: zero is read as none given. Raises SlackRefusal: invalid_arguments, invalid_limit."""
    raw = args.get("limit")
    if raw is None:
        return DEFAULT_LIMIT
    if isinstance(raw, bool) or not _NUMBER.fullmatch(str(raw)):
        raise invalid("must provide a number [json-pointer:/limit]")
    limit = int(float(raw))
    if not 0 <= limit <= most:
        raise SlackRefusal("invalid_limit")
    return limit or DEFAULT_LIMIT


def page_of(items: list[Item], args: Args, *, most: int) -> tuple[list[Item], str]:
    """The page asked for, and the cursor of the next one, empty on the last."""
    limit = limit_of(args, most=most)
    start = int(decoded(args) or 0)
    following = start + limit
    return items[start:following], encoded(str(following)) if following < len(items) else ""


def encoded(mark: str) -> str:
    """A cursor that stands for a mark of ours."""
    return base64.b64encode(mark.encode()).decode()


def decoded(args: Args, prefix: str = "") -> str:
    """The digits behind a cursor, empty without one. Raises SlackRefusal: invalid_cursor."""
    try:
        mark = base64.b64decode(str(args.get("cursor") or ""), validate=True).decode()
    except ValueError:
        raise SlackRefusal("invalid_cursor") from None
    digits = mark.removeprefix(prefix)
    if mark and not (mark.startswith(prefix) and digits.isdigit()):
        raise SlackRefusal("invalid_cursor")
    return digits


def micros(value: str) -> int | None:
    """A timestamp's microseconds as Slack reads it, what is no digit left out; None where no digit is left."""
    seconds, _, rest = value.partition(".")
    digits = [_NO_DIGIT.sub("", part) for part in (seconds, rest.partition(".")[0])]
    return int(digits[0] or 0) * 1_000_000 + int(digits[1] or 0) if any(digits) else None


def bound(args: Args, name: str) -> int | None:
    """`oldest` or `latest` in microseconds, None where there is no such bound. Raises SlackRefusal."""
    raw = str(args.get(name) or "")
    if raw in ("", "0"):
        return None
    moment = micros(raw)
    if moment is None:
        raise SlackRefusal(f"invalid_ts_{name}")
    return moment
