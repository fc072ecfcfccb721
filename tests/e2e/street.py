"""`snapshot-bot run` as a process of its own beside both simulators: real time, real signals, a real SQLite file."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.clock import SystemClock
from bot.domain.items import Item
from bot.domain.requests import Request
from bot.ports.lookups import Filters
from bot.settings import load_store
from bot.simulator.setting import Setting
from bot.simulator.workspace import Message
from bot.slack.client.scopes import SCOPES
from bot.slack.ids import CONFIRM
from bot.store.database import Database
from bot.store.opening import database_at
from bot.store.store import Store
from tests.e2e.conftest import part, request_id
from tests.nursery import BOT, ForkedBot, nursery


@dataclass
class BotProcess:
    """`snapshot-bot …` and all it wrote, in one file over any number of starts."""

    environment: Mapping[str, str]
    output: Path
    process: ForkedBot | None = None
    codes: list[int] = field(default_factory=list)
    program: tuple[str, ...] = BOT

    async def start(self, *arguments: str) -> ForkedBot:
        self.process = await nursery().start(arguments or ("run",), self.environment, self.output, self.program)
        return self.process

    async def signal(self, number: signal.Signals, within: float = 10) -> int:
        """Send a signal and answer the exit code. Raises TimeoutError when it lives on."""
        assert self.process is not None
        assert self.process.returncode is None, f"it had ended by itself:\n{self.text()[-4000:]}"
        self.process.send_signal(number)
        return await self.ended(within)

    async def ended(self, within: float = 10) -> int:
        assert self.process is not None
        async with asyncio.timeout(within):
            code = await self.process.wait()
        self.codes.append(code)
        return code

    async def run(self, *arguments: str) -> tuple[int, str]:
        """Run one command to its end; answers its exit code and what it wrote."""
        begins = self.output.stat().st_size if self.output.exists() else 0
        await self.start(*arguments)
        code = await self.ended(within=20)
        return code, self.output.read_bytes()[begins:].decode()

    async def make_sure_it_ended(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    def text(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace") if self.output.exists() else ""


@dataclass
class Street:
    """Both simulators, and a bot outside."""

    setting: Setting
    bot: BotProcess

    @property
    def cloud(self) -> Any:
        return self.setting.cloud

    @property
    def slack(self) -> Any:
        return self.setting.workspace

    async def start(self) -> None:
        await self.bot.start()
        await self.slack.wait_for_bot(timeout=60)

    async def say_until_taken(self, text: str, channel: str, rng: random.Random) -> str:
        """Type a command again until Slack shows that it was taken; answers the request's id."""
        while True:
            outcome = await self.slack.command("alice", channel, text)
            if outcome.error is None:
                return request_id(outcome.text)
            await asyncio.sleep(rng.uniform(0.05, 0.3))

    async def posts_grow_beyond(self, count: int, operation: str = "create_snapshot") -> None:
        while len(self.cloud.calls(operation)) <= count:
            await asyncio.sleep(0.001)

    async def requests(self) -> list[tuple[Request, list[Item]]]:
        """What stands in the bot's store, read beside the running bot."""
        async with self.database() as database:
            return await Store(database, SystemClock()).recent(Filters(limit=1_000))

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        """The bot's own, opened beside it."""
        database = database_at(load_store(self.bot.environment).store, SystemClock())
        await database.open()
        try:
            yield database
        finally:
            await database.close()

    async def confirm(self, request: str, channel: str = "#inc-demo") -> None:
        """Press the button of a plan, once its message shows it."""
        shown: list[Message] = []

        def waits() -> bool:
            roots = [one for one in self.slack.messages(channel) if part(one) == (request, "status")]
            shown[:] = [one for one in roots if CONFIRM in str(one.blocks)]
            return bool(shown)

        await self.slack.until(waits)
        await self.slack.press("alice", channel, shown[0].ts, CONFIRM)

    async def until_items(self, wanted: str, moment: Callable[[Item], bool], timeout: float = 20) -> None:
        """Wait until all items of a request are so, as the store has it."""
        async with asyncio.timeout(timeout):
            while not any(
                request.id == wanted and items and all(map(moment, items)) for request, items in await self.requests()
            ):
                await asyncio.sleep(0.05)

    async def until_all_is_said(self, timeout: float) -> list[tuple[Request, list[Item]]]:
        """Wait until every request ended and nothing is left to tell; fails with what is left."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while not (found := await self.requests()) or (left := self.left_at_work(found)):
            assert loop.time() < deadline, f"after {timeout:g} s these had not ended: {dict(left) if found else found}"
            await asyncio.sleep(0.2)
        return found

    @staticmethod
    def left_at_work(found: list[tuple[Request, list[Item]]]) -> Counter[str]:
        """What a killed bot left unfinished, by its state."""
        left = Counter(str(item.state) for _, items in found for item in items if not item.ended)
        left += Counter(str(request.state) for request, _ in found if request.ended_at is None)
        left += Counter("to_send" for request, _ in found if request.ended_at and request.to_send)
        return left

    def messages(self, request: Request, kind: str) -> list[Message]:
        channels = [request.place.channel_id, *self.slack.world.channels]
        return [
            message
            for channel in dict.fromkeys(channels)
            for message in self.slack.messages(channel)
            if part(message) == (request.id, kind)
        ]


@asynccontextmanager
async def a_street(directory: Path, **environment: str) -> AsyncIterator[Street]:
    setting = Setting(directory, scopes=SCOPES, reconcile_seconds=2, busy_retry_seconds=0.2)
    setting.cloud.world.timing.min_seconds, setting.cloud.world.timing.max_seconds = 0.5, 2.0
    await setting.start()
    process = BotProcess(
        {**setting.environment(), "ADMIN_PORT": "0", "LOG_FORMAT": "console", **environment}, directory / "bot.log"
    )
    try:
        yield Street(setting, process)
    finally:
        await process.make_sure_it_ended()
        await setting.stop()
