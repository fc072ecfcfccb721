"""`delete ID`, typed: what would be lost is told, and nothing is deleted until the same person presses.

What is pressed is decided anew, and lets go no more than what was told: the ids stand in the store, not in the button.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from bot.domain.actors import Actor
from bot.domain.audit import denied, read_entry
from bot.domain.items import Item
from bot.domain.orders import Create
from bot.domain.requests import Place, Request
from bot.domain.results import Told
from bot.ports.audit import Audit
from bot.ports.clock import Clock
from bot.ports.cloud import Cloud
from bot.ports.forms import Forms
from bot.ports.items import Items
from bot.workflow.actions.delete import Deleting, Doomed
from bot.workflow.form_sessions import FormSessions
from bot.workflow.queries.restore_points import existing_snapshots

ANSWER_WITHIN = timedelta(minutes=15)

_NOT_YOURS = Told("This question can't be answered any more. Type `delete ID` again.", done=False)
_OVER = Told("The time to answer this question is over. Nothing was deleted. Type `delete ID` again.", done=False)


@dataclass(frozen=True, slots=True)
class Question:
    """The question before a deletion. `last` are ids of items that are the last restore point of their disk, as far as
    is known; `looked`: the cloud said which others there are. `form_id` is what the button carries.
    """

    doomed: Doomed
    last: frozenset[str]
    looked: bool
    form_id: str

    @property
    def request(self) -> Request:
        return self.doomed.admitted.request


class Rows(Audit, Forms, Items, Protocol):
    """The roles of the store that this asks for."""


@dataclass(frozen=True, slots=True)
class DeletionQuestions:
    """Asks once more."""

    store: Rows
    cloud: Cloud
    deleting: Deleting
    form_sessions: FormSessions
    clock: Clock

    async def ask(self, actor: Actor, channel: str, any_id: str) -> Question | Told:
        """The question, where something would be lost; else the answer at once."""
        doomed = await self.deleting.doomed(actor, channel, any_id)
        if isinstance(doomed, Told):
            return doomed
        last, looked = await self._last_points(doomed.items)
        ids = Create(tuple(item.id for item in doomed.items))
        form = self.form_sessions.begun("delete", actor.user_id, Place("", channel), subject=any_id, order=ids)
        await self.form_sessions.save(form)
        request = doomed.admitted.request
        self.store.note([read_entry(actor.user_id, "delete-question", [doomed.admitted.project], channel, request.id)])
        return Question(doomed, last, looked, form.id)

    async def answered(self, actor: Actor, form_id: str) -> Told:
        """Pressed. That it is pressed once is seen to by who hands it over."""
        form = await self.store.form(form_id)
        if form is None or (form.kind, form.user_id) != ("delete", actor.user_id):
            return await self._refuse(actor, "form-unknown" if form is None else "form-tampered", _NOT_YOURS)
        if self.clock.now() >= form.opened_at + ANSWER_WITHIN:
            return await self._refuse(actor, "question-timeout", _OVER)
        return await self.deleting.delete(actor, form.place.channel_id, form.subject, only=form.order.disks)

    async def _refuse(self, actor: Actor, rule: str, told: Told) -> Told:
        await self.store.audit([denied(actor.user_id, "delete", "", rule, hop="question")])
        return told

    async def _last_points(self, items: Sequence[Item]) -> tuple[frozenset[str], bool]:
        """Of each disk the newest other points that the rows know are looked for in its project."""
        going = {item.snapshot_id for item in items}
        others = [one for one in await self.store.points_of(items) if one.snapshot_id not in going]
        looked, there = True, set[str]()
        for alias in dict.fromkeys(one.project for one in others):
            ids = list(dict.fromkeys(one.snapshot_id for one in others if one.project == alias and one.snapshot_id))
            existing = await existing_snapshots(self.cloud, alias, ids)
            looked = looked and existing is not None
            there |= set(ids) if existing is None else existing
        left = {one.disk.id for one in others if one.snapshot_id in there}
        return frozenset(item.id for item in items if item.disk.id not in left), looked
