"""Jobs, audit rows and unreadable rows of a transaction, told alike on every database."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from bot.ports.meters import StoreMeter
from bot.store.database import Schedule
from bot.store.script import Announced, Aside, ScheduledJob

log = logging.getLogger(__name__)


class Announcements:
    """Jobs and audit rows, once their transaction is committed; rows that could not be read; how long it all took."""

    def __init__(self) -> None:
        self.schedule: Schedule = lambda key, at, lane, about: None
        self.meter: StoreMeter | None = None
        self._aside: set[Aside] = set()

    def announce(self, announced: Iterable[Announced]) -> None:
        for one in announced:
            if isinstance(one, ScheduledJob):
                self.schedule(one.key, one.at, one.lane, one.about)
            elif self.meter is not None:
                self.meter.audited(one)

    @contextmanager
    def timed(self, kind: str) -> Iterator[None]:
        """Around the wait for the answer of a transaction."""
        began, failed = time.monotonic(), True
        try:
            yield
            failed = False
        finally:
            if self.meter is not None:
                self.meter.transacted(kind, time.monotonic() - began, failed=failed)

    def set_aside(self, row: Aside) -> None:
        """Once in a life: the jobs that the row calls for come again and again."""
        if row not in self._aside:
            self._aside.add(row)
            facts = {"table": row.table, "row": row.key, "why": row.why}
            log.error("a stored row can't be read and is set aside; the others go on", extra=facts)
