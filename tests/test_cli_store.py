"""`snapshot-bot store …` through its own entrance, on a file of its own."""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import json
import os
import re
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from bot.domain.audit import AuditEntry
from bot.domain.items import Item
from bot.domain.orders import Create
from bot.domain.requests import Request
from bot.domain.transitions import ItemState, RequestState
from bot.ports.requests import Incoming
from bot.store.rows import item_row, request_row
from bot.store.sqlite import backup
from bot.store.sqlite.lock import StoreLock
from bot.store.store import Store
from tests.builders import NOON, a_grant, a_request, an_actor, an_item
from tests.postgres import PASSWORD, database_of, postgres_server
from tests.test_cli import OPEN, STORE, lived, on_store, tampered
from tests.test_cli_grants import Run, run

__all__ = ["lived", "postgres_server", "run"]

FILE = Path("copy.db")


def head(file: Path) -> str:
    with sqlite3.connect(file) as db:
        seq, row_hash = db.execute("select seq, hash from audit order by seq desc limit 1").fetchone()
    db.close()
    return f"{seq}:{row_hash}"


def files() -> set[str]:
    return {path.name for path in Path().iterdir()} - {"bot.toml"}


@pytest.fixture
def slow_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy of many small steps, so that something can happen between them."""
    monkeypatch.setattr(backup, "STEP_PAGES", 1)
    monkeypatch.setattr(backup, "PAUSE_SECONDS", 0.02)


def meanwhile(work: Callable[[], None]) -> threading.Thread:
    """Do something once a copy is being written."""

    def wait() -> None:
        until = time.monotonic() + 10
        partial = Path("copy.db.partial")
        while not (partial.exists() and partial.stat().st_size) and time.monotonic() < until:
            time.sleep(0.001)
        work()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


# --- backup -----------------------------------------------------------------------------------------------------------


def test_a_backup_says_what_it_holds_and_is_the_store_of_that_moment(lived: Run) -> None:
    before = head(STORE)
    said = lived("backup", str(FILE), verb="store")
    assert (said.code, said.err) == (0, "")
    assert (
        f"copy.db holds 1 requests (1 of them under way) and {before.split(':')[0]} audit rows, head {before}."
        in said.out
    )
    assert head(FILE) == before
    assert FILE.stat().st_mode & 0o777 == 0o600
    assert files() == {"snapshot-bot.db", "copy.db"}


def test_a_copy_opens_as_a_store_and_its_trail_holds(lived: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lived("backup", str(FILE), verb="store").code == 0
    monkeypatch.setenv("BOT_STORE", f"sqlite:///{FILE}")
    assert lived("verify", "--head", head(STORE), verb="audit").code == 0
    assert "r-one" in lived("show", "r-one", verb="requests").out


@pytest.mark.usefixtures("slow_steps")
def test_what_is_written_meanwhile_waits_for_no_step_and_is_not_in_the_copy(lived: Run) -> None:
    before, took = head(STORE), list[float]()

    def writes() -> None:
        with sqlite3.connect(STORE) as db:
            for number in range(20):
                began = time.monotonic()
                db.execute("insert into delivery (id, received_at) values (?, 0)", (f"late-{number}",))
                db.commit()
                took.append(time.monotonic() - began)
        db.close()

    thread = meanwhile(writes)
    assert lived("backup", str(FILE), verb="store").code == 0
    thread.join()
    assert len(took) == 20
    assert max(took) < 1.0
    with sqlite3.connect(FILE) as db:
        assert db.execute("select count(*) from delivery where id like 'late-%'").fetchone() == (0,)
    db.close()
    assert head(FILE) == before


def test_a_file_that_is_there_stays_as_it_is(lived: Run) -> None:
    FILE.write_text("my other copy")
    said = lived("backup", str(FILE), verb="store")
    assert (said.code, said.out) == (1, "")
    assert said.err == "copy.db is there already and stays as it is. Name another file.\n"
    assert FILE.read_text() == "my other copy"


@pytest.mark.parametrize(
    ("file", "words"), [("nowhere/copy.db", "No such file or directory"), ("x" * 300, "File name too long")]
)
def test_a_file_that_cannot_be_made_is_told_in_one_sentence(lived: Run, file: str, words: str) -> None:
    said = lived("backup", file, verb="store")
    assert (said.code, said.out, said.err.count("\n")) == (1, "", 1)
    assert words in said.err


def test_without_a_store_there_is_nothing_to_copy(run: Run) -> None:
    said = run("backup", str(FILE), verb="store")
    assert (said.code, said.err.count("\n")) == (1, 1)
    assert "There is no store at snapshot-bot.db" in said.err
    STORE.write_text("no store at all, but long enough to be looked at as if it were one" * 100)
    said = run("backup", str(FILE), verb="store")
    assert (said.code, said.err.count("\n")) == (1, 1)
    assert "snapshot-bot.db can't be read as a store" in said.err
    assert files() == {"snapshot-bot.db"}


def test_a_copy_of_a_damaged_store_is_not_kept(lived: Run) -> None:
    with sqlite3.connect(STORE) as db:
        db.execute("pragma wal_checkpoint(truncate)")
        (page,) = db.execute("select rootpage from sqlite_master where name = 'item_of_disk'").fetchone()
        (size,) = db.execute("pragma page_size").fetchone()
    db.close()
    with STORE.open("r+b") as file:
        file.seek((page - 1) * size + 8)
        file.write(b"\xff" * 64)
    said = lived("backup", str(FILE), verb="store")
    assert (said.code, said.out) == (1, "")
    assert "The copy is damaged, and so may be the store" in said.err
    assert files() == {"snapshot-bot.db"}


def test_a_trail_that_is_broken_is_told_and_the_copy_is_kept(lived: Run) -> None:
    """It may be all that is left to look at."""
    tampered(OPEN[0], "update audit set actor = 'U9' where seq = 1")
    said = lived("backup", str(FILE), verb="store")
    assert said.code == 1
    assert "The audit trail is broken in the copy and in the store it was made of: row 1 was altered." in said.err
    assert FILE.exists()


@pytest.mark.usefixtures("slow_steps")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_and_nothing_half_is_left(lived: Run, number: signal.Signals) -> None:
    thread = meanwhile(lambda: os.kill(os.getpid(), number))
    said = lived("backup", str(FILE), verb="store")
    thread.join()
    assert (said.code, said.out, said.err) == (1, "", "Stopped. All of it was undone.\n")
    assert "copy.db" not in files()
    assert "copy.db.partial" not in files()


def test_what_a_killed_process_left_is_written_over_and_what_another_writes_is_not(lived: Run) -> None:
    Path("copy.db.partial").write_bytes(b"half" * 1_000_000)
    with Path("copy.db.partial").open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        said = lived("backup", str(FILE), verb="store")
        assert said.code == 1
        assert "Another process writes copy.db" in said.err
    assert lived("backup", str(FILE), verb="store").code == 0
    assert files() == {"snapshot-bot.db", "copy.db"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """64 KiB; needs root."""
    place, libc = tmp_path / "small", ctypes.CDLL(None, use_errno=True)
    place.mkdir()
    if libc.mount(b"tmpfs", str(place).encode(), b"tmpfs", 0, b"size=64k") != 0:
        pytest.skip("a small disk can't be mounted: run it as root")
    yield place
    libc.umount2(str(place).encode(), 2)


def test_a_full_disk_is_told_kindly_and_nothing_half_is_left(lived: Run, small_disk: Path) -> None:
    said = lived("backup", str(small_disk / "copy.db"), verb="store")
    assert (said.code, said.out, said.err.count("\n")) == (1, "", 1)
    assert re.search(r"There is no room for \S+copy.db: [0-9.]+ MB are free", said.err)
    assert list(small_disk.iterdir()) == []


# --- restore ----------------------------------------------------------------------------------------------------------


def backed_up(run: Run) -> str:
    """A backup of the store as it is; answers its head."""
    said = run("backup", str(FILE), verb="store")
    assert said.code == 0, said.err
    return head(FILE)


def kept() -> Path:
    (found,) = Path().glob("snapshot-bot.db.before-restore-*Z")
    return found


async def _lives_on(store: Store) -> None:
    """Another request, a right given and one taken away."""
    received = a_request("r-two", state=RequestState.RECEIVED)
    await store.take_in("d2", "C1", an_actor(), lambda held, bound: Incoming(received))
    await store.configured_grants([a_grant("U1"), a_grant("U3", "admin")])


def test_a_backup_is_the_store_again_and_the_one_that_was_there_is_kept(lived: Run) -> None:
    before = backed_up(lived)
    on_store(_lives_on)
    after = head(STORE)
    said = lived("restore", str(FILE), verb="store")
    assert (said.code, said.err) == (0, "")
    assert "snapshot-bot.db is now what copy.db holds: 1 requests (1 of them under way)" in said.out
    assert f"The store that was there is kept as {kept()}." in said.out
    seq = before.split(":")[0]
    assert f"Given up: the audit rows after {seq} up to {after}. They stand in the store that is kept." in said.out
    assert "Given up: 1 requests; not ended: r-two. Their messages stay as they are." in said.out
    assert "Rights that are back, though they were taken away since: user:U2 approver payments (bot.toml)." in said.out
    assert "Rights that are gone, as they were given since: user:U3 admin payments (bot.toml)." in said.out
    assert head(kept()) == after
    assert kept().stat().st_mode & 0o777 == STORE.stat().st_mode & 0o777 == 0o600
    assert lived("show", "r-two", verb="requests").code == 1
    assert lived("show", "r-one", verb="requests").code == 0


def test_the_trail_says_which_rows_were_given_up_and_a_head_of_those_is_not_passed_over(lived: Run) -> None:
    before = backed_up(lived)
    on_store(_lives_on)
    after = head(STORE)
    assert lived("restore", str(FILE), verb="store").code == 0
    seq = int(before.split(":")[0])
    words = f"row {seq + 1} says that the rows after {before} up to {after} were given up when a backup was restored"
    said = lived("verify", verb="audit")
    assert (said.code, said.err) == (0, "")
    assert f"It goes on from a backup: {words}." in said.out
    assert lived("verify", "--head", before, verb="audit").code == 0
    said = lived("verify", "--head", after, verb="audit")
    assert said.code == 1
    assert "it was cut" in said.err or "it was written anew" in said.err
    assert words in said.err


def test_the_head_of_the_new_trail_is_posted_at_the_next_start(lived: Run) -> None:
    on_store(lambda store: store.chore_done("anchor", NOON + timedelta(days=1)))
    backed_up(lived)
    assert lived("restore", str(FILE), verb="store").code == 0
    assert on_store(lambda store: store.chore_due("anchor")) is None


def test_where_the_store_is_a_link_the_file_behind_it_is_replaced(lived: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite keeps the log beside the file, and not beside the link."""
    backed_up(lived)
    Path("link.db").symlink_to(STORE)
    with sqlite3.connect("link.db") as db:  # a bot that was killed leaves its log
        db.execute("pragma wal_autocheckpoint = 0")
        db.execute("insert into delivery (id, received_at) values ('late', 0)")
        db.commit()
        for end in ("", "-wal"):
            Path(f"killed.db{end}").write_bytes(Path(f"{STORE}{end}").read_bytes())
    db.close()
    for end in ("", "-wal"):
        Path(f"killed.db{end}").replace(f"{STORE}{end}")
    monkeypatch.setenv("BOT_STORE", "sqlite:///link.db")
    said = lived("restore", str(FILE), verb="store")
    assert (said.code, said.err) == (0, "")
    assert Path("link.db").is_symlink()
    assert lived("verify", verb="audit").code == 0
    for file, late in ((STORE, 0), (kept(), 1)):
        with sqlite3.connect(file) as db:
            assert db.execute("select count(*) from delivery where id = 'late'").fetchone() == (late,)
        db.close()


