"""`snapshot-bot store …`: the whole of what the bot keeps, copied, put back, moved and thinned out.

Refused and failed alike end with 1 and one sentence; bad use, as always, with 2.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from bot.cli import DONE, FAILED, complain, say
from bot.domain.errors import StoreMissing
from bot.domain.terminal_text import harmless
from bot.settings import StoreSettings
from bot.store.sqlite import backup

T = TypeVar("T")


async def back_up(settings: StoreSettings, options: argparse.Namespace) -> int:
    store, file = settings.store_path, Path(options.file)
    if not store.exists():
        raise StoreMissing(f"There is no store at {harmless(str(store))}. Name the file with BOT_STORE or --config.")
    try:
        copy = await _stoppable(lambda stop: backup.copied(store, file, stop))
    except backup.Stopped:
        complain("Stopped. Nothing of the copy was kept.")
        return FAILED
    say(f"{harmless(str(file))} holds {_told(copy.held)} It is {backup.shown_size(copy.size)}, and was read through.")
    return _told_broken(copy.broken, "the copy and in the store it was made of")


def _told(held: backup.Held) -> str:
    seq, row_hash = held.head
    under_way = f"{held.under_way:,} of them under way" if held.under_way else "none under way"
    return f"{held.requests:,} requests ({under_way}) and {seq:,} audit rows, head {seq}:{row_hash}."


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
