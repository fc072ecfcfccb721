"""How soon `/snapshot create` is acknowledged, as a ratio to a slack-bolt app that does nothing at all.

    python -m pytest tests/bench -m bench -s

The bot's acknowledgement stands for: the signature checked (HTTP), the command read, its person known and allowed, the
request, its delivery and the audit row committed to a SQLite file with `synchronous=FULL`, and the answer in words.
The baseline is Bolt as its documentation begins: an `AsyncApp` with a token, an empty handler that calls
`ack()`, over Bolt's own aiohttp server and its own Socket Mode handler.

Both run here, in one process and one event loop, each behind the same driver over real sockets on loopback, and take
turns, so that whatever slows the machine slows both. The bot is made of its real parts; its engine is there and takes
every job, but does not run: what follows an accepted request (looking at disks, posting, watching) is work for the
seconds after the acknowledgement, and with hundreds of requests in a row it would be measured as if it came before.

In an ordinary run of the tests this only shows that it can be measured; no machine is told how fast to be.
"""

from __future__ import annotations

import asyncio
import gc
import re
import statistics
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from bot.app import new_id
from bot.clock import SteadyClock, SystemClock
from bot.domain.actors import Actor
from bot.domain.requests import Request
from bot.engine import EmbeddedEngine
from bot.evs.cloud import HttpCloud
from bot.ports.requests import Authorize
from bot.settings import load_settings
from bot.simulator.setting import Setting
from bot.slack.bolt import SocketModeEntry, build_bolt
from bot.slack.client.channels import SlackChannels
from bot.slack.client.people import SlackPeople
from bot.slack.client.poster import ResponseUrls, SlackReplies
from bot.slack.client.scopes import SCOPES
from bot.slack.http.request_url import HttpEntry
from bot.slack.listeners.commands import CommandListeners
from bot.slack.listeners.deferred_replies import DeferredReplyJob
from bot.slack.listeners.events import ChangeListeners, LastListeners
from bot.slack.listeners.queries import Answering
from bot.slack.payloads import Identity, read
from bot.slack.unexpected import Unexpected
from bot.store.database import Script, SqliteDatabase
from bot.store.store import SqliteStore
from bot.workflow.actions.approve import Approvals
from bot.workflow.actions.bind import ChannelBindings
from bot.workflow.actions.cancel import Cancelling
from bot.workflow.actions.grant import Granting
from bot.workflow.gate import Gate
from bot.workflow.intake import Intake
from bot.workflow.queries.existing import Existing
from bot.workflow.queries.status import Inquiry
from tests.bench.drivers import (
    APP_TOKEN,
    BOT_TOKEN,
    IDENTITY,
    SIGNING_SECRET,
    Line,
    http_line,
    served,
    socket_line,
)

T = TypeVar("T")

WARM_UP = 30
MANY, FEW = 300, 8
GOALS = {50: 0.1, 99: 0.2}
TYPED = 'create web-01-data keep=7 reason="kernel upgrade"'


@dataclass
class Spans:
    """Where the time of the bot's acknowledgements went, in seconds, one entry a sample."""

    taken: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, name: str, began: float) -> None:
        self.taken[name].append(time.perf_counter() - began)

    def clear(self) -> None:
        self.taken.clear()

    def less(self, whole: str, part: str) -> list[float]:
        return [one - other for one, other in zip(self.taken[whole], self.taken[part], strict=True)]


class TimedDatabase(SqliteDatabase):
    """Knows how long each transaction took on the store's own thread."""

    def __init__(self, path: Path, spans: Spans) -> None:
        super().__init__(path)
        self._spans = spans

    def _transaction(self, script: Script[T]) -> T:
        began = time.perf_counter()
        try:
            return super()._transaction(script)
        finally:
            self._spans.add("transaction", began)


class TimedStore(SqliteStore):
    """Knows how long the event loop waited for each arrival."""

    def __init__(self, database: SqliteDatabase, clock: SystemClock, spans: Spans) -> None:
        super().__init__(database, clock)
        self._spans = spans

    async def take_in(
        self, delivery: str, channel: str, actor: Actor | None, judge: Authorize, *, mendable: bool = False
    ) -> Request | None:
        began = time.perf_counter()
        try:
            return await super().take_in(delivery, channel, actor, judge, mendable=mendable)
        finally:
            self._spans.add("store", began)


