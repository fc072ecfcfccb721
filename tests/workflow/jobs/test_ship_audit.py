"""Rows of the trail reach a receiver in their order, each at least once, whatever becomes of it or of the bot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from bot.domain.audit import AuditEntry
from bot.domain.errors import ReceiverAway
from bot.ports.audit import Batch
from bot.store.store import Store
from bot.workflow.jobs import ship_audit
from bot.workflow.jobs.ship_audit import AuditShipper

ENTRY = AuditEntry("U1", "view", "payments", "allowed", "granted", {"asked": "list"})


class Logs:
    def __init__(self) -> None:
        self.got: list[int] = []
        self.away = False

    async def take(self, rows: Sequence[Any]) -> None:
        if self.away:
            raise ReceiverAway("away")
        self.got += [row["seq"] for row in rows]


async def test_each_row_is_handed_over_in_its_order(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ship_audit, "ROWS", 4)
    logs = Logs()
    shipper = AuditShipper(store, logs, "file:/x")
    assert await shipper("audit") == 1.0
    await store.audit([ENTRY] * 6)
    assert await shipper("audit") == 0.0  # there are more
    assert await shipper("audit") == 1.0
    await store.audit([ENTRY])
    await shipper("audit")
    assert logs.got == [1, 2, 3, 4, 5, 6, 7]


async def test_another_life_goes_on_where_the_receiver_was(store: Store) -> None:
    logs = Logs()
    await store.audit([ENTRY] * 3)
    await AuditShipper(store, logs, "file:/x")("audit")
    await store.audit([ENTRY])
    await AuditShipper(store, logs, "file:/x")("audit")
    assert logs.got == [1, 2, 3, 4]
    await AuditShipper(store, logs, "file:/another")("audit")
    assert logs.got == [1, 2, 3, 4, 1, 2, 3, 4]


async def test_a_receiver_that_is_away_is_asked_ever_more_seldom_and_misses_nothing(store: Store) -> None:
    logs = Logs()
    shipper = AuditShipper(store, logs, "file:/x")
    await store.audit([ENTRY] * 2)
    logs.away = True
    assert [await shipper("audit") for _ in range(7)] == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    logs.away = False
    await store.audit([ENTRY])
    assert await shipper("audit") == 1.0
    assert logs.got == [1, 2, 3]
    logs.away = True
    await store.audit([ENTRY])
    assert await shipper("audit") == 1.0


async def test_what_was_handed_over_before_a_crash_is_handed_over_again(store: Store) -> None:
    class Killed(Exception):
        pass

    class Dying(Logs):
        async def take(self, rows: Sequence[Any]) -> None:
            await super().take(rows)
            raise Killed

    logs = Dying()
    await store.audit([ENTRY] * 2)
    with pytest.raises(Killed):
        await AuditShipper(store, logs, "file:/x")("audit")
    after = Logs()
    await AuditShipper(store, after, "file:/x")("audit")
    assert (logs.got, after.got) == ([1, 2], [1, 2])


async def test_a_gap_is_told_once_and_the_rest_goes_on(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    class Cut:
        """A store from which the fourth row was taken."""

        async def to_ship(self, receiver: str, limit: int) -> Batch:
            whole = await store.to_ship(receiver, limit)
            return Batch([row for row in whole.rows if row["seq"] != 4], "row 4 is missing")

        async def shipped(self, receiver: str, seq: int, row_hash: str) -> None: ...

    logs = Logs()
    await store.audit([ENTRY] * 5)
    shipper = AuditShipper(Cut(), logs, "file:/x")
    await shipper("audit")
    await shipper("audit")
    assert logs.got == [1, 2, 3, 5] * 2
    assert [record.levelname for record in caplog.records] == ["ERROR"]
