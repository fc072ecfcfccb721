"""app_home:{user}: App Home shows what a person may use, what they asked for, and what waits for them.

App Home is private and no channel, so each request is judged at the place where it was made.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol

from bot.domain.access import decide
from bot.domain.actors import Actor
from bot.domain.audit import AuditEntry, denied, read_entry
from bot.domain.denials import Denied, account_refused
from bot.domain.errors import LookupFailed, SlackBusy, ViewRefused, ViewStale
from bot.domain.items import Item
from bot.domain.projects import Project
from bot.domain.requests import Request
from bot.domain.roles import MAY, Action, Grant
from bot.domain.transitions import ItemState
from bot.ports.audit import Audit
from bot.ports.clock import Clock
from bot.ports.forms import AppHomes
from bot.ports.grants import Grants
from bot.ports.lookups import Filters
from bot.ports.requests import Requests
from bot.ports.restorations import Restorations
from bot.ports.slack import People
from bot.workflow.look_up import look_up
from bot.workflow.queries.coming_back import ComingBack, coming_back

log = logging.getLogger(__name__)

READ = 50
"""Requests of each kind that are looked at; the view shows the first of them and says how many more there are."""

PUBLISH_EVERY = timedelta(seconds=3)
"""views.publish is Tier 4, shared by everybody's Home."""

UNKNOWN_AGAIN = timedelta(minutes=1)
"""How soon Slack is asked again who a person is."""

Asked = tuple[Request, Sequence[Item]]


@dataclass(frozen=True, slots=True)
class Usable:
    """A project that a person may use, and the grants of theirs that say so."""

    project: Project
    grants: Sequence[Grant]

    def allows(self, action: Action) -> bool:
        return any(action in MAY[grant.role] for grant in self.grants)


@dataclass(frozen=True, slots=True)
class AppHomeContent:
    """Everything one person's App Home shows; or `refused`, a sentence for accounts that may do nothing here, and
    its `rule`.

    `running` and `recent` are their own requests; `waiting` those that wait for their approval, `reviews` those that
    ran without approval and that they may review. Each newest first, and no more than `READ`. `restorable` are the ids
    of those with restore points that they may go back to.
    """

    usable: Sequence[Usable] = ()
    running: Sequence[Asked] = ()
    recent: Sequence[Asked] = ()
    waiting: Sequence[Asked] = ()
    reviews: Sequence[Asked] = ()
    restorations: ComingBack = field(default_factory=dict)
    restorable: frozenset[str] = frozenset()
    refused: str = ""
    rule: str = ""


_UNKNOWN = AppHomeContent(
    refused="Slack could not tell me who you are just now, so nothing is shown. I ask again in a minute."
)


class AppHomeViews(Protocol):
    """Shows App Home; answers the new view's hash. Raises ViewStale, ViewRefused, or SlackBusy."""

    async def publish(self, user_id: str, content: AppHomeContent, rev: int, view_hash: str | None) -> str | None: ...


class Rows(AppHomes, Audit, Grants, Requests, Restorations, Protocol):
    """The roles of the store that this asks for."""


