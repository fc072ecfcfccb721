"""A running cloud on a clock that the test winds, and people who talk to it over real sockets."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bot.simulator.cloud import CloudSimulator

Wind = Callable[[float], None]
START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PAYMENTS = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def clock() -> list[datetime]:
    """The time, as the last entry."""
    return [START]


@pytest.fixture
def wind(clock: list[datetime]) -> Wind:
    """Wind the clock of the cloud on by so many seconds."""

    def wind_on(seconds: float) -> None:
        clock.append(clock[-1] + timedelta(seconds=seconds))

    return wind_on


@pytest.fixture
async def sim(clock: list[datetime]) -> AsyncIterator[CloudSimulator]:
    cloud = CloudSimulator(now=lambda: clock[-1])
    await cloud.start()
    yield cloud
    await cloud.stop()


@pytest.fixture
async def anonymous(sim: CloudSimulator) -> AsyncIterator[httpx.AsyncClient]:
    """A client without credentials."""
    async with httpx.AsyncClient(base_url=sim.url, timeout=5) as client:
        yield client


@pytest.fixture
async def http(anonymous: httpx.AsyncClient, sim: CloudSimulator) -> httpx.AsyncClient:
    """A client with a token for payments-prod; the journal starts after the login."""
    user = {"name": "snapshot-bot", "domain": {"name": "ACME"}, "password": "sim-password-not-a-secret"}
    identity = {"methods": ["password"], "password": {"user": user}}
    body: dict[str, Any] = {"auth": {"identity": identity, "scope": {"project": {"id": PAYMENTS}}}}
    response = await anonymous.post("/v3/auth/tokens", json=body)
    anonymous.headers["X-Auth-Token"] = response.headers["X-Subject-Token"]
    sim.journal.clear()
    return anonymous
