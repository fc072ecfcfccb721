"""group:{group}: one POST for all disks of a server in a zone; marked before it leaves, looked for before it is
repeated, and given up for single snapshots where the cloud takes no group.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.attempts import FROM_A_BACKUP, busy_wait, looked, looked_in_vain, no_answer, waiting
from bot.domain.audit import before_post
from bot.domain.consistency_groups import (
    ConsistencyGroup,
    can_be_member,
    group_done,
    group_made,
    group_split,
    on_its_own,
)
from bot.domain.denials import NOT_CONFIGURED, Denied, no_longer_configured
from bot.domain.errors import CloudError, CloudUnavailable, DiskBusy, NotFound, NotOffered
from bot.domain.items import Item, back_to_planned, ended, taken
from bot.domain.requests import Request
from bot.domain.sentences import not_configured, quoted
from bot.domain.snapshots import Job
from bot.domain.transitions import GroupState, ItemState, RequestState
from bot.ports.clock import Clock
from bot.ports.cloud import Cloud, Evs
from bot.ports.items import Items
from bot.workflow.check_before_sending import SendCheck
from bot.workflow.discovery import GroupDiscovery
from bot.workflow.jobs.attempting import (
    INTERRUPTED,
    SEND_WITHIN_S,
    CannotLook,
    RetryPolicy,
    could_not_look,
    left_s,
    ours,
    pause_s,
    refused,
    step_s,
    took,
    unreadable,
)

log = logging.getLogger(__name__)

DISK_NOT_FOUND = "EVS.5404"
GONE = "This disk is no longer there: it was deleted after the plan was made. Nothing was created of it."

BUSY_NAMED = 3
"""Of the disks for which a group is taken apart."""

UNREADABLE = "The cloud lists a group whose tags cannot be read."

_LOOK_AGAIN_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True, slots=True)
class Grouper:
    """Moves a group from planned to done, or splits it; its items go along."""

    store: Items
    send_check: SendCheck
    cloud: Cloud
    discovery: GroupDiscovery
    clock: Clock
    policy: RetryPolicy

    async def __call__(self, consistency_group_id: str) -> float | None:
        found = await self.store.group(consistency_group_id)
        if found is None or found[2].state is not RequestState.RUNNING:
            return None
        group, members, request = found
        now = self.clock.now()
        try:
            evs = self.cloud.project(group.project, request.actor_id)
        except KeyError:
            return await self._not_configured(group, members, request)
        match group.state:
            case GroupState.PLANNED | GroupState.UNCERTAIN | GroupState.MADE if wait_s := left_s(group, now):
                return wait_s
            case GroupState.PLANNED:
                return await self._send(evs, group, members, request)
            case GroupState.SUBMITTING:
                # One run of a job at a time, so the one that marked it is gone, and its POST may have arrived.
                if wait_s := self.policy.may_leave_s(group, now):
                    return wait_s
                return await self._unanswered(group, members, INTERRUPTED)
            case GroupState.UNCERTAIN:
                return await self._look(evs, group, members)
            case GroupState.MADE:
                return await self._find_members(evs, group, members)
            case GroupState.DONE | GroupState.SPLIT:
                return None

    async def _not_configured(self, group: ConsistencyGroup, members: Sequence[Item], request: Request) -> float | None:
        """The project was taken out of bot.toml: nothing is sent any more, and what may have been made is told as
        that.
        """
        if group.state in (GroupState.DONE, GroupState.SPLIT):
            return None
        now = self.clock.now()
        if group.state is GroupState.PLANNED and not group.in_doubt:
            return await self._refuse(group, members, request, no_longer_configured(group.project))
        if wait_s := left_s(group, now):
            return wait_s
        if group.code != NOT_CONFIGURED:
            log.error("an open request names a project that is no longer configured", extra={"group": group.id})
        return await self._cannot_look(group, members, CannotLook(not_configured(group.project), NOT_CONFIGURED), now)

    async def _refuse(
        self, group: ConsistencyGroup, members: Sequence[Item], request: Request, refusal: Denied
    ) -> float | None:
        now = self.clock.now()
        state, told = refused(group, refusal)
        never = [ended(item, state, now, cause=told, code=refusal.rule) for item in members if not item.ended]
        entry = before_post(request, group.id, group.project, f"{len(members)} disks", "denied", refusal.rule)
        await self.store.save_group(group_done(group), never, [entry])
        return None

    # --- sending ------------------------------------------------------------------------------------------------------

    async def _send(self, evs: Evs, group: ConsistencyGroup, members: Sequence[Item], request: Request) -> float | None:
        if group.in_doubt:
            # An earlier answer was lost: whatever has passed since, look once more before it is repeated.
            began = self.clock.now()
            try:
                known = await evs.list_snapshot_groups(limit_to_tag=group.tag)
            except CloudError as exc:
                return await self._cannot_look(group, members, CannotLook.because(exc), began)
            if made := ours(group, known):
                return await self._made(group, made.id, None)
            if unreadable(group, known):
                return await self._cannot_look(group, members, CannotLook(UNREADABLE), began)
            if group.code == FROM_A_BACKUP:
                return await self._look_for_members(group, members)
        send_before = self.clock.monotonic() + SEND_WITHIN_S
        decided = await self.send_check.decided(request, group.project)
        if isinstance(decided, Denied):
            return await self._refuse(group, members, request, decided)
        entry = before_post(request, group.id, group.project, f"{len(members)} disks", "allowed", "granted", decided)
        claim = self.send_check.claim(request, group.project)
        begun = await self.store.start_group(group, [entry], claim=claim)
        return await self._post(evs, *begun, send_before) if begun else None

    async def _post(
        self, evs: Evs, group: ConsistencyGroup, members: Sequence[Item], send_before: float
    ) -> float | None:
        try:
            ticket = await evs.create_snapshot_group(group.asked, send_before=send_before)
        except CloudError as exc:
            return await self._not_taken(evs, replace(group, answer_id=exc.request_id), members, exc)
        return await self._made(group, ticket.snapshot_group_id, ticket.job_id)

    async def _not_taken(
        self, evs: Evs, group: ConsistencyGroup, members: Sequence[Item], exc: CloudError
    ) -> float | None:
        match exc:
            case DiskBusy():
                return await self._busy(evs, group, members, exc)
            case _ if (wait := self.policy.wait_after(exc, group.tried)) is not None:
                return await self._wait(group, members, wait, exc)
            case CloudUnavailable():
                return await self._unanswered(group, members, exc.sentence)
            case _:
                return await self._refused(evs, group, members, exc)

    async def _made(self, group: ConsistencyGroup, cloud_id: str, job_id: str | None) -> float | None:
        now = self.clock.now()
        made = group_made(group, now, look_for=self.policy.look_for, cloud_id=cloud_id, job_id=job_id)
        await self.store.save_group(made, [])
        return 0.0

    async def _refused(
        self, evs: Evs, group: ConsistencyGroup, members: Sequence[Item], exc: CloudError
    ) -> float | None:
        """The cloud does not say which disk it means. One that was deleted since the plan has failed, one that was
        detached is copied alone, and the others are asked for once more; with no disk to blame the group is split.
        """
        if isinstance(exc, NotOffered):
            self.discovery.say(group.project, available=False)
            return await self._split(group, members, exc)
        try:
            disks = await evs.list_disks(ids=[item.disk.id for item in members])
        except CloudError:
            return await self._split(group, members, exc)
        now, there = self.clock.now(), {disk.id: disk for disk in disks}
        moved = [
            replace(ended(item, ItemState.FAILED, now, cause=GONE, code=exc.code), consistency_group_id=None)
            for item in members
            if item.disk.id not in there
        ]
        moved += [
            on_its_own(item, now)
            for item in members
            if (disk := there.get(item.disk.id)) and not can_be_member(group, disk)
        ]
        if not moved:
            if isinstance(exc, NotFound) and exc.code != DISK_NOT_FOUND:
                self.discovery.say(group.project, available=False)
            return await self._split(group, members, exc)
        return await self._regroup(group, members, moved)

    async def _regroup(self, group: ConsistencyGroup, members: Sequence[Item], moved: Sequence[Item]) -> float | None:
        """Ask at once for those that are left, without the ones that were moved elsewhere."""
        now, apart = self.clock.now(), {item.id for item in moved}
        left = [back_to_planned(item) for item in members if item.id not in apart]
        again = replace(waiting(group, now, until=now, cause=""), waiting_since=None) if left else group_done(group)
        await self.store.save_group(again, [*moved, *left])
        return 0.0

    async def _busy(self, evs: Evs, group: ConsistencyGroup, members: Sequence[Item], exc: DiskBusy) -> float | None:
        """One of the disks is busy; the cloud does not say which. It waits its turn alone, the others go on. When no
        listing names it, the whole group waits once.
        """
        if group.in_doubt:
            wait = busy_wait(group.tried, self.policy.busy_first)
            told = _busy_for_all(exc, ())  # the snapshots in the way may be our own
            return await self._wait(group, members, wait, told)
        try:
            snapshots = await evs.list_snapshots()
        except CloudError:
            snapshots = []
        busy = {one.volume_id for one in snapshots if one.status == "creating"}
        apart = [item for item in members if item.disk.id in busy]
        if not apart and group.code != exc.code:
            return await self._wait(group, members, self.policy.busy_first, _busy_for_all(exc, ()))
        if not apart or len(members) - len(apart) < 2:
            return await self._split(group, members, _busy_for_all(exc, apart))
        now = self.clock.now()
        until = now + self.policy.busy_first
        moved = [
            replace(waiting(item, now, until=until, cause=exc.sentence, code=exc.code), consistency_group_id=None)
            for item in apart
        ]
        return await self._regroup(group, members, moved)

    async def _wait(
        self, group: ConsistencyGroup, members: Sequence[Item], wait: timedelta, exc: CloudError
    ) -> float | None:
        now = self.clock.now()
        spent = took(group.submitted_at, now)  # this POST began then, in this very process
        if group.tried + spent >= self.policy.busy_deadline:
            return await self._give_up(group, members, exc)
        later = waiting(group, now, until=now + wait, cause=exc.sentence, code=exc.code, spent=spent)
        held = [waiting(item, now, until=now + wait, cause=exc.sentence, code=exc.code) for item in members]
        await self.store.save_group(later, held)
        return wait.total_seconds()

    async def _give_up(self, group: ConsistencyGroup, members: Sequence[Item], exc: CloudError) -> float | None:
        """The group was busy all the time. In doubt, it was looked for before each further POST."""
        told = self.policy.given_up(exc.sentence, "it")
        if group.in_doubt:
            told = f"{exc.sentence} Whether the group was made is not known; look in the console."
        return await self._over(
            group, members, ItemState.UNKNOWN if group.in_doubt else ItemState.FAILED, told, exc.code
        )

    async def _over(
        self, group: ConsistencyGroup, members: Sequence[Item], state: ItemState, told: str, code: str
    ) -> float | None:
        """The same end for all of which no snapshot was found."""
        now = self.clock.now()
        over = [ended(item, state, now, cause=told, code=code) for item in members if _open(item)]
        await self.store.save_group(group_done(group), over)
        return None

    async def _split(self, group: ConsistencyGroup, members: Sequence[Item], exc: CloudError) -> float | None:
        now = self.clock.now()
        alone = [on_its_own(item, now) for item in members]
        await self.store.save_group(group_split(group, exc.sentence, exc.code), alone)
        return None

    # --- looking ------------------------------------------------------------------------------------------------------

    async def _look_for_members(self, group: ConsistencyGroup, members: Sequence[Item]) -> float | None:
        """Since the backup was made the group may have been split, its disks sent alone, under tags of their own."""
        made: list[Item] = []
        for item in members:
            now = self.clock.now()
            try:
                known = await self.cloud.project(group.project).list_snapshots(volume_id=item.disk.id)
            except CloudError as exc:
                return await self._cannot_look(group, members, CannotLook.because(exc), now)
            if one := ours(item, known):
                made.append(taken(on_its_own(item, now), one.id, None))
            elif unreadable(item, known):
                return await self._cannot_look(group, members, CannotLook(UNREADABLE), now)
        return await self._regroup(group, members, made)

    async def _unanswered(self, group: ConsistencyGroup, members: Sequence[Item], cause: str) -> float | None:
        now = self.clock.now()
        lost = [
            no_answer(item, now, look_for=self.policy.look_for, cause=cause)
            for item in members
            if item.state is ItemState.SUBMITTING
        ]
        await self.store.save_group(no_answer(group, now, look_for=self.policy.look_for, cause=cause), lost)
        return 0.0

    async def _look(self, evs: Evs, group: ConsistencyGroup, members: Sequence[Item]) -> float | None:
        """Look for the group by its tag; only when the time is over may it be sent again."""
        now = self.clock.now()
        over = group.look_until is None or now >= group.look_until
        try:
            known = await evs.list_snapshot_groups(limit_to_tag=None if over else group.tag)
        except CloudError as exc:
            return await self._cannot_look(group, members, CannotLook.because(exc), now)
        if made := ours(group, known, named=group.asked.name if over else None):
            return await self._made(group, made.id, None)
        if unreadable(group, known):
            return await self._cannot_look(group, members, CannotLook(UNREADABLE), now)
        if over:
            if group.tried >= self.policy.busy_deadline:
                told = (
                    f"{group.cause} I looked each time before trying again; the cloud holds no group of this request."
                )
                return await self._over(group, members, ItemState.FAILED, told, group.code)
            again = [back_to_planned(item) for item in members if item.state is ItemState.UNCERTAIN]
            spent = self.policy.look_for
            now = self.clock.now()  # it may have been set while the cloud was asked
            await self.store.save_group(waiting(group, now, until=now, cause=group.cause, spent=spent), again)
            return 0.0
        if group.in_vain:
            await self.store.spent([looked(group, self.clock.now())])
        return pause_s(group, now, _LOOK_AGAIN_SECONDS, each_s=3)

    async def _cannot_look(
        self, group: ConsistencyGroup, members: Sequence[Item], failed: CannotLook, began: datetime
    ) -> float | None:
        """Without a look nothing is certain, so nothing is repeated; in the end that is what is told."""
        now = self.clock.now()
        if group.in_vain >= failed.policy(self.policy):
            told = failed.in_the_end(group.cause, "the group")
            return await self._over(group, members, ItemState.UNKNOWN, told, failed.code)
        after = could_not_look(group, failed, began, now)
        if after.code != group.code:
            stay = [replace(item, cause=after.cause, code=after.code) for item in members if _open(item)]
            await self.store.save_group(after, stay)
        else:
            await self.store.spent([after])
        return left_s(after, now)

    async def _find_members(self, evs: Evs, group: ConsistencyGroup, members: Sequence[Item]) -> float | None:
        """Each item gets the snapshot that the group holds of its disk. Source: ListSnapshotsDetailsV5,
        `snapshot_group_id`; a group's own record lists no members.
        """
        assert group.cloud_id is not None
        now = self.clock.now()
        try:
            disks = [item.disk.id for item in members]
            snapshots = await evs.list_snapshots(snapshot_group_id=group.cloud_id, of_each=disks)
        except CloudError as exc:
            return await self._cannot_look(group, members, CannotLook.because(exc), now)
        of_disk = {one.volume_id: one for one in snapshots}
        lacking = [item for item in members if not item.ended and item.snapshot_id is None]
        found = [taken(item, of_disk[item.disk.id].id, group.job_id) for item in lacking if item.disk.id in of_disk]
        missing = [item for item in lacking if item.disk.id not in of_disk]
        if missing and (group.look_until is None or now >= group.look_until):
            over = await self._without_snapshot(evs, group, missing)
            found += over
            missing = [] if over else missing
        if not missing:
            await self.store.save_group(group_done(group), found)
            return None
        now = self.clock.now()
        wait = timedelta(seconds=step_s(group, now, _LOOK_AGAIN_SECONDS, each_s=3))
        after = looked_in_vain(group, now, spent=timedelta(), wait=wait)
        if found:
            await self.store.save_group(after, found)
        else:
            await self.store.spent([after])
        return left_s(after, now)

    async def _without_snapshot(self, evs: Evs, group: ConsistencyGroup, missing: Sequence[Item]) -> list[Item]:
        """How members ended of which the cloud lists nothing: failed, when the group's job says so and why; not at all
        yet, while it runs or the cloud can't say.
        """
        now = self.clock.now()
        job: Job | None = None
        with suppress(CloudError):  # an unknown job says nothing of the snapshots
            job = await evs.show_job(group.job_id) if group.job_id else None
        if job and job.ended == "fail":
            return [ended(item, ItemState.FAILED, now, cause=job.failure, code=job.error_code) for item in missing]
        if (job is None or job.ended is None) and group.in_vain < self.policy.busy_deadline:
            return []
        cause = "The group was made, but the cloud lists no snapshot of this disk in it. Look at it in the console."
        return [ended(item, ItemState.UNKNOWN, now, cause=cause) for item in missing]


def _open(item: Item) -> bool:
    return not item.ended and not item.accepted


def _busy_for_all(exc: DiskBusy, busy: Sequence[Item]) -> DiskBusy:
    """The refusal of a group in words that are true of each of its disks: the cloud's speak of one disk, and most of
    them are not busy.
    """
    which = ", ".join(quoted(item.disk.label) for item in busy[:BUSY_NAMED])
    more = f" and {len(busy) - BUSY_NAMED} more" if len(busy) > BUSY_NAMED else ""
    told = (
        f"Another snapshot is already being created of {which}{more}, so its group can't be taken together"
        if busy
        else "Another snapshot is already being created of a disk in its group; it waits with its group, and the "
        "cloud does not say for which disk"
    )
    return DiskBusy(f"{told} ({exc.code}).", status=exc.status, code=exc.code, request_id=exc.request_id)
