"""notify:{request}: a direct message to those who may approve: when something ran without them, and when a request, or
a deletion, waits for them where they do not read along.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.access import approvals_to_delete, decide
from bot.domain.audit import AuditEntry, Decided, of_notice
from bot.domain.deletions import Deletion, otherwise, question
from bot.domain.denials import Denied
from bot.domain.errors import CannotPost, LookupFailed, MessageGone, MessageRefused, SlackBusy
from bot.domain.granting import Subject
from bot.domain.items import Item
from bot.domain.projects import Project
from bot.domain.requests import Request
from bot.domain.roles import Action
from bot.domain.transitions import DeletionState, RequestState
from bot.ports.clock import Clock
from bot.ports.deletions import Deletions
from bot.ports.grants import Grants
from bot.ports.messages import DirectMessage, Text
from bot.ports.outbox import Notice, Outbox
from bot.ports.requests import Requests
from bot.ports.slack import DirectReplies, Membership, People

log = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
AGAIN_SECONDS = 30.0
GIVE_UP = timedelta(hours=1)
"""How long Slack is asked who a person is, or who is in a group; then they are not told."""

NOTIFY = "notify"
"""The name in the audit trail."""


async def who_may_approve(store: Grants, request: Request, *, but: str | None = None) -> list[Subject]:
    """Who holds a grant for it, as people and groups; not everyone: a grant to all makes no person responsible.

    Left out is who asked: `but`, where it is about a deletion, else the requester.
    """
    grants = await store.approver_grants(request.project or "")
    subjects = {Subject(grant.subject_kind, grant.subject_id) for grant in grants if grant.subject_kind != "everyone"}
    return sorted(subjects - {Subject("user", but or request.actor_id)}, key=str)


@dataclass(frozen=True, slots=True)
class _Matter:
    """A matter to tell: the request, or as far as it still waits, what was asked to be deleted of it."""

    request: Request
    items: Sequence[Item]
    asked: Sequence[Deletion] = ()

    @property
    def asked_by(self) -> str:
        return self.asked[0].asked_by if self.asked else self.request.actor_id

    def agreed(self, person: str) -> bool:
        """To all of it."""
        if self.asked:
            return all(person in one.agreed_by for one in self.asked)
        return person in self.request.approvers


_Key = tuple[str, Subject, int]
"""A notice: its request, who is to be told, and the asking."""


class Rows(Deletions, Grants, Outbox, Requests, Protocol):
    """The roles of the store that this asks for."""


@dataclass(slots=True)
class Notifier:
    """One message to each who may approve at that moment; a restart goes on with those who were not told yet."""

    store: Rows
    people: People
    membership: Membership
    replies: DirectReplies
    projects: Mapping[str, Project]
    clock: Clock
    _began: datetime = field(init=False)
    _aside: dict[_Key, float] = field(default_factory=dict, init=False)
    """Until when those wait over whose message Slack failed; they come after the others."""
    _said: set[_Key] = field(default_factory=set, init=False)
    """Told, while that could not be written down: no person is told twice because the disk was full."""

    def __post_init__(self) -> None:
        self._began = self.clock.now()

    async def __call__(self, request_id: str) -> float | None:
        found = await self.store.request(request_id)
        untold = await self.store.untold(request_id)
        if found is None or not untold:
            return None
        matters = await self._matters(*found, untold)
        waits: list[float] = []
        for notice in sorted(untold, key=lambda one: (request_id, one.subject, one.asking) in self._aside):
            key = (request_id, notice.subject, notice.asking)
            if (left_s := self._aside.get(key, 0.0) - self.clock.monotonic()) > 0:
                waits.append(left_s)
                continue
            matter = matters.get(notice.asking)
            if matter is None:  # settled: there is nothing left to ask
                await self.store.told(request_id, notice)
                self._aside.pop(key, None)
                continue
            try:
                done = await self._done(notice, matter)
            except SlackBusy as exc:
                self._aside[key] = self.clock.monotonic() + exc.retry_after
                waits.append(exc.retry_after)
                continue
            except LookupFailed:
                done = await self._given_up(notice, matter)
            if done:
                self._aside.pop(key, None)
                return PAUSE_SECONDS
        return min([*waits, AGAIN_SECONDS]) if matters else None

    async def _matters(self, request: Request, items: Sequence[Item], untold: Sequence[Notice]) -> dict[int, _Matter]:
        """The matters that people are still to be told of, by the asking; 0 is the request itself."""
        matters = {}
        if request.break_glass or request.state is RequestState.WAITING:
            matters[0] = _Matter(request, items)
        for one in await self.store.deletions(request.id):
            if one.state is DeletionState.ASKED:
                asked = matters[one.asking].asked if one.asking in matters else ()
                matters[one.asking] = _Matter(request, items, [*asked, one])
        wanted = {notice.asking for notice in untold}
        return {asking: matter for asking, matter in matters.items() if asking in wanted}

    async def _done(self, notice: Notice, matter: _Matter) -> bool:
        """Raises LookupFailed or SlackBusy."""
        subject, request = notice.subject, matter.request
        if subject.kind == "group":
            members = sorted(await self.membership.members(subject.id) - {matter.asked_by})
            await self.store.told(request.id, notice, instead=[Subject("user", one) for one in members])
            return True
        denied = await self._denied(subject.id, request)
        key = (request.id, subject, notice.asking)
        if denied is None and not matter.agreed(subject.id) and key not in self._said:
            await self._tell(subject.id, notice.asking, matter)
            self._said.add(key)
        rule = denied.rule if denied else "granted"
        entry = _entry(subject, matter, rule, denied=denied is not None)
        await self.store.told(request.id, notice, [entry])
        self._said.discard(key)
        return True

    async def _denied(self, user_id: str, request: Request) -> Denied | None:
        """Why a person may not approve it now; the grant that named them may be gone, or their account a guest's."""
        alias = request.project or ""
        actor = await self.people.look_up(user_id)
        grants, now = await self.store.grants_for(actor), self.clock.now()
        place = request.place.channel_id
        decision = decide(actor, Action.APPROVE, alias, self.projects.get(alias), place, grants, now)
        return decision if isinstance(decision, Denied) else None

    async def _tell(self, user_id: str, asking: int, matter: _Matter) -> None:
        try:
            await self._say(user_id, asking, matter)
        except (CannotPost, MessageGone, MessageRefused):
            facts = {"request": matter.request.id, "user": user_id}
            log.warning("somebody who may approve could not be told", extra=facts)

    async def _say(self, user_id: str, asking: int, matter: _Matter) -> None:
        request = matter.request
        if matter.asked:
            project = self.projects.get(request.project or "")
            needed = approvals_to_delete(request.order, project)
            asked = [question(request.order, matter.asked, needed), otherwise(matter.asked)]
            await self.replies.ask_to_agree(user_id, request.id, asked, asking)
            return
        text = Text.BREAK_GLASS if request.break_glass else Text.ASK_DIRECTLY
        await self.replies.say(DirectMessage(text, request, matter.items, matter.items, to=user_id))

    async def _given_up(self, notice: Notice, matter: _Matter) -> bool:
        """Whether Slack was asked for long enough; until then it is asked again."""
        if self.clock.now() - max(notice.since, self._began) < GIVE_UP:  # no bot asked before it began
            return False
        subject, request = notice.subject, matter.request
        log.warning("somebody who may approve was not told", extra={"request": request.id, "subject": str(subject)})
        await self.store.told(request.id, notice, [_entry(subject, matter, "lookup-failed", denied=True)])
        return True


def _entry(subject: Subject, matter: _Matter, rule: str, *, denied: bool) -> AuditEntry:
    outcome: Decided = "denied" if denied else "allowed"
    return of_notice(subject, NOTIFY, matter.request, matter.asked_by, outcome, rule)
