"""`snapshot-bot demo` and `snapshot-bot simulate`: the two commands that start the simulators."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bot import app
from bot.cli import BAD_USE, DONE, complain, on_signal
from bot.clock import SystemClock
from bot.domain.hosts import cannot_listen
from bot.logs import configure_logs
from bot.settings import load_settings
from bot.simulator.demo import play
from bot.simulator.setting import PortTaken, Setting, read_world
from bot.slack.client.scopes import SCOPES


async def demo(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="snapshot-bot-demo-") as directory:
        setting = Setting(Path(directory), scopes=SCOPES)
        with _told("--port"):
            return await play(setting, _start_quietly, once=options.once, slack_port=options.port)


async def _start_quietly(environment: Mapping[str, str]) -> Callable[[], Awaitable[None]]:
    """A bot for the demo: its log would stand between the lines of the channel, so only trouble is shown."""
    settings = load_settings(environment)
    configure_logs("console", "WARNING", settings.secrets())
    bot = await app.start(settings, SystemClock())
    return bot.stop


@contextmanager
def _told(chosen_with: str) -> Iterator[None]:
    """Raises CannotListen for a port that is taken."""
    try:
        yield
    except PortTaken as exc:
        raise cannot_listen(exc.why, "127.0.0.1", exc.port, chosen_with) from None


async def simulate(options: argparse.Namespace) -> int:
    try:
        world = read_world(options.world) if options.world else None
    except ValueError as exc:
        complain(str(exc))
        return BAD_USE
    stopped = on_signal()
    with tempfile.TemporaryDirectory(prefix="snapshot-bot-simulation-") as directory:
        setting = Setting(Path(directory), scopes=SCOPES, world=world)
        with _told("--slack-port, --cloud-port"):
            await setting.start(slack_port=options.slack_port, cloud_port=options.cloud_port)
        cloud = f"the cloud at {setting.cloud.url}, its servers (ECS) at {setting.cloud.ecs_url}"
        print(f"# Slack at {setting.workspace.url}, {cloud}. In another terminal:")
        for name, value in setting.environment().items():
            print(f"export {name}='{value}'")
        print("snapshot-bot run", flush=True)
        await stopped
        await setting.stop()
    return DONE
