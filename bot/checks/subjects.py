"""The channels, people and user groups that the configuration names, and whether each project has an admin."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bot.checks.findings import Page
from bot.domain.actors import AccountKind
from bot.domain.roles import Grant, Role
from bot.settings import Settings
from bot.slack.client.inspection import Refused, SlackInspector, Token, Unreached
from bot.slack.ids import is_direct
from bot.slack.payloads import UserGroup

AT_ONCE = 8
MOST = 200
"""Of people and of channels: Slack lets an app ask about a hundred a minute (Web API, Tier 4 and Tier 3)."""

_NOBODY = frozenset({"user_not_found", "user_not_visible"})
_REFUSED: Mapping[AccountKind, str] = {
    AccountKind.DEACTIVATED: "this account was deactivated",
    AccountKind.BOT: "this is a bot's account",
    AccountKind.GUEST: "this is a guest",
    AccountKind.SINGLE_CHANNEL_GUEST: "this is a guest of one channel",
    AccountKind.STRANGER: "this account is of another organisation",
    AccountKind.OTHER_TEAM: "this account is of another organisation",
    AccountKind.OTHER_WORKSPACE: "this account is of another workspace",
    AccountKind.INVITED: "this account has not accepted its invitation yet",
}
"""Accounts that are refused whatever the grants say."""


@dataclass(slots=True)
class Known:
    """Answers of Slack about those that are named: people who may act, and groups with people in them."""

    members: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    asked: bool = True


async def channels(page: Page, settings: Settings, inspector: SlackInspector) -> None:
    named = _channels_named(settings)
    joined: set[str] = set()
    await _each(
        page, "channels", list(named), lambda one: _channel(page, inspector, one, ", ".join(named[one]), joined)
    )
    if named and joined == named.keys():
        page.ok("channel", _all("channel", len(named)), "the bot is in each that bot.toml names")


async def _channel(page: Page, inspector: SlackInspector, channel: str, places: str, joined: set[str]) -> None:
    tried = f"channel {channel}"
    try:
        found = await inspector.channel(channel)
    except Unreached as exc:
        _unanswered(page, "channel", tried, exc)
    except Refused as exc:
        if exc.error == "channel_not_found":
            what = "there is no such channel, or it is a private one that the bot is not in"
            page.failed("channel", tried, f"{places}: {what}", "Correct the id, or type there: /invite @snapshot-bot")
        else:
            page.not_tried(tried)
    else:
        if found.is_archived:
            page.failed("channel", tried, f"{places}: #{found.name} is archived", "Unarchive it, or name another one.")
        elif not found.is_member:
            what = f"{places}: the bot is not in #{found.name}"
            page.failed("channel", tried, what, "Type there: /invite @snapshot-bot")
        else:
            joined.add(channel)


def _unanswered(page: Page, check: str, tried: str, exc: Unreached) -> None:
    """Told of the first one; of the others only that they were not tried."""
    found = f"Slack gave no answer about it: {exc}"
    if any((one.check, one.found) == (check, found) for one in page.findings):
        page.not_tried(tried)
    else:
        page.warning(check, tried, found, "Try again in a minute.")


def _channels_named(settings: Settings) -> dict[str, list[str]]:
    """Each with the places that name it; direct messages need no invitation."""
    pairs = [
        *((channel, f"[projects.{one.alias}]") for one in settings.projects.values() for channel in one.channels),
        *((one.channel, "[[bindings]]") for one in settings.bindings),
        *([(settings.audit_channel, "[audit]")] if settings.audit_channel else []),
    ]
    named: dict[str, list[str]] = {}
    for channel, place in pairs:
        if not is_direct(channel) and place not in named.setdefault(channel, []):
            named[channel].append(place)
    return {channel: places for channel, places in named.items() if places}


async def people(page: Page, grants: Sequence[Grant], inspector: SlackInspector, token: Token) -> Known:
    """Those whom grants name, and their user groups."""
    known = Known()
    users = _ids(grants, "user")
    groups = _ids(grants, "group")
    await asyncio.gather(
        _each(page, "people", users, lambda one: _person(page, inspector, token, one, known)),
        _user_groups(page, inspector, groups, known),
    )
    if users and known.members >= set(users):
        page.ok("person", _all("person", len(users)), "each whom a grant names is a full member")
    if groups and known.groups >= set(groups):
        page.ok("user group", _all("user group", len(groups)), "each that a grant names is there")
    return known


async def _person(page: Page, inspector: SlackInspector, token: Token, user: str, known: Known) -> None:
    tried = f"person {user}"
    try:
        kind = await inspector.account(user, token.identity)
    except Unreached as exc:
        _unanswered(page, "person", tried, exc)
        known.asked = False
    except Refused as exc:
        if exc.error in _NOBODY:
            page.failed("person", tried, "Slack knows no such person", "Correct the id in [[grants]].")
        else:
            page.not_tried(tried)
            known.asked = False
    else:
        if kind in _REFUSED:
            found = f"{_REFUSED[kind]}, and is refused whatever is granted"
            page.failed("person", tried, found, "Take the grant away.")
        else:
            known.members.add(user)


async def _user_groups(page: Page, inspector: SlackInspector, wanted: Sequence[str], known: Known) -> None:
    if not wanted:
        return
    try:
        groups = await inspector.user_groups()
    except Unreached as exc:
        _unanswered(page, "user group", _all("user group", len(wanted)), exc)
        known.asked = False
        return
    except Refused:
        page.not_tried("user groups")
        known.asked = False
        return
    for one in wanted:
        found, todo = _odd(groups.get(one))
        if found:
            page.failed("user group", f"user group {one}", found, todo)
        else:
            known.groups.add(one)


def _odd(group: UserGroup | None) -> tuple[str, str]:
    if group is None:
        return "Slack knows no such user group", "Correct the id in [[grants]]: it begins with S."
    if group.date_delete:
        return "this user group is disabled", "Enable it in Slack, or take the grant away."
    if group.is_external:
        return "this user group is of another organisation", "Take the grant away."
    return ("nobody is in it", "Add people to it in Slack.") if not group.users else ("", "")


def admins(page: Page, settings: Settings, grants: Iterable[Grant], known: Known, now: datetime) -> None:
    """Each project needs one who can give rights in Slack."""
    giving = [one for one in grants if one.role is Role.ADMIN and one.in_force(now)]
    without: dict[str, list[str]] = {}
    for alias in settings.projects:
        here = [one for one in giving if one.covers(alias)]
        if not any(_acts(one, known) for one in here):
            without.setdefault(", ".join(sorted({one.subject_id for one in here})), []).append(alias)
    todo = 'Add [[grants]] with role = "admin" for a full member to bot.toml.'
    if none := without.pop("", []):
        page.warning("admin", _of(none), "no grant gives an admin, so nobody can give rights in Slack", todo)
    if not known.asked:
        return
    for who, aliases in without.items():
        page.failed("admin", _of(aliases), f"no admin can act any more: {who}", todo)
    if settings.projects and not without and not none:
        page.ok("admin", "admins", "each project has one who can act")


def _of(aliases: Sequence[str]) -> str:
    return f"admin of {', '.join(aliases)}"


def _acts(grant: Grant, known: Known) -> bool:
    match grant.subject_kind:
        case "user":
            return grant.subject_id in known.members
        case "group":
            return grant.subject_id in known.groups
        case "everyone" | "token":
            return True


def _ids(grants: Iterable[Grant], kind: str) -> list[str]:
    return sorted({one.subject_id for one in grants if one.subject_kind == kind})


async def _each(page: Page, what: str, ids: Sequence[str], look: Callable[[str], Awaitable[None]]) -> None:
    """A few at a time; of very many, not all."""
    if len(ids) > MOST:
        page.not_tried(f"{len(ids) - MOST} of {len(ids)} {what}, which Slack would not answer in one go")
    room = asyncio.Semaphore(AT_ONCE)

    async def in_turn(one: str) -> None:
        async with room:
            await look(one)

    await asyncio.gather(*(in_turn(one) for one in ids[:MOST]))


def _all(what: str, count: int) -> str:
    return (
        f"{count} {what}{'s' * (count != 1)}" if what != "person" else f"{count} {'person' if count == 1 else 'people'}"
    )
