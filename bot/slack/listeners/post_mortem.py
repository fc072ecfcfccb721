"""The button under a receipt: the record of the request, shown to whoever presses and may read it."""

from __future__ import annotations

from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.errors import LookupFailed
from bot.domain.requests import is_direct
from bot.ports.outbox import Saying
from bot.ports.slack import People
from bot.ports.store import Store
from bot.slack.background_tasks import Errands
from bot.slack.client.poster import SlackReplies
from bot.slack.ids import RECORD
from bot.slack.listeners.actions import place_of, pressed
from bot.slack.listeners.queries import Answering
from bot.slack.views import responses
from bot.slack.views.message import Message
from bot.workflow.audit_of_reads import not_looked_up
from bot.workflow.queries.status import Inquiry, NotFound


class RecordListeners:
    """Forty thousand characters of JSON are for a post-mortem, not for the thread of the incident."""

    def __init__(
        self,
        people: People,
        store: Store,
        inquiry: Inquiry,
        answering: Answering,
        replies: SlackReplies,
        errands: Errands,
    ) -> None:
        self._people = people
        self._store = store
        self._inquiry = inquiry
        self._answering = answering
        self._replies = replies
        self._errands = errands

    def register(self, app: AsyncApp) -> None:
        app.action(RECORD)(self.on_record)

    async def on_record(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        self._errands.send(self._show(body))

    async def _show(self, body: dict[str, Any]) -> None:
        user_id, channel = body["user"]["id"], place_of(body) or ""
        thread_ts = (body.get("container") or {}).get("thread_ts")
        message = await self._answer(user_id, channel, pressed(body))
        await self._replies.tell(user_id, body.get("response_url"), channel, message, thread_ts)

    async def _answer(self, user_id: str, channel: str, request_id: str) -> Message:
        try:
            actor = await self._people.look_up(user_id)
            found = await self._inquiry.record(actor, None if is_direct(channel) else channel, request_id)
            if isinstance(found, NotFound):
                return responses.told(found.sentence)
            ((request, items),) = found.requests
            return self._replies.rendered(Saying("record", request, items, items, {}, found.groups))
        except LookupFailed as exc:
            await self._store.record([not_looked_up(user_id, RECORD, channel)])
            return responses.told(exc.sentence)
        except Exception:
            return responses.told(self._answering.failed("a record could not be shown"))
