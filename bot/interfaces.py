"""What the workflow needs from outside, as protocols. The edges implement them; tests bring their own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, Protocol

from bot.domain.access import Actor, Grant, GroupStanding, Standing
from bot.domain.bindings import Binding
from bot.domain.consistency_groups import Group
from bot.domain.deletions import Deletion
from bot.domain.forms import Form
from bot.domain.granting import Subject
from bot.domain.requests import Item, Request, RequestState
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


class Clock(Protocol):
    """Time as an argument. Dates are aware UTC; waits and ages are measured in seconds that never step."""

    def now(self) -> datetime:
        """For what is a date: it may step either way when the machine's clock is set."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment, for waiting and for how old something is."""
        ...

    async def sleep(self, seconds: float) -> None: ...


# --- the cloud --------------------------------------------------------------------------------------------------------


class Evs(Protocol):
    """One cloud project. Every failure is a `bot.domain.errors.CloudError`."""

    async def create_standard_snapshot(
        self, snapshot: CreateStandardSnapshot, *, send_before: datetime
    ) -> SnapshotTicket: ...

    async def show_job(self, job_id: str) -> Job: ...

    async def show_snapshot(self, snapshot_id: str) -> Snapshot: ...

    async def list_snapshots(
        self,
        *,
        volume_id: str | None = None,
        ids: Sequence[str] = (),
        group_id: str | None = None,
        of_each: Collection[str] = (),
    ) -> list[Snapshot]: ...

    async def create_snapshot_group(self, group: CreateSnapshotGroup, *, send_before: datetime) -> GroupTicket: ...

    async def list_snapshot_groups(self, *, limit_to_tag: tuple[str, str] | None = None) -> list[SnapshotGroup]: ...

    async def check_snapshot_groups(self) -> None: ...

    async def delete_snapshot(self, snapshot_id: str, *, send_before: datetime) -> str: ...

    async def show_disk(self, disk_id: str) -> Disk: ...

    async def list_disks(
        self, *, name: str | None = None, ids: Sequence[str] = (), server_id: str | None = None
    ) -> list[Disk]: ...

    async def disks_by_tag(self, key: str, values: Sequence[str] = ()) -> list[Disk]: ...

    async def list_servers(self, *, name: str | None = None, ids: Sequence[str] = ()) -> list[Server]: ...


class Cloud(Protocol):
    """Every configured project. `project` raises KeyError for an alias that is not configured."""

    def project(self, alias: str) -> Evs: ...


# --- people -----------------------------------------------------------------------------------------------------------


class People(Protocol):
    """Who somebody is, from Slack. Raises `bot.domain.errors.LookupFailed` when Slack can't be asked: that refuses."""

    def known(self, user_id: str) -> Actor | None:
        """The actor if everything about them is at hand and fresh enough; never waits."""
        ...

    async def look_up(self, user_id: str) -> Actor: ...


class Accounts(People, Protocol):
    """What Slack has under an id that a grant would name. Raises LookupFailed when Slack can't be asked."""

    async def account(self, user_id: str) -> Standing | None:
        """None: Slack knows nobody of that id."""
        ...

    async def group(self, group_id: str) -> GroupStanding: ...


class Channels(Protocol):
    """Who is in a channel, and what it is called. A channel the bot can't see has nobody in it and no name."""

    async def name(self, channel: str) -> str:
        """Without the hash; "" for direct messages, and where Slack does not say. Never raises."""
        ...

    async def has_member(self, channel: str, user_id: str) -> bool:
        """Raises LookupFailed."""
        ...


class Membership(Protocol):
    """Who is in a user group. Raises LookupFailed."""

    async def members(self, group_id: str) -> frozenset[str]: ...