def _time_dispatch(app: AsyncApp, spans: Spans) -> None:
    dispatch: Callable[..., Any] = app.async_dispatch

    async def timed(request: Any) -> Any:
        began = time.perf_counter()
        try:
            return await dispatch(request)
        finally:
            spans.add("dispatch", began)

    setattr(app, "async_dispatch", timed)  # noqa: B010 - a method of one object, for the time of a measurement


# --- the two apps -----------------------------------------------------------------------------------------------------


def _bare_app(api_url: str) -> AsyncApp:
    client = AsyncWebClient(token=BOT_TOKEN, base_url=api_url)
    app = AsyncApp(client=client, signing_secret=SIGNING_SECRET)

    @app.command("/snapshot")
    async def on_command(ack: AsyncAck) -> None:
        await ack()

    return app


@asynccontextmanager
async def _the_bot(directory: Path, api_url: str, spans: Spans) -> AsyncIterator[AsyncApp]:
    """Its Bolt app as `bot.app` puts it together, with alice known, and an engine that takes jobs and rests."""
    setting = Setting(directory, scopes=SCOPES)
    await setting.start()
    settings, clock = load_settings(setting.environment()), SystemClock()
    database = TimedDatabase(settings.store_path, spans)
    await database.open()
    http = aiohttp.ClientSession()
    try:
        store = TimedStore(database, clock, spans)
        await store.configured_grants(settings.grants)
        await store.configured_bindings(settings.bindings)
        database.on_scheduled(EmbeddedEngine(SteadyClock(clock), store).schedule)
        slack = setting.workspace
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, session=http)
        people, urls = SlackPeople(client, slack.world.team_id, clock), ResponseUrls(clock)
        app = build_bolt(
            AsyncWebClient(base_url=api_url, session=http), BOT_TOKEN, SIGNING_SECRET, read(Identity, dict(IDENTITY))
        )
        gate = Gate(store, settings.projects, clock)
        existing = Existing(store, HttpCloud(settings.projects, settings.credentials, clock), clock)
        answering = Answering(
            command="/snapshot",
            team_url=str(IDENTITY["url"]),
            store=store,
            people=people,
            inquiry=Inquiry(store, existing, gate, settings.projects, clock),
            approvals=Approvals(store, gate, clock),
            granting=Granting(store, people, settings.projects, clock),
            cancelling=Cancelling(store, gate),
            bindings=ChannelBindings(store, settings.projects, clock),
            restoring=None,  # type: ignore[arg-type]  # nobody asks
            deletion_questions=None,  # type: ignore[arg-type]  # nor here
            clock=clock,
        )
        replies = SlackReplies(
            client,
            http,
            urls,
            channels=SlackChannels(client, clock),
            projects=settings.projects,
            command="/snapshot",
            team_url=str(IDENTITY["url"]),
            bot_user_id=str(IDENTITY["user_id"]),
            clock=clock,
        )
        CommandListeners(
            command="/snapshot",
            intake=Intake(store, people, settings.projects, clock, lambda: new_id("r")),
            answering=answering,
            forms=None,  # type: ignore[arg-type]  # no form is opened here
            bindings=None,  # type: ignore[arg-type]  # nor here
            actions=None,  # type: ignore[arg-type]  # nor here
            people=people,
            urls=urls,
            deferred=DeferredReplyJob(store, replies, clock, Unexpected("/snapshot", lambda: new_id("e"))),
            clock=clock,
        ).register(app)
        ChangeListeners(people).register(app)
        LastListeners().register(app)
        _time_dispatch(app, spans)
        await people.look_up("U0ALICE001")
        yield app
    finally:
        await http.close()
        await database.close()
        await setting.stop()


