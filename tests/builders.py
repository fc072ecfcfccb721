"""Valid values with only what matters named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.actors import AccountKind, Actor
from bot.domain.items import DiskRef, Item
from bot.domain.orders import Create
from bot.domain.projects import Project
from bot.domain.requests import Place, Request
from bot.domain.restoring.restorations import Restoration, Source
from bot.domain.roles import Grant, Role, SubjectKind
from bot.domain.snapshots import REQUEST_TAG, CreateStandardSnapshot, Disk
from bot.domain.transitions import ItemState, RequestState, RestorationState

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class FakeClock:
    """Time that moves only when it is told to, or when somebody sleeps."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at
        self._stepped = timedelta()

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - self._stepped - NOON).total_seconds()

    def step(self, **amount: float) -> None:
        """Somebody sets the clock: the date changes, and no time passes."""
        self.at += timedelta(**amount)
        self._stepped += timedelta(**amount)

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    def pass_(self, **amount: float) -> None:
        self.at += timedelta(**amount)


def a_project(alias: str = "payments", **fields: Any) -> Project:
    defaults: dict[str, Any] = {
        "project_id": "0123456789abcdef0123456789abcdef",
        "region": "ap-southeast-3",
        "credentials": "main",
        "evs_endpoint": "http://127.0.0.1:1",
        "ecs_endpoint": "http://127.0.0.1:1",
        "iam_endpoint": "http://127.0.0.1:1",
    }
    return Project(alias, **{**defaults, **fields})


def a_grant(
    subject_id: str = "U1",
    role: str = "operator",
    project: str = "payments",
    *,
    kind: SubjectKind = "user",
    expires_at: datetime | None = None,
) -> Grant:
    return Grant(kind, subject_id, Role(role), project, expires_at)


def an_actor(user_id: str = "U1", account: AccountKind = AccountKind.MEMBER, *groups: str) -> Actor:
    return Actor(user_id, account, frozenset(groups))


def a_disk(name: str = "orders-db", number: int = 1, **fields: Any) -> Disk:
    defaults: dict[str, Any] = {
        "id": f"d15c0000-{number:04d}-4000-8000-{number:012d}",
        "name": name,
        "status": "in-use",
        "size": 100,
        "volume_type": "SSD",
        "availability_zone": "az-a",
    }
    return Disk.model_validate({**defaults, **fields})


def a_request(request_id: str = "r-one", **fields: Any) -> Request:
    defaults: dict[str, Any] = {
        "state": RequestState.RUNNING,
        "actor_id": "U1",
        "place": Place("T1", "C1"),
        "text": "create orders-db",
        "order": Create(("orders-db",)),
        "created_at": NOON,
        "project": "payments",
        "reply_channel": "C1",
    }
    return Request(request_id, **{**defaults, **fields})


def an_item(number: int = 1, state: ItemState = ItemState.PLANNED, *, request_id: str = "r-one", **fields: Any) -> Item:
    item_id = f"{request_id}-{number}"
    disk = a_disk(f"disk-{number}", number)
    defaults: dict[str, Any] = {
        "request_id": request_id,
        "position": number,
        "project": "payments",
        "disk": DiskRef.of(disk),
        "snapshot": CreateStandardSnapshot(volume_id=disk.id, name=f"snap-{number}", tags={REQUEST_TAG: item_id}),
        "due_at": NOON,
    }
    return Item(item_id, state=state, **{**defaults, **fields})


def a_restoration(
    number: int = 1, state: RestorationState = RestorationState.PLANNED, *, request_id: str = "r-back", **fields: Any
) -> Restoration:
    disk = DiskRef.of(a_disk(f"disk-{number}", number))
    defaults: dict[str, Any] = {
        "request_id": request_id,
        "position": number,
        "project": "payments",
        "way": "new_disks",
        "disk": disk,
        "source": Source(f"snap-{number}", f"snap-{number}", f"r-one-{number}", "r-one", NOON, disk.size),
        "due_at": NOON,
    }
    return Restoration(f"{request_id}-r{number}", state=state, **{**defaults, **fields})
