"""A reminder is said once, whatever becomes of writing that down."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.errors import CannotPost, StoreFailed
from bot.domain.snapshots import Snapshot
from bot.domain.transitions import ItemState, RequestState
from bot.ports.messages import DirectMessage, OutboxMessage
from bot.ports.requests import Incoming
from bot.ports.slack import Posted
from bot.store.store import Store
from bot.workflow.jobs.remind import Reminder
from tests.builders import NOON, FakeClock, a_request, an_item
from tests.fakes.cloud import OneCloud
from tests.workflow.jobs.test_notify import no_room
from tests.workflow.jobs.test_submit import FakeEvs


class Voice:
    def __init__(self, *, in_channels: bool) -> None:
        self.in_channels = in_channels
        self.said: list[str] = []

    async def say(self, outgoing: OutboxMessage) -> Posted | None:
        if isinstance(outgoing, DirectMessage):
            self.said.append(outgoing.to)
            return None
        if not self.in_channels:
            raise CannotPost("The channel is archived.", "is_archived")
        self.said.append(outgoing.request.reply_channel)
        return Posted(outgoing.request.reply_channel, "1.0")


@pytest.mark.parametrize("in_channels", [True, False])
async def test_a_reminder_that_could_not_be_written_down_is_not_said_again(
    store: Store, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, in_channels: bool
) -> None:
    request = a_request(state=RequestState.RUNNING, to_send=False)
    await store.take_in("d", "C1", None, lambda grants, bound: Incoming(request))
    item = an_item(1, ItemState.AVAILABLE, snapshot_id="snap-1")
    over = replace(request, state=RequestState.FINISHED, ended_at=NOON, remind_at=NOON + timedelta(hours=1))
    await store.decide_plan(over, [item], [])
    voice, evs = Voice(in_channels=in_channels), FakeEvs()
    evs.snapshots = [Snapshot(id="snap-1", status="available")]
    remind = Reminder(store, OneCloud(evs), voice, clock)
    assert await remind("r-one") == 3600.0
    clock.pass_(hours=1)
    with monkeypatch.context() as full:
        full.setattr(Store, "extend", no_room)
        with pytest.raises(StoreFailed):
            await remind("r-one")
    assert await remind("r-one") is None
    assert await remind("r-one") is None
    assert voice.said == ["C1" if in_channels else "U1"]
