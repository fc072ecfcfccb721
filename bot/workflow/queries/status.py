"""Reading: how a request stands, what was made, what a person may do. Only what the reader may view is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from bot.domain.access import decide
from bot.domain.actors import Actor
from bot.domain.audit import denied, read_entry
from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.denials import CLOSED_RULES, Denied, account_refused, no_such_project
from bot.domain.disks import meant, near_names
from bot.domain.items import Item
from bot.domain.parsing.commands import ListSnapshots, Status
from bot.domain.projects import Project
from bot.domain.requests import Request
from bot.domain.results import NothingFound, Told
from bot.domain.roles import Action, Grant
from bot.domain.sentences import quoted
from bot.domain.transitions import RequestState
from bot.ports.audit import Audit
from bot.ports.clock import Clock
from bot.ports.grants import Grants
from bot.ports.items import Items
from bot.ports.lookups import Filters
from bot.ports.requests import Requests
from bot.ports.restorations import Restorations
from bot.workflow.gate import OWN_REQUEST, Gate, Verb
from bot.workflow.queries.coming_back import ComingBack, coming_back
from bot.workflow.queries.existing import Existing

RECENT = 10


def _undecided(request: Request) -> bool:
    """Whether a request is undecided or refused: it tells only what was typed, and its requester may always see it."""
    return request.refused or request.state is RequestState.RECEIVED


_STATUS = Verb(
    Action.VIEW,
    "view",
    "I know no request, job or snapshot {} that you may see. `list` shows those you may; an id is copied best from a "
    "receipt.",
    own=_undecided,
    reads=True,
)


@dataclass(frozen=True, slots=True)
class Found:
    """Requests with their items, newest first; `groups` where it is a single one that has any. `before`: none was named
    and none is under way, so it is the last that was.
    """

    requests: Sequence[tuple[Request, Sequence[Item]]]
    groups: Sequence[ConsistencyGroup] = ()
    before: bool = False
    restorations: ComingBack = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of what was asked for; `more` says that older ones exist."""

    requests: Sequence[tuple[Request, list[Item]]]
    asked: ListSnapshots
    more: bool
    restorations: ComingBack = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MayDo:
    """A person's rights: actions by project alias, only projects that are not closed to them."""

    by_project: Mapping[str, frozenset[Action]]


