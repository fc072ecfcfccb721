"""Programs that are hostile, slow or odd at the HTTP entry: what they can take of it, and what is told of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from bot.connections import Limits
from bot.simulator.setting import Setting
from tests.e2e.conftest import FastClock, World
from tests.e2e.test_programs import DEPLOY, READER, STRANGER, Api, opened, problem

HEAD = (
    "POST /api/v1/requests HTTP/1.1\r\nHost: bot\r\nContent-Type: application/json\r\nIdempotency-Key: k\r\n"
    "Authorization: Bearer {}\r\nContent-Length: 1000\r\n\r\n"
)


@pytest.fixture
async def world(setting: tuple[Setting, FastClock]) -> AsyncIterator[World]:
    async with opened(setting) as world:
        yield world


async def bounded(world: World, limits: Limits) -> Api:
    """The entry of this bot, opened once more with other bounds."""
    assert world.bot is not None
    assert world.bot.api is not None
    await world.bot.api.stop()
    world.bot.api.limits = limits
    await world.bot.api.start()
    return Api(world)


async def raw(api: Api, sent: str = "") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(api.url.rpartition(":")[2]))
    writer.write(sent.encode())
    await writer.drain()
    return reader, writer


async def end_of(reader: asyncio.StreamReader) -> bytes:
    """Everything up to the close."""
    try:
        return await asyncio.wait_for(reader.read(), 5)
    except ConnectionResetError:
        return b""


@pytest.mark.parametrize(
    ("sent", "told"),
    [("", b""), ("GET /api/v1/req", b""), (HEAD.format(DEPLOY) + '{"disks"', b"too-slow")],
    ids=["nothing", "half a head", "half a body"],
)
async def test_a_connection_that_does_not_get_on_is_closed(world: World, sent: str, told: bytes) -> None:
    api = await bounded(world, Limits(head=0.3, body=0.3, idle=0.3))
    reader, writer = await raw(api, sent)
    assert told in await end_of(reader)
    writer.close()


async def test_strangers_who_hold_every_connection_keep_no_program_out(world: World) -> None:
    api = await bounded(world, Limits(most=5, body=30.0))
    held = [await raw(api, sent) for sent in 5 * ["", HEAD.format(STRANGER[:-1])]]
    assert (await asyncio.wait_for(api.ask(disks=["web-01-data"]), 5)).status_code == 201
    for _, writer in held:
        writer.close()


async def test_what_is_no_http_is_one_line_without_what_came(world: World, caplog: pytest.LogCaptureFixture) -> None:
    api = Api(world)
    for _ in range(5):
        reader, writer = await raw(api, HEAD.format(DEPLOY).replace("1000", "-5"))
        await end_of(reader)
        writer.close()
    told = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert [one.message for one in told] == ["connections to the entry for programs that spoke no HTTP were closed"]
    assert told[0].exc_info is None


async def test_several_tokens_in_one_request_are_none(world: World) -> None:
    headers = (
        f"GET /api/v1/requests/r-1 HTTP/1.1\r\nHost: bot\r\nConnection: close\r\nAuthorization: Bearer {DEPLOY}\r\n"
    )
    reader, writer = await raw(Api(world), f"{headers}Authorization: Bearer {READER}\r\n\r\n")
    assert (await end_of(reader)).startswith(b"HTTP/1.1 401 ")
    writer.close()


@pytest.mark.parametrize(
    ("content", "headers", "answer"),
    [
        (b" " * 2_000_000, {}, (413, "too-large")),
        (b"\x1f\x8b\x08\x00", {"Content-Encoding": "gzip"}, (400, "unreadable")),
        (b'{"disks": ["\\ud800"]}', {}, (422, "invalid")),
        (b'{"disks": ["a"], "keep": 1e400}', {}, (422, "invalid")),
        (b'{"disks": ["a"], "keep": ' + b"9" * 5_000 + b"}", {}, (400, "unreadable")),
        (b'{"disks": ["a"], "keep": NaN}', {}, (422, "invalid")),
        (b'{"disks": ["a"], "keep": true}', {}, (422, "invalid")),
        (b'{"disks": {"a": 1}}', {}, (422, "invalid")),
        (b'{"disks": [["a"]]}', {}, (422, "invalid")),
        (b'{"verb": null, "disks": ["a"]}', {}, (422, "invalid")),
        (b'{"\\u0000": 1, "disks": ["a"]}', {}, (422, "invalid")),
        (b'\xef\xbb\xbf{"disks": ["a"]}', {}, (400, "unreadable")),
    ],
)
async def test_an_odd_body_is_refused_for_what_it_is(
    world: World, content: bytes, headers: dict[str, str], answer: tuple[int, str], caplog: pytest.LogCaptureFixture
) -> None:
    headers = {"Content-Type": "application/json", **headers}
    response = await Api(world).call("POST", "/requests", key="k", content=content, headers=headers)
    assert problem(response) == answer
    assert "no such call" not in response.text
    assert [one for one in caplog.records if one.levelno >= logging.WARNING] == []
