"""`snapshot-bot store …` through its own entrance, on a file of its own."""

from __future__ import annotations

import ctypes
import fcntl
import os
import re
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.store.sqlite import backup
from tests.test_cli import OPEN, STORE, lived, tampered
from tests.test_cli_grants import Run, run

__all__ = ["lived", "run"]

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
    assert (said.code, said.out, said.err) == (1, "", "Stopped. Nothing of the copy was kept.\n")
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
