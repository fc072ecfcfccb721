"""The head of the audit trail, once a day, where nobody can take it back."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.audit import AuditEntry
from bot.domain.errors import CannotPost
from bot.store.store import Store
from bot.workflow.jobs.anchor_audit import AuditAnchor
from tests.builders import FakeClock


class Board:
    def __init__(self) -> None:
        self.posted: list[tuple[str, str]] = []
        self.closed = False

    async def announce(self, channel: str, sentence: str) -> None:
        if self.closed:
            raise CannotPost("no", "not_in_channel")
        self.posted.append((channel, sentence))


async def test_the_head_is_posted_once_a_utc_day_and_again_after_trouble(store: Store, clock: FakeClock) -> None:
    board = Board()
    await store.audit([AuditEntry("U1", "create", "payments", "denied", "no-grant")])
    rows, head = await store.audit_head()
    board.closed = True
    assert await AuditAnchor(store, board, clock)("C9") == 600.0
    board.closed = False
    assert await AuditAnchor(store, board, clock)("C9") == timedelta(hours=12).total_seconds()
    assert [channel for channel, _ in board.posted] == ["C9"]
    assert f"row {rows}, {head}." in board.posted[0][1]
    clock.pass_(hours=11)
    assert await AuditAnchor(store, board, clock)("C9") == 3600.0  # another process, the same day: nothing
    clock.pass_(hours=1)
    await AuditAnchor(store, board, clock)("C9")
    assert len(board.posted) == 2
