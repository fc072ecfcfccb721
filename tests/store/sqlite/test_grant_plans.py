"""Whoever asks about grants looks at as many rows as the question is about."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from bot.domain.actors import AccountKind
from bot.domain.roles import Grant
from bot.store import grants
from bot.store.script import Query, Script
from bot.store.sqlite.database import SqliteDatabase
from tests.builders import NOON, an_actor
from tests.store.test_grants import BOB


def plan_of(query: Query, path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        return [row[3] for row in connection.execute(f"explain query plan {query.sql}", dict(query.params))]
    finally:
        connection.close()


@pytest.mark.parametrize("groups", [(), ("S1",), ("S1", "S2", "S3")])
async def test_what_an_actor_holds_is_found_by_the_primary_key(
    database: SqliteDatabase, tmp_path: Path, groups: tuple[str, ...]
) -> None:
    query = next(grants.held_by(an_actor("U1", AccountKind.MEMBER, *groups)))
    assert isinstance(query, Query)
    steps = [step for step in plan_of(query, tmp_path / "store.db") if "access_grant" in step]
    assert steps
    for step in steps:
        assert "SEARCH access_grant USING PRIMARY KEY (subject_kind=? AND subject_id=?)" in step


@pytest.mark.parametrize(
    ("script", "key"),
    [
        (grants.admins("payments"), "INDEX access_grant_admin (project=?)"),
        (grants.helpers("payments", NOON), "INDEX access_grant_admin (project=? AND expires_at"),
        (grants.approvers("payments", NOON), "INDEX access_grant_approver (project=?)"),
        (grants.of_subject(BOB), "(subject_kind=? AND subject_id=?)"),
    ],
    ids=["admins", "helpers", "approvers", "of a subject"],
)
async def test_no_question_looks_at_more_rows_than_it_is_about(
    database: SqliteDatabase, tmp_path: Path, script: Script[list[Grant]], key: str
) -> None:
    query = next(script)
    assert isinstance(query, Query)
    steps = [step for step in plan_of(query, tmp_path / "store.db") if "access_grant" in step]
    assert steps
    for step in steps:
        assert step.startswith("SEARCH") and key in step


async def test_who_is_named_is_read_in_order_and_no_further(database: SqliteDatabase, tmp_path: Path) -> None:
    query = next(grants.helpers("payments", NOON))
    assert isinstance(query, Query)
    assert not [step for step in plan_of(query, tmp_path / "store.db") if "TEMP B-TREE" in step]
