"""Answers that are believed for a while, and asked for once for all who wait."""

from __future__ import annotations

import asyncio
import gc
import logging
from datetime import timedelta

import pytest

from bot.cache import LARGEST, Cache
from tests.builders import FakeClock

MAX_AGE = timedelta(seconds=30)


class Oracle:
    """Gives the answers it holds, one after the other, each once it is let go."""

    def __init__(self, *answers: str | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.go = asyncio.Event()

    async def __call__(self) -> str:
        answer = self.answers[self.asked]
        self.asked += 1
        await self.go.wait()
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def cache(clock: FakeClock) -> Cache[str, str]:
    return Cache(clock, MAX_AGE)


async def begun(oracle: Oracle, times: int = 1) -> None:
    while oracle.asked < times:
        await asyncio.sleep(0)


async def test_many_who_ask_at_once_cost_one_question(cache: Cache[str, str]) -> None:
    oracle = Oracle("yes")
    asking = [asyncio.create_task(cache.ask("a", oracle)) for _ in range(5)]
    await begun(oracle)
    oracle.go.set()
    assert await asyncio.gather(*asking) == ["yes"] * 5
    assert (cache.at_hand("a"), cache.at_hand("b"), oracle.asked) == ("yes", None, 1)


async def test_an_answer_is_believed_until_its_age_and_not_a_moment_longer(
    cache: Cache[str, str], clock: FakeClock
) -> None:
    oracle = Oracle("old", "new")
    oracle.go.set()
    await cache.ask("a", oracle)
    clock.pass_(seconds=29.9)
    assert (await cache.ask("a", oracle), cache.at_hand("a")) == ("old", "old")
    clock.pass_(seconds=0.1)
    assert cache.at_hand("a") is None
    assert await cache.ask("a", oracle) == "new"


async def test_who_believes_for_a_shorter_time_only_asks_again(cache: Cache[str, str], clock: FakeClock) -> None:
    oracle = Oracle("old", "new")
    oracle.go.set()
    await cache.ask("a", oracle)
    clock.pass_(seconds=10)
    assert cache.at_hand("a", timedelta(seconds=10)) is None
    assert cache.at_hand("a", timedelta(0)) is None
    assert await cache.ask("a", oracle, timedelta(seconds=11)) == "old"
    assert await cache.ask("a", oracle, timedelta(seconds=10)) == "new"


async def test_a_clock_that_is_set_makes_nothing_younger(cache: Cache[str, str], clock: FakeClock) -> None:
    cache.put({"a": "yes"})
    clock.step(hours=-1)
    clock.pass_(seconds=30)
    assert cache.at_hand("a") is None


async def test_an_answer_is_as_old_as_its_question(cache: Cache[str, str], clock: FakeClock) -> None:
    oracle = Oracle("late")
    asking = asyncio.create_task(cache.ask("a", oracle))
    await begun(oracle)
    clock.pass_(seconds=30)
    oracle.go.set()
    assert await asking == "late"
    assert cache.at_hand("a") is None


async def test_a_failure_is_told_to_all_who_wait_and_not_kept(cache: Cache[str, str]) -> None:
    oracle = Oracle(OSError("gone"), "back")
    oracle.go.set()
    failed = await asyncio.gather(*(cache.ask("a", oracle) for _ in range(3)), return_exceptions=True)
    assert [str(one) for one in failed] == ["gone"] * 3
    assert (await cache.ask("a", oracle), oracle.asked) == ("back", 2)


async def test_who_stops_waiting_stops_neither_the_question_nor_the_others(cache: Cache[str, str]) -> None:
    oracle = Oracle("yes")
    leaves, stays = (asyncio.create_task(cache.ask("a", oracle)) for _ in range(2))
    await begun(oracle)
    leaves.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaves
    oracle.go.set()
    assert (await stays, cache.at_hand("a"), oracle.asked) == ("yes", "yes", 1)


async def test_a_failure_that_nobody_waits_for_is_not_reported_as_lost(
    cache: Cache[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    oracle = Oracle(OSError("gone"), "back")
    leaves = asyncio.create_task(cache.ask("a", oracle))
    await begun(oracle)
    leaves.cancel()
    oracle.go.set()
    while cache._asking:
        await asyncio.sleep(0)
    gc.collect()
    assert await cache.ask("a", oracle) == "back"
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("how", ["forget", "forget_everything", "put"])
async def test_an_answer_from_before_a_change_is_not_kept(cache: Cache[str, str], how: str) -> None:
    oracle = Oracle("before", "after")
    before = asyncio.create_task(cache.ask("a", oracle))
    await begun(oracle)
    match how:
        case "forget":
            cache.forget("a")
        case "forget_everything":
            cache.forget_everything()
        case _:
            cache.put({"a": "after"})
    after = asyncio.create_task(cache.ask("a", oracle))
    await asyncio.sleep(0)
    oracle.go.set()
    assert (await before, await after, cache.at_hand("a")) == ("before", "after", "after")


async def test_what_is_forgotten_leaves_the_rest(cache: Cache[str, str]) -> None:
    cache.put({"a": "yes", "b": "no"})
    cache.forget("a")
    assert (cache.at_hand("a"), cache.at_hand("b")) == (None, "no")


async def test_no_is_an_answer_too(clock: FakeClock) -> None:
    cache: Cache[str, bool] = Cache(clock, MAX_AGE)
    cache.put({"a": False})
    assert cache.at_hand("a") is False


async def test_the_oldest_make_room_and_so_does_what_is_believed_no_more(
    cache: Cache[str, str], clock: FakeClock
) -> None:
    cache.put({"oldest": "yes", "older": "yes"})
    cache.put({"oldest": "again"})
    cache.put({str(number): "yes" for number in range(LARGEST - 1)})
    assert (cache.at_hand("older"), cache.at_hand("oldest"), len(cache._kept)) == (None, "again", LARGEST)
    clock.pass_(seconds=30)
    cache.put({"new": "yes"})
    assert list(cache._kept) == ["new"]


async def test_it_stops_with_a_question_still_open(cache: Cache[str, str]) -> None:
    oracle = Oracle("never")
    asking = asyncio.create_task(cache.ask("a", oracle))
    await begun(oracle)
    await cache.aclose()
    with pytest.raises(asyncio.CancelledError):
        await asking
