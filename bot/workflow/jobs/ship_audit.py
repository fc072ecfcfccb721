"""ship:audit: hands rows of the audit trail to a receiver as they are written, each at least once and in their order.

The position is a row of the store, which is written once the receiver has taken a batch: after a crash the batch is
handed over again. A receiver that is away holds up nothing but this.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from bot.domain.errors import ReceiverAway
from bot.ports.audit import Receiver, Shipping

log = logging.getLogger(__name__)

ROWS = 500
PAUSE_SECONDS = 1.0
AWAY_SECONDS = (1.0, 30.0)
"""The first pause after a receiver did not take rows, doubling up to the last."""


@dataclass(slots=True)
class AuditShipper:
    """`name`: by which the position is kept."""

    store: Shipping
    receiver: Receiver
    name: str
    _tries: int = field(default=0, init=False)
    _told: set[str] = field(default_factory=set, init=False)

    async def __call__(self, _: str) -> float | None:
        batch = await self.store.to_ship(self.name, ROWS)
        if batch.problem and batch.problem not in self._told:
            self._told.add(batch.problem)
            log.error("the audit trail that is shipped is broken", extra={"problem": batch.problem})
        if not batch.rows:
            return PAUSE_SECONDS
        try:
            await self.receiver.take(batch.rows)
        except ReceiverAway:
            first, last = AWAY_SECONDS
            self._tries += 1
            return float(min(first * 2.0 ** min(self._tries - 1, 10), last))
        self._tries = 0
        await self.store.shipped(self.name, batch.rows[-1]["seq"], batch.rows[-1]["hash"])
        return PAUSE_SECONDS if len(batch.rows) < ROWS else 0.0
