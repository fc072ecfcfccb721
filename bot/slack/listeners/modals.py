"""The form in Slack: opened by a command, a shortcut or a button, filled in, and sent.

Nothing is trusted of what comes back but what was entered: whose form it is and where it is told stands in the store.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Literal

import aiohttp
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import LookupFailed
from bot.domain.forms import Form, form_as_typed
from bot.domain.orders import Create, as_typed
from bot.domain.requests import Place
from bot.ports.clock import Clock
from bot.slack.background_tasks import Errands
from bot.slack.client.errors import SlackFailure, failure_of
from bot.slack.client.modals import open_view
from bot.slack.client.poster import ResponseUrls, SlackReplies
from bot.slack.ids import ASK_AGAIN, BACKUP_FOR_MESSAGE, NEW_SNAPSHOT, OPEN_FORM
from bot.slack.listeners.actions import pressed, refuse_form, returned
from bot.slack.listeners.queries import Answering
from bot.slack.views import responses
from bot.slack.views.create_modal import (
    FORM,
    FORM_DISKS,
    FORM_MORE,
    FORM_PLACE,
    FORM_PROJECT,
    filled_view,
    loading_view,
    offered,
    offered_projects,
    read_values,
    refused_view,
    standing_view,
)
from bot.slack.views.message import Message
from bot.slack.views.mrkdwn import permalink
from bot.slack.views.thread import recorded
from bot.workflow.actions.fill_form import Filling, Forms, Mend, Offer, ProjectOffer, Sent, Stays
from bot.workflow.intake import Accepted, Refused

log = logging.getLogger(__name__)

SHOW_TRIES = 3
WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 10.0
"""Nobody looks at "Looking up…" for longer than that; they are offered a new form instead."""

Showing = Literal["shown", "closed", "conflict", "refused", "failed"]
"""How showing a view ended: `conflict`: the form shows something newer; `refused`: Slack does not take such a view."""


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
        clock: Clock,
    ) -> None:
        self._command = command
        self._team_url = team_url
        self._forms = forms
        self._answering = answering
        self._client = client
        self._replies = replies
        self._urls = urls
        self._errands = errands
        self._clock = clock

    def register(self, app: AsyncApp) -> None:
        app.shortcut(NEW_SNAPSHOT)(self.on_new)
        app.action(NEW_SNAPSHOT)(self.on_new)
        app.shortcut(BACKUP_FOR_MESSAGE)(self.on_backup)
        app.action(OPEN_FORM)(self.on_open)
        app.action(ASK_AGAIN)(self.on_ask_again)
        app.action(FORM_PROJECT)(self.on_project)
        app.action(FORM_PLACE)(self.on_place)
        app.action(FORM_MORE)(self.on_more)
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
            form = await begin(body["user"]["id"], pressed(body))
        except Exception:
            form, otherwise = None, self._answering.failed("a form could not be opened again")
        if form is not None:
            await self._show(body, form)
        else:
            await self._tell(body, responses.told(otherwise))

    def _open(self, body: dict[str, Any], form: Form) -> None:
        self._errands.send(self._show(body, form))

    async def _show(self, body: dict[str, Any], form: Form) -> None:
        if url := body.get("response_url"):
            self._urls.keep(form.id, url)
        view = await open_view(self._client, body["trigger_id"], loading_view(form.id))
        if view is None:
            await self._forms.keep(form)
            await self._tell(body, responses.form_too_late(form.id, self._command))
            return
        form = replace(form, view_id=view["id"])
        try:
            await self._forms.keep(form)
            filling = await self._forms.fill(form)
        except LookupFailed as exc:
            filling = Refused(exc.sentence)
        except Exception:
            filling = Refused(self._answering.failed("a form could not be filled"))
        typed = as_typed(form.order) if form.order != Create(()) else ""
        shown = await self._update(form.id, view["id"], view["hash"], self._view(form.id, filling, typed))
        if shown == "refused":
            why = Refused("Slack did not take the form that I made. Tell the people who run the bot; its log says why.")
            shown = await self._update(form.id, view["id"], view["hash"], self._view(form.id, why, typed))
        if shown in ("refused", "failed"):
            await self._tell(body, responses.form_too_late(form.id, self._command))

    # --- while it is open ---------------------------------------------------------------------------------------------

    async def on_project(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        self._errands.send(self._refresh(body, self._forms.choose_project))

    async def on_place(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        self._errands.send(self._refresh(body, self._forms.choose_place))

    async def on_more(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        self._errands.send(self._refresh(body, self._forms.show_more))

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
        try:
            offer = await self._forms.offer_projects(_sent(body), str(body.get("value") or ""))
        except Exception:
            self._answering.failed("the projects of a form could not be offered")
            offer = ProjectOffer(sentence="Something went wrong on my side. Try again in a minute.")
        await ack(options=offered_projects(offer))

    async def _refresh(
        self, body: dict[str, Any], chosen: Callable[[Sent], Awaitable[Filling | Refused | Stays]]
    ) -> None:
        """What was entered stays, whatever happens; only who may use nothing any more is left without the fields."""
        view, sent = body["view"], _sent(body)
        typed = form_as_typed(sent.values)
        try:
            filling = await chosen(sent)
        except Exception:
            filling = Stays(self._answering.failed("a form could not be refreshed"))
        if isinstance(filling, Stays):
            updated = standing_view(sent.form_id, view.get("blocks") or [], filling.fault)
        else:
            updated = self._view(sent.form_id, filling, typed)
        if await self._update(sent.form_id, view["id"], view["hash"], updated) == "conflict":
            await self._catch_up(sent, typed)

    async def _catch_up(self, sent: Sent, typed: str) -> None:
        """Two choices at once, and the other one was shown: show what both come to, as the store has it."""
        for _ in range(SHOW_TRIES):
            newest = await self._forms.newest(sent)
            if newest is None:
                return
            updated = self._view(sent.form_id, newest.filling, typed)
            if await self._update(sent.form_id, sent.view_id, newest.view_hash, updated) != "conflict":
                return
            await self._clock.sleep(WAIT_SECONDS)  # whoever shows the other one has not said so yet

    def _view(self, form_id: str, filling: Filling | Refused, typed: str) -> dict[str, Any]:
        match filling:
            case Filling():
                return filled_view(filling)
            case Refused(why):
                return refused_view(form_id, why, f"{self._command} {typed}" if typed else "")

    async def _update(self, form_id: str, view_id: str, view_hash: str, view: dict[str, Any]) -> Showing:
        """With the hash: a slow answer never overwrites a newer one. A view that was closed is nobody's loss. Tried a
        few times; a try whose answer was lost may have arrived, and then the next one conflicts.
        """
        for tries_left in reversed(range(SHOW_TRIES)):
            wait_s = WAIT_SECONDS
            try:
                answer = await self._client.views_update(view_id=view_id, hash=view_hash, view=view)
            except SlackApiError as exc:
                failure = failure_of(exc)
                if failure.error == "not_found":
                    return "closed"
                if failure.error == "hash_conflict":
                    return "conflict"
                if not _passing(failure):
                    facts = {"error": failure.error, "why": "; ".join(failure.messages)[:500]}
                    log.error("slack refused a form", extra=facts)
                    return "refused"
                wait_s = failure.retry_after or wait_s
            except (aiohttp.ClientError, TimeoutError, OSError):
                pass
            else:
                await self._forms.shown(form_id, answer["view"]["hash"])
                return "shown"
            if not tries_left or wait_s > LONGEST_WAIT_SECONDS:
                break
            await self._clock.sleep(wait_s)
        log.warning("a form could not be shown")
        return "failed"

    # --- sending ------------------------------------------------------------------------------------------------------

    async def on_sent(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        sent = _sent(body)
        try:
            answer = await self._forms.submit(sent)
        except Exception:
            await refuse_form(ack, body, {"project": self._answering.failed("a form could not be taken")})
            return
        match answer:
            case Mend(faults):
                await refuse_form(ack, body, dict(faults))
            case Refused(why):
                await refuse_form(ack, body, {"project": why})
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
            sent.user_id, self._urls.take(request.id), to, responses.as_written(told), place.thread_ts
        )

    async def _tell(self, body: dict[str, Any], message: Message) -> None:
        channel, thread_ts = _place_of(body)
        user_id = body["user"]["id"] if "user" in body else body["user_id"]
        await self._replies.tell(user_id, body.get("response_url"), channel, message, thread_ts)


def _sent(body: dict[str, Any]) -> Sent:
    which = returned(body)
    return Sent(which.form_id, which.view_id, which.user_id, read_values(body["view"]))


def _passing(failure: SlackFailure) -> bool:
    """Worth another try: Slack is busy, in trouble, or gave no readable answer."""
    trouble = failure.error in ("", "internal_error", "fatal_error", "service_unavailable", "request_timeout")
    return failure.asks_to_wait or trouble or (failure.status or 0) >= 500


def _team(body: dict[str, Any]) -> str:
    team = body.get("team") or {}
    return str(team.get("id") or "")


def _place_of(body: dict[str, Any]) -> tuple[str, str | None]:
    """The channel and thread of a command or a pressed button; no channel in App Home and for global shortcuts."""
    channel = body.get("channel") or {}
    container = body.get("container") or {}
    return str(channel.get("id") or body.get("channel_id") or ""), container.get("thread_ts")
