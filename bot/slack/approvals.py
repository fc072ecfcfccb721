"""The buttons under a request that waits: approve, and deny with a reason asked for in a form."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.access import Actor
from bot.domain.errors import LookupFailed
from bot.domain.sentences import without_mentions
from bot.interfaces import People
from bot.slack import answers
from bot.slack.errands import Errands
from bot.slack.failures import failure_of
from bot.slack.messages import APPROVE, DENY
from bot.slack.replies import SlackReplies
from bot.workflow.approving import REASON_CHARACTERS, Approvals, Told

log = logging.getLogger(__name__)

DENY_FORM = "deny_reason"
_REASON = "reason"


class ApprovalListeners:
    """Each press is acknowledged at once and decided afterwards, by who pressed and as the rows stand then."""

    def __init__(
        self,
        approvals: Approvals,
        people: People,
        client: AsyncWebClient,
        replies: SlackReplies,
        errands: Errands,
        new_reference: Callable[[], str],
    ) -> None:
        self._approvals = approvals
        self._people = people
        self._client = client
        self._replies = replies
        self._errands = errands
        self._new_reference = new_reference

    def register(self, app: AsyncApp) -> None:
        app.action(APPROVE)(self.on_approve)
        app.action(DENY)(self.on_deny)
        app.view(DENY_FORM)(self.on_reason)

    async def on_approve(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        request_id, channel = _pressed(body)
        self._errands.send(self._decide(body, lambda actor: self._approvals.approve(actor, channel, request_id)))

    async def on_deny(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        request_id, channel = _pressed(body)
        self._errands.send(self._decide(body, lambda actor: self._open_form(actor, body, request_id, channel)))

    async def on_reason(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        view = body["view"]
        reason = view["state"]["values"][_REASON][_REASON].get("value") or ""
        request_id = str(view.get("private_metadata") or "")
        if not reason.strip():
            await ack(response_action="errors", errors={_REASON: "Say why, so that they know what to change."})
            return
        await ack()
        reason = without_mentions(reason)
        # A form comes back without a place. It counts as filled in where the request was made, by whoever sent it now.
        self._errands.send(self._decide(body, lambda actor: self._approvals.deny(actor, None, request_id, reason)))

    async def _decide(self, body: dict[str, Any], decide: Callable[[Actor], Awaitable[Told | None]]) -> None:
        """Who pressed, what follows, and a private word about it, if there is one to say."""
        user_id = body["user"]["id"]
        try:
            told = await decide(await self._people.look_up(user_id))
        except LookupFailed as exc:
            told = Told(exc.sentence, done=False)
        except Exception:
            reference = self._new_reference()
            log.exception("an approval failed", extra={"reference": reference})
            words = f"Something went wrong on my side (reference {reference}). Look whether it counted, then try again."
            told = Told(words, done=False)
        if told is not None:
            await self._replies.tell(user_id, body.get("response_url"), _channel(body), answers.told(told.sentence))

    async def _open_form(self, actor: Actor, body: dict[str, Any], request_id: str, channel: str) -> Told | None:
        if refused := await self._approvals.may_deny(actor, channel, request_id):
            return refused
        try:
            await self._client.views_open(trigger_id=body["trigger_id"], view=deny_form(request_id))
        except SlackApiError as exc:
            log.info("the form could not be opened", extra={"error": failure_of(exc).error})
            words = f"Slack did not let me open the form in time. Press again, or type deny {request_id} reason=…"
            return Told(words, done=False)
        return None


def deny_form(request_id: str) -> dict[str, Any]:
    """Why not? The request goes along by its id, which is no secret and proves nothing."""
    return {
        "type": "modal",
        "callback_id": DENY_FORM,
        "private_metadata": request_id,
        "title": {"type": "plain_text", "text": "Deny snapshot"},
        "submit": {"type": "plain_text", "text": "Deny"},
        "close": {"type": "plain_text", "text": "Back"},
        "blocks": [
            {
                "type": "input",
                "block_id": _REASON,
                "label": {"type": "plain_text", "text": "Why not? The person who asked reads this."},
                "element": {
                    "type": "plain_text_input",
                    "action_id": _REASON,
                    "multiline": True,
                    "max_length": REASON_CHARACTERS,
                },
            }
        ],
    }


def _pressed(body: dict[str, Any]) -> tuple[str, str]:
    """The request of a button, and the channel it was pressed in."""
    return str(body["actions"][0].get("value") or ""), _channel(body)


def _channel(body: dict[str, Any]) -> str:
    channel = body.get("channel") or {}
    return str(channel.get("id") or "")
