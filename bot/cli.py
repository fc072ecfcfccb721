"""Commands that look at the store without Slack. They run beside a running bot, through SQLite's own locks."""

from __future__ import annotations

import argparse
import asyncio
import re
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from itertools import chain
from typing import TypeVar

from bot.clock import SystemClock
from bot.domain.errors import StoreFailed, StoreMissing
from bot.domain.items import Item
from bot.domain.orders import overwrites
from bot.domain.requests import Request
from bot.domain.restoring.restorations import Restoration
from bot.domain.sentences import as_words
from bot.domain.terminal_text import harmless, json_line
from bot.ports.lookups import Filters
from bot.settings import StoreSettings
from bot.store.opening import database_at
from bot.store.store import Store
from bot.store.trail.search import AllowedBy
from bot.workflow.queries.coming_back import coming_back

DONE, FAILED, BAD_USE = 0, 1, 2
INTERRUPTED = 130
"""As shells say of what Ctrl-C ended: a pipeline does not go on as though all were well."""
S = TypeVar("S", bound=Store)
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


def opened_store(settings: StoreSettings, *, made: bool = False) -> AbstractAsyncContextManager[Store]:
    """The store for the time of one command. `made`: one that is not there yet is made; else it is StoreMissing, and so
    is one in which a table or a column is gone.
    """
    return opened_as(Store, settings, made=made)


@asynccontextmanager
async def opened_as(kind: type[S], settings: StoreSettings, *, made: bool = False) -> AsyncIterator[S]:
    """The same as a store of some kind."""
    database = database_at(settings.store, SystemClock())
    try:
        await database.open(made=made)
    except StoreFailed as exc:
        raise StoreMissing(exc.sentence) from None
    try:
        yield kind(database, SystemClock())
    except sqlite3.DatabaseError as exc:
        raise StoreMissing(f"{harmless(str(settings.store))} can't be read as a store: {exc}.") from None
    finally:
        await database.close()


async def list_requests(settings: StoreSettings, options: argparse.Namespace) -> int:
    async with opened_store(settings) as store:
        found = await store.recent(Filters(unreviewed=options.unreviewed, limit=_LATEST))
        back = await coming_back(store, found)
    for request, items in found:
        say(_line(request, items, back.get(request.id, ())))
    return DONE


async def show_request(settings: StoreSettings, options: argparse.Namespace) -> int:
    async with opened_store(settings) as store:
        found = await store.find(options.id)
        allowed = await store.audit_allowed_by(found[0].id) if found else AllowedBy()
        back = await coming_back(store, [found] if found else [])
    if found is None:
        complain(f"No request, item, job or snapshot has the id {harmless(options.id)}.")
        return FAILED
    request, items = found
    rows = back.get(request.id, ())
    say(_line(request, items, rows))
    for line in chain(_asked(request, allowed), *map(_item, items), *(_coming_back(row, items) for row in rows)):
        say(f"  {line}")
    return DONE


def _asked(request: Request, allowed: AllowedBy) -> Iterator[str]:
    """Why, by which grant, and who confirmed and agreed, as far as the rows say."""
    yield f"typed: {json_line(request.text)}"
    if request.order.reason:
        yield f"reason: {_one_line(request.order.reason)}"
    if allowed.grant:
        yield f"by the grant: {harmless(allowed.grant)}"
    if allowed.confirmed_by:
        how = " by typing what is overwritten" if overwrites(request.order) else ""
        yield f"confirmed{how}: {harmless(allowed.confirmed_by)}, {_moment(allowed.confirmed_at)}"
    if request.approvers or request.approvals_needed:
        yield f"agreed: {', '.join(request.approvers) or 'none'} ({request.approvals_needed} needed)"
    if request.break_glass:
        yield f"break-glass: {f'reviewed by {request.reviewed_by}' if request.reviewed_by else 'not reviewed'}"
    if request.explanation:
        yield f"{f'refused ({request.rule})' if request.rule else 'waits'}: {_one_line(request.explanation)}"


def _item(item: Item) -> Iterator[str]:
    server = f" of {harmless(item.disk.server)}" if item.disk.server else ""
    yield f"{item.id}  {item.state:<10} {harmless(item.disk.label)} ({harmless(item.disk.id)}){server}"
    yield f"    snapshot {item.snapshot_id or '-'}  job {item.job_id or '-'}"
    if item.cause:
        yield f"    {_one_line(item.cause)}"


def _coming_back(row: Restoration, items: Sequence[Item]) -> Iterator[str]:
    """How a disk stands that comes back, with every id that the cloud knows it by."""
    yield f"{row.id}  {row.state:<10} {harmless(row.disk.label)} ({harmless(row.disk.id)})"
    new = "" if row.way == "overwrite" else f"  new disk {row.made_id or '-'}"
    yield f"    {row.way} from snapshot {row.source.snapshot_id}{new}  job {row.job_id or '-'}"
    yield f"    that snapshot: request {row.source.request_id}, taken {_moment(row.source.taken_at)}"
    for safety in (item for item in items if item.id == row.safety_item_id):
        made = f"{safety.snapshot_id or '-'}, made {_moment(safety.taken_at)}"
        yield f"    safety snapshot {made}, {'gone' if safety.gone else safety.state}"
    if row.begun_at or row.ended_at:
        yield f"    begun {_moment(row.begun_at)}, ended {_moment(row.ended_at)}"
    if row.proven_at:
        yield f"    proven {_moment(row.proven_at)}"
    if row.cause:
        yield f"    {_one_line(row.cause)}"


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "-"


def _one_line(sentence: str) -> str:
    return harmless(as_words(sentence))


def _line(request: Request, items: list[Item], rows: Sequence[Restoration]) -> str:
    disks = ", ".join(f"{harmless(one.disk.label)} {one.state}" for one in (rows or items))
    at = request.created_at.strftime("%Y-%m-%d %H:%M")
    return f"{request.id}  {at}  {request.state:<8}  {request.actor_id}  {request.project or '-'}  {disks}".rstrip()
