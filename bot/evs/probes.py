"""Questions that change nothing, to see what is open to the bot in one project: one call each, for one row."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from bot.domain.errors import CloudRefused, CredentialRefused, NotFound, NotOffered
from bot.evs.calls import Call, ProjectCalls, Service
from bot.evs.reading import rows_at, value_at
from bot.evs.signing import Query, Scalar

NO_SUCH_ID = "00000000-0000-0000-0000-000000000000"
NO_SUCH_TAG = "snapshot-bot-asks-whether-it-may-look"

_ONE: tuple[tuple[str, Scalar], ...] = (("enterprise_project_id", "all_granted_eps"), ("limit", 1))


@dataclass(frozen=True, slots=True)
class Probes:
    """Each raises a CloudError where it is refused, or where no answer comes. Sources: the calls of `EvsClient`."""

    calls: ProjectCalls

    async def a_disk(self) -> str:
        """The id of one of the disks, "" where there is none."""
        return await self._first("volumes", "v2", "cloudvolumes/detail", "evs:volumes:list", (*_ONE, ("offset", 0)))

    async def this_disk(self, disk_id: str) -> None:
        """Of a disk that is not there it is an answer, too, that it was not refused."""
        await self._there("v2", f"cloudvolumes/{disk_id or NO_SUCH_ID}", "evs:volumes:get")

    async def a_snapshot(self) -> str:
        """The same of standard snapshots. Raises NotOffered where the region has none."""
        return await self._first("snapshots", "v5", "snapshots/detail", "evs:snapshots:list", (*_ONE, ("offset", 0)))

    async def this_snapshot(self, snapshot_id: str) -> None:
        await self._there("v5", f"snapshots/{snapshot_id or NO_SUCH_ID}", "evs:snapshots:get")

    async def tagged(self) -> None:
        """A filter sent with POST, which only reads (EVS API Reference, Querying Resource Instances by Tag)."""
        body = {"action": "filter", "limit": 1, "offset": 0, "tags": [{"key": NO_SUCH_TAG, "values": []}]}
        path = self._path("v2", "cloudvolumes/resource_instances/action")
        await self.calls.ask(
            Call("POST", path, "evs:volumeTags:get", body=body), lambda value: rows_at(value, "resources")
        )

    async def quotas(self) -> None:
        path = f"os-quota-sets/{quote(self.calls.project.project_id, safe='')}"
        await self.calls.ask(Call("GET", self._path("v2", path), "evs:quotas:get"), lambda value: None)

    async def a_new_disk(self) -> None:
        """An order that lacks all that is required, so that nothing can come of it."""
        path = self._path("v2.1", "cloudvolumes")
        await self._not_refused(Call("POST", path, "evs:volumes:create", body={"volume": {}}, writes=True))

    async def a_deleted_disk(self) -> None:
        path = self._path("v2", f"cloudvolumes/{NO_SUCH_ID}")
        await self._not_refused(Call("DELETE", path, "evs:volumes:delete", writes=True))

    async def a_roll_back(self) -> None:
        path, body = self._path("v5", f"snapshots/{NO_SUCH_ID}/rollback"), {"rollback": {"volume_id": NO_SUCH_ID}}
        await self._not_refused(Call("POST", path, "evs:snapshots:rollback", body=body, writes=True))

    async def a_server(self) -> None:
        query = (*_ONE, ("offset", 1))
        await self._first("servers", "v1", "cloudservers/detail", "ecs:cloudServers:list", query, "ecs")

    async def a_group(self) -> None:
        """Which permission it needs depends on the kind of policy."""
        await self._first("snapshot_groups", "v5", "snapshot-groups/detail", "", (*_ONE, ("offset", 0)))

    async def projects(self) -> dict[str, str]:
        """The projects that the credential may use, by id, with IAM's names: `{region}` or `{region}_{suffix}`.

        Needs no right. Source: IAM API Reference, Querying the Projects Accessible by an IAM User.
        """

        def read(value: Any) -> dict[str, str]:
            return {str(value_at(row, "id")).lower(): str(value_at(row, "name")) for row in rows_at(value, "projects")}

        return await self.calls.ask(Call("GET", "/v3/auth/projects", service="iam"), read)

    async def _first(
        self, rows: str, version: str, path: str, action: str, query: Query, service: Service = "evs"
    ) -> str:
        def read(value: Any) -> str:
            found: Sequence[Any] = rows_at(value, rows)
            return str(value_at(found[0], "id")) if found else ""

        return await self.calls.ask(Call("GET", self._path(version, path), action, query=query, service=service), read)

    async def _there(self, version: str, path: str, action: str) -> None:
        with contextlib.suppress(NotFound):
            await self.calls.ask(Call("GET", self._path(version, path), action), lambda value: None)

    async def _not_refused(self, call: Call) -> None:
        """Ask for what can't be done: whether the answer says that, or that it may not be."""
        try:
            await self.calls.ask(call, lambda value: None)
        except (CredentialRefused, NotOffered):
            raise
        except CloudRefused as exc:
            if exc.status == 403:
                raise

    def _path(self, version: str, path: str) -> str:
        return f"/{version}/{quote(self.calls.project.project_id, safe='')}/{path}"
