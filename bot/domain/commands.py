"""The text after `/snapshot` becomes a value, or one kind of error that lists every fault at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from bot.domain.access import Role
from bot.domain.errors import CommandError
from bot.domain.granting import Subject, duration_of, subject_of
from bot.domain.orders import (
    CREATE_OPTIONS,
    DISKS_PER_CREATE,
    QUICK_OPTIONS,
    Create,
    Quick,
    Selector,
    SelectorKind,
    payload_faults,
    read_days,
    read_disks,
    read_reason,
    read_tags,
    read_yes_or_no,
)
from bot.domain.sentences import quoted
from bot.domain.words import Word, plain_text, subject_text, words_of

TEXT_CHARACTERS = 2_000
"""Slack documents no limit for a command's text; more than this is refused with a sentence."""

KNOWN = (
    "create",
    "quick",
    "bind",
    "unbind",
    "status",
    "list",
    "approve",
    "deny",
    "review",
    "cancel",
    "restore-points",
    "delete",
    "access",
    "projects",
    "grant",
    "revoke",
    "help",
)


@dataclass(frozen=True, slots=True)
class Review:
    """`review ID`: somebody looked at a request that ran without approval."""

    id: str


@dataclass(frozen=True, slots=True)
class Status:
    """`status [ID]`: a request, job or snapshot id; without one, what the caller has running."""

    id: str | None = None


@dataclass(frozen=True, slots=True)
class ListSnapshots:
    """`list [disk=] [project=] [mine]`. `offset` is how many newer ones are passed over; a button gives it."""

    disk: str | None = None
    project: str | None = None
    mine: bool = False
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Approve:
    """`approve ID`: the same as the button."""

    id: str


@dataclass(frozen=True, slots=True)
class Deny:
    """`deny ID reason=`: the same as the button and its form."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """`cancel ID`: calls back what was not sent yet; a request, job or snapshot id."""

    id: str


@dataclass(frozen=True, slots=True)
class RestorePoints:
    """`restore-points [#channel]`: what a channel's incidents created and what still exists; None: this channel's."""

    channel: str | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """`delete ID`: lets go what a request made, or one snapshot of it; or agrees to somebody else's asking."""

    id: str


@dataclass(frozen=True, slots=True)
class Help:
    """`help`."""


@dataclass(frozen=True, slots=True)
class OpenForm:
    """Nothing at all, or a `create` that names no disk: the form, filled in with what was typed."""

    order: Create


@dataclass(frozen=True, slots=True)
class GrantAccess:
    """`grant @someone-or-group ROLE PROJECT [for=8h]`; `project` is an alias or `*`, `lasting` None for ever."""

    subject: Subject
    role: Role
    project: str
    lasting: timedelta | None = None


@dataclass(frozen=True, slots=True)
class RevokeAccess:
    """`revoke @someone-or-group [ROLE] PROJECT`; without a role, every role that was granted there."""

    subject: Subject
    role: Role | None
    project: str


@dataclass(frozen=True, slots=True)
class ShowAccess:
    """`access [@someone] [project=]`: what they may do and why, or why not; without a subject, the caller."""

    subject: Subject | None = None
    project: str | None = None


@dataclass(frozen=True, slots=True)
class ShowProjects:
    """`projects`: what the caller may use."""


@dataclass(frozen=True, slots=True)
class Bind:
    """`bind …`: what `quick` means in this channel from now on. Without a selector, the form that asks for it."""

    selectors: tuple[Selector, ...] = ()
    project: str | None = None
    keep_days: int | None = None
    reason: str | None = None
    confirm: bool | None = None


@dataclass(frozen=True, slots=True)
class Unbind:
    """`unbind`: this channel is about nothing any more."""


AccessCommand = GrantAccess | RevokeAccess | ShowAccess | ShowProjects
Change = Approve | Deny | Review | Cancel | Delete | Bind | Unbind
Question = Status | ListSnapshots | RestorePoints | Help | Change | AccessCommand
"""What is answered on the spot, to its asker alone."""

Command = Create | Quick | OpenForm | Question


def parse_command(text: str) -> Command:
    """Read what stands after `/snapshot`, as `plain_text` gives it. For any text it raises CommandError or nothing."""
    if len(text) > TEXT_CHARACTERS:
        raise CommandError(
            f"That is {len(text):,} characters and I read at most {TEXT_CHARACTERS:,}. "
            "Nothing was created. Split it into several commands, or shorten the reason."
        )
    words = words_of(text)
    if not words:
        return OpenForm(Create(()))
    verb, rest = words[0].text.lower(), words[1:]
    match verb:
        case "help":
            return Help()
        case "create":
            return _create(rest)
        case "quick":
            return _quick(rest)
        case "bind":
            return _bind(rest)
        case "unbind":
            if rest:
                raise CommandError(f"`unbind` takes nothing: it is about this channel. {_UNCHANGED}")
            return Unbind()
        case "status":
            return _status(rest)
        case "list":
            return _list(rest)
        case "grant":
            return _grant(rest)
        case "revoke":
            return _revoke(rest)
        case "access":
            return _access(rest)
        case "projects":
            return ShowProjects()
        case "approve":
            return Approve(_request_id(rest, "approve"))
        case "deny":
            return _deny(rest)
        case "cancel":
            return Cancel(_request_id(rest, "cancel"))
        case "restore-points":
            return _restore_points(rest)
        case "delete":
            return Delete(_request_id(rest, "delete"))
        case "review":
            return Review(_request_id(rest, "review"))
        case _:
            raise CommandError(_unknown_verb(words[0].text))


