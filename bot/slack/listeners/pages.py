"""Older and newer pages of a list: the private message is replaced, and the rights are asked again for each page."""

from __future__ import annotations

from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.commands import ListSnapshots
from bot.slack.background_tasks import Errands
from bot.slack.client.poster import SlackReplies
from bot.slack.ids import LIST_NEWER, LIST_OLDER
from bot.slack.listeners.actions import place_of, pressed, read_object
from bot.slack.listeners.queries import Answering
from bot.slack.views import responses

FURTHEST = 1_000_000


class PageListeners:
    def __init__(self, answering: Answering, replies: SlackReplies, errands: Errands) -> None:
        self._answering = answering
        self._replies = replies
        self._errands = errands

    def register(self, app: AsyncApp) -> None:
        app.action(LIST_NEWER)(self.on_page)
        app.action(LIST_OLDER)(self.on_page)

    async def on_page(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        self._errands.send(self._turn(body))

    async def _turn(self, body: dict[str, Any]) -> None:
        user_id, channel, url = body["user"]["id"], place_of(body) or "", body.get("response_url")
        asked = read_page(pressed(body))
        if asked is None:
            told = responses.told("I can't read that page any more. Type `list` again.")
        else:
            told = (await self._answering.answer_somebody(asked, user_id, channel)).message
        if not await self._replies.respond(url, told, replace=True):
            await self._replies.tell(user_id, None, channel, told)


def read_page(value: str) -> ListSnapshots | None:
    """What a button asks for; whatever does not fit is nothing."""
    asked = read_object(value)
    if asked is None:
        return None
    disk, project, offset = asked.get("disk"), asked.get("project"), asked.get("offset")
    if not all(text is None or isinstance(text, str) for text in (disk, project)):
        return None
    if not isinstance(offset, int) or isinstance(offset, bool) or not 0 <= offset <= FURTHEST:
        return None
    return ListSnapshots(disk, project, asked.get("mine") is True, offset)
