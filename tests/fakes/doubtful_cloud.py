"""A cloud that keeps every call waiting until a test says what becomes of it: done or not, answered or not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bot.domain.errors import CloudError, CloudRefused, CloudUnavailable, DiskBusy, NotFound, SentTooLate, Throttled
from bot.domain.snapshots import (
    REQUEST_TAG,
    CreateSnapshotGroup,
    CreateStandardSnapshot,
    Disk,
    GroupTicket,
    Job,
    Snapshot,
    SnapshotGroup,
    SnapshotTicket,
)
from tests.builders import a_disk
from tests.fakes.cloud import UnaskedEvs

T = TypeVar("T")

SERVER = "web-01"

CALLER: ContextVar[object] = ContextVar("caller")
"""Whose calls these are: a test sets it for each of the jobs that it runs."""


@dataclass
class Made:
    """A snapshot as the cloud has it. `tag` is the item's or the group's; `status` as EVS names it, or gone. `hidden`:
    it is in no listing yet.
    """

    id: str
    disk: str
    tag: str
    group: str | None
    status: str = "creating"
    hidden: bool = False


@dataclass(eq=False)
class Call:
    """One call that waits. `work` is what the cloud does for it; `result` is what came of that. A call that changes
    something leaves by `send_before` or not at all.
    """

    name: str
    send_before: float | None
    moment: Callable[[], float]
    work: Callable[[], Any]
    answer: asyncio.Future[Any]
    caller: object
    result: Any = None
    """What the cloud did or refused, where that is settled and only its answer is missing."""

    @property
    def may_leave(self) -> bool:
        """Whether it changes something, and is not settled yet."""
        return self.send_before is not None and self.result is None and self.moment() <= self.send_before

    def arrives(self) -> None:
        """It leaves, and the cloud does it; unless it was held up for too long."""
        if self.send_before is not None and not self.may_leave:
            self.result = SentTooLate("It was too late to send it.", maybe_done=False)
            return
        try:
            self.result = self.work()
        except CloudError as refusal:
            self.result = refusal

    def is_answered(self) -> None:
        if self.result is None:
            self.arrives()
        if isinstance(self.result, CloudError):
            self._fails(self.result)
        elif not self.answer.done():
            self.answer.set_result(self.result)

    def is_lost(self, *, done: bool) -> None:
        """No answer comes back, whether the cloud did it or not."""
        if done and self.result is None:
            self.arrives()
        late = isinstance(self.result, SentTooLate)
        self._fails(self.result if late else CloudUnavailable("EVS did not answer.", maybe_done=True))

    def is_refused(self, why: CloudError) -> None:
        self._fails(why)

    def _fails(self, why: CloudError) -> None:
        if not self.answer.done():
            self.answer.set_exception(why)


REFUSALS: dict[str, Callable[[], CloudError]] = {
    "no connection": lambda: CloudUnavailable("I can't reach EVS.", maybe_done=False),
    "throttled": lambda: Throttled("Too many calls.", retry_after=5),
    "busy": lambda: DiskBusy("This disk is busy.", code="EVS.2409"),
    "refused": lambda: CloudRefused("The quota is used up.", code="EVS.0042"),
}
"""Each without any effect."""


@dataclass
class DoubtfulEvs(UnaskedEvs):
    moment: Callable[[], float]
    made: list[Made] = field(default_factory=list)
    groups: dict[str, str] = field(default_factory=dict)
    """Tags of groups, by the cloud's id."""
    waiting: list[Call] = field(default_factory=list)

    def project(self, alias: str, whose: str = "") -> DoubtfulEvs:
        return self

    def of_item(self, item_id: str, group_id: str | None, disk: str) -> list[Made]:
        """What was made for one item, alone or as a member of its group."""
        return [one for one in self.made if one.tag == item_id or (one.tag == group_id and one.disk == disk)]

    async def waits(self, name: str, work: Callable[[], T], send_before: float | None = None) -> T:
        call = Call(name, send_before, self.moment, work, asyncio.get_running_loop().create_future(), CALLER.get())
        self.waiting.append(call)
        try:
            answer: T = await call.answer
            return answer
        finally:
            self.waiting.remove(call)

    # --- what changes it ----------------------------------------------------------------------------------------------

    async def create_standard_snapshot(self, snapshot: CreateStandardSnapshot, *, send_before: float) -> SnapshotTicket:
        def work() -> SnapshotTicket:
            assert snapshot.tags is not None
            made = self._make(snapshot.volume_id, snapshot.tags[REQUEST_TAG], None)
            return SnapshotTicket(job_id=f"job-{made.id}", snapshot_id=made.id)

        return await self.waits("create_snapshot", work, send_before)

    async def create_snapshot_group(self, group: CreateSnapshotGroup, *, send_before: float) -> GroupTicket:
        def work() -> GroupTicket:
            assert group.tags is not None
            if any(self._copied(disk) for disk in group.volume_ids):
                raise REFUSALS["busy"]()
            cloud_id = f"cloud-{len(self.groups) + 1}"
            self.groups[cloud_id] = group.tags[REQUEST_TAG]
            for disk in group.volume_ids:
                self._make(disk, self.groups[cloud_id], cloud_id)
            return GroupTicket(job_id=f"job-{cloud_id}", snapshot_group_id=cloud_id)

        return await self.waits("create_group", work, send_before)

    async def delete_snapshot(self, snapshot_id: str, *, send_before: float) -> str:
        def work() -> str:
            self._snapshot(snapshot_id).status = "gone"
            return "job"

        return await self.waits("delete_snapshot", work, send_before)

    def _make(self, disk: str, tag: str, group: str | None) -> Made:
        if self._copied(disk):
            raise REFUSALS["busy"]()
        self.made.append(Made(f"snap-{len(self.made) + 1}", disk, tag, group))
        return self.made[-1]

    def _copied(self, disk: str) -> bool:
        return any(one.disk == disk and one.status == "creating" for one in self.made)

    # --- what only asks -----------------------------------------------------------------------------------------------

    async def list_snapshots(
        self,
        *,
        volume_id: str | None = None,
        ids: Sequence[str] = (),
        snapshot_group_id: str | None = None,
        of_each: Collection[str] = (),
    ) -> list[Snapshot]:
        def work() -> list[Snapshot]:
            there = [
                one for one in self.made if one.status != "gone" and not one.hidden and volume_id in (None, one.disk)
            ]
            there = [one for one in there if snapshot_group_id in (None, one.group)]
            return [_row(one) for one in there if not ids or one.id in ids]

        return await self.waits("list_snapshots", work)

    async def show_snapshot(self, snapshot_id: str) -> Snapshot:
        return await self.waits("show_snapshot", lambda: _row(self._snapshot(snapshot_id)))

    async def list_snapshot_groups(self, *, limit_to_tag: tuple[str, str] | None = None) -> list[SnapshotGroup]:
        def work() -> list[SnapshotGroup]:
            hidden = {one.group for one in self.made if one.hidden}
            shown = [one for one in self.groups if one not in hidden]
            return [SnapshotGroup(id=one, tags={REQUEST_TAG: self.groups[one]}) for one in shown]

        return await self.waits("list_groups", work)

    async def show_job(self, job_id: str) -> Job:
        def work() -> Job:
            its = [one for one in self.made if job_id in (f"job-{one.id}", f"job-{one.group}")]
            if any(one.status == "creating" for one in its):
                return Job(status="RUNNING")
            return Job(status="FAIL" if any(one.status == "error" for one in its) else "SUCCESS")

        return await self.waits("show_job", work)

    async def show_disk(self, disk_id: str) -> Disk:
        return await self.waits("show_disk", lambda: self._disk(disk_id))

    async def list_disks(
        self, *, name: str | None = None, ids: Sequence[str] = (), server_id: str | None = None
    ) -> list[Disk]:
        return await self.waits("list_disks", lambda: [self._disk(one) for one in ids])

    def _disk(self, disk_id: str) -> Disk:
        return a_disk(id=disk_id, attachments=[{"server_id": SERVER, "server_name": SERVER}])

    def _snapshot(self, snapshot_id: str) -> Made:
        for one in self.made:
            if one.id == snapshot_id and one.status != "gone":
                return one
        raise NotFound("There is no such snapshot.", code="EVS.2400")


def _row(one: Made) -> Snapshot:
    tags = {REQUEST_TAG: one.tag}
    return Snapshot(id=one.id, volume_id=one.disk, status=one.status, snapshot_group_id=one.group, tags=tags)
