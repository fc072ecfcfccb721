"""The text after `/snapshot` becomes a value, or one kind of error that lists every problem at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.domain.errors import CommandError
from bot.domain.granting import Subject, duration_of, subject_of
from bot.domain.normalise import caseless, visible, without_backticks
from bot.domain.options import CREATE_OPTIONS, OPTIONS, QUICK_OPTIONS, payload_problems, read_alias, read_reason
from bot.domain.orders import DISKS_PER_CREATE, Create, Quick, Restore, Selector, as_entry
from bot.domain.parsing import advice
from bot.domain.parsing.arguments import option_of, read_arguments, read_options, read_selectors, tried
from bot.domain.parsing.copyable import options_meant, unknown_option
from bot.domain.parsing.named_ids import read_id, read_request_id
from bot.domain.parsing.order_words import order_words
from bot.domain.parsing.rights_meant import THE_ROLES, rights_meant, which_grant, which_revocation
from bot.domain.parsing.ways_back import read_way_back
from bot.domain.parsing.words import (
    COURTESIES,
    EVERYTHING,
    FILLERS,
    Word,
    order_text,
    plain_text,
    subject_text,
    verb_in,
)
from bot.domain.roles import Role
from bot.domain.sentences import listed, quoted

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
    "restore",
    "verify",
    "delete",
    "access",
    "projects",
    "grant",
    "revoke",
    "help",
)
CHANGING = frozenset(KNOWN) - {"status", "list", "restore-points", "access", "projects", "help"}
"""Everything that is no question."""


@dataclass(frozen=True, slots=True)
class Review:
    """`review ID`: a person has looked at a request that ran without approval."""

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
    """`delete ID`: lets go what a request made, or one snapshot of it; or agrees to another person's asking."""

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
"""The questions: each is answered on the spot, to its asker alone."""

Command = Create | Quick | Restore | OpenForm | Question

_WORDS: Mapping[type[Command], str] = {
    GrantAccess: "grant",
    ListSnapshots: "list",
    OpenForm: "form",
    RestorePoints: "restore-points",
    RevokeAccess: "revoke",
    ShowAccess: "access",
    ShowProjects: "projects",
}
"""Of those that are not called by their class."""


def word_of(command: Command) -> str:
    """The word that it begins with; `form` for the one that opens it."""
    if isinstance(command, Restore):
        return "verify" if command.way == "verify" else "restore"
    return _WORDS.get(type(command), type(command).__name__.lower())


COMMAND = "/snapshot"


def parse_command(text: str, command: str = COMMAND) -> Command:
    """Read what stands after `command`, as `plain_text` gives it. For any text it raises CommandError or nothing."""
    return _ordered(text, order_text(visible(text), command), command)


def _ordered(text: str, order: str, command: str) -> Command:
    """`order` is the text without its dress."""
    if len(text) > TEXT_CHARACTERS:
        raise CommandError(
            f"That is {len(text):,} characters and I read at most {TEXT_CHARACTERS:,}. "
            "Nothing was done. Split it into several commands, or shorten the reason."
        )
    words, asks_only = order_words(order, command, KNOWN)
    if not words:
        return Help() if asks_only else OpenForm(Create(()))
    if asks_only and verb_in(words[0].text) in CHANGING:
        raise CommandError(advice.for_question(words, _reads))
    return _command(words)


def _reads(text: str) -> bool:
    try:
        parse_command(text)
    except CommandError:
        return False
    return True


def read_selection(raw: str) -> Quick:
    """Which disks a field of a form names, in the words that follow `quick`. Raises CommandError, and nothing else."""
    words, asks_only = order_words(visible(plain_text(raw)), COMMAND, KNOWN)
    if asks_only:
        raise CommandError(advice.for_question([Word("quick", quoted=False), *words], _reads))
    return _quick(words)


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
            return _unbind(rest)
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
        case "approve" | "cancel" | "delete" | "review":
            return _OF_ONE[verb](read_request_id(rest, verb))
        case "deny":
            return _deny(rest)
        case "restore-points":
            return _restore_points(rest)
        case "restore" | "verify":
            return read_way_back(verb, rest)
        case _:
            raise CommandError(advice.for_unknown_verb(words, KNOWN, _reads))


