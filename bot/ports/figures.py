"""The figures that rows hold: how many there are of what, and how old the oldest is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoreFigures:
    """Of the whole store: each replica reads the same.

    `counts` of requests and items, by table and state. `running_since`: when the oldest request with unfinished items
    began; `unanswered_since`: the oldest answer or notice that a person waits for. `to_send`: the messages that are not
    as they should be, each by its request and the revision that it shows. `deletions_waiting`: those that others have
    to agree to; requests that wait for that are among the `counts`. `head` is the number of the last row of the audit
    trail, `posted` that of the last head that was posted, `posted_at` when, and `post_due` when the next one is to be.
    """

    counts: Mapping[tuple[str, str], int]
    running_since: datetime | None
    unanswered_since: datetime | None
    to_send: frozenset[tuple[str, int]]
    deletions_waiting: int
    reviews_waiting: int
    head: int
    posted: int
    posted_at: datetime | None
    post_due: datetime | None
    restorations: RestoredFigures


@dataclass(frozen=True, slots=True)
class RestoredFigures:
    """Restorations by way and state. `test_disks`: how many are to be deleted, those that were left behind among them;
    `test_disk_since`: when the oldest that is waited for was ordered. `due`: restore points that are to be proven, the
    oldest since `due_since`, as that was looked at last.
    """

    counts: Mapping[tuple[str, str], int] = field(default_factory=dict)
    test_disks: int = 0
    test_disk_since: datetime | None = None
    due: int = 0
    due_since: datetime | None = None


class Figures(Protocol):
    """Raises StoreFailed."""

    async def figures(self) -> StoreFigures: ...

    async def size(self) -> int:
        """The bytes that the store takes on its disk."""
        ...
