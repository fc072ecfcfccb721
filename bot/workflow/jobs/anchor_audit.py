"""anchor:{channel}: once a UTC day the head of the audit trail goes where the bot cannot take it back.

The hash chain shows every altered, missing or reordered row but the last ones: a cut at the end cuts their hashes too.
A head that was posted in a channel names a row that must still be there.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.domain.errors import BotError
from bot.ports.audit import Audit
from bot.ports.clock import Clock
from bot.ports.slack import Notices

log = logging.getLogger(__name__)

CHORE = "anchor"
TROUBLE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class AuditAnchor:
    """Posts at the first chance of each UTC day; one that was missed is made up for at the next start."""

    store: Audit
    notices: Notices
    clock: Clock

    async def __call__(self, channel: str) -> float | None:
        now = self.clock.now()
        due = await self.store.chore_due(CHORE)
        if due is not None and now < due:
            return (due - now).total_seconds()
        rows, head = await self.store.audit_head()
        told = f"Head of the audit trail: row {rows}, {head}. To check: snapshot-bot audit verify --head {rows}:{head}"
        try:
            await self.notices.announce(channel, told)
        except BotError as exc:
            log.warning("the head of the audit trail could not be posted", extra={"error": type(exc).__name__})
            return TROUBLE_SECONDS
        tomorrow = next_day(now)
        await self.store.head_posted(rows, head, CHORE, tomorrow)
        return (tomorrow - now).total_seconds()


def next_day(now: datetime) -> datetime:
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + timedelta(days=1)
