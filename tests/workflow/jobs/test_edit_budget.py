"""Room for edits, and who gets it."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from bot.workflow.jobs.edit_budget import EDITS_A_MINUTE, EditBudget, Urgency
from tests.builders import FakeClock


def test_progress_leaves_a_share_of_the_edits_to_ends_and_ends_to_what_is_waited_for() -> None:
    clock = FakeClock()
    budget = EditBudget(clock)
    made = 0
    for urgency in sorted(Urgency):
        while made < urgency:
            assert budget.wait_s(urgency) == 0.0
            with budget.one("C0"):
                made += 1
        assert budget.wait_s(urgency) == 60.0
    clock.pass_(minutes=1)
    assert budget.wait_s(Urgency.PROGRESS) == 0.0


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_set_changes_nothing_about_the_room_for_edits(hours: int) -> None:
    clock = FakeClock()
    budget = EditBudget(clock)
    for _ in range(EDITS_A_MINUTE):
        with budget.one("C0"):
            pass
    clock.step(hours=hours)
    assert budget.wait_s(Urgency.AWAITED) == pytest.approx(60.0)


def test_edits_under_way_have_taken_their_room_and_keep_it_for_a_minute_after_their_answer() -> None:
    clock = FakeClock()
    budget = EditBudget(clock)
    with ExitStack() as under_way:
        for _ in range(EDITS_A_MINUTE):
            assert budget.wait_s(Urgency.AWAITED) == 0.0
            under_way.enter_context(budget.one("C0"))
        clock.pass_(seconds=20)
        assert budget.wait_s(Urgency.AWAITED) > 0.0
    assert budget.wait_s(Urgency.AWAITED) == 60.0


def used(budget: EditBudget, edits: int, channel: str = "C0") -> None:
    for _ in range(edits):
        with budget.one(channel):
            pass


def test_the_first_in_line_knows_its_time_and_the_next_is_woken_when_it_was_served() -> None:
    clock, woken = FakeClock(), list[str]()
    budget = EditBudget(clock, woken.append)
    used(budget, Urgency.END)
    budget.stand_in_line("C1", {Urgency.END: 1.0})
    budget.stand_in_line("C2", {Urgency.END: 2.0})
    assert (budget.turn_s("C1", Urgency.END), budget.turn_s("C2", Urgency.END)) == (60.0, None)
    assert woken == []
    clock.pass_(minutes=1)
    assert budget.turn_s("C1", Urgency.END) == 0.0
    with budget.one("C1"):
        assert woken == ["C2"]
        assert budget.turn_s("C2", Urgency.END) == 0.0


def test_who_leaves_the_line_wakes_the_next() -> None:
    woken = list[str]()
    budget = EditBudget(FakeClock(), woken.append)
    used(budget, EDITS_A_MINUTE)
    for number, channel in enumerate(("C1", "C2", "C3")):
        budget.stand_in_line(channel, {Urgency.PROGRESS: float(number)})
    budget.stand_in_line("C2", {})
    assert woken == []
    budget.stand_in_line("C1", {Urgency.END: 5.0})
    assert woken == ["C3"]
    assert budget.turn_s("C1", Urgency.END) == budget.turn_s("C3", Urgency.PROGRESS) == 60.0


def test_a_channel_that_was_served_stands_behind_those_that_waited_meanwhile() -> None:
    """However many edits wait in it, and however long."""
    clock = FakeClock()
    budget = EditBudget(clock)
    served: list[str] = []
    waiting = {"C1": 5, "C2": 1, "C3": 2}
    clock.pass_(seconds=10)
    while waiting:
        clock.pass_(seconds=1)
        for channel in waiting:
            budget.stand_in_line(channel, {Urgency.END: 0.0 if channel == "C1" else 5.0})
        (first,) = [one for one in waiting if budget.turn_s(one, Urgency.END) == 0.0]
        used(budget, 1, first)
        served.append(first)
        waiting[first] -= 1
        if not waiting[first]:
            budget.forget(first)
            del waiting[first]
    assert served == ["C1", "C2", "C3", "C1", "C3", "C1", "C1", "C1"]


def test_the_older_edit_goes_first_and_what_is_awaited_before_all() -> None:
    budget = EditBudget(FakeClock())
    used(budget, Urgency.END)
    budget.stand_in_line("C1", {Urgency.END: 2.0, Urgency.PROGRESS: 1.0})
    budget.stand_in_line("C2", {Urgency.END: 1.0})
    budget.stand_in_line("C3", {Urgency.AWAITED: 9.0})
    assert budget.turn_s("C3", Urgency.AWAITED) == 0.0
    assert budget.turn_s("C2", Urgency.END) == 60.0
    assert budget.turn_s("C1", Urgency.END) is None
