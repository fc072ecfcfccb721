"""One cloud project as the EVS API shows it: one method an API call."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from bot.domain.errors import CloudRefused, NotFound
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
from bot.evs.calls import Call, ProjectCalls
from bot.evs.errors import in_brackets
from bot.evs.paging import Page, all_pages
from bot.evs.signing import Scalar

IDS_PER_CALL = 60
VALUES_PER_TAG = 10
EVERY_ENTERPRISE_PROJECT = ("enterprise_project_id", "all_granted_eps")
_ID = re.compile(r"[0-9A-Za-z\-]{1,64}", re.ASCII)

Row = TypeVar("Row", Snapshot, SnapshotGroup, Disk)


class EvsClient:
    """Implements `bot.interfaces.Evs`. Every failure is a `bot.domain.errors.CloudError`.

    A call takes 30 s at most unless built otherwise, a listing that long for each page. Calls that only read are
    tried three times; after a 429 every call of the project first waits until the pause is over.
    """

    def __init__(self, calls: ProjectCalls) -> None:
        self._calls = calls
        self._project_id = calls.project.project_id
        self._job_versions: tuple[str, ...] = ("v1", "v2")

    async def create_standard_snapshot(
        self, snapshot: CreateStandardSnapshot, *, send_before: datetime
    ) -> SnapshotTicket:
        """Ask EVS to snapshot one disk; it answers before the snapshot exists.

        Sent once; once more only after a refused token, which was not acted on.
        Raises:
            SentTooLate: `send_before` passed before the first byte left.
            DiskBusy: the disk has a snapshot in the making (EVS.2409).
            Throttled: 429, or the project's pause lasts longer; not executed.
            CredentialRefused: the bot's own key or password; it rests for 5 minutes.
            CloudRefused: any other refusal.
            CloudUnavailable: no answer, or not the documented one; `maybe_done` says EVS may have acted.
        Source: EVS API Reference, CreateSnapshotV5.
        """
        call = Call(
            "POST",
            self._path("v5", "snapshots"),
            "evs:snapshots:create",
            body=snapshot.body(),
            writes=True,
            send_before=send_before,
        )
        return await self._calls.ask(call, SnapshotTicket.model_validate)

    async def show_job(self, job_id: str) -> Job:
        """Read a job under /v1/, or under /v2/ where that is where the cloud keeps it.

        Raises NotFound when neither knows it, else any CloudError.
        Source: EVS API Reference, evs_04_0054; /v2/ as the Terraform provider reads it.
        """
        _must_be_an_id(job_id, "job")
        for version in self._job_versions:
            try:
                job = await self._job(version, job_id)
            except CloudRefused as exc:
                if exc.status != 404 and not isinstance(exc, NotFound):
                    raise
                unknown = exc
            else:
                self._job_versions = tuple(sorted(self._job_versions, key=lambda one: one != version))
                return job
        words = f"EVS does not know this job in this project {in_brackets(unknown.code)}."
        raise NotFound(words, status=unknown.status, code=unknown.code, request_id=unknown.request_id)

    async def show_snapshot(self, snapshot_id: str) -> Snapshot:
        """Read one snapshot. Raises NotFound when there is none, else any CloudError.

        Source: EVS API Reference, ShowSnapshotV5.
        """
        _must_be_an_id(snapshot_id, "snapshot")
        call = Call("GET", self._path("v5", "snapshots", snapshot_id), "evs:snapshots:get")
        return await self._calls.ask(call, lambda value: Snapshot.model_validate(_at(value, "snapshot")))

    async def list_snapshots(
        self, *, volume_id: str | None = None, ids: Sequence[str] = (), group_id: str | None = None
    ) -> list[Snapshot]:
        """List the snapshots of a disk or a group, those with these ids, or all, newest first. Unknown ids are passed
        over.

        Asks in groups of 60 ids. Raises any CloudError; a list is whole or it is an error.
        Source: EVS API Reference, ListSnapshotsDetailsV5.
        """
        found: list[Snapshot] = []
        for group in _groups(ids):
            query: list[tuple[str, Scalar]] = [
                EVERY_ENTERPRISE_PROJECT,
                ("sort_key", "created_at"),
                ("sort_dir", "desc"),
            ]
            if volume_id is not None:
                query.append(("volume_id", volume_id))
            if group_id is not None:
                query.append(("snapshot_group_id", group_id))
            if group:
                query.append(("ids", ",".join(group)))
            found += await self._listed(
                Snapshot, ("v5", "snapshots", "detail"), "evs:snapshots:list", "snapshots", query
            )
        return [
            one
            for one in found
            if _one_of(one.id, ids)
            and (volume_id is None or one.volume_id in ("", volume_id))
            and (group_id is None or one.snapshot_group_id == group_id)
        ]

    async def create_snapshot_group(self, group: CreateSnapshotGroup, *, send_before: datetime) -> GroupTicket:
        """Ask EVS to snapshot several disks at one moment. Sent like `create_standard_snapshot`, and fails like it;
        NotFound and NotOffered: this region has no groups. Which permission it needs is not documented.
        Source: SDK CreateSnapshotGroup.
        """
        call = Call(
            "POST",
            self._path("v5", "snapshot-groups"),
            body=group.body(),
            writes=True,
            send_before=send_before,
        )
        return await self._calls.ask(call, GroupTicket.model_validate)

    async def list_snapshot_groups(self, *, limit_to_tag: tuple[str, str] | None = None) -> list[SnapshotGroup]:
        """List the groups, newest first; those with one tag, or all. Raises any CloudError.

        How the tag filter is written is documented in two ways, so equality is checked here.
        Source: SDK ListSnapshotGroupsDetails.
        """
        query: list[tuple[str, Scalar]] = [
            EVERY_ENTERPRISE_PROJECT,
            ("sort_key", "created_at"),
            ("sort_dir", "desc"),
        ]
        if limit_to_tag is not None:
            key, value = limit_to_tag
            query.append(("tags", json.dumps([{"key": key, "value": value}], separators=(",", ":"))))
        path = ("v5", "snapshot-groups", "detail")
        found = await self._listed(SnapshotGroup, path, "", "snapshot_groups", query)
        return [one for one in found if limit_to_tag is None or one.tags.get(limit_to_tag[0]) == limit_to_tag[1]]

    async def delete_snapshot(self, snapshot_id: str, *, send_before: datetime) -> str:
        """Ask EVS to delete one snapshot that is available or in error; answers the job's id.

        Raises NotFound when there is none, CloudRefused in another state (EVS.1047), else any CloudError.
        Source: SDK DeleteSnapshot (v5); the status code of its answer is not documented.
        """
        _must_be_an_id(snapshot_id, "snapshot")
        call = Call(
            "DELETE",
            self._path("v5", "snapshots", snapshot_id),
            "evs:snapshots:delete",
            writes=True,
            send_before=send_before,
        )
        return await self._calls.ask(call, lambda value: str(_at(value, "job_id")))

    async def show_disk(self, disk_id: str) -> Disk:
        """Read one disk. Raises NotFound when there is none, else any CloudError.

        Source: huaweicloudDocs/evs, Querying Details About a Disk (v2).
        """
        _must_be_an_id(disk_id, "disk")
        call = Call("GET", self._path("v2", "cloudvolumes", disk_id), "evs:volumes:get")
        return await self._calls.ask(call, lambda value: Disk.model_validate(_at(value, "volume")))

    async def list_disks(
        self, *, name: str | None = None, ids: Sequence[str] = (), server_id: str | None = None
    ) -> list[Disk]:
        """List disks by name, id or server, or all. Unknown ids are passed over.

        Whether the cloud compares names exactly is not documented: compare again. Asks in groups of 60 ids.
        Raises any CloudError; a list is whole or it is an error.
        Source: huaweicloudDocs/evs, Querying Details About All Disks (v2).
        """
        found: list[Disk] = []
        for group in _groups(ids):
            query: list[tuple[str, Scalar]] = [EVERY_ENTERPRISE_PROJECT]
            if name is not None:
                query.append(("name", name))
            if server_id is not None:
                query.append(("server_id", server_id))
            if group:
                quoted = ",".join(f"'{one}'" for one in group)
                query.append(("ids", f"[{quoted}]"))
            found += await self._listed(Disk, ("v2", "cloudvolumes", "detail"), "evs:volumes:list", "volumes", query)
        return [one for one in found if _one_of(one.id, ids)]

    async def disks_by_tag(self, key: str, values: Sequence[str] = ()) -> list[Disk]:
        """List the disks with a tag: any value, or one of these (asked in groups of 10). Raises any CloudError.

        Source: huaweicloudDocs/evs, Querying Resource Instances by Tag.
        """
        disks: dict[str, Disk] = {}
        groups = [values[at : at + VALUES_PER_TAG] for at in range(0, len(values), VALUES_PER_TAG)] or [()]
        for group in groups:
            found = await all_pages(partial(self._tagged, key, group))
            disks |= {disk.id: disk for disk in found}
        return list(disks.values())

    async def _job(self, version: str, job_id: str) -> Job:
        call = Call("GET", self._path(version, "jobs", job_id))
        return await self._calls.ask(call, Job.model_validate)

    async def _listed(
        self, model: type[Row], path: Sequence[str], action: str, key: str, query: Sequence[tuple[str, Scalar]]
    ) -> list[Row]:
        def read(value: Any) -> Page[Row]:
            return Page([model.model_validate(row) for row in _rows(value, key)], _count(value, "count"))

        async def ask(offset: int, limit: int) -> Page[Row]:
            paged = (*query, ("limit", limit), ("offset", offset))
            return await self._calls.ask(Call("GET", self._path(*path), action, query=paged), read)

        return await all_pages(ask)

    async def _tagged(self, key: str, values: Sequence[str], offset: int, limit: int) -> Page[Disk]:
        def read(value: Any) -> Page[Disk]:
            rows = [Disk.model_validate(_at(row, "resource_detail")) for row in _rows(value, "resources")]
            return Page(rows, _count(value, "total_count"))

        body = {"action": "filter", "limit": limit, "offset": offset, "tags": [{"key": key, "values": list(values)}]}
        path = self._path("v2", "cloudvolumes", "resource_instances", "action")
        return await self._calls.ask(Call("POST", path, "evs:volumeTags:get", body=body), read)

    def _path(self, version: str, *parts: str) -> str:
        return "/".join(("", version, quote(self._project_id, safe=""), *parts))


def _must_be_an_id(text: str, thing: str) -> None:
    """An id is put into a path; what cannot be one exists nowhere, and is not asked for."""
    if not _ID.fullmatch(text):
        raise NotFound(f"This is not the id of a {thing}: letters, digits and dashes, 64 at most.")


def _groups(ids: Sequence[str]) -> list[Sequence[str]]:
    """Ids in groups that one call takes. One empty group asks without them; no group asks nothing."""
    if not ids:
        return [()]
    possible = list(dict.fromkeys(one for one in ids if _ID.fullmatch(one)))
    return [possible[at : at + IDS_PER_CALL] for at in range(0, len(possible), IDS_PER_CALL)]


def _one_of(found: str, ids: Sequence[str]) -> bool:
    return not ids or found.lower() in {one.lower() for one in ids}


def _at(value: Any, key: str) -> Any:
    if not isinstance(value, dict) or key not in value:
        raise ValueError(f"no {key}")
    return value[key]


def _rows(value: Any, key: str) -> list[Any]:
    rows = _at(value, key)
    if not isinstance(rows, list):
        raise ValueError(f"{key} is no list")
    return rows


def _count(value: dict[str, Any], key: str) -> int | None:
    count = value.get(key)
    return count if isinstance(count, int) else None
