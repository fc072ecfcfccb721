"""The table: action id or callback id -> use case. Each stands in it once, and each is registered once.

A use case of the workflow stands behind a `Button`, which decides, answers in private and survives a crash; what shows
something instead of deciding has a listener of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from slack_bolt.app.async_app import AsyncApp

from bot.domain.actors import Actor
from bot.domain.results import Told
from bot.slack import ids
from bot.slack.button_values import AskingValue, read_value
from bot.slack.listeners.actions import Actions, Button, Decide, SmallForm, UserAction
from bot.slack.listeners.approvals import DenyForm
from bot.slack.listeners.binding import BindForm
from bot.slack.listeners.going_back import OverwriteForm, RestoreForm
from bot.slack.listeners.modals import FormListeners
from bot.slack.listeners.pages import PageListeners
from bot.slack.listeners.plans import ChangeForm
from bot.slack.listeners.post_mortem import PostMortemListeners
from bot.slack.listeners.reading import reads
from bot.slack.listeners.which_project import WhichProject
from bot.slack.payloads import BlockAction, MessageShortcut, Suggestion, Triggered, ViewAction
from bot.slack.views.create_modal import FORM, FORM_DISKS, FORM_MORE, FORM_PLACE, FORM_PROJECT
from bot.slack.views.responses import PROJECT_BUTTONS
from bot.slack.views.restoring.restoration_forms import OVERWRITE_FORM, RESTORE_FORM
from bot.slack.views.small_modals import BIND_FORM, CHANGE_FORM, DENY_FORM
from bot.workflow.use_cases import UseCases

Table = Mapping[str, Callable[..., Awaitable[None]]]


@dataclass(frozen=True, slots=True)
class Opened:
    """The small forms that buttons open."""

    deny: DenyForm
    change: ChangeForm
    bind: BindForm
    restore: RestoreForm
    overwrite: OverwriteForm


def buttons(cases: UseCases, opened: Opened, which_project: WhichProject) -> Mapping[str, Button]:
    async def agree(actor: Actor, action: UserAction) -> Told:
        # What can't be read leads nowhere, and that is an answer with a row.
        asked = read_value(AskingValue, action.value) or AskingValue(request="", asking=0)
        return await cases.deleting.agree(actor, action.decided_at, asked.request, asked.asking)

    async def delete_for_good(actor: Actor, action: UserAction) -> Told:
        return await cases.deletion_questions.answered(actor, action.value)

    async def try_again(actor: Actor, action: UserAction) -> Told:
        return await cases.retrying.again(actor, action.place if action.decided_at else None, action.value)

    return {
        ids.APPROVE: Button(_to_request(cases.approvals.approve)),
        ids.REVIEW: Button(_to_request(cases.approvals.review)),
        ids.DENY: Button(opened.deny.open, "later"),
        ids.CONFIRM: Button(_to_request(cases.confirming.confirm)),
        ids.CHANGE: Button(opened.change.open, "later"),
        ids.CANCEL: Button(_to_request(cases.cancelling.cancel)),
        ids.TRY_AGAIN: Button(try_again),
        ids.EXTEND: Button(_to_request(cases.extending.extend)),
        ids.DELETE: Button(_to_request(cases.deleting.delete)),
        ids.DELETE_FOR_GOOD: Button(delete_for_good, "once"),
        ids.AGREE: Button(agree),
        ids.BIND: Button(opened.bind.open, "later"),
        ids.RESTORE: Button(opened.restore.open, "later"),
        ids.IN_PROJECT: Button(which_project.answer),
        ids.TYPE_TO_CONFIRM: Button(opened.overwrite.open, "later"),
    }


def _to_request(verb: Callable[[Actor, str | None, str], Awaitable[Told]]) -> Decide:
    """An action on the request that is the button's value."""

    async def decide(actor: Actor, action: UserAction) -> Told:
        return await verb(actor, action.decided_at, action.value)

    return decide


def small_forms(opened: Opened) -> Mapping[str, SmallForm]:
    denying = SmallForm("deny", opened.deny.problems, opened.deny.deny)
    return {
        DENY_FORM: denying,
        DENY_FORM + ids.FROM_APP_HOME: denying,
        CHANGE_FORM: SmallForm("change", opened.change.problems, opened.change.change),
        BIND_FORM: SmallForm("bind", opened.bind.problems, opened.bind.bind),
        RESTORE_FORM: SmallForm("restore", opened.restore.problems, opened.restore.ask),
        OVERWRITE_FORM: SmallForm("overwrite", opened.overwrite.problems, opened.overwrite.overwrite),
    }


def register(
    app: AsyncApp, actions: Actions, forms: FormListeners, pages: PageListeners, post_mortems: PostMortemListeners
) -> None:
    block_actions: Table = {
        **{name: partial(actions.on_button, name) for name in actions.buttons},
        **{f"{ids.IN_PROJECT}.{n}": partial(actions.on_button, ids.IN_PROJECT) for n in range(PROJECT_BUTTONS)},
        ids.NEW_SNAPSHOT: forms.on_new,
        ids.OPEN_FORM: forms.on_open,
        ids.ASK_AGAIN: forms.on_ask_again,
        ids.LIST_NEWER: pages.on_page,
        ids.LIST_OLDER: pages.on_page,
        ids.POST_MORTEM: post_mortems.on_post_mortem,
    }
    in_the_form = {
        FORM_PROJECT: forms.on_project,
        FORM_PLACE: forms.on_place,
        FORM_MORE: forms.on_more,
        FORM_DISKS: forms.on_disks,
    }
    sent: Table = {**{name: partial(actions.on_form, name) for name in actions.forms}, FORM: forms.on_sent}
    _each(app.action, BlockAction, block_actions)
    _each(app.action, ViewAction, in_the_form)
    _each(app.view, ViewAction, sent)
    _each(app.options, Suggestion, {FORM_DISKS: forms.on_disk_options, FORM_PROJECT: forms.on_project_options})
    _each(app.shortcut, Triggered, {ids.NEW_SNAPSHOT: forms.on_new})
    _each(app.shortcut, MessageShortcut, {ids.BACKUP_FOR_MESSAGE: forms.on_backup})


def _each(route: Any, model: Any, table: Table) -> None:
    for name, use in table.items():
        route(name)(reads(model, use))
