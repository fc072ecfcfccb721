"""The disks of a project, believed for half a minute."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from bot.domain.servers import Server
from bot.domain.snapshots import Disk
from bot.workflow.queries.disk_choices import DiskCatalogue
from bot.workflow.servers import ServerNames
from tests.builders import FakeClock, a_disk


class OneProject:
    """A cloud whose answer is held back until it is let go."""

    def __init__(self) -> None:
        self.asked = 0
        self.go = asyncio.Event()
        self.disks: list[Disk] = [a_disk()]
        self.servers: list[Server] = []

    def project(self, alias: str, whose: str = "") -> Any:
        assert alias == "payments"
        return self

    async def list_disks(self) -> list[Disk]:
        self.asked += 1
        await self.go.wait()
        return self.disks

    async def list_servers(self, *, ids: Sequence[str]) -> list[Server]:
        return self.servers


async def test_many_who_ask_at_once_cost_one_question_and_are_believed_for_half_a_minute() -> None:
    cloud, clock = OneProject(), FakeClock()
    catalogue = DiskCatalogue(cloud, ServerNames(clock), clock)
    assert catalogue.at_hand("payments") is None
    asking = [asyncio.create_task(catalogue.disks("payments")) for _ in range(5)]
    await asyncio.sleep(0)
    cloud.go.set()
    assert await asyncio.gather(*asking) == [cloud.disks] * 5
    clock.pass_(seconds=29.9)
    assert catalogue.at_hand("payments") == await catalogue.disks("payments") == cloud.disks
    assert cloud.asked == 1
    clock.pass_(seconds=0.1)
    assert catalogue.at_hand("payments") is None
    await catalogue.disks("payments")
    assert cloud.asked == 2
