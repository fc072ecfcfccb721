"""The options there are, by the verbs that take them, what else people call them, and words that mean nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.domain.granting import duration_of
from bot.domain.normalise import caseless, plain, unmarked_word
from bot.domain.orders import (
    CREATE_OPTIONS,
    QUICK_OPTIONS,
    read_alias,
    read_days,
    read_reason,
    read_tag,
    read_tags,
    read_yes_or_no,
)

LISTS = frozenset({"disks", "server", "server_id", "tag", "tags"})
"""Options that take several values, with commas between them."""
PROSE = frozenset({"name", "description", "reason"})
"""Options whose value is kept as it was typed."""

OPTIONS_OF: Mapping[str, tuple[str, ...]] = {
    "create": CREATE_OPTIONS,
    "quick": QUICK_OPTIONS,
    "bind": tuple(key for key in QUICK_OPTIONS if key != "break_glass"),
    "list": ("disk", "project"),
    "deny": ("reason",),
    "grant": ("for", "project"),
    "revoke": ("project",),
    "access": ("project",),
}
KNOWN_KEYS = frozenset({*CREATE_OPTIONS, *QUICK_OPTIONS, "disk", "for"})

READERS: Mapping[str, Callable[[str], Any]] = {
    "project": read_alias,
    "break_glass": read_alias,
    "instant_access": read_yes_or_no,
    "incremental": read_yes_or_no,
    "confirm": read_yes_or_no,
    "keep": read_days,
    "tags": read_tags,
    "tag": read_tag,
    "reason": read_reason,
    "for": duration_of,
    "enterprise_project_id": lambda text: caseless(unmarked_word(text)),
}
"""How the value of an option is read; a text without a reader stays as it was typed."""

PLACEHOLDERS = {
    "project": "ALIAS",
    "break_glass": "ALIAS",
    "keep": "DAYS",
    "tags": "KEY:VALUE",
    "tag": "KEY:VALUE",
    "disks": "DISK",
    "disk": "DISK",
    "server": "SERVER",
    "server_id": "SERVER_ID",
    "for": "DURATION",
    "instant_access": "YES_OR_NO",
    "incremental": "YES_OR_NO",
    "confirm": "YES_OR_NO",
    "enterprise_project_id": "ID",
}
"""What stands in an example for a value that is not known."""

_FILLERS = (
    "a an the my our your this that these those following it its is are was be me us of to up down from at by with",
    "latest last new recent named called disk disks volume volumes snapshot snapshots snap backup backups copy create",
    "on in host server vm ecs instance machine both",
)
FILLERS = frozenset(word + end for words in _FILLERS for word in words.split() for end in ("", ":"))
"""Words of a sentence around a name, which mean nothing to the bot."""
COURTESIES = frozenset(("please", "pls", "plz", "now", "thanks", "thx", "asap", "kindly", "just", "cheers"))
EVERYTHING = frozenset(("all", "everything", "*", "every", "each"))

OTHER_WORDS = {
    "keep": "for retention retain retention_days keep_days days ttl expire expires expiry kept lifetime",
    "reason": "because comment why note message msg cause purpose ticket incident",
    "description": "desc descr text details",
    "name": "title snapshot_name label_name called as",
    "tags": "labels label tag",
    "tag": "tags label labels",
    "disks": "disk volume volumes vol vols disk_name volume_id disk_id",
    "disk": "disks volume vol name disk_name",
    "server": "servers host hosts hostname vm vms ecs instance machine server_name",
    "server_id": "ecs_id instance_id vm_id",
    "project": "proj alias account project_id projects",
    "enterprise_project_id": "eps eps_id enterprise_project enterprise",
    "instant_access": "instant fast instant_restore",
    "incremental": "full incr",
    "confirm": "ask wait",
    "break_glass": "breakglass force emergency glass",
}
"""What else people write for an option, in the order in which it is looked for."""


LATER_OPTIONS = "|".join(sorted({*KNOWN_KEYS, *" ".join(OTHER_WORDS.values()).split()} - {"for", "as"}))
"""The keys of options and what people write for them, for a pattern."""


@dataclass(frozen=True, slots=True)
class Option:
    """`entries` is the value parted at its commas."""

    key: str
    value: str
    entries: tuple[str, ...]


def key_in(word: str) -> str | None:
    """The option that a word is the key of, in any case."""
    key = plain(word).casefold().replace("-", "_")
    return key if key in KNOWN_KEYS else None


def key_meant(key: str) -> str | None:
    """The option that somebody means by a word; None for a word that is none."""
    if key in KNOWN_KEYS and key != "for":
        return key
    return next((one for one, others in OTHER_WORDS.items() if key in others.split()), None)


def like_a_name(word: str) -> bool:
    """Disks and servers are seldom called by a plain word of a sentence."""
    return any(letter.isdigit() or letter in "_-" for letter in word)
