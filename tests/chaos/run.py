"""One run: people ask all the time, everything goes wrong that can, then nothing does any more, and the judge looks."""

from __future__ import annotations

import asyncio
import contextlib
import random
import resource
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bot.cli import BAD_USE, FAILED
from bot.clock import SystemClock
from bot.simulator.setting import Setting
from bot.simulator.workspace import Message
from bot.slack.client.scopes import SCOPES
from bot.store.database import Database
from bot.store.script import Script, sql
from bot.store.sqlite.database import SqliteDatabase
from tests.chaos import power
from tests.chaos.faults import cloud_fault, slack_fault
from tests.chaos.people import Crowd, furnish, orders
from tests.chaos.server import Server
from tests.judge import Evidence, Life, gathered, judged
from tests.nursery import ForkedBot, Nursery
from tests.ports import free_port

UP_WITHIN_S = 60.0
STOPS_WITHIN_S = 15.0
ENDS_WITHIN_S = 600.0
"""For what is over at once, however busy the machine is."""
QUIET_WITHIN_S = 1200.0
LIFE_S = 2.5
"""How long a moment is waited for before the bot is struck all the same."""

LEFT = """
select 'request ' || id as what from request where to_send = 1 or state in ('received', 'running')
union all select 'item ' || item.id from item join request on request.id = item.request_id
    where item.state in ('planned', 'submitting', 'uncertain', 'creating') and request.state = 'running'
union all select 'deletion of ' || item_id from deletion where state = 'deleting' or (told = 0 and state <> 'asked')
union all select 'reply ' || id from deferred_reply
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """`kills`, and `restarts` of PostgreSQL: the troubles go on until there were so many, though the time is over."""

    mode: str
    seed: int
    seconds: float
    requests: int
    replicas: int = 1
    kills: int = 0
    restarts: int = 0
    calm_s: float = 0.0
    """For up to how long a bot is let be before a moment to strike at is looked for."""
    disks: int = 400
    most: int = 12
    """Disks of one request."""


@dataclass
class Outcome:
    """`counts` are the figures, `problems` what the judge found, in words, in the `evidence`."""

    plan: Plan
    problems: list[str]
    counts: dict[str, Any]
    evidence: Evidence


@dataclass(eq=False)
class Replica:
    name: str
    environment: Mapping[str, str]
    output: Path
    process: ForkedBot | None = None
    begun: float = 0.0


Strike = Callable[[Replica, random.Random], Awaitable[None]]


class _Journal(list[dict[str, Any]]):
    def __init__(self, heard: Callable[[dict[str, Any]], None]) -> None:
        self._heard = heard

    def append(self, entry: dict[str, Any]) -> None:
        super().append(entry)
        self._heard(entry)


@dataclass
class Chaos:
    plan: Plan
    setting: Setting
    nursery: Nursery
    database: Callable[[], Database]
    replicas: list[Replica]
    store: Path | None = None
    """The file of the store, where it is one."""
    counts: Counter[str] = field(default_factory=Counter)
    lives: list[Life] = field(default_factory=list)
    unforeseen: list[str] = field(default_factory=list)
    _moments: dict[str, list[asyncio.Future[None]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rng = random.Random(f"{self.plan.seed}/{self.plan.mode}")
        self.crowd = Crowd(self.setting, random.Random(f"{self.plan.seed}/crowd"))
        self.setting.cloud.journal = _Journal(self._on_cloud_call)
        self.setting.workspace.on_change(self._on_message)

    @property
    def slack(self) -> Any:
        return self.setting.workspace

    # --- from the beginning to the end --------------------------------------------------------------------------------

    async def live_through(self, server: Server | None = None) -> Outcome:
        begun, workspace_begun = time.monotonic(), self.slack.state.clock()
        furnish(self.setting, self.plan.disks)
        await asyncio.gather(*(self._start(one) for one in self.replicas))
        orders_of, plan = random.Random(f"{self.plan.seed}/orders"), self.plan
        asked = orders(orders_of, plan.requests, plan.seconds, plan.disks, plan.most)
        asking = [asyncio.create_task(self.crowd.ask(order)) for order in asked]
        faults, over = asyncio.create_task(self._faults()), asyncio.Event()
        restarting = asyncio.create_task(server.goes_and_comes(over, self.plan.restarts)) if server else None
        await asyncio.gather(*(self._lives(one) for one in self.replicas))
        over.set()
        if restarting:
            await restarting
        faults.cancel()
        await asyncio.gather(faults, return_exceptions=True)
        self.setting.cloud.clear_faults()
        self.slack.state.faults.waiting.clear()
        supervising = asyncio.create_task(self._supervise())
        try:
            async with asyncio.timeout(QUIET_WITHIN_S):
                await asyncio.gather(*asking)
                await self._until_quiet()
        except TimeoutError:
            self.unforeseen.append(f"these stand still: {', '.join((await self._left())[:5]) or 'people who ask'}")
        supervising.cancel()
        await asyncio.gather(supervising, return_exceptions=True)
        await asyncio.gather(*(self._stop(one) for one in self.replicas if one.process is not None))
        if len(self.replicas) > 1:  # they count together, and so for as long as one of them lives
            self.lives = [Life(workspace_begun, self.slack.state.clock())]
        return await self._judged(time.monotonic() - begun)

    async def _judged(self, took_s: float) -> Outcome:
        database = self.database()
        await database.open()
        evidence = await gathered(self.setting, database, self.crowd.accepted, self.crowd.taken, self.lives)
        await database.close()
        complaints = [entry for entry in self.slack.journal if entry["entry"] == "validation"]
        found = judged(evidence)
        found["unforeseen"] = [
            *self.unforeseen,
            *(f"Slack complained: {entry['where']} {entry['errors']}" for entry in complaints),
        ]
        states = Counter(row["state"] for row in evidence.rows["item"])
        counts = {
            "requests": len(evidence.rows["request"]),
            "items": sum(states.values()),
            "available": states["available"],
            **{name: self.counts[name] for name in sorted(self.counts)},
            "seconds": round(took_s, 1),
            **{promise: len(problems) for promise, problems in found.items()},
        }
        return Outcome(self.plan, [problem for problems in found.values() for problem in problems], counts, evidence)

    async def _until_quiet(self) -> None:
        while await self._left():
            await asyncio.sleep(1)

    async def _supervise(self) -> None:
        """Start those anew that ended by themselves."""
        while True:
            for one in self.replicas:
                if one.process is not None and one.process.returncode is not None:
                    self._ended(one, one.process.returncode, "by itself")
                if one.process is None:
                    await self._start(one)
            await asyncio.sleep(1)

    async def _left(self) -> list[str]:
        def left() -> Script[list[str]]:
            return [row["what"] for row in (yield sql(LEFT))]

        database = self.database()
        await database.open()
        try:
            return await database.read(left)
        finally:
            await database.close()

    # --- lives and how they end ---------------------------------------------------------------------------------------

    async def _start(self, one: Replica) -> None:
        one.begun = self.slack.state.clock()
        one.process = await self.nursery.start(["run"], one.environment, one.output)
        self.counts["starts"] += 1

    async def _stop(self, one: Replica) -> None:
        assert one.process is not None
        one.process.send_signal(signal.SIGTERM)
        try:
            code = await asyncio.wait_for(one.process.wait(), STOPS_WITHIN_S)
        except TimeoutError:
            self.unforeseen.append(f"{one.name} did not stop within {STOPS_WITHIN_S:g} s")
            one.process.send_signal(signal.SIGKILL)
            code = await asyncio.wait_for(one.process.wait(), ENDS_WITHIN_S)
        self._ended(one, code, "when it was told to stop")

    def _ended(self, one: Replica, code: int, when: str) -> None:
        away = code == FAILED and self.store is None
        if away or code in (BAD_USE, -signal.SIGTERM):
            self.counts["starts in vain"] += 1  # without a server or room, or told to stop before it listened to that
        elif code != 0:
            self.unforeseen.append(f"{one.name} ended with {code} {when}")
        self._over(one)

    async def _kill(self, one: Replica) -> None:
        assert one.process is not None
        one.process.send_signal(signal.SIGKILL)
        await asyncio.wait_for(one.process.wait(), ENDS_WITHIN_S)
        self._over(one)

    def _over(self, one: Replica) -> None:
        one.process = None
        if len(self.replicas) == 1:
            self.lives.append(Life(one.begun, self.slack.state.clock()))

    async def _lives(self, one: Replica) -> None:
        """Struck again and again, each time at another sort of moment."""
        loop, rng = asyncio.get_running_loop(), random.Random(f"{self.plan.seed}/{one.name}")
        until = loop.time() + self.plan.seconds
        while loop.time() < until or self.counts["kills"] < self.plan.kills:
            if one.process is None:
                if len(self.replicas) == 1:
                    self.slack.advance(3.0)  # no operator starts a bot so often: for Slack's budgets more time passes
                await self._start(one)
            if one.process is not None and one.process.returncode is not None:
                self._ended(one, one.process.returncode or 1, "by itself")
                continue
            await asyncio.sleep(rng.uniform(0, self.plan.calm_s))
            await self._comes(rng)
            strikes = self._strikes()
            await rng.choices(list(strikes), list(strikes.values()))[0](one, rng)

    def _strikes(self) -> dict[Strike, int]:
        """Each with its weight."""
        strikes: dict[Strike, int] = {
            self._is_killed: 75,
            self._is_stopped: 7,
            self._is_frozen: 8,
            self._has_no_room: 5,
        }
        if self.store is not None:
            strikes[self._loses_power] = 8
        return strikes

    async def _is_killed(self, one: Replica, rng: random.Random) -> None:
        self.counts["kills"] += 1
        await self._kill(one)

    async def _loses_power(self, one: Replica, rng: random.Random) -> None:
        """Killed, and what of its store was not synced is lost."""
        assert self.store is not None
        self.counts["power cuts"] += 1
        await self._is_killed(one, rng)
        power.cut(self.store, rng)

    async def _is_stopped(self, one: Replica, rng: random.Random) -> None:
        self.counts["stops"] += 1
        await self._stop(one)

    async def _is_frozen(self, one: Replica, rng: random.Random) -> None:
        assert one.process is not None
        self.counts["freezes"] += 1
        one.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(rng.choice([0.3, 1.5, 4.0] if self.store else [1.5, 4.0, 4.0, 40.0]))
        one.process.send_signal(signal.SIGCONT)

    async def _has_no_room(self, one: Replica, rng: random.Random) -> None:
        """No file of it may be written beyond its first bytes for a while, as on a full disk."""
        assert one.process is not None
        self.counts["full disks"] += 1
        self._limit(one.process, 0)
        await asyncio.sleep(rng.choice([0.2, 1.0, 2.5]))
        self._limit(one.process, resource.RLIM_INFINITY)

    @staticmethod
    def _limit(process: ForkedBot, soft: int) -> None:
        with contextlib.suppress(ProcessLookupError):  # it may have ended meanwhile
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))

    # --- moments ------------------------------------------------------------------------------------------------------

    async def _comes(self, rng: random.Random) -> None:
        """A moment worth striking at, or LIFE_S."""
        moment = rng.choice(["any", "post", "post", "slow post", "word", "word", "commit", "connection"])
        coming = asyncio.ensure_future(self._moment(moment))
        await asyncio.wait({coming}, timeout=rng.uniform(0.1 if moment == "any" else 1.0, LIFE_S))
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
        await asyncio.sleep(rng.choice([0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.4]))

    async def _moment(self, moment: str) -> None:
        """A POST that arrived, with its answer on the way or held up; a word in Slack; a row that was written."""
        match moment:
            case "slow post":
                self.setting.cloud.fault("create_snapshot", "slow", seconds=0.4)
                await self._heard("post")
            case "post" | "word":
                await self._heard(moment)
            case "connection":
                await self.slack.until(lambda: self.slack.connections > 0, LIFE_S)
            case "commit" if self.store is not None:
                log = power.suffixed(self.store, "-wal")
                while not log.exists():
                    await asyncio.sleep(0.02)
                before = log.stat().st_mtime_ns
                while log.stat().st_mtime_ns == before:
                    await asyncio.sleep(0.001)
            case _:
                await asyncio.sleep(LIFE_S)

    async def _heard(self, moment: str) -> None:
        awaited: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._moments.setdefault(moment, []).append(awaited)
        await awaited

    def _came(self, moment: str) -> None:
        for awaited in self._moments.pop(moment, []):
            if not awaited.done():
                awaited.set_result(None)

    def _on_cloud_call(self, entry: dict[str, Any]) -> None:
        if entry["operation"] in ("create_snapshot", "create_group", "delete_snapshot"):
            self.counts["posts"] += 1
            self._came("post")

    def _on_message(self, message: Message, kind: str) -> None:
        if message.from_app:
            self._came("word")

    async def _faults(self) -> None:
        while True:
            await asyncio.sleep(self.rng.uniform(0.3, 2.0))
            self.counts["faults"] += 1
            if self.rng.random() < 0.5:
                self.setting.cloud.fault(**cloud_fault(self.rng))
            else:
                self.slack.fault(**slack_fault(self.rng))


async def run(plan: Plan) -> Outcome:
    async with AsyncExitStack() as left:
        directory = Path(left.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        setting = Setting(directory, scopes=SCOPES, reconcile_seconds=2, busy_retry_seconds=0.2)
        setting.cloud.world.timing.min_seconds, setting.cloud.world.timing.max_seconds = 0.5, 2.0
        await setting.start()
        left.push_async_callback(setting.stop)
        nursery = Nursery()
        left.callback(nursery.close)
        if plan.mode == "embedded":
            store = directory / "snapshot-bot.db"
            alone = [_replica(setting, "bot-1")]
            return await Chaos(plan, setting, nursery, lambda: SqliteDatabase(store), alone, store).live_through()
        counts = Counter[str]()
        server = Server(_as_the_server_may_enter(directory), random.Random(f"{plan.seed}/server"), counts)
        url = await server.start()
        left.push_async_callback(server.stop)
        replicas = [_replica(setting, f"bot-{number}", BOT_STORE=url) for number in range(1, plan.replicas + 1)]
        database = partial(_on_postgres, url)
        return await Chaos(plan, setting, nursery, database, replicas, counts=counts).live_through(server)


def _as_the_server_may_enter(directory: Path) -> Path:
    directory.chmod(0o755)  # it runs as a user of its own
    return directory / "server"


def _on_postgres(url: str) -> Database:
    from bot.store.postgres.database import PostgresDatabase  # here, as it is an extra

    return PostgresDatabase(url, SystemClock())


def _replica(setting: Setting, name: str, **environment: str) -> Replica:
    common = {**setting.environment(), "ADMIN_PORT": str(free_port()), "LOG_FORMAT": "console", **environment}
    return Replica(name, common, setting.directory / f"{name}.log")
