"""Commands that look at the store without Slack. They run beside a running bot, through SQLite's own locks."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from bot.clock import SystemClock
from bot.domain.requests import Item, Request
from bot.domain.sentences import as_words
from bot.interfaces import Filters
from bot.settings import Settings
from bot.store import audit
from bot.store.database import SqliteDatabase
from bot.store.store import SqliteStore

_PAGE = 1_000
_LATEST = 50


@asynccontextmanager
async def opened_store(settings: Settings) -> AsyncIterator[SqliteStore]:
    """The configured store for the time of one command."""
    database = SqliteDatabase(settings.store_path)
    await database.open()
    try:
        yield SqliteStore(database, SystemClock())
    finally:
        await database.close()


async def list_requests(settings: Settings, options: argparse.Namespace) -> int:
    async with opened_store(settings) as store:
        for request, items in await store.recent(Filters(unreviewed=options.unreviewed, limit=_LATEST)):
            print(_line(request, items))
    return 0


async def show_request(settings: Settings, options: argparse.Namespace) -> int:
    async with opened_store(settings) as store:
        found = await store.find(options.id)
    if found is None:
        print(f"No request, item, job or snapshot has the id {options.id}.", file=sys.stderr)
        return 1
    request, items = found
    print(_line(request, items))
    print(f"  typed: {json.dumps(request.text, ensure_ascii=False)}")
    if request.verdict:
        print(f"  refused ({request.rule}): {as_words(request.verdict)}")
    for item in items:
        print(f"  {item.id}  {item.state:<10} {item.disk.label} ({item.disk.id})")
        print(f"      snapshot {item.snapshot_id or '-'}  job {item.job_id or '-'}")
        if item.cause:
            print(f"      {as_words(item.cause)}")
    return 0


async def export_audit(settings: Settings, options: argparse.Namespace) -> int:
    """One JSON object a line, oldest first."""
    try:
        since = datetime.fromisoformat(options.since).replace(tzinfo=UTC) if options.since else None
    except ValueError:
        print(f"--since takes a day such as 2026-11-23, not {options.since}.", file=sys.stderr)
        return 2
    async for row in _rows(settings):
        at = datetime.fromtimestamp(row["at"] / 1000, UTC)
        if since is None or at >= since:
            details = json.loads(row.pop("details_json"))
            print(
                json.dumps({**row, "at": at.isoformat(timespec="milliseconds"), "details": details}, ensure_ascii=False)
            )
    return 0


async def verify_audit(settings: Settings, _: argparse.Namespace) -> int:
    previous, seq = audit.GENESIS, 0
    async for row in _rows(settings):
        if broken := audit.first_broken([row], previous, seq):
            print(f"The audit trail is broken: {broken}.", file=sys.stderr)
            return 1
        previous, seq = row["hash"], row["seq"]
    print(f"The audit trail holds: {seq} rows, head {previous}.")
    return 0


async def _rows(settings: Settings) -> AsyncIterator[dict[str, Any]]:
    async with opened_store(settings) as store:
        after = 0
        while page := await store.audit_page(after, _PAGE):
            for row in page:
                after = row["seq"]
                yield row


def _line(request: Request, items: list[Item]) -> str:
    disks = ", ".join(f"{item.disk.label} {item.state}" for item in items)
    at = request.created_at.strftime("%Y-%m-%d %H:%M")
    return f"{request.id}  {at}  {request.state:<8}  {request.actor_id}  {request.project or '-'}  {disks}".rstrip()
