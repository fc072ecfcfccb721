"""The official SDK's clients, unmodified, in front of a running simulated cloud."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.simulator.cloud import CloudSimulator
from tests.simulator.cloud.sdk.models import odd_fields

PAYMENTS = "0123456789abcdef0123456789abcdef"
ACCESS, SECRET = "SIMAK000000000000001", "sim-sk-not-a-secret-000000000000000000001"


class OfficialClient:
    """A client of the SDK; each answer is held against its model."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def __call__(self, method: str, **fields: Any) -> Any:
        """Call `method` with the request of its name and these fields."""
        name = "".join(part.capitalize() for part in method.split("_"))
        package = __import__(type(self._client).__module__.rsplit(".", 1)[0], fromlist=["x"])
        request = getattr(package, f"{name}Request")(**fields)
        answer = await asyncio.to_thread(getattr(self._client, method), request)
        assert odd_fields(answer) == []
        return answer


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK writes an id of its own into the home directory."""
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def ahead() -> list[float]:
    """How many seconds the cloud is ahead of the real clock, by which the SDK signs."""
    return [0.0]


@pytest.fixture
def wind(ahead: list[float]) -> Callable[[float], None]:
    """Wind the clock of the cloud on; it has to stay within 15 minutes of the real one."""

    def wind_on(seconds: float) -> None:
        ahead[0] += seconds

    return wind_on


@pytest.fixture
async def sim(ahead: list[float]) -> AsyncIterator[CloudSimulator]:
    cloud = CloudSimulator(now=lambda: datetime.now(UTC) + timedelta(seconds=ahead[0]))
    await cloud.start()
    yield cloud
    await cloud.stop()


def _built(client: Any, credentials: Any, url: str) -> OfficialClient:
    return OfficialClient(client.new_builder().with_credentials(credentials).with_endpoints([url]).build())


def official(service: str, sim: CloudSimulator, access: str = ACCESS, secret: str = SECRET) -> OfficialClient:
    """The SDK's client of a service, with a key."""
    from huaweicloudsdkcore.auth.credentials import BasicCredentials, GlobalCredentials

    if service == "iam":
        from huaweicloudsdkiam.v3 import IamClient

        return _built(IamClient, GlobalCredentials(access, secret, sim.world.domain_id), sim.url)
    if service == "ecs":
        from huaweicloudsdkecs.v2 import EcsClient

        return _built(EcsClient, BasicCredentials(access, secret, PAYMENTS), sim.ecs_url)
    from huaweicloudsdkevs.v2 import EvsClient

    return _built(EvsClient, BasicCredentials(access, secret, PAYMENTS), sim.url)


@pytest.fixture
def evs(sim: CloudSimulator) -> OfficialClient:
    return official("evs", sim)


@pytest.fixture
def ecs(sim: CloudSimulator) -> OfficialClient:
    return official("ecs", sim)


@pytest.fixture
def iam(sim: CloudSimulator) -> OfficialClient:
    return official("iam", sim)
