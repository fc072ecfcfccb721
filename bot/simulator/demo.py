"""The demo: a real bot against both simulators, one backup played in #inc-demo, and the channel as people see it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Protocol

from bot.simulator.setting import Setting
from bot.simulator.workspace import Message, NotAllowedInSlack, WorkspaceSimulator

CHANNEL = "#inc-demo"
PERSON = "alice"
PLAYED = 'quick keep=7 reason="kernel upgrade on web-01, INC-42"'
DISKS_PLAYED = 3
PATIENCE_SECONDS = 60.0
WIDTH = 100

INTRO = """\
snapshot-bot demo: the real bot, a simulated Huawei Cloud and a simulated Slack, all on this machine.

It is 3 a.m. in {channel}, and {person} is about to upgrade web-01. She types one line:
"""
OUTRO = """
Now you: type a command as {person}, or as someone else in front of a colon. Try
  /snapshot quick server=db-01 confirm=no               /snapshot quick tag=app:orders confirm=no
  /snapshot create orders-db name="before upgrade"      /snapshot create scratch       (two disks have that name)
  /snapshot status      /snapshot list      /snapshot help
  carol: /snapshot create orders-db project=payments-prod                              (carol may not)
An empty line shows the whole channel, quit ends the demo."""


class Running(Protocol):
    """A started bot."""

    async def stop(self) -> None: ...


StartBot = Callable[[Mapping[str, str]], Awaitable[Callable[[], Awaitable[None]]]]
"""Starts a bot from its environment and answers how to stop it."""


async def play(setting: Setting, start_bot: StartBot, *, once: bool, slack_port: int = 0) -> int:
    """Run the demo. 0 when every disk of the played backup ended available. Raises PortTaken."""
    await setting.start(slack_port=slack_port)
    try:
        stop_bot = await start_bot({**setting.environment(), "ADMIN_PORT": "0"})
        try:
            return 0 if await _played(setting, once=once) else 1
        finally:
            await stop_bot()
    finally:
        await setting.stop()


async def _played(setting: Setting, *, once: bool) -> bool:
    """Whether every disk of the backup ended available; what is typed afterwards changes nothing about that."""
    workspace = setting.workspace
    printer = _Printer(workspace)
    workspace.on_change(printer.on_change)
    await workspace.wait_for_bot()
    print(INTRO.format(channel=CHANNEL, person=PERSON.capitalize()))
    done = await _backup(setting, printer)
    if not once:
        print(OUTRO.format(person=PERSON))
        await _converse(workspace, printer)
    return done


async def _backup(setting: Setting, printer: _Printer) -> bool:
    workspace = setting.workspace
    await printer.command(PERSON, CHANNEL, f"/snapshot {PLAYED}")
    await workspace.until(lambda: _plan(workspace) is not None, PATIENCE_SECONDS)
    await printer.press(PERSON, CHANNEL, _plan(workspace))
    await workspace.until(lambda: _receipts(workspace) > 0, PATIENCE_SECONDS)
    print(f"\n{'─' * WIDTH}\nThe channel as it stands now:\n")
    print(workspace.render(CHANNEL, viewer=PERSON, width=WIDTH))
    made = [one for one in setting.cloud.snapshots() if one["status"] == "available"]
    posts = setting.cloud.calls("create_group")
    what = f"{len(made)} snapshots available, made by {len(posts)} POST /v5/…/snapshot-groups"
    print(f"{'─' * WIDTH}\nIn the cloud: {what}.")
    return len(made) == DISKS_PLAYED


def _plan(workspace: WorkspaceSimulator) -> Message | None:
    """The message with the button that says go."""
    return next((message for message in workspace.messages(CHANNEL) if _go(message)), None)


def _go(message: Message) -> dict[str, Any] | None:
    elements = [element for block in message.blocks for element in block.get("elements", [])]
    return next((element for element in elements if element.get("style") == "primary"), None)


def _receipts(workspace: WorkspaceSimulator) -> int:
    """What is said last of a backup."""
    messages = workspace.messages(CHANNEL)
    return sum(1 for message in messages if message.thread_ts and "*Receipt:" in message.text)


async def _converse(workspace: WorkspaceSimulator, printer: _Printer) -> None:
    async for line in _typed_lines():
        text = line.strip()
        if text in ("quit", "exit"):
            return
        if not text:
            print(workspace.render(CHANNEL, viewer=PERSON, width=WIDTH))
            continue
        person, colon, rest = text.partition(":")
        if not colon or person.startswith("/") or " " in person:
            person, rest = PERSON, text
        await printer.command(person.strip(), CHANNEL, rest.strip())


async def _typed_lines() -> AsyncIterator[str]:
    """Lines as they are typed, without blocking the loop that runs the bot; ends with the input."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        yield line


class _Printer:
    """Prints each change of the channel as it happens, indented under who made it."""

    def __init__(self, workspace: WorkspaceSimulator) -> None:
        self._workspace = workspace

    async def command(self, person: str, channel: str, typed: str) -> None:
        print(f"{person} in {channel} types:  {typed}")
        word, _, text = typed.partition(" ")
        if not word.startswith("/"):
            print("  Commands begin with a slash: /snapshot help")
            return
        try:
            outcome = await self._workspace.command(person, channel, text, command=word)
        except (NotAllowedInSlack, KeyError, ValueError) as exc:
            print(f"  Slack does not let {person} do that: {exc}")
            return
        print(f"  {outcome.error}" if outcome.error else f"  acknowledged after {outcome.latency_ms:.0f} ms")

    async def press(self, person: str, channel: str, message: Message | None) -> None:
        """Press the button that stands out."""
        button = _go(message) if message else None
        assert message is not None and button is not None
        print(f"{person} in {channel} presses:  [ {button['text']['text']} ]")
        await self._workspace.press(person, channel, message.ts, button["action_id"])

    def on_change(self, message: Message, kind: str) -> None:
        where = "in the thread" if message.thread_ts else CHANNEL
        head = "for one person" if message.ephemeral_to else f"{where}, {kind}"
        self._block(head, self._workspace.render_message(message, width=WIDTH - 4))

    def _block(self, head: str, text: str) -> None:
        print(f"  ┌ {head}")
        for line in text.splitlines():
            print(f"  │ {line}")
        print("  └", flush=True)
