"""The daily limit: how many disks one person may have snapshotted in a project, in which window, and which count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.domain.items import Item
from bot.domain.transitions import ItemState, RequestState

WINDOW = timedelta(days=1)
"""From midnight to midnight, UTC."""

LEFT_OUT = (RequestState.PLANNED, ItemState.CANCELLED)
"""Left out of the count: the disks of a plan that is not confirmed yet, and disks that were never sent. Disks that wait
for approval count.
"""


@dataclass(frozen=True, slots=True)
class Usage:
    """Disks of one person in one project: how many this UTC day has seen already, and how many are asked for now.

    `today` is the day of the request they are asked for in: it counts on the day it was made, whenever it is settled.
    """

    today: int = 0
    wanted: int = 0

    def fits(self, limit: int) -> bool:
        return self.today + self.wanted <= limit


NO_USAGE = Usage()


def window_of(moment: datetime) -> tuple[datetime, datetime]:
    """The window that a moment lies in: its beginning, and the first moment after it."""
    midnight = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight, midnight + WINDOW


def wanted(items: Sequence[Item]) -> int:
    """How many disks take room: those left out of a plan take none."""
    return sum(not item.ended for item in items)
