"""The whole bot in this process, against both simulators over real sockets, on a real SQLite file.

Time runs ten times as fast as outside, for the bot, the cloud and Slack's budgets alike; sockets and SQLite are as
slow as they are.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot import app
from bot.settings import load_settings
from bot.simulator.setting import Setting
from bot.simulator.workspace import CommandOutcome, Message
from bot.slack.http.request_url import HttpEntry
from bot.slack.ids import DELETE_FOR_GOOD

SPEED = 10.0
CHANNEL = "#inc-demo"
MANIFEST = yaml.safe_load((Path(__file__).parents[2] / "manifest.yml").read_text(encoding="utf-8"))
"""What Slack grants here is what the app asks for, and nothing more."""


class FastClock:
    """The machine's time, sped up from the moment it is made."""

    def __init__(self, speed: float = SPEED) -> None:
        self._speed = speed
        self._from = datetime.now(UTC)
        self._begun = time.monotonic()
        self._stepped = timedelta()

    def now(self) -> datetime:
        return self._from + timedelta(seconds=self.monotonic()) + self._stepped

    def monotonic(self) -> float:
        return (time.monotonic() - self._begun) * self._speed

    def step(self, **amount: float) -> None:
        """Somebody sets the clock: the date changes, and no time passes."""
        self._stepped += timedelta(**amount)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._speed)


@dataclass
class World:
    """Two simulators and a bot that can be stopped, started and restarted."""

    setting: Setting
    clock: FastClock
    socket_mode: bool = True
    environment: dict[str, str] = field(default_factory=dict)
    bot: app.Bot | None = None

    @property
    def cloud(self) -> Any:
        return self.setting.cloud

    @property
    def slack(self) -> Any:
        return self.setting.workspace

    async def start_bot(self) -> app.Bot:
        environment = {
            **self.setting.environment(socket_mode=self.socket_mode),
            "ADMIN_PORT": "0",
            "PORT": "0",
            **self.environment,
        }
        self.bot = await app.start(load_settings(environment), self.clock)
        if isinstance(self.bot.entry, HttpEntry):
            host = self.environment.get("HOST", "127.0.0.1")
            self.slack.request_url = f"http://{host}:{self.bot.entry.port}/slack/events"
        await self.slack.wait_for_bot()
        return self.bot

    async def stop_bot(self) -> None:
        if self.bot:
            bot, self.bot = self.bot, None
            await bot.stop()

    async def say(self, text: str, person: str = "alice", channel: str = CHANNEL) -> CommandOutcome:
        """Type `/snapshot TEXT`."""
        outcome: CommandOutcome = await self.slack.command(person, channel, text)
        return outcome

    async def create(self, text: str, person: str = "alice", channel: str = CHANNEL) -> str:
        """Type `/snapshot create TEXT`, which must be taken; answers the request's id."""
        outcome = await self.say(f"create {text}", person, channel)
        assert outcome.error is None, outcome.error
        return request_id(outcome.text)

    def slack_complaints(self) -> list[dict[str, Any]]:
        """What Slack found wrong with anything the bot sent or answered."""
        return [entry for entry in self.slack.journal if entry["entry"] == "validation"]

    def root(self, request: str, channel: str = CHANNEL) -> Message | None:
        """The public message of a request, the latest if there are several."""
        roots = [
            message
            for message in self.slack.messages(channel)
            if message.thread_ts is None and message.ephemeral_to is None and part(message) == (request, "status")
        ]
        return roots[-1] if roots else None

    def replies(self, request: str, kind: str, channel: str = CHANNEL) -> list[Message]:
        """What was said about a request in its thread: `accepted`, `failure` or `receipt`."""
        return [message for message in self.slack.messages(channel) if part(message) == (request, kind)]

    async def finished(self, request: str, channel: str = CHANNEL, timeout: float = 20) -> Message:
        """Wait for the receipt, and for the edit that may follow it; answers the root message as it stands then."""

        def over() -> bool:
            root = self.root(request, channel)
            ended = root is not None and any(
                word in root.text for word in (": finished", ": ended", "nothing was created")
            )
            return ended and bool(self.replies(request, "receipt", channel))

        await self.slack.until(over, timeout)
        root = self.root(request, channel)
        assert root is not None
        return root

    async def told(self, person: str, words: str, timeout: float = 10) -> Message:
        """Wait until a person alone was told something with these words in it."""
        found: list[Message] = []

        def seen() -> bool:
            found[:] = [message for message in self.private(person) if words in message.text]
            return bool(found)

        await self.slack.until(seen, timeout)
        return found[-1]

    async def refused(self, person: str, words: str, timeout: float = 10) -> None:
        """Wait until somebody can read why their plan is refused: alone, or below the request's message if that stood
        before.
        """
        user = self.slack.world.person(person).id

        def seen() -> bool:
            return any(
                words in message.text
                for channel in list(self.slack.world.channels)
                for message in self.slack.messages(channel, viewer=user)
            )

        await self.slack.until(seen, timeout)

    def private(self, person: str) -> list[Message]:
        """Everything in any channel that only this person saw."""
        user = self.slack.world.person(person).id
        channels = list(self.slack.world.channels)
        return [
            message
            for channel in channels
            for message in self.slack.messages(channel, viewer=user)
            if message.ephemeral_to == user
        ]

    async def delete(self, any_id: str, words: str, person: str = "alice", channel: str = CHANNEL) -> None:
        """Type `delete ID`, press when it asks once more, and wait for the answer to that."""
        before = len(self.cloud.calls("delete_snapshot"))
        await press_when_asked(self.slack, any_id, person, channel)
        assert len(self.cloud.calls("delete_snapshot")) >= before
        await self.told(person, words)

    async def until(self, predicate: Callable[[], bool], timeout: float = 10) -> None:
        """For what happens in the cloud, where nobody announces a change."""
        async with asyncio.timeout(timeout):
            while not predicate():
                await asyncio.sleep(0.01)


