"""Programs that are hostile, slow or odd at the HTTP entry: what they can take of it, and what is told of them."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator

import pytest

from bot.connections import Limits
from bot.simulator.setting import Setting
from tests.e2e.conftest import FastClock, World
from tests.e2e.test_programs import CHANNEL_ID, DEPLOY, READER, STRANGER, Api, opened, problem

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
        (b'{"disks": ["a"], "disks": ["b"]}', {}, (400, "unreadable")),
        (b'{"disks": ["a"], "tags": {"k": "1", "k": "2"}}', {}, (400, "unreadable")),
        (b'{"\\ud800": 1, "disks": ["a"]}', {}, (422, "invalid")),
        (b'{"a":' * 9_000 + b"1" + b"}" * 9_000, {}, (400, "unreadable")),
        (
            '{"disks": ["a"]}'.encode("utf-16"),
            {"Content-Type": "application/json; charset=utf-16"},
            (400, "unreadable"),
        ),
        (
            '{"disks": ["é"]}'.encode("latin-1"),
            {"Content-Type": "application/json; charset=latin-1"},
            (400, "unreadable"),
        ),
        (b'{"disks": ["a"]}', {"Content-Type": "application/json, text/plain"}, (415, "unreadable")),
        (b'{"disks": ["a"], "tags": {"k": "a\\u0000"}}', {}, (422, "invalid")),
        (b'{"disks": ["a"], "enterprise_project_id": "\\u0000"}', {}, (422, "invalid")),
        (b'{"disks": ["a"], "again_of": "r-1"}', {}, (422, "invalid")),
        (b'{"disks": ["a"], "channel": "D0ALICE001"}', {}, (422, "invalid")),
        (b'{"disks": ["a"], "channel": "U0ALICE001"}', {}, (422, "invalid")),
        (b'{"disks": ["a"], "channel": "C0INCDEMO1\\n"}', {}, (422, "invalid")),
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


@pytest.mark.parametrize(
    "run_url",
    [
        "https://ci.example/\u0000",
        "https://ci.example/\u202eabc",
        "https://ci.example/\u001b[31m",
        "https://cі.example/x",  # the і is Cyrillic
        "https://ci.example/a|b",
        "https://ci.example/><!channel>",
        "https://ci.example:99999/",
        "https://[::1",
        "https://",
        "http://ci.example/",
        "https://a:b@ci.example/",
    ],
)
async def test_an_address_of_a_run_that_is_no_plain_one_is_refused(world: World, run_url: str) -> None:
    response = await Api(world).ask(disks=["web-01-data"], run_url=run_url)
    assert problem(response) == (422, "invalid")
    assert [one["field"] for one in response.json()["errors"]] == ["run_url"]


async def test_hostile_words_are_words_in_every_message_and_in_no_line_of_the_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    word = "<!channel> *b* `c` \u0000\u202e <https://evil.example|x> \ue000@U0ALICE001\ue001 &lt; secret-word"
    asked = await Api(world).ask(
        disks=["web-01-data"],
        reason=word,
        name="n-`secret-word`",
        description=word,
        run_url="https://ci.example/secret-word",
    )
    assert asked.status_code == 201, asked.text
    request = asked.json()["id"]
    root = await world.finished(request)
    for one in (root, *world.replies(request, "receipt"), *world.replies(request, "accepted")):
        for shown in (one.text, str(one.blocks)):
            assert "<!channel>" not in shown and "<https://evil" not in shown and "<@U0ALICE001>" not in shown
            assert "\u202e" not in shown and "\x00" not in shown
    assert world.slack_complaints() == []
    told = "\n".join(str(vars(one)) for one in caplog.records if one.name.startswith("bot"))
    assert "program asked" in told
    assert "secret-word" not in told and DEPLOY not in told
    assert world.bot is not None
    rows = await world.bot.store.audit_page(None)
    assert "secret-word" not in str(rows) and DEPLOY not in str(rows)
    assert {row["actor"] for row in rows if row["action"] == "create"} == {"token:deploy"}


def head(method: str, path: str, *more: str) -> str:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: bot", f"Authorization: Bearer {DEPLOY}", *more, "", ""])


ASK = head("POST", "/api/v1/requests", "Connection: close", "Content-Type: application/json", "{}", "Content-Length: 2")
GARBLED = {
    "two lengths": ASK.format("Idempotency-Key: k\r\nContent-Length: 5") + "{}",
    "length and chunks": ASK.format("Transfer-Encoding: chunked") + "{}",
    "unknown coding": ASK.format("Transfer-Encoding: xchunked").replace("Content-Length: 2\r\n", ""),
    "folded": ASK.format("X: a\r\n b"),
    "bare line feeds": ASK.format("X: a").replace("\r\n", "\n"),
    "no method": ASK.format("X: a").replace("POST", "P\0ST"),
    "no host": ASK.format("X: a").replace("Host: bot\r\n", ""),
    "a line too long": ASK.format(f"X: {'a' * 9_000}"),
    "too many lines": ASK.format("\r\n".join(f"X-{number}: a" for number in range(3_000))),
    "a path too long": ASK.format("X: a").replace("/requests", f"/requests/{'a' * 9_000}"),
    "chunks of no length": head("POST", "/api/v1/requests", "Transfer-Encoding: chunked") + "zz\r\n{}\r\n",
    "another protocol": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


@pytest.mark.parametrize("sent", GARBLED.values(), ids=GARBLED.keys())
async def test_what_is_no_http_is_answered_without_a_word_of_it(
    world: World, sent: str, caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = await raw(Api(world), sent)
    answer = await end_of(reader)
    assert answer.startswith((b"HTTP/1.0 400 ", b"HTTP/1.1 4")), answer
    for word in (DEPLOY.encode(), b"aaaa", b"Bearer", b"Content-Length: 5"):
        assert word not in answer
    assert DEPLOY not in caplog.text
    writer.close()


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/api/v1/requests/%00", (404, "unknown-id")),
        ("/api/v1/requests/%ED%A0%80", (404, "unknown-id")),
        ("/api/v1/requests/%FF", (404, "unknown-id")),
        ("/api/v1/requests/a%2F..%2Fb", (404, "unknown-id")),
        ("/api/v1/requests/%2e%2e", (404, "unknown-id")),
        ("/api/v1/requests/../openapi.json", (404, "no-such-path")),
        ("//api/v1/requests/r-1", (404, "no-such-path")),
        ("/healthz", (404, "no-such-path")),
        ("/metrics", (404, "no-such-path")),
        ("/api/v1/requests/r-1?wait=%D9%A1", (400, "invalid")),
        ("/api/v1/requests/r-1?wait=1e9", (400, "invalid")),
        ("/api/v1/requests/r-1?wait=nan", (400, "invalid")),
    ],
)
async def test_an_odd_path_leads_nowhere(world: World, path: str, answer: tuple[int, str]) -> None:
    reader, writer = await raw(Api(world), head("GET", path, "Connection: close"))
    top, _, body = (await end_of(reader)).partition(b"\r\n\r\n")
    told = json.loads(body)
    assert (int(top.split()[1]), told["rule"]) == answer
    writer.close()


async def test_several_keys_are_none(world: World) -> None:
    both = ASK.format("Idempotency-Key: a\r\nIdempotency-Key: b").replace("Length: 2", "Length: 21")
    reader, writer = await raw(Api(world), f'{both}{{"disks": ["a-disk"]}}')
    assert b"no-idempotency-key" in await end_of(reader)
    writer.close()


async def test_requests_in_one_segment_are_answered_in_their_order_and_each_by_its_own_token(world: World) -> None:
    first = head("GET", "/api/v1/requests/r-1")
    second = head("GET", "/api/v1/openapi.json")
    third = head("GET", "/api/v1/requests/r-3", "Connection: close").replace(
        DEPLOY, "another-token-that-nobody-has-at-all"
    )
    reader, writer = await raw(Api(world), first + second + third)
    said = await end_of(reader)
    assert [int(one[:3]) for one in said.split(b"HTTP/1.1 ")[1:]] == [404, 200, 401]
    writer.close()


async def test_a_body_that_comes_in_many_small_chunks_is_one_body(world: World) -> None:
    sent = json.dumps({"disks": ["web-01-data"], "channel": CHANNEL_ID})
    lines = ("Connection: close", "Content-Type: application/json", "Idempotency-Key: k", "Transfer-Encoding: chunked")
    reader, writer = await raw(Api(world), head("POST", "/api/v1/requests", *lines))
    for letter in sent:
        writer.write(f"1\r\n{letter}\r\n".encode())
        await writer.drain()
    writer.write(b"0\r\n\r\n")
    assert (await end_of(reader)).startswith(b"HTTP/1.1 201 ")
    writer.close()


async def test_ten_megabytes_are_refused_before_they_are_held(world: World) -> None:
    """By their length where it is said, and else once there are too many."""
    for content in (b" " * 10_000_000, chunks()):
        headers = {"Content-Type": "application/json"}
        response = await Api(world).call("POST", "/requests", key="k", content=content, headers=headers)
        assert problem(response) == (413, "too-large")


async def chunks() -> AsyncIterator[bytes]:
    for _ in range(1_000):
        yield b" " * 10_000


@pytest.mark.parametrize("path", ["/api/v1/requests", "/api/v1/openapi.json", "/api/v1/nothing"])
async def test_an_expectation_that_nobody_knows_is_answered_as_any_other_refusal(world: World, path: str) -> None:
    """By aiohttp alone, before a token was looked at; what came with it is not said again."""
    api = Api(world)
    reader, writer = await raw(
        api, f"POST {path} HTTP/1.1\r\nHost: bot\r\nExpect: a-miracle\r\nContent-Length: 2\r\n\r\n{{}}"
    )
    head, _, body = (await end_of(reader)).partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    assert lines[0] == "http/1.1 417 expectation failed"
    for line in ("content-type: application/problem+json; charset=utf-8", "cache-control: no-store"):
        assert line in lines
    assert f"content-length: {len(body)}" in lines
    told = json.loads(body)
    assert (told["status"], told["rule"], "100-continue" in told["detail"]) == (417, "unreadable", True)
    assert b"miracle" not in head + body
    writer.close()


async def test_a_program_that_waits_to_be_asked_for_its_body_is_asked(world: World) -> None:
    api, body = Api(world), json.dumps({"disks": ["spare-disk"], "channel": CHANNEL_ID})
    waits = HEAD.format(DEPLOY).replace("Content-Length: 1000", f"Expect: 100-Continue\r\nContent-Length: {len(body)}")
    reader, writer = await raw(api, waits)
    assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5) == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(body.encode())
    assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 201 ")
    writer.close()
