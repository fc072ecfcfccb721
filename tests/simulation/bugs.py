"""Bugs put in on purpose, to see that the simulation finds them: a hurried change could make each of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.attempts import waiting
from bot.domain.items import Item
from bot.ports.forms import DeferredReply
from bot.ports.outbox import Edit, OutboxMessage
from bot.slack.listeners.actions import Actions
from bot.slack.payloads import BlockAction
from bot.store import deferred_replies, deliveries
from bot.store.deferred_replies import StoredDeferredReplies
from bot.workflow.jobs.report import Reporter
from bot.workflow.jobs.submit import Submitter


class Bug(Protocol):
    def __call__(self) -> AbstractContextManager[None]: ...


@contextmanager
def _instead(owner: Any, name: str, other: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, other)
    try:
        yield
    finally:
        setattr(owner, name, before)


def sent_again_without_looking() -> AbstractContextManager[None]:
    """An answer was lost, and the POST is sent once more without a look for the tag."""

    async def look(self: Submitter, item: Item, now: datetime) -> float:
        await self.store.save(replace(waiting(item, now, until=now, cause=""), in_doubt=False))
        return 0.0

    return _instead(Submitter, "_look", look)


def acknowledged_before_the_commit() -> AbstractContextManager[None]:
    """A press is acknowledged, and decided after that."""
    decide = Actions.on_button

    async def nothing_left_to_acknowledge() -> None:
        """It was."""

    async def on_button(self: Actions, name: str, ack: AsyncAck, block_action: BlockAction) -> None:
        await ack()
        self.front.tasks.start(decide(self, name, nothing_left_to_acknowledge, block_action))  # type: ignore[arg-type]

    return _instead(Actions, "on_button", on_button)


def shown_before_slack_said_so() -> AbstractContextManager[None]:
    """An edit counts as shown before Slack has taken it."""
    say = Reporter._say

    async def marked_first(self: Reporter, outgoing: OutboxMessage, reply_channel: str) -> float | None:
        if isinstance(outgoing, Edit):
            await self._said(outgoing)
        return await say(self, outgoing, reply_channel)

    return _instead(Reporter, "_say", marked_first)


def marked_in_a_transaction_of_its_own() -> AbstractContextManager[None]:
    """That an event was delivered is committed before what is to be done because of it."""

    async def take(self: StoredDeferredReplies, deferred_reply: DeferredReply) -> bool:
        first = await self._database.run_first(deliveries.first, deferred_reply.id, self._clock.now())
        if first:
            await self._database.run_first(deferred_replies.add, deferred_reply)
        return first

    return _instead(StoredDeferredReplies, "take_deferred_reply", take)


BUGS: Mapping[str, Bug] = {
    "sent-again": sent_again_without_looking,
    "acknowledged-early": acknowledged_before_the_commit,
    "shown-early": shown_before_slack_said_so,
    "marked-alone": marked_in_a_transaction_of_its_own,
}
