"""The store as it stands, read without a lock and without leaving anything: for one who only wants to know."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from sqlite_utils import Database

from bot.domain.granting import EVERY_PROJECT
from bot.store.database import StoreFacts
from bot.store.grants import admins
from bot.store.sqlite.connection import stepped
from bot.store.sqlite.holders import held_by
from bot.store.sqlite.place import bytes_left, why
from bot.store.sqlite.schema import migrations

_MOUNTS = Path("/proc/self/mountinfo")


def facts_of(path: Path) -> StoreFacts:
    """May take as long as the disk does."""
    folder = path.parent
    try:
        folder.stat()
        left, file_system = bytes_left(path), file_system_of(folder.resolve(), _mounts())
    except OSError as exc:
        return StoreFacts(why(path, exc))
    if not path.exists():
        may = os.access(folder, os.W_OK | os.X_OK)
        return StoreFacts("" if may else _closed(folder), left=left, file_system=file_system)
    if path.is_dir():
        return StoreFacts(why(path, IsADirectoryError(21, "")), is_there=True)
    may = os.access(path, os.R_OK | os.W_OK) and os.access(folder, os.W_OK | os.X_OK)
    around = StoreFacts(
        "" if may else _closed(path),
        is_there=True,
        left=left,
        file_system=file_system,
        open_to=path.stat().st_mode & 0o077,
        held_by=held_by(path),
    )
    return _with_tables(around, path) if os.access(path, os.R_OK) else around


def _with_tables(around: StoreFacts, path: Path) -> StoreFacts:
    try:
        with closing(_opened(path)) as connection:
            later, missing, foreign = _schema(connection)
            found = () if foreign or missing or later else tuple(stepped(admins(EVERY_PROJECT), connection))
    except sqlite3.Error as exc:
        return replace(around, problem=around.problem or why(path, exc))
    return replace(around, later=later, missing=missing, foreign=foreign, admins=found)


def _closed(path: Path) -> str:
    return why(path, PermissionError(30 if os.statvfs(path).f_flag & os.ST_RDONLY else 13, ""))


def _opened(path: Path) -> sqlite3.Connection:
    """Where there is no log beside it no process has it open: then it is read as a file that does not change, for a
    reader of a log would leave one behind.
    """
    alone = not path.with_name(f"{path.name}-wal").exists()
    mode = "ro&immutable=1" if alone else "ro"
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, timeout=2.0)
    connection.row_factory = sqlite3.Row
    return connection


def _schema(connection: sqlite3.Connection) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    """Migrations it has had that are not known, known ones that it has not had, and whether it is another program's."""
    tables = {row["name"] for row in connection.execute("select name from sqlite_master where type = 'table'")}
    known = [step.name for step in migrations.pending(Database(memory=True))]
    if "_sqlite_migrations" not in tables:
        return (), tuple(known), bool(tables)
    had = {
        row["name"]
        for row in connection.execute(
            "select name from _sqlite_migrations where migration_set = :set", {"set": "snapshot-bot"}
        )
    }
    return tuple(sorted(had - set(known))), tuple(one for one in known if one not in had), not had


def _mounts() -> str:
    try:
        return _MOUNTS.read_text("utf-8", "replace")
    except OSError:
        return ""


def file_system_of(folder: Path, mounts: str) -> str:
    """The kind of file system that holds a folder. `mounts`: /proc/self/mountinfo. Source: proc_pid_mountinfo(5)."""
    found: dict[Path, str] = {}
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields, kinds = before.split(), after.split()
        if len(fields) > 4 and kinds:
            found[Path(fields[4].replace("\\040", " "))] = kinds[0]  # a later one hides an earlier one
    return next((found[one] for one in (folder, *folder.parents) if one in found), "")