async def press_when_asked(slack: Any, any_id: str, person: str, channel: str) -> Message:
    """Type `delete ID` and press the button of the private card that asks once more."""
    user = slack.world.person(person).id

    def cards() -> list[Message]:
        seen = [one for one in slack.messages(channel, viewer=user) if one.ephemeral_to == user]
        return [one for one in seen if "Nothing is deleted until you press" in one.text]

    before = len(cards())
    await slack.command(person, channel, f"delete {any_id}")
    await slack.until(lambda: len(cards()) > before, 60)
    card = cards()[-1]
    await slack.press(person, channel, card.ts, DELETE_FOR_GOOD)
    return card


def request_id(text: str) -> str:
    found = re.search(r"r-[0-9a-z]{8}", text)
    assert found, text
    return found[0]


async def kept(world: World, form_id: str) -> None:
    """Slack shows a form a moment before the bot has written down whose it is."""
    assert world.bot is not None
    async with asyncio.timeout(5):
        while await world.bot.store.form(form_id) is None:
            await asyncio.sleep(0.01)


def part(message: Message) -> tuple[str, str] | None:
    payload = (message.metadata or {}).get("event_payload", {})
    return (payload["request"], payload["part"]) if payload else None


@pytest.fixture(scope="session")
def chrome() -> Iterator[Any]:
    """One browser for all that look at a page, for tests that are skipped where there is none."""
    from tests.e2e.browser import chromium

    with chromium() as driver:
        yield driver


@pytest.fixture(autouse=True)
def word_after(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no silent cloud: three seconds of a clock that runs tenfold are a third of one. Whoever tests
    that word has a fixture of this name that leaves it as it is.
    """
    monkeypatch.setattr("bot.workflow.unanswered.WORD_AFTER_S", 30.0)


@pytest.fixture(autouse=True)
def plain(no_certificates: None) -> None:
    """The simulators speak no TLS."""


@pytest.fixture(autouse=True)
def triggers_live_long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the same reason: Slack's three seconds to open a form are three of the machine's."""
    monkeypatch.setattr("bot.simulator.workspace.tickets.TRIGGER_LIFE_S", 3.0 * SPEED)


@pytest.fixture
def speed() -> float:
    """How many times as fast as outside."""
    return SPEED


@pytest.fixture
async def setting(tmp_path: Path, speed: float) -> AsyncIterator[tuple[Setting, FastClock]]:
    clock = FastClock(speed)
    setting = Setting(tmp_path, manifest=MANIFEST, now=clock.now)
    setting.cloud.world.timing.min_seconds, setting.cloud.world.timing.max_seconds = 2.0, 5.0
    await setting.start()
    yield setting, clock
    await setting.stop()


@pytest.fixture
async def world(setting: tuple[Setting, FastClock]) -> AsyncIterator[World]:
    """A bot over Socket Mode."""
    world = World(*setting)
    await world.start_bot()
    yield world
    await world.stop_bot()


@pytest.fixture(params=["socket", "http"])
async def either_world(setting: tuple[Setting, FastClock], request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """The same, once over Socket Mode and once over HTTP."""
    world = World(*setting, socket_mode=request.param == "socket")
    await world.start_bot()
    yield world
    await world.stop_bot()


@pytest.fixture
async def quiet_world(setting: tuple[Setting, FastClock]) -> AsyncIterator[World]:
    """The simulators, with no bot yet."""
    world = World(*setting)
    yield world
    await world.stop_bot()
