"""A post a second in each channel, whoever says it."""

from __future__ import annotations

import pytest

from bot.slack.client import limits
from bot.slack.client.limits import ChannelPace
from tests.builders import FakeClock


async def test_each_post_to_a_channel_has_a_second_of_its_own_and_others_do_not_wait() -> None:
    clock = FakeClock()
    pace = ChannelPace(clock)
    moments = []
    for _ in range(3):
        await pace.turn("D1")
        moments.append(clock.monotonic())
    assert moments == [0.0, 1.0, 2.0]
    await pace.turn("C2")
    assert clock.monotonic() == 2.0
    clock.pass_(seconds=5)
    await pace.turn("D1")
    assert clock.monotonic() == 7.0


async def test_channels_of_long_ago_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_CHANNELS_KEPT", 3)
    clock = FakeClock()
    pace = ChannelPace(clock)
    for number in range(10):
        await pace.turn(f"C{number}")
        clock.pass_(seconds=2)
    assert len(pace._next) <= 3
