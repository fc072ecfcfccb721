"""The window of the daily limit, and what counts in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from bot.domain.daily_limit import Usage, wanted, window_of
from bot.domain.transitions import ItemState
from tests.builders import an_item

MIDNIGHT = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.mark.parametrize("into_the_day", [timedelta(), timedelta(hours=12), timedelta(hours=24, microseconds=-1)])
def test_the_window_is_the_utc_day_from_midnight_to_midnight(into_the_day: timedelta) -> None:
    assert window_of(MIDNIGHT + into_the_day) == (MIDNIGHT, MIDNIGHT + timedelta(days=1))


def test_where_a_moment_was_written_down_changes_nothing_about_its_day() -> None:
    east = timezone(timedelta(hours=8))
    assert window_of(datetime(2026, 11, 25, 7, 59, tzinfo=east)) == window_of(MIDNIGHT)


def test_the_limit_itself_is_still_within_it() -> None:
    assert [Usage(3, more).fits(5) for more in (1, 2, 3)] == [True, True, False]


def test_disks_left_out_of_a_plan_take_no_room() -> None:
    assert wanted([an_item(1), an_item(2, ItemState.CANCELLED, ended_at=MIDNIGHT)]) == 1
