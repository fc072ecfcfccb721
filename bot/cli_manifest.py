"""`snapshot-bot manifest`: the Slack app's manifest, as it comes with the bot; for Socket Mode, or for an address."""

from __future__ import annotations

import argparse
from importlib import resources
from pathlib import Path

from bot.cli import DONE, say
from bot.settings import checks
from bot.settings.configuration_errors import InvalidValue
from bot.slack.http.request_url import PATH

FILE = "manifest.yml"
_ADDED = {
    "    - command: /snapshot\n": "      url: {url}\n",
    "  event_subscriptions:\n": "    request_url: {url}\n",
    "    is_enabled: true\n": "    request_url: {url}\n    message_menu_options_url: {url}\n",
}
"""Lines of the manifest, and what HTTP wants behind each: where Slack sends commands, events, buttons and menus."""


async def print_manifest(options: argparse.Namespace) -> int:
    text = shipped()
    say((over_http(text, options.http) if options.http else text).rstrip("\n"))
    return DONE


def shipped() -> str:
    """The manifest inside the installed package; where the bot runs from a clone, the one above it."""
    inside = resources.files("bot") / FILE
    found = inside if inside.is_file() else Path(__file__).parent.parent / FILE
    return found.read_text(encoding="utf-8")


def over_http(manifest: str, url: str) -> str:
    """The same for a bot that Slack reaches at an address of its own, beside which it listens for all."""
    manifest = manifest.replace("socket_mode_enabled: true", "socket_mode_enabled: false")
    for line, added in _ADDED.items():
        manifest = manifest.replace(line, line + added.format(url=url + PATH))
    return manifest


def address(text: str) -> str:
    """For argparse."""
    try:
        return checks.endpoint(text.removesuffix(PATH))
    except InvalidValue as exc:
        raise argparse.ArgumentTypeError(str(exc)) from None
