"""Forms that were opened: what is trusted of them, until they are too old to be sent."""

from __future__ import annotations

from datetime import datetime

from bot.domain.forms import Form
from bot.domain.orders import Create
from bot.store.columns import Column, Columns
from bot.store.reading import first
from bot.store.rows import order_from, order_text, place_from, place_row
from bot.store.script import Row, Script, insert, sql, to_ms
from bot.store.transactions import Transactions

_COLUMNS = Columns(
    same=("id", "user_id", "view_id", "project", "revision", "kind", "subject"),
    flags=("choose_place", "more"),
    began=("opened_at",),
    others={"order": Column("order_json", order_text, order_from)},
)


def add(form: Form) -> Script[None]:
    yield insert("form", {**_COLUMNS.row(form), **place_row(form.place)})


def choose_project(form_id: str, project: str | None, seen: int | None) -> Script[Form | None]:
    """Another project, counted. With `seen` only while the form is still of that revision: a later choice is not
    overwritten.
    """
    rows = yield sql(
        "update form set project = :project, revision = revision + 1 "
        "where id = :id and revision = coalesce(:seen, revision) returning *",
        id=form_id,
        project=project,
        seen=seen,
    )
    return (yield from first(rows, _form_from, "form"))


def choose_place(form_id: str, channel: str, direct: bool) -> Script[Form | None]:
    rows = yield sql(
        "update form set channel_id = :channel, direct = :direct where id = :id returning *",
        id=form_id,
        channel=channel,
        direct=int(direct),
    )
    return (yield from first(rows, _form_from, "form"))


def show_more(form_id: str) -> Script[Form | None]:
    rows = yield sql("update form set more = 1 where id = :id returning *", id=form_id)
    return (yield from first(rows, _form_from, "form"))


def shown(form_id: str, view_hash: str) -> Script[None]:
    yield sql("update form set view_hash = :view_hash where id = :id", id=form_id, view_hash=view_hash)


def hash_of(form_id: str) -> Script[str | None]:
    rows = yield sql("select view_hash from form where id = :id", id=form_id)
    return rows[0]["view_hash"] if rows else None


def one(form_id: str) -> Script[Form | None]:
    rows = yield sql("select * from form where id = :id", id=form_id)
    return (yield from first(rows, _form_from, "form"))


def forget(before: datetime) -> Script[None]:
    yield sql("delete from form where opened_at < :before", before=to_ms(before))


def _form_from(row: Row) -> Form:
    form = Form(**_COLUMNS.fields(row), place=place_from(row))
    assert isinstance(form.order, Create)
    return form


class StoredForms(Transactions):
    """Implements `bot.ports.forms.Forms`. A person looks at the form meanwhile, so nothing else goes before; and all of
    it waits in one line, for a form may come back from Slack while it is still written down.
    """

    async def open_form(self, form: Form) -> None:
        await self._database.run_first(add, form)

    async def form_project(self, form_id: str, project: str | None, *, seen: int | None = None) -> Form | None:
        """Keep the project that was chosen; with `seen`, only if the form is still of that revision."""
        return await self._database.run_first(choose_project, form_id, project, seen)

    async def form_place(self, form_id: str, channel: str, *, direct: bool) -> Form | None:
        return await self._database.run_first(choose_place, form_id, channel, direct)

    async def form_more(self, form_id: str) -> Form | None:
        """Show all its fields from now on."""
        return await self._database.run_first(show_more, form_id)

    async def form_shown(self, form_id: str, view_hash: str) -> None:
        await self._database.run_first(shown, form_id, view_hash)

    async def form_hash(self, form_id: str) -> str | None:
        """Slack's hash of what was shown of the form last."""
        return await self._database.run_first(hash_of, form_id)

    async def form(self, form_id: str) -> Form | None:
        return await self._database.run_first(one, form_id)
