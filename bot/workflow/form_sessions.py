"""Forms that were opened, of whatever kind: whose they are, and that each is sent once.

Slack brings back a form's id and nothing that is believed: who opened it, in which view and about what stands in the
store.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bot.domain.audit import denied, of_form
from bot.domain.forms import Form, FormKind
from bot.domain.orders import Create
from bot.domain.requests import Place
from bot.domain.results import Refused
from bot.domain.roles import Action
from bot.ports.audit import Audit
from bot.ports.clock import Clock
from bot.ports.forms import Forms

STALE = "This form can't be used any more. Open a new one; what you entered stays here until you close it."
SENT_ALREADY = "This form was sent before, so it changed nothing now. Open a new one."

ACTED_ALREADY = "You pressed this before, so it changed nothing now. The first answer counts."

_ACTIONS: dict[FormKind, str] = {
    "create": Action.CREATE,
    "change": Action.CREATE,
    "deny": Action.APPROVE,
    "bind": "bind",
    "delete": Action.DELETE,
    "restore": Action.RESTORE,
    "overwrite": Action.RESTORE,
    "project": Action.CREATE,
}


@dataclass(frozen=True, slots=True)
class Returned:
    """A form as it came back: `form_id` from the view, `view_id` Slack's own, `user_id` from Slack's envelope."""

    form_id: str
    view_id: str
    user_id: str


class Rows(Audit, Forms, Protocol):
    """The roles of the store that this asks for."""


@dataclass(frozen=True, slots=True)
class FormSessions:
    """The steps that every kind of form has in common."""

    store: Rows
    clock: Clock
    new_id: Callable[[], str]

    def begun(
        self, kind: FormKind, user_id: str, place: Place, *, subject: str = "", order: Create | None = None
    ) -> Form:
        """A new form, not kept yet: its view goes first, because the trigger of a view lives for 3 s only."""
        return Form(self.new_id(), user_id, place, order or Create(()), self.clock.now(), kind=kind, subject=subject)

    async def save(self, form: Form) -> None:
        await self.store.open_form(form)

    async def theirs(self, kind: FormKind, returned: Returned) -> Form | Refused:
        """The form, if it is this person's and this very view. Anything else was tampered with, or is long over."""
        form = await self.store.form(returned.form_id)
        if form and (form.kind, form.user_id, form.view_id) == (kind, returned.user_id, returned.view_id):
            return form
        rule = "form-unknown" if form is None else "form-tampered"
        await self.store.audit(
            [denied(returned.user_id, _ACTIONS[kind], "", rule, hop="form", form=returned.form_id[:64])]
        )
        return Refused(STALE, rule)

    async def sent_again(self, form_id: str) -> None:
        """Write down that a form which acted before came back."""
        if form := await self.store.form(form_id):
            await self.audit(form, "form-replayed")

    async def audit(self, form: Form, rule: str, **facts: int) -> None:
        """Write down what was wrong with what came back."""
        await self.store.audit([of_form(form, _ACTIONS[form.kind], form.subject, rule, **facts)])
