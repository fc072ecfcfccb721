"""`snapshot-bot store …`: the whole of what the bot keeps, copied, put back, moved and thinned out.

Refused and failed alike end with 1 and one sentence; bad use, as always, with 2.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sqlite3
import threading
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

from bot.cli import DONE, FAILED, complain, say
from bot.clock import SystemClock
from bot.domain.audit import AuditEntry, store_restored
from bot.domain.errors import StoreFailed, StoreInUse, StoreMissing, StoreTooNew
from bot.domain.granting import duration_of
from bot.domain.store_urls import PostgresUrl, StoreUrl
from bot.domain.terminal_text import harmless
from bot.settings import StoreSettings, checks
from bot.settings.configuration_errors import InvalidValue
from bot.store.database import Database
from bot.store.opening import database_at
from bot.store.script import Script, sql
from bot.store.sqlite import backup, moving
from bot.store.sqlite.lock import StoreLock
from bot.store.sqlite.restore import Restored, Since, put_back
from bot.store.upkeep import forgetting
from bot.store.upkeep.copying import Rest
from bot.store.upkeep.forgetting import Whose
from bot.store.upkeep.pruning import Pruning, planned, pruned
from bot.workflow.actions.grant import TERMINAL
from bot.workflow.jobs import anchor_audit

_YOUNGEST = timedelta(days=2)
"""Younger requests count for limits of the day, and may be delivered again."""

_PAUSE_SECONDS = 0.05
"""Between two steps of a pruning, so that a running bot has the store for itself most of the time."""

_LISTED = 10
"""Of requests and rights that are told one by one."""


Command = Callable[[StoreSettings, argparse.Namespace], Awaitable[int]]


def refusing(command: Command) -> Command:
    """A command that ends with 1 where a bot runs, or was later than this one: `run` calls that bad configuration.
    So it does where a table or a column is gone.
    """

    async def run(settings: StoreSettings, options: argparse.Namespace) -> int:
        try:
            return await command(settings, options)
        except (StoreInUse, StoreTooNew) as exc:
            complain(exc.sentence)
        except sqlite3.DatabaseError as exc:
            complain(f"{settings.store} can't be read as a store: {exc}.")
        return FAILED

    return run


@refusing
async def back_up(settings: StoreSettings, options: argparse.Namespace) -> int:
    store, file, stop = settings.store, Path(options.file), _stop_on_signal()
    if isinstance(store, PostgresUrl):
        async with _on_server(store, made=False) as database:
            copy = await moving.to_file(database, file, stop)
    else:
        copy = await asyncio.to_thread(backup.copied, _there(store), file, stop)
    say(f"{file} holds {_told(copy.held)} It is {backup.shown_size(copy.size)}, and was read through.")
    return _told_broken(copy.broken, "the copy and in the store it was made of")


@refusing
async def restore(settings: StoreSettings, options: argparse.Namespace) -> int:
    store, file, stop = settings.store, Path(options.file), _stop_on_signal()
    now, chores = SystemClock().now(), [anchor_audit.CHORE]
    if isinstance(store, PostgresUrl):
        async with _on_server(store, stopped=True) as database:
            done = await moving.put_back_into(database, file, now, stop, _restored, chores, _at_rest())
    else:
        done = await asyncio.to_thread(put_back, file, store, now, stop, _restored, chores)
    say(f"{store} is now what {file} holds: {_told(done.copy.held)}")
    if done.kept:
        say(f"The store that was there is kept as {done.kept}.")
    for line in _told_since(done):
        say(line)
    running, undecided = done.followed.running, done.followed.undecided
    if running or undecided:
        say(
            f"When the bot starts: {running} requests go on; what was made of them since is looked for in the cloud "
            f"before anything is sent. {undecided} had not been decided: they are ended, and their people are told."
        )
    return _told_broken(done.copy.broken, f"{file}, and so in {store}")


@refusing
async def copy_to(settings: StoreSettings, options: argparse.Namespace) -> int:
    """Between a file and a server, either way; the bots on both have been stopped."""
    stop = _stop_on_signal()
    match settings.store, options.to:
        case Path() as path, PostgresUrl() as server:
            async with _on_server(server, stopped=True) as database:
                with StoreLock(_there(path)).held():
                    held = await moving.to_database(path, database, stop, _at_rest())
        case PostgresUrl() as server, Path() as path:
            async with _on_server(server, made=False, stopped=True) as database:
                held = (await moving.to_file(database, path, stop)).held
        case Path(), _:
            raise StoreFailed("Both are files: snapshot-bot store backup FILE copies one.")
        case _:
            raise StoreFailed("Both are on servers: pg_dump and pg_restore copy one.")
    say(f"{options.to} holds {_told(held)}")
    say(
        "Name it as [store] url, or as BOT_STORE, and start the bot there alone: on two copies of one store two bots "
        "would do everything twice."
    )
    return DONE


@refusing
async def prune(settings: StoreSettings, options: argparse.Namespace) -> int:
    before, store = SystemClock().now() - options.older_than, settings.store
    database = database_at(store, SystemClock())
    await database.open(made=False)
    try:
        if options.apply and isinstance(store, Path):
            await database.run(_overwritten)
        stop = _stop_on_signal()
        done = await _pruning(database, before, stop, apply=options.apply)
    finally:
        await database.close()
    for line in _told_pruning(done, f"{before:%Y-%m-%d %H:%M} UTC", applied=options.apply):
        say(line)
    if stop.is_set():
        complain("Stopped before the end: what is told is done. Repeat it for the rest.")
    return FAILED if stop.is_set() else DONE


@refusing
async def forget(settings: StoreSettings, options: argparse.Namespace) -> int:
    """Words that people typed, by person or request; a plan without `--apply`."""
    whose, clock, last = Whose(options.actor, options.request), SystemClock(), None
    total = Counter[str]()
    database = database_at(settings.store, clock)
    await database.open(made=False)
    try:
        if options.apply and isinstance(settings.store, Path):
            await database.run(_overwritten)
        run = database.run if options.apply else database.read
        while True:
            done = await run(forgetting.step, whose, last, TERMINAL.name, clock.now(), apply=options.apply)
            total, last = total + done.requests, done.last
            if last is None:
                break
            await clock.sleep(_PAUSE_SECONDS)
    finally:
        await database.close()
    if not total and options.request:
        complain(f"There is no request {harmless(options.request)}.")
        return FAILED
    for line in _told_forgetting(total, applied=options.apply):
        say(line)
    return DONE


def _told_forgetting(total: Counter[str], *, applied: bool) -> Iterator[str]:
    words = "text, reason, name, description, tags, and why it was denied"
    yield f"{'Forgotten' if applied else 'To be forgotten'} in {total['words']:,} requests: what was typed ({words})."
    if total["none"]:
        yield f"{total['none']:,} hold nothing that was typed."
    if total["stays"]:
        yield f"{total['stays']:,} stay as they are: under way, or something of them is to be told or reviewed."
    if applied:
        yield "The audit trail is whole: it never held these words. Messages in Slack and backups stay as they are."
    else:
        yield "Nothing was changed yet. Repeat it with --apply to do this. The audit trail stays whole."


def age(text: str) -> timedelta:
    """For argparse."""
    try:
        found = duration_of(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from None
    if found < _YOUNGEST:
        raise argparse.ArgumentTypeError(
            f"What is younger than {_YOUNGEST.days} days still counts: name a longer time."
        )
    return found


def _overwritten() -> Script[None]:
    """Deleted rows are overwritten in the file, so that they can't be read there any more."""
    yield sql("pragma secure_delete = on")


