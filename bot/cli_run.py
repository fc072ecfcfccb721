"""`snapshot-bot run`: the bot itself, until a signal or one of its parts ends it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import logging
import os
from typing import Any

from bot import app
from bot.cli import BAD_USE, DONE, FAILED, complain, on_signal
from bot.clock import SystemClock
from bot.domain.errors import StoreAway, StoreFailed
from bot.logs import configure_logs
from bot.settings import load_settings

log = logging.getLogger(__name__)

STOP_SECONDS = 9.0
"""A stop may take 10 s in all, whatever hangs."""


async def run(options: argparse.Namespace) -> int:
    settings = load_settings(os.environ, options.config)
    configure_logs(settings.log_format, settings.log_level, settings.secrets())
    stopped = on_signal()
    starting = asyncio.ensure_future(app.start(settings, SystemClock()))
    ends: set[asyncio.Future[Any]] = {starting, stopped}
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        log.info("the bot stops before it was up", extra={"why": stopped.result()})
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        return DONE
    try:
        bot = starting.result()
    except StoreFailed as exc:  # of a file it is one that an operator has to mend; a server comes back by itself
        _complain(exc.sentence)
        return FAILED if isinstance(exc, StoreAway) else BAD_USE
    return await _until_it_ends(bot, stopped)


async def _until_it_ends(bot: app.Bot, stopped: asyncio.Future[str]) -> int:
    """By a signal, or because a part of it ended by itself: then with a sentence, as it has to be started again."""
    gc.collect()
    gc.freeze()  # what stays for good is not looked through again and again while everybody waits
    failed = asyncio.ensure_future(bot.failed())
    await asyncio.wait({stopped, failed}, return_when=asyncio.FIRST_COMPLETED)
    code = DONE
    if failed.done():
        _complain(failed.result())
        code = FAILED
    log.info("the bot stops", extra={"why": failed.result() if failed.done() else stopped.result()})
    failed.cancel()
    try:
        await asyncio.wait_for(bot.stop(), STOP_SECONDS)
    except TimeoutError:
        _complain("Something did not end in time and was left behind; nothing that was recorded is lost.")
        code = FAILED
    return code


def _complain(sentence: str) -> None:
    with contextlib.suppress(OSError):  # the disk that is full may be the one under the log
        complain(sentence)
