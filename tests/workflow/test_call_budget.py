"""Room for calls, and who gets it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack

import pytest

from bot.domain.errors import NoRoom
from bot.workflow.call_budget import CallBudget, OwnRoom, Urgency
from tests.builders import FakeClock

A_MINUTE = 50


def a_budget(
    clock: FakeClock, notify: Callable[[str], None] = lambda channel: None, a_minute: int = A_MINUTE
) -> CallBudget:
    budget = CallBudget(OwnRoom(clock), clock, a_minute)
    budget.on_turn(notify)
    return budget


async def test_progress_leaves_a_share_of_the_edits_to_ends_and_ends_to_what_is_waited_for() -> None:
    clock = FakeClock()
    budget = a_budget(clock)
    made = 0
    for urgency in sorted(Urgency):
        while made < A_MINUTE * urgency // 100:
            assert budget.wait_s(urgency) == 0.0
            async with budget.one(Urgency.AWAITED):
                made += 1
        assert budget.wait_s(urgency) == 60.0
    clock.pass_(minutes=1)
    assert budget.wait_s(Urgency.PROGRESS) == 0.0


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_set_changes_nothing_about_the_room_for_edits(hours: int) -> None:
    clock = FakeClock()
    budget = a_budget(clock)
    for _ in range(A_MINUTE):
        async with budget.one(Urgency.AWAITED):
            pass
    clock.step(hours=hours)
    assert budget.wait_s(Urgency.AWAITED) == pytest.approx(60.0)


async def test_edits_under_way_have_taken_their_room_and_keep_it_for_a_minute_after_their_answer() -> None:
    clock = FakeClock()
    budget = a_budget(clock)
    async with AsyncExitStack() as under_way:
        for _ in range(A_MINUTE):
            assert budget.wait_s(Urgency.AWAITED) == 0.0
            await under_way.enter_async_context(budget.one(Urgency.AWAITED))
        clock.pass_(seconds=20)
        assert budget.wait_s(Urgency.AWAITED) > 0.0
    assert budget.wait_s(Urgency.AWAITED) == 60.0


async def used(budget: CallBudget, calls: int, channel: str | None = None) -> None:
    for _ in range(calls):
        async with budget.one(Urgency.AWAITED, channel):
            pass


async def test_the_first_in_line_knows_its_time_and_the_next_is_woken_when_it_was_served() -> None:
    clock, woken = FakeClock(), list[str]()
    budget = a_budget(clock, woken.append)
    await used(budget, 42)
    budget.stand_in_line("C1", {Urgency.END: 1.0})
    budget.stand_in_line("C2", {Urgency.END: 2.0})
    assert (budget.turn_s("C1", Urgency.END), budget.turn_s("C2", Urgency.END)) == (60.0, None)
    assert woken == []
    clock.pass_(minutes=1)
    assert budget.turn_s("C1", Urgency.END) == 0.0
    async with budget.one(Urgency.END, "C1"):
        assert woken == ["C2"]
        assert budget.turn_s("C2", Urgency.END) == 0.0


async def test_who_leaves_the_line_wakes_the_next() -> None:
    woken = list[str]()
    budget = a_budget(FakeClock(), woken.append)
    await used(budget, A_MINUTE)
    for number, channel in enumerate(("C1", "C2", "C3")):
        budget.stand_in_line(channel, {Urgency.PROGRESS: float(number)})
    budget.stand_in_line("C2", {})
    assert woken == []
    budget.stand_in_line("C1", {Urgency.END: 5.0})
    assert woken == ["C3"]
    assert budget.turn_s("C1", Urgency.END) == budget.turn_s("C3", Urgency.PROGRESS) == 60.0


async def test_channels_that_wait_equally_long_pass_each_other_in_no_line_and_wake_nobody() -> None:
    """Each looks for itself again and again; were the next one woken by that, all of them would never rest."""
    woken = list[str]()
    budget = a_budget(FakeClock(), woken.append)
    await used(budget, A_MINUTE)
    channels = ("C1", "C2", "C3")
    for _ in range(3):
        for channel in channels:
            budget.stand_in_line(channel, {Urgency.PROGRESS: 0.0, Urgency.END: 0.0})
    assert woken == []
    assert [budget.turn_s(one, Urgency.END) for one in channels] == [60.0, None, None]
    budget.stand_in_line("C1", {})
    assert woken == ["C2", "C2"]  # once for each line
    budget.stand_in_line("C1", {Urgency.PROGRESS: 0.0})
    assert budget.turn_s("C1", Urgency.PROGRESS) is None


async def test_a_channel_that_was_served_stands_behind_those_that_waited_meanwhile() -> None:
    """However many edits wait in it, and however long."""
    clock = FakeClock()
    budget = a_budget(clock, a_minute=2)
    served: list[str] = []
    waiting = {"C1": 5, "C2": 1, "C3": 2}
    clock.pass_(seconds=10)
    while waiting:
        clock.pass_(minutes=1)
        for channel in waiting:
            budget.stand_in_line(channel, {Urgency.END: 0.0 if channel == "C1" else 5.0})
        (first,) = [one for one in waiting if budget.turn_s(one, Urgency.END) == 0.0]
        await used(budget, 1, first)
        served.append(first)
        waiting[first] -= 1
        if not waiting[first]:
            budget.forget(first)
            del waiting[first]
    assert served == ["C1", "C2", "C3", "C1", "C3", "C1", "C1", "C1"]


async def test_channels_whose_messages_all_have_room_wait_for_none_of_the_others() -> None:
    budget = a_budget(FakeClock())
    await used(budget, 40)
    for number, channel in enumerate(("C1", "C2", "C3")):
        budget.stand_in_line(channel, {Urgency.END: float(number)})
    assert [budget.turn_s(one, Urgency.END) for one in ("C1", "C2", "C3")] == [0.0, 0.0, None]


async def test_a_call_without_room_is_not_made_and_says_for_how_long() -> None:
    budget = a_budget(FakeClock())
    await used(budget, A_MINUTE)
    with pytest.raises(NoRoom) as caught:
        await used(budget, 1)
    assert caught.value.retry_after == budget.wait_s(Urgency.AWAITED) == 60.0


async def test_the_older_edit_goes_first_and_what_is_awaited_before_all() -> None:
    budget = a_budget(FakeClock())
    await used(budget, 42)
    budget.stand_in_line("C1", {Urgency.END: 2.0, Urgency.PROGRESS: 1.0})
    budget.stand_in_line("C2", {Urgency.END: 1.0})
    budget.stand_in_line("C3", {Urgency.AWAITED: 9.0})
    assert budget.turn_s("C3", Urgency.AWAITED) == 0.0
    assert budget.turn_s("C2", Urgency.END) == 60.0
    assert budget.turn_s("C1", Urgency.END) is None


async def test_how_much_room_is_left_and_how_many_channels_wait_can_be_asked() -> None:
    clock = FakeClock()
    budget = a_budget(clock)
    assert (budget.left, budget.waiting) == (A_MINUTE, 0)
    for _ in range(20):
        async with budget.one(Urgency.AWAITED):
            assert budget.left < A_MINUTE
    assert budget.left == 30
    budget.stand_in_line("C1", {Urgency.END: 0.0, Urgency.PROGRESS: 1.0})
    budget.stand_in_line("C2", {Urgency.PROGRESS: 2.0})
    assert budget.waiting == 2
    await budget.rest(5.0)
    assert budget.left == 0
    clock.pass_(minutes=1)
    assert budget.left == A_MINUTE
