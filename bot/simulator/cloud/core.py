"""The cloud without its sockets: a call goes in, an answer comes out, and the journal remembers it."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.simulator.cloud import (
    accounts,
    attachments,
    chains,
    cinder_volumes,
    disk_changes,
    errors,
    groups,
    iam,
    jobs,
    metadata,
    old_snapshots,
    policies,
    quotas,
    recycle_bin,
    servers,
    snapshots,
    volumes,
)
from bot.simulator.cloud.authentication import admit, authorize, identify
from bot.simulator.cloud.calls import Answer, Call, Route
from bot.simulator.cloud.default_world import default_world
from bot.simulator.cloud.faults import Fault, FaultQueue
from bot.simulator.cloud.faulty_answers import refusal, runs, strike_before, what_is_sent
from bot.simulator.cloud.journal import entry
from bot.simulator.cloud.resources import Disk
from bot.simulator.cloud.world import CloudWorld

NO_ANSWER = Answer(200)


def _unpublished(call: Call) -> Answer:
    raise errors.no_such_api()


ROUTES = (
    *iam.ROUTES,
    *accounts.ROUTES,
    *metadata.ROUTES,
    *snapshots.ROUTES,
    *groups.ROUTES,
    *old_snapshots.ROUTES,
    *cinder_volumes.ROUTES,
    *chains.ROUTES,
    *policies.ROUTES,
    *quotas.ROUTES,
    *recycle_bin.ROUTES,
    *jobs.ROUTES,
    *volumes.ROUTES,
    *disk_changes.ROUTES,
    *servers.ROUTES,
)
UNPUBLISHED = Route("*", "/{path:.*}", "unpublished", _unpublished, "open")


@dataclass(frozen=True)
class Outcome:
    """What to send for one call; `answer` None means nothing. `fault` may also ask for a delay."""

    answer: Answer | None
    fault: Fault | None
    request_id: str


class Cloud:
    """Projects, disks and snapshots behind the documented interfaces, on a clock of the caller's choice."""

    def __init__(self, world: CloudWorld | None = None, *, now: Callable[[], datetime] | None = None) -> None:
        self.world = default_world() if world is None else world
        self.journal: list[dict[str, Any]] = []
        self._now = now or (lambda: datetime.now(UTC))
        self._faults = FaultQueue()
        self._roots: dict[str, str] = {}

    def calls(self, operation: str | None = None) -> list[dict[str, Any]]:
        """The journal, or the part of it about one operation."""
        return [entry for entry in self.journal if operation in (None, entry["operation"])]

    def snapshots(self, volume_id: str | None = None) -> list[dict[str, Any]]:
        """Every snapshot that exists, oldest first, as the API would show it.

        Nothing is held back here: neither rows the lists do not show yet, nor tags that appear late.
        """
        now = self._now()
        return [
            snapshots.shown(snapshot, now, self.world) | {"tags": dict(snapshot.tags)}
            for snapshot in sorted(self.world.snapshots.values(), key=lambda snapshot: snapshot.sequence)
            if snapshot.status_at(now) is not None and volume_id in (None, snapshot.volume_id)
        ]

    def status_of(self, disk: Disk) -> str | None:
        """The status of a disk now; None once it is gone."""
        return disk.status_at(self._now())

    def disks_by_project(self) -> Counter[str]:
        """How many disks each project has now, by its id."""
        now = self._now()
        return Counter(disk.project_id for disk in self.world.disks.values() if disk.status_at(now) is not None)

    def put_disk(self, changes: dict[str, Any]) -> Disk:
        """Add a disk, or change the given fields of the one with that id. Raises ValueError with every problem."""
        disk = self.world.put_disk(changes)
        disk.edited_at = self._now()
        return disk

    def attach(self, name_or_id: str) -> None:
        """Plug a disk into the server that it belongs to. Raises KeyError, and ValueError where it can't be."""
        attachments.attach(self.world, self.world.disk(name_or_id), self._now())

    def detach(self, name_or_id: str) -> None:
        """Unplug a disk; a server whose system disk it is is stopped first. Raises KeyError and ValueError."""
        attachments.detach(self.world, self.world.disk(name_or_id), self._now())

    def fault(self, operation: str, kind: str, *, times: int = 1, volume_id: str | None = None, **options: Any) -> None:
        """Queue a fault for the next `times` matching calls. Raises ValueError for one that could never happen."""
        self._faults.add(Fault(operation, kind, times, volume_id, options))

    def waiting_faults(self) -> list[dict[str, Any]]:
        """The faults not used up yet."""
        return self._faults.waiting()

    def clear_faults(self) -> None:
        """Forget the faults not used up yet."""
        self._faults.clear()

    def settle(self) -> None:
        """Finish every running job at once, stuck ones too; work from outside ends as well."""
        now = self._now()
        for snapshot in self.world.snapshots.values():
            if snapshot.ready_at is None or snapshot.ready_at > now:
                snapshot.ready_at = now
            if snapshot.deleting_at is not None and (snapshot.gone_at is None or snapshot.gone_at > now):
                snapshot.gone_at = now
        for job in self.world.jobs.values():
            if job.ends_at is None or job.ends_at > now:
                job.ends_at = now
        for disk in self.world.disks.values():
            disk.busy_until = None
            if disk.change is not None and (disk.change.ends_at is None or disk.change.ends_at > now):
                disk.change.ends_at = now

    def state(self) -> dict[str, Any]:
        """Counts of what there is."""
        now = self._now()
        statuses = Counter(snapshot["status"] for snapshot in self.snapshots())
        return {
            "now": now.isoformat(),
            "projects": len(self.world.projects),
            "disks": self.disks_by_project().total(),
            "servers": len(self.world.servers),
            "snapshots": dict(statuses),
            "jobs": dict(Counter(job.status_at(now) for job in self.world.jobs.values())),
            "calls": len(self.journal),
            "faults": self.waiting_faults(),
        }

    def handle(
        self,
        route: Route,
        method: str,
        target: str,
        params: Mapping[str, str],
        query: Mapping[str, str],
        headers: Mapping[str, str],
        raw_body: bytes,
        base_url: str,
    ) -> Outcome:
        """Answer one call and write it down."""
        call = Call(
            operation=route.operation,
            method=method,
            target=target,
            params=params,
            query=query,
            headers=headers,
            raw_body=raw_body,
            body=_parsed(raw_body),
            world=self.world,
            now=self._now(),
            base_url=base_url,
            roots=self._roots,
            request_id="",
            faults=self._faults,
        )
        call.request_id = call.new_id("request").replace("-", "")
        fault = call.take("answer")
        code, answer = None, NO_ANSWER
        if runs(fault):
            try:
                answer = self._run(call, route, fault)
            except errors.ApiError as error:
                code, answer = error.code, refusal(error, call.request_id)
        processed = runs(fault) and code is None
        sent = what_is_sent(fault, answer, call.request_id)
        if fault is not None and fault.kind == "error":
            code = str(fault.options.get("code", code))
        kind = None if fault is None else fault.kind
        self.journal.append(entry(call, sent, code=code, fault=kind, processed=processed))
        return Outcome(sent, fault, call.request_id)

    def _run(self, call: Call, route: Route, fault: Fault | None) -> Answer:
        if fault is not None:
            strike_before(fault, call)
        if route.access == "project":
            self._require_published(call)
        if route.access != "open":
            call.principal = identify(call)
            if route.access == "project":
                admit(call, call.principal)
            authorize(call, route)
        return route.handler(call)

    def _require_published(self, call: Call) -> None:
        """A region without standard snapshots answers for /v5/ before it looks at who calls."""
        try:
            project = call.project
        except KeyError:
            return
        path = call.target
        offered = project.v5_offered or not path.startswith("/v5/")
        groups_offered = project.groups_offered or "/snapshot-groups" not in path
        if not (offered and groups_offered):
            raise errors.no_such_api()


def _parsed(raw_body: bytes) -> Any:
    try:
        return json.loads(raw_body)
    except ValueError:
        return None
