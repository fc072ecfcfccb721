"""The bounds of connections hold on either loop: the transports of uvloop are none of asyncio's classes; what an entry
leaves behind.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from bot.connections import Connections, Entry, Limits


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


# --- an entry that ends leaves nothing behind -------------------------------------------------------------------------


@pytest.fixture
def log() -> logging.Logger:
    return logging.getLogger("tests.test_connections.server")


def an_entry(log: logging.Logger, answer: Callable[[], Awaitable[object]]) -> Entry:
    async def answered(_: web.BaseRequest) -> web.StreamResponse:
        await answer()
        return web.Response()

    return Entry(web.ServerRunner(web.Server(answered), shutdown_timeout=5.0), Limits(), "the test", log)


async def test_an_entry_that_was_never_stopped_counts_nothing_for_the_next_one(
    log: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    """As when a process is killed: nothing of it hangs on the logger that both have."""

    async def nothing() -> None: ...

    killed, entry = an_entry(log, nothing), an_entry(log, nothing)
    await killed.start("127.0.0.1", 0)
    await entry.start("127.0.0.1", 0)
    caplog.set_level(logging.DEBUG, log.name)
    for sent in (b"GET / HTTP/1.1\r\nHost: b\r\nContent-Length: -5\r\n\r\n", b"a secret\r\n\r\n"):
        reader, writer = await asyncio.open_connection("127.0.0.1", entry.port)
        writer.write(sent)
        assert (await reader.read()).startswith(b"HTTP/1.0 400 Bad Request\r\n")
        writer.close()
    assert (killed.garbled.total, entry.garbled.total) == (0, 2)
    assert [one.message for one in caplog.records if one.name.startswith(("bot.", log.name))] == (
        ["connections to the test that spoke no HTTP were closed"]
    )
    for one in (killed, entry):
        await one.stop()


async def test_an_entry_whose_stop_is_broken_off_is_closed_all_the_same(log: logging.Logger) -> None:
    came = asyncio.Event()

    async def never() -> None:
        came.set()
        await asyncio.Event().wait()

    entry = an_entry(log, never)
    await entry.start("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", entry.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: b\r\n\r\n")
    await came.wait()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await entry.stop()
    assert (entry.is_open, len(entry.connections)) == (False, 0)
    assert await reader.read() == b""
    writer.close()


async def test_an_entry_that_finds_its_address_taken_leaves_nothing_behind(log: logging.Logger) -> None:
    async def nothing() -> None: ...

    first, second = an_entry(log, nothing), an_entry(log, nothing)
    await first.start("127.0.0.1", 0)
    with pytest.raises(OSError, match="in use"):
        await second.start("127.0.0.1", first.port)
    assert (first.is_open, second.is_open) == (True, False)
    await first.stop()
    await first.stop()
    await an_entry(log, nothing).stop()
    assert (first.is_open, log.filters) == (False, [])
