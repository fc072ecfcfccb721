"""PostgreSQL, which ends well or badly and comes back, while replicas of the bot work on it."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from pathlib import Path

from tests.postgres import Cluster

EVERY_S = (8.0, 25.0)
AWAY_S = (0.0, 0.5, 3.0, 8.0)


class Server:
    """A server of its own for one run. A killed process loses nothing that it had handed over to the machine."""

    def __init__(self, directory: Path, rng: random.Random, counts: Counter[str]) -> None:
        self._cluster = Cluster(directory)
        self._rng = rng
        self._counts = counts

    async def start(self) -> str:
        """Answers the URL of an empty database."""
        import asyncpg

        await asyncio.to_thread(self._cluster.start)
        connection = await asyncpg.connect(self._cluster.url())
        await connection.execute("create database chaos")
        await connection.close()
        return self._cluster.url("chaos")

    async def stop(self) -> None:
        await asyncio.to_thread(self._cluster.stop, signal.SIGQUIT)

    async def goes_and_comes(self, ended: asyncio.Event, at_least: int) -> None:
        """Until nothing goes wrong any more, and so many times."""
        while not ended.is_set() or self._counts["PostgreSQL restarts"] < at_least:
            await asyncio.sleep(self._rng.uniform(*EVERY_S))
            self._counts["PostgreSQL restarts"] += 1
            how = self._rng.choice([signal.SIGINT, signal.SIGQUIT])  # fast; immediate, which is a crash
            await asyncio.to_thread(self._cluster.stop, how)
            await asyncio.sleep(self._rng.choice(AWAY_S))
            await asyncio.to_thread(self._cluster.start)
