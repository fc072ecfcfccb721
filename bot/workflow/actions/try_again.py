"""Trying again what failed of a request: a new one, of the person who asks for it, with the rights they have then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.domain import sentences
from bot.domain.actors import Actor
from bot.domain.audit import asked_for, by_grant
from bot.domain.denials import OPEN_LIMIT
from bot.domain.items import Item
from bot.domain.orders import DISKS_PER_CREATE, Create, Order, Quick, Restore, Selector, as_typed
from bot.domain.quick import to_try_again
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
        where = "in a direct message" if place is None else "in this thread" if place.thread_ts else "in this channel"
        return await self._again(admitted, actor, actor.user_id, (place, actor.user_id), f"Follow it {where}.")

    async def again_for_its_requester(self, actor: Actor, request_id: str) -> Told:
        """The same in the name of the person who asked first, told where that was: `actor` may say so and is no person
        of Slack. What the requester may do by then is asked when it is planned, and before each POST.
        """
        admitted = await self.gate.admits(actor, None, request_id, _AGAIN)
        if isinstance(admitted, Told):
            return admitted
        first = admitted.request
        then = f"It is in the name of {sentences.person(first.actor_id)}, and told where the first one is."
        return await self._again(admitted, actor, first.actor_id, (None, first.reply_channel), then)

    async def _again(
        self, admitted: Admitted, actor: Actor, requester: str, told_at: tuple[Place | None, str], then: str
    ) -> Told:
        """`told_at`: a place, or None and where else it is told than at the place of the first request. `then`: how it
        can be followed.
        """
        place, elsewhere = told_at
        first = admitted.request
        if isinstance(first.order, Restore):
            told = f"Whether disks come back is asked anew each time: `{as_typed(first.order)}`."
            return await self.gate.refuse(actor, admitted, "asked-anew", told)
        tries = await self.store.tries_of(admitted.request.id)
        taken_up = {disk for one in tries if not one.refused for disk in _disks(one)}
        left = [item for item in to_try_again(admitted.items) if item.disk.id not in taken_up]
        order = _order(first, first.order, left, tried=any(not one.refused for one in tries))
        if order is None:
            return await self._nothing_left(actor, admitted, tries)
        delivery = Delivery(
            f"again:{first.id}:{len(tries)}",
            requester,
            place or first.place,
            as_typed(order),
            reply_channel="" if place else elsewhere,
        )
        authorization = _authorization(actor, admitted, requester)
        answer = await self.intake.create(delivery, order, mendable=True, authorization=authorization)
        if isinstance(answer, Accepted):
            if answer.repeated:
                return await self._nothing_left(actor, admitted, [answer.request])
            return _under_way(answer, len(left), then)
        if answer.rule == OPEN_LIMIT:
            return Told(answer.sentence, done=False)
        return Told("Somebody pressed it at the same moment. Press it again.", done=False)

    async def _nothing_left(self, actor: Actor, admitted: Admitted, tries: Sequence[Request]) -> Told:
        words = "Nothing of this request has failed in a way that another try could mend."
        if tries:
            last = tries[-1]
            who = sentences.person(last.actor_id)
            words = f"{who} tried that again already: request `{last.id}`. What fails there has its own button."
        return await self.gate.refuse(actor, admitted, "tried-before" if tries else "nothing-failed", words)


def _authorization(actor: Actor, admitted: Admitted, requester: str) -> Authorization:
    """The gate has decided the very thing: to create in this project, from this place."""
    entry = asked_for(actor.user_id, admitted.project, admitted.place, "allowed", admitted.rule)
    of_another = {} if requester == actor.user_id else {"requester": requester}
    details = {**entry.details, "again_of": admitted.request.id, **of_another}
    audit = by_grant(replace(entry, details=details), admitted.grant)
    return Authorization(admitted.project, audit, admitted.approvals)


def _order(first: Request, asked: Create | Quick, left: Sequence[Item], *, tried: bool) -> Order | None:
    """The same as was asked for, of these disks alone; all of it where it was not confirmed in time. A press confirms
    it, and is no word to run it without others: that has to be typed.
    """
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
    match request.order:
        case Create(disks):
            return disks
        case Quick(selectors):
            return tuple(one.value for one in selectors)
        case Restore():
            return ()


def _under_way(answer: Accepted, disks: int, then: str) -> Told:
    what = f"another try of {'1 disk' if disks == 1 else f'{disks} disks'}" if disks else "the same once more"
    runs = ""
    if answer.approvals:
        runs = " It runs once another person agrees." if answer.approvals == 1 else " It runs once others agree."
    return Told(f"On it: {what}, request `{answer.request.id}`.{runs} {then}", done=True)
