"""PostgreSQL, which ends well or badly and comes back, or whose standby takes over, while replicas work on it."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from pathlib import Path

from tests.postgres import PASSWORD, ROLE, Cluster

EVERY_S = (8.0, 25.0)
AWAY_S = (0.0, 0.5, 3.0, 8.0)


class Server:
    """A server of its own for one run, and a standby that each commit waits for. A killed process loses nothing that it
    had handed over to the machine.
    """

    def __init__(self, directory: Path, rng: random.Random, counts: Counter[str]) -> None:
        self._pair = Cluster(directory / "one"), Cluster(directory / "other")
        self._rng = rng
        self._counts = counts

    @property
    def _url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{one.port}" for one in self._pair)
        return f"postgresql://{ROLE}:{PASSWORD}@{hosts}/chaos?target_session_attrs=read-write"

    async def start(self) -> str:
        """Answers the URL of an empty database, with both hosts."""
        await asyncio.to_thread(self._start)
        return self._url

    def _start(self) -> None:
        primary, standby = self._pair
        primary.start()
        primary.do(f"create database chaos owner {ROLE}")
        primary.take_on(standby)

    async def stop(self) -> None:
        for one in self._pair:
            await asyncio.to_thread(one.stop, signal.SIGQUIT)

    async def goes_and_comes(self, ended: asyncio.Event, at_least: int) -> None:
        """Until nothing goes wrong any more, and so many times."""
        while not ended.is_set() or self._counts["PostgreSQL restarts"] < at_least:
            await asyncio.sleep(self._rng.uniform(*EVERY_S))
            if self._rng.random() < 0.25:
                self._counts["PostgreSQL failovers"] += 1
                await asyncio.to_thread(self._fail_over)
            else:
                self._counts["PostgreSQL restarts"] += 1
                how = self._rng.choice([signal.SIGINT, signal.SIGQUIT])  # fast; immediate, which is a crash
                await asyncio.to_thread(self._pair[0].stop, how)
                await asyncio.sleep(self._rng.choice(AWAY_S))
                await asyncio.to_thread(self._pair[0].start)

    def _fail_over(self) -> None:
        """The primary crashes for good; its standby is promoted, and gets a new one."""
        lost, promoted = self._pair
        lost.stop(signal.SIGQUIT)
        promoted.promote()
        self._pair = promoted, lost
        promoted.take_on(lost)
