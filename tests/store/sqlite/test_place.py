"""Why a store can't be opened where it is, in words."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest

from bot.store.sqlite.place import not_opened


def of_sqlite(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("as SQLite says it")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FileNotFoundError(errno.ENOENT, "x"), "its folder does not exist. Make it"),
        (PermissionError(errno.EACCES, "x"), "this user may not write there"),
        (OSError(errno.EROFS, "x"), "its disk is read-only"),
        (OSError(errno.ENOSPC, "x"), "its disk is full, or nearly so ("),
        (OSError(errno.EIO, "Input/output error"), "Input/output error. Mend that"),
        (of_sqlite(sqlite3.SQLITE_FULL), " MiB left). Make room"),
        (of_sqlite(sqlite3.SQLITE_CORRUPT), "it is damaged"),
        (of_sqlite(sqlite3.SQLITE_READONLY_DBMOVED), "this user may not write there"),
        (of_sqlite(sqlite3.SQLITE_BUSY), "another process keeps it locked"),
        (of_sqlite(sqlite3.SQLITE_IOERR), "as SQLite says it. Mend that"),
    ],
)
def test_the_cause_and_what_to_do_are_one_sentence(tmp_path: Path, error: OSError | sqlite3.Error, words: str) -> None:
    sentence = not_opened(tmp_path / "store.db", error).sentence
    assert sentence.startswith(f"The store {tmp_path}/store.db can't be opened: ")
    assert words in sentence
    assert sentence.endswith(", or name another one with BOT_STORE.")
