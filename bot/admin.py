"""For operators, by default on the loopback address: /healthz, /readyz and /metrics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

from bot.domain.hosts import cannot_listen


@dataclass(slots=True)
class AdminServer:
    """`trouble`: why the process should be started again, "" while it works. `not_served`: why people are not served
    now, "" while they are. `scrape`: the metrics and their content type, for an Accept header.
    """

    host: str
    wanted_port: int
    trouble: Callable[[], Awaitable[str]]
    not_served: Callable[[], Awaitable[str]]
    scrape: Callable[[str], Awaitable[tuple[bytes, str]]]
    _runner: web.AppRunner | None = field(default=None, init=False)

    async def start(self) -> None:
        """Raises CannotListen."""
        server = web.Application()
        server.router.add_get("/healthz", self._on_health)
        server.router.add_get("/readyz", self._on_ready)
        server.router.add_get("/metrics", self._on_metrics)
        self._runner = web.AppRunner(server, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self.host, self.wanted_port).start()
        except OSError as exc:
            await self.stop()
            raise cannot_listen(exc, self.host, self.wanted_port, "ADMIN_HOST, ADMIN_PORT") from None

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
        if trouble := await self.trouble():
            return web.Response(status=503, text=f"{trouble}\n")
        return web.Response(text="ok\n")

    async def _on_ready(self, _: web.Request) -> web.Response:
        if why := await self.not_served():
            return web.Response(status=503, text=f"not ready: {why}\n")
        return web.Response(text="ready\n")

    async def _on_metrics(self, request: web.Request) -> web.Response:
        body, content_type = await self.scrape(request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})
