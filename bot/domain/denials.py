"""Denials: each answer that says no, with its rule and its sentence. Who is denied, and when, is decided elsewhere."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.domain import sentences
from bot.domain.actors import AccountKind, Actor
from bot.domain.roles import Action, Grant


@dataclass(frozen=True, slots=True)
class Denied:
    """`rule` is stable, for logs and tests; `explanation` is for the person. The rule may tell more than the person
    hears: a project that is closed to a person and one that does not exist answer alike.
    """

    rule: str
    explanation: str


UNKNOWN_PROJECT = "unknown-project"
"""The alias was typed: it is the name of nothing."""

CLOSED_RULES = frozenset({"no-grant", "grant-expired", UNKNOWN_PROJECT})
"""Rules of which the person hears only that there is no such project that they may use."""

DAILY_LIMIT = "daily-limit"
OPEN_LIMIT = "open-requests"
NOT_CONFIGURED = "project-not-configured"
RESTORE_OFF = "restore-off"
NO_PROJECT_CHOSEN = "no-project-chosen"
MENTIONED_ADMINS = 3
_ADMINS_CAN_CHANGE = frozenset({"action-not-granted", DAILY_LIMIT})

_NO_GUESTS = "Guests of this workspace may not use the snapshot bot. Ask a full member to do it."

_REFUSED: Mapping[AccountKind, str] = {
    AccountKind.DEACTIVATED: "This Slack account is deactivated, so it may not do anything here.",
    AccountKind.BOT: "Bots and workflows may not ask for snapshots; a person has to.",
    AccountKind.GUEST: _NO_GUESTS,
    AccountKind.SINGLE_CHANNEL_GUEST: _NO_GUESTS,
    AccountKind.STRANGER: "Only members of this workspace may use the snapshot bot.",
    AccountKind.OTHER_TEAM: "Only members of this workspace may use the snapshot bot; your account is of another one.",
    AccountKind.OTHER_WORKSPACE: (
        "Only members of this workspace may use the snapshot bot; your account is of another one of the organisation."
    ),
    AccountKind.FORMER_TOKEN: "bot.toml has no such token any more, so nothing is done for it.",
    AccountKind.INVITED: "This Slack account has not signed in yet, so it may not do anything here.",
}
_SHOWN = 5
_ACCOUNT_RULES = "standing-"
_FOR_ACCESS = "bot for access"
"""Said to a person who may use nothing, whatever they name."""


def account_refused(actor: Actor) -> Denied | None:
    """The kinds of account that are refused whatever the grants say."""
    sentence = _REFUSED.get(actor.account)
    return Denied(f"{_ACCOUNT_RULES}{actor.account.replace(' ', '-')}", sentence) if sentence else None


# --- in a project -----------------------------------------------------------------------------------------------------


def no_such_project(alias: str, usable: Sequence[str] = ()) -> str:
    """The one answer for a project that is closed to a person and for one that does not exist. `usable` are those that
    they may use, which is what they meant.
    """
    none = f"There is no project {sentences.quoted(alias)} that you may use."
    if len(usable) == 1:
        return f"{none} Yours is {usable[0]}: say `project={usable[0]}`, or leave project= out."
    if usable:
        near = difflib.get_close_matches(alias, usable, n=1, cutoff=0.4) or usable[:1]
        return f"{none} You may use {', '.join(usable[:_SHOWN])}: say `project={near[0]}`."
    return (
        f"There is no project {sentences.quoted(alias)} that you may use. "
        "Check the alias, or ask the people who run the snapshot bot for access."
    )


def not_granted(alias: str, may: Iterable[Action], action: Action) -> Denied:
    return Denied("action-not-granted", f"In {alias} you may {', '.join(sorted(may))}, but not {action}.")


def not_for_tokens(action: Action) -> Denied:
    return Denied("token-may-not", f"A token may not {action}, whatever it was granted: a person has to.")


def not_from_here(alias: str, channels: Sequence[str]) -> Denied:
    where = " or ".join(sentences.channel(one) for one in channels)
    return Denied("channel-not-allowed", f"{alias} can be used only from {where}. Say it again there.")


def over_the_limit(alias: str, limit: int, used: int, wanted: int, who: str = "You have") -> Denied:
    """`who` as a sentence begins with them: `You have`, or a mention and `has`."""
    return Denied(
        DAILY_LIMIT,
        f"In {alias} one person may snapshot {limit} disks a day (UTC). {who} had {used} of them "
        f"and this asks for {wanted} more.",
    )


def too_many_open(most: int) -> Denied:
    return Denied(
        OPEN_LIMIT,
        f"You have {most} {'request' if most == 1 else 'requests'} open, and one person may have no more at a time. "
        "Nothing was recorded of this one. Send it again once one of them has ended, or call one back before: `status` "
        "lists yours, `cancel ID` calls one back.",
    )


def restore_off(alias: str) -> Denied:
    who = "Whoever runs the bot can allow it: restore = true."
    return Denied(RESTORE_OFF, f"In {alias} no snapshot becomes a disk again: bot.toml does not allow it there. {who}")


def not_scheduled(alias: str) -> Denied:
    return Denied("schedule-may-not", f"In {alias} nothing is proven by itself: bot.toml has no verify_days there.")


def approval_missing(alias: str, needed: int, counted: int) -> Denied:
    return Denied("approval-missing", f"{alias} needs the approval of {needed} other people; it has {counted}.")


def no_longer_configured(alias: str) -> Denied:
    """Nothing more is sent to a project that was taken out of bot.toml."""
    who = "Whoever runs the bot can say under which name to ask again."
    told = f"bot.toml has no project {sentences.quoted(alias)} any more, so I send nothing to it. {who}"
    return Denied(NOT_CONFIGURED, told)


# --- without approval -------------------------------------------------------------------------------------------------


def no_break_glass(alias: str) -> Denied:
    return Denied("break-glass-closed", f"{alias} allows nothing without approval. Leave break_glass= out.")


def break_glass_unconfirmed(alias: str) -> Denied:
    told = f"To run without approval, type the project's alias: break_glass={alias}."
    return Denied("break-glass-unconfirmed", told)


def break_glass_reason(characters: int) -> Denied:
    told = f"To run without approval, give a reason of at least {characters} characters, in words: reason=…."
    return Denied("break-glass-reason", told)


# --- which project ----------------------------------------------------------------------------------------------------

PROJECTS_NAMED = 12
"""In a question which one is meant."""


def which_project(candidates: Sequence[str]) -> Denied:
    if not candidates:
        none = (
            "There is no project in which you may create snapshots from here. "
            "Ask the people who run the snapshot bot for access, or try the channel of the project."
        )
        return Denied(NO_PROJECT_CHOSEN, none)
    options = _each_as_option(candidates)
    return Denied(
        NO_PROJECT_CHOSEN, f"Which project? You may use several. Say it again with the one you mean: {options}."
    )


def which_project_to_bind(candidates: Sequence[str]) -> Denied:
    if not candidates:
        return Denied(NO_PROJECT_CHOSEN, "Only an admin of a project may bind a channel to it.")
    return Denied(NO_PROJECT_CHOSEN, f"Which project? Say {_each_as_option(candidates)}.")


def _each_as_option(candidates: Sequence[str]) -> str:
    """All of them as they are typed, or the first so many; none is put before the others."""
    options = [f"project={alias}" for alias in candidates[:PROJECTS_NAMED]]
    if more := len(candidates) - len(options):
        return f"{', '.join(options)} or one of {more} more"
    return " or ".join(options) if len(options) < 3 else f"{', '.join(options[:-1])} or {options[-1]}"


def no_place_to_bind() -> Denied:
    return Denied("no-place", "A direct message is no channel of an incident. Type it in the channel.")


# --- what only admins may ---------------------------------------------------------------------------------------------


def admins_of_all_only() -> Denied:
    return Denied("action-not-granted", "Only an admin of every project (role admin in *) may grant there.")


def admins_only() -> Denied:
    told = "Only an admin of a project may look at what others may do there, and you are admin of none here."
    return Denied("action-not-granted", told)


# --- what can be done about it ----------------------------------------------------------------------------------------


def other_words_help(rule: str, explanation: str) -> bool:
    """Whether asking for something else, or in other words, could succeed: not where the person has no right at all.
    That is read from what they hear, so that what is offered tells no closed project from one that does not exist.
    """
    kept_out = rule.startswith(_ACCOUNT_RULES) or rule in ("action-not-granted", "channel-not-allowed")
    return not kept_out and _FOR_ACCESS not in explanation


# --- whom to ask ------------------------------------------------------------------------------------------------------


def asking_helps(denied: Denied) -> bool:
    """Whether the project's admins could change this, and may be named: not those of a project that is closed."""
    return denied.rule in _ADMINS_CAN_CHANGE and denied.rule not in CLOSED_RULES


def who_can_help(denied: Denied, admins: Iterable[Grant]) -> Denied:
    """Add whom to ask. Of a project that is closed to the person nothing more is told, not even its admins."""
    names = [named for grant in admins if (named := _named(grant))]
    if not asking_helps(denied) or not names:
        return denied
    asked = " or ".join(list(dict.fromkeys(names))[:MENTIONED_ADMINS])
    return replace(denied, explanation=f"{denied.explanation} {asked} can change that.")


def _named(grant: Grant) -> str:
    match grant.subject_kind:
        case "user":
            return sentences.person(grant.subject_id)
        case "group":
            return sentences.user_group(grant.subject_id)
        case "everyone" | "token":
            return ""
