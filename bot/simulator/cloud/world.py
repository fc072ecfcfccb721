"""What the simulated cloud holds: plain, mutable records without behaviour.

Times are aware UTC. Fields marked ``init=False`` are state that the running cloud writes; a world file cannot set them.
In a world file, `cloud` has the fields of `CloudWorld`, and within them those of the classes here and of `Disk`,
`Server` and `Attachment` in resources.py; what has a default can be left out. A user that may only read disks, and not
by tags, a project named like its region with a small quota and a recycle bin, and a disk that can be rolled back::

    {
      "projects": [{"name": "prod", "project_id": "0123456789abcdef0123456789abcdef", "region": "ap-southeast-3",
                    "iam_name": "ap-southeast-3", "quotas": {"volumes": 3, "gigabytes": -1},
                    "recycle_bin": {"switch": true, "threshold_time": 1, "keep_time": 30}}],
      "users": [{"name": "bot", "id": "u1", "password": "not-a-secret",
                 "actions": ["evs:volumes:*", "evs:snapshots:list"], "denied_actions": ["evs:volumes:delete"]}],
      "enterprise_projects": {"0": "default"},
      "servers": [{"id": "77777777-0001-4000-8000-000000000001", "name": "web-01", "host": null,
                   "project_id": "0123456789abcdef0123456789abcdef"}],
      "disks": [{"id": "d15c0000-0001-4000-8000-000000000001", "name": "data", "status": "available",
                 "project_id": "0123456789abcdef0123456789abcdef", "availability_zone": "ap-southeast-3a"}],
      "timing": {"min_seconds": 20, "max_seconds": 60},
      "switches": {"page_rows": 50}
    }
"""

import re
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, Literal

from bot.simulator.cloud.loading import build, build_list
from bot.simulator.cloud.resources import (
    ClientToken,
    Disk,
    Job,
    Server,
    Snapshot,
    SnapshotGroup,
    SnapshotPolicy,
)

TokenError = Literal["APIGW.0301", "APIGW.0307", "EVS.5401", "EVS.0002", "Common.0013", "Common.0018"]
"""The first three come with HTTP status 401, the rest with 400."""


IamRefusal = Literal[
    "",
    "mfa",
    "huawei_id",
    "wrong_password",
    "password_expired",
    "locked",
    "disabled",
    "console_only",
    "no_right",
    "private_region",
    "bad_request",
    "throttled",
]
"""Why IAM gives nobody a token any more, whatever is right about the request."""

KeyRefusal = Literal["", "IAM.0080", "IAM.1105", "IAM.1108"]
"""Its user is disabled; the key has expired; the temporary key has expired."""


@dataclass
class Timing:
    """How long things take, in seconds.

    A snapshot takes between `min_seconds` and `max_seconds`, always the same for one snapshot id.
    """

    min_seconds: float = 4.0
    max_seconds: float = 8.0
    token_seconds: float = 86_400.0
    agency_key_seconds: float = 21_600.0
    lockout_seconds: float = 900.0


@dataclass
class Switches:
    """Where sources disagree or say nothing, a test chooses here. The defaults are the likelier reading.

    `token_error` and `project_error` say how a bad token and a token of another project are refused.
    `page_rows` caps every page of a list below the limit asked for; `stray_rows`, each JSON, begin every list of
    snapshots, whatever it was asked for. `denied_actions` are rights that nobody has, such
    as ecs:cloudServers:list; `servers_refused_with` is how ECS says so. `iam_refuses` and `key_refused_with` are what
    passwords and access keys meet.
    Source: EVS API reference, error codes; gateway error codes; ECS API reference, error codes.
    """

    busy_status: int = 409
    group_busy_status: int = 400
    snapshots_per_disk: int = 256
    instant_snapshots_per_disk: int = 7
    limit_status: int = 413
    limit_code: str = "EVS.5413"
    tags_per_snapshot: int = 20
    retention_supported: bool = True
    client_token_refused: bool = False
    fuzzy_snapshot_names: bool = False
    fuzzy_volume_names: bool = False
    cinder_volume_errors: bool = False
    token_error: TokenError = "APIGW.0301"
    project_error: TokenError = "Common.0018"
    wrong_passwords: int = 5
    lockout_as_plain_401: bool = False
    metadata_token_required: bool = False
    jobs_on_v1: bool = True
    jobs_on_v2: bool = True
    jobs_wait_to_execute: bool = False
    progress_with_percent_sign: bool = True
    page_rows: int = 1000
    stray_rows: list[str] = field(default_factory=list)
    denied_actions: list[str] = field(default_factory=list)
    iam_refuses: IamRefusal = ""
    key_refused_with: KeyRefusal = ""
    servers_refused_with: Literal["Ecs.0003", "Pdp.0001"] = "Pdp.0001"


@dataclass
class Quotas:
    """How many there may be in a project, and how many GiB; -1 for no limit.

    Source: EVS API reference, Querying Details of Tenant Quotas.
    """

    volumes: int = 400
    gigabytes: int = 327_680
    snapshots: int = 2_000
    backups: int = 200
    backup_gigabytes: int = 50_000