def test_nothing_is_restored_while_a_bot_runs(lived: Run) -> None:
    backed_up(lived)
    before = STORE.read_bytes()
    lock = StoreLock(STORE)
    said = lived("restore", str(FILE), verb="store")
    lock.release()
    assert (said.code, said.out, said.err.count("\n")) == (1, "", 1)
    assert f"process {os.getpid()}" in said.err
    assert "Stop it first" in said.err
    assert STORE.read_bytes() == before
    assert not list(Path().glob("*.before-restore-*"))


def test_nothing_is_restored_under_a_command_that_writes(lived: Run) -> None:
    backed_up(lived)
    with sqlite3.connect(STORE) as other:
        other.execute("insert into delivery (id, received_at) values ('x', 0)")
        said = lived("restore", str(FILE), verb="store")
    other.close()
    assert (said.code, said.out, said.err.count("\n")) == (1, "", 1)
    assert "Another process reads or writes snapshot-bot.db" in said.err
    assert files() == {"snapshot-bot.db", "snapshot-bot.db.lock", "copy.db"}


def test_a_backup_of_a_later_version_is_refused(lived: Run) -> None:
    backed_up(lived)
    with sqlite3.connect(FILE) as db:
        db.execute(
            "insert into _sqlite_migrations (migration_set, name, applied_at) values ('snapshot-bot', '9-later', '')"
        )
    db.close()
    before = STORE.read_bytes()
    said = lived("restore", str(FILE), verb="store")
    assert (said.code, said.out) == (1, "")
    assert "9-later" in said.err
    assert STORE.read_bytes() == before