@dataclass(frozen=True, slots=True)
class AppHomePublisher:
    """Closes the gap between the rows and what App Home shows, like the reporter does for messages."""

    store: Rows
    people: People
    app_homes: AppHomeViews
    projects: Mapping[str, Project]
    clock: Clock
    _published_at: dict[str, float] = field(default_factory=dict, init=False)

    async def __call__(self, user_id: str) -> float | None:
        row = await self.store.app_home(user_id)
        last = self._published_at.get(user_id)
        wait_s = last + PUBLISH_EVERY.total_seconds() - self.clock.monotonic() if last is not None else 0.0
        if wait_s > 0:
            return wait_s
        self._published_at.pop(user_id, None)
        if row is None or row.shown_rev >= row.rev:
            return None
        shows, again = row.rev, PUBLISH_EVERY
        try:
            content = await self._read(user_id)
        except LookupFailed:
            # The refusal stands there meanwhile, and stays out of date until Slack can say who they are.
            content, shows, again = _UNKNOWN, row.shown_rev, UNKNOWN_AGAIN
        try:
            view_hash = await self.app_homes.publish(user_id, content, row.rev, row.view_hash)
        except SlackBusy as exc:
            return exc.retry_after
        except ViewStale:
            # Another view was published in between. What is shown next is read anew, after that.
            await self.store.app_home_published(user_id, row.shown_rev, None)
            return 0.0
        except ViewRefused:
            await self.store.app_home_published(user_id, row.rev, None)
            return None
        await self.store.app_home_published(user_id, shows, view_hash)
        if row.looked_at and content is not _UNKNOWN:
            self.store.note([_looked_at(user_id, content)])
        self._published_at[user_id] = self.clock.monotonic()
        return again.total_seconds()

    async def _read(self, user_id: str) -> AppHomeContent:
        """Raises LookupFailed."""
        actor = await look_up(self.people, self.clock, user_id)
        if refused := account_refused(actor):
            return AppHomeContent(refused=refused.explanation, rule=refused.rule)
        grants = await self.store.grants_for(actor)
        usable = self._usable(actor, grants)
        they_decide = [one.project.alias for one in usable if one.allows(Action.APPROVE)]
        theirs = Filters(projects=they_decide, left_to=user_id, limit=READ)
        own = Filters(actor_id=user_id, limit=READ)
        running = await self._own(actor, grants, replace(own, under_way=True))
        recent = await self._own(actor, grants, replace(own, under_way=False))
        waiting = await self._theirs_to_decide(actor, grants, replace(theirs, waiting=True))
        return AppHomeContent(
            usable=usable,
            running=running,
            recent=recent,
            waiting=waiting,
            restorable=frozenset(one[0].id for one in recent if self._restorable(actor, one, grants)),
            restorations=await coming_back(self.store, [*running, *recent, *waiting]),
            reviews=await self._theirs_to_decide(actor, grants, replace(theirs, unreviewed=True)),
        )

    def _usable(self, actor: Actor, grants: Sequence[Grant]) -> list[Usable]:
        now = self.clock.now()
        held = [grant for grant in grants if grant.names(actor) and grant.in_force(now)]
        found = [
            Usable(project, [grant for grant in held if grant.covers(alias)])
            for alias, project in sorted(self.projects.items())
        ]
        return [usable for usable in found if usable.grants]

    async def _theirs_to_decide(self, actor: Actor, grants: Sequence[Grant], filters: Filters) -> Sequence[Asked]:
        """Requests of others which this person may settle, judged from where they were made."""
        found = await self.store.recent(filters)
        return [pair for pair in found if self._may(actor, Action.APPROVE, pair[0], grants)]

    async def _own(self, actor: Actor, grants: Sequence[Grant], filters: Filters) -> Sequence[Asked]:
        """Of a project that is closed to them only what they typed themselves, and not in which project that was."""
        shown: list[Asked] = []
        for request, items in await self.store.recent(filters):
            if self._may(actor, Action.VIEW, request, grants):
                shown.append((request, items))
            elif not items:
                shown.append((replace(request, project=None), items))
        return shown

    def _restorable(self, actor: Actor, asked: Asked, grants: Sequence[Grant]) -> bool:
        left = any(item.state is ItemState.AVAILABLE and not item.gone for item in asked[1])
        return left and self._may(actor, Action.RESTORE, asked[0], grants)

    def _may(self, actor: Actor, action: Action, request: Request, grants: Sequence[Grant]) -> bool:
        if request.project is None:
            return False
        project, place = self.projects.get(request.project), request.place.channel_id
        decision = decide(actor, action, request.project, project, place, grants, self.clock.now())
        return not isinstance(decision, Denied)


def _looked_at(user_id: str, content: AppHomeContent) -> AuditEntry:
    if content.rule:
        return denied(user_id, Action.VIEW, "", content.rule, asked="home")
    return read_entry(user_id, "home", [one.project.alias for one in content.usable], "")