_OF_ONE: Mapping[str, type[Approve | Cancel | Delete | Review]] = {
    "approve": Approve,
    "cancel": Cancel,
    "delete": Delete,
    "review": Review,
}
"""Commands that take one id and nothing else."""

_NAMING_BY_ID = frozenset({"grant", "revoke", "access", "restore-points"})
"""Commands in which a mention is read as an id; everywhere else it is the words that were typed."""


def read_command(raw: str, command: str = COMMAND) -> Command:
    """Read the text as Slack delivers it, entities and all. Raises CommandError, and nothing else."""
    text = plain_text(raw)
    order = order_text(text, command)
    verb, *_ = [*order.split(maxsplit=1), ""]
    if verb_in(verb) in _NAMING_BY_ID:
        return parse_command(subject_text(raw), command)
    return _ordered(text, order, command)


# --- verbs ------------------------------------------------------------------------------------------------------------


def _unbind(words: list[Word]) -> Unbind:
    if words:
        raise CommandError(f"`unbind` takes nothing: it is about this channel. {_UNCHANGED}")
    return Unbind()


def _create(words: list[Word]) -> Create | OpenForm:
    arguments = read_arguments("create", words)
    given, problems = read_options(arguments, CREATE_OPTIONS)
    values = {key: tried(OPTIONS[key].read, options[0].value, problems) for key, options in given.items()}
    disks = arguments.entries
    for word in arguments.bare:
        if word.text[:1] in "-–—" and not word.quoted:
            wanted = options_meant("create", disks)
            meant = f" Did you mean `{wanted}`?" if wanted else ""
            problems.append(f"Write options as key=value, such as name=nightly, instead of {quoted(word.text)}.{meant}")
            break
    if len(disks) > DISKS_PER_CREATE:
        problems.append(f"One command takes up to {DISKS_PER_CREATE} disks; these are {len(disks)}.")
    problems += payload_problems(values).values()
    if problems:
        raise CommandError(listed(problems))
    tags = values.pop("tags", None) or {}
    order = Create(tuple(disks), keep_days=values.pop("keep", None), tags=tags, **values)
    return order if disks else OpenForm(order)


def _quick(words: list[Word]) -> Quick:
    selectors, read, problems = read_selectors("quick", words, QUICK_OPTIONS)
    if problems:
        raise CommandError(listed(problems))
    return Quick(selectors, keep_days=read.pop("keep", None), **read)


def _bind(words: list[Word]) -> Bind:
    selectors, read, problems = read_selectors(
        "bind", words, tuple(key for key in QUICK_OPTIONS if key != "break_glass")
    )
    if problems:
        raise CommandError(listed(problems, _UNCHANGED))
    return Bind(selectors, keep_days=read.pop("keep", None), **read)


def _status(words: list[Word]) -> Status:
    named = [word for word in words if caseless(word.text) not in FILLERS | COURTESIES]
    ids = words if len(words) == 1 else [word for word in named if re.search("[0-9]", word.text)]
    if len(ids) > 1 or len(ids) < len(named):
        raise CommandError("`status` takes one id: a request, a job or a snapshot. Example: `status r-7kq2m9xw`.")
    return Status(read_id(ids[0]) if ids else None)


def _restore_points(words: list[Word]) -> RestorePoints:
    if not words:
        return RestorePoints()
    found = re.fullmatch(r"channel:([CG][A-Z0-9]{2,20})", words[0].text)
    if len(words) > 1 or not found:
        raise CommandError(
            "Name one channel, chosen from what Slack offers after #: `restore-points #CHANNEL`. Without one, "
            f"`restore-points` is about this channel. {_ASKED}"
        )
    return RestorePoints(found[1])


def _deny(words: list[Word]) -> Deny:
    arguments = read_arguments("deny", words)
    reasons = [option.value for option in arguments.options if option.key == "reason"]
    unknown = [option for option in arguments.options if option.key != "reason"]
    if len(reasons) != 1 or not reasons[0] or unknown:
        bare = [word.text for word in arguments.bare if caseless(word.text) != "reason"]
        id_ = read_id(arguments.bare[0]) if arguments.bare else ""
        said, id_ = (bare[1:], id_) if re.fullmatch(r"r-\w+|[\w-]*[0-9][\w-]*", id_) else (bare, "ID")
        why = f'"{" ".join(said).replace(chr(34), "").replace("`", "")}"' if said else "…"
        raise CommandError(
            f"Write `deny {id_} reason={why}`; the person who asked reads the reason. Nothing was changed."
        )
    ids = [*arguments.bare, *(Word(late, quoted=False) for late in arguments.late)]
    if arguments.late and len(arguments.bare) == 1:
        raise CommandError(listed(arguments.problems, _UNCHANGED))
    try:
        return Deny(read_request_id(ids, "deny", " reason=…"), read_reason(reasons[0]))
    except ValueError as problem:
        raise CommandError(f"{problem} Nothing was changed.") from None


