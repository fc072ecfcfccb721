"""A request (what one person asked for once), its items (one disk each), and how both move: values in, values out.

Which moves there are is said in `transitions`. Every state of an item after planned is committed before, or right
after, the call to the cloud it stands for, so whoever reads the rows knows what may have happened.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.orders import Create, Order
from bot.domain.snapshots import REQUEST_TAG, CreateStandardSnapshot, Disk, Snapshot, fitted_name, stamp
from bot.domain.transitions import ITEM, REQUEST, ItemEvent, ItemState, RequestEvent, RequestState

TIMED_OUT_RULES = frozenset({"plan-timeout", "approval-timeout"})

_ENDING = {
    ItemState.AVAILABLE: ItemEvent.FINISH,
    ItemState.FAILED: ItemEvent.FAIL,
    ItemState.CANCELLED: ItemEvent.CANCEL,
    ItemState.UNKNOWN: ItemEvent.GIVE_UP,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where someone asked. `thread_ts` is None outside threads; `direct`: no channel, a conversation with the bot."""

    team_id: str
    channel_id: str
    thread_ts: str | None = None
    direct: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One row: what one person asked for once, and how it stands."""

    id: str
    state: RequestState
    actor_id: str
    place: Place
    text: str
    order: Order
    created_at: datetime
    ver: int = 1
    """Guards every write."""
    rev: int = 1
    """Counts the changes that people could see."""
    shown_rev: int = 0
    """The revision that they were shown last."""
    to_send: bool = True
    """Whether something is still to be told."""
    project: str | None = None
    explanation: str = ""
    """The sentence of a refusal; `rule` is its stable name."""
    rule: str = ""
    reply_channel: str = ""
    """Where its message lives: the channel it was asked in, or its person for a direct message."""
    status_channel: str | None = None
    status_ts: str | None = None
    edited_at: datetime | None = None
    receipt_ts: str | None = None
    ended_at: datetime | None = None
    break_glass: bool = False
    """It ran without approval, and an approver has to review it."""
    reviewed_by: str | None = None
    approvals_needed: int = 0
    """How many other people have to agree before it runs."""
    waits_until: datetime | None = None
    """Until when it can be confirmed or approved."""
    approvers: tuple[str, ...] = ()
    """Those of them who agreed."""
    ask_ts: str | None = None
    """The message with the approvers' buttons."""
    ask_rev: int = 0
    """The revision that message was last shown at."""
    kept_until: datetime | None = None
    """Set once its snapshots are kept longer than was asked for."""
    remind_at: datetime | None = None
    """When people are asked about them."""
    received_at: datetime | None = None
    """Set once its plan was changed: it was received anew then."""
    warnings: tuple[str, ...] = ()
    """Facts that stood in no way but have to be seen."""
    tried: timedelta = timedelta()
    """How long its plan was asked for in vain; time in which no bot ran is none of it."""
    started_at: datetime | None = None
    """When it began to run, after whatever it had waited for."""
    receipt_gone: int = 0
    """Of how many snapshots its receipt says that they are deleted."""

    @property
    def not_yet_going(self) -> bool:
        """Planned, and nothing may be sent before somebody says so."""
        return self.state in (RequestState.PLANNED, RequestState.WAITING)

    def time_over(self, now: datetime) -> bool:
        """Whether the time in which somebody could say go has passed."""
        return self.waits_until is not None and self.waits_until <= now

    @property
    def thread_ts(self) -> str | None:
        """The thread its messages stand in, because it was asked there; None where it has one of its own."""
        return self.place.thread_ts if self.reply_channel == self.place.channel_id else None

    @property
    def told_directly(self) -> bool:
        """Whether nobody but its person reads its messages."""
        at_its_place = self.reply_channel == self.place.channel_id
        return self.reply_channel == self.actor_id or (at_its_place and self.place.direct)

    @property
    def review_due(self) -> bool:
        return self.break_glass and self.reviewed_by is None

    @property
    def over(self) -> bool:
        return self.state in REQUEST.final

    @property
    def refused(self) -> bool:
        return self.state in (RequestState.DENIED, RequestState.DROPPED)

    @property
    def timed_out(self) -> bool:
        """Nobody said go in time, so it can be asked for once more as it was."""
        return self.state is RequestState.DROPPED and self.rule in TIMED_OUT_RULES

    @property
    def counted_from(self) -> datetime:
        """When what it takes began: the time that people took to say go is none of it."""
        return self.started_at or self.created_at

    @property
    def keep_for(self) -> timedelta:
        return timedelta(days=self.order.keep_days or 0)

    @property
    def expires_at(self) -> datetime | None:
        """When its snapshots were to go; the bot deletes none by itself."""
        return self.kept_until or (self.created_at + self.keep_for if self.order.keep_days else None)


