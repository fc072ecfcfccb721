"""The bounds of connections hold on either loop: the transports of uvloop are none of asyncio's classes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from bot.connections import Connections, Limits


class Quiet(asyncio.Protocol):
    """Says nothing."""


def uvloops() -> asyncio.AbstractEventLoop:
    loop: asyncio.AbstractEventLoop = pytest.importorskip("uvloop").new_event_loop()
    return loop


@pytest.fixture(params=[asyncio.new_event_loop, uvloops], ids=["asyncio", "uvloop"])
def runner(request: pytest.FixtureRequest) -> asyncio.Runner:
    make: Callable[[], asyncio.AbstractEventLoop] = request.param
    return asyncio.Runner(loop_factory=make)


async def left_open(limits: Limits, *, stop: bool = False) -> tuple[int, int]:
    """Of five connections that say nothing: how many the server ends, and how many it still counts."""
    connections = Connections(Quiet, limits, "the test")
    server = await asyncio.get_running_loop().create_server(connections, "127.0.0.1", 0)
    streams = [await asyncio.open_connection(*server.sockets[0].getsockname()) for _ in range(5)]
    async with asyncio.timeout(5):
        while len(connections) < min(limits.most, 5):
            await asyncio.sleep(0.01)
    if stop:
        connections.stop()
    ends = [asyncio.create_task(reader.read()) for reader, _ in streams]
    ended, waiting = await asyncio.wait(ends, timeout=0.5)
    counted = len(connections)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*ends, return_exceptions=True)
    for _, writer in streams:
        writer.close()
    connections.stop()
    server.close()
    return len(ended), counted


@pytest.mark.parametrize(
    ("limits", "stop", "ended", "counted"),
    [
        (Limits(), False, 0, 5),
        (Limits(head=0.1), False, 5, 0),
        (Limits(most=3), False, 2, 3),
        (Limits(), True, 5, 0),
    ],
    ids=["within its bounds", "too slow", "too many", "at the stop"],
)
def test_a_connection_that_says_nothing_ends(
    runner: asyncio.Runner, limits: Limits, stop: bool, ended: int, counted: int
) -> None:
    with runner:
        assert runner.run(left_open(limits, stop=stop)) == (ended, counted)
