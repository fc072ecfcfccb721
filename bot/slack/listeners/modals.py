"""The form in Slack: opened by a command, a shortcut or a button, filled in, and sent.

Nothing is trusted of what comes back but what was entered: whose form it is and where it is told stands in the store.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, Literal

from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.errors import SlackApiError

from bot.domain.errors import LookupFailed, SlackBusy
from bot.domain.forms import Form, form_as_typed
from bot.domain.orders import Create, as_typed
from bot.domain.results import Accepted, Refused
from bot.retry import Tries
from bot.slack import payloads
from bot.slack.client.errors import NO_ANSWER, failure_of
from bot.slack.client.modals import open_view
from bot.slack.front import Front
from bot.slack.ids import place_at
from bot.slack.listeners.actions import refuse_form
from bot.slack.views import create_modal, responses
from bot.slack.views.acknowledgement import recorded
from bot.slack.views.message import Message
from bot.slack.views.mrkdwn import permalink
from bot.workflow.actions.fill_form import Filling, Forms, Mend, Sent, Stays

log = logging.getLogger(__name__)

SHOW_TRIES = 3
WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 10.0
"""How long a person is left at "Looking up…"; then they are offered a new form instead."""

SHOWING = Tries((WAIT_SECONDS,) * (SHOW_TRIES - 1), SlackBusy, lambda busy: busy.retry_after <= LONGEST_WAIT_SECONDS)

Showing = Literal["shown", "closed", "conflict", "refused", "failed"]
"""How showing a view ended: `conflict`: the form shows something newer; `refused`: Slack does not take such a view."""


@dataclass(frozen=True, slots=True)
class FormListeners:
    """Each delivery is acknowledged at once; what the form shows follows when it is known."""

    front: Front
    forms: Forms

    # --- opening ------------------------------------------------------------------------------------------------------

    def open_for_command(self, sent: payloads.SlashCommand, order: Create) -> None:
        """After a command was acknowledged: the form in the place it was typed in."""
        self._open(sent, self.forms.begun(sent.user_id, place_at(sent.channel, team_id=sent.team_id), order))

    async def on_new(self, ack: AsyncAck, action: payloads.Triggered) -> None:
        """The shortcut and the button in App Home have no place; the button in a message has that of the message."""
        await ack()
        place = place_at(action.channel or action.user_id, action.thread_ts, action.team_id)
        self._open(action, self.forms.begun(action.user_id, place, Create(()), choose_place=not action.channel))

    async def on_backup(self, ack: AsyncAck, shortcut: payloads.MessageShortcut) -> None:
        """Told in the thread of the message, with a link to it as the reason."""
        await ack()
        channel, ts = shortcut.channel, shortcut.ts
        thread_ts = shortcut.parent_ts or ts
        link = permalink(self.front.identity.url, channel, ts)
        if thread_ts != ts:
            link += f"?thread_ts={thread_ts}&cid={channel}"
        place = place_at(channel, thread_ts, shortcut.team_id)
        self._open(shortcut, self.forms.begun(shortcut.user_id, place, Create((), reason=link)))

    async def on_open(self, ack: AsyncAck, action: payloads.BlockAction) -> None:
        await ack()
        otherwise = "That form can't be opened any more, or it is somebody else's. `help` has a button for a new one."
        self._start(action, self._open_again(action, self.forms.again, otherwise))

    async def on_ask_again(self, ack: AsyncAck, action: payloads.BlockAction) -> None:
        await ack()
        otherwise = "Only the person who asked can change that request and ask again."
        self._start(action, self._open_again(action, self.forms.asked_again, otherwise))

    async def _open_again(
        self, action: payloads.BlockAction, begin: Callable[[str, str], Awaitable[Form | None]], otherwise: str
    ) -> None:
        form = await begin(action.user_id, action.value)
        if form is not None:
            await self._show(action, form)
        else:
            await self._tell(action, responses.told(otherwise))

    def _open(self, by: payloads.Triggered, form: Form) -> None:
        self._start(by, self._show(by, form))

    def _start(self, by: payloads.Triggered, work: Coroutine[Any, Any, None]) -> None:
        self.front.tasks.start(work, lambda words: self._tell(by, responses.told(words)))

    async def _show(self, by: payloads.Triggered, form: Form) -> None:
        if by.response_url:
            self.front.urls.keep(form.id, by.response_url)
        view = await open_view(self.front.client, by.trigger_id, create_modal.loading_view(form.id))
        if view is None:
            await self.forms.save(form)
            await self._tell(by, responses.form_too_late(form.id, self.front.command))
            return
        self.front.tasks.start(
            self._fill(by, replace(form, view_id=view.id), view),
            lambda words: self._show_filled(by, form, view, Refused(words)),
        )

    async def _fill(self, by: payloads.Triggered, form: Form, view: payloads.ShownView) -> None:
        filling: Filling | Refused
        try:
            await self.forms.save(form)
            filling = await self.forms.fill(form)
        except LookupFailed as exc:
            filling = Refused(exc.sentence)
        await self._show_filled(by, form, view, filling)

    async def _show_filled(
        self, by: payloads.Triggered, form: Form, view: payloads.ShownView, filling: Filling | Refused
    ) -> None:
        typed = as_typed(form.order) if form.order != Create(()) else ""
        shown = await self._update(form.id, view.id, view.hash, self._view(form.id, filling, typed))
        if shown == "refused":
            why = Refused("Slack did not take the form that I made. Tell the people who run the bot; its log says why.")
            shown = await self._update(form.id, view.id, view.hash, self._view(form.id, why, typed))
        if shown in ("refused", "failed"):
            await self._tell(by, responses.form_too_late(form.id, self.front.command))

    # --- while it is open ---------------------------------------------------------------------------------------------

    async def on_project(self, ack: AsyncAck, chosen: payloads.ViewAction) -> None:
        await ack()
        self._refresh(chosen, self.forms.choose_project)

    async def on_place(self, ack: AsyncAck, chosen: payloads.ViewAction) -> None:
        await ack()
        self._refresh(chosen, self.forms.choose_place)

    async def on_more(self, ack: AsyncAck, action: payloads.ViewAction) -> None:
        await ack()
        self._refresh(action, self.forms.show_more)

    async def on_disks(self, ack: AsyncAck, _: payloads.ViewAction) -> None:
        """Slack tells of each choice where it likes to; they are read when the form is sent."""
        await ack()

    async def on_disk_options(self, ack: AsyncAck, typed: payloads.Suggestion) -> None:
        await ack(options=create_modal.disk_options(await self.forms.disk_options(_sent(typed), typed.value)))

    async def on_project_options(self, ack: AsyncAck, typed: payloads.Suggestion) -> None:
        await ack(options=create_modal.project_options(await self.forms.project_options(_sent(typed), typed.value)))

    def _refresh(self, by: payloads.ViewAction, choose: Callable[[Sent], Awaitable[Filling | Refused | Stays]]) -> None:
        """The entered values stay; only a person who may use nothing any more is left without the fields."""

        async def chosen() -> None:
            await self._show_chosen(by, await choose(_sent(by)))

        self.front.tasks.start(chosen(), lambda words: self._show_chosen(by, Stays(words)))

    async def _show_chosen(self, by: payloads.ViewAction, filling: Filling | Refused | Stays) -> None:
        view, sent = by.view, _sent(by)
        typed = form_as_typed(sent.values)
        if isinstance(filling, Stays):
            updated = create_modal.view_with_problem(sent.form_id, view, filling.problem)
        else:
            updated = self._view(sent.form_id, filling, typed)
        if await self._update(sent.form_id, view.id, view.hash, updated) == "conflict":
            await self._catch_up(sent, typed)

    async def _catch_up(self, sent: Sent, typed: str) -> None:
        """Two choices at once, and the other one was shown: show what both come to, as the store has it."""
        for _ in range(SHOW_TRIES):
            newest = await self.forms.newest(sent)
            if newest is None:
                return
            updated = self._view(sent.form_id, newest.filling, typed)
            if await self._update(sent.form_id, sent.view_id, newest.view_hash, updated) != "conflict":
                return
            await self.front.clock.sleep(WAIT_SECONDS)  # the task that shows the other one has not said so yet

    def _view(self, form_id: str, filling: Filling | Refused, typed: str) -> dict[str, Any]:
        match filling:
            case Filling():
                return create_modal.filled_view(filling)
            case Refused(why):
                return create_modal.refused_view(form_id, why, f"{self.front.command} {typed}" if typed else "")

    async def _update(self, form_id: str, view_id: str, view_hash: str, view: dict[str, Any]) -> Showing:
        """With the hash: a slow answer never overwrites a newer one. A view that was closed is no loss. Tried a
        few times; a try whose answer was lost may have arrived, and then the next one conflicts.
        """
        try:
            return await SHOWING.run(self.front.clock, lambda: self._update_once(form_id, view_id, view_hash, view))
        except SlackBusy:
            log.warning("a form could not be shown")
            return "failed"

    async def _update_once(self, form_id: str, view_id: str, view_hash: str, view: dict[str, Any]) -> Showing:
        """Raises SlackBusy, where it may be shown a moment later."""
        try:
            answer = await self.front.client.views_update(view_id=view_id, hash=view_hash, view=view)
            shown = payloads.read(payloads.ShownView, answer.data)
        except SlackApiError as exc:
            failure = failure_of(exc)
            if failure.error == "not_found":
                return "closed"
            if failure.error == "hash_conflict":
                return "conflict"
            if failure.passes:
                raise SlackBusy("Slack did not answer.", retry_after=failure.retry_after or WAIT_SECONDS) from None
            facts = {"error": failure.error, "why": "; ".join(failure.messages)[:500]}
            log.error("slack refused a form", extra=facts)
            return "refused"
        except NO_ANSWER:
            raise SlackBusy("Slack did not answer.", retry_after=WAIT_SECONDS) from None
        await self.forms.shown(form_id, shown.hash)
        return "shown"

    # --- sending ------------------------------------------------------------------------------------------------------

    async def on_sent(self, ack: AsyncAck, by: payloads.ViewAction) -> None:
        sent = _sent(by)
        match await self.forms.submit(sent):
            case Mend(problems):
                await refuse_form(ack, by.view, problems)
            case Refused(why):
                await refuse_form(ack, by.view, {"project": why})
            case Accepted() as accepted:
                await ack()
                if not accepted.repeated:
                    self.front.tasks.start(self._confirm(sent, accepted))

    async def _confirm(self, sent: Sent, accepted: Accepted) -> None:
        """The form is gone; where it was opened, a word that it was taken, to its person alone."""
        request = accepted.request
        self.front.urls.hand_over(sent.form_id, request.id)
        told = recorded(request, checked=accepted.checked, approvals=accepted.approvals)
        place = request.place
        to = "" if place.channel_id == request.actor_id else place.channel_id
        await self.front.replies.tell(
            sent.user_id, self.front.urls.take(request.id), to, responses.as_written(told), place.thread_ts
        )

    async def _tell(self, by: payloads.Triggered, message: Message) -> None:
        await self.front.replies.tell(by.user_id, by.response_url, by.channel, message, by.thread_ts)


def _sent(by: payloads.ViewAction | payloads.Suggestion) -> Sent:
    view = by.view
    return Sent(view.private_metadata, view.id, by.user_id, create_modal.read_values(view.entered))
