"""A simulated Slack over a real socket, and a clock, for those who ask Slack."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.simulator.workspace import WorkspaceSimulator
from bot.slack.client.scopes import SCOPES
from tests.builders import FakeClock


@pytest.fixture
async def slack() -> AsyncIterator[WorkspaceSimulator]:
    slack = WorkspaceSimulator(scopes=SCOPES)
    await slack.start()
    yield slack
    await slack.stop()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
