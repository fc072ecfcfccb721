"""plan:{request}: who asks, in which project, which disks; what the API will be sent is written down before it is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from pydantic import ValidationError

from bot.domain.access import Reach, action_of, decide
from bot.domain.actors import Actor
from bot.domain.audit import AuditEntry, at_plan, denied
from bot.domain.bindings import Binding
from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.daily_limit import Usage, wanted
from bot.domain.denials import Denied
from bot.domain.disks import Picked, disk_id_in, meant, pick
from bot.domain.errors import CloudError, CloudUnavailable, LookupFailed, NotFound, Throttled
from bot.domain.items import Item
from bot.domain.orders import Create, Quick, Restore
from bot.domain.planned_items import planned_items
from bot.domain.projects import Project
from bot.domain.quick import DISKS_PER_QUICK, Marks, plan_quick, quick_items
from bot.domain.requests import Request, moved, refused, remind_time
from bot.domain.restoring.restorations import Restoration
from bot.domain.results import Refused
from bot.domain.selecting import selectors_of
from bot.domain.sentences import quoted, time_of_day
from bot.domain.snapshots import Disk
from bot.domain.transitions import RequestEvent, RequestState
from bot.ports.clock import Clock
from bot.ports.cloud import Cloud, Evs
from bot.ports.deletions import Deletions
from bot.ports.grants import Bindings, Grants
from bot.ports.items import Items
from bot.ports.requests import Requests
from bot.ports.slack import Channels, People
from bot.workflow.discovery import GroupDiscovery, discover
from bot.workflow.elsewhere import found_elsewhere
from bot.workflow.intake import Authorization, authorized, with_helpers
from bot.workflow.jobs.notify import who_may_approve
from bot.workflow.look_up import look_up
from bot.workflow.restore_plans import planned
from bot.workflow.servers import ServerNames
from bot.workflow.unanswered import answered

PLAN_TRIED_FOR = timedelta(minutes=2)
"""How long a request waits for a cloud that does not answer before it is dropped with that reason, counted from when it
was asked first; a plan that the requester changes is planned anew.
"""

AGAIN_SECONDS = 3.0

NOT_ANSWERED = "The cloud has not answered yet."
UNREAD = "I can't read all of what this channel is bound to."

APPROVAL_TIME = timedelta(minutes=60)
"""How long a request waits for other people to agree."""


CONFIRM_TIME = timedelta(minutes=15)
"""How long a plan waits to be confirmed."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The plan of a request: items, groups and restorations, or every problem at once. `unknown`: words that are no
    disk of its project.
    """

    request: Request
    items: Sequence[Item] = ()
    groups: Sequence[ConsistencyGroup] = ()
    problems: Sequence[str] = ()
    unknown: Sequence[str] = ()
    restorations: Sequence[Restoration] = ()


class Rows(Bindings, Deletions, Grants, Items, Requests, Protocol):
    """The roles of the store that this asks for."""


@dataclass(frozen=True, slots=True)
class Planner:
    """Turns a received request into items, or refuses it with every problem at once. Nothing is created here."""

    store: Rows
    people: People
    channels: Channels
    cloud: Cloud
    projects: Mapping[str, Project]
    discovery: GroupDiscovery
    servers: ServerNames
    clock: Clock

    async def __call__(self, request_id: str) -> float | None:
        found = await self.store.request(request_id)
        if found is None or found[0].state is not RequestState.RECEIVED:
            return None
        request = found[0]
        try:
            actor = await look_up(self.people, self.clock, request.actor_id)
        except LookupFailed as exc:
            return await self._refuse(request, RequestEvent.DENY, "lookup-failed", exc.sentence)
        grants = await self.store.grants_for(actor)
        bound = await self.store.bound_project(request.place.channel_id)
        authorization = authorized(actor, request.order, request.place, self.projects, grants, bound, self.clock)
        if isinstance(authorization.outcome, Refused):
            told = (await with_helpers(self.store, authorization.outcome)).sentence
            event = RequestEvent.DROP if authorization.audit.outcome == "asked" else RequestEvent.DENY
            return await self._refuse(request, event, authorization.rule, told, authorization.audit)
        return await self._plan(replace(request, project=authorization.outcome), actor, authorization)

    async def _plan(self, request: Request, actor: Actor, authorization: Authorization) -> float | None:
        assert request.project is not None
        project, began = self.projects[request.project], self.clock.monotonic()

        async def say() -> None:
            nonlocal request
            request = await self._said_waiting(request, request.explanation or NOT_ANSWERED)

        try:
            draft = await answered(self.clock, self._drafted(request, project), say)
        except CloudUnavailable as exc:
            request = await self._said_waiting(request, _why_waiting(exc))
            wait_s = _wait_for(exc)
            spent = timedelta(seconds=self.clock.monotonic() - began)
            if request.tried + spent < PLAN_TRIED_FOR:
                tried = request.tried + spent + timedelta(seconds=wait_s)
                await self.store.spent([replace(request, tried=tried)])
                return wait_s
            return await self._refuse(request, RequestEvent.DROP, "cloud-unavailable", exc.sentence)
        except CloudError as exc:
            return await self._refuse(request, RequestEvent.DROP, "cloud-refused", exc.sentence)
        except ValidationError as exc:
            problems = [error["msg"] for error in exc.errors()]
            return await self._refuse(request, RequestEvent.DROP, "payload", _listed(problems))
        if draft.problems:
            elsewhere = await self._elsewhere(request, actor, draft.unknown) if draft.unknown else []
            told = "\n".join([_listed(draft.problems), *elsewhere])
            return await self._refuse(request, RequestEvent.DROP, "disks", told)
        return await self._decide(request, draft, actor, project, authorization)

    async def _decide(
        self, request: Request, draft: Draft, actor: Actor, project: Project, authorization: Authorization
    ) -> float | None:
        """Write a draft down as what the request becomes, if the day has room for it."""
        now = self.clock.now()
        drafted = replace(draft.request, ver=request.ver, rev=request.rev, explanation="")
        after = set_going(drafted, authorization.approvals, authorization.break_glass, now, drafted.asks_first)
        after = replace(after, remind_at=remind_time(after, now))
        alerted = authorization.break_glass and after.state is RequestState.RUNNING
        written = await self.store.decide_plan(
            after,
            draft.items,
            [at_plan(authorization.audit, request)],
            groups=draft.groups,
            restorations=draft.restorations,
            room=None if isinstance(request.order, Restore) else project.daily_limit,
            notify=await who_may_approve(self.store, after) if alerted else (),
        )
        disks = wanted(draft.items)
        if written.how == "over":
            return await self._over_the_limit(request, actor, project, Usage(written.used, disks), authorization.audit)
        return None

    async def _said_waiting(self, request: Request, why: str) -> Request:
        """Once for each reason, in the request's message, which stands from then on if it did not before."""
        if request.explanation.startswith(why):
            return request
        until = self.clock.now() + PLAN_TRIED_FOR - request.tried
        word = f"{why} I keep trying until {time_of_day(until)}."
        told = replace(request, explanation=word, rev=request.rev + 1)
        return replace(told, ver=told.ver + 1) if await self.store.planning_waits(told) else request

    # --- which disks --------------------------------------------------------------------------------------------------

    async def _drafted(self, request: Request, project: Project) -> Draft:
        """Raises CloudError, or ValidationError for what the API would not take."""
        match request.order:
            case Create():
                picked = await find_disks(self.cloud.project(project.alias), request.order, project.alias, self.servers)
                items = planned_items(
                    request,
                    project.alias,
                    picked.disks,
                    enterprise_project_id=project.enterprise_project_id,
                    native_retention=project.native_retention,
                    now=self.clock.now(),
                )
                return Draft(request, items, problems=picked.problems, unknown=picked.unknown)
            case Quick() as order:
                return await self._quick(request, order, project)
            case Restore() as order:
                return await self._restore(request, order, project)

    async def _elsewhere(self, request: Request, actor: Actor, words: Sequence[str]) -> list[str]:
        """The other projects that have these disks, of those that the person may use from there."""
        grants, action, place = await self.store.grants_for(actor), action_of(request.order), request.place
        usable = Reach(actor, action, self.projects, place.channel_id, grants, self.clock.now()).usable()
        return await found_elsewhere(self.cloud, words, [alias for alias in usable if alias != request.project])

    async def _quick(self, request: Request, order: Quick, project: Project) -> Draft:
        bound = [one for one in await self.store.bindings(request.place.channel_id) if one.project == project.alias]
        of_binding = not order.selectors
        unread = dict(await self.store.bound_to(request.place.channel_id)).get(project.alias, 0) if of_binding else 0
        order = completed(order, bound)
        request = replace(request, order=order)
        if not order.selectors:
            nothing = f"This channel is bound to nothing in {project.alias}: name what to back up."
            return Draft(request, problems=[f"{UNREAD} Bind it anew, or name what to back up." if unread else nothing])
        evs = self.cloud.project(project.alias)
        found, channel = await asyncio.gather(
            discover(evs, project.alias, order.selectors, self.discovery, self.servers, bound=of_binding),
            self.channels.name(request.place.channel_id),
        )
        disks = found.selection.disks
        if found.selection.problems:
            return Draft(request, problems=found.selection.problems)
        if len(disks) > DISKS_PER_QUICK:
            much = f"These are {len(disks)} disks; one backup takes up to {DISKS_PER_QUICK}. Name fewer."
            return Draft(request, problems=[much])
        ours = await self.store.copying(project.alias)
        plan = plan_quick(disks, found.snapshots, groups_available=found.groups_available, ours=ours)
        if not plan.copied:
            return Draft(request, problems=[f"{quoted(disk.label)}: {plan.left_out[disk.id]}" for disk in disks])
        marks = Marks(
            channel,
            request.place.channel_id,
            project.enterprise_project_id,
            order.keep_days if project.native_retention else None,
        )
        items, groups = quick_items(request, project.alias, disks, plan, marks, self.clock.now())
        left_out = (f"{UNREAD} What follows is the rest.",) if unread else ()
        warned = replace(request, warnings=(*left_out, *found.selection.warnings))
        return Draft(warned, items, groups)

    async def _restore(self, request: Request, order: Restore, project: Project) -> Draft:
        channel = await self.channels.name(request.place.channel_id)
        evs = self.cloud.project(project.alias)
        plan = await planned(self.store, evs, self.servers, request, project, channel, self.clock.now())
        warned = replace(request, warnings=tuple(plan.left_out))
        return Draft(warned, plan.items, problems=plan.problems, restorations=plan.restorations)

    # --- refusing -----------------------------------------------------------------------------------------------------

    async def _over_the_limit(
        self, request: Request, actor: Actor, project: Project, usage: Usage, decided: AuditEntry
    ) -> float | None:
        grants, now = await self.store.grants_for(actor), self.clock.now()
        denied = decide(
            actor, action_of(request.order), project.alias, project, request.place.channel_id, grants, now, usage
        )
        assert isinstance(denied, Denied)
        entry = replace(decided, outcome="denied", rule=denied.rule)
        refused = Refused(denied.explanation, denied.rule, project.alias)
        told = (await with_helpers(self.store, refused)).sentence
        return await self._refuse(request, RequestEvent.DENY, denied.rule, told, entry)

    async def _refuse(
        self, request: Request, event: RequestEvent, rule: str, sentence: str, decided: AuditEntry | None = None
    ) -> float | None:
        after = refused(request, event, rule, sentence, self.clock.now())
        alias = request.project or request.order.project or ""
        entry = decided or denied(request.actor_id, action_of(request.order), alias, rule)
        await self.store.decide_plan(after, [], [at_plan(entry, request)])
        return None


