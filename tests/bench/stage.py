"""What a row needs around it: the simulators, the bot and the apps it is measured against, each in its own process."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.bench import world
from tests.bench.drivers import SIGNING_SECRET, Delivered, Line, SocketLine, http_line, socket_line
from tests.bench.processes import Child, running
from tests.bench.sizes import HTTP, SOCKET, Sizes
from tests.ports import free_port

_turn = itertools.count()


@dataclass
class Stage:
    """A folder for one run, on the disk that is measured."""

    directory: Path
    sizes: Sizes

    def folder(self) -> Path:
        return Path(tempfile.mkdtemp(prefix="row-", dir=self.directory))


@dataclass
class App:
    """One app under measure, and the way to it."""

    child: Child
    line: Line
    admin_port: int = 0


@asynccontextmanager
async def simulators(directory: Path, *options: str) -> AsyncIterator[Child]:
    async with running("tests.bench.apps.simulators", str(directory), *options) as child:
        yield child


@asynccontextmanager
async def a_bare_app(kind: str, transport: str, cloud_url: str = "") -> AsyncIterator[App]:
    async with (
        socket_line() as slack,
        running("tests.bench.apps.bare", kind, transport, slack.api_url, cloud_url) as child,
        http_line(child.said["port"]) as http,
    ):
        if transport == SOCKET:
            await slack.connected()
        yield App(child, slack if transport == SOCKET else http)


def bot_environment(sims: Child, transport: str, store: Path | None) -> dict[str, str]:
    environment = {
        **sims.said["environment"],
        "SLACK_SIGNING_SECRET": SIGNING_SECRET,
        "PORT": str(free_port()),
        "ADMIN_PORT": str(free_port()),
    }
    if transport == HTTP:
        del environment["SLACK_APP_TOKEN"]
    if store is not None:
        environment["BOT_STORE"] = f"sqlite:///{store}"
    return environment


@asynccontextmanager
async def a_bot(
    sims: Child, transport: str = SOCKET, *words: str, store: Path | None = None, line: SocketLine | None = None
) -> AsyncIterator[App]:
    """`snapshot-bot run`, or with words what `tests.bench.apps.bot` makes of it. It knows everybody already."""
    environment = bot_environment(sims, transport, store)
    module, arguments = ("tests.bench.apps.bot", words) if words else ("bot", ("run",))
    async with socket_line() as own:
        slack = line or own
        await sims.ask("lead_to", link=slack.link)
        async with running(module, *arguments, environment=environment, speaks=False) as child:
            admin = int(environment["ADMIN_PORT"])
            await ready(admin)
            async with http_line(int(environment["PORT"])) as http:
                app = App(child, slack if transport == SOCKET else http, admin)
                await known(app)
                yield app


async def ready(port: int) -> None:
    async with aiohttp.ClientSession() as session, asyncio.timeout(120):
        while True:
            try:
                async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.02)


async def known(app: App) -> None:
    """Until the bot knows who everybody is: it believes Slack for a minute, and decides without them only later."""
    for person in (world.ALICE, *map(world.person_id, range(world.PEOPLE))):
        async with asyncio.timeout(30):
            while "moment" in (await app.line.deliver("access", person=person))[1]:
                await asyncio.sleep(0.05)


def commits(path: Path) -> Callable[[], float]:
    """Seconds that one commit of a row takes where every commit is synced, with nothing else around it."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("pragma journal_mode=wal")
    connection.execute("pragma synchronous=full")
    connection.execute("create table if not exists kept (id integer primary key, words text)")

    def commit() -> float:
        began = time.perf_counter()
        connection.execute("insert into kept (words) values (?)", ("w" * 600,))
        return time.perf_counter() - began

    return commit


async def at_once(app: App, count: int, text: str) -> list[Delivered]:
    """From as many people, one after the other."""
    people = [world.person_id(next(_turn)) for _ in range(count)]
    return await asyncio.gather(*[app.line.deliver(text, person=person) for person in people])


def added(after: Mapping[str, int], before: Mapping[str, int]) -> int:
    return sum(after.values()) - sum(before.values())
