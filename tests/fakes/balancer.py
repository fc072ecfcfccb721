"""A balancer in front of replicas: each delivery goes to the next one that says it is ready, or to two at once."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Mapping

import aiohttp
from aiohttp import web

LOOKS_EVERY_S = 0.2
UNREADY_AFTER = 2
"""Looks in vain, until nothing more is sent there."""


class Balancer:
    """`replicas`: the port of each, and the port at which it says whether it is ready."""

    def __init__(self, replicas: Mapping[int, int]) -> None:
        self._replicas = replicas
        self._turns = itertools.count()
        self._in_vain: Counter[int] = Counter()
        self._runner: web.AppRunner | None = None
        self._http: aiohttp.ClientSession | None = None
        self._looking: asyncio.Task[None] | None = None
        self.twice = False
        """Each delivery comes to two replicas at the same time; the first one's answer counts."""
        self.sent: Counter[int] = Counter()
        self.failed: list[str] = []
        """Deliveries that no replica answered."""

    async def start(self) -> None:
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True))
        app = web.Application()
        app.router.add_post("/slack/events", self._on_delivery)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._looking = asyncio.create_task(self._look())

    async def stop(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()
        if self._http is not None:
            await self._http.close()

    @property
    def url(self) -> str:
        assert self._runner is not None
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}/slack/events"

    @property
    def ready(self) -> list[int]:
        return [port for port in self._replicas if self._in_vain[port] < UNREADY_AFTER]

    async def _look(self) -> None:
        while True:
            for port, admin in self._replicas.items():
                self._in_vain[port] = 0 if await self._is_ready(admin) else self._in_vain[port] + 1
            await asyncio.sleep(LOOKS_EVERY_S)

    async def _is_ready(self, admin: int) -> bool:
        assert self._http is not None
        try:
            within = aiohttp.ClientTimeout(total=1.0)
            async with self._http.get(f"http://127.0.0.1:{admin}/readyz", timeout=within) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    async def _on_delivery(self, request: web.Request) -> web.Response:
        body, headers = await request.read(), {k: v for k, v in request.headers.items() if k not in ("Host",)}
        ready = self.ready
        turn = next(self._turns)
        chosen = [ready[(turn + more) % len(ready)] for more in range(2 if self.twice else 1)] if ready else []
        answers = await asyncio.gather(*(self._forwarded(port, body, headers) for port in dict.fromkeys(chosen)))
        given = next((answer for answer in answers if answer is not None), None)
        if given is None:
            self.failed.append(f"{chosen}")
            return web.Response(status=502)
        return given

    async def _forwarded(self, port: int, body: bytes, headers: Mapping[str, str]) -> web.Response | None:
        assert self._http is not None
        try:
            async with self._http.post(f"http://127.0.0.1:{port}/slack/events", data=body, headers=headers) as answer:
                self.sent[port] += 1
                passed_on = {k: v for k, v in answer.headers.items() if k in ("Content-Type", "X-Slack-No-Retry")}
                return web.Response(status=answer.status, body=await answer.read(), headers=passed_on)
        except (aiohttp.ClientError, OSError):
            return None
