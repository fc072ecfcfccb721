"""home:{user}: App Home shows what somebody may use, what they asked for, and what waits for them.

App Home is private and no channel, so each request is judged at the place where it was made.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.access import Action, Actor, Denied, Grant, decide, standing_refused
from bot.domain.errors import LookupFailed, SlackBusy, ViewRefused, ViewStale
from bot.domain.projects import Project
from bot.domain.requests import Item, Request, RequestState
from bot.interfaces import Clock, Filters, People, Store
from bot.workflow.lookups import look_up

log = logging.getLogger(__name__)

SHOWN = 10
RECENT = 5
UNDER_WAY = (RequestState.RECEIVED, RequestState.WAITING, RequestState.RUNNING)

PUBLISH_EVERY = timedelta(seconds=3)
"""views.publish is Tier 4, shared by everybody's Home."""

Asked = tuple[Request, Sequence[Item]]


@dataclass(frozen=True, slots=True)
class Usable:
    """A project somebody may use, and the grants of theirs that say so."""

    project: Project
    grants: Sequence[Grant]


@dataclass(frozen=True, slots=True)
class Home:
    """Everything one person's App Home shows; or `refused`, a sentence for accounts that may do nothing here.

    `running` and `recent` are their own requests; `waiting` those that wait for their approval, `reviews` those that
    ran without approval and that they may review.
    """

    usable: Sequence[Usable] = ()
    running: Sequence[Asked] = ()
    recent: Sequence[Asked] = ()
    waiting: Sequence[Asked] = ()
    reviews: Sequence[Asked] = ()
    refused: str = ""


class Homes(Protocol):
    """Shows App Home; answers the new view's hash. Raises ViewStale, ViewRefused, or SlackBusy."""

    async def publish(self, user_id: str, home: Home, rev: int, view_hash: str | None) -> str | None: ...


class HomeKeeper:
    """Closes the gap between the rows and what App Home shows, like the reporter does for messages."""

    def __init__(
        self, store: Store, people: People, homes: Homes, projects: Mapping[str, Project], clock: Clock
    ) -> None:
        self._store = store
        self._people = people
        self._homes = homes
        self._projects = projects
        self._clock = clock
        self._published_at: dict[str, datetime] = {}

    async def __call__(self, user_id: str) -> float | None:
        row = await self._store.home(user_id)
        if row is None or row.shown_rev >= row.rev:
            self._published_at.pop(user_id, None)
            return None
        now = self._clock.now()
        last = self._published_at.get(user_id)
        if last and now - last < PUBLISH_EVERY:
            return (last + PUBLISH_EVERY - now).total_seconds()
        home = await self._read(user_id)
        try:
            view_hash = await self._homes.publish(user_id, home, row.rev, row.view_hash)
        except SlackBusy as exc:
            return exc.retry_after
        except ViewStale:
            # Somebody published in between. What is shown next is read anew, after that, and not the same once more.
            await self._store.home_published(user_id, row.shown_rev, None)
            return 0.0
        except ViewRefused:
            await self._store.home_published(user_id, row.rev, None)
            return None
        await self._store.home_published(user_id, row.rev, view_hash)
        self._published_at[user_id] = now
        return PUBLISH_EVERY.total_seconds()

    async def _read(self, user_id: str) -> Home:
        try:
            actor = await look_up(self._people, self._clock, user_id)
        except LookupFailed as exc:
            return Home(refused=exc.sentence)
        if standing := standing_refused(actor):
            return Home(refused=standing.explanation)
        grants = await self._store.grants_for(actor)
        own = await self._store.recent(Filters(actor_id=user_id, limit=SHOWN + RECENT))
        own = [pair for pair in own if self._may_see_own(actor, pair[0], grants)]
        return Home(
            usable=self._usable(actor, grants),
            running=[pair for pair in own if pair[0].state in UNDER_WAY][:SHOWN],
            recent=[pair for pair in own if pair[0].state not in UNDER_WAY][:RECENT],
            waiting=await self._theirs_to_settle(actor, grants, Filters(waiting=True, limit=SHOWN * 5)),
            reviews=await self._theirs_to_settle(actor, grants, Filters(unreviewed=True, limit=SHOWN * 5)),
        )

    def _usable(self, actor: Actor, grants: Sequence[Grant]) -> list[Usable]:
        now = self._clock.now()
        held = [grant for grant in grants if grant.names(actor) and grant.in_force(now)]
        found = [
            Usable(project, [grant for grant in held if grant.covers(alias)])
            for alias, project in sorted(self._projects.items())
        ]
        return [usable for usable in found if usable.grants]

    async def _theirs_to_settle(self, actor: Actor, grants: Sequence[Grant], filters: Filters) -> Sequence[Asked]:
        """Requests of others, in projects where this person may approve, which they have not agreed to yet."""
        found = await self._store.recent(filters)
        return [
            (request, items)
            for request, items in found
            if request.actor_id != actor.user_id
            and actor.user_id not in request.approvers
            and self._may(actor, Action.APPROVE, request, grants)
        ][:SHOWN]

    def _may_see_own(self, actor: Actor, request: Request, grants: Sequence[Grant]) -> bool:
        """One's own undecided and refused requests tell nothing but what was typed."""
        undecided = request.refused or request.state is RequestState.RECEIVED
        return undecided or self._may(actor, Action.VIEW, request, grants)

    def _may(self, actor: Actor, action: Action, request: Request, grants: Sequence[Grant]) -> bool:
        if request.project is None:
            return False
        project, place = self._projects.get(request.project), request.place.channel_id
        decision = decide(actor, action, request.project, project, place, grants, self._clock.now())
        return not isinstance(decision, Denied)