@dataclass
class RecycleBin:
    """Where deleted disks go that are `threshold_time` days old, for `keep_time` days; off unless switched on.

    Source: EVS API reference, Querying the Recycle Bin Policy.
    """

    switch: bool = False
    threshold_time: int = 7
    keep_time: int = 7


@dataclass
class Project:
    """An IAM project. In IAM it is called `iam_name`, by default ``{region}_{name}``, or its region if that is its
    name: every account has one that is named like the region.
    """

    name: str
    project_id: str
    region: str
    iam_name: str = ""
    v5_offered: bool = True
    groups_offered: bool = True
    quotas: Quotas = field(default_factory=Quotas)
    recycle_bin: RecycleBin = field(default_factory=RecycleBin)

    def __post_init__(self) -> None:
        own = self.region if self.name == self.region else f"{self.region}_{self.name}"
        self.iam_name = self.iam_name or own


@dataclass
class User:
    """An IAM user; `projects` holds names of projects, None means all of them.

    `actions` are its rights, such as evs:snapshots:create or evs:*:get, None means all; `denied_actions` win over them.
    """

    name: str
    id: str
    password: str = field(repr=False)
    projects: list[str] | None = None
    actions: list[str] | None = None
    denied_actions: list[str] = field(default_factory=list)
    enabled: bool = True
    programmatic_access: bool = True
    wrong_passwords: int = field(default=0, init=False)
    locked_until: datetime | None = field(default=None, init=False)


@dataclass
class AccessKey:
    """An AK/SK pair, permanent or (with a security token and an end) temporary."""

    access: str
    secret: str = field(repr=False)
    user: str
    projects: list[str] | None = None
    security_token: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None
    failures: int = field(default=0, init=False)
    locked_until: datetime | None = field(default=None, init=False)


@dataclass
class Agency:
    """The agency of the virtual machine that the metadata service hands keys out for; rights as of a user."""

    name: str
    projects: list[str] | None = None
    actions: list[str] | None = None
    denied_actions: list[str] = field(default_factory=list)


@dataclass
class Token:
    """An issued token; project_id is None for an account-level token."""

    user: str
    projects: list[str] | None
    project_id: str | None
    expires_at: datetime


