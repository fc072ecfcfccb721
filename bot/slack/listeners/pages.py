"""Older and newer pages of a list: the private message is replaced, and the rights are asked again for each page."""

from __future__ import annotations

from dataclasses import dataclass

from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.parsing.commands import ListSnapshots
from bot.slack.button_values import PageValue, read_value
from bot.slack.front import Front
from bot.slack.listeners.queries import Queries
from bot.slack.payloads import BlockAction
from bot.slack.views import responses
from bot.slack.views.message import Message


@dataclass(frozen=True, slots=True)
class PageListeners:
    front: Front
    queries: Queries

    async def on_page(self, ack: AsyncAck, action: BlockAction) -> None:
        await ack()
        self.front.tasks.start(self._turn(action), lambda words: self._tell(action, responses.told(words)))

    async def _turn(self, action: BlockAction) -> None:
        asked = read_page(action.value)
        if asked is None:
            told = responses.told("I can't read that page any more. Type `list` again.")
        else:
            told = (await self.queries.answer_somebody(asked, action.user_id, action.channel)).message
        await self._tell(action, told)

    async def _tell(self, action: BlockAction, told: Message) -> None:
        if not await self.front.replies.respond(action.response_url, told, replace=True):
            await self.front.replies.tell(action.user_id, None, action.channel, told)


def read_page(value: str) -> ListSnapshots | None:
    page = read_value(PageValue, value)
    return ListSnapshots(page.disk, page.project, page.mine is True, page.offset) if page else None