@pytest.mark.parametrize("text", ["", "no store, but long enough to be looked at as if it were one " * 100])
def test_what_is_no_backup_is_refused(lived: Run, text: str) -> None:
    FILE.write_text(text)
    before = STORE.read_bytes()
    said = lived("restore", str(FILE), verb="store")
    assert (said.code, said.out, said.err.count("\n")) == (1, "", 1)
    assert "copy.db can't be read as a store" in said.err
    said = lived("restore", "nowhere.db", verb="store")
    assert (said.code, said.out, said.err.count("\n")) == (1, "", 1)
    assert STORE.read_bytes() == before


@pytest.mark.parametrize("there", ["damaged", "gone"])
def test_a_store_that_is_damaged_or_gone_is_replaced_all_the_same(lived: Run, there: str) -> None:
    """Its log is no log of what comes in its place."""
    before = backed_up(lived)
    if there == "gone":
        STORE.unlink()
    else:
        STORE.write_bytes(b"\xff" * 100_000)
        Path("snapshot-bot.db-wal").write_bytes(b"\xff" * 10_000)
    said = lived("restore", str(FILE), verb="store")
    assert (said.code, said.err) == (0, "")
    assert ("can't be read: what was given up with it is not known" in said.out) == (there == "damaged")
    if there == "damaged":
        assert kept().read_bytes() == b"\xff" * 100_000
    said = lived("verify", "--head", before, verb="audit")
    assert (said.code, said.err) == (0, "")
    assert f"the rows after {before} were given up" in said.out


