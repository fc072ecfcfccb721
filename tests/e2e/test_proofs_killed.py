"""`verify ID`, killed each time a call about a test disk has reached the cloud: no test disk is left, whatever was
answered, and each point ends as proven once.

Real time, real signals, a real SQLite file; judged by the simulated cloud.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.clock import SystemClock
from bot.domain.restoring.restorations import Restoration
from bot.domain.snapshots import REQUEST_TAG, TEST_TAG
from bot.domain.transitions import RestorationState
from bot.store.store import Store
from tests.e2e.conftest import request_id
from tests.e2e.street import Street, a_street

OF_TEST_DISKS = ("create_volume", "delete_volume")


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    async with a_street(tmp_path) as street:
        street.slack.ack_seconds = 20.0  # a busy machine is no impatient Slack
        file = street.setting.directory / "bot.toml"
        head = "[projects.payments-prod]\n"
        file.write_text(file.read_text().replace(head, f"{head}restore = true\n", 1))
        yield street


async def restorations(street: Street, request: str) -> list[Restoration]:
    async with street.database() as database:
        return await Store(database, SystemClock()).restorations_of(request)


def calls(street: Street) -> int:
    return sum(len(street.cloud.calls(operation)) for operation in OF_TEST_DISKS)


def test_disks_in_the_cloud(street: Street) -> list[str]:
    now = SystemClock().now()
    disks = street.cloud.world.disks.values()
    return [disk.tags[REQUEST_TAG] for disk in disks if TEST_TAG in disk.tags and disk.status_at(now)]


test_disks_in_the_cloud.__test__ = False  # type: ignore[attr-defined]


FAULTS = [None, "drop_after", "drop_before"] if os.environ.get("EVERY_FAULT") else ["drop_after"]
"""Each takes most of a minute: `EVERY_FAULT=1` tries all of them."""


@pytest.mark.parametrize("fault", FAULTS)
async def test_killed_at_every_call_about_a_test_disk_none_is_left(street: Street, fault: str | None) -> None:
    await street.start()
    outcome = await street.slack.command("alice", "#inc-demo", "create web-01-data spare-disk")
    source = request_id(outcome.text)
    await street.until_all_is_said(timeout=60)
    for operation in OF_TEST_DISKS if fault else ():
        street.cloud.fault(operation, fault, times=2)
    outcome = await street.slack.command("alice", "#inc-demo", f"verify {source}")
    request = next(word.strip("`.") for word in reversed(outcome.text.split()) if word.strip("`.").startswith("r-"))
    for _ in range(4):
        known = calls(street)
        async with asyncio.timeout(60):
            while calls(street) == known:
                await asyncio.sleep(0.001)
        assert await street.bot.signal(signal.SIGKILL) == -signal.SIGKILL
        await street.start()
    await street.until_all_is_said(timeout=120)
    rows = await restorations(street, request)
    assert [row.state for row in rows] == [RestorationState.RESTORED] * 2
    assert test_disks_in_the_cloud(street) == []
    made = Counter(disk.tags[REQUEST_TAG] for disk in street.cloud.world.disks.values() if TEST_TAG in disk.tags)
    assert made == {row.id: 1 for row in rows}
    assert await street.bot.signal(signal.SIGTERM) == 0
    code, told = await street.bot.run("audit", "verify")
    assert code == 0, told
