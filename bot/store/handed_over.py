"""Work that is handed over to a database: the lines in which it waits, and its outcome, told alike on each."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from bot.domain.audit import AuditEntry
from bot.domain.errors import StoreFailed
from bot.domain.log_lines import LogLine, audit_line
from bot.ports.meters import StoreMeter
from bot.store.database import Schedule
from bot.store.script import Announced, Aside, ScheduledJob

log = logging.getLogger(__name__)

BROKEN = "The bot's store is broken; it has to be started again."
CLOSED = "The bot's store is closed."

OVERDUE_SECONDS = 0.5
"""How long those that no acknowledgement waits for let others go first: so often some of them go on, however many
people ask.
"""


def _never_done() -> StoreFailed:
    return StoreFailed(BROKEN)


def _now() -> float:
    return time.monotonic()


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
    since: float = field(default_factory=_now)

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
                log.error("a transaction that nobody waited for failed", exc_info=self.as_ours(self.failure))
        elif self.answered.done():
            pass  # who waited went away
        elif self.failure is not None:
            self.answered.set_exception(self.as_ours(self.failure))
        else:
            self.answered.set_result(self.result)


W = TypeVar("W", bound=HandedOver)


class TwoLines(Generic[W]):
    """First goes what an acknowledgement waits for; where that never ends, the others go ahead of it now and then. One
    thread may put while another one takes.
    """

    def __init__(self) -> None:
        self._first: deque[W] = deque()
        self._others: deque[W] = deque()
        self._others_ahead = False
        self._ahead_at = float("-inf")

    def __bool__(self) -> bool:
        return bool(self._first or self._others)

    def __iter__(self) -> Iterator[W]:
        return iter((*self._first, *self._others))

    def put(self, one: W) -> None:
        (self._first if one.first else self._others).append(one)

    def take(self) -> W:
        """The next one. It is known that one waits."""
        self._others_ahead = self._are_others_overdue()
        if self._others_ahead:
            self._ahead_at = _now()
        return self.behind(urgent=False).popleft()

    def behind(self, *, urgent: bool) -> deque[W]:
        """Whence one comes that is done together with what was taken; that line may be empty. `urgent`: an
        acknowledgement waits for some of it, so only such ones join it.
        """
        if self._others_ahead:
            return self._others
        return self._first if urgent or self._first else self._others

    def _are_others_overdue(self) -> bool:
        if not self._others:
            return False
        return _now() - max(self._others[0].since, self._ahead_at) >= OVERDUE_SECONDS


class Announcements:
    """Jobs, audit rows and lines, once they are committed; rows that could not be read; how long it all took."""

    def __init__(self) -> None:
        self.schedules: list[Schedule] = []
        self.meter: StoreMeter | None = None
        self._aside: set[Aside] = set()

    def announce(self, announced: Iterable[Announced]) -> None:
        """In the log a decision stands before what came of it."""
        lines: list[LogLine] = []
        for one in announced:
            if isinstance(one, ScheduledJob):
                for schedule in self.schedules:
                    schedule(one.key, one.at, one.lane, one.about)
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
