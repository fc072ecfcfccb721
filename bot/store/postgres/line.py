"""The line in which transactions that write wait for their turn: what an acknowledgement waits for goes first."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bot.domain.errors import StoreFailed
from bot.store.postgres.connection import as_ours
from bot.store.script import Announced, Script

log = logging.getLogger(__name__)


BROKEN = "The bot's store is broken; it has to be started again."
CLOSED = "The bot's store is closed."


def _never_done() -> StoreFailed:
    return StoreFailed(BROKEN)


@dataclass(slots=True, eq=False)
class Transaction:
    """`work` makes its script, anew each time it is run. `answered` hears what came of it; without that, no caller
    waits. Until it was run it counts as failed.
    """

    work: Callable[[], Script[Any]]
    answered: asyncio.Future[Any] | None = None
    first: bool = False
    result: Any = None
    failure: BaseException | None = field(default_factory=_never_done)
    announced: list[Announced] = field(default_factory=list)

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
            self.answered.set_exception(as_ours(self.failure))
        else:
            self.answered.set_result(self.result)


class Line:
    """Of those that are handed over, each is taken once."""

    def __init__(self) -> None:
        self._first: deque[Transaction] = deque()
        self._others: deque[Transaction] = deque()
        self._waiting = asyncio.Event()
        self._ends = False
        self._refused: str | None = None

    def put(self, transaction: Transaction) -> None:
        if self._refused is not None:
            transaction.fail(StoreFailed(self._refused))
            transaction.answer()
            return
        (self._first if transaction.first else self._others).append(transaction)
        self._waiting.set()

    def broken(self) -> None:
        """No more is taken: who waits, and who comes, is answered."""
        self._refused = BROKEN
        for transaction in (*self._first, *self._others):
            transaction.answer()

    def end(self) -> None:
        """After all that waits now; what is handed over later fails."""
        self._ends, self._refused = True, CLOSED
        self._waiting.set()

    async def next(self) -> Transaction | None:
        """None at the end."""
        while not (self._first or self._others):
            if self._ends:
                return None
            self._waiting.clear()
            await self._waiting.wait()
        return (self._first or self._others).popleft()

    def together(self, first: Transaction, most: int, seconds: float) -> Iterator[Transaction]:
        """It and what waits behind it; after one that an acknowledgement waits for, only others like that."""
        clock = asyncio.get_running_loop()
        until = clock.time() + seconds
        taken, urgent = 1, first.first
        yield first
        while taken < most and clock.time() < until:
            line = self._first or self._others
            if not line or (urgent and line is self._others):
                return
            transaction = line.popleft()
            taken, urgent = taken + 1, urgent or transaction.first
            yield transaction