def test_a_backup_of_another_store_says_so(lived: Run) -> None:
    backed_up(lived)
    STORE.unlink()
    on_store(lambda store: store.audit([AuditEntry("U9", "view", "", "denied", "no-grant")] * 20))
    said = lived("restore", str(FILE), verb="store")
    assert said.code == 0
    assert "The backup is no former state of it: it has another audit trail, of 20 rows." in said.out


def _as_it_is(incoming: Incoming, held: object, bound: object) -> Incoming:
    return incoming


async def _three_ways(store: Store) -> None:
    """Requests that run, with a disk to be sent, one being sent and one in the making; and one that waits."""
    running = a_request("r-runs", state=RequestState.RECEIVED)
    waiting = a_request("r-waits", state=RequestState.RECEIVED, status_channel="C1", status_ts="1.1")
    for request in (running, waiting):
        incoming = Incoming(request)
        await store.take_in(request.id, "C1", an_actor(), partial(_as_it_is, incoming))
    states = (ItemState.PLANNED, ItemState.SUBMITTING, ItemState.CREATING)
    items = [an_item(n, one, request_id="r-runs") for n, one in enumerate(states, 1)]
    await store.decide_plan(replace(running, state=RequestState.RUNNING), items, [])
    item = an_item(4, ItemState.PLANNED, request_id="r-waits")
    await store.decide_plan(replace(waiting, state=RequestState.WAITING, approvals_needed=1), [item], [])