@dataclass(frozen=True, slots=True)
class Item:
    """One disk of a request; `progress` is in percent. `tried` and `in_vain` add up what was really waited for, so
    time in which no bot ran is none of it.
    """

    id: str
    request_id: str
    position: int
    project: str
    disk: DiskRef
    snapshot: CreateStandardSnapshot
    state: ItemState
    ver: int = 1
    attempts: int = 0
    in_doubt: bool = False
    """An answer to its POST was lost, so each further one is preceded by a look."""
    due_at: datetime | None = None
    """When its job runs next."""
    submitted_at: datetime | None = None
    look_until: datetime | None = None
    waiting_since: datetime | None = None
    tried: timedelta = timedelta()
    """Time spent on sending it."""
    in_vain: timedelta = timedelta()
    """Time spent on looks that answered nothing, since the last that did."""
    cause: str = ""
    """Why it waits or how it ended, in words."""
    code: str = ""
    job_id: str | None = None
    snapshot_id: str | None = None
    progress: int | None = None
    taken_at: datetime | None = None
    incremental: bool | None = None
    ended_at: datetime | None = None
    joined_to: str | None = None
    """The item of another request that copies the same disk."""
    consistency_group_id: str | None = None
    """The consistency group it is asked for in."""
    let_go: bool = False
    """Joined, and the request keeps it no more."""
    accepted_told: bool = False
    failure_told: bool = False
    gone_at: datetime | None = None
    """When its snapshot was deleted."""
    gone_by: str | None = None
    """The person who asked for that; None: it happened outside of the bot, which noticed it then."""

    @property
    def gone(self) -> bool:
        """Its snapshot was made, and is deleted since."""
        return self.gone_at is not None

    @property
    def ended(self) -> bool:
        return self.state in ITEM.final

    @property
    def unsent(self) -> bool:
        """Nothing of it can be in the cloud: it was never sent, or refused without effect."""
        return self.state is ItemState.PLANNED and not self.in_doubt

    @property
    def accepted(self) -> bool:
        """The cloud answered with ids, or the bot found its snapshot."""
        return self.snapshot_id is not None


@dataclass(frozen=True, slots=True)
class DiskRef:
    """What a request keeps of a disk: enough to name it when it no longer exists. `size` is in GiB."""

    id: str
    name: str
    size: int = 0
    volume_type: str = ""
    availability_zone: str = ""
    server: str = ""
    status: str = ""

    @property
    def label(self) -> str:
        return self.name or self.id

    @classmethod
    def of(cls, disk: Disk) -> DiskRef:
        return cls(disk.id, disk.name, disk.size, disk.volume_type, disk.availability_zone, disk.server, disk.status)


def planned_items(
    request: Request,
    alias: str,
    disks: Sequence[Disk],
    *,
    enterprise_project_id: str | None,
    native_retention: bool,
    now: datetime,
) -> list[Item]:
    """The items of a `create`: what the cloud will be sent is what was asked for, a name, and the bot's tag."""
    order = request.order
    assert isinstance(order, Create)
    items = []
    for position, disk in enumerate(disks, start=1):
        item_id = f"{request.id}-{position}"
        snapshot = CreateStandardSnapshot(
            volume_id=disk.id,
            name=snapshot_name(order.name, disk, alone=len(disks) == 1, at=now),
            description=order.description,
            tags={**order.tags, REQUEST_TAG: item_id},
            enterprise_project_id=order.enterprise_project_id or enterprise_project_id,
            instant_access=order.instant_access,
            incremental=order.incremental,
            retention_days=order.keep_days if native_retention else None,
        )
        items.append(
            Item(
                item_id,
                request.id,
                position,
                alias,
                DiskRef.of(disk),
                snapshot,
                ITEM.after(None, ItemEvent.PLAN),
                due_at=now,
            )
        )
    return items


