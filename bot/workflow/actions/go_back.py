"""`restore ID` and `verify ID`: first whether this person may go back to what the id names, then a request like others.

An id that leads nowhere, one that is closed to the person and one of a project without the way back are asked of the
gate; the request that follows is authorized once more by intake, and at every hop after that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.domain.actors import Actor
from bot.domain.audit import read_entry
from bot.domain.items import Item
from bot.domain.orders import Restore
from bot.domain.requests import Place, Request
from bot.domain.results import Answer, Refused, Told
from bot.domain.roles import Action
from bot.domain.transitions import ItemState
from bot.ports.audit import Audit
from bot.workflow.gate import Gate, Verb
from bot.workflow.intake import Delivery, Intake

GO_BACK = Verb(
    Action.RESTORE,
    "restore",
    "I know no snapshot or request {} that you may go back to. `restore-points` shows those you may see.",
)
NOTHING_LEFT = "nothing-to-go-back-to"


@dataclass(frozen=True, slots=True)
class GoingBack:
    store: Audit
    gate: Gate
    intake: Intake

    async def ask(
        self, actor: Actor, order: Restore, delivery_id: str, place: Place | None, text: str, *, mendable: bool = False
    ) -> Answer:
        """`place` is where it was asked for, and where it will be told; None: from where there is no place. Then that
        of the source counts, and it is told directly.
        """
        admitted = await self.gate.admits(actor, place.channel_id if place else None, order.of, GO_BACK)
        if isinstance(admitted, Told):
            return Refused(admitted.sentence)
        source = admitted.request
        told_at = "" if place else actor.user_id
        delivery = Delivery(delivery_id, actor.user_id, place or source.place, text, reply_channel=told_at)
        sought = replace(order, request_id=source.id, project=admitted.project)
        return await self.intake.create(delivery, sought, mendable=mendable)

    async def may(self, actor: Actor, channel: str | None, any_id: str) -> tuple[Request, Sequence[Item]] | Told:
        """The request with its restore points, asked before the form opens that shows them: a reading."""
        admitted = await self.gate.admits(actor, channel, any_id, GO_BACK)
        if isinstance(admitted, Told):
            return admitted
        there = [item for item in admitted.items if item.state is ItemState.AVAILABLE and not item.gone]
        if not there:
            sentence = "Of this request no snapshot is left to go back to. `restore-points` shows others."
            return await self.gate.refuse(actor, admitted, NOTHING_LEFT, sentence)
        shown = read_entry(actor.user_id, "restore-form", [admitted.project], admitted.place, admitted.request.id)
        self.store.note([shown])
        return admitted.request, there
