"""Calling back what was not sent yet. What the cloud was asked for goes on to its truthful end."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain import sentences
from bot.domain.actors import Actor
from bot.domain.audit import by_grant, of_request
from bot.domain.results import Told
from bot.domain.roles import Action
from bot.ports.requests import Requests
from bot.workflow.gate import Gate, Verb

_CANCEL = Verb(
    Action.CANCEL,
    "cancel",
    "I know no request {} that you may cancel.",
    # It is not decided yet in which project it would run; it is nothing but its requester's word.
    own=lambda request: request.project is None,
)


@dataclass(frozen=True, slots=True)
class Cancelling:
    """Each decision is asked of the rows at its own moment, and takes effect in the same transaction as its record."""

    store: Requests
    gate: Gate

    async def cancel(self, actor: Actor, channel: str | None, any_id: str) -> Told:
        """`channel` None: from App Home, which is no place; the place of the request counts."""
        admitted = await self.gate.admits(actor, channel, any_id, _CANCEL)
        if isinstance(admitted, Told):
            return admitted
        request = admitted.request
        who = sentences.person(actor.user_id)
        entry = by_grant(of_request(actor, _CANCEL.name, request, "allowed", admitted.rule), admitted.grant)
        done = await self.store.cancel(
            request.id,
            explanation=f"{who} cancelled it. Nothing was created.",
            cause=f"{who} cancelled it before it was sent.",
            entries=[entry],
        )
        if done is None:
            sentence = "This request has ended; nothing is left to cancel."
            return await self.gate.refuse(actor, admitted, "ended-before", sentence)
        if done.dropped:
            return Told("Cancelled. Nothing was created.", done=True)
        if done.called_off:
            went_on = f" {_went_on(done.sent)}" if done.sent else ""
            return Told(f"Called off: {_disks(done.called_off, 'does', 'do')} not come back.{went_on}", done=True)
        if not done.cancelled:
            return await self.gate.refuse(actor, admitted, "sent-before", f"Too late: {_went_on(done.sent)}")
        return Told(
            f"{_disks(done.cancelled, 'was', 'were')} not sent yet and cancelled. {_went_on(done.sent)}", done=True
        )


def _went_on(sent: int) -> str:
    if not sent:
        return "The others have ended already."
    follow = "it to its end" if sent == 1 else "them to their end"
    return f"{_disks(sent, 'was', 'were')} sent to the cloud already and can't be called back; I follow {follow}."


def _disks(count: int, one: str, many: str) -> str:
    return f"1 disk {one}" if count == 1 else f"{count} disks {many}"