_NAMING_BY_ID = frozenset({"grant", "revoke", "access", "restore-points"})
"""Commands in which a mention is read as an id; everywhere else it is the words that were typed."""


def read_command(raw: str) -> Command:
    """Read the text as Slack delivers it, entities and all. Raises CommandError, and nothing else."""
    plain = plain_text(raw)
    verb, *_ = [*plain.split(maxsplit=1), ""]
    return parse_command(subject_text(raw) if verb.lower() in _NAMING_BY_ID else plain)


# --- verbs ------------------------------------------------------------------------------------------------------------


def _unknown_verb(verb: str) -> str:
    near = difflib.get_close_matches(verb.lower(), KNOWN, n=1)
    guess = f" Did you mean `{near[0]}`?" if near else ""
    known = ", ".join(f"`{name}`" for name in KNOWN[:-1])
    return f"I know {known} and `{KNOWN[-1]}`, but not {quoted(verb)}.{guess} Nothing was done."


def _create(words: list[Word]) -> Create | OpenForm:
    faults: list[str] = []
    disks: list[str] = []
    given: dict[str, Any] = {}
    readers: Mapping[str, Callable[[str], Any]] = {
        "instant_access": read_yes_or_no,
        "incremental": read_yes_or_no,
        "keep": read_days,
        "tags": read_tags,
        "reason": read_reason,
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
    if len(disks) > DISKS_PER_CREATE:
        faults.append(f"One command takes up to {DISKS_PER_CREATE} disks; these are {len(disks)}.")
    faults += payload_faults(given).values()
    if faults:
        raise CommandError(_listed(faults))
    tags = given.pop("tags", None) or {}
    order = Create(tuple(disks), keep_days=given.pop("keep", None), tags=tags, **given)
    return order if disks else OpenForm(order)


def _quick(words: list[Word]) -> Quick:
    selectors, read, faults = _selected(words, QUICK_OPTIONS)
    if faults:
        raise CommandError(_listed(faults))
    return Quick(selectors, keep_days=read.pop("keep", None), **read)


def _bind(words: list[Word]) -> Bind:
    selectors, read, faults = _selected(words, tuple(key for key in QUICK_OPTIONS if key != "break_glass"))
    if faults:
        raise CommandError(_listed(faults, _UNCHANGED))
    return Bind(selectors, keep_days=read.pop("keep", None), **read)


def _selected(words: list[Word], options: tuple[str, ...]) -> tuple[tuple[Selector, ...], dict[str, Any], list[str]]:
    """Which disks are meant, the options, and every fault."""
    plain, given, faults = _split(words, options, repeated=("server", "server_id", "tag"))
    faults += [f"Say what {quoted(word)} is: server={word}, tag={word} or disks={word}." for word in plain]
    selectors: list[Selector] = []
    kinds: Mapping[str, SelectorKind] = {"server": "server", "server_id": "server_id", "tag": "tag"}
    for key, kind in kinds.items():
        selectors += [Selector(kind, value) for value in given.get(key, ())]
    for value in given.get("disks", ()):
        selectors += _tried(read_disks, value, faults) or ()
    readers: Mapping[str, Callable[[str], Any]] = {
        "keep": read_days,
        "reason": read_reason,
        "confirm": read_yes_or_no,
        "project": str,
        "break_glass": str,
    }
    read = {key: _tried(reader, given[key][0], faults) for key, reader in readers.items() if key in given}
    return tuple(dict.fromkeys(selectors)), read, faults


def _status(words: list[Word]) -> Status:
    if len(words) > 1:
        raise CommandError("`status` takes one id: a request, a job or a snapshot. Example: `status r-7kq2m9xw`.")
    return Status(words[0].text if words else None)


def _request_id(words: list[Word], verb: str) -> str:
    if len(words) != 1:
        raise CommandError(f"`{verb}` takes the id of one request, such as r-7kq2m9xw. Nothing was changed.")
    return words[0].text


def _restore_points(words: list[Word]) -> RestorePoints:
    if not words:
        return RestorePoints()
    found = re.fullmatch(r"channel:([CG][A-Z0-9]{2,20})", words[0].text)
    if len(words) > 1 or not found:
        raise CommandError("`restore-points` takes one channel, such as `restore-points #inc-42`, or nothing.")
    return RestorePoints(found[1])


def _deny(words: list[Word]) -> Deny:
    given = [_option(word) for word in words]
    reasons = [value for key, value in given if key == "reason"]
    unknown = [key for key, _ in given if key not in (None, "reason")]
    if len(reasons) != 1 or not reasons[0] or unknown:
        raise CommandError("Write `deny ID reason=…`; the person who asked reads the reason. Nothing was changed.")
    rest = [word for word, (key, _) in zip(words, given, strict=True) if key is None]
    try:
        return Deny(_request_id(rest, "deny"), read_reason(reasons[0]))
    except ValueError as fault:
        raise CommandError(f"{fault} Nothing was changed.") from None


def _list(words: list[Word]) -> ListSnapshots:
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


def _grant(words: list[Word]) -> GrantAccess:
    plain, given, faults = _split_once(words, ("for",))
    if len(plain) != 3:
        faults.append("Say whom, as what and where: `grant @someone operator PROJECT`, perhaps with `for=8h`.")
        raise CommandError(_listed(faults, _UNCHANGED))
    subject = _tried(subject_of, plain[0], faults)
    role = _tried(_role, plain[1], faults)
    lasting = _tried(duration_of, given["for"], faults) if "for" in given else None
    if faults or subject is None or role is None:
        raise CommandError(_listed(faults, _UNCHANGED))
    return GrantAccess(subject, role, plain[2], lasting)


def _revoke(words: list[Word]) -> RevokeAccess:
    plain, _, faults = _split_once(words, ())
    if len(plain) not in (2, 3):
        faults.append("Say from whom and where: `revoke @someone PROJECT`, or `revoke @someone operator PROJECT`.")
        raise CommandError(_listed(faults, _UNCHANGED))
    subject = _tried(subject_of, plain[0], faults)
    role = _tried(_role, plain[1], faults) if len(plain) == 3 else None
    if faults or subject is None:
        raise CommandError(_listed(faults, _UNCHANGED))
    return RevokeAccess(subject, role, plain[-1])


def _access(words: list[Word]) -> ShowAccess:
    plain, given, faults = _split_once(words, ("project",))
    if len(plain) > 1:
        faults.append("`access` takes one person or group: `access @someone project=ALIAS`.")
    subject = _tried(subject_of, plain[0], faults) if plain else None
    if faults:
        raise CommandError(_listed(faults, _UNCHANGED))
    return ShowAccess(subject, given.get("project"))


_UNCHANGED = "Nothing was changed."
_Value = TypeVar("_Value")


def _split_once(words: list[Word], options: tuple[str, ...]) -> tuple[list[str], dict[str, str], list[str]]:
    """Plain words, options, and what is wrong with the options."""
    plain, given, faults = _split(words, options)
    return plain, {key: values[0] for key, values in given.items()}, faults


def _split(
    words: list[Word], options: tuple[str, ...], *, repeated: tuple[str, ...] = ()
) -> tuple[list[str], dict[str, list[str]], list[str]]:
    """The same, where some options may be `repeated`."""
    plain: list[str] = []
    given: dict[str, list[str]] = {}
    faults: list[str] = []
    for word in words:
        key, value = _option(word)
        if key is None:
            plain.append(word.text)
        elif key not in options:
            faults.append(_unknown_option(key, options))
        elif key in given and key not in repeated:
            faults.append(f"`{key}=` is given twice.")
        elif not value:
            faults.append(f"`{key}=` is empty. Write a value right after the equals sign, without spaces.")
        else:
            given.setdefault(key, []).append(value)
    return plain, given, faults


def _tried(read: Callable[[str], _Value], text: str, faults: list[str]) -> _Value | None:
    try:
        return read(text)
    except ValueError as fault:
        faults.append(str(fault))
        return None


def _role(text: str) -> Role:
    try:
        return Role(text.lower())
    except ValueError:
        roles = ", ".join(role.value for role in Role)
        raise ValueError(f"There is no role {quoted(text)}. The roles are {roles}.") from None


# --- options ----------------------------------------------------------------------------------------------------------


def _option(word: Word) -> tuple[str | None, str]:
    found = None if word.quoted else re.match(r"([A-Za-z][A-Za-z_-]*)=(.*)", word.text, re.DOTALL)
    if not found:
        return None, word.text
    return found[1].lower().replace("-", "_"), found[2].strip()


def _unknown_option(key: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    if near:
        guess = f" Did you mean `{near[0]}=`?"
    else:
        guess = f" I know {', '.join(f'`{name}=`' for name in known)}." if known else ""
    return f"There is no option {quoted(key)}.{guess}"


def _listed(faults: list[str], nothing: str = "Nothing was created.") -> str:
    if len(faults) == 1:
        return f"{faults[0]} {nothing}"
    return "\n".join([f"{len(faults)} things to mend. {nothing}", *(f"• {fault}" for fault in faults)])
