"""For operators, by default on the loopback address: /healthz, /readyz and /metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiohttp import web

from bot.metrics import COUNTED, exposition


class AdminServer:
    """`trouble`: why the process should be started again, "" while it works. `ready`: the store is writable and Slack
    is connected. `counts`: the rows of tables by their state.
    """

    def __init__(
        self,
        host: str,
        port: int,
        trouble: Callable[[], Awaitable[str]],
        ready: Callable[[], Awaitable[bool]],
        counts: Callable[[Sequence[str]], Awaitable[Mapping[tuple[str, str], int]]],
    ) -> None:
        self._host = host
        self._port = port
        self._trouble = trouble
        self._ready = ready
        self._counts = counts
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        server = web.Application()
        server.router.add_get("/healthz", self._on_health)
        server.router.add_get("/readyz", self._on_ready)
        server.router.add_get("/metrics", self._on_metrics)
        self._runner = web.AppRunner(server, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()

    @property
    def port(self) -> int:
        """The port in use, also when 0 asked for any."""
        assert self._runner is not None
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()
            self._runner = None

    async def _on_health(self, _: web.Request) -> web.Response:
        if trouble := await self._trouble():
            return web.Response(status=503, text=f"{trouble}\n")
        return web.Response(text="ok\n")

    async def _on_ready(self, _: web.Request) -> web.Response:
        if await self._ready():
            return web.Response(text="ready\n")
        return web.Response(status=503, text="not ready: the store is not writable, or Slack is not connected\n")

    async def _on_metrics(self, _: web.Request) -> web.Response:
        return web.Response(text=exposition(await self._counts(COUNTED)), content_type="text/plain")
