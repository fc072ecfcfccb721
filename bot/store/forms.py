"""Forms that were opened: what is trusted of them, until they are too old to be sent."""

from __future__ import annotations

from datetime import datetime

from bot.domain.forms import Form
from bot.domain.orders import Create
from bot.domain.requests import Place
from bot.store.database import Row, Script, from_ms, sql, to_ms
from bot.store.rows import order_from, order_text

_ADD = """
insert into form (id, user_id, team_id, channel_id, thread_ts, order_json, choose_place, view_id, project, revision,
    opened_at)
values (:id, :user_id, :team_id, :channel_id, :thread_ts, :order_json, :choose_place, :view_id, :project, :revision,
    :opened_at)
"""


def add(form: Form) -> Script[None]:
    yield sql(
        _ADD,
        id=form.id,
        user_id=form.user_id,
        team_id=form.place.team_id,
        channel_id=form.place.channel_id,
        thread_ts=form.place.thread_ts,
        order_json=order_text(form.order),
        choose_place=int(form.choose_place),
        view_id=form.view_id,
        project=form.project,
        revision=form.revision,
        opened_at=to_ms(form.opened_at),
    )


def move(form: Form) -> Script[None]:
    """Keep what the person chose since."""
    yield sql(
        "update form set project = :project, revision = :revision, channel_id = :channel_id where id = :id",
        id=form.id,
        project=form.project,
        revision=form.revision,
        channel_id=form.place.channel_id,
    )


def one(form_id: str) -> Script[Form | None]:
    rows = yield sql("select * from form where id = :id", id=form_id)
    return _form_from(rows[0]) if rows else None


def forget(before: datetime) -> Script[None]:
    yield sql("delete from form where opened_at < :before", before=to_ms(before))


def _form_from(row: Row) -> Form:
    opened_at = from_ms(row["opened_at"])
    order = order_from(row["order_json"])
    assert opened_at is not None and isinstance(order, Create)
    return Form(
        id=row["id"],
        user_id=row["user_id"],
        place=Place(row["team_id"], row["channel_id"], row["thread_ts"]),
        order=order,
        opened_at=opened_at,
        choose_place=bool(row["choose_place"]),
        view_id=row["view_id"],
        project=row["project"],
        revision=row["revision"],
    )
