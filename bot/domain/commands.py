"""The text after `/snapshot` becomes a value, or one kind of error that lists every fault at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar

from bot.domain import advice
from bot.domain.access import Role
from bot.domain.arguments import Arguments, Option, option_of, read_arguments, unknown_option
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
    disk_selectors,
    payload_faults,
    read_alias,
    read_days,
    read_reason,
    read_tag,
    read_tags,
    read_yes_or_no,
)
from bot.domain.sentences import quoted
from bot.domain.typed import caseless, plain, unmarked_word, visible, without_backticks
from bot.domain.words import Word, order_text, plain_text, subject_text, verb_in, words_of

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


COMMAND = "/snapshot"


def parse_command(text: str, command: str = COMMAND) -> Command:
    """Read what stands after `command`, as `plain_text` gives it. For any text it raises CommandError or nothing."""
    if len(text) > TEXT_CHARACTERS:
        raise CommandError(
            f"That is {len(text):,} characters and I read at most {TEXT_CHARACTERS:,}. "
            "Nothing was created. Split it into several commands, or shorten the reason."
        )
    words = words_of(order_text(visible(text), command))
    if len(words) == 1 and words[0].quoted and " " in words[0].text:
        words = words_of(words[0].text)  # the whole order stood in quotes
    while len(words) > 1 and words[0].text.lower().strip(",") in _COURTESIES:
        words = words[1:]
    if not words:
        return OpenForm(Create(()))
    return _command(words)


_COURTESIES = ("please", "pls", "plz")


def _command(words: list[Word]) -> Command:
    verb, rest = verb_in(words[0].text), words[1:]
    match verb:
        case "help" | "?" | "h" | "-h" | "--help":
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
            raise CommandError(advice.for_unknown_verb(words, KNOWN))


_NAMING_BY_ID = frozenset({"grant", "revoke", "access", "restore-points"})
"""Commands in which a mention is read as an id; everywhere else it is the words that were typed."""


def read_command(raw: str, command: str = COMMAND) -> Command:
    """Read the text as Slack delivers it, entities and all. Raises CommandError, and nothing else."""
    text = plain_text(raw)
    verb, *_ = [*order_text(text, command).split(maxsplit=1), ""]
    return parse_command(subject_text(raw) if verb_in(verb) in _NAMING_BY_ID else text, command)


# --- verbs ------------------------------------------------------------------------------------------------------------


_READERS: Mapping[str, Callable[[str], Any]] = {
    "project": read_alias,
    "break_glass": read_alias,
    "instant_access": read_yes_or_no,
    "incremental": read_yes_or_no,
    "confirm": read_yes_or_no,
    "keep": read_days,
    "tags": read_tags,
    "reason": read_reason,
    "enterprise_project_id": caseless,
}
"""How the value of an option is read; a text without a reader stays as it was typed."""


def _create(words: list[Word]) -> Create | OpenForm:
    arguments = read_arguments("create", words)
    given, faults = _options(arguments, CREATE_OPTIONS)
    values = {key: _tried(_READERS.get(key, str), options[0].value, faults) for key, options in given.items()}
    disks = arguments.entries
    for word in arguments.bare:
        if word.text[:1] in "-–—" and not word.quoted:
            faults.append(f"Write options as key=value, such as name=nightly, instead of {quoted(word.text)}.")
    if len(disks) > DISKS_PER_CREATE:
        faults.append(f"One command takes up to {DISKS_PER_CREATE} disks; these are {len(disks)}.")
    faults += payload_faults(values).values()
    if faults:
        raise CommandError(_listed(faults))
    tags = values.pop("tags", None) or {}
    order = Create(tuple(disks), keep_days=values.pop("keep", None), tags=tags, **values)
    return order if disks else OpenForm(order)


def _quick(words: list[Word]) -> Quick:
    selectors, read, faults = _selected("quick", words, QUICK_OPTIONS)
    if faults:
        raise CommandError(_listed(faults))
    return Quick(selectors, keep_days=read.pop("keep", None), **read)


def _bind(words: list[Word]) -> Bind:
    selectors, read, faults = _selected("bind", words, tuple(key for key in QUICK_OPTIONS if key != "break_glass"))
    if faults:
        raise CommandError(_listed(faults, _UNCHANGED))
    return Bind(selectors, keep_days=read.pop("keep", None), **read)


def _selected(
    verb: str, words: list[Word], options: tuple[str, ...]
) -> tuple[tuple[Selector, ...], dict[str, Any], list[str]]:
    """Which disks are meant, the options, and every fault."""
    arguments = read_arguments(verb, words)
    given, faults = _options(arguments, options, repeated=("server", "server_id", "tag"))
    bare = arguments.entries
    if bare and all(caseless(word) in ("all", "everything") for word in bare):
        faults.append(f"Say `{verb}` alone for all that this channel is bound to, or name a server: `{verb} server=…`.")
    else:
        faults += [f"Say what {quoted(word)} is: server={word}, tag={word} or disks={word}." for word in bare]
    selectors: list[Selector] = []
    kinds: Mapping[str, tuple[SelectorKind, Callable[[str], str]]] = {
        "server": ("server", without_backticks),
        "server_id": ("server_id", lambda text: caseless(unmarked_word(text))),
        "tag": ("tag", read_tag),
    }
    for key, (kind, reader) in kinds.items():
        read_all = [_tried(reader, entry, faults) for option in given.get(key, ()) for entry in option.entries]
        selectors += [Selector(kind, value) for value in read_all if value]
    for option in given.get("disks", ()):
        try:
            selectors += disk_selectors(option.entries)
        except ValueError as fault:
            faults.append(str(fault))
    read: dict[str, Any] = {
        key: _tried(_READERS[key], given[key][0].value, faults)
        for key in ("keep", "reason", "confirm", "project", "break_glass")
        if key in given
    }
    return tuple(dict.fromkeys(selectors)), read, faults


def _status(words: list[Word]) -> Status:
    if len(words) > 1:
        raise CommandError("`status` takes one id: a request, a job or a snapshot. Example: `status r-7kq2m9xw`.")
    return Status(_id(words[0]) if words else None)


def _id(word: Word) -> str:
    """Ids count without case, and in the code span in which I show them."""
    return caseless(unmarked_word(plain(word.text))).rstrip(",.;")


def _request_id(words: list[Word], verb: str) -> str:
    if len(words) != 1:
        raise CommandError(f"`{verb}` takes the id of one request, such as r-7kq2m9xw. Nothing was changed.")
    return _id(words[0])


def _restore_points(words: list[Word]) -> RestorePoints:
    if not words:
        return RestorePoints()
    found = re.fullmatch(r"channel:([CG][A-Z0-9]{2,20})", words[0].text)
    if len(words) > 1 or not found:
        raise CommandError("`restore-points` takes one channel, such as `restore-points #inc-42`, or nothing.")
    return RestorePoints(found[1])


def _deny(words: list[Word]) -> Deny:
    arguments = read_arguments("deny", words)
    reasons = [option.value for option in arguments.options if option.key == "reason"]
    unknown = [option for option in arguments.options if option.key != "reason"]
    if len(reasons) != 1 or not reasons[0] or unknown:
        raise CommandError("Write `deny ID reason=…`; the person who asked reads the reason. Nothing was changed.")
    ids = [*arguments.bare, *(Word(late, quoted=False) for late in arguments.late)]
    if arguments.late and len(ids) > 1:
        raise CommandError(_listed(arguments.faults, _UNCHANGED))
    try:
        return Deny(_request_id(ids, "deny"), read_reason(reasons[0]))
    except ValueError as fault:
        raise CommandError(f"{fault} Nothing was changed.") from None


def _list(words: list[Word]) -> ListSnapshots:
    faults: list[str] = []
    given: dict[str, str] = {}
    mine = False
    for word in words:
        option = option_of(word)
        text = caseless(word.text)
        if option is None and text == "mine":
            mine = True
        elif option is None and text not in ("all", "everything"):
            faults.append(f"I can't place {quoted(word.text)}. Did you mean `list disk={word.text}`, or `list mine`?")
        elif option is not None and option.key not in ("disk", "project"):
            faults.append(unknown_option(option, ("disk", "project"), "list"))
        elif option is not None and not option.value:
            faults.append(f"`{option.key}=` is empty.")
        elif option is not None:
            given[option.key] = without_backticks(option.value) if option.key == "disk" else read_alias(option.value)
    if faults:
        raise CommandError(_listed(faults))
    return ListSnapshots(given.get("disk"), given.get("project"), mine)


def _grant(words: list[Word]) -> GrantAccess:
    bare, given, faults = _split_once("grant", words, ("for",))
    if len(bare) != 3:
        faults.append("Say whom, as what and where: `grant @someone operator PROJECT`, perhaps with `for=8h`.")
        raise CommandError(_listed(faults, _UNCHANGED))
    subject = _tried(subject_of, bare[0], faults)
    role = _tried(_role, bare[1], faults)
    lasting = _tried(duration_of, given["for"], faults) if "for" in given else None
    if faults or subject is None or role is None:
        raise CommandError(_listed(faults, _UNCHANGED))
    return GrantAccess(subject, role, read_alias(bare[2]), lasting)


def _revoke(words: list[Word]) -> RevokeAccess:
    bare, _, faults = _split_once("revoke", words, ())
    if len(bare) not in (2, 3):
        faults.append("Say from whom and where: `revoke @someone PROJECT`, or `revoke @someone operator PROJECT`.")
        raise CommandError(_listed(faults, _UNCHANGED))
    subject = _tried(subject_of, bare[0], faults)
    role = _tried(_role, bare[1], faults) if len(bare) == 3 else None
    if faults or subject is None:
        raise CommandError(_listed(faults, _UNCHANGED))
    return RevokeAccess(subject, role, read_alias(bare[-1]))


def _access(words: list[Word]) -> ShowAccess:
    bare, given, faults = _split_once("access", words, ("project",))
    if len(bare) > 1:
        faults.append("`access` takes one person or group: `access @someone project=ALIAS`.")
    subject = _tried(subject_of, bare[0], faults) if bare else None
    if faults:
        raise CommandError(_listed(faults, _UNCHANGED))
    project = given.get("project")
    return ShowAccess(subject, read_alias(project) if project else None)


_UNCHANGED = "Nothing was changed."
_Value = TypeVar("_Value")


def _split_once(verb: str, words: list[Word], known: tuple[str, ...]) -> tuple[list[str], dict[str, str], list[str]]:
    """Bare words wherever they stand, options, and what is wrong with the options."""
    arguments = read_arguments(verb, words)
    given, faults = _options(replace(arguments, late=()), known)
    bare = [word.text for word in arguments.bare]
    return [*bare, *arguments.late], {key: options[0].value for key, options in given.items()}, faults


def _options(
    arguments: Arguments, known: Sequence[str], *, repeated: Sequence[str] = ()
) -> tuple[dict[str, list[Option]], list[str]]:
    """The options by key, and what is wrong with them; some may be `repeated`."""
    given: dict[str, list[Option]] = {}
    faults = arguments.faults
    for option in arguments.options:
        if option.key not in known:
            faults.append(unknown_option(option, known, arguments.verb))
        elif option.key in given and option.key not in repeated:
            faults.append(f"`{option.key}=` is given twice.")
        elif not option.value:
            faults.append(f"`{option.key}=` is empty. Write a value right after the equals sign, without spaces.")
        else:
            given.setdefault(option.key, []).append(option)
    return given, faults


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


def _listed(faults: list[str], nothing: str = "Nothing was created.") -> str:
    if len(faults) == 1:
        return f"{faults[0]} {nothing}"
    return "\n".join([f"{len(faults)} things to mend. {nothing}", *(f"• {fault}" for fault in faults)])