def test_what_was_under_way_is_looked_for_and_what_was_not_decided_is_ended(lived: Run) -> None:
    on_store(_three_ways)
    backed_up(lived)
    said = lived("restore", str(FILE), verb="store")
    assert said.code == 0
    assert "When the bot starts: 2 requests go on" in said.out
    assert "1 had not been decided: they are ended, and their people are told." in said.out
    request, items = on_store(lambda store: store.request("r-runs"))
    assert (request.state, request.to_send, request.rev > request.shown_rev) == (RequestState.RUNNING, True, True)
    assert [(one.state, one.in_doubt) for one in items] == [
        (ItemState.PLANNED, True),
        (ItemState.SUBMITTING, False),
        (ItemState.CREATING, False),
    ]
    assert items[0].due_at is not None
    request, items = on_store(lambda store: store.request("r-waits"))
    assert (request.state, request.to_send, request.rule) == (RequestState.DROPPED, True, "from-a-backup")
    assert "snapshot-bot-request=r-waits-…" in request.explanation
    assert [one.state for one in items] == [ItemState.UNKNOWN]
    jobs = {key for key, _, _ in on_store(lambda store: store.jobs())}
    assert {"submit:r-runs-1", "submit:r-runs-2", "watch:payments"} <= jobs
    assert "expire:r-waits" not in jobs


# --- copy -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def server(postgres_server: str) -> Iterator[str]:
    """The URL of an empty database."""
    with asyncio.Runner() as runner:
        made = database_of(postgres_server)
        yield runner.run(made.__aenter__())
        runner.run(made.__aexit__(None, None, None))


