"""What somebody asks for: one value, whether it was typed or filled in, and how its texts are read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from bot.domain.sentences import quoted
from bot.domain.snapshots import REQUEST_TAG, RETENTION_DAYS, TAGS_PER_SNAPSHOT, CreateStandardSnapshot
from bot.domain.words import DOUBLE_QUOTES, SINGLE_QUOTES

DISKS_PER_CREATE = 20
REASON_CHARACTERS = 300

CREATE_OPTIONS = (
    "project",
    "name",
    "description",
    "tags",
    "enterprise_project_id",
    "instant_access",
    "incremental",
    "keep",
    "reason",
    "break_glass",
)


@dataclass(frozen=True, slots=True)
class Create:
    """`create DISK… [key=value…]`: disks are ids or names as typed, options only what was given, `keep` in days.

    `break_glass` is the project's alias, typed to confirm that it shall run without approval.
    """

    disks: tuple[str, ...]
    project: str | None = None
    name: str | None = None
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    enterprise_project_id: str | None = None
    instant_access: bool | None = None
    incremental: bool | None = None
    keep_days: int | None = None
    reason: str | None = None
    break_glass: str | None = None


# --- reading what was given -------------------------------------------------------------------------------------------


def read_yes_or_no(value: str) -> bool:
    match value.lower():
        case "true" | "yes" | "on" | "1":
            return True
        case "false" | "no" | "off" | "0":
            return False
        case _:
            raise ValueError(f"{quoted(value)} is neither yes nor no (for instant_access= and incremental=).")


def read_days(value: str) -> int:
    found = re.fullmatch(r"(\d{1,6})\s*(?:d|day|days)?", value.lower())
    if not found or int(found[1]) not in RETENTION_DAYS:
        raise ValueError(f"`keep=` takes days, 1 to 65536, such as keep=7 or keep=7d; {quoted(value)} is not that.")
    return int(found[1])


def read_tags(value: str) -> dict[str, str]:
    tags: dict[str, str] = {}
    for pair in value.split(","):
        key, colon, content = pair.strip().partition(":")
        if not colon or not key:
            raise ValueError(f"Write tags as key:value,key2:value2; {quoted(pair)} has no key and colon.")
        if key in tags:
            raise ValueError(f"The tag {quoted(key)} is given twice.")
        if key == REQUEST_TAG:
            raise ValueError(f"The tag {REQUEST_TAG} is the bot's own; leave it out.")
        tags[key] = content
    return tags


def read_reason(value: str) -> str:
    if len(value) > REASON_CHARACTERS:
        raise ValueError(f"A reason holds {REASON_CHARACTERS} characters; this one has {len(value)}.")
    return value


def payload_faults(given: Mapping[str, Any]) -> dict[str, str]:
    """What CreateStandardSnapshot itself says of the options, by option, all of it at once."""
    tags = given.get("tags") or {}
    fields = {key: given[key] for key in ("name", "description") if given.get(key) is not None}
    faults: dict[str, str] = {}
    try:
        CreateStandardSnapshot(volume_id="any", tags=tags, **fields)
    except ValidationError as exc:
        faults = {str(error["loc"][0]): error["msg"] for error in exc.errors()}
    if len(tags) == TAGS_PER_SNAPSHOT:
        faults["tags"] = "A snapshot holds 20 tags and the bot adds one of its own; give 19 at most."
    return faults


# --- and back ---------------------------------------------------------------------------------------------------------


def as_typed(order: Create) -> str:
    """The command that asks for the same, ready to be copied; `parse_command` reads it back."""
    tags = ",".join(f"{key}:{value}" for key, value in order.tags.items())
    options: Mapping[str, str | None] = {
        "project": order.project,
        "name": order.name,
        "description": order.description,
        "tags": tags,
        "enterprise_project_id": order.enterprise_project_id,
        "instant_access": _yes_or_no(order.instant_access),
        "incremental": _yes_or_no(order.incremental),
        "keep": None if order.keep_days is None else str(order.keep_days),
        "reason": order.reason,
        "break_glass": order.break_glass,
    }
    given = [f"{key}={_as_word(value)}" for key, value in options.items() if value]
    return " ".join(["create", *map(_as_word, order.disks), *given])


def _yes_or_no(value: bool | None) -> str | None:
    return None if value is None else "yes" if value else "no"


def _as_word(text: str) -> str:
    """One word of a command: quoted where it would fall apart, with the quotes that do not occur in it."""
    if re.fullmatch(r"[\w.:,/+-]+", text) and not text.startswith("-"):
        return text
    if not DOUBLE_QUOTES.intersection(text):
        return f'"{text}"'
    if not SINGLE_QUOTES.intersection(text):
        return f"'{text}'"
    return '"' + "".join("’" if letter in DOUBLE_QUOTES else letter for letter in text) + '"'
