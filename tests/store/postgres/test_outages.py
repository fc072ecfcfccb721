"""A connection is lost, a server away, a replica frozen: nothing is lost by that, or done twice."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from bot.clock import SystemClock
from bot.domain.errors import StoreFailed
from bot.store.postgres.database import PostgresDatabase
from bot.store.postgres.schema import LOCK
from bot.store.script import Script, sql
from tests.fakes.wire import Cut, Wire
from tests.postgres import EMPTY, ROLE, Cluster, cluster_of_its_own, store_on
from tests.store.together import adds, names


@dataclass
class Wired:
    """A store whose connections go over a wire."""

    database: PostgresDatabase
    wire: Wire
    direct: PostgresDatabase
    ran: list[str] = field(default_factory=list)

    def adds(self, name: str) -> Script[str]:
        self.ran.append(name)
        yield from adds(name)
        return name


@pytest.fixture
async def wired(postgres_server: str) -> AsyncIterator[Wired]:
    async with store_on(postgres_server) as direct:
        parts = urlsplit(direct._url)
        assert parts.port
        async with Wire(parts.port).laid() as wire:
            netloc = parts.netloc.rpartition(":")[0] + f":{wire.port}"
            database = PostgresDatabase(urlunsplit(parts._replace(netloc=netloc)), SystemClock())
            await database.open()
            yield Wired(database, wire, direct)
            await database.close()


@pytest.mark.parametrize("words", [b"begin", b"insert into delivery", b"insert into commit_mark"])
@pytest.mark.parametrize("how", [Cut.BEFORE, Cut.AFTER])
async def test_a_connection_that_is_lost_loses_nothing_and_doubles_nothing(
    wired: Wired, words: bytes, how: Cut
) -> None:
    wired.wire.cut_at(words, how)
    answers = await asyncio.gather(*(wired.database.run(wired.adds, name) for name in ("d1", "d2")))
    assert wired.wire.cuts == 1
    assert answers == ["d1", "d2"]
    assert await wired.direct.read(names) == ["d1", "d2"]
    assert await wired.database.run(wired.adds, "d3") == "d3"


async def test_what_was_committed_is_not_run_again_though_its_answer_was_lost(wired: Wired) -> None:
    heard: list[str] = []
    wired.database.on_scheduled(lambda key, *_: heard.append(key))
    wired.wire.cut_at(b"insert into commit_mark", Cut.AFTER)
    assert await wired.database.run(wired.adds, "d1") == "d1"
    assert (wired.ran, heard) == (["d1"], ["plan:d1"])
    wired.wire.cut_at(b"insert into commit_mark", Cut.BEFORE)
    assert await wired.database.run(wired.adds, "d2") == "d2"
    assert wired.ran == ["d1", "d2", "d2"]
    assert heard == ["plan:d1", "plan:d2"]


async def test_a_commit_that_may_still_come_is_waited_for(wired: Wired) -> None:
    """The server has not heard that the connection is gone, and keeps the lock until it ends what lies idle."""
    wired.wire.cut_at(b"insert into commit_mark", Cut.SILENT)
    assert await wired.database.run(wired.adds, "d1") == "d1"
    assert wired.ran == ["d1", "d1"]
    assert await wired.direct.read(names) == ["d1"]


async def test_what_cannot_be_known_is_not_repeated(wired: Wired, monkeypatch: pytest.MonkeyPatch) -> None:
    await wired.database.run(wired.adds, "d0")
    wired.wire.cut_at(b"insert into commit_mark", Cut.AFTER)
    monkeypatch.setattr("bot.store.postgres.writer.RECONNECTS_WITHIN_SECONDS", 0.1)
    monkeypatch.setattr("bot.store.postgres.writer._connect_to_write", unreachable)
    with pytest.raises(StoreFailed, match="can't be reached"):
        await wired.database.run(wired.adds, "d1")
    assert wired.ran == ["d0", "d1"]
    monkeypatch.undo()
    await asyncio.sleep(0.6)
    assert await wired.database.run(wired.adds, "d2") == "d2"
    assert await wired.direct.read(names) == ["d0", "d1", "d2"]


async def unreachable(url: str) -> None:
    raise ConnectionRefusedError


async def test_a_reading_whose_connection_lay_idle_and_was_lost_is_read_again(wired: Wired) -> None:
    await wired.database.run(wired.adds, "d1")
    wired.wire.cut_at(b"begin", Cut.BEFORE)
    assert await wired.database.read(names) == ["d1"]
    assert wired.wire.cuts == 1


async def test_tables_that_a_later_version_changes_meanwhile_stop_nobody(wired: Wired) -> None:
    def rows() -> Script[int]:
        return len((yield sql("select * from delivery")))

    def changed() -> Script[None]:
        yield sql("alter table delivery add column colour text")

    await wired.database.run(wired.adds, "d1")
    for _ in range(2):
        assert (await wired.database.run(rows), await wired.database.read(rows)) == (1, 1)
        await wired.direct.run(changed) if _ == 0 else None
    assert await wired.database.run(wired.adds, "d2") == "d2"


# --- a server that is away --------------------------------------------------------------------------------------------


@pytest.fixture
async def served(postgres_cluster: Cluster) -> AsyncIterator[tuple[Cluster, PostgresDatabase]]:
    postgres_cluster.start()
    connection = await asyncpg.connect(postgres_cluster.url())
    await connection.execute(f"create database snapshots template {EMPTY}")
    await connection.close()
    database = PostgresDatabase(postgres_cluster.url("snapshots"), SystemClock())
    await database.open()
    yield postgres_cluster, database
    await database.close()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
async def test_a_server_that_is_started_anew_is_waited_for(
    served: tuple[Cluster, PostgresDatabase], how: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.postgres.writer.RECONNECTS_WITHIN_SECONDS", 60.0)  # the machine may be busy
    cluster, database = served
    await database.run(adds, "d1")
    await asyncio.to_thread(cluster.stop, how)
    writing = asyncio.create_task(database.run(adds, "d2"))
    await asyncio.to_thread(cluster.start)
    assert await writing == "d2"
    assert await database.read(names) == ["d1", "d2"]


async def test_a_standby_that_takes_over_is_found_and_has_all_that_was_answered(
    postgres_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.postgres.writer.RECONNECTS_WITHIN_SECONDS", 60.0)  # the machine may be busy
    with cluster_of_its_own() as standby:
        postgres_cluster.start()
        postgres_cluster.do(f"create database snapshots owner {ROLE}")
        await asyncio.to_thread(postgres_cluster.take_on, standby)
        parts = urlsplit(postgres_cluster.url("snapshots"))
        both = urlunsplit(parts._replace(netloc=f"{parts.netloc},127.0.0.1:{standby.port}"))
        database = PostgresDatabase(f"{both}?target_session_attrs=read-write", SystemClock())
        await database.open()
        assert await database.run(adds, "d1") == "d1"
        await asyncio.to_thread(postgres_cluster.stop, signal.SIGQUIT)
        writing = asyncio.create_task(database.run(adds, "d2"))
        await asyncio.to_thread(standby.promote)
        assert await writing == "d2"
        assert await database.read(names) == ["d1", "d2"]
        await database.close()


async def test_while_a_server_is_away_who_asks_hears_so_at_once_and_it_comes_back_by_itself(
    served: tuple[Cluster, PostgresDatabase],
) -> None:
    cluster, database = served
    broken = asyncio.create_task(database.broken())
    await asyncio.to_thread(cluster.stop, signal.SIGQUIT)
    begun = time.monotonic()
    with pytest.raises(StoreFailed, match="can't be reached"):
        await database.run(adds, "d1")
    assert time.monotonic() - begun < 2.5, "Slack listens for 3 s"
    for _ in range(20):
        begun = time.monotonic()
        with pytest.raises(StoreFailed):
            await database.run(adds, "d2")
        with pytest.raises(StoreFailed):
            await database.read(names)
        assert time.monotonic() - begun < 2.5
    await asyncio.to_thread(cluster.start)
    await asyncio.sleep(0.6)
    assert await database.run(adds, "d3") == "d3"
    assert await database.read(names) == ["d3"]
    assert not broken.done()
    broken.cancel()


async def test_a_stop_takes_a_bounded_time_though_the_server_hangs(
    postgres_server: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("bot.store.postgres.database.STOP_SECONDS", 0.1)

    def hangs() -> Script[None]:
        yield sql("select pg_sleep(5)")

    async with store_on(postgres_server) as database:
        hanging = [asyncio.create_task(database.run(hangs)), asyncio.create_task(database.read(hangs))]
        await asyncio.sleep(0.1)
        async with asyncio.timeout(2):
            await database.close()
            answers = await asyncio.gather(*hanging, return_exceptions=True)
    assert all(isinstance(answer, StoreFailed) for answer in answers), answers
    assert "the store could not be closed" in caplog.messages


async def test_who_asks_a_closed_store_is_told_so_and_waits_for_nothing(postgres_server: str) -> None:
    async with store_on(postgres_server) as database:
        await database.close()
        async with asyncio.timeout(5):
            for asked in (database.run, database.run_first, database.run_between, database.read):
                with pytest.raises(StoreFailed, match="is closed"):
                    await asked(adds, "d1")


async def test_who_asks_a_broken_store_is_answered_and_it_says_so(
    database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(database._writer, "commit_together", broken)
    waiting = asyncio.create_task(database.run(adds, "d1"))
    async with asyncio.timeout(5):
        await database.broken()
        with pytest.raises(StoreFailed, match="broken"):
            await database.run(adds, "d2")
        with pytest.raises(StoreFailed, match="broken"):
            await waiting


# --- the lock ---------------------------------------------------------------------------------------------------------


async def test_while_another_replica_writes_none_waits_for_those_who_waited_in_vain(
    database: PostgresDatabase,
) -> None:
    other = await asyncpg.connect(database._url)
    locked = other.transaction()
    await locked.start()
    await other.execute(f"select pg_advisory_xact_lock({LOCK})")
    begun = time.monotonic()
    answers = await asyncio.gather(*(database.run(adds, f"d{number}") for number in range(6)), return_exceptions=True)
    assert time.monotonic() - begun < 2.5, "Slack listens for 3 s"
    assert {type(answer) for answer in answers} == {StoreFailed}
    await locked.rollback()
    assert await database.run(adds, "d8") == "d8"
    assert database._writer._wait_ms == 1_500, "a moment is waited for again"
    await other.close()


async def test_a_replica_that_is_frozen_amid_a_transaction_holds_the_others_up_no_longer_than_seconds(
    database: PostgresDatabase,
) -> None:
    frozen = PostgresDatabase(database._url, SystemClock())
    await frozen.open()
    writer = frozen._writer
    await writer._begin()  # and then nothing more
    begun = time.monotonic()
    while True:
        try:
            await database.run(adds, "d1")
            break
        except StoreFailed:
            await asyncio.sleep(0.05)
    assert time.monotonic() - begun < 10
    assert await frozen.run(adds, "d2") == "d2", "it wakes, and does its work on another connection"
    await frozen.close()
