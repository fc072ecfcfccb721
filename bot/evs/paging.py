"""A list is whole or it is an error: pages are asked for until the last one, never cut."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from bot.domain.errors import CloudUnavailable

ROWS_PER_PAGE = 1000
"""The most that EVS gives at once, and what it gives when not told (ListSnapshotsDetailsV5, `limit`)."""
PAGES = 50


class HasId(Protocol):
    """Rows are told apart by their id."""

    @property
    def id(self) -> str: ...


Row = TypeVar("Row", bound=HasId)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page; `total` counts all rows where the API tells it (v5 does not)."""

    rows: Sequence[Row]
    total: int | None = None


async def all_pages(ask: Callable[[int, int], Awaitable[Page[Row]]]) -> list[Row]:
    """Ask for pages by (offset, limit) until the last. Rows that move from page to page meanwhile appear once.

    Without a total, a page that is not full is the last. Raises CloudUnavailable when there is no end to it.
    """
    rows: dict[str, Row] = {}
    offset = 0
    for _ in range(PAGES):
        page = await ask(offset, ROWS_PER_PAGE)
        fresh = {row.id: row for row in page.rows if row.id not in rows}
        rows |= fresh
        offset += len(page.rows)
        if not page.rows or (len(page.rows) < ROWS_PER_PAGE if page.total is None else offset >= page.total):
            return list(rows.values())
        if not fresh:
            raise CloudUnavailable("EVS repeats the same page of a list, so the list cannot be read to its end.")
    raise CloudUnavailable(f"A list at EVS is longer than {PAGES * ROWS_PER_PAGE} rows, which the bot does not read.")