@dataclass
class CloudWorld:
    """Everything the simulated cloud knows. Disks, servers, snapshots, groups and jobs are keyed by id, and so are the
    names of enterprise projects.
    """

    domain_name: str = "ACME"
    domain_id: str = "ac3e0000000000000000000000000001"
    projects: list[Project] = field(default_factory=list)
    users: list[User] = field(default_factory=list)
    access_keys: list[AccessKey] = field(default_factory=list)
    agency: Agency | None = None
    disks: dict[str, Disk] = field(default_factory=dict)
    servers: dict[str, Server] = field(default_factory=dict)
    edge_zones: list[str] = field(default_factory=list)
    enterprise_projects: dict[str, str] = field(default_factory=lambda: {"0": "default"})
    timing: Timing = field(default_factory=Timing)
    switches: Switches = field(default_factory=Switches)
    snapshots: dict[str, Snapshot] = field(default_factory=dict, init=False)
    groups: dict[str, SnapshotGroup] = field(default_factory=dict, init=False)
    of_disk: dict[str, list[Snapshot]] = field(default_factory=dict, init=False, repr=False)
    policies: dict[str, SnapshotPolicy] = field(default_factory=dict, init=False)
    jobs: dict[str, Job] = field(default_factory=dict, init=False)
    client_tokens: dict[str, ClientToken] = field(default_factory=dict, init=False, repr=False)
    tokens: dict[str, Token] = field(default_factory=dict, init=False, repr=False)
    ids_made: int = field(default=0, init=False)

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> "CloudWorld":
        """Read a world from plain JSON values: the fields above, with `disks` and `servers` as lists.

        Raises ValueError that lists every problem found.
        """
        problems: list[str] = []
        rest = dict(document)
        lists: dict[str, list[Any]] = {
            name: build_list(kind, rest.pop(name, []), name, problems) for name, kind in _LISTS
        }
        disks: list[Disk] = lists.pop("disks")
        servers: list[Server] = lists.pop("servers")
        world = build(cls, rest, "world", problems)
        if world is not None:
            world.projects, world.users, world.access_keys = lists["projects"], lists["users"], lists["access_keys"]
            world.disks = {disk.id: disk for disk in disks}
            world.servers = {server.id: server for server in servers}
            problems += world.problems()
            problems += [f"more than one server has the id {one}" for one in _repeated([s.id for s in servers])]
            problems += [f"more than one disk has the id {disk_id}" for disk_id in _repeated([d.id for d in disks])]
        if problems:
            raise ValueError("This world does not hold together: " + "; ".join(problems))
        assert isinstance(world, cls)
        return world

    def problems(self) -> list[str]:
        """What contradicts itself in this world; empty when all is well."""
        names = {project.name for project in self.projects}
        ids = {project.project_id for project in self.projects}
        found = [f"more than one project is called {name}" for name in _repeated([p.name for p in self.projects])]
        found += [f"more than one user is called {name}" for name in _repeated([u.name for u in self.users])]
        found += [
            f"project {project.name}: {project.project_id} is not 32 hexadecimal characters"
            for project in self.projects
            if not re.fullmatch("[0-9a-f]{32}", project.project_id)
        ]
        holders: list[User | AccessKey | Agency] = [*self.users, *self.access_keys]
        if self.agency is not None:
            holders.append(self.agency)
        found += [
            f"{type(holder).__name__} names the project {name}, which does not exist"
            for holder in holders
            for name in holder.projects or []
            if name not in names
        ]
        found += [
            f"disk {disk.name} is in the project {disk.project_id}, which does not exist"
            for disk in self.disks.values()
            if disk.project_id not in ids
        ]
        found += [
            f"server {server.name} is in the project {server.project_id}, which does not exist"
            for server in self.servers.values()
            if server.project_id not in ids
        ]
        if not 0 <= self.timing.min_seconds <= self.timing.max_seconds:
            found.append("timing: 0 <= min_seconds <= max_seconds must hold")
        return found

    def put_disk(self, changes: dict[str, Any]) -> Disk:
        """Add a disk, or change the given fields of the one with that id; a new status ends the work on it.

        Raises ValueError with every problem.
        """
        problems: list[str] = []
        known = self.disks.get(str(changes.get("id")))
        settable = {field.name for field in fields(Disk) if field.init and field.name != "attachments"}
        kept = {} if known is None else {name: value for name, value in asdict(known).items() if name in settable}
        disk = build(Disk, kept | changes, "disk", problems)
        if disk is not None and disk.project_id not in {project.project_id for project in self.projects}:
            problems.append(f"there is no project {disk.project_id}")
        if problems:
            raise ValueError("; ".join(problems))
        assert isinstance(disk, Disk)
        if known is not None:
            disk.busy_until, disk.binned_at = known.busy_until, known.binned_at
            disk.listed_from, disk.tagged_from = known.listed_from, known.tagged_from
            disk.edited_at, disk.rolled_back_to = known.edited_at, known.rolled_back_to
            disk.change = None if "status" in changes else known.change
            for snapshot in self.of_disk.get(disk.id, []):
                if snapshot.rollback is known.change:
                    snapshot.rollback = disk.change
            if "attachments" not in changes:
                disk.attachments = known.attachments
        self.disks[disk.id] = disk
        return disk

    def put_server(self, changes: dict[str, Any]) -> Server:
        """Add a server, or change the given fields of the one with that id. Raises ValueError with every problem."""
        problems: list[str] = []
        known = self.servers.get(str(changes.get("id")))
        server = build(Server, ({} if known is None else asdict(known)) | changes, "server", problems)
        if server is not None and server.project_id not in {project.project_id for project in self.projects}:
            problems.append(f"there is no project {server.project_id}")
        if problems:
            raise ValueError("; ".join(problems))
        assert isinstance(server, Server)
        self.servers[server.id] = server
        return server

    def project(self, name_or_id: str) -> Project:
        """The project with this name or id. Raises KeyError when there is none."""
        for project in self.projects:
            if name_or_id in (project.name, project.project_id):
                return project
        raise KeyError(name_or_id)

    def add_snapshot(self, snapshot: Snapshot) -> None:
        """Take in a new snapshot."""
        self.snapshots[snapshot.id] = snapshot
        self.of_disk.setdefault(snapshot.volume_id, []).append(snapshot)

    def snapshots_of(self, disk_id: str, now: datetime) -> list[Snapshot]:
        """The snapshots of a disk that exist, oldest first."""
        every = self.of_disk.get(disk_id, [])
        return [one for one in every if one.id in self.snapshots and one.status_at(now) is not None]

    def actions_of(self, user: str) -> tuple[list[str] | None, list[str]]:
        """The actions that a user, or the agency, may do (None: all), and those denied whatever is allowed."""
        holders: list[User | Agency] = [one for one in self.users if one.name == user]
        if self.agency is not None and user.rpartition("/")[2] == self.agency.name:
            holders.append(self.agency)
        return (holders[0].actions, holders[0].denied_actions) if holders else (None, [])

    def disk(self, name_or_id: str) -> Disk:
        """The one disk with this name or id. Raises KeyError when there is none, or more than one."""
        found = [disk for disk in self.disks.values() if name_or_id in (disk.name, disk.id)]
        if len(found) != 1:
            raise KeyError(f"{len(found)} disks are called {name_or_id}")
        return found[0]


_LISTS: tuple[tuple[str, type[Any]], ...] = (
    ("projects", Project),
    ("users", User),
    ("access_keys", AccessKey),
    ("disks", Disk),
    ("servers", Server),
)


def _repeated(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})
