"""`snapshot-bot demo` and `snapshot-bot simulate`: the two commands that start the simulators."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

import aiohttp

from bot.cli import BAD_USE, DONE, FAILED, complain, on_signal, opened_store
from bot.cli_grants import decided, explained
from bot.clock import SystemClock
from bot.domain.denials import Denied
from bot.domain.errors import BotError
from bot.domain.hosts import cannot_listen
from bot.domain.roles import Action
from bot.settings import load_store
from bot.simulator.bot_process import BotProcess
from bot.simulator.demo import Demo
from bot.simulator.demo_world import demo_world
from bot.simulator.page import Explain, Site, read_story
from bot.simulator.setting import PortTaken, Setting, read_world
from bot.slack import ids
from bot.slack.client.identity import web_client
from bot.slack.client.people import SlackPeople
from bot.slack.client.scopes import SCOPES
from bot.store.trail.search import exported

FACE = {
    "command": "/snapshot",
    "hint": "quick | create DISK … | status | list | restore-points | restore ID | help",
    "go": ids.CONFIRM,
    "actions": [action.value for action in Action],
    "shortcuts": [
        {"name": "New snapshot", "type": "global", "callback_id": ids.NEW_SNAPSHOT},
        {"name": "Back up for this message", "type": "message", "callback_id": ids.BACKUP_FOR_MESSAGE},
    ],
}
"""All that a workspace knows of the app, which it has from the manifest."""


async def demo(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="snapshot-bot-demo-") as directory:
        try:
            world = read_world(options.world) if options.world else demo_world()
            setting, story = Setting(Path(directory), scopes=SCOPES, world=world), read_story(world.get("story", {}))
        except ValueError as exc:
            complain(str(exc))
            return BAD_USE
        bot = BotProcess(lambda: {**setting.environment(), "ADMIN_PORT": "0"}, setting.workspace.notify)
        async with explaining(setting) as explain:
            site = Site(setting, bot, story, FACE, explain=explain, trail=partial(_trail, setting))
            setting.workspace.add_routes(site.routes())
            with _told("--port"):
                done = await Demo(setting, bot, site, story, on_signal()).run(once=options.once, port=options.port)
    return DONE if done else FAILED


@asynccontextmanager
async def explaining(setting: Setting) -> AsyncIterator[Explain]:
    """The bot's own explanation, of a person as the bot itself sees that person in the workspace."""
    workspace, clock = setting.workspace, SystemClock()
    async with aiohttp.ClientSession() as http:

        @cache
        def people(api_url: str, token: str) -> SlackPeople:
            """Kept, with what it knows: the workspace limits how often it is asked, and the bot asks as well."""
            return SlackPeople(web_client(api_url, http, token), workspace.world.team_id, clock)

        async def explain(user: str, action: str, project: str, channel: str) -> Mapping[str, Any]:
            asked = workspace.world.person(user)
            settings, name = load_store(setting.environment(), rights=True), asked.real_name or asked.name
            try:
                actor = await people(workspace.api_url, workspace.bot_token).look_up(user)
                decision = await decided(settings, actor, Action(action), project, channel)
            except BotError as exc:
                return {"allowed": False, "rule": "", "told": exc.sentence}
            told = explained(decision, name, Action(action), project)
            return {"allowed": not isinstance(decision, Denied), "rule": decision.rule, "told": told}

        yield explain


async def _trail(setting: Setting, after: int | None) -> list[dict[str, Any]]:
    """Rows as `audit export` writes them; none while there is no store yet."""
    try:
        async with opened_store(load_store(setting.environment())) as store:
            return [exported(row, {}) for row in await store.audit_read(after)]
    except BotError:
        return []


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
