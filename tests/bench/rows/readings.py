"""What people and operators read, over a store with a year in it, against the same over one with a week in it.

Questions come over Socket Mode to two running bots, in turns: from the delivery to the answer, or to the view that is
published. What the terminal and the engine read is read in this process, with the store's file opened as they do.
"""

from __future__ import annotations

import asyncio
import io
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import aiohttp

from bot.__main__ import _parser
from bot.clock import SystemClock
from bot.store.sqlite.database import SqliteDatabase
from bot.store.store import Store
from bot.workflow.jobs.watch import Watcher
from tests.bench.drivers import SocketLine
from tests.bench.figures import Figure, Goal, figures_of
from tests.bench.processes import Child
from tests.bench.sizes import SOCKET
from tests.bench.stage import App, Stage, a_bot, known, simulators
from tests.bench.stores import in_the_making, lived, request_id
from tests.fakes.cloud import OneCloud
from tests.fakes.many_snapshots import ManyEvs

CODE = "tests/bench/rows/readings.py, stores.py"
FEW = 100
"""How many times less the other store holds."""
WATCHED = 60
NEWEST = 1_000
"""The cloud still has the snapshots of so many requests, so that none is noticed as gone by looking it up."""
WARM_UP = 2
GOALS = {50: Goal(plus=20.0), 95: Goal(plus=20.0)}
WHOLE = ("audit export", "audit verify")
"""What reads every row of the trail, and may take as long as that."""
HOME, HOME_TURNS, HOME_REST_S = "App Home", 8, 3.2
"""The bot publishes one person's view every 3 s at most."""
Reading = Callable[[], Awaitable[float]]


@dataclass
class Filled:
    """A store's file, how many requests are in it, and the bot that works on it."""

    path: Path
    requests: int
    bot: App
    sims: Child
    http: aiohttp.ClientSession

    @property
    def line(self) -> SocketLine:
        assert isinstance(self.bot.line, SocketLine)
        return self.bot.line

    def asked(self) -> dict[str, Reading]:
        some = request_id(self.requests // 2)
        texts = ("list", "list mine", "list disk=bench-00007", f"status {some}", "access", "projects")
        said = {text.split(" r-")[0]: self._said(text) for text in texts}
        return {
            **said,
            "restore-points": self._until_called("chat.postEphemeral", lambda: self.line.deliver("restore-points")),
            HOME: self._until_called("views.publish", self.line.open_home),
            "metrics": self._metrics,
        }

    def _said(self, text: str) -> Reading:
        async def reading() -> float:
            took_s, said = await self.line.deliver(text)
            assert "moment, I am" not in said and "wrong" not in said, said
            return took_s

        return reading

    def _until_called(self, method: str, deliver: Callable[[], Awaitable[object]]) -> Reading:
        """From a delivery to the call to Slack that answers it."""

        async def reading() -> float:
            began = time.perf_counter()
            await deliver()
            async with asyncio.timeout(60):
                while (at := (await self.sims.ask("counts"))["last"].get(method, 0.0)) < began:
                    await asyncio.sleep(0.002)
            return float(at) - began

        return reading

    async def _metrics(self) -> float:
        began = time.perf_counter()
        async with self.http.get(f"http://127.0.0.1:{self.bot.admin_port}/metrics") as answer:
            await answer.read()
        return time.perf_counter() - began


async def measure(stage: Stage) -> list[Figure]:
    many = stage.sizes.requests
    sizes = {f"{many // FEW:,} requests": FEW, f"{many:,} requests": 1}
    measured, directory = list(sizes)[-1], stage.folder()
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        stores: dict[str, Filled] = {}
        for name, part in sizes.items():
            folder = directory / str(part)
            folder.mkdir()
            path = await lived(folder / "store.db", many // part, stage.sizes.audit_rows // part)
            sims = await stack.enter_async_context(simulators(folder, "--channels", "50"))
            newest = min(NEWEST, many // part)
            await sims.ask("in_the_making", first=many // part - newest, count=newest, seconds=0.0)
            bot = await stack.enter_async_context(a_bot(sims, SOCKET, store=path))
            stores[name] = Filled(path, many // part, bot, sims, http)
        times = await _in_turns({name: store.asked() for name, store in stores.items()}, stage.sizes.readings, stores)
        for name, store in stores.items():
            await store.bot.child.stop()
            for what in WHOLE:
                times[what][name] = [await _terminal(store.path, what.split())]
            await in_the_making(store.path, WATCHED, first=10_000_000)
            async with _opened(store.path) as readings:
                for what, values in (await _in_turns({name: readings}, stage.sizes.readings, {})).items():
                    times[what] |= values
    found: list[Figure] = []
    for what, of_store in times.items():
        percents, goals = ((50,), None) if what in WHOLE else ((50, 95), GOALS)
        found += figures_of("readings", f"{what} over {measured}", of_store, measured, CODE, percents, goals)
    return found


async def _in_turns(
    readings: dict[str, dict[str, Reading]], turns: int, stores: dict[str, Filled]
) -> dict[str, dict[str, list[float]]]:
    """Seconds, by what was read and where."""
    times: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for what in next(iter(readings.values())):
        for store in stores.values():
            await known(store.bot)
        first, last = (0, min(turns, HOME_TURNS)) if what == HOME else (-WARM_UP, turns)
        for turn in range(first, last):
            await asyncio.sleep(HOME_REST_S if what == HOME and turn else 0)
            for name, of_store in readings.items():
                took_s = await of_store[what]()
                if turn >= 0:
                    times[what][name].append(took_s)
    return times


@asynccontextmanager
async def _opened(path: Path) -> AsyncIterator[dict[str, Reading]]:
    database = SqliteDatabase(path)
    await database.open()
    store, clock = Store(database, SystemClock()), SystemClock()
    watcher = Watcher(store, OneCloud(ManyEvs()), clock, timedelta(hours=24))

    async def sweep() -> float:
        began = time.perf_counter()
        await store.jobs()
        return time.perf_counter() - began

    async def watch_round() -> float:
        began = time.perf_counter()
        await watcher("payments-prod")
        return time.perf_counter() - began

    async def requests_list() -> float:
        return await _terminal(path, ["requests", "list"])

    yield {"sweep": sweep, f"watch round of {WATCHED}": watch_round, "requests list": requests_list}
    await database.close()


async def _terminal(path: Path, words: list[str]) -> float:
    """A command of the terminal, from its arguments to its last line; the start of a process is left out."""
    config = path.with_suffix(".toml")
    config.write_text(f'[store]\nurl = "sqlite:///{path}"\n', encoding="utf-8")
    with redirect_stdout(io.StringIO()):
        began = time.perf_counter()
        options = _parser().parse_args([*words, "--config", str(config)])
        code = await options.run(options)
        took_s = time.perf_counter() - began
    assert code == 0, words
    return took_s