@asynccontextmanager
async def _both_over_http(directory: Path, spans: Spans) -> AsyncIterator[tuple[Line, Line]]:
    async with socket_line() as slack, _the_bot(directory, slack.api_url, spans) as app:
        entry = HttpEntry(app, SIGNING_SECRET, 0, "127.0.0.1")
        await entry.start()
        bare = _bare_app(slack.api_url)
        try:
            async with (
                served(bare.web_app("/slack/events")) as bare_port,
                http_line(bare_port) as bare_line,
                http_line(entry.port) as bot_line,
            ):
                yield bare_line, bot_line
        finally:
            await entry.stop()


@asynccontextmanager
async def _both_over_sockets(directory: Path, spans: Spans) -> AsyncIterator[tuple[Line, Line]]:
    async with (
        socket_line() as bare_line,
        socket_line() as bot_line,
        _the_bot(directory, bot_line.api_url, spans) as app,
    ):
        handler = AsyncSocketModeHandler(_bare_app(bare_line.api_url), APP_TOKEN)
        await handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt has no types here
        entry = SocketModeEntry(app, APP_TOKEN, SystemClock(), loopback=True)
        await entry.start()
        try:
            await bare_line.connected()
            await bot_line.connected()
            yield bare_line, bot_line
        finally:
            await entry.stop()
            await handler.close_async()  # type: ignore[no-untyped-call]  # nor here


TRANSPORTS = {"Socket Mode": _both_over_sockets, "HTTP": _both_over_http}


# --- measuring --------------------------------------------------------------------------------------------------------


async def _in_turns(bare: Line, bot: Line, spans: Spans, samples: int) -> tuple[list[float], list[float]]:
    bare_s: list[float] = []
    bot_s: list[float] = []
    for number in range(-min(WARM_UP, samples), samples):
        if number == 0:
            bare_s.clear()
            bot_s.clear()
            spans.clear()
            gc.collect()
        took_s, said = await bare.deliver(TYPED)
        assert said in ("", "{}")
        bare_s.append(took_s)
        await asyncio.sleep(0.002)  # what the one leaves behind should not count for the other
        took_s, said = await bot.deliver(TYPED)
        assert re.search(r"request `r-[0-9a-z]{8}`", said), said
        bot_s.append(took_s)
        await asyncio.sleep(0.002)
    return bare_s, bot_s


def percentile(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def _table(transport: str, bare_s: list[float], bot_s: list[float], spans: Spans) -> tuple[str, dict[int, float]]:
    ratios = {percent: percentile(bot_s, percent) / percentile(bare_s, percent) for percent in GOALS}
    lines = [
        f"\nAcknowledging `/snapshot create` over {transport}, {len(bot_s)} of each in turns, milliseconds",
        f"  {'':42}{'p50':>8}{'p99':>8}",
    ]

    def row(name: str, values: list[float], ms: float = 1000.0) -> None:
        lines.append(f"  {name:42}" + "".join(f"{percentile(values, percent) * ms:8.2f}" for percent in GOALS))

    row("bare Bolt app, empty handler", bare_s)
    row("snapshot-bot, judged and recorded", bot_s)
    whole = spans.taken
    row("  of which the transaction, on its thread", whole["transaction"])
    row("  of which the way to that thread and back", spans.less("store", "transaction"))
    row("  of which Bolt and the listener", spans.less("dispatch", "store"))
    row("  of which transport", [took - inside for took, inside in zip(bot_s, whole["dispatch"], strict=True)])
    lines.append(f"  {'ratio':42}" + "".join(f"{ratios[percent]:8.3f}" for percent in GOALS))
    lines.append(f"  {'goal':42}" + "".join(f"{goal:8.3f}" for goal in GOALS.values()))
    return "\n".join(lines), ratios


@pytest.mark.bench
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_create_is_acknowledged_in_a_fraction_of_the_time_a_bare_bolt_app_takes(
    transport: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    samples = MANY if "bench" in (request.config.getoption("-m") or "") else FEW
    spans = Spans()
    async with TRANSPORTS[transport](tmp_path, spans) as (bare, bot):
        bare_s, bot_s = await _in_turns(bare, bot, spans, samples)
    table, ratios = _table(transport, bare_s, bot_s, spans)
    print(table)
    assert len(bare_s) == len(bot_s) == samples
    assert all(ratio > 0 for ratio in ratios.values())
