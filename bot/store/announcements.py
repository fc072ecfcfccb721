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
        self.schedule: Schedule = lambda key, at, lane: None
        self._changed: dict[str, set[str]] = {}
        self._aside: set[Aside] = set()

    def announce(self, scheduled: Iterable[ScheduledJob]) -> None:
        for job in scheduled:
            if job.about:
                self._changed.setdefault(job.key, set()).add(job.about)
            self.schedule(job.key, job.at, job.lane)

    def take_changed(self, key: str) -> set[str]:
        return self._changed.pop(key, set())

    def set_aside(self, row: Aside) -> None:
        """Once in a life: the jobs that the row calls for come again and again."""
        if row not in self._aside:
            self._aside.add(row)
            facts = {"table": row.table, "row": row.key, "why": row.why}
            log.error("a stored row can't be read and is set aside; the others go on", extra=facts)
