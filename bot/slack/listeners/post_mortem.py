"""The button under a receipt: the record of the request, shown to a person who presses and may read it."""

from __future__ import annotations

from dataclasses import dataclass

from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.audit import not_looked_up
from bot.domain.errors import LookupFailed
from bot.domain.results import NothingFound
from bot.ports.audit import Audit
from bot.slack.front import Front
from bot.slack.ids import POST_MORTEM, is_direct
from bot.slack.payloads import BlockAction
from bot.slack.views import responses
from bot.slack.views.message import Message
from bot.workflow.queries.status import Inquiry


@dataclass(frozen=True, slots=True)
class PostMortemListeners:
    """Forty thousand characters are for a post-mortem, not for the thread of the incident."""

    front: Front
    store: Audit
    inquiry: Inquiry

    async def on_post_mortem(self, ack: AsyncAck, action: BlockAction) -> None:
        await ack()
        self.front.tasks.start(self._show(action), lambda words: self._tell(action, responses.told(words)))

    async def _show(self, action: BlockAction) -> None:
        await self._tell(action, await self._answer(action.user_id, action.channel, action.value))

    async def _tell(self, action: BlockAction, message: Message) -> None:
        to = (action.user_id, action.response_url, action.channel)
        await self.front.replies.tell(*to, message, action.thread_ts)

    async def _answer(self, user_id: str, channel: str, request_id: str) -> Message:
        try:
            actor = await self.front.people.look_up(user_id)
        except LookupFailed as exc:
            await self.store.audit([not_looked_up(user_id, POST_MORTEM, channel)])
            return responses.told(exc.sentence)
        found = await self.inquiry.post_mortem(actor, None if is_direct(channel) else channel, request_id)
        if isinstance(found, NothingFound):
            return responses.told(found.sentence)
        ((request, items),) = found.requests
        rows = found.restorations.get(request.id, ())
        return self.front.replies.post_mortem(request, items, found.groups, rows)
