"""`snapshot-bot run`: the bot itself, until a signal or one of its parts ends it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
from typing import Any

from bot import app
from bot.cli import DONE, FAILED, complain, on_signal
from bot.clock import SystemClock
from bot.logs import configure_logs
from bot.settings import load_settings

STOP_SECONDS = 9.0
"""A stop may take 10 s in all, whatever hangs."""


async def run(options: argparse.Namespace) -> int:
    settings = load_settings(os.environ, options.config)
    configure_logs(settings.log_format, settings.log_level, settings.secrets())
    stopped = on_signal()
    starting = asyncio.ensure_future(app.start(settings, SystemClock()))
    signalled = asyncio.ensure_future(stopped.wait())
    await asyncio.wait({starting, signalled}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        return DONE
    try:
        bot = starting.result()
        return await _until_it_ends(bot, signalled)
    finally:
        signalled.cancel()


async def _until_it_ends(bot: app.Bot, signalled: asyncio.Future[Any]) -> int:
    """By a signal, or because a part of it ended by itself: then with a sentence, as it has to be started again."""
    gc.collect()
    gc.freeze()  # what stays for good is not looked through again and again while everybody waits
    failed = asyncio.ensure_future(bot.failed())
    await asyncio.wait({signalled, failed}, return_when=asyncio.FIRST_COMPLETED)
    code = DONE
    if failed.done():
        _complain(failed.result())
        code = FAILED
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
