"""The text is the official client's, to the byte, and the loop is not held up while it is made."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from bot.clock import SystemClock
from bot.metrics.exposition import Metrics
from bot.metrics.instruments import Instruments
from tests.metrics.test_readings import Bench

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def many() -> Instruments:
    instruments = Instruments()
    for number in range(60):
        instruments.slack_called(f"method.{number}", "ok", 0.1)
        instruments.cloud_called(f"evs:thing{number}:get", "ok", 0.1)
    return instruments


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
async def test_the_text_is_what_the_client_makes_of_all_at_once(accept: str) -> None:
    instruments, bench = many(), Bench()
    body, content_type = await Metrics(instruments, bench.readings, SystemClock()).scrape(accept)
    encode, theirs = choose_encoder(accept)
    whole = CollectorRegistry()
    whole.register(instruments)
    whole.register(bench.readings)
    assert content_type == theirs
    assert body.partition(b"# HELP process_")[0] == encode(whole).removesuffix(b"# EOF\n")
    assert body.endswith(b"# EOF\n") == bool(accept)


async def test_the_loop_has_its_turns_while_a_text_is_made() -> None:
    metrics = Metrics(many(), Bench().readings, SystemClock())
    turns: list[float] = []

    async def turning() -> None:
        while True:
            turns.append(time.thread_time())
            await asyncio.sleep(0)

    await metrics.scrape("")
    other = asyncio.create_task(turning())
    await asyncio.sleep(0)
    turns.clear()
    began = time.thread_time()
    await metrics.scrape("")
    took = time.thread_time() - began
    other.cancel()
    assert len(turns) > 20
    assert max(after - before for before, after in pairwise(turns)) < took / 2
