"""The line in which transactions that write wait for their turn: what an acknowledgement waits for goes first."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from bot.domain.errors import StoreFailed
from bot.store.handed_over import BROKEN, CLOSED, HandedOver, TwoLines
from bot.store.postgres.connection import as_ours


@dataclass(slots=True, eq=False)
class Transaction(HandedOver):
    """`work` makes its script, anew each time it is run."""

    as_ours = staticmethod(as_ours)


class Line:
    """Of those that are handed over, each is taken once."""

    def __init__(self) -> None:
        self._lines: TwoLines[Transaction] = TwoLines()
        self._waiting = asyncio.Event()
        self._ends = False
        self._refused: str | None = None

    def put(self, transaction: Transaction) -> None:
        if self._refused is not None:
            transaction.fail(StoreFailed(self._refused))
            transaction.answer()
            return
        self._lines.put(transaction)
        self._waiting.set()

    def broken(self) -> None:
        """No more is taken: who waits, and who comes, is answered."""
        self._refused = BROKEN
        for transaction in self._lines:
            transaction.answer()

    def end(self) -> None:
        """After all that waits now; what is handed over later fails."""
        self._ends, self._refused = True, CLOSED
        self._waiting.set()

    async def next(self) -> Transaction | None:
        """None at the end."""
        while not self._lines:
            if self._ends:
                return None
            self._waiting.clear()
            await self._waiting.wait()
        return self._lines.take()

    def together(self, first: Transaction, most: int, seconds: float) -> Iterator[Transaction]:
        """It and what waits behind it; after one that an acknowledgement waits for, only others like that."""
        clock = asyncio.get_running_loop()
        until = clock.time() + seconds
        taken, urgent = 1, first.first
        yield first
        while taken < most and clock.time() < until:
            line = self._lines.behind(urgent=urgent)
            if not line:
                return
            transaction = line.popleft()
            taken, urgent = taken + 1, urgent or transaction.first
            yield transaction
