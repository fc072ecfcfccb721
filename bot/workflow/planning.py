"""plan:{request}: who asks, in which project, which disks; what the API will be sent is written down before it is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from bot.domain.access import Action, Actor, Denied, Usage, decide, in_charge
from bot.domain.disks import Picked, is_disk_id, pick
from bot.domain.errors import CloudError, CloudUnavailable, LookupFailed, NotFound, Throttled
from bot.domain.projects import Project
from bot.domain.requests import Request, RequestState, planned_items
from bot.domain.snapshots import Disk
from bot.interfaces import AuditEntry, Clock, Cloud, Evs, Membership, People, Store
from bot.workflow.arrival import Refused, Verdict, judged, with_helpers
from bot.workflow.lookups import look_up

log = logging.getLogger(__name__)

PATIENCE = timedelta(minutes=2)
"""How long a request waits for a cloud that does not answer before it is dropped with that reason."""

AGAIN_SECONDS = 3.0

APPROVAL_TIME = timedelta(minutes=60)
"""How long a request waits for other people to agree."""


class Planner:
    """Turns a received request into items, or refuses it with every fault at once. Nothing is created here."""

    def __init__(
        self,
        store: Store,
        people: People,
        membership: Membership,
        cloud: Cloud,
        projects: Mapping[str, Project],
        clock: Clock,
    ) -> None:
        self._store = store
        self._people = people
        self._membership = membership
        self._cloud = cloud
        self._projects = projects
        self._clock = clock

    async def __call__(self, request_id: str) -> float | None:
        found = await self._store.request(request_id)
        if found is None or found[0].state is not RequestState.RECEIVED:
            return None
        request = found[0]
        try:
            actor = await look_up(self._people, self._clock, request.actor_id)
        except LookupFailed as exc:
            return await self._refuse(request, RequestState.DENIED, "lookup-failed", exc.sentence)
        grants = await self._store.grants_for(actor)
        bound = await self._store.bound_project(request.place.channel_id)
        verdict = judged(actor, request.order, request.place, self._projects, grants, bound, self._clock)
        if isinstance(verdict.outcome, Refused):
            told = (await with_helpers(self._store, verdict.outcome, self._clock)).sentence
            return await self._refuse(request, RequestState.DENIED, verdict.rule, told, verdict.audit)
        return await self._plan(replace(request, project=verdict.outcome), actor, verdict)

    async def _plan(self, request: Request, actor: Actor, verdict: Verdict) -> float | None:
        assert request.project is not None
        project = self._projects[request.project]
        try:
            picked = await find_disks(self._cloud.project(project.alias), request, project.alias)
        except CloudUnavailable as exc:
            if self._clock.now() - request.created_at < PATIENCE:
                return _wait_for(exc)
            return await self._refuse(request, RequestState.DROPPED, "cloud-unavailable", exc.sentence)
        except CloudError as exc:
            return await self._refuse(request, RequestState.DROPPED, "cloud-refused", exc.sentence)
        if picked.faults:
            return await self._refuse(request, RequestState.DROPPED, "disks", _listed(picked.faults))
        items = planned_items(
            request,
            project.alias,
            picked.disks,
            enterprise_project_id=project.enterprise_project_id,
            native_retention=project.native_retention,
            now=self._clock.now(),
        )
        settled = await self._store.settle(
            self._set_going(request, verdict),
            items,
            [_at_plan(verdict.audit, request)],
            room=project.daily_limit,
            notify=await self._who_may_approve(project, actor) if verdict.break_glass else (),
        )
        if settled.how == "over":
            return await self._over_the_limit(request, actor, project, Usage(settled.used, len(items)), verdict.audit)
        if settled.how == "done":
            facts = {"request": request.id, "project": project.alias, "disks": len(items)}
            log.info("request planned", extra={**facts, "approvals": verdict.approvals})
        return None

    async def _who_may_approve(self, project: Project, actor: Actor) -> list[str]:
        """Everybody who could have been asked: they hear of it directly. A group Slack can't tell is left out."""
        now, people = self._clock.now(), set[str]()
        for grant in in_charge(await self._store.approver_grants(), project.alias, now):
            match grant.subject_kind:
                case "user":
                    people.add(grant.subject_id)
                case "group":
                    try:
                        people |= await self._membership.members(grant.subject_id)
                    except LookupFailed:
                        log.warning("a group could not be told of a break-glass", extra={"group": grant.subject_id})
                case "everyone":
                    pass  # nobody is everybody's keeper; those named by a grant of their own are told
        return sorted(people - {actor.user_id})

    def _set_going(self, request: Request, verdict: Verdict) -> Request:
        approvals = verdict.approvals
        if not approvals:
            return replace(request, state=RequestState.RUNNING, rev=request.rev + 1, break_glass=verdict.break_glass)
        return replace(
            request,
            state=RequestState.WAITING,
            rev=request.rev + 1,
            approvals_needed=approvals,
            waits_until=self._clock.now() + APPROVAL_TIME,
        )

    async def _over_the_limit(
        self, request: Request, actor: Actor, project: Project, usage: Usage, decided: AuditEntry
    ) -> float | None:
        grants, now = await self._store.grants_for(actor), self._clock.now()
        denied = decide(actor, Action.CREATE, project.alias, project, request.place.channel_id, grants, now, usage)
        assert isinstance(denied, Denied)
        entry = replace(decided, outcome="denied", rule=denied.rule)
        refused = Refused(denied.explanation, denied.rule, project.alias)
        told = (await with_helpers(self._store, refused, self._clock)).sentence
        return await self._refuse(request, RequestState.DENIED, denied.rule, told, entry)

    async def _refuse(
        self, request: Request, state: RequestState, rule: str, sentence: str, decided: AuditEntry | None = None
    ) -> float | None:
        refused = replace(
            request, state=state, rule=rule, verdict=sentence, rev=request.rev + 1, ended_at=self._clock.now()
        )
        entry = decided or AuditEntry(
            request.actor_id, Action.CREATE, request.project or request.order.project or "", "denied", rule
        )
        settled = await self._store.settle(refused, [], [_at_plan(entry, request)])
        if settled.how == "done":
            log.info("request refused", extra={"request": request.id, "rule": rule, "user": request.actor_id})
        return None


