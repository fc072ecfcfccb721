"""Several bots as processes of their own on one PostgreSQL, beside both simulators: real time, real signals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.simulator.setting import Setting
from bot.slack.client.scopes import SCOPES
from tests.e2e.street import BotProcess, Street
from tests.fakes.balancer import Balancer
from tests.judge import gathered, judged
from tests.ports import free_port

QUICK_LEASE = """
import sys
from datetime import timedelta
import bot.engine.shared as engine
engine.LEASE, engine.LOOK = timedelta(seconds=3), timedelta(milliseconds=500)
from bot.__main__ import main
sys.exit(main())
"""
"""A replica as it is, but that others wait for its death ten times less long."""


@dataclass
class Replicas(Street):
    """A street of several bots, `bot` being the first of them. Over HTTP they stand behind a balancer."""

    bots: list[BotProcess] = field(default_factory=list)
    balancer: Balancer | None = None

    async def start(self) -> None:
        await asyncio.gather(*(one.start() for one in self.bots))
        await self.all_are_up()

    async def all_are_up(self) -> None:
        async with asyncio.timeout(60):
            while any("the bot is up" not in one.text() for one in self.bots):
                await asyncio.sleep(0.05)
        if self.balancer is not None:
            self.slack.request_url = self.balancer.url
            async with asyncio.timeout(10):
                while len(self.balancer.ready) < len(self.bots):
                    await asyncio.sleep(0.05)
        await self.slack.wait_for_bot(timeout=60)

    def slack_complaints(self) -> list[dict[str, Any]]:
        """Whatever Slack found wrong with what the bots sent or answered."""
        return [entry for entry in self.slack.journal if entry["entry"] == "validation"]

    async def broken_promises(self, accepted: list[str]) -> dict[str, list[str]]:
        """As the judge sees them from outside, once all is quiet."""
        async with self.database() as database:
            return {
                name: why for name, why in judged(await gathered(self.setting, database, accepted, [])).items() if why
            }


@asynccontextmanager
async def some_replicas(
    directory: Path,
    store: str,
    count: int,
    *,
    http: bool = True,
    programs: Mapping[int, tuple[str, ...]] | None = None,
    **environment: str,
) -> AsyncIterator[Replicas]:
    """`programs`: what Python runs in place of the bot, by the number of the replica."""
    setting = Setting(directory, scopes=SCOPES, reconcile_seconds=2, busy_retry_seconds=0.2)
    setting.cloud.world.timing.min_seconds, setting.cloud.world.timing.max_seconds = 0.5, 2.0
    await setting.start()
    ports = {free_port(): free_port() for _ in range(count)}
    shared = {**setting.environment(socket_mode=not http), "BOT_STORE": store, "LOG_FORMAT": "console", **environment}
    bots = [
        BotProcess(
            {**shared, "PORT": str(port), "ADMIN_PORT": str(admin)},
            directory / f"bot-{number}.log",
            program=(programs or {}).get(number, ("-m", "bot")),
        )
        for number, (port, admin) in enumerate(ports.items())
    ]
    balancer = Balancer(ports) if http else None
    try:
        if balancer is not None:
            await balancer.start()
        yield Replicas(setting, bots[0], bots, balancer)
    finally:
        await asyncio.gather(*(one.make_sure_it_ended() for one in bots))
        if balancer is not None:
            await balancer.stop()
        await setting.stop()
