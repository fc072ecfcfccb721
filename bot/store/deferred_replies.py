"""Answers that were promised by an acknowledgement and not given yet: what was asked, and what it claims."""

from __future__ import annotations

import json

from bot.ports.forms import Errand
from bot.store.database import Row, Script, Want, from_ms, sql, to_ms
from bot.store.reading import first

_ADD = """
insert into errand (id, kind, user_id, channel_id, thread_ts, payload_json, claim, late, created_at)
values (:id, :kind, :user_id, :channel_id, :thread_ts, :payload_json, :claim, :late, :created_at)
"""
DUTIES = "select 'answer:' || id as key, 0 as at, user_id as lane from errand"


def add(errand: Errand) -> Script[None]:
    yield sql(
        _ADD,
        id=errand.id,
        kind=errand.kind,
        user_id=errand.user_id,
        channel_id=errand.channel,
        thread_ts=errand.thread_ts,
        payload_json=json.dumps(dict(errand.payload), ensure_ascii=False),
        claim=errand.claim,
        late=int(errand.late),
        created_at=to_ms(errand.created_at),
    )
    yield Want(f"answer:{errand.id}", errand.created_at, errand.user_id)


def one(errand_id: str) -> Script[Errand | None]:
    rows = yield sql("select * from errand where id = :id", id=errand_id)
    return (yield from first(rows, _errand, "errand"))


def _errand(row: Row) -> Errand:
    created_at = from_ms(row["created_at"])
    assert created_at is not None
    return Errand(
        row["id"],
        row["kind"],
        row["user_id"],
        row["channel_id"],
        row["thread_ts"],
        json.loads(row["payload_json"]),
        created_at,
        row["claim"],
        bool(row["late"]),
    )


def drop(errand_id: str) -> Script[None]:
    yield sql("delete from errand where id = :id", id=errand_id)