def cloud_deletes(items: Iterable[Item]) -> bool:
    """Whether the cloud itself deletes in time all that was made. A group can't carry `retention_days`, and a joined
    snapshot is kept for as long as whoever asked first said.
    """
    return all(
        item.snapshot.retention_days and item.consistency_group_id is None and item.joined_to is None
        for item in items
        if item.state is ItemState.AVAILABLE
    )


REMIND_BEFORE = timedelta(days=3)


def remind_time(request: Request, now: datetime) -> datetime | None:
    """Three days before the end, or after half of a time that is shorter than that; None where there is no end."""
    until = request.expires_at
    return None if until is None else max(until - REMIND_BEFORE, now + (until - now) / 2)


def snapshot_name(asked: str | None, disk: Disk, *, alone: bool, at: datetime) -> str:
    """No name: `{disk}-{yyyymmddThhmmZ}`. One name for several disks: `{name}-{disk}`. Always within 64 characters."""
    if asked is None:
        return fitted_name((disk.label, stamp(at)), disk.id)
    return asked if alone else fitted_name((asked, disk.label), disk.id)


# --- how an item moves ------------------------------------------------------------------------------------------------


def submitting(item: Item, now: datetime) -> Item:
    """Before the POST: from here on the cloud may hold a snapshot, so nobody repeats it without looking first."""
    return replace(
        item,
        state=ITEM.after(item.state, ItemEvent.SEND),
        attempts=item.attempts + 1,
        submitted_at=now,
        due_at=now,
    )


def no_answer(item: Item, now: datetime, *, look_for: timedelta, cause: str) -> Item:
    """No usable answer came: look for the tag until `look_until`, and only then try again."""
    return replace(
        item,
        state=ITEM.after(item.state, ItemEvent.LOSE),
        in_doubt=True,
        look_until=now + look_for,
        due_at=now,
        in_vain=timedelta(),
        cause=cause,
    )


def looked(item: Item, now: datetime) -> Item:
    """A look was answered, whatever it showed."""
    return replace(item, in_vain=timedelta(), due_at=now)


def looked_in_vain(item: Item, now: datetime, *, spent: timedelta, wait: timedelta) -> Item:
    """A look answered nothing: `spent` is what it took, the next one comes after `wait`."""
    return replace(item, in_vain=item.in_vain + spent + wait, due_at=now + wait)


def taken(item: Item, snapshot_id: str, job_id: str | None) -> Item:
    return replace(
        item,
        state=ITEM.after(item.state, ItemEvent.TAKE),
        snapshot_id=snapshot_id,
        job_id=job_id,
        in_doubt=False,
        look_until=None,
        waiting_since=None,
        tried=timedelta(),
        in_vain=timedelta(),
        due_at=None,
        cause="",
        code="",
    )


def waiting(
    item: Item, now: datetime, *, until: datetime, cause: str, code: str = "", spent: timedelta = timedelta()
) -> Item:
    """Not sent, or refused without effect for a reason that passes: its turn comes at `until`. `spent` is what was
    tried before.
    """
    return replace(
        item,
        state=ITEM.after(item.state, ItemEvent.WAIT),
        look_until=None,
        due_at=until,
        waiting_since=item.waiting_since or now,
        tried=item.tried + spent + (until - now),
        cause=cause,
        code=code,
    )


def back_to_planned(item: Item) -> Item:
    """Its turn comes again, or in another way."""
    return replace(item, state=ITEM.after(item.state, ItemEvent.WAIT))


def ended(item: Item, state: ItemState, now: datetime, *, cause: str = "", code: str = "") -> Item:
    state = ITEM.after(item.state, _ENDING[state])
    return replace(item, state=state, ended_at=now, due_at=None, look_until=None, cause=cause, code=code)


