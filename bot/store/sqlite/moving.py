"""A store moved between its file and a database that replicas share, either way, row by row."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

from bot.store.database import Database
from bot.store.script import Query, Script
from bot.store.sqlite.backup import Copy, Held, Stopped, copied, held, named, partial_file, told_kindly
from bot.store.sqlite.connection import stepped, writing
from bot.store.sqlite.restore import Entries, Restored, fit, incoming_beside
from bot.store.upkeep.copying import Pages, Rest, compare, handed_out, pages, sums, taken_in
from bot.store.upkeep.restoring import Followed, restored


async def to_database(path: Path, database: Database, stop: threading.Event, rest: Rest) -> Held:
    """Copy the store of a file into a database that is empty. Of the file no bot may run, and it is migrated first."""
    with closing(writing(path)) as connection:
        connection.execute("begin")
        await database.run(taken_in, lambda: _pages(connection, stop), stepped(sums(), connection), rest)
        return stepped(held(), connection)


async def to_file(database: Database, target: Path, stop: threading.Event) -> Copy:
    """Copy the store of a database as it is at one moment, whatever is written meanwhile, to a file that is not there
    yet. Raises what `copied` does.
    """
    with told_kindly(target), partial_file(target) as partial:
        with closing(writing(partial)) as connection:

            def begin() -> None:
                if connection.in_transaction:
                    connection.execute("rollback")
                connection.execute("begin immediate")

            def write(page: Query) -> None:
                _go_on(stop)
                connection.execute(page.sql, page.params)

            expected = await database.read(handed_out, begin, write)
            compare(expected, stepped(sums(), connection))
            before = stepped(held(), connection)
            connection.execute("commit")
            connection.execute("pragma journal_mode = delete")  # one file, with no log beside it
        return await asyncio.to_thread(named, partial, target, before, stop)


async def put_back_into(
    database: Database,
    file: Path,
    now: datetime,
    stop: threading.Event,
    entries: Entries,
    chores: Sequence[str],
    rest: Rest,
) -> Restored:
    """Make a backup the store of a database that is empty, in one transaction. Raises what `put_back` does."""
    with told_kindly(file), incoming_beside(file) as incoming:
        fit(file)
        copy = await asyncio.to_thread(copied, file, incoming, stop)
        with closing(writing(incoming)) as connection:
            connection.execute("begin")

            def script() -> Script[Followed]:
                yield from taken_in(lambda: _pages(connection, stop), stepped(sums(), connection), rest)
                return (yield from restored(entries(copy, None), chores, now))

            return Restored(copy, None, None, await database.run(script))


def _pages(connection: sqlite3.Connection, stop: threading.Event) -> Pages:
    for one in pages(lambda page: stepped(page, connection)):
        _go_on(stop)
        yield one


def _go_on(stop: threading.Event) -> None:
    if stop.is_set():
        raise Stopped
