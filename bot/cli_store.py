"""`snapshot-bot store …`: the whole of what the bot keeps, copied, put back, moved and thinned out.

Refused and failed alike end with 1 and one sentence; bad use, as always, with 2.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from bot.cli import DONE, FAILED, complain, say
from bot.clock import SystemClock
from bot.domain.audit import AuditEntry, store_restored
from bot.domain.errors import StoreFailed, StoreInUse, StoreMissing, StoreTooNew
from bot.domain.terminal_text import harmless
from bot.settings import StoreSettings
from bot.store.sqlite import backup
from bot.store.sqlite.restore import Restored, Since, put_back
from bot.workflow.actions.grant import TERMINAL
from bot.workflow.jobs import anchor_audit

T = TypeVar("T")

_LISTED = 10
"""Of requests and rights that are told one by one."""


async def back_up(settings: StoreSettings, options: argparse.Namespace) -> int:
    store, file = _file_of(settings), Path(options.file)
    if not store.exists():
        raise StoreMissing(f"There is no store at {harmless(str(store))}. Name the file with BOT_STORE or --config.")
    try:
        copy = await _stoppable(lambda stop: backup.copied(store, file, stop))
    except backup.Stopped:
        complain("Stopped. Nothing of the copy was kept.")
        return FAILED
    say(f"{harmless(str(file))} holds {_told(copy.held)} It is {backup.shown_size(copy.size)}, and was read through.")
    return _told_broken(copy.broken, "the copy and in the store it was made of")


async def restore(settings: StoreSettings, options: argparse.Namespace) -> int:
    store, file = _file_of(settings), Path(options.file)
    now, chores = SystemClock().now(), [anchor_audit.CHORE]
    try:
        done = await _stoppable(lambda stop: put_back(file, store, now, stop, _restored, chores))
    except backup.Stopped:
        complain(f"Stopped. {store} stays as it is.")
        return FAILED
    except (StoreInUse, StoreTooNew) as exc:
        complain(exc.sentence)
        return FAILED
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


def _file_of(settings: StoreSettings) -> Path:
    if isinstance(settings.store, Path):
        return settings.store
    raise StoreFailed(f"The store {settings.store} is a server's: copy it with pg_dump, put it back with pg_restore.")


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


async def _stoppable(work: Callable[[threading.Event], T]) -> T:
    """Do something long in a thread. SIGTERM and SIGINT have it stop, which is waited for: it cleans up behind it."""
    stop, loop = threading.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return await asyncio.to_thread(work, stop)
