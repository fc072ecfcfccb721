"""Rows to a syslog receiver over TLS, on a socket: framed as RFC 5425 says, and taken once they were read."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme

from bot.__main__ import fast_loop
from bot.domain.errors import ReceiverAway
from bot.domain.shipping import SyslogAddress
from bot.outages import Outages
from bot.receivers.syslog import SyslogReceiver, framed

LOOPS: dict[str, Any] = {"asyncio": asyncio.new_event_loop, "uvloop": fast_loop()}


def row(seq: int, outcome: str = "done") -> dict[str, Any]:
    return {"seq": seq, "at": "2026-11-23T12:00:00.000+00:00", "outcome": outcome, "actor": "Ünal\n"}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@dataclass
class Logs:
    """A receiver. `breaks`: it reads a little of each connection and breaks it off."""

    got: bytes = b""
    connections: int = 0
    breaks: bool = False
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        if self.breaks:
            await reader.read(10)
            writer.transport.abort()
            return
        self.got += await reader.read()
        writer.close()

    def messages(self) -> list[bytes]:
        found, left = [], self.got
        while left:
            length, _, left = left.partition(b" ")
            found.append(left[: int(length)])
            left = left[int(length) :]
        return found


@asynccontextmanager
async def listening(logs: Logs, authority: trustme.CA, name: str = "127.0.0.1") -> AsyncIterator[int]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    server = await asyncio.start_server(logs.on_connection, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in logs.writers:
            writer.transport.abort()


def receiver(port: int, ca: Path | None) -> SyslogReceiver:
    return SyslogReceiver(SyslogAddress("127.0.0.1", port), ca, Outages(logging.getLogger("tests"), "away", "back"))


@pytest.fixture(params=LOOPS)
def on_loop(request: pytest.FixtureRequest) -> Callable[[Coroutine[Any, Any, None]], None]:
    """Run it on a loop of that kind."""
    factory = LOOPS[request.param]
    if factory is None:
        pytest.skip("uvloop is not installed")

    def run(work: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(work)

    return run


def test_a_batch_that_was_read_is_taken(on_loop: Callable[..., None], authority: trustme.CA, ca: Path) -> None:
    async def work() -> None:
        logs = Logs()
        async with listening(logs, authority) as port:
            rows = receiver(port, ca)
            await rows.take([row(1), row(2, "denied")])
            await rows.take([row(number) for number in range(3, 503)])
        first, second, *others = logs.messages()
        assert first.startswith(b"<110>1 2026-11-23T12:00:00.000Z ")
        assert second.startswith(b"<109>1 ")
        assert re.fullmatch(rb"<110>1 \S+ \S+ snapshot-bot - audit - \{.*\}", first)
        assert json.loads(first.split(b" - audit - ")[1]) == row(1)
        assert [json.loads(one.split(b" - audit - ")[1])["seq"] for one in others] == list(range(3, 503))

    on_loop(work())


def test_a_batch_whose_connection_breaks_is_not_taken(
    on_loop: Callable[..., None], authority: trustme.CA, ca: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        logs = Logs(breaks=True)
        async with listening(logs, authority) as port:
            rows = receiver(port, ca)
            for _ in range(2):
                with pytest.raises(ReceiverAway):
                    await rows.take([row(number) for number in range(2000)])
            logs.breaks = False
            await rows.take([row(1)])
        assert [record.message for record in caplog.records].count("back") <= 1
        assert len([record for record in caplog.records if record.levelname == "WARNING"]) <= 2
        assert logs.messages()

    on_loop(work())


def test_a_receiver_that_never_ends_a_connection_is_away(
    on_loop: Callable[..., None], authority: trustme.CA, ca: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.receivers.syslog._STEP_SECONDS", 0.2)

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor() as thread:
        spoken = thread.submit(lambda: context.wrap_socket(server.accept()[0], server_side=True))

        async def work() -> None:
            with pytest.raises(ReceiverAway):
                await receiver(server.getsockname()[1], ca).take([row(1)])

        on_loop(work())
        spoken.result().close()


def test_a_receiver_whose_certificate_is_another_s_hears_nothing(
    on_loop: Callable[..., None], authority: trustme.CA, ca: Path
) -> None:
    async def work() -> None:
        logs = Logs()
        async with listening(logs, authority, "logs.example.com") as port:
            with pytest.raises(ReceiverAway, match="its certificate is not trusted"):
                await receiver(port, ca).take([row(1)])
            with pytest.raises(ReceiverAway, match="its certificate is not trusted"):
                await receiver(port, None).take([row(1)])
        assert logs.got == b""

    on_loop(work())


def test_a_receiver_that_is_not_there_is_away(on_loop: Callable[..., None], ca: Path) -> None:
    async def work() -> None:
        with pytest.raises(ReceiverAway, match="it refuses connections"):
            await receiver(1, ca).take([row(1)])
        with pytest.raises(ReceiverAway):
            await receiver(1, ca.with_name("none.pem")).take([row(1)])

    on_loop(work())


def test_a_frame_says_how_long_its_message_is() -> None:
    frame = framed({**row(1), "at": "noon"})
    length, _, message = frame.partition(b" ")
    assert int(length) == len(message)
    assert message.startswith(b"<110>1 - ")
