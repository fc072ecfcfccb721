"""A disk that is full, as SQLite meets it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from bot.store.sqlite.connection import writing
from tests.simulation.store import Disk, fresh_store

ADD = "insert into delivery (id, received_at) values (?, 1)"


@pytest.mark.parametrize(
    ("how", "code"),
    [("no byte", sqlite3.SQLITE_IOERR), ("no more bytes", sqlite3.SQLITE_IOERR), ("no page", sqlite3.SQLITE_FULL)],
)
def test_while_it_is_full_what_needs_room_fails_and_is_written_once_there_is_some(
    tmp_path: Path, how: str, code: int
) -> None:
    path, disk = tmp_path / "store.db", Disk()
    path.write_bytes(fresh_store())
    connection = writing(path)
    connection.execute(ADD, ["before"])
    disk.full = how
    with disk.held(path, connection), pytest.raises(sqlite3.OperationalError) as failed:
        for number in range(100):
            connection.execute(ADD, [f"{number}-{'x' * 2000}"])
    assert failed.value.sqlite_errorcode & 0xFF == code
    disk.full = ""
    with disk.held(path, connection):
        connection.execute(ADD, ["after"])
    assert {"before", "after"} <= {row["id"] for row in connection.execute("select id from delivery")}
    connection.close()


def test_what_fits_into_the_log_as_it_is_is_written_over(tmp_path: Path) -> None:
    path, disk = tmp_path / "store.db", Disk()
    path.write_bytes(fresh_store())
    connection = writing(path)
    for number in range(20):
        connection.execute(ADD, [str(number)])
    connection.execute("pragma wal_checkpoint(restart)").fetchall()
    disk.full = "no more bytes"
    with disk.held(path, connection):
        connection.execute(ADD, ["over it"])
    connection.close()
