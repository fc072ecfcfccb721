"""A row as the statement that adds it."""

from __future__ import annotations

import sqlite3

from bot.store.script import insert, numbered


def kept(*rows: dict[str, object], otherwise: str = "") -> list[tuple[object, ...]]:
    connection = sqlite3.connect(":memory:")
    connection.execute("create table grain (id text primary key, size integer, note text default 'none')")
    for row in rows:
        statement = insert("grain", row, otherwise)
        connection.execute(statement.sql, statement.params)
    found = connection.execute("select id, size, note from grain order by id").fetchall()
    connection.close()
    return found


def test_a_row_stands_as_it_is_named_and_the_rest_has_its_default() -> None:
    assert kept({"size": 3, "id": "a'); drop table grain; --"}, {"id": "b", "size": None, "note": "x"}) == [
        ("a'); drop table grain; --", 3, "none"),
        ("b", None, "x"),
    ]


def test_what_is_there_already_is_the_callers_to_say() -> None:
    twice = ({"id": "a", "size": 1}, {"id": "a", "size": 2})
    assert kept(*twice, otherwise="on conflict (id) do nothing") == [("a", 1, "none")]
    assert kept(*twice, otherwise="on conflict (id) do update set size = excluded.size") == [("a", 2, "none")]


def test_a_name_has_one_number_however_often_it_stands_there() -> None:
    text = "select :b, :a from one where id = :b and job <> 'expire_grants:all' and at::bigint > :c"
    assert numbered(text, "?") == (
        "select ?1, ?2 from one where id = ?1 and job <> 'expire_grants:all' and at::bigint > ?3",
        ("b", "a", "c"),
    )
    assert numbered("select 1", "$") == ("select 1", ())
