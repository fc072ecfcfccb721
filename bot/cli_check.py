"""`snapshot-bot check`: what the bot needs, looked at without changing anything. It runs beside a running bot."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import shutil
import sys
from pathlib import Path

from bot.checks.findings import Report
from bot.checks.looking import look, refused
from bot.checks.shown import as_json, as_text
from bot.checks.threads import LeftBehind
from bot.cli import DONE, FAILED, complain
from bot.clock import SystemClock
from bot.logs import Redactor
from bot.settings import SettingsError, load_settings
from bot.version import version


async def check(options: argparse.Namespace) -> int:
    """0 where nothing failed; warnings are no failures."""
    asyncio.get_running_loop().set_default_executor(LeftBehind())
    logging.getLogger().addHandler(logging.NullHandler())  # what is wrong stands in the report, once
    secrets: tuple[str, ...] = ()
    config = options.config or Path(os.environ.get("BOT_CONFIG") or "bot.toml")
    try:
        settings = load_settings(os.environ, options.config)
    except SettingsError as exc:
        report = refused(exc)
    else:
        secrets, config = settings.secrets(), settings.config_path
        if sys.stderr.isatty():
            complain(f"Looking at the store, Slack and {len(settings.projects)} projects; this takes 20 s at most.")
        try:
            report = await look(settings, SystemClock())
        except asyncio.CancelledError:  # by ctrl-C
            complain("Stopped before everything was looked at.")
            return FAILED
    _print(report, Redactor(secrets), config, as_object=options.json)
    return DONE if report.well else FAILED


def _print(report: Report, redactor: Redactor, config: Path, *, as_object: bool) -> None:
    if as_object:
        print(as_json(report, redactor.text, version(), config))
        return
    on_terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if on_terminal else None
    for line in as_text(report, redactor.text, width=width, coloured=on_terminal and not os.environ.get("NO_COLOR")):
        print(line)
