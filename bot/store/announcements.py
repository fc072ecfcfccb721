"""Jobs and unreadable rows of a transaction, told alike on every database."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from bot.store.database import Schedule
from bot.store.script import Aside, ScheduledJob

log = logging.getLogger(__name__)


class Announcements:
    """Jobs, once their transaction is committed, and rows that could not be read."""

    def __init__(self) -> None:
        self.schedule: Schedule = lambda key, at, lane, about: None
        self._aside: set[Aside] = set()

    def announce(self, scheduled: Iterable[ScheduledJob]) -> None:
        for job in scheduled:
            self.schedule(job.key, job.at, job.lane, job.about)

    def set_aside(self, row: Aside) -> None:
        """Once in a life: the jobs that the row calls for come again and again."""
        if row not in self._aside:
            self._aside.add(row)
            facts = {"table": row.table, "row": row.key, "why": row.why}
            log.error("a stored row can't be read and is set aside; the others go on", extra=facts)
