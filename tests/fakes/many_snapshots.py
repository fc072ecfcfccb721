"""A cloud in which everything that is asked for is still being made."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from bot.domain.snapshots import Job, Snapshot
from tests.fakes.cloud import UnaskedEvs

PROGRESS = 5
"""Percent, before the first listing."""


@dataclass
class ManyEvs(UnaskedEvs):
    """All of them are being made. `moving`: each a little further in every listing."""

    moving: bool = True
    listed: int = 0
    jobs: list[str] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def list_snapshots(self, **asked: object) -> list[Snapshot]:
        self.listed += 1
        progress = PROGRESS + self.listed if self.moving else PROGRESS
        ids, found = asked["ids"], list[Snapshot]()
        assert isinstance(ids, list)
        for begin in range(0, len(ids), 60):
            await asyncio.sleep(0)  # a page
            found += [Snapshot(id=one, status="creating", progress=progress) for one in ids[begin : begin + 60]]
        return found

    async def show_job(self, job_id: str) -> Job:
        self.jobs.append(job_id)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0.002)
        self.at_once -= 1
        return Job(status="RUNNING")
