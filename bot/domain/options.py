"""The options of the commands: how each is read, what else people call it, and which command takes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from bot.domain.granting import duration_of
from bot.domain.normalise import caseless, plain, unmarked_word
from bot.domain.sentences import quoted
from bot.domain.snapshots import REQUEST_TAG, RETENTION_DAYS, TAGS_PER_SNAPSHOT, CreateStandardSnapshot

REASON_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Option:
    """`read` makes its value of what was typed, or raises ValueError; `placeholder` stands for a value that is not
    known, in an example. `others` is what else people call it. `several`: it takes several values, with commas between
    them; `prose`: it is kept as it was typed.
    """

    read: Callable[[str], Any] = str
    placeholder: str = ""
    others: str = ""
    several: bool = False
    prose: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """An option as it was given; `entries` is the value parted at its commas."""

    key: str
    value: str
    entries: tuple[str, ...]


# --- how they are read ------------------------------------------------------------------------------------------------


def read_yes_or_no(value: str) -> bool:
    match caseless(value):
        case "true" | "yes" | "on" | "1":
            return True
        case "false" | "no" | "off" | "0":
            return False
        case _:
            raise ValueError(f"{quoted(value)} is neither yes nor no (for instant_access=, incremental= and confirm=).")


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
    """The days that may be meant by `7 days`, `2w` or `1 month`; `whole`: where nothing else was said."""
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


def _read_id(value: str) -> str:
    return caseless(unmarked_word(value))


def payload_problems(given: Mapping[str, Any]) -> dict[str, str]:
    """The problems that CreateStandardSnapshot itself finds in the options, by option, all of them at once."""
    tags = given.get("tags") or {}
    fields = {key: given[key] for key in ("name", "description") if given.get(key) is not None}
    if not tags and not fields:
        return {}
    problems: dict[str, str] = {}
    try:
        CreateStandardSnapshot(volume_id="any", tags=tags, **fields)
    except ValidationError as exc:
        problems = {str(error["loc"][0]): error["msg"] for error in exc.errors()}
    if len(tags) == TAGS_PER_SNAPSHOT:
        problems["tags"] = "A snapshot holds 20 tags and the bot adds one of its own; give 19 at most."
    return problems


# --- which there are --------------------------------------------------------------------------------------------------

OPTIONS: Mapping[str, Option] = {
    "keep": Option(
        read_days,
        "DAYS",
        others="for retention retain retention_days keep_days days ttl expire expires expiry kept lifetime",
    ),
    "reason": Option(
        read_reason, prose=True, others="because comment why note message msg cause purpose ticket incident"
    ),
    "description": Option(prose=True, others="desc descr text details"),
    "name": Option(prose=True, others="title snapshot_name label_name called as"),
    "tags": Option(read_tags, "KEY:VALUE", several=True, others="labels label tag"),
    "tag": Option(read_tag, "KEY:VALUE", several=True, others="tags label labels"),
    "disks": Option(
        placeholder="DISK", several=True, others="disk volume volumes vol vols disk_name volume_id disk_id"
    ),
    "disk": Option(placeholder="DISK", others="disks volume vol name disk_name"),
    "server": Option(
        placeholder="SERVER", several=True, others="servers host hosts hostname vm vms ecs instance machine server_name"
    ),
    "server_id": Option(placeholder="SERVER_ID", several=True, others="ecs_id instance_id vm_id"),
    "project": Option(read_alias, "ALIAS", others="proj alias account project_id projects"),
    "enterprise_project_id": Option(_read_id, "ID", others="eps eps_id enterprise_project enterprise"),
    "instant_access": Option(read_yes_or_no, "YES_OR_NO", others="instant fast instant_restore"),
    "incremental": Option(read_yes_or_no, "YES_OR_NO", others="full incr"),
    "confirm": Option(read_yes_or_no, "YES_OR_NO", others="ask wait"),
    "break_glass": Option(read_alias, "ALIAS", others="breakglass force emergency glass"),
    "for": Option(duration_of, "DURATION"),
}
"""By their keys, in the order in which another word for one is looked for."""

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
CREATE_HELP = (
    "`name=` `description=` `tags=k:v,k2:v2` `enterprise_project_id=` `instant_access=` `incremental=` "
    "`keep=` (days) `reason=` `project=`"
)
"""As `help` tells them."""

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
OPTIONS_OF: Mapping[str, tuple[str, ...]] = {
    "create": CREATE_OPTIONS,
    "quick": QUICK_OPTIONS,
    "bind": tuple(key for key in QUICK_OPTIONS if key != "break_glass"),
    "list": ("disk", "project"),
    "deny": ("reason",),
    "restore": ("reason",),
    "verify": ("reason",),
    "grant": ("for", "project"),
    "revoke": ("project",),
    "access": ("project",),
}

LISTS = frozenset(key for key, option in OPTIONS.items() if option.several)
PROSE = frozenset(key for key, option in OPTIONS.items() if option.prose)
LATER_OPTIONS = "|".join(
    sorted({*OPTIONS, *(word for one in OPTIONS.values() for word in one.others.split())} - {"for", "as"})
)
"""The keys of options and what people write for them, for a pattern."""


def key_in(word: str) -> str | None:
    """The option that a word is the key of, in any case."""
    key = plain(word).casefold().replace("-", "_")
    return key if key in OPTIONS else None


def key_meant(key: str) -> str | None:
    """The option that is meant by a word; None for a word that is none."""
    if key in OPTIONS and key != "for":
        return key
    return next((one for one in OPTIONS if is_called(one, key)), None)


def is_called(option: str, word: str) -> bool:
    """Whether people say that word for an option."""
    return word in OPTIONS[option].others.split()
