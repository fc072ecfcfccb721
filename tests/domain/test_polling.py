"""When a snapshot in the making is looked at again: soon enough for its end, seldom enough for the cloud."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.polling import SOON, job_pause_s, may_come_now, pause_s


def rounds(takes_s: float, *, progress_told: bool) -> list[float]:
    """The ages at which a snapshot is looked at that takes so many seconds, up to the look that finds it done."""
    ages = [2.0]
    while ages[-1] < takes_s:
        progress = int(100 * ages[-1] / takes_s) if progress_told else None
        ages.append(ages[-1] + pause_s(ages[-1], progress))
    return ages


@pytest.mark.parametrize(("takes_s", "most"), [(2, 1), (5, 3), (20, 6), (60, 8), (600, 30)])
@pytest.mark.parametrize("progress_told", [True, False])
def test_a_snapshot_of_a_minute_costs_eight_looks_at_most(takes_s: float, most: int, progress_told: bool) -> None:
    assert len(rounds(takes_s, progress_told=progress_told)) <= most


@given(st.floats(2, 7200))
def test_its_end_is_seen_soon_after_it_and_sooner_when_its_progress_is_told(takes_s: float) -> None:
    late_s = rounds(takes_s, progress_told=False)[-1] - takes_s
    assert late_s <= min(max(takes_s * 0.75, 2.0), 30.0)
    if takes_s < 60:
        assert rounds(takes_s, progress_told=True)[-1] - takes_s <= 3.0


@pytest.mark.parametrize("progress", [0, 1, 50, 99, 100, None])
def test_a_progress_that_stands_still_costs_no_more_than_half_a_round_a_second(progress: int | None) -> None:
    assert all(2.0 <= pause_s(age_s, progress) <= 30.0 for age_s in range(10_000))
    assert pause_s(3600.0, progress) == 30.0


def test_one_in_trouble_is_looked_at_as_often_as_can_be() -> None:
    assert [pause_s(age_s, 10, troubled=True) for age_s in (3, 30, 100, 300)] == [2.0, 3.0, 5.0, 10.0]


def test_a_job_is_asked_each_minute_at_first_and_each_five_of_a_snapshot_that_takes_hours() -> None:
    assert [job_pause_s(age_s) for age_s in (10, 500, 1_000, 7_200)] == [55.0, 55.0, 100.0, 300.0]


def test_a_look_comes_along_early_by_less_than_its_pause() -> None:
    assert may_come_now(SOON.total_seconds(), 3_600.0, None)
    assert not may_come_now(SOON.total_seconds() + 0.1, 3_600.0, None)
    assert not may_come_now(1.5, 2.0, None)
