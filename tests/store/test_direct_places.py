"""Rows that were written before a place said itself whether it is a channel."""

from __future__ import annotations

import pytest
from sqlite_utils import Database

from bot.store.schema import migrations


@pytest.mark.parametrize(("channel", "direct"), [("C1", 0), ("G1", 0), ("D1", 1), ("U1", 1), ("W1", 1)])
def test_a_form_of_before_is_told_apart_by_where_it_was_opened(channel: str, direct: int) -> None:
    db = Database(memory=True)
    migrations.apply(db, stop_before="0009-direct-places")
    form = {"id": "f1", "user_id": "U1", "team_id": "T1", "channel_id": channel, "order_json": "{}", "kind": "create"}
    db.table("form").insert({**form, "choose_place": 0, "revision": 0, "subject": "", "opened_at": 0})
    migrations.apply(db)
    assert [row["direct"] for row in db.table("form").rows] == [direct]
