"""The form in Slack: opened by a command, a shortcut or a button, filled in, and sent.

Nothing is trusted of what comes back but what was entered: whose form it is and where it is told stands in the store.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import aiohttp
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.forms import Form, read_form
from bot.domain.orders import Create, as_typed
from bot.domain.requests import Place
from bot.slack import answers
from bot.slack.answering import Answering
from bot.slack.controls import ASK_AGAIN, BACKUP_FOR_MESSAGE, NEW_SNAPSHOT, OPEN_FORM
from bot.slack.errands import Errands
from bot.slack.failures import failure_of
from bot.slack.form_view import (
    FORM,
    FORM_DISKS,
    FORM_PLACE,
    FORM_PROJECT,
    errors_beside,
    filled_view,
    loading_view,
    offered,
    offered_projects,
    read_values,
    refused_view,
)
from bot.slack.message import Message
from bot.slack.messages import recorded
from bot.slack.replies import ResponseUrls, SlackReplies
from bot.slack.text import permalink
from bot.workflow.arrival import Accepted, Refused
from bot.workflow.forms import Filling, Forms, Mend, Offer, Sent

log = logging.getLogger(__name__)


class FormListeners:
    """Each delivery is acknowledged at once; what the form shows follows when it is known."""

    def __init__(
        self,
        *,
        command: str,
        team_url: str,
        forms: Forms,
        answering: Answering,
        client: AsyncWebClient,
        replies: SlackReplies,
        urls: ResponseUrls,
        errands: Errands,
    ) -> None:
        self._command = command
        self._team_url = team_url
        self._forms = forms
        self._answering = answering
        self._client = client
        self._replies = replies
        self._urls = urls
        self._errands = errands

    def register(self, app: AsyncApp) -> None:
        app.shortcut(NEW_SNAPSHOT)(self.on_new)
        app.action(NEW_SNAPSHOT)(self.on_new)
        app.shortcut(BACKUP_FOR_MESSAGE)(self.on_backup)
        app.action(OPEN_FORM)(self.on_open)
        app.action(ASK_AGAIN)(self.on_ask_again)
        app.action(FORM_PROJECT)(self.on_project)
        app.action(FORM_PLACE)(self.on_place)
        app.action(FORM_DISKS)(self.on_disks)
        app.options(FORM_DISKS)(self.on_offer)
        app.options(FORM_PROJECT)(self.on_offer_projects)
        app.view(FORM)(self.on_sent)

    # --- opening ------------------------------------------------------------------------------------------------------

    def open_for_command(self, body: dict[str, Any], order: Create) -> None:
        """After a command was acknowledged: the form in the place it was typed in."""
        place = Place(body.get("team_id") or "", body["channel_id"])
        self._open(body, self._forms.begun(body["user_id"], place, order))

    async def on_new(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """The shortcut and the button in App Home have no place; the button in a message has that of the message."""
        await ack()
        user_id = body["user"]["id"]
        channel, thread_ts = _place_of(body)
        place = Place(_team(body), channel or user_id, thread_ts)
        self._open(body, self._forms.begun(user_id, place, Create(()), choose_place=not channel))

    async def on_backup(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Told in the thread of the message, with a link to it as the reason."""
        await ack()
        message, channel = body["message"], body["channel"]["id"]
        ts, thread_ts = str(message["ts"]), str(message.get("thread_ts") or message["ts"])
        link = permalink(self._team_url, channel, ts)
        if thread_ts != ts:
            link += f"?thread_ts={thread_ts}&cid={channel}"
        place = Place(_team(body), channel, thread_ts)
        self._open(body, self._forms.begun(body["user"]["id"], place, Create((), reason=link)))

    async def on_open(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        otherwise = "That form can't be opened any more, or it is somebody else's. `help` has a button for a new one."
        self._errands.send(self._open_again(body, self._forms.again, otherwise))

    async def on_ask_again(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        otherwise = "Only the person who asked can change that request and ask again."
        self._errands.send(self._open_again(body, self._forms.asked_again, otherwise))

    async def _open_again(
        self, body: dict[str, Any], begin: Callable[[str, str], Awaitable[Form | None]], otherwise: str
    ) -> None:
        try:
            form = await begin(body["user"]["id"], _pressed(body))
        except Exception:
            form, otherwise = None, self._answering.failed("a form could not be opened again")
        if form is not None:
            await self._show(body, form)
        else:
            await self._tell(body, answers.told(otherwise))

    def _open(self, body: dict[str, Any], form: Form) -> None:
        self._errands.send(self._show(body, form))

    async def _show(self, body: dict[str, Any], form: Form) -> None:
        if url := body.get("response_url"):
            self._urls.keep(form.id, url)
        try:
            opened = await self._client.views_open(trigger_id=body["trigger_id"], view=loading_view(form.id))
        except (SlackApiError, aiohttp.ClientError, TimeoutError, OSError) as exc:
            error = failure_of(exc).error if isinstance(exc, SlackApiError) else type(exc).__name__
            log.info("the form could not be opened", extra={"error": error})
            await self._forms.keep(form)
            await self._tell(body, answers.form_too_late(form.id, self._command))
            return
        view = opened["view"]
        form = replace(form, view_id=view["id"])
        try:
            await self._forms.keep(form)
            filling = await self._forms.fill(form)
        except Exception:
            filling = Refused(self._answering.failed("a form could not be filled"))
        await self._update(view["id"], view["hash"], form.id, filling, form.order)

    # --- while it is open ---------------------------------------------------------------------------------------------

    async def on_project(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        self._errands.send(self._refresh(body, self._forms.choose_project))

    async def on_place(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        self._errands.send(self._refresh(body, self._forms.choose_place))

    async def on_disks(self, ack: AsyncAck) -> None:
        """Slack tells of each choice where it likes to; they are read when the form is sent."""
        await ack()

    async def on_offer(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        try:
            offer = await self._forms.offer(_sent(body), str(body.get("value") or ""))
        except Exception:
            self._answering.failed("a picker could not be filled")
            offer = Offer(sentence="Something went wrong on my side. Try again in a minute.")
        await ack(options=offered(offer))

    async def on_offer_projects(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        projects = await self._forms.projects(_sent(body))
        await ack(options=offered_projects(projects, str(body.get("value") or "")))

    async def _refresh(self, body: dict[str, Any], chosen: Callable[[Sent], Awaitable[Filling | Refused]]) -> None:
        view, sent = body["view"], _sent(body)
        try:
            filling = await chosen(sent)
        except Exception:
            filling = Refused(self._answering.failed("a form could not be refreshed"))
        await self._update(view["id"], view["hash"], sent.form_id, filling, read_form(sent.values)[0])

    async def _update(
        self, view_id: str, view_hash: str, form_id: str, filling: Filling | Refused, entered: Create
    ) -> None:
        """With the hash: a slow answer never overwrites a newer one. A view that was closed is nobody's loss."""
        match filling:
            case Filling():
                view = filled_view(filling)
            case Refused(why):
                said = f"{self._command} {as_typed(entered)}" if entered != Create(()) else ""
                view = refused_view(form_id, why, said)
        try:
            await self._client.views_update(view_id=view_id, hash=view_hash, view=view)
        except SlackApiError as exc:
            failure = failure_of(exc)
            if failure.error not in ("not_found", "hash_conflict"):
                facts = {"error": failure.error, "why": "; ".join(failure.messages)[:500]}
                log.error("a form could not be shown", extra=facts)
        except (aiohttp.ClientError, TimeoutError, OSError):
            log.warning("slack did not answer while a form was shown")

    # --- sending ------------------------------------------------------------------------------------------------------

    async def on_sent(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        view, sent = body["view"], _sent(body)
        try:
            answer = await self._forms.submit(sent)
        except Exception:
            told = self._answering.failed("a form could not be taken")
            await ack(response_action="errors", errors=errors_beside(view, {"project": told}))
            return
        match answer:
            case Mend(faults):
                await ack(response_action="errors", errors=errors_beside(view, dict(faults)))
            case Refused(why):
                await ack(response_action="errors", errors=errors_beside(view, {"project": why}))
            case Accepted():
                await ack()
                self._errands.send(self._confirm(sent, answer))

    async def _confirm(self, sent: Sent, accepted: Accepted) -> None:
        """The form is gone; where it was opened, a word that it was taken, to its person alone."""
        request = accepted.request
        self._urls.hand_over(sent.form_id, request.id)
        told = recorded(request, checked=accepted.checked, approvals=accepted.approvals)
        place = request.place
        to = "" if place.channel_id == request.actor_id else place.channel_id
        await self._replies.tell(
            sent.user_id, self._urls.take(request.id), to, answers.as_written(told), place.thread_ts
        )

    async def _tell(self, body: dict[str, Any], message: Message) -> None:
        channel, thread_ts = _place_of(body)
        user_id = body["user"]["id"] if "user" in body else body["user_id"]
        await self._replies.tell(user_id, body.get("response_url"), channel, message, thread_ts)


def _sent(body: dict[str, Any]) -> Sent:
    view = body["view"]
    return Sent(str(view.get("private_metadata") or ""), str(view["id"]), body["user"]["id"], read_values(view))


def _pressed(body: dict[str, Any]) -> str:
    return str(body["actions"][0].get("value") or "")


def _team(body: dict[str, Any]) -> str:
    team = body.get("team") or {}
    return str(team.get("id") or "")


def _place_of(body: dict[str, Any]) -> tuple[str, str | None]:
    """The channel and thread of a command or a pressed button; no channel in App Home and for global shortcuts."""
    channel = body.get("channel") or {}
    container = body.get("container") or {}
    return str(channel.get("id") or body.get("channel_id") or ""), container.get("thread_ts")
