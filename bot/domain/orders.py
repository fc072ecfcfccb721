"""What somebody asks for: one value, whether it was typed or filled in, and how its texts are read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import ValidationError

from bot.domain.normalise import caseless, plain
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

    `break_glass` is the project's alias, typed to confirm that it shall run without approval. `again_of` is the request
    whose failures it tries again; nobody types that.
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
    again_of: str | None = None


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
    match caseless(value):
        case "true" | "yes" | "on" | "1":
            return True
        case "false" | "no" | "off" | "0":
            return False
        case _:
            raise ValueError(f"{quoted(value)} is neither yes nor no (for instant_access=, incremental= and confirm=).")


def read_disks(value: str) -> tuple[Selector, ...]:
    """`a,b`: ids or names, each once."""
    return disk_selectors(value.split(","))


def disk_selectors(entries: Iterable[str]) -> tuple[Selector, ...]:
    """Raises ValueError where there is no entry."""
    words = list(dict.fromkeys(filter(None, map(str.strip, entries))))
    if not words:
        raise ValueError("`disks=` takes ids or names, such as disks=web-01-data,web-01-logs.")
    return tuple(Selector("disk", word) for word in words)


def read_days(value: str) -> int:
    found = re.fullmatch(r"([0-9]{1,6}) ?(?:d|day|days)?", caseless(value))
    if not found or int(found[1]) not in RETENTION_DAYS:
        days = days_in(value)
        such = f"`keep={days}`" if days else "keep=7 or keep=7d"
        raise ValueError(f"`keep=` takes days, 1 to 65536, such as {such}; {quoted(value)} is not that.")
    return int(found[1])


_UNITS = {
    1: "d day days tag tage tagen jour jours día días dia dias giorno giorni dag dagen день дня дней 天 日",
    7: "w wk wks week weeks woche wochen semaine semaines semana semanas settimana settimane 周 週 星期",
    30: "m mo month months monat monate mois mes meses mese mesi 月 个月",
    365: "y yr year years jahr jahre an ans año años ano anos anno anni 年",
}
_UNIT_DAYS = {unit: days for days, units in _UNITS.items() for unit in units.split()}


def days_in(value: str, *, whole: bool = False) -> int | None:
    """How many days somebody may have meant by `7 days`, `2w` or `1 month`; `whole`: and said nothing else."""
    found = re.match(r"([0-9]{1,5})[ -]?([^\W\d_]*)(.*)", caseless(value), re.DOTALL)
    unit = _UNIT_DAYS.get(found[2] or "d") if found else None
    days = int(found[1]) * unit if found and unit and not (whole and found[3].strip(" .,;!")) else 0
    return days if days in RETENTION_DAYS else None


def read_tag(value: str) -> str:
    """A tag that disks carry, `key` or `key:value`."""
    tag = plain(value).strip()
    if "=" in tag and ":" not in tag:
        raise ValueError(f"Write a tag as key:value: `tag={tag.replace('=', ':', 1)}`.")
    return tag


def read_alias(value: str) -> str:
    """A project's alias, which counts without case; the alias of every project is `*`."""
    return caseless(value).strip("`").strip()


def read_tags(value: str) -> dict[str, str]:
    tags: dict[str, str] = {}
    pairs = [pair.strip() for pair in plain(value).split(",")]
    if len(pairs) == 1 and ";" in value:
        raise ValueError(f"Part tags with commas: `tags={','.join(filter(None, map(str.strip, value.split(';'))))}`.")
    for pair in filter(None, pairs):
        key, colon, content = pair.partition(":")
        if not colon and "=" in key:
            mended = ",".join(one if ":" in one else one.replace("=", ":", 1) for one in pairs if one)
            raise ValueError(f"Write tags as key:value: `tags={mended}`.")
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
