"""For operators, by default on the loopback address: /healthz, /readyz and /metrics."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

from bot.connections import Entry, Limits
from bot.domain.hosts import cannot_listen

_server_log = logging.getLogger(f"{__name__}.server")

BOUNDS = Limits(most=100)
STOP_SECONDS = 2.0
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


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
    limits: Limits = BOUNDS
    _entry: Entry = field(init=False)

    async def start(self) -> None:
        """Raises CannotListen."""
        server = web.Application(middlewares=[self._answering])
        server.router.add_get("/healthz", self._on_health)
        server.router.add_get("/readyz", self._on_ready)
        server.router.add_get("/metrics", self._on_metrics)
        runner = web.AppRunner(server, shutdown_timeout=STOP_SECONDS)
        self._entry = Entry(runner, self.limits, "the address for operators", _server_log, lingering_time=0.0)
        try:
            await self._entry.start(self.host, self.wanted_port)
        except OSError as exc:
            raise cannot_listen(exc, self.host, self.wanted_port, "ADMIN_HOST, ADMIN_PORT") from None

    @property
    def port(self) -> int:
        """The port in use, also when 0 asked for any."""
        return self._entry.port

    async def stop(self) -> None:
        await self._entry.stop()

    @web.middleware
    async def _answering(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """No person is known here, and each answer takes a moment: for that long its connection stays."""
        with self._entry.connections.handling(request.transport) as is_known:
            is_known()
            return await handler(request)

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
