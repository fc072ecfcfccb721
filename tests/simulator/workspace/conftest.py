"""A running workspace, and apps that reach it over real sockets as the bot will."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.simulator.workspace import WorkspaceSimulator

RECORDED = Path(__file__).parents[2] / "data" / "slack-payloads"
Recorded = Callable[[str], Any]


@pytest.fixture
def recorded() -> Recorded:
    """A payload as Slack sent it, by file name without .json."""

    def read(name: str) -> Any:
        return json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))

    return read


@pytest.fixture
def clock() -> list[datetime]:
    """The workspace's time, as the last entry."""
    return [datetime(2026, 1, 1, tzinfo=UTC)]


@pytest.fixture
def wind(clock: list[datetime]) -> Callable[[float], None]:
    """Wind the workspace's clock on by so many seconds."""

    def wind_on(seconds: float) -> None:
        clock.append(clock[-1] + timedelta(seconds=seconds))

    return wind_on


@pytest.fixture
async def sim(clock: list[datetime]) -> AsyncIterator[WorkspaceSimulator]:
    workspace = WorkspaceSimulator(now=lambda: clock[-1])
    await workspace.start()
    yield workspace
    await workspace.stop()


@pytest.fixture
def client(sim: WorkspaceSimulator) -> AsyncWebClient:
    """The app's Web API client, without retries."""
    return AsyncWebClient(token=sim.bot_token, base_url=sim.api_url, retry_handlers=[])


@pytest.fixture
async def bot(sim: WorkspaceSimulator) -> AsyncIterator[AsyncApp]:
    """A Bolt app connected by Socket Mode; tests add its listeners."""
    app = AsyncApp(client=AsyncWebClient(token=sim.bot_token, base_url=sim.api_url))
    handler = AsyncSocketModeHandler(app, sim.app_token)
    await handler.connect_async()  # type: ignore[no-untyped-call]  # so in slack_bolt
    await sim.wait_for_bot()
    yield app
    await handler.close_async()  # type: ignore[no-untyped-call]  # so in slack_bolt


@pytest.fixture
async def http_bot(sim: WorkspaceSimulator) -> AsyncIterator[AsyncApp]:
    """A Bolt app behind a request URL; tests add its listeners."""
    app = AsyncApp(client=AsyncWebClient(token=sim.bot_token, base_url=sim.api_url), signing_secret=sim.signing_secret)
    runner = web.AppRunner(app.web_app("/slack/events"), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sim.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    await sim.wait_for_bot()
    yield app
    await runner.cleanup()
