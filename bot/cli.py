"""Commands that look at the store without Slack. They run beside a running bot, through SQLite's own locks."""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from bot.clock import SystemClock
from bot.domain.errors import StoreFailed, StoreMissing
from bot.domain.items import Item
from bot.domain.requests import Request
from bot.domain.sentences import as_words
from bot.domain.terminal_text import harmless, json_line
from bot.ports.lookups import Filters
from bot.settings import StoreSettings
from bot.store.opening import database_at
from bot.store.store import Store
from bot.store.upkeep.verification import Verification

DONE, FAILED, BAD_USE = 0, 1, 2
_PAGE = 1_000
_LATEST = 50
_PROBLEMS = 100
"""Problems of a trail that are told one by one; another bot's trail has as many as it has rows."""

_HEAD = re.compile(r"(?:row\s+)?([0-9]{1,18})\s*[:,]\s*([0-9a-fA-F]{64})\.?")


def say(text: str) -> None:
    """Lines on the standard output; what others wrote in them is harmless there."""
    print("\n".join(map(harmless, text.split("\n"))))


def complain(text: str) -> None:
    """The same on standard error."""
    print("\n".join(map(harmless, text.split("\n"))), file=sys.stderr)


def on_signal() -> asyncio.Future[str]:
    """The name of the first SIGTERM or SIGINT, once it comes."""
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[str] = loop.create_future()

    def stop(name: str) -> None:
        if not stopped.done():
            stopped.set_result(name)

    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, stop, one.name)
    return stopped


@asynccontextmanager
async def opened_store(settings: StoreSettings, *, made: bool = False) -> AsyncIterator[Store]:
    """The store for the time of one command. `made`: one that is not there yet is made; else it is StoreMissing, and so
    is one in which a table or a column is gone.
    """
    database = database_at(settings.store, SystemClock())
    try:
        await database.open(made=made)
    except StoreFailed as exc:
        raise StoreMissing(exc.sentence) from None
    try:
        yield Store(database, SystemClock())
    except sqlite3.DatabaseError as exc:
        raise StoreMissing(f"{harmless(str(settings.store))} can't be read as a store: {exc}.") from None
    finally:
        await database.close()


async def list_requests(settings: StoreSettings, options: argparse.Namespace) -> int:
    async with opened_store(settings) as store:
        for request, items in await store.recent(Filters(unreviewed=options.unreviewed, limit=_LATEST)):
            say(_line(request, items))
    return DONE


async def show_request(settings: StoreSettings, options: argparse.Namespace) -> int:
    async with opened_store(settings) as store:
        found = await store.find(options.id)
    if found is None:
        complain(f"No request, item, job or snapshot has the id {harmless(options.id)}.")
        return FAILED
    request, items = found
    say(_line(request, items))
    say(f"  typed: {json_line(request.text)}")
    if request.explanation:
        say(f"  {f'refused ({request.rule})' if request.rule else 'waits'}: {_one_line(request.explanation)}")
    for item in items:
        say(f"  {item.id}  {item.state:<10} {harmless(item.disk.label)} ({harmless(item.disk.id)})")
        say(f"      snapshot {item.snapshot_id or '-'}  job {item.job_id or '-'}")
        if item.cause:
            say(f"      {_one_line(item.cause)}")
    return DONE


async def export_audit(settings: StoreSettings, options: argparse.Namespace) -> int:
    """One JSON object a line, oldest first."""
    try:
        since = datetime.fromisoformat(options.since).replace(tzinfo=UTC) if options.since else None
    except ValueError:
        complain(f"--since takes a day such as 2026-11-23, not {harmless(options.since)}.")
        return BAD_USE
    async with opened_store(settings) as store:
        async for page in _pages(store, await store.audit_before(since) if since else None):
            for row in page:
                at = _moment(row["at"])
                if since is None or at is None or at >= since:
                    print(json_line(_exported(row, at)))
    return DONE


def _moment(at: Any) -> datetime | None:
    """None for what is no moment: the bot writes none, a hand may."""
    try:
        return datetime.fromtimestamp(at / 1000, UTC)
    except (TypeError, ValueError, ArithmeticError, OSError):
        return None


def _exported(row: dict[str, Any], at: datetime | None) -> dict[str, Any]:
    """A row as it is read; what a hand put there that can't be read is told as it stands."""
    found = {name: value.hex() if isinstance(value, bytes) else value for name, value in row.items()}
    details = found.pop("details_json")
    with suppress(TypeError, ValueError, RecursionError):
        details = json.loads(details)
    return {**found, "at": at.isoformat(timespec="milliseconds") if at else found["at"], "details": details}


async def verify_audit(settings: StoreSettings, options: argparse.Namespace) -> int:
    """Every problem a line; a chain that is broken is the only one then."""
    heads = []
    if options.head is not None:
        found = _HEAD.fullmatch(options.head)
        if found is None:
            complain(f"--head takes ROW:HASH as it was posted, not {harmless(options.head)}.")
            return BAD_USE
        heads.append((int(found[1]), found[2].lower()))
    async with opened_store(settings) as store:
        verification = Verification(await store.witness(), heads)
        broken = None
        async for page in _pages(store):
            if broken := verification.take(page):
                break
    problems = [broken] if broken else verification.missing()
    for problem in problems[:_PROBLEMS]:
        complain(f"The audit trail is broken: {harmless(problem)}.")
    if len(problems) > _PROBLEMS:
        complain(f"And {len(problems) - _PROBLEMS} more.")
    if problems:
        return FAILED
    say(f"The audit trail holds: {verification.seq} rows, head {verification.previous}.")
    for told in verification.restores:
        say(f"It goes on from a backup: {told}.")
    return DONE


async def _pages(store: Store, after: int | None = None) -> AsyncIterator[list[dict[str, Any]]]:
    """The trail behind a row, else from its very first, wherever that stands."""
    while page := await store.audit_page(after, _PAGE):
        after = page[-1]["seq"]
        yield page


def _one_line(sentence: str) -> str:
    return harmless(as_words(sentence))


def _line(request: Request, items: list[Item]) -> str:
    disks = ", ".join(f"{harmless(item.disk.label)} {item.state}" for item in items)
    at = request.created_at.strftime("%Y-%m-%d %H:%M")
    return f"{request.id}  {at}  {request.state:<8}  {request.actor_id}  {request.project or '-'}  {disks}".rstrip()
