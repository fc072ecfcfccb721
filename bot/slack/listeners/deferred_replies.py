"""answer:{deferred_reply}: what was acknowledged before it was decided is decided and answered, also after a restart.

An acknowledgement promises an answer, so what was asked is written down with its delivery, and kept until the answer
was given. After a crash it may be decided again: a right given twice is one and an approval counts once, though the
second answer may be that nothing was left to do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from bot.domain.audit import not_done
from bot.domain.errors import SlackBusy, StoreFailed
from bot.ports.audit import Audit
from bot.ports.clock import Clock
from bot.ports.forms import DeferredReplies, DeferredReply
from bot.slack.client.poster import SlackReplies
from bot.slack.unexpected import Unexpected
from bot.slack.views import responses
from bot.slack.views.message import Message

TOO_LATE = timedelta(hours=1)
"""An action as old as that is not done any more behind its person's back."""
UNHEARD = 2 * TOO_LATE
"""For that long an answer is tried to be said while Slack is busy; time in which no bot ran does not count."""

_INTERRUPTED = (
    "You asked me something while I was being stopped, and it is too long ago to act on it now. "
    "Look whether it counted, and ask again."
)


@dataclass(frozen=True, slots=True)
class InHand:
    """The capabilities that Slack gave along for a moment. In memory only, since none is ever written down; empty after
    a restart, unless Slack delivers again.
    """

    response_url: str | None = None
    trigger_id: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """`acted`: something was recorded or changed, so what was asked is not to be done again. `silent`: they see it."""

    message: Message
    acted: bool = False
    silent: bool = False


Answerer = Callable[[DeferredReply, InHand], Awaitable[Reply | None]]
"""Decides as the rows stand and answers; None: there is nothing to say. Every failure is an answer too."""


def delivered(trigger_id: str) -> str:
    """The name of a delivery: one trigger belongs to one, so a repeated delivery has the same. A trigger opens forms
    while it lives, so it is not written down itself.
    """
    return hashlib.sha256(trigger_id.encode()).hexdigest()[:32]


class Rows(Audit, DeferredReplies, Protocol):
    """The roles of the store that this asks for."""


class DeferredReplyJob:
    def __init__(self, store: Rows, replies: SlackReplies, clock: Clock, unexpected: Unexpected) -> None:
        self._store = store
        self._replies = replies
        self._clock = clock
        self._began = clock.now()
        self._unexpected = unexpected
        self._answerers: dict[str, Answerer] = {}
        self._in_hand: dict[str, InHand] = {}
        self._decided: dict[str, Reply | None] = {}
        self._taken: set[str] = set()
        self._said: set[str] = set()
        """Answered, while that could not be written down."""

    def answered_by(self, kind: str, answerer: Answerer) -> None:
        self._answerers[kind] = answerer

    async def take(self, deferred_reply: DeferredReply, in_hand: InHand) -> None:
        """Returns when it is written down, or was before: then it can be acknowledged."""
        self._in_hand[deferred_reply.id] = in_hand
        try:
            taken = await self._store.take_deferred_reply(deferred_reply)
        except StoreFailed:
            self._in_hand.pop(deferred_reply.id, None)
            raise
        if taken:
            self._taken.add(deferred_reply.id)
        elif await self._store.deferred_reply(deferred_reply.id) is None:
            self._in_hand.pop(deferred_reply.id, None)  # it was answered meanwhile, or long ago

    async def __call__(self, deferred_reply_id: str) -> float | None:
        deferred_reply = await self._store.deferred_reply(deferred_reply_id)
        if deferred_reply is None:
            return None
        in_hand, age = self._in_hand.get(deferred_reply_id, InHand()), self._clock.now() - deferred_reply.created_at
        if deferred_reply_id not in self._decided:  # otherwise it is only to be said again
            self._decided[deferred_reply_id] = await self._decide(deferred_reply, in_hand, age)
        reply = self._decided[deferred_reply_id]
        if reply is not None and not reply.silent and deferred_reply_id not in self._said:
            to = (deferred_reply.user_id, in_hand.response_url, deferred_reply.channel)
            try:
                await self._replies.answer(*to, reply.message, deferred_reply.thread_ts)
            except SlackBusy as exc:
                if self._clock.now() - max(deferred_reply.created_at, self._began) < UNHEARD:
                    return exc.retry_after
        self._said.add(deferred_reply_id)
        # What was taken in an earlier life may have acted there, though nothing was left to do in this one.
        acted = (reply is not None and reply.acted) or deferred_reply_id not in self._taken
        await self._store.deferred_reply_done(deferred_reply, acted=acted)
        self._in_hand.pop(deferred_reply_id, None)
        self._decided.pop(deferred_reply_id, None)
        self._taken.discard(deferred_reply_id)
        self._said.discard(deferred_reply_id)
        return None

    async def _decide(self, deferred_reply: DeferredReply, in_hand: InHand, age: timedelta) -> Reply | None:
        if age >= TOO_LATE:
            await self._store.audit(
                [not_done(deferred_reply.user_id, deferred_reply.kind, deferred_reply.channel, "too-late")]
            )
            return Reply(responses.told(_INTERRUPTED))
        try:
            if deferred_reply.late and deferred_reply.kind == "mention":
                await self._store.audit(
                    [not_done(deferred_reply.user_id, deferred_reply.kind, deferred_reply.channel, "answered-before")]
                )
            return await self._answerers[deferred_reply.kind](deferred_reply, in_hand)
        except StoreFailed:  # what was asked stands in the rows, so it is done once they can be written
            raise
        except Exception as exc:  # who asked waits for an answer, and the engine would only try again
            return Reply(responses.told(self._unexpected.report_unexpected(exc, "an answer that was owed failed")))