def _list(words: list[Word]) -> ListSnapshots:
    problems: list[str] = []
    given: dict[str, str] = {}
    mine = False
    strange: list[str] = []
    for word in words:
        option = option_of(word)
        text = caseless(word.text)
        if option is None and text in ("mine", "my"):
            mine = True
        elif option is None and text not in FILLERS | COURTESIES | EVERYTHING:
            strange.append(word.text)
        elif option is not None and option.key not in ("disk", "project"):
            problems.append(unknown_option(option, ("disk", "project"), "list"))
        elif option is not None and not option.value:
            problems.append(f"`{option.key}=` is empty.")
        elif option is not None:
            given[option.key] = without_backticks(option.value) if option.key == "disk" else read_alias(option.value)
    if strange:
        meant = options_meant("list", strange) or f"list disk={as_entry(strange[-1])}"
        problems.append(f"I can't place {quoted(' '.join(strange))}. Did you mean `{meant}`?")
    if problems:
        raise CommandError(listed(problems, _ASKED))
    return ListSnapshots(given.get("disk"), given.get("project"), mine)


def _grant(words: list[Word]) -> GrantAccess:
    bare, given, problems = _split_once("grant", words, ("for", "project"))
    bare += filter(None, [given.get("project")])
    if len(bare) != 3:
        problems.append(which_grant(words))
        raise CommandError(listed(problems, _UNCHANGED))
    subject = tried(subject_of, bare[0], problems)
    role = tried(_role, bare[1], problems)
    lasting = tried(duration_of, given["for"], problems) if "for" in given else None
    if subject and role and problems and (meant := rights_meant(words)).lasting:
        problems[-1] += f" Did you mean `{meant.grant}`?"
    if problems or subject is None or role is None:
        raise CommandError(listed(problems, _UNCHANGED))
    return GrantAccess(subject, role, read_alias(bare[2]), lasting)


def _revoke(words: list[Word]) -> RevokeAccess:
    bare, given, problems = _split_once("revoke", words, ("project",))
    bare += filter(None, [given.get("project")])
    if len(bare) not in (2, 3):
        problems.append(which_revocation(words))
        raise CommandError(listed(problems, _UNCHANGED))
    subject = tried(subject_of, bare[0], problems)
    role = tried(_role, bare[1], problems) if len(bare) == 3 else None
    if problems or subject is None:
        raise CommandError(listed(problems, _UNCHANGED))
    return RevokeAccess(subject, role, read_alias(bare[-1]))


def _access(words: list[Word]) -> ShowAccess:
    bare, given, problems = _split_once("access", words, ("project",))
    if len(bare) > 1:
        problems.append("`access` takes one person or group: `access @someone project=ALIAS`.")
    subject = tried(subject_of, bare[0], problems) if bare else None
    if problems:
        raise CommandError(listed(problems, _UNCHANGED))
    project = given.get("project")
    return ShowAccess(subject, read_alias(project) if project else None)


_UNCHANGED = "Nothing was changed."
_ASKED = "Nothing was done."
"""Of a question: there was nothing to make or to change."""


def _split_once(verb: str, words: list[Word], known: tuple[str, ...]) -> tuple[list[str], dict[str, str], list[str]]:
    """Bare words wherever they stand, options, and what is wrong with the options."""
    arguments = read_arguments(verb, words)
    mended = arguments.mended if arguments.spaced and _reads(arguments.mended) else advice.EXAMPLES[verb]
    given, problems = read_options(replace(arguments, late=(), mend=lambda: mended), known)
    bare = [word.text for word in arguments.bare]
    return [*bare, *arguments.late], {key: options[0].value for key, options in given.items()}, problems


def _role(text: str) -> Role:
    try:
        return Role(text.lower())
    except ValueError:
        raise ValueError(f"There is no role {quoted(text)}. {THE_ROLES}") from None
