"""The cloud, as the use cases see it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from bot.domain import snapshots
from bot.domain.restoring import new_disks
from bot.domain.servers import Server


class Evs(Protocol):
    """One cloud project. Every failure is a `bot.domain.errors.CloudError`."""

    async def create_standard_snapshot(
        self, snapshot: snapshots.CreateStandardSnapshot, *, send_before: float
    ) -> snapshots.SnapshotTicket: ...

    async def show_job(self, job_id: str) -> snapshots.Job: ...

    async def show_snapshot(self, snapshot_id: str) -> snapshots.Snapshot: ...

    async def list_snapshots(
        self,
        *,
        volume_id: str | None = None,
        ids: Sequence[str] = (),
        snapshot_group_id: str | None = None,
        of_each: Collection[str] = (),
    ) -> list[snapshots.Snapshot]: ...

    async def create_snapshot_group(
        self, group: snapshots.CreateSnapshotGroup, *, send_before: float
    ) -> snapshots.GroupTicket: ...

    async def list_snapshot_groups(
        self, *, limit_to_tag: tuple[str, str] | None = None
    ) -> list[snapshots.SnapshotGroup]: ...

    async def check_snapshot_groups(self) -> None: ...

    async def delete_snapshot(self, snapshot_id: str, *, send_before: float) -> str: ...

    async def roll_back(self, snapshot_id: str, disk_id: str, *, send_before: float) -> str: ...

    async def create_disk(
        self, order: new_disks.CreateDisk, *, token: str, send_before: float
    ) -> new_disks.DiskTicket: ...

    async def delete_disk(self, disk_id: str, *, send_before: float) -> str: ...

    async def quotas(self) -> new_disks.Quotas: ...

    async def show_disk(self, disk_id: str) -> snapshots.Disk: ...

    async def list_disks(
        self, *, name: str | None = None, ids: Sequence[str] = (), server_id: str | None = None
    ) -> list[snapshots.Disk]: ...

    async def disks_by_tag(self, key: str, values: Sequence[str] = ()) -> list[snapshots.Disk]: ...

    async def list_servers(self, *, name: str | None = None, ids: Sequence[str] = ()) -> list[Server]: ...


class Cloud(Protocol):
    """Every configured project. `project` raises KeyError for an alias that is not configured.

    `whose`: the person whose job asks, or a name for jobs that are for all; "" where a person waits for the answer.
    """

    def project(self, alias: str, whose: str = "") -> Evs: ...
