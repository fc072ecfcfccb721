"""The text after `/snapshot` becomes a value, or one kind of error that lists every fault at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from bot.domain.errors import CommandError
from bot.domain.sentences import quoted, without_mentions
from bot.domain.snapshots import REQUEST_TAG, RETENTION_DAYS, TAGS_PER_SNAPSHOT, CreateStandardSnapshot

TEXT_CHARACTERS = 2_000
"""Slack documents no limit for a command's text; more than this is refused with a sentence."""

DISKS_PER_CREATE = 20
REASON_CHARACTERS = 300

KNOWN = ("create", "status", "list", "help")
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
)


@dataclass(frozen=True, slots=True)
class Create:
    """`create DISK… [key=value…]`: disks are ids or names as typed, options only what was given, `keep` in days."""

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


@dataclass(frozen=True, slots=True)
class Status:
    """`status [ID]`: a request, job or snapshot id; without one, what the caller has running."""

    id: str | None = None


@dataclass(frozen=True, slots=True)
class ListSnapshots:
    """`list [disk=] [project=] [mine]`."""

    disk: str | None = None
    project: str | None = None
    mine: bool = False


@dataclass(frozen=True, slots=True)
class Help:
    """`help`, and nothing at all."""


Command = Create | Status | ListSnapshots | Help


def parse_command(text: str) -> Command:
    """Read what stands after `/snapshot`, as `plain_text` gives it. For any text it raises CommandError or nothing."""
    if len(text) > TEXT_CHARACTERS:
        raise CommandError(
            f"That is {len(text):,} characters and I read at most {TEXT_CHARACTERS:,}. "
            "Nothing was created. Split it into several commands, or shorten the reason."
        )
    words = _words(text)
    if not words:
        return Help()
    verb, rest = words[0].text.lower(), words[1:]
    match verb:
        case "help":
            return Help()
        case "create":
            return _create(rest)
        case "status":
            return _status(rest)
        case "list":
            return _list(rest)
        case _:
            raise CommandError(_unknown_verb(words[0].text))


# --- what Slack does to text ------------------------------------------------------------------------------------------

_ENTITY = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")


def plain_text(text: str) -> str:
    """Undo `should_escape`: mentions, channels and links become the words a person typed, `&amp;` becomes `&`.

    Source: Slack, Implementing slash commands (escaping); Formatting message text.
    """

    def word(found: re.Match[str]) -> str:
        kind, target, label = found.groups()
        if kind in ("@", "#"):
            return kind + (label or target)
        if kind == "!":
            return label or f"@{target}"
        return label or target

    plain = _ENTITY.sub(word, without_mentions(text))
    return plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


# --- words ------------------------------------------------------------------------------------------------------------

_DOUBLE = '"“”„‟«»＂'
_SINGLE = "'‘’‚‛"
_QUOTES = frozenset(_DOUBLE + _SINGLE)


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    quoted: bool
    """It began with a quote, so an equals sign in it is a letter like any other."""


def _words(text: str) -> list[_Word]:
    """Split as a shell does; curly quotes count as straight ones, and the apostrophe in don't stands."""
    if not _QUOTES.intersection(text):
        return [_Word(word, quoted=False) for word in text.split()]
    words: list[_Word] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        word, at = _word_at(text, at)
        words.append(word)
    return words


def _word_at(text: str, start: int) -> tuple[_Word, int]:
    letters: list[str] = []
    at = start
    while at < len(text) and not text[at].isspace():
        quotes = _quotes_opening(text, start, at)
        if not quotes:
            letters.append(text[at])
            at += 1
            continue
        end = _closing(text, at, quotes)
        if end is None:
            shown = quoted(text[at : at + 20])
            raise CommandError(f"The quote that opens {shown} is never closed. Close it, or leave it out.")
        letters.append(text[at + 1 : end])
        at = end + 1
    return _Word("".join(letters), quoted=bool(_quotes_opening(text, start, start))), at


def _quotes_opening(text: str, start: int, at: int) -> str:
    """A quote opens a word, a value after `=`, or one entry of a list after a comma; elsewhere it is a letter."""
    if at != start and text[at - 1] not in "=,:":
        return ""
    return next((quotes for quotes in (_DOUBLE, _SINGLE) if text[at] in quotes), "")


def _closing(text: str, opening: int, quotes: str) -> int | None:
    """The quote that ends the value: one of its kind that no letter follows, so don't is safe inside single quotes."""
    for at in range(opening + 1, len(text)):
        if text[at] in quotes and (at + 1 == len(text) or text[at + 1].isspace() or text[at + 1] in ",:"):
            return at
    return None


# --- verbs ------------------------------------------------------------------------------------------------------------


def _unknown_verb(verb: str) -> str:
    near = difflib.get_close_matches(verb.lower(), KNOWN, n=1)
    guess = f" Did you mean `{near[0]}`?" if near else ""
    return f"I know `create`, `status`, `list` and `help`, but not {quoted(verb)}.{guess} Nothing was done."