def _at_plan(entry: AuditEntry, request: Request) -> AuditEntry:
    details = {**entry.details, "channel": request.place.channel_id, "request": request.id, "hop": "plan"}
    return replace(entry, details=details)


async def find_disks(evs: Evs, request: Request, alias: str) -> Picked:
    """Ask the cloud for what was named: one call for all ids, one per name; the whole listing only to suggest."""
    words = request.order.disks
    ids = [word for word in words if is_disk_id(word)]
    names = [word for word in words if not is_disk_id(word)]
    by_name = asyncio.gather(*(evs.list_disks(name=name) for name in names))
    by_id, named = await asyncio.gather(_by_ids(evs, ids), by_name)
    found = {**dict.fromkeys(ids, by_id), **dict(zip(names, named, strict=True))}
    picked = pick(request.order, found, (), alias)
    if not any(fault.startswith("No disk named") for fault in picked.faults):
        return picked
    return pick(request.order, found, await evs.list_disks(), alias)


async def _by_ids(evs: Evs, ids: list[str]) -> list[Disk]:
    if len(ids) != 1:
        return await evs.list_disks(ids=ids) if ids else []
    try:
        return [await evs.show_disk(ids[0])]
    except NotFound:
        return []


def _wait_for(exc: CloudUnavailable) -> float:
    return max(exc.retry_after or AGAIN_SECONDS, 0.5) if isinstance(exc, Throttled) else AGAIN_SECONDS


def _listed(faults: tuple[str, ...]) -> str:
    if len(faults) == 1:
        return faults[0]
    return "\n".join([f"{len(faults)} things stand in the way:", *(f"• {fault}" for fault in faults)])
