"""One cloud project as the EVS API shows it: one method an API call."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from dataclasses import replace
from functools import partial
from typing import Any, NoReturn, TypeVar
from urllib.parse import quote

from bot.domain.errors import CloudRefused, CloudUnavailable, NotFound
from bot.domain.restoring.new_disks import CreateDisk, DiskTicket, Quotas
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
from bot.evs.call_turns import PEOPLE
from bot.evs.calls import Call, ProjectCalls
from bot.evs.errors import in_brackets
from bot.evs.paging import Enough, Page, all_pages, of_each_group
from bot.evs.reading import another_page, count_at, rows_at, value_at
from bot.evs.rows import RowReader, Rows
from bot.evs.servers import ServerLists
from bot.evs.signing import Scalar

IDS_PER_CALL = 60
VALUES_PER_TAG = 10
CLIENT_TOKEN = "X-Client-Token"
NO_CLIENT_TOKENS = "EVS.2223"
EVERY_ENTERPRISE_PROJECT: tuple[str, Scalar] = ("enterprise_project_id", "all_granted_eps")
OLDEST_FIRST: tuple[tuple[str, Scalar], ...] = (
    EVERY_ENTERPRISE_PROJECT,
    ("sort_key", "created_at"),
    ("sort_dir", "asc"),
)
"""So that what is made while the pages are read comes last, and moves none of the others."""
_ID = re.compile(r"[0-9A-Za-z\-]{1,64}", re.ASCII)

Row = TypeVar("Row", Snapshot, SnapshotGroup, Disk)


class EvsClient:
    """Implements `bot.ports.cloud.Evs`. Every failure is a `bot.domain.errors.CloudError`.

    A call takes 30 s at most unless built otherwise, a listing that long for each page. Calls that only read are
    tried three times; after a 429 every call of the project first waits until the pause is over.
    """

    def __init__(self, calls: ProjectCalls) -> None:
        self._calls = calls
        self._whose = PEOPLE
        self._project_id = calls.project.project_id
        self._job_versions = ["v1", "v2"]
        self._reader = RowReader(calls.project.alias)
        self._servers = ServerLists(calls, self._path("v1", "cloudservers", "detail"), self._reader)

    def on_behalf_of(self, whose: str) -> EvsClient:
        """The same client, whose calls wait for their turn as that person's."""
        if whose == self._whose:
            return self
        client = copy(self)
        client._whose = whose
        return client

    async def create_standard_snapshot(self, snapshot: CreateStandardSnapshot, *, send_before: float) -> SnapshotTicket:
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
        return await self._calls.ask(call, SnapshotTicket.model_validate, self._whose)

    async def show_job(self, job_id: str) -> Job:
        """Read a job under /v1/, or under /v2/ where that is where the cloud keeps it.

        Raises NotFound when neither knows it, else any CloudError.
        Source: EVS API Reference, evs_04_0054; /v2/ as the Terraform provider reads it.
        """
        _must_be_an_id(job_id, "job")
        for version in tuple(self._job_versions):
            try:
                job = await self._job(version, job_id)
            except CloudRefused as exc:
                if exc.status != 404 and not isinstance(exc, NotFound):
                    raise
                unknown = exc
            else:
                self._job_versions.sort(key=lambda one: one != version)
                return job
        words = f"EVS does not know this job in this project {in_brackets(unknown.code)}."
        raise NotFound(words, status=unknown.status, code=unknown.code, request_id=unknown.request_id)

    async def show_snapshot(self, snapshot_id: str) -> Snapshot:
        """Read one snapshot. Raises NotFound when there is none, else any CloudError.

        Source: EVS API Reference, ShowSnapshotV5.
        """
        _must_be_an_id(snapshot_id, "snapshot")
        call = Call("GET", self._path("v5", "snapshots", snapshot_id), "evs:snapshots:get")
        return await self._calls.ask(call, lambda value: self._one(Snapshot, "snapshot", value), self._whose)

    async def list_snapshots(
        self,
        *,
        volume_id: str | None = None,
        ids: Sequence[str] = (),
        snapshot_group_id: str | None = None,
        of_each: Collection[str] = (),
    ) -> list[Snapshot]:
        """List the snapshots of a disk or a group, those with these ids, or all, newest first. Unknown ids are passed
        over.

        Asks in groups of 60 ids, a few of them together, and of each no further than until all were found; `of_each`:
        no further than until each of these disks has one. Raises any CloudError; a list is whole or it is an error. A
        row without a readable id is passed over, but not where it may be of the disk: there an absence has to be
        certain.
        Source: EVS API Reference, ListSnapshotsDetailsV5.
        """

        def passed_over(row: Any) -> None:
            if volume_id is not None and _may_be_of(row, volume_id):
                _uncertain()

        async def ask(group: Sequence[str]) -> list[Snapshot]:
            given = _given(volume_id=volume_id, snapshot_group_id=snapshot_group_id, ids=",".join(group) or None)
            query = (*OLDEST_FIRST, *given)
            enough = _one_of_each(of_each) if of_each else _all_found(group)
            path, action = ("v5", "snapshots", "detail"), "evs:snapshots:list"
            return await self._listed(
                Snapshot, path, action, "snapshots", query, enough=enough, passed_over=passed_over
            )

        found = await of_each_group(_groups(ids), ask)
        wanted = _wanted(ids)
        return [
            one
            for one in reversed(found)
            if (wanted is None or one.id.lower() in wanted)
            and (volume_id is None or one.volume_id in ("", volume_id))
            and (snapshot_group_id is None or one.snapshot_group_id == snapshot_group_id)
        ]

    async def create_snapshot_group(self, group: CreateSnapshotGroup, *, send_before: float) -> GroupTicket:
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
        return await self._calls.ask(call, GroupTicket.model_validate, self._whose)

    async def list_snapshot_groups(self, *, limit_to_tag: tuple[str, str] | None = None) -> list[SnapshotGroup]:
        """List the groups, newest first; those with one tag, or all. Raises any CloudError.

        How the tag filter is written is documented in two ways, so equality is checked here. A row without a readable
        id is an error: it may be the one that is looked for.
        Source: SDK ListSnapshotGroupsDetails.
        """
        query = list(OLDEST_FIRST)
        if limit_to_tag is not None:
            key, value = limit_to_tag
            query.append(("tags", json.dumps([{"key": key, "value": value}], separators=(",", ":"))))
        path = ("v5", "snapshot-groups", "detail")
        found = await self._listed(
            SnapshotGroup, path, "", "snapshot_groups", query, passed_over=lambda _: _uncertain()
        )
        found.reverse()
        return [
            one
            for one in found
            if limit_to_tag is None or "tags" in one.unread or one.tags.get(limit_to_tag[0]) == limit_to_tag[1]
        ]

    async def check_snapshot_groups(self) -> None:
        """Ask for one group, whichever. Raises CloudRefused where this region or this user has none, else any
        CloudError.
        """
        query = (EVERY_ENTERPRISE_PROJECT, ("limit", 1), ("offset", 0))
        call = Call("GET", self._path("v5", "snapshot-groups", "detail"), query=query)
        await self._calls.ask(call, lambda value: rows_at(value, "snapshot_groups"), self._whose)

    async def delete_snapshot(self, snapshot_id: str, *, send_before: float) -> str:
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
        return await self._calls.ask(call, _job_id, self._whose)

    async def roll_back(self, snapshot_id: str, disk_id: str, *, send_before: float) -> str:
        """Ask EVS to write a snapshot over the disk that it was made of; answers the job's id.

        Sent once: after a lost answer the states of disk and snapshot tell whether it has begun. The disk has to be
        available, or in error after another roll-back, and so attached to no server. Raises NotFound when either is
        none, CloudRefused in another state (EVS.5400, EVS.2043, EVS.2068), else what `create_standard_snapshot` does.
        Source: EVS API Reference, RollbackSnapshotV5; states: Rolling Back a Snapshot to an EVS Disk (v2).
        """
        _must_be_an_id(snapshot_id, "snapshot")
        _must_be_an_id(disk_id, "disk")
        call = Call(
            "POST",
            self._path("v5", "snapshots", snapshot_id, "rollback"),
            "evs:snapshots:rollback",
            body={"rollback": {"volume_id": disk_id}},
            writes=True,
            send_before=send_before,
        )
        return await self._calls.ask(call, _job_id, self._whose)

    async def create_disk(self, order: CreateDisk, *, token: str, send_before: float) -> DiskTicket:
        """Ask EVS for a disk made of a snapshot; it answers before the disk can be used. `token` is a UUID.

        The same token with the same order within 8 hours makes no second disk and answers as the first did; a region
        that takes none (EVS.2223, not executed) is asked once more without it. Fails as `create_standard_snapshot`
        does; after a lost answer the disk's tag tells whether there is one.
        Source: EVS API Reference, Creating EVS Disks (v2.1); its status code is not documented.
        """
        call = Call(
            "POST",
            self._path("v2.1", "cloudvolumes"),
            "evs:volumes:create",
            body=order.body(),
            headers={CLIENT_TOKEN: token},
            writes=True,
            send_before=send_before,
        )
        try:
            return await self._calls.ask(call, DiskTicket.model_validate, self._whose)
        except CloudRefused as exc:
            if exc.code != NO_CLIENT_TOKENS:
                raise
        return await self._calls.ask(replace(call, headers={}), DiskTicket.model_validate, self._whose)

    async def delete_disk(self, disk_id: str, *, send_before: float) -> str:
        """Ask EVS to delete one disk that is available or in error; answers the job's id.

        Raises NotFound when there is none, CloudRefused in another state (EVS.1046) or during a backup (EVS.2130),
        else what `create_standard_snapshot` does.
        Source: EVS API Reference, Deleting an EVS Disk (v2).
        """
        _must_be_an_id(disk_id, "disk")
        call = Call(
            "DELETE",
            self._path("v2", "cloudvolumes", disk_id),
            "evs:volumes:delete",
            writes=True,
            send_before=send_before,
        )
        return await self._calls.ask(call, _job_id, self._whose)

    async def quotas(self) -> Quotas:
        """How many disks and GB the project may have, and has. Raises any CloudError.

        Source: EVS API Reference, Querying Details of Tenant Quotas.
        """
        path = self._path("v2", "os-quota-sets", quote(self._project_id, safe=""))
        call = Call("GET", path, "evs:quotas:get", query=(("usage", "True"),))
        return await self._calls.ask(
            call, lambda value: Quotas.model_validate(value_at(value, "quota_set")), self._whose
        )

    async def show_disk(self, disk_id: str) -> Disk:
        """Read one disk. Raises NotFound when there is none, else any CloudError.

        Source: huaweicloudDocs/evs, Querying Details About a Disk (v2).
        """
        _must_be_an_id(disk_id, "disk")
        call = Call("GET", self._path("v2", "cloudvolumes", disk_id), "evs:volumes:get")
        return await self._calls.ask(call, lambda value: self._one(Disk, "volume", value), self._whose)

    async def list_disks(
        self, *, name: str | None = None, ids: Sequence[str] = (), server_id: str | None = None
    ) -> list[Disk]:
        """List disks by name, id or server, or all. Unknown ids are passed over.

        Whether the cloud compares names exactly is not documented: compare again. Asks in groups of 60 ids.
        Raises any CloudError; a list is whole or it is an error.
        Source: huaweicloudDocs/evs, Querying Details About All Disks (v2).
        """

        async def ask(group: Sequence[str]) -> list[Disk]:
            quoted = ",".join(f"'{one}'" for one in group)
            given = _given(name=name, server_id=server_id, ids=f"[{quoted}]" if group else None)
            query = (EVERY_ENTERPRISE_PROJECT, *given)
            path = ("v2", "cloudvolumes", "detail")
            return await self._listed(Disk, path, "evs:volumes:list", "volumes", query, enough=_all_found(group))

        found = await of_each_group(_groups(ids), ask)
        wanted = _wanted(ids)
        return [one for one in found if wanted is None or one.id.lower() in wanted]

    async def disks_by_tag(self, key: str, values: Sequence[str] = ()) -> list[Disk]:
        """List the disks with a tag: any value, or one of these (asked in groups of 10). Raises any CloudError.

        Source: huaweicloudDocs/evs, Querying Resource Instances by Tag.
        """
        groups = [values[at : at + VALUES_PER_TAG] for at in range(0, len(values), VALUES_PER_TAG)] or [()]
        found = await of_each_group(groups, lambda group: all_pages(partial(self._tagged, key, group)))
        disks = {disk.id: disk for disk in found}
        return list(disks.values())

    async def list_servers(self, *, name: str | None = None, ids: Sequence[str] = ()) -> list[Server]:
        """Servers that may have this name (compare again), those of these ids that exist, or all: asked of ECS.

        Raises CloudRefused without the right ecs:cloudServers:list, else any CloudError.
        """
        if not ids:
            return await self._servers.named_like(name)
        possible = [one for one in dict.fromkeys(ids) if _ID.fullmatch(one)]
        return await self._servers.with_ids(possible)

    async def _job(self, version: str, job_id: str) -> Job:
        call = Call("GET", self._path(version, "jobs", job_id))
        return await self._calls.ask(call, Job.model_validate, self._whose)

    def _one(self, model: type[Row], key: str, value: Any) -> Row:
        if (row := self._reader.row(model, f"{key}s", value_at(value, key))) is None:
            raise ValueError(f"{key} has no id")
        return row

    async def _listed(
        self,
        model: type[Row],
        path: Sequence[str],
        action: str,
        key: str,
        query: Sequence[tuple[str, Scalar]],
        *,
        enough: Enough[Row] = lambda _: False,
        passed_over: Callable[[Any], None] = lambda _: None,
    ) -> list[Row]:
        """`enough`: when no further page is needed. `passed_over` hears of each row that cannot be used."""

        def read(value: Any) -> tuple[Rows[Row], int | None, bool | None]:
            rows = self._reader.rows(model, key, rows_at(value, key))
            return rows, count_at(value, "count"), another_page(value, f"{key}_links")

        async def ask(offset: int, limit: int) -> Page[Row]:
            paged = (*query, ("limit", limit), ("offset", offset))
            rows, total, more = await self._calls.ask(
                Call("GET", self._path(*path), action, query=paged), read, self._whose
            )
            for row in rows.aside:
                passed_over(row)
            return Page(rows.read, rows.received, total, more)

        return await all_pages(ask, enough=enough)

    async def _tagged(self, key: str, values: Sequence[str], offset: int, limit: int) -> Page[Disk]:
        def read(value: Any) -> Page[Disk]:
            details = [
                one.get("resource_detail") if isinstance(one, dict) else one for one in rows_at(value, "resources")
            ]
            rows = self._reader.rows(Disk, "resources", details)
            return Page(rows.read, rows.received, count_at(value, "total_count"))

        body = {"action": "filter", "limit": limit, "offset": offset, "tags": [{"key": key, "values": list(values)}]}
        path = self._path("v2", "cloudvolumes", "resource_instances", "action")
        return await self._calls.ask(Call("POST", path, "evs:volumeTags:get", body=body), read, self._whose)

    def _path(self, version: str, *parts: str) -> str:
        return "/".join(("", version, quote(self._project_id, safe=""), *parts))


