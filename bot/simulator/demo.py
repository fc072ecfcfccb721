"""The demo: a real bot against both simulators, with the page in the browser and the channel in the terminal."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Coroutine
from typing import Any

from bot.simulator.bot_process import BotProcess
from bot.simulator.demo_world import ASKED, CHANNEL
from bot.simulator.page import Site, Story
from bot.simulator.page.plans import Asked
from bot.simulator.page.story import CommandFailed
from bot.simulator.setting import Setting
from bot.simulator.terminal import WIDTH, Keyboard, Terminal
from bot.simulator.workspace import WorkspaceSimulator

PERSON = "alice"
DISKS_PLAYED = 3
OVERDUE_SECONDS = 60.0

ADDRESS = """\
snapshot-bot demo: the real bot, a simulated Huawei Cloud and a simulated workspace, all on this machine.

    {url}

Open it in a browser; or stay here. Ctrl-C ends the demo, and nothing of it is left behind.
"""
PLAY = """\
It is 3 a.m. in {channel}, and {person} is about to upgrade web-01. She types one line:
"""
HERE = """
Here: a number presses that button, `as bob` makes you bob, `carol: …` is carol for one line. Try
  /snapshot quick server=db-01 confirm=no               /snapshot create scratch       (two disks have that name)
  /snapshot status      /snapshot list      /snapshot help      /snapshot      (the form, by questions)
  @snapshot-bot quick server=cache-01      a mention; any other words are said in the channel
An empty line shows the whole channel, quit ends the demo.
"""


class BotGone(Exception):
    """The bot ended before it was connected; its last lines say why."""


class Demo:
    """`stopped` is done once the demo shall end, whatever it does just then."""

    def __init__(
        self, setting: Setting, bot: BotProcess, site: Site, story: Story, stopped: asyncio.Future[str]
    ) -> None:
        self._setting, self._bot, self._site, self._story = setting, bot, site, story
        self._stopped = stopped

    async def run(self, *, once: bool, port: int = 0) -> bool:
        """Whether it went well; with `once`, whether every disk of the played backup ended available.

        Raises PortTaken.
        """
        await self._setting.start(slack_port=port)
        try:
            if not once:
                print(ADDRESS.format(url=self._setting.workspace.url), flush=True)
            return await self._unless_stopped(self._once() if once else self._open())
        finally:
            await self._bot.kill()  # the store goes as well: there is nothing to tidy up
            await self._setting.stop()

    async def _unless_stopped(self, doing: Coroutine[Any, Any, bool]) -> bool:
        task = asyncio.create_task(doing)
        ends: set[asyncio.Future[Any]] = {task, self._stopped}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return True

    async def _start_bot(self) -> None:
        """Raises BotGone."""
        await self._bot.start()
        workspace = self._setting.workspace
        await workspace.until(lambda: workspace.connections > 0 or not self._bot.running, OVERDUE_SECONDS)
        if not self._bot.running:
            raise BotGone("\n".join(self._bot.lines))

    async def _open(self) -> bool:
        """The story begins, then whoever is there goes on with it."""
        story, workspace = self._story, self._setting.workspace
        people = [one.user for one in story.people] or [PERSON]
        terminal = Terminal(workspace, people[0], story.channel or next(iter(workspace.world.channels)))
        for line in story.said:
            await workspace.say(line["user"], line["channel"], line["text"])
        try:
            await self._start_bot()
        except BotGone as exc:
            print(f"The bot did not start:\n{exc}", file=sys.stderr)
            return False
        with contextlib.suppress(CommandFailed):  # the story goes on without it
            await self._site.player.play(story.opening)
        print(HERE)
        if not await terminal.converse(Keyboard()):
            await self._stopped  # nobody types here: the page is what is used
        return True

    async def _once(self) -> bool:
        workspace = self._setting.workspace
        terminal = Terminal(workspace, PERSON, CHANNEL)
        try:
            await self._start_bot()
        except BotGone as exc:
            print(f"The bot did not start:\n{exc}", file=sys.stderr)
            return False
        print(PLAY.format(channel=CHANNEL, person=PERSON.capitalize()))
        asked, plans = Asked(**ASKED), self._site.plans
        plans.typed(asked)
        await terminal.command(asked.text)
        plan = await plans.waiting(asked)
        if plan is None:
            print("No plan came of it.", file=sys.stderr)
            return False
        await terminal.press(plan.message, plan.button)
        await workspace.until(lambda: _receipts(workspace) > 0, OVERDUE_SECONDS)
        print(f"\n{'─' * WIDTH}\nThe channel as it stands now:\n")
        print(workspace.render(CHANNEL, viewer=PERSON, width=WIDTH))
        made = [one for one in self._setting.cloud.snapshots() if one["status"] == "available"]
        posts = self._setting.cloud.calls("create_group")
        what = f"{len(made)} snapshots available, made by {len(posts)} POST /v5/…/snapshot-groups"
        print(f"{'─' * WIDTH}\nIn the cloud: {what}.")
        return len(made) == DISKS_PLAYED


def _receipts(workspace: WorkspaceSimulator) -> int:
    """What is said last of a backup."""
    messages: list[Any] = workspace.messages(CHANNEL)
    return sum(1 for message in messages if message.thread_ts and "*Receipt:" in message.text)
