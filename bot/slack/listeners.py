"""Bolt's routes and the thin methods behind them: read, record, acknowledge. Slow things happen elsewhere.

Bolt 1.30 is used with `process_before_response`: it sends what the listener acknowledged as soon as the listener
returns, instead of looking every 10 ms whether it has. So a listener never waits for Slack or the cloud.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.access import Actor
from bot.domain.commands import (
    AccessCommand,
    Approve,
    Command,
    Create,
    Deny,
    GrantAccess,
    Help,
    ListSnapshots,
    Review,
    RevokeAccess,
    ShowAccess,
    ShowProjects,
    Status,
    read_command,
)
from bot.domain.errors import CommandError, LookupFailed
from bot.domain.requests import Place
from bot.domain.words import plain_text
from bot.interfaces import People
from bot.slack import answers
from bot.slack.errands import Errands
from bot.slack.messages import Message, recorded, refusal
from bot.slack.people import SlackPeople
from bot.slack.replies import ResponseUrls, SlackReplies
from bot.workflow.approving import Approvals
from bot.workflow.arrival import Accepted, Delivery, Reception, Refused
from bot.workflow.granting import Granting
from bot.workflow.inquiry import Inquiry

log = logging.getLogger(__name__)

Listener = Callable[[AsyncAck, dict[str, Any]], Awaitable[None]]


class CommandListeners:
    """What `/snapshot …` does, up to the acknowledgement."""

    def __init__(
        self,
        *,
        command: str,
        team_url: str,
        reception: Reception,
        inquiry: Inquiry,
        approvals: Approvals,
        granting: Granting,
        people: People,
        replies: SlackReplies,
        urls: ResponseUrls,
        errands: Errands,
        new_reference: Callable[[], str],
    ) -> None:
        self._command = command
        self._team_url = team_url
        self._reception = reception
        self._inquiry = inquiry
        self._approvals = approvals
        self._granting = granting
        self._people = people
        self._replies = replies
        self._urls = urls
        self._errands = errands
        self._new_reference = new_reference

    def register(self, app: AsyncApp) -> None:
        app.command(self._command)(self._guarded(self.on_command))

    async def on_command(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        raw = str(body.get("text") or "")
        text = plain_text(raw).strip()
        try:
            command = read_command(raw)
        except CommandError as exc:
            await ack(**answers.private(refusal(exc.sentence, text, self._command)))
            return
        if isinstance(command, Create):
            await self._create(ack, body, text, command)
            return
        # What is about rights may also ask Slack about others, so it is never answered at once.
        if not isinstance(command, AccessCommand) and (actor := self._people.known(body["user_id"])):
            await ack(**answers.private(await self._answer(command, actor, body["channel_id"])))
            return
        await ack(**answers.private(answers.told("One moment, I am looking up what you may do.")))
        self._errands.send(self._answer_later(command, body["user_id"], body["channel_id"], body.get("response_url")))

    async def _create(self, ack: AsyncAck, body: dict[str, Any], text: str, order: Create) -> None:
        place = Place(body.get("team_id") or "", body["channel_id"])
        # One trigger belongs to one delivery, so a repeated delivery brings the same one.
        delivery = Delivery(f"command:{body['trigger_id']}", body["user_id"], place, text)
        match await self._reception.create(delivery, order):
            case Accepted(request, checked, approvals):
                if url := body.get("response_url"):
                    self._urls.keep(request.id, url)
                await ack(text=recorded(request, checked=checked, approvals=approvals), response_type="ephemeral")
            case Refused(why):
                await ack(**answers.private(refusal(why, text, self._command)))

    async def _answer(
        self,
        command: Status | ListSnapshots | Approve | Deny | Review | Help | AccessCommand,
        actor: Actor,
        channel: str,
    ) -> Message:
        match command:
            case Approve(request_id):
                return answers.told((await self._approvals.approve(actor, channel, request_id)).sentence)
            case Review(request_id):
                return answers.told((await self._approvals.review(actor, channel, request_id)).sentence)
            case Deny(request_id, reason):
                return answers.told((await self._approvals.deny(actor, channel, request_id, reason)).sentence)
            case Status():
                found = await self._inquiry.status(actor, channel, command)
                return answers.status(found, self._command, self._team_url)
            case ListSnapshots():
                return answers.listing(await self._inquiry.listing(actor, channel, command), self._command)
            case Help():
                return answers.help_text(await self._inquiry.may_do(actor, channel), self._command)
            case GrantAccess() | RevokeAccess() | ShowAccess() | ShowProjects():
                return answers.lines(await self._granting.answer(command, actor, channel))

    async def _answer_later(self, command: Command, user_id: str, channel: str, url: str | None) -> None:
        assert not isinstance(command, Create)
        try:
            message = await self._answer(command, await self._people.look_up(user_id), channel)
        except LookupFailed as exc:
            message = answers.told(exc.sentence)
        except Exception:
            message = answers.told(self._failed("answering a question failed"))
        await self._replies.tell(user_id, url, channel, message)

    def _guarded(self, listener: Listener) -> Listener:
        """Nothing may leave a listener: after an acknowledgement an exception would erase it (Bolt 1.30), and before it
        the person would read Slack's own words for a bug of ours.
        """

        async def guarded(ack: AsyncAck, body: dict[str, Any]) -> None:
            try:
                await listener(ack, body)
            except Exception:
                told = self._failed("a command failed")
                if ack.response is None:
                    await ack(text=told, response_type="ephemeral")
                else:
                    to = (body["user_id"], body.get("response_url"), body["channel_id"])
                    self._errands.send(self._replies.tell(*to, answers.told(told)))

        return guarded

    def _failed(self, what: str) -> str:
        reference = self._new_reference()
        log.exception(what, extra={"reference": reference})
        return (
            f"Something went wrong on my side (reference {reference}). Ask {self._command} status what became of it "
            "before you repeat it, and tell the people who run the bot this reference."
        )


class ChangeListeners:
    """Slack's word that people or groups changed: what was cached about them is dropped at once."""

    def __init__(self, people: SlackPeople) -> None:
        self._people = people

    def register(self, app: AsyncApp) -> None:
        app.event("user_change")(self.on_user_change)
        app.event("subteam_members_changed")(self.on_groups_change)
        app.event("subteam_updated")(self.on_groups_change)

    async def on_user_change(self, event: dict[str, Any]) -> None:
        user = event.get("user")
        if isinstance(user, dict) and isinstance(user.get("id"), str):
            self._people.forget_user(user["id"])

    async def on_groups_change(self) -> None:
        self._people.forget_groups()


class LastListeners:
    """Registered last: whatever else Slack delivers is acknowledged, so that nobody sees an error for a leftover."""

    def register(self, app: AsyncApp) -> None:
        anything = re.compile(".*", re.DOTALL)
        app.action(anything)(self.on_old_control)
        app.shortcut(anything)(self.on_old_control)
        app.view(anything)(self.on_old_control)
        app.view_closed(anything)(self.on_old_control)
        app.options(anything)(self.on_old_options)
        app.event(anything)(self.on_other_event)

    async def on_old_control(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        log.info("a control without a use was pressed", extra={"kind": str(body.get("type"))})
        await ack()

    async def on_old_options(self, ack: AsyncAck) -> None:
        await ack(options=[])

    async def on_other_event(self, body: dict[str, Any]) -> None:
        event = body.get("event")
        log.info("an event without a use arrived", extra={"kind": str(event.get("type") if event else "")})