async def _pruning(database: Database, before: datetime, stop: threading.Event, *, apply: bool) -> Pruning:
    """Requests that others joined may go once those have gone."""
    total = Pruning()
    while True:
        walked = await _walked(database, before, stop, apply=apply)
        total = walked.after(total)
        if not (apply and walked.requests["goes"] and walked.requests["joined"]) or stop.is_set():
            return total


async def _walked(database: Database, before: datetime, stop: threading.Event, *, apply: bool) -> Pruning:
    """Each step is a transaction, and between them is time for others."""
    clock, done, last = SystemClock(), Pruning(), None
    while not stop.is_set():
        if apply:
            step = await database.run(pruned, before, last, TERMINAL.name, clock.now())
            await clock.sleep(_PAUSE_SECONDS)
        else:
            step = await database.read(planned, before, last)
        done, last = done + step.done, step.last
        if last is None:
            break
    return done


def _told_pruning(done: Pruning, before: str, *, applied: bool) -> Iterator[str]:
    requests, forgotten = (
        done.requests,
        f"{done.forgotten:,} of these: what was typed (text, reason, name, description, tags)",
    )
    yield f"Requests that ended before {before}: {sum(requests.values()):,}."
    gone = f"{requests['goes']:,} with {done.disks:,} disks and all that was decided and told of them"
    yield f"{'Gone' if applied else 'To go'}: {gone}."
    for why, words in _STAYS.items():
        if requests[why]:
            yield f"{'Kept' if applied else 'To stay'}: {requests[why]:,} {words}."
    if done.forgotten:
        yield f"{'Forgotten' if applied else 'To be forgotten'} in {forgotten}."
    if applied:
        yield "The audit trail is whole. The file keeps its size, and uses its room again."
    else:
        yield "Nothing was changed yet. Repeat it with --apply to do this. The audit trail stays whole."