class Rows(Audit, Grants, Items, Requests, Restorations, Protocol):
    """The roles of the store that this asks for."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Answers from the store, and has the cloud asked only whether what it shows as made still exists."""

    store: Rows
    existing: Existing
    gate: Gate
    projects: Mapping[str, Project]
    clock: Clock

    async def status(self, actor: Actor, channel: str, asked: Status) -> Found | NothingFound | Denied:
        """One request by any of its ids, or what this person asked for and is still under way, else their last."""
        if asked.id is not None:
            return await self._one(actor, channel, asked.id)
        if refused := await self._refused(actor):
            return refused
        viewable = await self._viewable(actor, channel)
        running, ended = [
            [
                pair
                for pair in await self.store.recent(Filters(actor_id=actor.user_id, under_way=way, limit=RECENT))
                if _may_see(pair[0], actor, viewable)
            ]
            for way in (True, False)
        ]
        self.store.note([read_entry(actor.user_id, "status", viewable, channel, own=bool(running or ended))])
        if not running and not ended:
            return NothingFound("You have asked for no snapshot yet. Try `create DISK`, or `help`.")
        shown = running or [pair for pair in ended if not pair[0].refused][:1]
        if not shown:
            return NothingFound(
                "Nothing of yours is under way, and of what you asked for last nothing was made. "
                f"`status {ended[0][0].id}` says why."
            )
        shown = await self.existing.looked_at(shown)
        groups = await self.store.groups_of(shown[0][0].id) if len(shown) == 1 else ()
        return Found(shown, groups, before=not running, restorations=await coming_back(self.store, shown))

    async def _one(self, actor: Actor, channel: str | None, any_id: str, asked: str = "status") -> Found | NothingFound:
        admitted = await self.gate.admits(actor, channel, any_id, _STATUS)
        if isinstance(admitted, Told):
            return NothingFound(admitted.sentence)
        own = admitted.rule == OWN_REQUEST
        projects = [] if own else [admitted.project]
        self.store.note([read_entry(actor.user_id, asked, projects, admitted.place, admitted.request.id, own=own)])
        shown = await self.existing.looked_at([(admitted.request, admitted.items)])
        groups = await self.store.groups_of(admitted.request.id)
        return Found(shown, groups, restorations=await coming_back(self.store, shown))

    async def post_mortem(self, actor: Actor, channel: str | None, request_id: str) -> Found | NothingFound:
        """All there is of one request, for a person who may read how it stands. `channel` as the gate takes it."""
        return await self._one(actor, channel, request_id, "record")

    async def listing(self, actor: Actor, channel: str, asked: ListSnapshots) -> Page | NothingFound | Denied:
        if refused := await self._refused(actor):
            return refused
        viewable = await self._viewable(actor, channel)
        if asked.project is not None and asked.project not in viewable:
            project = self.projects.get(asked.project)
            grants = await self.store.grants_for(actor)
            decision = decide(actor, Action.VIEW, asked.project, project, channel, grants, self.clock.now())
            if isinstance(decision, Denied):
                await self.store.audit([denied(actor.user_id, Action.VIEW, asked.project, decision.rule)])
                if decision.rule in CLOSED_RULES:
                    return replace(decision, explanation=no_such_project(asked.project, sorted(viewable)))
                return decision
            return NothingFound("Nothing there yet.")
        projects = [asked.project] if asked.project is not None else sorted(viewable)
        filters = Filters(
            projects=projects,
            disk=asked.disk,
            actor_id=actor.user_id if asked.mine else None,
            limit=RECENT + 1,
            offset=asked.offset,
        )
        requests = await self.store.recent(filters)
        hint = ""
        if not requests and asked.disk is not None:
            disk, hint = await self._disk_meant(asked.disk, projects)
            asked = replace(asked, disk=disk)
            requests = await self.store.recent(replace(filters, disk=disk)) if disk else []
        self.store.note([read_entry(actor.user_id, "list", projects, channel)])
        if not requests:
            nothing = "No snapshot fits that among those you may see."
            return NothingFound(f"{nothing}{hint or ' `list` without filters shows the latest.'}")
        shown = await self.existing.looked_at(requests[:RECENT])
        return Page(shown, asked, len(requests) > RECENT, await coming_back(self.store, shown))

    async def _disk_meant(self, word: str, projects: Sequence[str]) -> tuple[str | None, str]:
        """The disk that a word means which is no id or name as it stands; or None, and what to say instead."""
        disks = await self.store.disks_named(projects)
        ((_, fits), *others) = meant([word], disks)
        if others or not fits:
            return None, near_names(word, disks)
        ids = list(dict.fromkeys(disk.id for disk in fits))
        if len(ids) == 1:
            return ids[0], ""
        if len({disk.name for disk in fits}) == 1:
            return fits[0].name, ""
        return None, f" {quoted(word)} fits {len(ids)} disks: say `list disk={ids[0]}`, or the id of another."

    async def may_do(self, actor: Actor, channel: str) -> MayDo | Denied:
        if refused := await self._refused(actor):
            return refused
        grants = await self.store.grants_for(actor)
        by_project = {alias: self._actions(actor, alias, channel, grants) for alias in sorted(self.projects)}
        usable = {alias: actions for alias, actions in by_project.items() if actions}
        self.store.note([read_entry(actor.user_id, "help", usable, channel)])
        return MayDo(usable)

    async def _refused(self, actor: Actor) -> Denied | None:
        if refused := account_refused(actor):
            await self.store.audit([denied(actor.user_id, Action.VIEW, "", refused.rule)])
            return refused
        return None

    async def _viewable(self, actor: Actor, channel: str) -> frozenset[str]:
        grants = await self.store.grants_for(actor)
        return frozenset(
            alias for alias in self.projects if Action.VIEW in self._actions(actor, alias, channel, grants)
        )

    def _actions(self, actor: Actor, alias: str, channel: str, grants: Sequence[Grant]) -> frozenset[Action]:
        now = self.clock.now()
        return frozenset(
            action
            for action in Action
            if not isinstance(decide(actor, action, alias, self.projects.get(alias), channel, grants, now), Denied)
        )


def _may_see(request: Request, actor: Actor, viewable: frozenset[str]) -> bool:
    return request.project in viewable or (request.actor_id == actor.user_id and _undecided(request))