def completed(order: Quick, bound: Sequence[Binding]) -> Quick:
    """The order as it was typed, or with what the channel is bound to where no disk was named. A binding that asks for
    no confirmation means its own disks, not others that are named.
    """
    keep = [one.keep_days for one in bound if one.keep_days is not None]
    reasons = [one.reason for one in bound if one.reason]
    unasked = bool(bound) and not order.selectors and not any(one.confirm for one in bound)
    return replace(
        order,
        selectors=order.selectors or selectors_of(bound),
        keep_days=order.keep_days if order.keep_days is not None else next(iter(keep), None),
        reason=order.reason or next(iter(reasons), None),
        confirm=order.confirm if order.confirm is not None else not unasked,
    )


def set_going(request: Request, approvals: int, break_glass: bool, now: datetime, confirm: bool) -> Request:
    """The request as it goes on: planned until it is confirmed, waiting for those who must agree, or running."""
    event, until = RequestEvent.RUN, None
    if confirm:
        event, until = RequestEvent.PLAN, now + CONFIRM_TIME
    elif approvals:
        event, until = RequestEvent.ASK_OTHERS, now + APPROVAL_TIME
    return replace(
        moved(request, event),
        rev=request.rev + 1,
        break_glass=break_glass,
        approvals_needed=approvals,
        waits_until=until,
    )