_STAYS = {
    "point": "with restore points that are still there, as far as the bot knows",
    "joined": "whose snapshots others joined",
    "review": "that wait for review",
    "told": "of which something is still to be told or deleted",
}


def store_url(text: str) -> StoreUrl:
    """For argparse."""
    try:
        return checks.store_url(text)
    except InvalidValue as exc:
        raise argparse.ArgumentTypeError(str(exc)) from None


def _there(store: Path) -> Path:
    if not store.exists():
        raise StoreMissing(f"There is no store at {store}. Name the file with BOT_STORE or --config.")
    return store


def _at_rest() -> Rest:
    from bot.store.postgres.schema import counting_of_added  # here, as it is an extra

    return Rest(counting_of_added("disable"), counting_of_added("enable"))


@asynccontextmanager
async def _on_server(server: PostgresUrl, *, made: bool = True, stopped: bool = False) -> AsyncIterator[Database]:
    """The database of a server, for the time of one command. `stopped`: no bot may run on it."""
    database = database_at(server, SystemClock())
    if stopped:
        from bot.store.postgres.replicas import places_of_bots  # here, as it is an extra

        if places := await places_of_bots(server.url.get_secret_value()):
            raise StoreInUse(f"Bots run on {server} (from {', '.join(places)}). Stop them first.")
    await database.open(made=made)
    try:
        yield database
    finally:
        await database.close()


def _restored(copy: backup.Copy, since: Since | None) -> list[AuditEntry]:
    given_up = _head(since.held) if since and since.held != copy.held else None
    return [store_restored(TERMINAL.name, _head(copy.held), given_up, "broken" if copy.broken else "whole")]


def _told_since(done: Restored) -> Iterator[str]:
    """Everything that was given up with the store that was there, as far as it can be read."""
    since, seq = done.since, done.copy.held.head[0]
    if since is None:
        if done.kept:
            yield "It can't be read: what was given up with it is not known. See whose rights are back: grants list"
        return
    if not since.of_its_past:
        yield f"The backup is no former state of it: it has another audit trail, of {since.held.head[0]:,} rows."
    elif since.held.head[0] > seq:
        yield f"Given up: the audit rows after {seq} up to {_head(since.held)}. They stand in the store that is kept."
    if since.requests:
        open_ones = f"; not ended: {_listed(since.open)}" if since.open else ", which had all ended"
        yield f"Given up: {since.requests} requests{open_ones}. Their messages stay as they are."
    if since.revoked:
        yield f"Rights that are back, though they were taken away since: {_listed(map(_grant, since.revoked))}."
    if since.granted:
        yield f"Rights that are gone, as they were given since: {_listed(map(_grant, since.granted))}."


def _grant(row: Sequence[str]) -> str:
    kind, subject_id, role, project, source = row
    return f"{kind}:{subject_id} {role} {project} ({source})"


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    return ", ".join(every[:_LISTED]) + (f" and {len(every) - _LISTED} more" if len(every) > _LISTED else "")


def _head(held: backup.Held) -> str:
    return f"{held.head[0]}:{held.head[1]}"


def _told(held: backup.Held) -> str:
    under_way = f"{held.under_way:,} of them under way" if held.under_way else "none under way"
    return f"{held.requests:,} requests ({under_way}) and {held.head[0]:,} audit rows, head {_head(held)}."


def _told_broken(problems: list[str], where: str) -> int:
    for problem in problems[:3]:
        complain(f"The audit trail is broken in {where}: {harmless(problem)}.")
    return FAILED if problems else DONE


def _stop_on_signal() -> threading.Event:
    """Set by SIGTERM or SIGINT: what runs then stops, which is waited for, and cleans up behind it."""
    stop, loop = threading.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
