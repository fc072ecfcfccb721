"""notify:{request}: a direct message to those who may approve: when something ran without them, and when something
waits for them where they do not read along.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta

from bot.domain.access import Action, Denied, decide
from bot.domain.errors import CannotPost, LookupFailed, MessageGone, MessageRefused, SlackBusy
from bot.domain.granting import Subject
from bot.domain.projects import Project
from bot.domain.requests import Item, Request, RequestState
from bot.interfaces import AuditEntry, Clock, DirectReplies, Membership, Notice, People, Saying, SayKind, Store

log = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
AGAIN_SECONDS = 30.0
GIVE_UP = timedelta(hours=1)
"""How long Slack is asked who somebody is, or who is in a group; then they are not told."""

NOTIFY = "notify"
"""What the audit trail calls it."""


async def who_may_approve(store: Store, request: Request) -> list[Subject]:
    """Who holds a grant for it, as people and groups; not everyone: nobody is everybody's keeper."""
    grants = await store.approver_grants(request.project or "")
    subjects = {Subject(grant.subject_kind, grant.subject_id) for grant in grants if grant.subject_kind != "everyone"}
    return sorted(subjects - {Subject("user", request.actor_id)}, key=str)


class Notifier:
    """One message to each who may approve at that moment; a restart goes on with those who were not told yet."""

    def __init__(
        self,
        store: Store,
        people: People,
        membership: Membership,
        replies: DirectReplies,
        projects: Mapping[str, Project],
        clock: Clock,
    ) -> None:
        self._store = store
        self._people = people
        self._membership = membership
        self._replies = replies
        self._projects = projects
        self._clock = clock

    async def __call__(self, request_id: str) -> float | None:
        found = await self._store.request(request_id)
        untold = await self._store.untold(request_id)
        if found is None or not untold:
            return None
        request, items = found
        if not request.break_glass and request.state is not RequestState.WAITING:
            for notice in untold:  # settled: there is nothing left to ask
                await self._store.told(request.id, notice.subject)
            return None
        for notice in untold:
            try:
                done = await self._done(notice, request, items)
            except SlackBusy as exc:
                return exc.retry_after
            except LookupFailed:
                done = await self._given_up(notice, request)
            if done:
                return PAUSE_SECONDS
        return AGAIN_SECONDS

    async def _done(self, notice: Notice, request: Request, items: Sequence[Item]) -> bool:
        """Raises LookupFailed or SlackBusy."""
        subject = notice.subject
        if subject.kind == "group":
            members = sorted(await self._membership.members(subject.id) - {request.actor_id})
            await self._store.told(request.id, subject, instead=[Subject("user", one) for one in members])
            return True
        denied = await self._denied(subject.id, request)
        if denied is None and subject.id not in request.approvers:
            await self._tell(subject.id, request, items)
        rule = denied.rule if denied else "granted"
        entry = _entry(subject, request, rule, denied=denied is not None)
        await self._store.told(request.id, subject, [entry])
        return True

    async def _denied(self, user_id: str, request: Request) -> Denied | None:
        """Why somebody may not approve it now; the grant that named them may be gone, or their account a guest's."""
        alias = request.project or ""
        actor = await self._people.look_up(user_id)
        grants, now = await self._store.grants_for(actor), self._clock.now()
        place = request.place.channel_id
        decision = decide(actor, Action.APPROVE, alias, self._projects.get(alias), place, grants, now)
        return decision if isinstance(decision, Denied) else None

    async def _tell(self, user_id: str, request: Request, items: Sequence[Item]) -> None:
        kind: SayKind = "break_glass" if request.break_glass else "ask_directly"
        try:
            await self._replies.say_to(user_id, Saying(kind, request, items, items))
        except (CannotPost, MessageGone, MessageRefused):
            log.warning("somebody who may approve could not be told", extra={"request": request.id, "user": user_id})

    async def _given_up(self, notice: Notice, request: Request) -> bool:
        """Whether Slack was asked for long enough; until then it is asked again."""
        if self._clock.now() - notice.since < GIVE_UP:
            return False
        subject = notice.subject
        log.warning("somebody who may approve was not told", extra={"request": request.id, "subject": str(subject)})
        await self._store.told(request.id, subject, [_entry(subject, request, "lookup-failed", denied=True)])
        return True


def _entry(subject: Subject, request: Request, rule: str, *, denied: bool) -> AuditEntry:
    return AuditEntry(
        str(subject) if subject.kind == "group" else subject.id,
        NOTIFY,
        request.id,
        "denied" if denied else "allowed",
        rule,
        {"project": request.project, "requester": request.actor_id},
    )
