"""The servers of one cloud project, as ECS lists them: from names to ids and back, in as few calls as can be."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.domain.servers import Server
from bot.evs.calls import Call, ProjectCalls
from bot.evs.paging import Page, all_pages, of_each_group
from bot.evs.reading import count_at, rows_at
from bot.evs.rows import RowReader
from bot.evs.signing import Scalar

ACTION = "ecs:cloudServers:list"
IDS_PER_CALL = 100
"""About so many fit into one question (SDK ListServersDetailsRequest, `server_id`)."""

_PLAIN = re.compile(r"[0-9A-Za-z\-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class ServerLists:
    """Source: ECS API Reference, Querying Details About ECSs (v1)."""

    calls: ProjectCalls
    path: str
    reader: RowReader

    async def named_like(self, name: str | None) -> list[Server]:
        """Every server, or at least those with this in their name: compare whole names again.

        In the filter a period stands for any character, and whether other signs do is not documented: with any of
        them, all servers are listed. Raises any CloudError.
        """
        query: tuple[tuple[str, Scalar], ...] = (("enterprise_project_id", "all_granted_eps"),)
        if name is not None and _PLAIN.fullmatch(name):
            query = (*query, ("name", name))

        async def ask(number: int, limit: int) -> Page[Server]:
            return await self._page((*query, ("limit", limit), ("offset", number)))

        return await all_pages(ask, numbered=True)

    async def with_ids(self, ids: Sequence[str]) -> list[Server]:
        """Those that exist, a hundred to a call. Raises any CloudError."""

        async def ask(group: Sequence[str]) -> Sequence[Server]:
            return (await self._page((("server_id", ",".join(group)), ("limit", len(group))))).rows

        found = await of_each_group([ids[at : at + IDS_PER_CALL] for at in range(0, len(ids), IDS_PER_CALL)], ask)
        return [server for server in found if server.name]

    async def _page(self, query: Sequence[tuple[str, Scalar]]) -> Page[Server]:
        def read(value: Any) -> Page[Server]:
            rows = self.reader.rows(Server, "servers", rows_at(value, "servers"))
            return Page(rows.read, rows.received, count_at(value, "count"))

        call = Call("GET", self.path, ACTION, query=tuple(query), service="ecs")
        return await self.calls.ask(call, read)