def test_a_store_is_moved_to_a_server_and_back(lived: Run, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = head(STORE)
    said = lived("copy", "--to", server, verb="store")
    assert (said.code, said.err) == (0, "")
    assert f"holds 1 requests (1 of them under way) and {before.split(':')[0]} audit rows, head {before}." in said.out
    assert "start the bot there alone" in said.out
    assert PASSWORD not in said.out
    monkeypatch.setenv("BOT_STORE", server)
    assert lived("verify", "--head", before, verb="audit").code == 0
    assert "r-one" in lived("show", "r-one", verb="requests").out
    said = lived("copy", "--to", "sqlite:///back.db", verb="store")
    assert (said.code, said.err) == (0, "")
    assert head(Path("back.db")) == before
    monkeypatch.setenv("BOT_STORE", "sqlite:///back.db")
    assert lived("verify", "--head", before, verb="audit").code == 0


def test_the_other_has_to_be_empty(lived: Run, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lived("copy", "--to", server, verb="store").code == 0
    said = lived("copy", "--to", server, verb="store")
    assert (said.code, said.out, said.err.count("\n")) == (1, "", 1)
    assert "It is not empty (request, item, " in said.err
    monkeypatch.setenv("BOT_STORE", server)
    said = lived("copy", "--to", f"sqlite:///{STORE}", verb="store")
    assert (said.code, said.err) == (1, "snapshot-bot.db is there already and stays as it is. Name another file.\n")


@pytest.mark.parametrize(
    ("to", "code", "words"),
    [
        ("sqlite:///other.db", 1, "Both are files: snapshot-bot store backup FILE copies one."),
        ("mysql://host/db", 2, "argument --to: Write sqlite:///snapshot-bot.db (relative)"),
        ("postgresql://nobody@127.0.0.1:1/none", 1, "PostgreSQL at 127.0.0.1:1 can't be reached."),
    ],
)
def test_where_it_cannot_go_is_told_in_one_sentence(lived: Run, to: str, code: int, words: str) -> None:
    said = lived("copy", "--to", to, verb="store")
    assert (said.code, said.out) == (code, "")
    assert words in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("arguments", [("prune",), ("copy", "--to", "SERVER"), ("backup", "copy.db")])
def test_a_store_in_which_a_table_is_gone_is_told_in_one_sentence(
    lived: Run, server: str, arguments: tuple[str, ...]
) -> None:
    tampered("alter table item rename to things", "alter table audit rename to trail")
    said = lived(*(server if one == "SERVER" else one for one in arguments), verb="store")
    assert (said.code, said.out, said.err.count("\n")) == (1, "", 1)
    assert "snapshot-bot.db can't be read as a store: " in said.err


def test_nothing_is_moved_while_a_bot_runs_on_either(lived: Run, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = StoreLock(STORE)
    said = lived("copy", "--to", server, verb="store")
    lock.release()
    assert said.code == 1
    assert f"process {os.getpid()}" in said.err
    replica = asyncio.Runner()
    settings = {"application_name": "snapshot-bot jobs"}
    connection = replica.run(asyncpg.connect(server, server_settings=settings))
    said = lived("copy", "--to", server, verb="store")
    assert (said.code, said.err.count("\n")) == (1, 1)
    assert "Bots run on postgresql://" in said.err
    assert "(from 127.0.0.1). Stop them first." in said.err
    monkeypatch.setenv("BOT_STORE", server)
    assert lived("restore", "copy.db", verb="store").code == 1
    replica.run(connection.close())
    replica.close()
    monkeypatch.delenv("BOT_STORE")
    assert lived("copy", "--to", server, verb="store").code == 0


def test_a_server_is_backed_up_to_a_file_and_one_that_is_empty_takes_a_backup(
    lived: Run, server: str, postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_store(_three_ways)
    before = head(STORE)
    assert lived("copy", "--to", server, verb="store").code == 0
    monkeypatch.setenv("BOT_STORE", server)
    said = lived("backup", str(FILE), verb="store")
    assert (said.code, said.err) == (0, "")
    assert f"copy.db holds 3 requests (3 of them under way) and {before.split(':')[0]} audit rows" in said.out
    said = lived("restore", str(FILE), verb="store")
    assert said.code == 1
    assert "It is not empty" in said.err
    with asyncio.Runner() as runner:
        made = database_of(postgres_server)
        other = runner.run(made.__aenter__())
        monkeypatch.setenv("BOT_STORE", other)
        said = lived("restore", str(FILE), verb="store")
        assert (said.code, said.err) == (0, "")
        assert "When the bot starts: 2 requests go on" in said.out
        said = lived("verify", "--head", before, verb="audit")
        assert f"the rows after {before} were given up" in said.out
        assert "from-a-backup" in lived("show", "r-waits", verb="requests").out
        runner.run(made.__aexit__(None, None, None))
    assert files() == {"snapshot-bot.db", "snapshot-bot.db.lock", "copy.db"}


# --- prune ------------------------------------------------------------------------------------------------------------

LONG_AGO = datetime(2024, 3, 1, tzinfo=UTC)
TYPED = "the secret plan of Ms Miller"


def put(*wholes: tuple[Request, Sequence[Item]]) -> None:
    with sqlite3.connect(STORE) as db:
        for request, items in wholes:
            _insert(db, "request", request_row(request))
            for item in items:
                _insert(db, "item", {**item_row(item), "asked_at": 0})
    db.close()


def _insert(db: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> None:
    db.execute(f"insert into {table} ({', '.join(row)}) values ({', '.join(f':{name}' for name in row)})", row)


def ended_request(name: str, at: datetime = LONG_AGO, **fields: Any) -> Request:
    order = Create(("orders-db",), reason=TYPED, description=TYPED)
    told = {"to_send": False, "text": f"create orders-db reason={TYPED}", "order": order}
    return a_request(name, **{"state": RequestState.FINISHED, "created_at": at, "ended_at": at, **told, **fields})


def made(name: str, number: int = 1, **fields: Any) -> Item:
    ends = {"snapshot_id": f"s-{name}", "ended_at": LONG_AGO}
    return an_item(number, ItemState.AVAILABLE, request_id=name, **{**ends, **fields})


def requests_there() -> set[str]:
    with sqlite3.connect(STORE) as db:
        found = {row[0] for row in db.execute("select id from request")}
    db.close()
    return found


@pytest.fixture
def old(lived: Run) -> Run:
    """Requests of long ago, one of each kind, beside some of today."""
    leader = made("r-leader", gone_at=LONG_AGO)
    put(
        (ended_request("r-failed"), [an_item(1, ItemState.FAILED, request_id="r-failed", ended_at=LONG_AGO)]),
        (ended_request("r-denied", state=RequestState.DENIED), []),
        (ended_request("r-deleted"), [made("r-deleted", gone_at=LONG_AGO)]),
        (ended_request("r-point"), [made("r-point"), made("r-point", 2, gone_at=LONG_AGO)]),
        (ended_request("r-review", break_glass=True), []),
        (ended_request("r-told", to_send=True), []),
        (ended_request("r-leader", LONG_AGO + timedelta(days=1)), [leader]),
        (ended_request("r-follower"), [made("r-follower", gone_at=LONG_AGO, joined_to=leader.id)]),
        (ended_request("r-young", datetime.now(UTC) - timedelta(days=3)), []),
    )
    return lived


STAYING = {"r-one", "r-point", "r-review", "r-told", "r-young"}


def test_the_plan_says_what_would_go_and_changes_nothing(old: Run) -> None:
    before, there = head(STORE), requests_there()
    said = old("prune", verb="store")
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines()[1:] == [
        "To go: 4 with 3 disks and all that was decided and told of them.",
        "To stay: 1 with restore points that are still there, as far as the bot knows.",
        "To stay: 1 whose snapshots others joined.",
        "To stay: 1 that wait for review.",
        "To stay: 1 of which something is still to be told or deleted.",
        "To be forgotten in 2 of these: what was typed (text, reason, name, description, tags).",
        "Nothing was changed yet. Repeat it with --apply to do this. The audit trail stays whole.",
    ]
    assert (head(STORE), requests_there()) == (before, there)


def test_what_ended_long_ago_goes_and_the_trail_stays_whole(old: Run) -> None:
    before = head(STORE)
    said = old("prune", "--apply", verb="store")
    assert (said.code, said.err) == (0, "")
    assert "Gone: 5 with 4 disks and all that was decided and told of them." in said.out
    assert "Forgotten in 1 of these" not in said.out, "those that others joined were forgotten, and have gone since"
    assert requests_there() == STAYING
    said = old("verify", "--head", before, verb="audit")
    assert (said.code, said.err) == (0, "")
    again = old("prune", "--apply", verb="store")
    assert "Gone: 0 with 0 disks" in again.out


def test_what_was_typed_is_nowhere_in_the_file_any_more(old: Run) -> None:
    """But in requests that are under way, wait for review, or are younger."""
    tampered(f"delete from request where id in {('r-review', 'r-told', 'r-young')}")
    assert old("prune", "--apply", verb="store").code == 0
    with sqlite3.connect(STORE) as db:
        db.execute("pragma wal_checkpoint(truncate)")
    db.close()
    assert TYPED.encode() not in STORE.read_bytes()
    shown = old("show", "r-point", verb="requests").out
    assert "s-r-point" in shown


def forgotten(run: Run, *arguments: str) -> list[str]:
    said = run("forget", *arguments, verb="audit")
    assert (said.code, said.err) == (0, "")
    return said.out.splitlines()


def test_words_of_one_request_are_forgotten_after_a_plan(old: Run) -> None:
    before = head(STORE)
    plan = forgotten(old, "--request", "r-point")
    assert plan[0].startswith("To be forgotten in 1 requests: what was typed")
    assert plan[-1] == "Nothing was changed yet. Repeat it with --apply to do this. The audit trail stays whole."
    assert head(STORE) == before
    assert forgotten(old, "--request", "r-point", "--apply")[0].startswith("Forgotten in 1 requests")
    assert forgotten(old, "--request", "r-point", "--apply")[1] == "1 hold nothing that was typed."
    assert "reason" not in old("show", "r-point", verb="requests").out
    assert "reason" in old("show", "r-failed", verb="requests").out
    said = old("verify", "--head", before, verb="audit")
    assert (said.code, said.err) == (0, "")


def test_words_of_a_person_are_nowhere_in_the_file_any_more(old: Run) -> None:
    """But in requests of which something is to be told or reviewed."""
    tampered(f"delete from request where id in {('r-review', 'r-told')}")
    named = an_item(1, ItemState.AVAILABLE, request_id="r-named", ended_at=LONG_AGO, snapshot_id="s-named")
    body = named.snapshot.model_copy(
        update={"description": TYPED, "tags": {**(named.snapshot.tags or {}), "t": "Miller"}}
    )
    order = Create(("orders-db",), name=TYPED, tags={"t": "Miller"})
    denied: dict[str, Any] = {"rule": "denied-by-approver", "explanation": f"U2 denied it: {TYPED}"}
    put((ended_request("r-named", order=order, **denied), [replace(named, snapshot=body)]))
    assert forgotten(old, "--actor", "U1", "--apply")[0].startswith("Forgotten in ")
    with sqlite3.connect(STORE) as db:
        db.execute("pragma wal_checkpoint(truncate)")
        kept = db.execute("select snapshot_json from item where request_id = 'r-named'").fetchone()[0]
    db.close()
    assert TYPED.encode() not in STORE.read_bytes()
    assert '"snapshot-bot-request":"r-named-1"' in kept
    assert '"name":"disk-1"' in kept and "Miller" not in kept
    assert old("verify", verb="audit").code == 0


def test_words_that_are_still_needed_stay(old: Run) -> None:
    for name in ("r-review", "r-told"):
        assert forgotten(old, "--request", name)[1].startswith("1 stay as they are")
    said = old("forget", "--request", "r-none", verb="audit")
    assert (said.code, said.out) == (1, "")
    assert "There is no request r-none." in said.err
    assert forgotten(old, "--actor", "U-of-none")[0].startswith("To be forgotten in 0 requests")
    assert old("forget", verb="audit").code == 2


def test_requests_with_decisions_and_deletions_go_with_them(old: Run) -> None:
    """Their rows in the trail stay, and a row of it says that they have gone."""
    at = int(LONG_AGO.timestamp() * 1000)
    tampered(
        "update deletion set state = 'deleting' where state = 'asked'",
        "update deletion set state = 'deleted', told = 1",
        f"update item set gone_at = {at} where request_id = 'r-one'",
        "update notice set told = 1",
        f"update request set state = 'finished', created_at = {at}, ended_at = {at}, to_send = 0 where id = 'r-one'",
    )
    assert old("verify", verb="audit").code == 0
    assert old("prune", "--apply", verb="store").code == 0
    assert requests_there() == STAYING - {"r-one"}
    with sqlite3.connect(STORE) as db:
        db.execute("pragma foreign_keys = on")
        assert db.execute("pragma foreign_key_check").fetchall() == []
        for table in ("item", "deletion", "approval", "notice", "consistency_group"):
            assert db.execute(f"select 1 from {table} where request_id = 'r-one'").fetchone() is None
    db.close()
    said = old("verify", verb="audit")
    assert (said.code, said.err) == (0, "")
    pruned = [line for line in old("export", verb="audit").out.splitlines() if '"prune-store"' in line]
    assert any("r-one" in json.loads(line)["details"]["requests"].split(",") for line in pruned)


def test_a_request_that_is_gone_without_a_row_is_still_found(old: Run) -> None:
    """A row that says so names it; nothing else excuses it."""
    assert old("prune", "--apply", verb="store").code == 0
    tampered(
        *(f"delete from {table} where request_id = 'r-one'" for table in ("deletion", "notice", "approval", "item")),
        "delete from request where id = 'r-one'",
    )
    said = old("verify", verb="audit")
    assert said.code == 1
    assert "no such request of theirs is there" in said.err


@pytest.mark.parametrize(
    ("time", "words"), [("1d", "younger than 2 days still counts"), ("soon", "A time is a number")]
)
def test_a_time_that_is_too_short_or_none_is_bad_use(old: Run, time: str, words: str) -> None:
    said = old("prune", "--older-than", time, "--apply", verb="store")
    assert (said.code, said.out) == (2, "")
    assert words in said.err
    assert "r-failed" in requests_there()


def test_a_server_is_pruned_alike(old: Run, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert old("copy", "--to", server, verb="store").code == 0
    monkeypatch.setenv("BOT_STORE", server)
    said = old("prune", "--apply", verb="store")
    assert (said.code, said.err) == (0, "")
    assert "Gone: 5 with 4 disks" in said.out
    assert old("verify", verb="audit").code == 0
