"""A list is whole or it is an error: pages are asked for until the last one, never cut."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from bot.domain.errors import CloudUnavailable

ROWS_PER_PAGE = 1000
"""The most that EVS and ECS give at once (ListSnapshotsDetailsV5, ListServersDetails, `limit`)."""
MOST_ROWS = 50_000
PAGES = 1_000
"""More than enough where a service gives 50 rows at a time, whatever it was asked for."""
GROUPS_AT_ONCE = 4
"""Half of a project's calls at a time, so that a long list leaves room for what people wait for."""


class HasId(Protocol):
    """Rows are told apart by their id."""

    @property
    def id(self) -> str: ...


Row = TypeVar("Row", bound=HasId)
Group = TypeVar("Group")
Enough = Callable[[Mapping[str, Row]], bool]
"""Whether what was found, by id, is all that was looked for."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page. `received` counts its rows, with those that cannot be read; `total` all rows of the list, and `more`
    says whether another page follows, where the API tells them (v5 tells neither).
    """

    rows: Sequence[Row]
    received: int
    total: int | None = None
    more: bool | None = None

    def is_last(self, so_far: int) -> bool:
        """A short page is not the last one: a service may give fewer rows than it was asked for."""
        if self.received == 0 or (self.more is False and self.total is None):
            return True
        return self.total is not None and so_far >= self.total and not self.more


async def all_pages(
    ask: Callable[[int, int], Awaitable[Page[Row]]],
    *,
    enough: Enough[Row] = lambda _: False,
    numbered: bool = False,
) -> list[Row]:
    """Ask for pages by (offset, limit) until the last, or until `enough` is found, by id. Rows that move from page to
    page meanwhile appear once. Raises CloudUnavailable when there is no end to it.

    `numbered`: by (number, limit), as ECS counts: pages, from 1. Where the first page is shorter than it was asked for,
    that is how many rows this service gives, and the limit from then on: so page 2 begins where page 1 ended.
    """
    rows: dict[str, Row] = {}
    received, repeated, limit = 0, 0, ROWS_PER_PAGE
    for number in range(1, PAGES + 1):
        page = await ask(number if numbered else received, limit)
        known = len(rows)
        rows |= {row.id: row for row in page.rows if row.id not in rows}
        received += page.received
        if page.is_last(received) or enough(rows):
            return list(rows.values())
        if numbered and number == 1:
            limit = min(page.received, ROWS_PER_PAGE)
        repeated = repeated + 1 if page.rows and len(rows) == known else 0
        if repeated > 1:
            raise CloudUnavailable("The cloud repeats the same page of a list, so the list cannot be read to its end.")
        if received > MOST_ROWS:
            break
    raise CloudUnavailable(f"A list of the cloud is longer than {MOST_ROWS} rows, which the bot does not read.")


async def of_each_group(groups: Sequence[Group], ask: Callable[[Group], Awaitable[Sequence[Row]]]) -> list[Row]:
    """The rows of all groups in their order, asked for a few groups at a time. One that fails ends all the others."""
    room = asyncio.Semaphore(GROUPS_AT_ONCE)

    async def in_turn(group: Group) -> Sequence[Row]:
        async with room:
            return await ask(group)

    asking = [asyncio.create_task(in_turn(group)) for group in groups]
    try:
        return [row for rows in await asyncio.gather(*asking) for row in rows]
    finally:
        for one in asking:
            one.cancel()
