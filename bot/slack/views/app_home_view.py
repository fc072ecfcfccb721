"""App Home as a pure function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.domain.items import Item
from bot.domain.orders import Restore, Way, named
from bot.domain.requests import Request
from bot.domain.restoring.restorations import Restoration
from bot.domain.roles import Action, Grant
from bot.domain.transitions import RequestState, RestorationState
from bot.slack.views import buttons
from bot.slack.views.approval import asked_facts
from bot.slack.views.blocks import context, plain, row, section
from bot.slack.views.disk_words import copied, counts_in_words
from bot.slack.views.mrkdwn import (
    bold,
    code,
    cut,
    escaped,
    message_of,
    moment,
    person,
    plural,
    reason_told,
    sentence,
    shortened,
    typed,
)
from bot.slack.views.restoring.restoration_ask import restoring_asks, restoring_facts
from bot.slack.views.restoring.restoration_words import restorations_counted, thing_of
from bot.workflow.jobs.publish_app_home import READ, AppHomeContent, Asked, Usable
from bot.workflow.queries.coming_back import ComingBack

SHOWN = 10
"""Requests of each kind, but for those that ended."""

ENDED_SHOWN = 5
PROJECTS_SHOWN = 15
CHANNELS_SHOWN = 10
GRANTS_SHOWN = 8
DISKS_NAMED = 5
ASKS_CHARACTERS = 900
REASON_CHARACTERS = 600
"""Once it is escaped. With five names of 64 characters, each escaped to five, a section stays within its 3,000."""


def app_home_view(content: AppHomeContent, rev: int, command: str, team_url: str = "") -> dict[str, Any]:
    """At most 90 of Slack's 100 blocks when everything is full. Block ids carry the revision they show, so that a press
    of an older rendering can be told from one of this.
    """
    if content.refused:
        blocks = [
            _header("Snapshots of EVS disks"),
            section(f":no_entry_sign: {sentence(content.refused)}", f"no.{rev}"),
        ]
        return {"type": "home", "blocks": blocks}
    blocks = [_header("Snapshots of EVS disks")]
    may_create = any(usable.allows(Action.CREATE) for usable in content.usable)
    if may_create:
        blocks.append(row([buttons.new_snapshot("home")], f"new.{rev}"))
    blocks += _waiting(content.waiting, content.restorations, rev, team_url)
    blocks += _reviews(content.reviews, rev, team_url)
    blocks += _own(content, rev, command, team_url, may_create=may_create)
    blocks += _projects(content.usable, rev)
    blocks += _help(command, rev)
    return {"type": "home", "blocks": blocks}


def _waiting(waiting: Sequence[Asked], back: ComingBack, rev: int, team_url: str) -> list[dict[str, Any]]:
    if not waiting:
        return []
    blocks = [_header("Waiting for your approval")]
    for request, items in waiting[:SHOWN]:
        until = f", until {moment(request.waits_until)}" if request.waits_until else ""
        agreed = f"{len(request.approvers)} of {request.approvals_needed} agreed{until}"
        told, agree_to = _asked(request, items, back.get(request.id, ()), team_url)
        blocks.append(section("\n".join([*told, agreed]), f"wait.{request.id}.{rev}"))
        shown = [agree_to, buttons.deny(request.id, listed=True)]
        blocks.append(row(shown, f"decide.{request.id}.{rev}"))
    return blocks + _left_out(waiting, "shown as these are settled", f"waiting.{rev}")


def _asked(
    request: Request, items: Sequence[Item], rows: Sequence[Restoration], team_url: str
) -> tuple[list[str], dict[str, Any]]:
    """The lines about what a person is asked to agree to, and the button that does."""
    order = request.order
    if not isinstance(order, Restore):
        asks = f":hand: {_of_another(request, items, 'asks for', team_url)}"
        return [asks, *asked_facts(request, items)], buttons.approve(request.id, listed=True)
    where = (moment(request.created_at), code(request.id), message_of(request, team_url))
    asks = " · ".join(filter(None, (cut(restoring_asks(request, order, rows, team_url), ASKS_CHARACTERS), *where)))
    return [asks, *restoring_facts(order, rows)], buttons.approve_back(request.id, order.way, rows, listed=True)


def _reviews(reviews: Sequence[Asked], rev: int, team_url: str) -> list[dict[str, Any]]:
    if not reviews:
        return []
    blocks = [_header("Ran without approval: a review is due")]
    for request, items in reviews[:SHOWN]:
        told = f":rotating_light: {_of_another(request, items, 'snapshotted', team_url)}"
        blocks.append(section(told, f"review.{request.id}.{rev}"))
        blocks.append(row([buttons.mark_reviewed(request.id, listed=True)], f"close.{request.id}.{rev}"))
    return blocks + _left_out(reviews, "shown as these are reviewed", f"reviews.{rev}")


def _own(content: AppHomeContent, rev: int, command: str, team_url: str, *, may_create: bool) -> list[dict[str, Any]]:
    """A section for each, so that a long one never cuts another off."""
    blocks = [_header("Your requests")]
    if not content.running and not content.recent:
        example = f"In a channel, {code(f'{command} create DISK')} makes your first snapshot."
        later = "With the role operator in a project you can ask for snapshots, and follow them here."
        blocks.append(section(f"Nothing yet. {example if may_create else later}", f"none.{rev}"))
    listed = code(f"{command} list mine")
    back = content.restorations
    blocks += [
        section(_own_line(asked, back, team_url), f"running.{asked[0].id}.{rev}") for asked in content.running[:SHOWN]
    ]
    blocks += _left_out(content.running, listed, f"running.{rev}")
    if content.recent:
        blocks.append(context("*Lately*", f"lately.{rev}"))
    blocks += [
        _with_way_back(section(_own_line(asked, back, team_url), f"recent.{asked[0].id}.{rev}"), asked[0], content)
        for asked in content.recent[:ENDED_SHOWN]
    ]
    if len(content.recent) > ENDED_SHOWN:
        blocks.append(context(f"and older ones: {listed}", f"older.{rev}"))
    return blocks


def _with_way_back(block: dict[str, Any], request: Request, content: AppHomeContent) -> dict[str, Any]:
    may = request.id in content.restorable
    return {**block, "accessory": buttons.restore(request.id, listed=True)} if may else block


def _left_out(asked: Sequence[Asked], where: str, block_id: str) -> list[dict[str, Any]]:
    """Says in words how many are not shown, and where they are."""
    more = len(asked) - SHOWN
    if more <= 0:
        return []
    number = f"at least {more}" if len(asked) >= READ else str(more)
    return [context(f"and {number} more: {where}", f"more.{block_id}")]


def _own_line(asked: Asked, back: ComingBack, team_url: str) -> str:
    request, items = asked
    where = f" in {escaped(request.project)}" if request.project else ""
    if isinstance(request.order, Restore):
        rows = back.get(request.id, ())
        state, names = _state_of_way(request, request.order.way, rows), [row.disk.label for row in rows]
        what = f"{thing_of(request.order.way)} of {_named(names or [request.order.of])}{where}"
    else:
        state, what = _state(request, items), f"{_disks(request, items)}{where}".strip()
    told = (state, what, moment(request.created_at))
    return " · ".join(filter(None, (*told, code(request.id), message_of(request, team_url, own=True))))


def _state(request: Request, items: Sequence[Item]) -> str:
    match request.state:
        case RequestState.RECEIVED:
            return ":hourglass_flowing_sand: being checked"
        case RequestState.PLANNED:
            return ":clipboard: planned, waiting for your go"
        case RequestState.WAITING:
            return ":hand: waiting for approval"
        case RequestState.RUNNING:
            asked = copied(items)
            return f":hourglass_flowing_sand: running, {sum(item.ended for item in asked)} of {len(asked)} ended"
        case RequestState.FINISHED:
            done = all(item.state == "available" and not item.gone for item in items)
            return f"{':white_check_mark:' if done else ':warning:'} ended: {counts_in_words(items)}"
        case RequestState.DENIED:
            return ":no_entry_sign: denied"
        case RequestState.DROPPED:
            nothing = ", nothing was created" if request.nothing_came_of_it else ""
            return f":no_entry_sign: dropped{nothing}"


def _state_of_way(request: Request, way: Way, rows: Sequence[Restoration]) -> str:
    match request.state:
        case RequestState.RUNNING:
            return f":hourglass_flowing_sand: running: {restorations_counted(rows, way)}"
        case RequestState.FINISHED:
            done = all(row.state is RestorationState.RESTORED for row in rows)
            return f"{':white_check_mark:' if done else ':warning:'} ended: {restorations_counted(rows, way)}"
        case _:
            return _state(request, ())


def _of_another(request: Request, items: Sequence[Item], does: str, team_url: str) -> str:
    reason = f" “{_reason(request.order.reason, team_url)}”" if request.order.reason else ""
    asked = f"{person(request.actor_id)} {does} {_disks(request, items)} in {escaped(request.project or '')}.{reason}"
    where = message_of(request, team_url)
    return " · ".join(filter(None, (asked, moment(request.created_at), code(request.id), where)))


def _reason(text: str, team_url: str) -> str:
    shown = text
    while (length := len(typed(shown))) > REASON_CHARACTERS:
        shown = shortened(shown, len(shown) * REASON_CHARACTERS // length)
    return reason_told(shown, team_url)


def _disks(request: Request, items: Sequence[Item]) -> str:
    return _named([item.disk.label for item in items] or list(named(request.order)))


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(bold(shortened(name, 64)) for name in names[:DISKS_NAMED])
    more = len(names) - DISKS_NAMED
    return f"{shown} and {plural(more, 'more disk')}" if more > 0 else shown


def _projects(usable: Sequence[Usable], rev: int) -> list[dict[str, Any]]:
    blocks = [_header("What you may use")]
    if not usable:
        nothing = "No project yet. Ask the people who run the snapshot bot for access, and say which project you need."
        blocks.append(section(nothing, f"nothing.{rev}"))
    lines = [_project_line(one) for one in usable[:PROJECTS_SHOWN]]
    blocks += [section(line, f"project.{number}.{rev}") for number, line in enumerate(lines)]
    if len(usable) > PROJECTS_SHOWN:
        blocks.append(context(f"and {plural(len(usable) - PROJECTS_SHOWN, 'more project')}", f"more.{rev}"))
    return blocks


def _project_line(usable: Usable) -> str:
    project = usable.project
    roles = _some(list(map(_role, usable.grants)), GRANTS_SHOWN, "; ")
    lines = [f"{bold(project.alias)} · {roles}"]
    if project.channels:
        where = _some([f"<#{channel}>" for channel in project.channels], CHANNELS_SHOWN, " or ")
        lines.append(f"only from {where}")
    if project.approvals:
        others = "1 other person" if project.approvals == 1 else f"{project.approvals} other people"
        lines.append(f"{others} must agree first")
    return "\n      ".join(lines)


def _some(words: Sequence[str], most: int, between: str) -> str:
    left = len(words) - most
    return between.join([*words[:most], f"{left} more"] if left > 0 else words)


def _role(grant: Grant) -> str:
    until = f" until {moment(grant.expires_at)}" if grant.expires_at else ""
    match grant.subject_kind:
        case "user" | "token":
            source = ""
        case "group":
            source = f" through <!subteam^{grant.subject_id}>"
        case "everyone":
            source = " as everyone"
    return f"{grant.role}{until}{source}"


def _help(command: str, rev: int) -> list[dict[str, Any]]:
    quick, create, mention = code(f"{command} quick"), code(f"{command} create DISK"), code("@snapshot-bot quick")
    lines = [
        f"{quick} in an incident's channel: every disk it touches, after one press; {create}: those you name, at once.",
        f"In a thread, mention me: {mention}; or use a message's shortcut, *Back up for this message*.",
        f"{code(f'{command} help')} tells everything you may do.",
    ]
    return [{"type": "divider", "block_id": f"line.{rev}"}, context("\n".join(lines), f"help.{rev}")]


def _header(text: str) -> dict[str, Any]:
    return {"type": "header", "text": plain(text), "block_id": f"head.{text.partition(' ')[0].lower()}"}
