"""The commands of the terminal on a store that replicas share, and the one sentence where they can't be done."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from typing import Any

import asyncpg
import pytest

from bot.clock import SystemClock
from bot.domain.errors import StoreFailed
from bot.store.postgres.database import PostgresDatabase
from bot.store.store import Store
from tests.builders import FakeClock
from tests.ports import free_port
from tests.postgres import PASSWORD, ROLE, renamed
from tests.test_cli import lived_rows, verify
from tests.test_cli_grants import Run, run

__all__ = ["run"]

BROKEN = "The audit trail is broken: "


@pytest.fixture
def url(postgres_server: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Of an empty database, which BOT_STORE names. The commands have an event loop of their own."""
    name = f"snapshot_bot_terminal_{free_port()}"
    with ExitStack() as left:
        told(postgres_server, f"create database {name}")
        left.callback(told, postgres_server, f"drop database {name} with (force)")
        monkeypatch.setenv("BOT_STORE", renamed(postgres_server, name))
        yield renamed(postgres_server, name)


def told(url: str, *statements: str) -> None:
    async def done() -> None:
        connection = await asyncpg.connect(url)
        for statement in statements:
            await connection.execute(statement)
        await connection.close()

    asyncio.run(done())


@pytest.fixture
def lived(url: str, run: Run) -> Run:
    async def done(work: Callable[[Store], Awaitable[Any]]) -> None:
        database = PostgresDatabase(url, SystemClock())
        await database.open()
        await work(Store(database, FakeClock()))
        await database.close()

    asyncio.run(done(lived_rows))
    return run


def test_what_was_asked_is_listed_and_shown(lived: Run) -> None:
    listed = lived("list", verb="requests")
    assert listed.code == 0 and listed.out.startswith("r-one ")
    shown = lived("show", "r-one-1", verb="requests")
    assert shown.code == 0 and "snapshot s1" in shown.out


def test_a_grant_is_given_and_explained(url: str, run: Run) -> None:
    assert run("add", "user:U7", "viewer", "payments").code == 0
    assert run("list").out.count("U7") == 1


def test_a_trail_that_is_whole_is_exported_and_verified(lived: Run) -> None:
    said = verify(lived)
    assert said.code == 0, said
    rows = [json.loads(line) for line in lived("export", verb="audit").out.splitlines()]
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert f"{len(rows)} rows" in said.out
    assert lived("export", "--since", "2030-01-01", verb="audit").out == ""


SPOILT = [
    ("drop trigger audit_is_never_cut on audit", "its guard audit_is_never_cut, which keeps rows"),
    ("alter table audit disable trigger audit_is_never_changed", "its guard audit_is_never_changed, which keeps rows"),
    ("alter table audit disable trigger user", "its guard audit_is_never_emptied, which keeps rows"),
    (
        "create or replace function item_moves() returns trigger language plpgsql as $$ begin return new; end $$",
        "its guard item_moves, which keeps rows",
    ),
    (
        "create trigger passes before insert on audit for each row execute function item_moves()",
        "the trigger passes is none of the bot's",
    ),
    ("create rule unheard as on insert to audit do instead nothing", "the trigger unheard is none of the bot's"),
    ("alter table item disable trigger item_counted_as_gone", "the trigger item_counted_as_gone is none of the bot's"),
]


@pytest.mark.parametrize(("statement", "problem"), SPOILT)
def test_a_guard_that_is_gone_altered_or_disabled_is_told(lived: Run, url: str, statement: str, problem: str) -> None:
    told(url, statement)
    said = verify(lived)
    assert said.code == 1
    assert BROKEN + problem in said.err


def test_a_row_that_was_altered_is_told(lived: Run, url: str) -> None:
    told(
        url,
        "alter table audit disable trigger user",
        "update audit set actor = 'U9' where seq = 2",
        "alter table audit enable trigger user",
    )
    assert BROKEN + "row 2 was altered" in verify(lived).err


# --- what is wrong, in one sentence -----------------------------------------------------------------------------------


def sentence(url: str) -> str:
    async def opened() -> None:
        await PostgresDatabase(url, SystemClock()).open()

    with pytest.raises(StoreFailed) as caught:
        asyncio.run(opened())
    assert PASSWORD not in caught.value.sentence
    return caught.value.sentence


def test_what_is_wrong_with_a_database_is_one_sentence(url: str) -> None:
    host = url.rpartition("@")[2].partition("/")[0]
    wrong = url.replace(PASSWORD, "another-password")
    assert sentence(wrong) == f"PostgreSQL at {host} refused the role {ROLE} or its password."
    assert sentence(renamed(url, "none")) == f"PostgreSQL at {host} has no database none. Make it with: createdb none."
    away = url.replace(host, f"127.0.0.1:{free_port()}")
    assert sentence(away).endswith(" can't be reached.")
    assert sentence(url.replace(host, "no.such.host.invalid")).endswith(" can't be reached.")
    assert "owner of the database" in sentence(renamed(url, "postgres"))


def test_a_command_ends_with_it_and_names_no_secret(run: Run, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said = run("list", verb="requests")
    assert (said.code, said.err.strip().split(".")[0]) == (1, f"There is no store in the database {url.split('/')[-1]}")
    monkeypatch.setenv("BOT_STORE", url.replace(PASSWORD, "another-password"))
    said = run("list", verb="requests")
    assert said.code == 1 and "refused the role" in said.err
    assert "another-password" not in said.err + said.out