def _job_id(value: Any) -> str:
    return str(value_at(value, "job_id"))


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


def _all_found(ids: Sequence[str]) -> Callable[[Mapping[str, Any]], bool]:
    """Whether each of these ids is among the rows; without any, no number of rows is enough."""
    wanted = _wanted(ids)
    return lambda rows: wanted is not None and wanted <= {row_id.lower() for row_id in rows}


def _one_of_each(disk_ids: Collection[str]) -> Enough[Snapshot]:
    """Whether each of these disks has a snapshot among the rows."""
    disks = frozenset(disk_ids)
    return lambda rows: disks <= {one.volume_id for one in rows.values()}


def _given(**filters: str | None) -> list[tuple[str, Scalar]]:
    """Those parameters of a query that have a value."""
    return [(key, value) for key, value in filters.items() if value is not None]


def _wanted(ids: Sequence[str]) -> frozenset[str] | None:
    """The ids to hold others against, in lower case; None where none were named and all are meant."""
    return frozenset(one.lower() for one in ids) if ids else None


def _may_be_of(row: Any, volume_id: str) -> bool:
    """Whether a row without a readable id may belong to this disk."""
    told = row.get("volume_id") if isinstance(row, dict) else None
    return not isinstance(told, str) or told in ("", volume_id)


def _uncertain() -> NoReturn:
    raise CloudUnavailable("The cloud's list has a row that cannot be read, so what is not there is not certain.")
