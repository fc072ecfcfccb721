"""When a call that failed is made again, and how long is waited before."""

from __future__ import annotations

from itertools import repeat

import pytest

from bot.domain.errors import LookupFailed
from bot.retry import Tries, doubling
from tests.builders import FakeClock


class Failing:
    """Raises these errors, one a try, and then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    async def __call__(self) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return "answered"


def failed(retry_after: float | None = None) -> LookupFailed:
    return LookupFailed("Slack did not say.", retry_after=retry_after)


async def waited(tries: Tries[LookupFailed], *errors: Exception) -> float:
    clock = FakeClock()
    assert await tries.run(clock, Failing(*errors)) == "answered"
    return clock.monotonic()


async def test_what_is_answered_at_once_waits_for_nothing() -> None:
    assert await waited(Tries((1.0, 2.0), LookupFailed)) == 0


async def test_the_waits_are_taken_in_turn() -> None:
    assert await waited(Tries((1.0, 2.0, 4.0), LookupFailed), failed(), failed()) == 3


async def test_an_error_that_says_how_long_to_wait_is_heard_up_to_a_longest() -> None:
    tries = Tries((1.0, 1.0, 1.0), LookupFailed, longest_s=10.0)
    assert await waited(tries, failed(), failed(retry_after=5), failed(retry_after=60)) == 1 + 5 + 10


async def test_after_the_last_wait_comes_the_last_try() -> None:
    failing = Failing(failed(), failed(), failed(), failed())
    with pytest.raises(LookupFailed):
        await Tries((1.0, 1.0), LookupFailed).run(FakeClock(), failing)
    assert len(failing.errors) == 1


@pytest.mark.parametrize("error", [failed(retry_after=60), OSError("gone")])
async def test_what_does_not_pass_is_raised_at_once(error: Exception) -> None:
    clock = FakeClock()
    with pytest.raises(type(error)):
        await Tries((1.0,), LookupFailed, lambda said: said.retry_after != 60).run(clock, Failing(error))
    assert clock.monotonic() == 0


async def test_it_may_be_tried_for_as_long_as_it_takes() -> None:
    assert await waited(Tries(repeat(3.0), LookupFailed), *(failed() for _ in range(100))) == 300


def test_waits_double_up_to_a_longest() -> None:
    assert [doubling(2.0, 60.0, times) for times in (1, 2, 3, 6, 5_000)] == [2, 4, 8, 60, 60]
