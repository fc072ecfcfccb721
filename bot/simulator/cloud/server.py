"""The simulated cloud on loopback ports, over plain HTTP: EVS, IAM and the metadata service under one root, ECS under
another. Each root answers for the other's paths as the gateway does: there is no such API.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from email.utils import format_datetime

from aiohttp import web

from bot.simulator.cloud import errors
from bot.simulator.cloud.calls import Route
from bot.simulator.cloud.control import Control
from bot.simulator.cloud.core import ROUTES, UNPUBLISHED, Cloud, Outcome
from bot.simulator.cloud.world import CloudWorld

MAX_BODY_BYTES = 12 * 1024 * 1024
"""Source: devg-apisign, api-sign-errorcode, APIGW.0201."""


class CloudSimulator(Cloud):
    """A cloud that listens on 127.0.0.1. Start it in a running event loop; it can be started again after a stop."""

    def __init__(self, world: CloudWorld | None = None, *, now: Callable[[], datetime] | None = None) -> None:
        super().__init__(world, now=now)
        self._runners: list[web.AppRunner] = []
        self._stopping = asyncio.Event()

    @property
    def url(self) -> str:
        """The root of EVS, IAM and the metadata service, such as http://127.0.0.1:49152. Raises RuntimeError unless
        started.
        """
        return self._root("evs")

    @property
    def ecs_url(self) -> str:
        """The root of ECS. Raises RuntimeError unless started."""
        return self._root("ecs")

    def _root(self, service: str) -> str:
        if not self._runners:
            raise RuntimeError("The cloud simulator is not running.")
        return self._roots[service]

    async def start(self, port: int = 0, ecs_port: int = 0) -> None:
        """Listen on these ports of 127.0.0.1, or on any free ones. Raises OSError when a port is taken."""
        if self._runners:
            raise RuntimeError("The cloud simulator is running already.")
        self._stopping.clear()
        try:
            for service, wanted in (("evs", port), ("ecs", ecs_port)):
                await self._listen(service, wanted)
        except OSError:
            await self.stop()
            raise

    async def _listen(self, service: str, port: int) -> None:
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        Control(self).register(app)
        for route in (*(one for one in ROUTES if one.service == service), UNPUBLISHED):
            app.router.add_route(route.method, route.path, self._endpoint(route, service))
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runners.append(runner)
        self._roots[service] = f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Close the ports and every connection; callers left hanging get nothing."""
        runners, self._runners = self._runners, []
        self._stopping.set()
        for runner in runners:
            await runner.cleanup()

    def _endpoint(self, route: Route, service: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def endpoint(request: web.Request) -> web.StreamResponse:
            try:
                raw_body = await request.read()
            except web.HTTPRequestEntityTooLarge:
                error = errors.gateway(413, "APIGW.0201", "Request entity too large.")
                return web.json_response(error.body(""), status=413, headers={"X-Request-Id": "0" * 32})
            params = dict(request.match_info)
            query = {name: ",".join(request.query.getall(name)) for name in request.query}
            outcome = self.handle(
                route, request.method, request.raw_path, params, query, request.headers, raw_body, self._roots[service]
            )
            return await self._send(request, outcome)

        return endpoint

    async def _send(self, request: web.Request, outcome: Outcome) -> web.StreamResponse:
        fault, answer = outcome.fault, outcome.answer
        if fault is not None and fault.kind == "hang":
            await self._stopping.wait()
        if answer is None:
            return _hang_up(request)
        if fault is not None and fault.kind == "slow":
            await self._pause(fault.seconds(default=5))
        date = format_datetime(self._now().replace(microsecond=0), usegmt=True)
        headers = {"X-Request-Id": outcome.request_id, "Date": date, **answer.headers}
        if answer.status == 204:
            return web.Response(status=204, headers=headers)
        return web.Response(
            status=answer.status, body=answer.payload(), content_type=answer.content_type, headers=headers
        )

    async def _pause(self, seconds: float) -> None:
        """Wait in real time, but not longer than the server runs."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass


def _hang_up(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.close()
    return web.Response()
