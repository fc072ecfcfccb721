"""One API call on its way through the simulated cloud, and the answer to it."""

import hashlib
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from bot.simulator.cloud import errors
from bot.simulator.cloud.faults import Fault, FaultQueue
from bot.simulator.cloud.world import CloudWorld, Project


@dataclass(frozen=True)
class Principal:
    """Who calls. `project_id` is set for a project token; `projects` None means all projects."""

    user: str
    projects: list[str] | None
    project_id: str | None
    by: Literal["token", "signature"]


@dataclass(frozen=True)
class Answer:
    """What goes back: a JSON value, or `content` as it is."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    content_type: str = "application/json"

    def payload(self) -> bytes:
        """The bytes of the body."""
        if self.content is not None:
            return self.content
        return b"" if self.body is None else json.dumps(self.body, ensure_ascii=False).encode()


@dataclass
class Call:
    """A request with everything that a handler may need to answer it. `target` is path and query as sent; `roots` are
    the addresses of the services.
    """

    operation: str
    method: str
    target: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw_body: bytes
    body: Any
    world: CloudWorld
    now: datetime
    base_url: str
    roots: Mapping[str, str]
    request_id: str
    faults: FaultQueue
    principal: Principal | None = None

    @property
    def project(self) -> Project:
        """The project that the path names; authentication has made sure that it exists."""
        return self.world.project(self.params["project_id"])

    @property
    def volume_ids(self) -> frozenset[str]:
        """The disks this call is about, as far as it can be told before it runs."""
        return frozenset(_volumes_named(self))

    def object(self, key: str) -> dict[str, Any]:
        """The object under `key` in the JSON body, which must hold nothing else."""
        if not isinstance(self.body, dict):
            raise errors.evs(400, "EVS.5400", "Malformed request body.")
        inner = self.body.get(key)
        if set(self.body) != {key} or not isinstance(inner, dict):
            raise errors.bad_body(f"Expected one object: {key}.")
        return inner

    def take(self, channel: str) -> Fault | None:
        """Use up the oldest waiting fault of that channel that matches this call."""
        return self.faults.take(channel, self.operation, self.volume_ids)

    def new_id(self, kind: str) -> str:
        """A fresh UUID: the same for the same clock and history, another one after a restart."""
        self.world.ids_made += 1
        seed = f"{kind}:{self.world.ids_made}:{self.now.isoformat()}"
        return str(uuid.UUID(bytes=hashlib.sha256(seed.encode()).digest()[:16], version=4))


Handler = Callable[[Call], Answer]


def as_cinder(handler: Handler) -> Handler:
    """The handler, with refusals in the shape of Cinder, whose code is the HTTP status again."""

    def handle(call: Call) -> Answer:
        try:
            return handler(call)
        except errors.ApiError as error:
            raise errors.ApiError(error.status, str(error.status), error.message, "cinder") from error

    return handle


@dataclass(frozen=True)
class Route:
    """One published API of the service at its own address. `access` says who may call: anybody, any known caller, or
    one with rights in the project; `action` is the right it takes, where a table names one, and `also` are more.
    """

    method: str
    path: str
    operation: str
    handler: Handler
    access: Literal["open", "known", "project"] = "project"
    action: str = ""
    also: tuple[str, ...] = ()
    service: Literal["evs", "ecs"] = "evs"


def fraction_of(name: str) -> float:
    """A number from 0 to 1 that is always the same for the same name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") / 0xFFFFFFFF


def evs_time(moment: datetime | None) -> str:
    """EVS writes UTC with microseconds and without a zone; an absent moment is empty."""
    return "" if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.%f")


def is_uuid(text: str) -> bool:
    """Whether the text is a UUID in its usual 36 characters."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _volumes_named(call: Call) -> set[str]:
    world = call.world
    found = {call.params.get("volume_id", ""), call.query.get("volume_id", "")}
    if snapshot := world.snapshots.get(call.params.get("snapshot_id", "")):
        found.add(snapshot.volume_id)
    if job := world.jobs.get(call.params.get("job_id", "")):
        found |= job.volume_ids
    body = call.body if isinstance(call.body, dict) else {}
    match body:
        case {"snapshot": {"volume_id": str(volume_id)}} | {"rollback": {"volume_id": str(volume_id)}}:
            found.add(volume_id)
        case {"volume": {"snapshot_id": str(snapshot_id)}} if snapshot_id in world.snapshots:
            found.add(world.snapshots[snapshot_id].volume_id)
        case {"snapshot_group": {"volume_ids": [*volume_ids]}}:
            found.update(volume_id for volume_id in volume_ids if isinstance(volume_id, str))
        case {"snapshot_group": {"server_id": str(server_id)}}:
            found.update(
                d.id for d in world.disks.values() if any(a.server_id == server_id for a in d.attachments_at(call.now))
            )
        case _:
            pass
    return found - {""}
