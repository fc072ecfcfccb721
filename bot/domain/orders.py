"""An order: one value, whether it was typed or filled in; and back to what is typed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from bot.domain.parsing.words import DOUBLE_QUOTES, SINGLE_QUOTES
from bot.domain.sentences import quoted

DISKS_PER_CREATE = 20


@dataclass(frozen=True, slots=True)
class Create:
    """`create DISK… [key=value…]`: disks are ids or names as typed, options only what was given, `keep` in days.

    `break_glass` is the project's alias, typed to confirm that it shall run without approval. `again_of` is the request
    whose failures it tries again; that is never typed.
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
    again_of: str | None = None


SelectorKind = Literal["server", "server_id", "tag", "disk"]


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
    again_of: str | None = None


Way = Literal["new_disks", "overwrite", "verify"]
"""How disks come back: as new ones beside the old, over the old ones, or as test disks that go again."""


@dataclass(frozen=True, slots=True)
class Restore:
    """`restore ID [overwrite]` and `verify ID`: `of` is a snapshot or a request as typed, `request_id` the request
    that it leads to, "" before it was looked up. It can never do without approval, nor is it tried again.
    """

    of: str
    request_id: str = ""
    way: Way = "new_disks"
    project: str | None = None
    reason: str | None = None
    keep_days: int | None = None
    break_glass: None = None
    again_of: None = None


Order = Create | Quick | Restore


def proves(order: Order) -> bool:
    """Whether its disks are test disks, which go again."""
    return isinstance(order, Restore) and order.way == "verify"


def overwrites(order: Order) -> bool:
    """Whether disks are written over; what it makes are the safety snapshots of that."""
    return isinstance(order, Restore) and order.way == "overwrite"


def named(order: Order) -> tuple[str, ...]:
    """The names in an order: disks as typed, or selectors in words."""
    match order:
        case Create(disks):
            return disks
        case Quick(selectors):
            return tuple(selector.shown for selector in selectors)
        case Restore(of):
            return (of,)


def read_disks(value: str) -> tuple[Selector, ...]:
    """`a,b`: ids or names, each once."""
    return disk_selectors(value.split(","))


def disk_selectors(entries: Iterable[str]) -> tuple[Selector, ...]:
    """Raises ValueError where there is no entry."""
    words = list(dict.fromkeys(filter(None, map(str.strip, entries))))
    if not words:
        raise ValueError("`disks=` takes ids or names, such as disks=web-01-data,web-01-logs.")
    return tuple(Selector("disk", word) for word in words)


# --- and back ---------------------------------------------------------------------------------------------------------


def as_typed(order: Order) -> str:
    """The command that asks for the same, ready to be copied; `parse_command` reads it back."""
    match order:
        case Create():
            return _create_as_typed(order)
        case Quick():
            return _quick_as_typed(order)
        case Restore():
            return _restore_as_typed(order)


def _restore_as_typed(order: Restore) -> str:
    words = ["verify" if order.way == "verify" else "restore", as_word(order.of)]
    words += ["overwrite"] if order.way == "overwrite" else []
    return " ".join(words + ([f"reason={as_word(order.reason)}"] if order.reason else []))


def _quick_as_typed(order: Quick) -> str:
    disks = ",".join(as_entry(selector.value) for selector in order.selectors if selector.kind == "disk")
    others = [(selector.kind, selector.value) for selector in order.selectors if selector.kind != "disk"]
    options = [
        ("project", order.project),
        ("keep", None if order.keep_days is None else str(order.keep_days)),
        ("reason", order.reason),
        ("confirm", _yes_or_no(order.confirm)),
        ("break_glass", order.break_glass),
    ]
    named = [f"{key}={as_word(value)}" for key, value in others] + ([f"disks={disks}"] if disks else [])
    return " ".join(["quick", *named, *(f"{key}={as_word(value)}" for key, value in options if value)])


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
    given = [f"{key}={as_word(value)}" for key, value in options.items() if value]
    return " ".join(["create", *map(as_entry, disks), *given])


def _yes_or_no(value: bool | None) -> str | None:
    return None if value is None else "yes" if value else "no"


def as_word(text: str) -> str:
    """One word of a command: quoted where it would fall apart, with the quotes that do not occur in it."""
    return text if re.fullmatch(r"[\w.:,/+-]+", text) and not text.startswith("-") else _in_quotes(text)


def as_entry(text: str) -> str:
    """One entry of a list: quoted as well where a comma, a list mark or a separator would be read as one."""
    alone = re.fullmatch(r"[0-9]{1,2}\.|[/+:,.]+|and|und|et|plus|or|oder|ou", text, re.IGNORECASE)
    return as_word(text) if not alone and "," not in text else _in_quotes(text)


def _in_quotes(text: str) -> str:
    if not DOUBLE_QUOTES.intersection(text):
        return f'"{text}"'
    if not SINGLE_QUOTES.intersection(text):
        return f"'{text}'"
    return '"' + "".join("’" if letter in DOUBLE_QUOTES else letter for letter in text) + '"'
