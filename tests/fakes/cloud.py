"""What fakes of several tests are made from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from bot.domain.restoring.new_disks import CreateDisk, DiskTicket, Quotas
from bot.domain.servers import Server
from bot.domain.snapshots import (
    CreateSnapshotGroup,
    CreateStandardSnapshot,
    Disk,
    GroupTicket,
    Job,
    Snapshot,
    SnapshotGroup,
    SnapshotTicket,
)
from bot.ports.cloud import Evs


class UnaskedEvs:
    """A cloud that nobody asks anything; a fake says what it answers to, and a test fails on everything else."""

    async def create_standard_snapshot(self, snapshot: CreateStandardSnapshot, *, send_before: float) -> SnapshotTicket:
        raise NotImplementedError

    async def list_snapshots(
        self,
        *,
        volume_id: str | None = None,
        ids: Sequence[str] = (),
        snapshot_group_id: str | None = None,
        of_each: Collection[str] = (),
    ) -> list[Snapshot]:
        raise NotImplementedError

    async def show_job(self, job_id: str) -> Job:
        raise NotImplementedError

    async def show_snapshot(self, snapshot_id: str) -> Snapshot:
        raise NotImplementedError

    async def show_disk(self, disk_id: str) -> Disk:
        raise NotImplementedError

    async def list_disks(
        self, *, name: str | None = None, ids: Sequence[str] = (), server_id: str | None = None
    ) -> list[Disk]:
        raise NotImplementedError

    async def delete_snapshot(self, snapshot_id: str, *, send_before: float) -> str:
        raise NotImplementedError

    async def roll_back(self, snapshot_id: str, disk_id: str, *, send_before: float) -> str:
        raise NotImplementedError

    async def create_disk(self, order: CreateDisk, *, token: str, send_before: float) -> DiskTicket:
        raise NotImplementedError

    async def delete_disk(self, disk_id: str, *, send_before: float) -> str:
        raise NotImplementedError

    async def quotas(self) -> Quotas:
        raise NotImplementedError

    async def create_snapshot_group(self, group: CreateSnapshotGroup, *, send_before: float) -> GroupTicket:
        raise NotImplementedError

    async def list_snapshot_groups(self, *, limit_to_tag: tuple[str, str] | None = None) -> list[SnapshotGroup]:
        raise NotImplementedError

    async def check_snapshot_groups(self) -> None:
        raise NotImplementedError

    async def list_servers(self, *, name: str | None = None, ids: Sequence[str] = ()) -> list[Server]:
        raise NotImplementedError

    async def disks_by_tag(self, key: str, values: Sequence[str] = ()) -> list[Disk]:
        raise NotImplementedError


E = TypeVar("E", bound=Evs)


@dataclass
class OneCloud(Generic[E]):
    """Whichever project is asked for, it is this one."""

    evs: E

    def project(self, alias: str, whose: str = "") -> E:
        return self.evs