# --- rows -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the trail. `subject` is an id, `details` small facts: no secret, and nothing that people typed."""

    actor: str
    action: str
    subject: str
    outcome: Literal["allowed", "denied", "done", "failed"]
    rule: str = ""
    details: Mapping[str, str | int | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a delivery comes to: a request to keep (or none), and the decisions that led there."""

    request: Request | None
    audit: Sequence[AuditEntry] = ()


Judge = Callable[[Sequence[Grant], str | None], Arrival]
"""Grants that may name the actor, and the project the channel is bound to, become an arrival. Pure."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which requests are asked for. `projects` are those the reader may view; None means all of them.

    `under_way`: True for those that have not ended, False for those that have. `left_to`: somebody to whom it is left
    to settle them; neither their own nor any that they agreed to already. `restorable`: a snapshot of it was available.
    """

    projects: Sequence[str] | None = None
    disk: str | None = None
    actor_id: str | None = None
    unreviewed: bool = False
    waiting: bool = False
    under_way: bool | None = None
    left_to: str | None = None
    channel: str | None = None
    restorable: bool = False
    limit: int = 10
    offset: int = 0


class DiskName(NamedTuple):
    """A disk of a request, as it was called then."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Errand:
    """An answer that is owed: what was acknowledged before it was decided, in ids and the words that were typed.

    `id` is that of its delivery. `claim` is what may be acted on once, whichever delivery brings it; `late`: another
    delivery had taken that already.
    """

    id: str
    kind: Literal["command", "mention", "press"]
    user_id: str
    channel: str
    thread_ts: str | None
    payload: Mapping[str, Any]
    created_at: datetime
    claim: str | None = None
    late: bool = False


@dataclass(frozen=True, slots=True)
class HomeRow:
    """Somebody's App Home: `rev` counts what changed, `shown_rev` what of it is shown, `view_hash` is Slack's.
    `looked_at`: they opened it, and what they may see is to be shown and written in the trail.
    """

    rev: int
    shown_rev: int
    view_hash: str | None
    looked_at: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """A person, or everybody in a group, who is to be told of a request directly; decided at `since`.

    `asking`: they are asked to agree to that asking for a deletion; 0: it is about the request itself.
    """

    subject: Subject
    since: datetime
    asking: int = 0


@dataclass(frozen=True, slots=True)
class Settled:
    """`done`; `late`: somebody else was faster; `over`: the daily limit has no room, `used` disks are taken already."""

    how: Literal["done", "late", "over"]
    used: int = 0


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What was called back: `cancelled` disks, while `sent` ones go on; `dropped`: all of it, nothing was sent."""

    cancelled: int
    sent: int
    dropped: bool


Rebound = Literal["done", "kept-by-file", "settled-before"]
"""What became of a change of a channel's bindings: done; bot.toml has the say; or somebody changed them meanwhile."""


@dataclass(frozen=True, slots=True)
class Rights:
    """Grants at one moment: `held` may name who asks, `theirs` are the rows in question (of a subject or a source),
    `admins` every grant of the role admin that counts in the project in question. Expired ones are among them.
    """

    held: Sequence[Grant]
    theirs: Sequence[Grant]
    admins: Sequence[Grant]


@dataclass(frozen=True, slots=True)
class Revision:
    """What becomes of grants: the sentence about it, its audit rows, and the rows to remove and then to add."""

    told: str
    audit: Sequence[AuditEntry] = ()
    added: Sequence[Grant] = ()
    removed: Sequence[Grant] = ()
    refused: bool = False


Revise = Callable[[Rights], Revision]
"""Decides about a change of grants, inside its transaction. Pure."""


class Store(Protocol):
    """Each method is one transaction: rows, audit and duties together. `False` or None: someone else was faster."""

    async def arrive(
        self, delivery: str, channel: str, actor: Actor | None, judge: Judge, *, mendable: bool = False
    ) -> Request | None: ...

    async def take_errand(self, errand: Errand) -> bool: ...

    async def errand(self, errand_id: str) -> Errand | None: ...

    async def errand_done(self, errand: Errand, *, acted: bool) -> None: ...

    async def open_form(self, form: Form) -> None: ...

    async def form_project(self, form_id: str, project: str | None, *, seen: int | None = None) -> Form | None: ...

    async def form_place(self, form_id: str, channel: str) -> Form | None: ...

    async def form_more(self, form_id: str) -> Form | None: ...

    async def form_shown(self, form_id: str, view_hash: str) -> None: ...

    async def form_hash(self, form_id: str) -> str | None: ...

    async def form(self, form_id: str) -> Form | None: ...

    async def grants_for(self, actor: Actor) -> list[Grant]: ...

    async def bound_project(self, channel: str) -> str | None: ...

    async def request(self, request_id: str) -> tuple[Request, list[Item]] | None: ...

    async def item(self, item_id: str) -> tuple[Item, Request] | None: ...

    async def bindings(self, channel: str) -> list[Binding]: ...

    async def bind(
        self, channel: str, bindings: Sequence[Binding], audit: Sequence[AuditEntry], *, over: Sequence[str]
    ) -> Rebound: ...

    async def copying(self, project: str) -> list[str]: ...

    async def settle(
        self,
        request: Request,
        items: Sequence[Item],
        audit: Sequence[AuditEntry],
        *,
        groups: Sequence[Group] = (),
        room: int | None = None,
        notify: Sequence[Subject] = (),
    ) -> Settled: ...

    async def confirm(
        self, after: Request, notify: Sequence[Subject], audit: Sequence[AuditEntry], *, room: int | None
    ) -> Settled: ...

    async def plan_again(self, after: Request, audit: Sequence[AuditEntry]) -> bool: ...

    async def group(self, group_id: str) -> tuple[Group, list[Item], Request] | None: ...

    async def groups_of(self, request_id: str) -> list[Group]: ...

    async def start_group(self, group: Group, audit: Sequence[AuditEntry]) -> tuple[Group, list[Item]] | None: ...

    async def save_group(self, group: Group, items: Sequence[Item], audit: Sequence[AuditEntry] = ()) -> bool: ...

    async def keep(self, after: Request, audit: Sequence[AuditEntry] = ()) -> None: ...

    async def ask_deletion(self, rows: Sequence[Deletion], audit: Sequence[AuditEntry]) -> Sequence[Deletion]: ...

    async def agree_to_deletion(
        self, rows: Sequence[Deletion], person: str, needed: int, audit: Sequence[AuditEntry]
    ) -> Sequence[Deletion]: ...

    async def let_go(self, request_id: str, item_ids: Sequence[str], audit: Sequence[AuditEntry]) -> Sequence[Item]: ...

    async def deletions(self, request_id: str) -> list[Deletion]: ...

    async def save_deletions(self, rows: Sequence[Deletion], audit: Sequence[AuditEntry] = ()) -> bool: ...

    async def deletion_announced(self, request_id: str, asking: int, notify: Sequence[Subject] = ()) -> None: ...

    async def deletions_told(self, rows: Sequence[Deletion]) -> None: ...

    async def points_of(self, items: Sequence[Item]) -> list[Item]: ...

    async def sharing(self, request_id: str) -> list[tuple[Item, Request]]: ...

    async def review(self, request_id: str, reviewer_id: str, audit: Sequence[AuditEntry]) -> bool: ...

    async def tell_directly(self, request_id: str, subjects: Sequence[Subject]) -> None: ...

    async def untold(self, request_id: str) -> list[Notice]: ...

    async def told(
        self, request_id: str, notice: Notice, audit: Sequence[AuditEntry] = (), *, instead: Sequence[Subject] = ()
    ) -> None: ...

    async def approver_grants(self, project: str) -> list[Grant]: ...

    async def approve(self, request_id: str, approver_id: str, audit: Sequence[AuditEntry]) -> Request | None: ...

    async def refuse_waiting(
        self, request_id: str, state: RequestState, rule: str, verdict: str, audit: Sequence[AuditEntry]
    ) -> bool: ...

    async def cancel(
        self, request_id: str, *, verdict: str, cause: str, entries: Sequence[AuditEntry]
    ) -> Cancelled | None: ...

    async def start(self, item: Item, audit: Sequence[AuditEntry]) -> Item | None: ...

    async def save(self, item: Item, audit: Sequence[AuditEntry] = ()) -> bool: ...

    async def watched(self, items: Sequence[Item]) -> None: ...

    async def gone(self, snapshot_id: str, by: str | None, audit: Sequence[AuditEntry]) -> bool: ...

    async def spent(self, rows: Sequence[Request | Item | Group | Deletion]) -> None: ...

    async def creating(self, project: str) -> list[Item]: ...

    async def unsaid(self, home: str) -> list[tuple[Request, list[Item]]]: ...

    async def showed(self, request: Request, *, accepted: Sequence[str] = (), failures: Sequence[str] = ()) -> None: ...

    async def move_home(self, request: Request) -> None: ...

    async def all_said(self, request: Request) -> None: ...

    async def find(self, any_id: str) -> tuple[Request, list[Item]] | None: ...

    async def recent(self, filters: Filters) -> list[tuple[Request, list[Item]]]: ...

    async def disks_named(self, projects: Sequence[str]) -> list[DiskName]:
        """The disks that requests in these projects were about, by id and name, newest first."""
        ...

    async def home(self, user_id: str) -> HomeRow | None: ...

    async def home_opened(self, user_id: str, view_hash: str | None) -> None: ...

    async def tries_of(self, request_id: str) -> list[Request]: ...

    async def home_changed(self, user_id: str) -> None: ...

    async def home_published(self, user_id: str, rev: int, view_hash: str | None) -> None: ...

    async def audit_head(self) -> tuple[int, str]: ...

    async def chore_due(self, name: str) -> datetime | None: ...

    async def chore_done(self, name: str, next_at: datetime) -> None: ...

    async def head_posted(self, seq: int, seal: str, chore: str, next_at: datetime) -> None: ...

    async def record(self, audit: Sequence[AuditEntry]) -> None: ...

    def note(self, audit: Sequence[AuditEntry]) -> None: ...

    async def revise_grants(self, actor: Actor, subject: Subject, project: str, revise: Revise) -> Revision: ...

    async def grants_of(self, subject: Subject) -> list[Grant]: ...

    async def lapse_grants(self, told: Callable[[Grant], AuditEntry]) -> datetime | None: ...

    async def used_today(self, actor_id: str, project: str) -> int: ...

    async def helpers(self, project: str) -> list[Grant]: ...


# --- what is said -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Posted:
    """Where a message stands: Slack's `channel` and `ts`, together its identity. `astray`: it was to stand in a thread
    that is gone, and stands at the top level.
    """

    channel: str
    ts: str
    astray: bool = False


SayKind = Literal[
    "root",
    "edit",
    "ask",
    "ask_directly",
    "ask_edit",
    "accepted",
    "failure",
    "receipt",
    "receipt_edit",
    "record",
    "reminder",
    "refusal",
    "moved",
    "break_glass",
]


@dataclass(frozen=True, slots=True)
class Saying:
    """One message or edit about a request. `items` are those it is about, `all_items` the whole request.

    `leaders` are the requests that copy a joined disk, by the id of the item that was joined; `groups` those of a quick
    backup; `held` the ids of snapshots that another request still keeps. `why`: the reason of the CannotPost that moved
    it elsewhere.
    """

    kind: SayKind
    request: Request
    items: Sequence[Item]
    all_items: Sequence[Item]
    leaders: Mapping[str, Request] = field(default_factory=dict)
    groups: Sequence[Group] = ()
    held: frozenset[str] = frozenset()
    why: str = ""
    called: Sequence[Subject] = ()


class Replies(Protocol):
    """Says it in Slack. Raises CannotPost, MessageGone, MessageRefused, or SlackBusy (with seconds to wait)."""

    async def say(self, saying: Saying) -> Posted | None: ...


class Notices(Protocol):
    """Says a sentence in a channel. Raises CannotPost, MessageRefused, or SlackBusy."""

    async def announce(self, channel: str, sentence: str) -> None: ...


class ThreadNotices(Protocol):
    """Says sentences in the thread of a request, and answers whether others read along there. With `asking`, a button
    agrees to that asking for a deletion, where they do. Raises the same.
    """

    async def say_in_thread(self, request: Request, sentences: Sequence[str], *, asking: int | None = None) -> bool: ...


class DirectReplies(Protocol):
    """Says it to somebody directly. Raises the same."""

    async def say_to(self, user_id: str, saying: Saying) -> None: ...

    async def ask_to_agree(self, user_id: str, request_id: str, sentences: Sequence[str], asking: int) -> None:
        """With the button that agrees to that asking for a deletion."""


# --- the engine -------------------------------------------------------------------------------------------------------

Handler = Callable[[str], Awaitable[float | None]]
"""Does what the rows call for and answers in how many seconds it wants to be called again, or None for never."""


class Duties(Protocol):
    """The rows as the engine sees them. Raises StoreFailed."""

    async def duties(self) -> Iterable[tuple[str, datetime, str]]:
        """Every duty they call for: its key, when, and the lane in which it waits."""
        ...

    async def writable(self) -> bool: ...

    async def clock_set(self, by: timedelta) -> None:
        """The machine's clock was set: what only measures how long something waits moves along."""
        ...
