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
from itertools import chain
from typing import TypeVar

from bot.clock import SystemClock
from bot.domain.errors import StoreFailed, StoreMissing
from bot.domain.items import Item
from bot.domain.requests import Request
from bot.domain.restoring.restorations import Restoration
from bot.domain.sentences import as_words
from bot.domain.terminal_text import harmless, json_line
from bot.ports.lookups import Filters
from bot.settings import StoreSettings
from bot.store.opening import database_at
from bot.store.store import Store
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
        grant = await store.audit_grant(found[0].id) if found else None
        back = await coming_back(store, [found] if found else [])
    if found is None:
        complain(f"No request, item, job or snapshot has the id {harmless(options.id)}.")
        return FAILED
    request, items = found
    say(_line(request, items, back.get(request.id, ())))
    say(f"  typed: {json_line(request.text)}")
    for line in _decided(request, grant):
        say(f"  {line}")
    if request.explanation:
        say(f"  {f'refused ({request.rule})' if request.rule else 'waits'}: {_one_line(request.explanation)}")
    for item in items:
        server = f" of {harmless(item.disk.server)}" if item.disk.server else ""
        say(f"  {item.id}  {item.state:<10} {harmless(item.disk.label)} ({harmless(item.disk.id)}){server}")
        say(f"      snapshot {item.snapshot_id or '-'}  job {item.job_id or '-'}")
        if item.cause:
            say(f"      {_one_line(item.cause)}")
    for line in chain.from_iterable(map(_coming_back, back.get(request.id, ()))):
        say(f"  {line}")
    return DONE


def _coming_back(row: Restoration) -> Iterator[str]:
    """How a disk stands that comes back, with every id that the cloud knows it by."""
    yield f"{row.id}  {row.state:<10} {harmless(row.disk.label)} ({harmless(row.disk.id)})"
    safety = f"  safety snapshot of item {row.safety_item_id}" if row.safety_item_id else ""
    new = "" if row.way == "overwrite" else f"  new disk {row.made_id or '-'}"
    yield f"    {row.way} from snapshot {row.source.snapshot_id}{new}  job {row.job_id or '-'}{safety}"
    if row.proven_at:
        yield f"    proven {row.proven_at:%Y-%m-%d %H:%M:%S} UTC"
    if row.cause:
        yield f"    {_one_line(row.cause)}"


def _decided(request: Request, grant: str | None) -> Iterator[str]:
    """Why, by which grant, and who agreed, as far as the rows say."""
    if request.order.reason:
        yield f"reason: {_one_line(request.order.reason)}"
    if grant:
        yield f"by the grant: {harmless(grant)}"
    if request.approvers or request.approvals_needed:
        yield f"agreed: {', '.join(request.approvers) or 'none'} ({request.approvals_needed} needed)"
    if request.break_glass:
        yield f"break-glass: {f'reviewed by {request.reviewed_by}' if request.reviewed_by else 'not reviewed'}"


def _one_line(sentence: str) -> str:
    return harmless(as_words(sentence))


def _line(request: Request, items: list[Item], rows: Sequence[Restoration]) -> str:
    disks = ", ".join(f"{harmless(one.disk.label)} {one.state}" for one in (rows or items))
    at = request.created_at.strftime("%Y-%m-%d %H:%M")
    return f"{request.id}  {at}  {request.state:<8}  {request.actor_id}  {request.project or '-'}  {disks}".rstrip()
