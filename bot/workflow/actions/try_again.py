"""Trying again what failed of a request: a new one, of the person who asks for it, with the rights they have then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.domain import sentences
from bot.domain.actors import Actor
from bot.domain.audit import asked_to_create, by_grant
from bot.domain.denials import OPEN_LIMIT
from bot.domain.items import Item
from bot.domain.orders import DISKS_PER_CREATE, Create, Order, Quick, Selector, as_typed
from bot.domain.quick import failed
from bot.domain.requests import Place, Request
from bot.domain.results import Accepted, Told
from bot.domain.roles import Action
from bot.ports.requests import Requests
from bot.workflow.gate import Admitted, Gate, Verb
from bot.workflow.intake import Authorization, Delivery, Intake

_AGAIN = Verb(Action.CREATE, "try-again", "I know no request {} that you may try again.")


@dataclass(frozen=True, slots=True)
class Retrying:
    """The first request's order, of the disks that failed and that no further try has taken up. Of two who ask at once
    one is taken: both would make the same delivery.
    """

    store: Requests
    gate: Gate
    intake: Intake

    async def again(self, actor: Actor, place: Place | None, request_id: str) -> Told:
        """`place` is where it was asked for, and where it will be told; None: from a direct message, which is no place.
        Then the place of the first request counts, and it is told directly.
        """
        admitted = await self.gate.admits(actor, place.channel_id if place else None, request_id, _AGAIN)
        if isinstance(admitted, Told):
            return admitted
        first, tries = admitted.request, await self.store.tries_of(admitted.request.id)
        taken_up = {disk for one in tries if not one.refused for disk in _disks(one)}
        left = [item for item in failed(admitted.items) if item.disk.id not in taken_up]
        order = _order(first, left, tried=any(not one.refused for one in tries))
        if order is None:
            return await self._nothing_left(actor, admitted, tries)
        delivery = Delivery(
            f"again:{first.id}:{len(tries)}",
            actor.user_id,
            place or first.place,
            as_typed(order),
            reply_channel="" if place else actor.user_id,
        )
        authorization = _authorization(actor, admitted)
        answer = await self.intake.create(delivery, order, mendable=True, authorization=authorization)
        if isinstance(answer, Accepted):
            if answer.repeated:
                return await self._nothing_left(actor, admitted, [answer.request])
            return _under_way(answer, len(left), place)
        if answer.rule == OPEN_LIMIT:
            return Told(answer.sentence, done=False)
        return Told("Somebody pressed it at the same moment. Press it again.", done=False)

    async def _nothing_left(self, actor: Actor, admitted: Admitted, tries: Sequence[Request]) -> Told:
        words = "Nothing of this request has failed, so there is nothing to try again."
        if tries:
            last = tries[-1]
            who = sentences.person(last.actor_id)
            words = f"{who} tried that again already: request `{last.id}`. What fails there has its own button."
        return await self.gate.refuse(actor, admitted, "tried-before" if tries else "nothing-failed", words)


def _authorization(actor: Actor, admitted: Admitted) -> Authorization:
    """The gate has decided the very thing: to create in this project, from this place."""
    entry = asked_to_create(actor.user_id, admitted.project, admitted.place, "allowed", admitted.rule)
    audit = by_grant(replace(entry, details={**entry.details, "again_of": admitted.request.id}), admitted.grant)
    return Authorization(admitted.project, audit, admitted.approvals)


def _order(first: Request, left: Sequence[Item], *, tried: bool) -> Order | None:
    """The same as was asked for, of these disks alone; all of it where it was not confirmed in time. A press confirms
    it, and is no word to run it without others: that has to be typed.
    """
    asked = first.order
    if first.timed_out and not tried:
        return replace(asked, project=first.project, break_glass=None, again_of=first.id)
    if not left:
        return None
    ids = tuple(item.disk.id for item in left)
    if isinstance(asked, Create) and len(ids) <= DISKS_PER_CREATE:
        return replace(asked, disks=ids, project=first.project, break_glass=None, again_of=first.id)
    return Quick(
        tuple(Selector("disk", one) for one in ids),
        project=first.project,
        keep_days=asked.keep_days,
        reason=asked.reason,
        confirm=False,
        again_of=first.id,
    )


def _disks(request: Request) -> tuple[str, ...]:
    order = request.order
    return order.disks if isinstance(order, Create) else tuple(one.value for one in order.selectors)


def _under_way(answer: Accepted, disks: int, place: Place | None) -> Told:
    what = f"another try of {'1 disk' if disks == 1 else f'{disks} disks'}" if disks else "the same once more"
    where = "in a direct message" if place is None else "in this thread" if place.thread_ts else "in this channel"
    then = ""
    if answer.approvals:
        then = " It runs once another person agrees." if answer.approvals == 1 else " It runs once others agree."
    return Told(f"On it: {what}, request `{answer.request.id}`.{then} Follow it {where}.", done=True)