async def find_disks(evs: Evs, order: Create, alias: str, servers: ServerNames) -> Picked:
    """Ask the cloud for what was named: one call for all ids, one per name, one for the names of their servers. The
    whole listing only where a name is not there as it was typed: the cloud may write it with other letters for the same
    word.
    """
    ids = [id_ for word in order.disks if (id_ := disk_id_in(word))]
    names = [word for word in order.disks if not disk_id_in(word)]
    by_name = asyncio.gather(*(evs.list_disks(name=name) for name in names))
    by_id, named = await asyncio.gather(_by_ids(evs, ids), by_name)
    listed = [disk for disks in (by_id, *named) for disk in disks]
    # Whether the cloud matches names exactly is not documented; what it gave beside them is not meant yet.
    exact = {disk.name: disk for disk in listed}
    if not all(name in exact for name in names):
        listed = [*await evs.list_disks(), *by_id]
    disks = _each_once(listed)
    # Among thousands of names the comparing and guessing takes long, and others wait for the loop.
    found = await asyncio.to_thread(meant, order.disks, disks)
    fitting = _each_once([disk for _, fits in found for disk in fits])
    return await asyncio.to_thread(pick, order, _each_once([*disks, *await servers.of(alias, evs, fitting)]), alias)


def _each_once(disks: Sequence[Disk]) -> list[Disk]:
    return list({disk.id: disk for disk in disks}.values())


async def _by_ids(evs: Evs, ids: list[str]) -> list[Disk]:
    if len(ids) != 1:
        return await evs.list_disks(ids=ids) if ids else []
    try:
        return [await evs.show_disk(ids[0])]
    except NotFound:
        return []


def _why_waiting(exc: CloudUnavailable) -> str:
    if isinstance(exc, Throttled):
        return "The cloud answers, but asks for fewer calls, so I go slower."
    if exc.status is not None:
        return "The cloud answers, but with an error of its own."
    return "The cloud can't be reached right now."


def _wait_for(exc: CloudUnavailable) -> float:
    return max(exc.retry_after or AGAIN_SECONDS, 0.5) if isinstance(exc, Throttled) else AGAIN_SECONDS


def _listed(problems: Sequence[str]) -> str:
    if len(problems) == 1:
        return problems[0]
    return "\n".join([f"{len(problems)} things stand in the way:", *(f"• {problem}" for problem in problems)])
