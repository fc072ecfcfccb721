"""Disks, servers, snapshots, snapshot groups and jobs, whose state follows from the time alone.

Nothing here runs in the background: each record knows when it was begun and when it ends, and answers for any moment.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

LONG_AGO = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def latest(now: datetime, first: datetime, *others: datetime | None) -> datetime:
    """The latest of these moments that has come; the first has, whatever the clock says."""
    return max([first, *(moment for moment in others if moment is not None and moment <= now)])


@dataclass
class Change:
    """Work on a disk: the disk's status meanwhile, and what it leaves (None: the disk is gone).

    `ends_at` None means it never ends.
    """

    status: str
    begun_at: datetime
    ends_at: datetime | None
    leaves: str | None

    def status_at(self, now: datetime) -> str | None:
        """The status at that moment; None once the disk no longer exists."""
        return self.status if self.ends_at is None or now < self.ends_at else self.leaves

    def moments(self) -> tuple[datetime | None, ...]:
        """When it changed what it works on."""
        return self.begun_at, self.ends_at


@dataclass
class ClientToken:
    """An X-Client-Token in use: what it was sent with, when, and what the cloud said to it."""

    sent: tuple[str, bytes]
    first_at: datetime
    answer: dict[str, Any]


@dataclass
class Attachment:
    """Where a disk is plugged in, `since` then, and `until` it no longer is; None for always."""

    server_id: str
    device: str = "/dev/vda"
    since: datetime | None = field(default=None, init=False)
    until: datetime | None = field(default=None, init=False)


@dataclass
class Server:
    """An ECS. `host` is the physical host that runs it, as far as the cloud lets its customers see that: mostly not.

    Source: ECS API reference, Querying Details About ECSs.
    """

    id: str
    name: str
    project_id: str
    availability_zone: str = ""
    status: str = "ACTIVE"
    host: str | None = None
    enterprise_project_id: str = "0"
    tags: dict[str, str] = field(default_factory=dict)
    created_at: datetime = LONG_AGO


@dataclass
class Disk:
    """An EVS disk. Size in GiB; `volume_type` is SATA, SAS, GPSSD, SSD, ESSD, GPSSD2 or ESSD2.

    `snapshot_id` is the snapshot that it was made of, `rolled_back_to` the one that it was last rolled back to.
    """

    id: str
    name: str
    project_id: str
    availability_zone: str
    size_gb: int = 40
    volume_type: str = "SSD"
    status: str = "in-use"
    bootable: bool = False
    description: str = ""
    multiattach: bool = False
    attachments: list[Attachment] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    enterprise_project_id: str = "0"
    cmk_id: str = ""
    order_id: str = ""
    snapshot_id: str = ""
    service_type: str = "EVS"
    created_at: datetime = LONG_AGO
    busy_until: datetime | None = field(default=None, init=False)
    change: Change | None = field(default=None, init=False)
    listed_from: datetime | None = field(default=None, init=False)
    tagged_from: datetime | None = field(default=None, init=False)
    binned_at: datetime | None = field(default=None, init=False)
    edited_at: datetime | None = field(default=None, init=False)
    rolled_back_to: str = field(default="", init=False)

    def status_at(self, now: datetime) -> str | None:
        """The status at that moment; None once the disk no longer exists."""
        return self.status if self.change is None else self.change.status_at(now)

    def tags_at(self, now: datetime) -> dict[str, str]:
        """The tags that a reader sees at that moment."""
        late = self.tagged_from is not None and now < self.tagged_from
        return {} if late else dict(self.tags)

    def attachments_at(self, now: datetime) -> list[Attachment]:
        """Where it is plugged in at that moment."""
        return [one for one in self.attachments if one.until is None or now < one.until]

    def updated_at(self, now: datetime) -> datetime:
        """The moment of the last change up to now: of a name, and when work on it began or ended."""
        work = () if self.change is None else self.change.moments()
        return latest(now, self.created_at, self.edited_at, *work)

    @property
    def takes_instant_access(self) -> bool:
        """SATA and SAS disks have no Instant Snapshot Restore. Source: EVS user manual, creating a snapshot."""
        return self.volume_type not in ("SATA", "SAS")


@dataclass
class Snapshot:
    """A standard snapshot. `ready_at` None means it is never done; `outcome` is available or error."""

    id: str
    project_id: str
    volume_id: str
    name: str
    description: str
    availability_zone: str
    enterprise_project_id: str
    size_gb: int
    cmk_id: str
    created_at: datetime
    sequence: int
    duration_s: float
    ready_at: datetime | None
    volume_type: str = "SSD"
    bootable: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    instant_access: bool = False
    incremental: bool = True
    retention_days: int | None = None
    snapshot_type: str = "user"
    group_id: str = ""
    outcome: str = "available"
    listed_from: datetime | None = None
    tagged_from: datetime | None = None
    deleting_at: datetime | None = None
    gone_at: datetime | None = None
    deletion_fails: bool = False
    rollback: Change | None = None
    chain_id: str = ""
    category: str = "standard"
    edited_at: datetime | None = None

    def status_at(self, now: datetime) -> str | None:
        """The status at that moment; None once the snapshot no longer exists."""
        if self.deleting_at is not None:
            if self.gone_at is None or now < self.gone_at:
                return "deleting"
            return "error_deleting" if self.deletion_fails else None
        if self.rollback is not None and self.rollback.status_at(now) == "rollbacking":
            return "rollbacking"
        if self.ready_at is None or now < self.ready_at:
            return "creating"
        retention_at = self.retention_at
        if retention_at is not None and now >= retention_at:
            return None
        return self.outcome

    def percent_at(self, now: datetime) -> int:
        """Creation progress; below 100 until the snapshot is ready."""
        if self.ready_at is not None and now >= self.ready_at:
            return 100 if self.outcome == "available" else 0
        if self.duration_s <= 0:
            return 99
        return max(0, min(99, int(100 * (now - self.created_at).total_seconds() / self.duration_s)))

    def tags_at(self, now: datetime) -> dict[str, str]:
        """The tags that a reader sees at that moment."""
        late = self.tagged_from is not None and now < self.tagged_from
        return {} if late else dict(self.tags)

    def updated_at(self, now: datetime) -> datetime:
        """The moment of the last change up to now."""
        work = () if self.rollback is None else self.rollback.moments()
        return latest(now, self.created_at, self.ready_at, self.edited_at, *work, self.deleting_at, self.gone_at)

    @property
    def stored_gb(self) -> float:
        """What it takes in its chain: a part of the disk if full, and little more than the changes if not."""
        return self.size_gb * (0.02 if self.incremental else 0.4)

    @property
    def retention_at(self) -> datetime | None:
        """When the cloud deletes the snapshot by itself."""
        return None if self.retention_days is None else self.created_at + timedelta(days=self.retention_days)


@dataclass
class SnapshotGroup:
    """A snapshot consistency group: its members are the snapshots that name it."""

    id: str
    project_id: str
    name: str
    description: str
    enterprise_project_id: str
    created_at: datetime
    sequence: int
    server_id: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    edited_at: datetime | None = None
    deleting_at: datetime | None = None


@dataclass
class SnapshotPolicy:
    """A policy for automatic snapshots, and the disks that it was given; it makes none here."""

    id: str
    project_id: str
    name: str
    time_points: list[str]
    retention_days: int
    created_at: datetime
    updated_at: datetime
    repeat_weekdays: list[str] | None = None
    repeat_interval_days: int | None = None
    tags: dict[str, str] = field(default_factory=dict)
    enterprise_project_id: str = "0"
    volume_ids: set[str] = field(default_factory=set)


@dataclass
class Job:
    """An asynchronous job. `ends_at` None means it never ends; `lost` jobs are unknown to whoever asks.

    `done_at` is when its work is done, a moment before or after the job says so.
    """

    id: str
    project_id: str
    job_type: str
    entities: dict[str, Any]
    volume_ids: frozenset[str]
    begun_at: datetime
    duration_s: float
    ends_at: datetime | None
    done_at: datetime | None
    error_code: str | None = None
    fail_reason: str | None = None
    lost: bool = False

    def status_at(self, now: datetime, *, waits: bool = False) -> str:
        """INIT, (WAITING_EXECUTE,) RUNNING, then SUCCESS or FAIL. Source: EVS API reference, evs_04_0054."""
        if self.ends_at is not None and now >= self.ends_at:
            return "FAIL" if self.error_code else "SUCCESS"
        elapsed = (now - self.begun_at).total_seconds()
        if elapsed < self.duration_s * 0.1:
            return "INIT"
        if waits and elapsed < self.duration_s * 0.3:
            return "WAITING_EXECUTE"
        return "RUNNING"
