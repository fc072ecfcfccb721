"""What somebody asks for: one value, whether it was typed or filled in, and how its texts are read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

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


SelectorKind = Literal["server", "server_id", "tag", "disk"]

QUICK_OPTIONS = (
    "project",
    "server",
    "server_id",
    "tag",
    "disks",
    "keep",
    "reason",
    "confirm",
    "break_glass",
)


@dataclass(frozen=True, slots=True)
class Selector:
    """Which disks are meant: all of a `server` (by name) or `server_id`, all with a `tag` (`key` or `key:value`), or
    one `disk` by name or id.
    """

    kind: SelectorKind
    value: str

    @property
    def shown(self) -> str:
        return f"{'server' if self.kind == 'server_id' else self.kind} {quoted(self.value)}"


@dataclass(frozen=True, slots=True)
class Quick:
    """`quick [server= server_id= tag= disks= …]`: every disk that is meant, in one consistent set. Without a selector,
    what the channel is bound to. `confirm` None: as the binding says.
    """

    selectors: tuple[Selector, ...] = ()
    project: str | None = None
    keep_days: int | None = None
    reason: str | None = None
    confirm: bool | None = None
    break_glass: str | None = None


Order = Create | Quick


def named(order: Order) -> tuple[str, ...]:
    """What was named: disks as typed, or selectors in words."""
    match order:
        case Create(disks):
            return disks
        case Quick(selectors):
            return tuple(selector.shown for selector in selectors)


# --- reading what was given -------------------------------------------------------------------------------------------


def read_yes_or_no(value: str) -> bool:
    match value.lower():
        case "true" | "yes" | "on" | "1":
            return True
        case "false" | "no" | "off" | "0":
            return False
        case _:
            raise ValueError(f"{quoted(value)} is neither yes nor no (for instant_access=, incremental= and confirm=).")


def read_disks(value: str) -> tuple[Selector, ...]:
    """`disks=a,b`: ids or names, each once."""
    words = list(dict.fromkeys(filter(None, map(str.strip, value.split(",")))))
    if not words:
        raise ValueError("`disks=` takes ids or names, such as disks=web-01-data,web-01-logs.")
    return tuple(Selector("disk", word) for word in words)


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


def as_typed(order: Order) -> str:
    """The command that asks for the same, ready to be copied; `parse_command` reads it back."""
    match order:
        case Create():
            return _create_as_typed(order)
        case Quick():
            return _quick_as_typed(order)


def _quick_as_typed(order: Quick) -> str:
    disks = ",".join(selector.value for selector in order.selectors if selector.kind == "disk")
    others = [(selector.kind, selector.value) for selector in order.selectors if selector.kind != "disk"]
    options = [
        *others,
        ("disks", disks),
        ("project", order.project),
        ("keep", None if order.keep_days is None else str(order.keep_days)),
        ("reason", order.reason),
        ("confirm", _yes_or_no(order.confirm)),
        ("break_glass", order.break_glass),
    ]
    return " ".join(["quick", *(f"{key}={_as_word(value)}" for key, value in options if value)])


def _create_as_typed(order: Create) -> str:
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
    return create_as_typed(order.disks, options)


def create_as_typed(disks: Iterable[str], options: Mapping[str, str | None]) -> str:
    """`create DISK… key=value…`, without the options that say nothing."""
    given = [f"{key}={_as_word(value)}" for key, value in options.items() if value]
    return " ".join(["create", *map(_as_word, disks), *given])


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