def _create(words: list[_Word]) -> Create:
    faults: list[str] = []
    disks: list[str] = []
    given: dict[str, Any] = {}
    readers: Mapping[str, Callable[[str], Any]] = {
        "instant_access": _yes_or_no,
        "incremental": _yes_or_no,
        "keep": _days,
        "tags": _tags,
        "reason": _reason,
    }
    for word in words:
        key, value = _option(word)
        if key is None:
            if word.text[:1] in "-–—" and not word.quoted:
                faults.append(f"Write options as key=value, such as name=nightly, instead of {quoted(word.text)}.")
            elif word.text in disks:
                faults.append(f"{quoted(word.text)} is named twice.")
            elif word.text:
                disks.append(word.text)
        elif key not in CREATE_OPTIONS:
            faults.append(_unknown_option(key, CREATE_OPTIONS))
        elif key in given:
            faults.append(f"`{key}=` is given twice.")
        elif not value:
            faults.append(f"`{key}=` is empty. Write a value right after the equals sign, without spaces.")
        else:
            try:
                given[key] = readers.get(key, str)(value)
            except ValueError as fault:
                given[key] = None
                faults.append(str(fault))
    if not disks:
        faults.insert(0, "Which disk? Give its id, or its name: `create DISK_ID name=nightly`.")
    if len(disks) > DISKS_PER_CREATE:
        faults.append(f"One command takes up to {DISKS_PER_CREATE} disks; these are {len(disks)}.")
    faults += _payload_faults(given)
    if faults:
        raise CommandError(_listed(faults))
    tags = given.pop("tags", None) or {}
    return Create(tuple(disks), keep_days=given.pop("keep", None), tags=tags, **given)


def _status(words: list[_Word]) -> Status:
    if len(words) > 1:
        raise CommandError("`status` takes one id: a request, a job or a snapshot. Example: `status r-7kq2m9xw`.")
    return Status(words[0].text if words else None)


def _list(words: list[_Word]) -> ListSnapshots:
    faults: list[str] = []
    given: dict[str, str] = {}
    mine = False
    for word in words:
        key, value = _option(word)
        if key is None and word.text.lower() == "mine":
            mine = True
        elif key in ("disk", "project") and value:
            given[key] = value
        elif key in ("disk", "project"):
            faults.append(f"`{key}=` is empty.")
        elif key is not None:
            faults.append(_unknown_option(key, ("disk", "project")))
        else:
            faults.append(
                f"I can't place {quoted(word.text)}. Try `list disk=NAME`, `list project=ALIAS` or `list mine`."
            )
    if faults:
        raise CommandError(_listed(faults))
    return ListSnapshots(given.get("disk"), given.get("project"), mine)


# --- options ----------------------------------------------------------------------------------------------------------


def _option(word: _Word) -> tuple[str | None, str]:
    found = None if word.quoted else re.match(r"([A-Za-z][A-Za-z_-]*)=(.*)", word.text, re.DOTALL)
    if not found:
        return None, word.text
    return found[1].lower().replace("-", "_"), found[2].strip()


def _unknown_option(key: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    guess = f" Did you mean `{near[0]}=`?" if near else f" I know {', '.join(f'`{name}=`' for name in known)}."
    return f"There is no option {quoted(key)}.{guess}"


def _yes_or_no(value: str) -> bool:
    match value.lower():
        case "true" | "yes" | "on" | "1":
            return True
        case "false" | "no" | "off" | "0":
            return False
        case _:
            raise ValueError(f"{quoted(value)} is neither yes nor no (for instant_access= and incremental=).")


def _days(value: str) -> int:
    found = re.fullmatch(r"(\d{1,6})\s*(?:d|day|days)?", value.lower())
    if not found or int(found[1]) not in RETENTION_DAYS:
        raise ValueError(f"`keep=` takes days, 1 to 65536, such as keep=7 or keep=7d; {quoted(value)} is not that.")
    return int(found[1])


def _tags(value: str) -> dict[str, str]:
    tags: dict[str, str] = {}
    for pair in value.split(","):
        key, colon, content = pair.strip().partition(":")
        if not colon or not key:
            raise ValueError(f"Write tags as tags=key:value,key2:value2; {quoted(pair)} has no key and colon.")
        if key in tags:
            raise ValueError(f"The tag {quoted(key)} is given twice.")
        if key == REQUEST_TAG:
            raise ValueError(f"The tag {REQUEST_TAG} is the bot's own; leave it out.")
        tags[key] = content
    return tags


def _reason(value: str) -> str:
    if len(value) > REASON_CHARACTERS:
        raise ValueError(f"A reason holds {REASON_CHARACTERS} characters; this one has {len(value)}.")
    return value


def _payload_faults(given: Mapping[str, Any]) -> list[str]:
    """What CreateStandardSnapshot itself says of the options, all of it at once."""
    tags = given.get("tags") or {}
    fields = {key: given[key] for key in ("name", "description") if given.get(key) is not None}
    faults = []
    try:
        CreateStandardSnapshot(volume_id="any", tags=tags, **fields)
    except ValidationError as exc:
        faults = [error["msg"] for error in exc.errors()]
    if len(tags) == TAGS_PER_SNAPSHOT:
        faults.append("A snapshot holds 20 tags and the bot adds one of its own; give 19 at most.")
    return faults


def _listed(faults: list[str]) -> str:
    nothing = "Nothing was created."
    if len(faults) == 1:
        return f"{faults[0]} {nothing}"
    return "\n".join([f"{len(faults)} things to mend. {nothing}", *(f"• {fault}" for fault in faults)])