def seen(item: Item, snapshot: Snapshot) -> Item:
    """What the cloud says of a snapshot in the making or done."""
    return replace(
        item,
        in_vain=timedelta(),
        progress=snapshot.progress if snapshot.progress is not None else item.progress,
        taken_at=snapshot.created_at or item.taken_at,
        incremental=snapshot.incremental if snapshot.incremental is not None else item.incremental,
    )


def joining(item: Item, leader: Item) -> Item:
    """The disk is being copied for someone else already; this item ends when that one does."""
    return replace(
        item,
        state=ITEM.after(item.state, ItemEvent.JOIN),
        joined_to=leader.id,
        consistency_group_id=None,
        job_id=leader.job_id,
        snapshot_id=leader.snapshot_id,
        tried=timedelta(),
        in_vain=timedelta(),
        due_at=None,
        cause="",
        code="",
    )


def following(item: Item, leader: Item) -> Item:
    """A joined item after its leader moved. A leader that did not end well sets it free to try for itself."""
    if leader.state is ItemState.AVAILABLE:
        return replace(
            item,
            state=ITEM.after(item.state, ItemEvent.FINISH),
            job_id=leader.job_id,
            snapshot_id=leader.snapshot_id,
            progress=leader.progress,
            taken_at=leader.taken_at,
            incremental=leader.incremental,
            ended_at=leader.ended_at,
        )
    if leader.ended:
        return replace(
            item,
            state=ITEM.after(item.state, ItemEvent.FREE),
            joined_to=None,
            job_id=None,
            snapshot_id=None,
            progress=None,
            due_at=leader.ended_at,
        )
    return replace(item, job_id=leader.job_id, snapshot_id=leader.snapshot_id, progress=leader.progress)


def busy_wait(waited: timedelta, first: timedelta) -> timedelta:
    """How long a busy disk waits for its next turn: the first wait, doubling to 60 s, by how long it has waited."""
    wait = first
    while wait < timedelta(seconds=60) and waited >= wait:
        wait *= 2
    return min(wait, max(first, timedelta(seconds=60)))


# --- how a request moves ----------------------------------------------------------------------------------------------


def planned_anew(request: Request, order: Order) -> Request:
    """Received once more, with another order."""
    state = REQUEST.after(request.state, RequestEvent.CHANGE)
    return replace(request, state=state, order=order, rev=request.rev + 1, waits_until=None)


def agreed(request: Request, approvers: tuple[str, ...]) -> Request:
    """After one more person agreed; with the last one needed it runs."""
    enough = len(approvers) >= request.approvals_needed
    return replace(
        request,
        state=REQUEST.after(request.state, RequestEvent.RUN if enough else RequestEvent.AGREE),
        approvers=approvers,
        rev=request.rev + 1,
        waits_until=None if enough else request.waits_until,
    )


def refused(request: Request, event: RequestEvent, rule: str, explanation: str, now: datetime) -> Request:
    """Denied or dropped, before anything of it was sent."""
    state = REQUEST.after(request.state, event)
    return replace(request, state=state, rule=rule, explanation=explanation, rev=request.rev + 1, ended_at=now)


def following_items(request: Request, items: Collection[Item], now: datetime, *, done: bool) -> Request:
    """The request after its items moved: something to show, and finished once it is `done`. Nobody has to be reminded
    of what the cloud deletes by itself.
    """
    after = replace(request, rev=request.rev + 1, to_send=True)
    if not done:
        return after
    return replace(
        after,
        state=REQUEST.after(request.state, RequestEvent.FINISH),
        ended_at=now,
        remind_at=None if cloud_deletes(items) else request.remind_at,
    )


def counted(items: Iterable[Item]) -> Mapping[ItemState, int]:
    counts = dict.fromkeys(ItemState, 0)
    for item in items:
        counts[item.state] += 1
    return counts


def spread_seconds(items: Iterable[Item]) -> float | None:
    """Seconds between the first and the last creation time; None with fewer than two."""
    times = [item.taken_at for item in items if item.state is ItemState.AVAILABLE and item.taken_at]
    return (max(times) - min(times)).total_seconds() if len(times) > 1 else None
