"""A loopback server that answers as a test tells it to, remembers what it was asked, and a clock to wind."""

from __future__ import annotations

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from pydantic import SecretStr

from bot.domain.projects import AccessKeyCredentials, AgencyCredentials, Credentials, PasswordCredentials, Project
from bot.domain.snapshots import CreateStandardSnapshot

PROJECT_ID = "0123456789abcdef0123456789abcdef"
DISK = "3f1c2d4e-5a6b-4c7d-8e9f-0a1b2c3d4e5f"
SNAPSHOT = "7a6b5c4d-3e2f-4a1b-9c8d-7e6f5a4b3c2d"
JOB = "4010a32d535527910153552b492c0002"
NOON = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)

PASSWORD = "PASSWORD-kept-to-myself"
ACCESS_KEY = "ACCESSKEYKEPTTOMYSELF"
SECRET_KEY = "SECRETKEYKEPTTOMYSELFSECRETKEYKEPTTOMYSELF"
SECURITY_TOKEN = "SECURITYTOKENKEPTTOMYSELF"

TICKET = {"job_id": JOB, "snapshot_id": SNAPSHOT}


class FakeClock:
    """Implements `bot.ports.clock.Clock`: sleeping takes no time and moves `time` on."""

    def __init__(self) -> None:
        self.time = NOON
        self.slept: list[float] = []
        self._stepped = timedelta()

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return (self.time - self._stepped - NOON).total_seconds()

    def step(self, amount: timedelta) -> None:
        """Somebody sets the clock: the date changes, and no time passes."""
        self.time += amount
        self._stepped += amount

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += timedelta(seconds=seconds)
        await asyncio.sleep(0)


@dataclass(frozen=True)
class Reply:
    """`body` is sent as JSON unless it is bytes. `end`: "drop" closes without an answer, "hang" never answers."""

    status: int = 200
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    end: str = "answer"


@dataclass(frozen=True)
class Seen:
    """One request as it arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class ScriptedCloud:
    """Replies wait in line by method and path pattern; the last one stays. IAM hands out token-1, token-2, …"""

    def __init__(self) -> None:
        self.url = ""
        self.seen: list[Seen] = []
        self.came_from: set[object] = set()
        """The other end of each connection that a call came over."""
        self.token_life = timedelta(hours=24)
        self.tokens = 0
        self.issued_at = NOON
        self.busiest = 0
        self._busy = 0
        self._lines: dict[tuple[str, str], list[Reply]] = defaultdict(list)
        self._over = asyncio.Event()
        self._news = asyncio.Condition()
        self._runner: web.AppRunner | None = None
        self.hold: asyncio.Event | None = None

    def on(self, method: str, path: str, *replies: Reply) -> None:
        """Give these replies to calls whose path ends like that, one after the other."""
        self._lines[method, path] = list(replies)

    def asked(self, path: str = "", method: str = "") -> list[Seen]:
        """What came for a path that ends like that."""
        return [one for one in self.seen if re.search(f"{path}$", one.path) and method in ("", one.method)]

    async def has_been_asked(self, path: str, times: int) -> None:
        """Wait until so many calls have arrived for a path that ends like that."""
        async with self._news:
            await self._news.wait_for(lambda: len(self.asked(path)) >= times)

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def stop(self) -> None:
        self._over.set()
        assert self._runner is not None
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.seen.append(Seen(request.method, request.path, dict(request.query), dict(request.headers), body))
        assert request.transport is not None
        self.came_from.add(request.transport.get_extra_info("peername"))
        async with self._news:
            self._news.notify_all()
        self._busy += 1
        self.busiest = max(self.busiest, self._busy)
        try:
            if self.hold is not None and not request.path.endswith("/auth/tokens"):
                await self.hold.wait()
            return await self._reply(request)
        finally:
            self._busy -= 1

    async def _reply(self, request: web.Request) -> web.StreamResponse:
        reply = self._next(request.method, request.path)
        if reply.end == "hang":
            await self._over.wait()
        if reply.end == "drop":
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        raw = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        return web.Response(status=reply.status, body=raw, headers={"X-Request-Id": "req-1", **reply.headers})

    def _next(self, method: str, path: str) -> Reply:
        for (wanted, pattern), line in self._lines.items():
            if wanted == method and re.search(f"{pattern}$", path):
                return line.pop(0) if len(line) > 1 else line[0]
        if path.endswith("/v3/auth/tokens"):
            return self.token()
        return Reply(404, {"error_code": "APIGW.0101", "error_msg": f"nothing scripted for {method} {path}"})

    def token(self) -> Reply:
        self.tokens += 1
        end = self.issued_at + self.token_life
        body = {"token": {"expires_at": end.strftime("%Y-%m-%dT%H:%M:%S.000000Z")}}
        return Reply(201, body, {"X-Subject-Token": f"token-{self.tokens}-kept-to-myself"})


def a_password() -> PasswordCredentials:
    return PasswordCredentials("payments", "ACME", "snapshot-bot", SecretStr(PASSWORD))


def an_access_key(*, temporary: bool = False) -> AccessKeyCredentials:
    token = SecretStr(SECURITY_TOKEN) if temporary else None
    return AccessKeyCredentials("shop", SecretStr(ACCESS_KEY), SecretStr(SECRET_KEY), token)


def an_agency(url: str) -> AgencyCredentials:
    return AgencyCredentials("vm", url)


def a_project(url: str, credentials: Credentials, alias: str = "web") -> Project:
    return Project(alias, PROJECT_ID, "ap-southeast-3", credentials.name, url, url, url)


def a_snapshot(**fields: Any) -> CreateStandardSnapshot:
    return CreateStandardSnapshot(**{"volume_id": DISK, **fields})


def evs_error(status: int, code: str, message: str = "said by EVS") -> Reply:
    return Reply(status, {"error": {"code": code, "message": message}})


def gateway_error(status: int, code: str, message: str = "said by the gateway") -> Reply:
    return Reply(status, {"error_code": code, "error_msg": message, "request_id": "req-gateway"})
