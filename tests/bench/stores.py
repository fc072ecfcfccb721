"""Stores that a bot has worked on for a year, or that are full of snapshots in the making: made in bulk, not lived.

Rows come from the store's own builders and go into its own tables, many in one transaction; the audit trail is sealed
row by row as the bot seals it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.domain.attempts import submitting
from bot.domain.items import DiskRef, Item, taken
from bot.domain.requests import Place
from bot.domain.transitions import ItemState, RequestState
from bot.store.audit import GENESIS, chained_hash
from bot.store.rows import item_row, request_row
from bot.store.script import to_ms
from bot.store.sqlite.database import SqliteDatabase
from tests.bench import world
from tests.builders import a_request, an_item

PROJECT = "payments-prod"
ACTORS, CHANNELS, DISKS = 200, 50, 2_000
A_YEAR = timedelta(days=400)
DISKS_A_REQUEST = 10
BEGUN_BEFORE = timedelta(seconds=61)
"""Each snapshot in the making has just had its first full minute."""


def request_id(number: int) -> str:
    return f"r-{number:08d}"


def actor_id(number: int) -> str:
    """Alice among many; she asks as often as everybody else."""
    return "U0ALICE001" if number % ACTORS == 0 else f"U0BENCH{number % ACTORS:03d}"


def channel_of(number: int) -> str:
    return world.CHANNEL if number % CHANNELS == 0 else world.channel_id(number % CHANNELS)


async def lived(path: Path, requests: int, audit_rows: int) -> Path:
    """Finished requests of one disk each, spread over people, channels, disks and the time until now."""
    connection = await _opened(path)
    with connection:
        _insert(connection, "request", _finished_requests(requests))
        _insert(connection, "item", _available_items(requests))
        _insert(connection, "named_disk", _named_disks(requests))
        _insert(connection, "audit", _trail(audit_rows))
    _closed(connection)
    return path


async def in_the_making(path: Path, count: int, first: int = 0) -> Path:
    """Running requests of ten disks each, accepted by the cloud and not there yet; their numbers begin with `first`."""
    connection = await _opened(path)
    numbers = range(first, first + count)
    with connection:
        _insert(connection, "request", _running_requests({number // DISKS_A_REQUEST for number in numbers}))
        _insert(connection, "item", _creating_items(numbers))
    _closed(connection)
    return path


async def _opened(path: Path) -> sqlite3.Connection:
    database = SqliteDatabase(path)
    await database.open()
    await database.close()
    connection = sqlite3.connect(path)
    connection.execute("pragma synchronous=off")
    return connection


def _closed(connection: sqlite3.Connection) -> None:
    connection.execute("pragma wal_checkpoint(truncate)")
    connection.close()


def _insert(connection: sqlite3.Connection, table: str, rows: Iterator[Mapping[str, Any]]) -> None:
    first = next(rows)
    names = list(first)
    marks = ", ".join("?" * len(names))

    def values() -> Iterable[tuple[Any, ...]]:
        yield tuple(first.values())
        for row in rows:
            yield tuple(row[name] for name in names)

    connection.executemany(f"insert into {table} ({', '.join(names)}) values ({marks})", values())


def _moments(count: int) -> Iterator[int]:
    now = datetime.now(UTC)
    for number in range(count):
        ms = to_ms(now - A_YEAR + A_YEAR * number / count)
        assert ms is not None
        yield ms


def _finished_requests(count: int) -> Iterator[Mapping[str, Any]]:
    request = a_request(state=RequestState.FINISHED, to_send=False, project=PROJECT, place=Place("T0HARBOR01", "C1"))
    row = request_row(replace(request, rev=5, shown_rev=5, ended_at=request.created_at, receipt_ts="1.1"))
    for number, ms in enumerate(_moments(count)):
        channel = channel_of(number)
        yield {
            **row,
            "id": request_id(number),
            "actor_id": actor_id(number),
            "channel_id": channel,
            "reply_channel": channel,
            "status_channel": channel,
            "status_ts": f"{ms // 1000}.{number:06d}",
            "created_at": ms,
            "ended_at": ms + 60_000,
            "delivery_id": f"command:{number}",
            "restorable": 1,
        }


def _available_items(count: int) -> Iterator[Mapping[str, Any]]:
    row = item_row(replace(an_item(1, ItemState.AVAILABLE), project=PROJECT, due_at=None))
    for number, ms in enumerate(_moments(count)):
        disk = number % DISKS
        yield {
            **row,
            "id": f"{request_id(number)}-1",
            "request_id": request_id(number),
            "disk_id": world.payments_disk(disk),
            "disk_name": world.payments_name(disk),
            "snapshot_id": world.snapshot_id(number),
            "job_id": world.job_id(number),
            "submitted_at": ms,
            "taken_at": ms,
            "ended_at": ms + 60_000,
            "asked_at": ms,
        }


def _named_disks(requests: int) -> Iterator[Mapping[str, Any]]:
    for disk in range(min(requests, DISKS)):
        names = {"disk_id": world.payments_disk(disk), "disk_name": world.payments_name(disk)}
        yield {"project": PROJECT, **names, "asked_at": 0}


def _running_requests(numbers: Iterable[int]) -> Iterator[Mapping[str, Any]]:
    request = a_request(to_send=False, project=PROJECT, place=Place("T0HARBOR01", "C1"), actor_id="U0ALICE001")
    row = request_row(replace(request, rev=3, shown_rev=3))
    now = to_ms(datetime.now(UTC) - BEGUN_BEFORE)
    for number in sorted(numbers):
        channel = world.channel_id(number % CHANNELS)
        kept = {"channel_id": channel, "reply_channel": channel, "created_at": now, "delivery_id": f"running:{number}"}
        yield {**row, "id": request_id(number), **kept}


def _creating_items(numbers: Iterable[int]) -> Iterator[Mapping[str, Any]]:
    begun = datetime.now(UTC) - BEGUN_BEFORE
    for number in numbers:
        position = 1 + number % DISKS_A_REQUEST
        item: Item = an_item(position, request_id=request_id(number // DISKS_A_REQUEST), project=PROJECT)
        disk = DiskRef(world.payments_disk(number), world.payments_name(number))
        item = taken(submitting(replace(item, disk=disk), begun), world.snapshot_id(number), world.job_id(number))
        yield {**item_row(item), "asked_at": to_ms(begun)}


def _trail(count: int) -> Iterator[Mapping[str, Any]]:
    previous = GENESIS
    for number, ms in enumerate(_moments(count)):
        row = {
            "seq": number + 1,
            "at": ms,
            "actor": actor_id(number),
            "action": "create",
            "subject": request_id(number // 5),
            "outcome": "allowed",
            "rule": "granted",
            "details_json": '{"channel": "C0INCDEMO1", "project": "payments-prod"}',
        }
        row_hash = chained_hash(row, previous)
        yield {**row, "previous_hash": previous, "hash": row_hash}
        previous = row_hash
