"""The outcome of a transaction, told alike on every database: its answer, jobs, audit rows, lines of the log, and
unreadable rows.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bot.domain.audit import AuditEntry
from bot.domain.errors import StoreFailed
from bot.domain.log_lines import LogLine, audit_line
from bot.ports.meters import StoreMeter
from bot.store.database import Schedule
from bot.store.script import Announced, Aside, ScheduledJob

log = logging.getLogger(__name__)

BROKEN = "The bot's store is broken; it has to be started again."
CLOSED = "The bot's store is closed."


def _never_done() -> StoreFailed:
    return StoreFailed(BROKEN)


@dataclass(slots=True, eq=False)
class HandedOver:
    """`work` is done when its turn comes, `first` before what is not, and `answered` hears what came of it; without
    that, no caller waits. Until it was done it counts as failed.
    """

    work: Callable[[], Any]
    answered: asyncio.Future[Any] | None = None
    first: bool = False
    result: Any = None
    failure: BaseException | None = field(default_factory=_never_done)
    announced: list[Announced] = field(default_factory=list)

    @staticmethod
    def as_ours(exc: BaseException) -> BaseException:
        """An error of the database, as one that the store may raise."""
        return exc

    def done(self, result: Any, announced: list[Announced]) -> None:
        self.result, self.failure, self.announced = result, None, announced

    def fail(self, exc: BaseException) -> None:
        self.result, self.failure, self.announced = None, exc, []

    def answer(self) -> None:
        if self.answered is None:
            if self.failure is not None:
                log.error("a transaction that nobody waited for failed", exc_info=self.failure)
        elif self.answered.done():
            pass  # who waited went away
        elif self.failure is not None:
            self.answered.set_exception(self.as_ours(self.failure))
        else:
            self.answered.set_result(self.result)


class Announcements:
    """Jobs, audit rows and lines, once they are committed; rows that could not be read; how long it all took."""

    def __init__(self) -> None:
        self.schedule: Schedule = lambda key, at, lane, about: None
        self.meter: StoreMeter | None = None
        self._aside: set[Aside] = set()

    def announce(self, announced: Iterable[Announced]) -> None:
        """In the log a decision stands before what came of it."""
        lines: list[LogLine] = []
        for one in announced:
            if isinstance(one, ScheduledJob):
                self.schedule(one.key, one.at, one.lane, one.about)
            elif isinstance(one, LogLine):
                lines.append(one)
            else:
                self._audited(one)
        for line in lines:
            _log(line)

    def _audited(self, entry: AuditEntry) -> None:
        if log.isEnabledFor(logging.INFO) and (line := audit_line(entry)):
            _log(line)
        if self.meter is not None:
            self.meter.audited(entry)

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


def _log(line: LogLine) -> None:
    log.info(line.sentence, extra={name: fact for name, fact in line.facts.items() if fact not in (None, "")})
