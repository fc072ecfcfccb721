"""The form that asks for another selection of a plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.actors import Actor
from bot.domain.errors import CommandError
from bot.domain.forms import Form
from bot.domain.orders import Create, Quick, Selector
from bot.domain.parsing.commands import read_selection as quick_in_words
from bot.domain.results import Told
from bot.slack.front import Front
from bot.slack.listeners.actions import UserAction, open_form
from bot.slack.payloads import Entered
from bot.slack.views.small_modals import DISKS, OTHERS, change_form, removable
from bot.workflow.actions.confirm import Confirming
from bot.workflow.form_sessions import FormSessions


@dataclass(frozen=True, slots=True)
class ChangeForm:
    """Everybody who sees a plan can press; what follows is decided by who did, and once."""

    front: Front
    confirming: Confirming
    form_sessions: FormSessions

    async def open(self, actor: Actor, action: UserAction) -> Told | None:
        found = await self.confirming.may_change(actor, action.decided_at, action.value)
        if isinstance(found, Told):
            return found
        items = found[1]
        disks = Create(tuple(item.disk.id for item in removable(items)))
        form = self.form_sessions.begun("change", actor.user_id, action.place, subject=action.value, order=disks)
        view = change_form(form.id, items)
        return await open_form(self.front, self.form_sessions, action, form, view, "Press again.")

    async def problems(self, form: Form, sent: Entered) -> dict[str, str]:
        if strange := [one for one in sent.chosen(DISKS) if one not in form.order.disks]:
            await self.form_sessions.audit(form, "forged-option", disks=len(strange))
            return {DISKS: "One of these is no disk of the plan. Take it out."}
        try:
            read_selection(sent.chosen(DISKS), sent.text(OTHERS))
        except ValueError as problem:
            return {OTHERS: str(problem)}
        return {}

    async def change(self, actor: Actor, action: UserAction) -> Told:
        selection = read_selection(action.entered.chosen(DISKS), action.entered.text(OTHERS))
        return await self.confirming.change(actor, action.decided_at, action.value, selection)


def read_selection(chosen: Sequence[str], typed: str) -> tuple[Selector, ...]:
    """The selectors that were typed, else the disks that were chosen. Raises ValueError with a sentence."""
    if typed.strip():
        try:
            order = quick_in_words(typed)
        except CommandError as exc:
            raise ValueError(exc.sentence) from None
        if not order.selectors:
            raise ValueError("Name a server, a tag or disks, such as server=web-01.")
        if order != Quick(order.selectors):
            raise ValueError("Here only server=, server_id=, tag= and disks= count; for all else make a new plan.")
        return order.selectors
    if not chosen:
        raise ValueError("Leave at least one disk, or name something else. To make nothing, press Cancel Plan instead.")
    return tuple(Selector("disk", disk) for disk in chosen)
