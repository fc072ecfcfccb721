"""The request URL seen from a socket: what a stranger can take of it, and that Slack is answered all the while."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.response import BoltResponse
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from bot import connections
from bot.connections import USUAL, Limits, Tally
from bot.slack.bolt import build_bolt
from bot.slack.command_road import CommandRoad
from bot.slack.http.request_url import BODY_BYTES, HttpEntry
from bot.slack.origin import Origin
from bot.slack.payloads import Identity, SlashCommand, Unreadable, is_ours, read
from tests.slack.test_bolt_traps import FORM, SECRET, TOKEN, recorded

OURS = {**recorded("api/auth.test")["bot"], "app_id": "A0SNAPAPP1"}
QUICK = Limits(head=0.4, body=0.4, idle=0.4)
Start = Callable[..., Awaitable[HttpEntry]]


class Heard:
    """What reached the listeners."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.hold = asyncio.Event()
        self.hold.set()

    async def remember(self, ack: AsyncAck, sent: SlashCommand) -> None:
        self.texts.append(sent.text)
        await self.hold.wait()
        await ack("heard")

    async def refuse(self, error: Exception, _body: dict[str, Any], ack: AsyncAck) -> BoltResponse:
        assert isinstance(error, Unreadable)
        return await ack("unreadable")

    def entry(self, limits: Limits) -> HttpEntry:
        origin = Origin(read(Identity, OURS))
        app = build_bolt(AsyncWebClient(base_url="http://127.0.0.1:1/api/"), TOKEN, SECRET, origin)
        road = CommandRoad("/snapshot", origin, self.remember, self.refuse)
        return HttpEntry(app, road, SECRET, 0, "127.0.0.1", limits)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
async def start(heard: Heard) -> AsyncIterator[Start]:
    entries: list[HttpEntry] = []

    async def start(limits: Limits = USUAL) -> HttpEntry:
        entry = heard.entry(limits)
        await entry.start()
        entries.append(entry)
        return entry

    yield start
    for entry in entries:
        await entry.stop()


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    at = str(int(time.time()))
    signature = SignatureVerifier(secret).generate_signature(timestamp=at, body=body)
    return {"Content-Type": FORM, "X-Slack-Request-Timestamp": at, "X-Slack-Signature": signature or ""}


def command(text: str, **fields: str) -> bytes:
    return urlencode({**recorded("slash_command.form")["fields"], "text": text, **fields}).encode()


async def post(entry: HttpEntry, body: bytes, headers: dict[str, str], path: str = "/slack/events") -> tuple[int, str]:
    async with aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{entry.port}{path}"
        async with http.post(url, data=io.BytesIO(body), headers=headers) as answer:
            return answer.status, await answer.text()


def head(length: int | str, headers: dict[str, str] | None = None, path: str = "/slack/events") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: bot", f"Content-Length: {length}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def raw(entry: HttpEntry) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", entry.port)


async def closed(reader: asyncio.StreamReader, within_s: float = 3.0) -> bool:
    """Whether the server ends the connection in that time."""
    try:
        async with asyncio.timeout(within_s):
            while await reader.read(65_536):
                pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


# --- nothing is read of what nobody signed ----------------------------------------------------------------------------


async def test_a_body_that_is_not_signed_is_refused_before_a_byte_of_it_came(start: Start) -> None:
    reader, writer = await raw(await start())
    writer.write(head(BODY_BYTES, {"Content-Type": FORM}))
    answer = await asyncio.wait_for(reader.readline(), 2)
    assert b"401" in answer
    assert await closed(reader)
    writer.close()


@contextmanager
def longest_pause() -> Iterator[list[float]]:
    """The longest time in seconds that the loop did nothing else."""
    loop, longest = asyncio.get_running_loop(), [0.0]

    async def tick() -> None:
        last = loop.time()
        while True:
            await asyncio.sleep(0)
            longest[0] = max(longest[0], loop.time() - last)
            last = loop.time()

    task = loop.create_task(tick())
    yield longest
    task.cancel()


@pytest.mark.parametrize("form", [b"&a=", b"a=b&", b"payload=%7B", b"{", b"%41"])
async def test_a_megabyte_with_a_bad_signature_is_never_parsed(
    start: Start, form: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parsed(*_: object, **__: object) -> None:
        raise AssertionError("it was parsed")

    monkeypatch.setattr("bot.slack.http.request_url.read_request", parsed)
    body = (form * (BODY_BYTES // len(form)))[:BODY_BYTES]
    entry = await start()
    with longest_pause() as longest:
        assert (await post(entry, body, signed(body, "another secret")))[0] == 401
    assert longest[0] < 0.1


async def test_what_is_signed_is_the_bytes_as_they_were_sent(start: Start, heard: Heard) -> None:
    body = command("status")
    packed = gzip.compress(body)
    entry = await start()
    # The signature of what would come out of it is none of what was sent.
    assert (await post(entry, packed, {**signed(body), "Content-Encoding": "gzip"}))[0] == 401
    bomb = gzip.compress(b"&a=" * 30_000_000)
    assert (await post(entry, bomb, {**signed(b"&a="), "Content-Encoding": "gzip"}))[0] == 401
    spaced = command("status") + b"&x=%20+%c3%a9"
    assert (await post(entry, spaced, signed(spaced))) == (200, "heard")
    broken = command("status") + b"&x=\xff"
    headers = {**signed(b""), "X-Slack-Signature": "v0=" + "0" * 64}
    assert (await post(entry, broken, headers))[0] in (400, 401)
    assert heard.texts == ["status"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Slack-Signature", ""),
        ("X-Slack-Signature", "v0=" + "0" * 63),
        ("X-Slack-Signature", "v1=" + "0" * 64),
        ("X-Slack-Signature", "v0=" + "é" * 64),
        ("X-Slack-Signature", "v0=" + "F" * 64),
        ("X-Slack-Request-Timestamp", "²"),
        ("X-Slack-Request-Timestamp", "-1"),
    ],
)
async def test_a_signature_that_is_none_is_refused(start: Start, heard: Heard, name: str, value: str) -> None:
    body = command("status")
    reader, writer = await raw(await start())
    headers = {**signed(body), name: value}
    writer.write(head(len(body)).replace(b"\r\n\r\n", b"\r\n"))
    writer.write("".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode() + b"\r\n" + body)
    assert b"401" in await asyncio.wait_for(reader.readline(), 2)
    writer.close()
    assert heard.texts == []


async def test_a_header_that_comes_twice_is_no_signature(start: Start, heard: Heard) -> None:
    body = command("status")
    reader, writer = await raw(await start())
    once = head(len(body), signed(body))
    writer.write(once.replace(b"X-Slack-Signature", b"X-Slack-Signature: v0=0\r\nX-Slack-Signature") + body)
    assert b"401" in await asyncio.wait_for(reader.readline(), 2)
    writer.close()
    assert heard.texts == []


async def test_other_addresses_and_methods_and_sizes_are_refused(start: Start) -> None:
    entry = await start()
    body = command("status")
    assert (await post(entry, body, signed(body), "/"))[0] == 404
    assert (await post(entry, body, signed(body), "/slack/events/"))[0] == 404
    large = b"a" * (BODY_BYTES + 1)
    assert (await post(entry, large, signed(large)))[0] == 413
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{entry.port}/slack/events") as answer:
        assert answer.status == 405


async def test_a_body_without_a_length_is_bounded_too(start: Start) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"a" * 65_536

    async with aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{(await start()).port}/slack/events"
        async with http.post(url, data=endless(), headers=signed(b"a")) as answer:
            assert answer.status == 413


# --- nobody keeps a connection for nothing ----------------------------------------------------------------------------

HALF = [b"", b"POST", b"POST /slack/events HTTP/1.1\r\nHost: bot\r\n", head(10, {"X-Slack-Signature": "v0="})[:-2]]


@pytest.mark.parametrize("said", HALF)
async def test_half_open_connections_are_closed_and_slack_is_answered_meanwhile(
    start: Start, heard: Heard, said: bytes
) -> None:
    entry = await start(QUICK)
    streams = [await raw(entry) for _ in range(60)]
    for _, writer in streams:
        writer.write(said)
    body = command("status")
    assert await post(entry, body, signed(body)) == (200, "heard")
    assert all(await asyncio.gather(*(closed(reader) for reader, _ in streams)))
    for _, writer in streams:
        writer.close()
    await until(lambda: len(entry.connections) == 0)


async def test_a_byte_now_and_then_does_not_keep_a_connection_open(start: Start) -> None:
    entry = await start(QUICK)
    reader, writer = await raw(entry)

    async def dribble() -> None:
        for byte in head(10, {"X-Padding": "a" * 400}):
            writer.write(bytes([byte]))
            await asyncio.sleep(0.05)

    dribbling = asyncio.create_task(dribble())
    assert await closed(reader, 2)
    dribbling.cancel()
    await asyncio.gather(dribbling, return_exceptions=True)
    writer.close()


async def test_a_body_that_does_not_come_is_not_waited_for(start: Start) -> None:
    entry = await start(QUICK)
    body = command("status")
    reader, writer = await raw(entry)
    writer.write(head(len(body), signed(body)) + body[:-5])
    assert b"408" in await asyncio.wait_for(reader.readline(), 2)
    assert await closed(reader)
    writer.close()


async def test_a_connection_is_used_again_and_closed_when_it_is_idle(start: Start, heard: Heard) -> None:
    entry = await start(QUICK)
    reader, writer = await raw(entry)
    for text in ("one", "two"):
        body = command(text)
        writer.write(head(len(body), signed(body)) + body)
        answer = await asyncio.wait_for(reader.readuntil(b"heard"), 2)
        assert b" 200 " in answer
        await asyncio.sleep(0.2)
    assert heard.texts == ["one", "two"]
    assert await closed(reader, 2)
    writer.close()


async def test_what_is_being_answered_is_not_hurried(start: Start, heard: Heard) -> None:
    entry = await start(QUICK)
    heard.hold.clear()
    body = command("slow")
    answer = asyncio.create_task(post(entry, body, signed(body)))
    await until(lambda: heard.texts == ["slow"])
    await asyncio.sleep(1.0)
    heard.hold.set()
    assert await answer == (200, "heard")


async def test_connections_are_bounded_and_the_oldest_that_waits_makes_room(
    start: Start, heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    entry = await start(Limits(most=5))
    heard.hold.clear()
    body = command("slow")
    answered = asyncio.create_task(post(entry, body, signed(body)))
    await until(lambda: heard.texts == ["slow"])
    streams = [await raw(entry) for _ in range(30)]
    await until(lambda: len(entry.connections) == 5)
    body = command("in between")
    heard.hold.set()
    assert await answered == (200, "heard")
    assert await post(entry, body, signed(body)) == (200, "heard")
    assert len(entry.connections) <= 5
    assert [one.message for one in caplog.records if "too many" in one.message] == [
        "connections to the request url were closed because there were too many"
    ]
    for _, writer in streams:
        writer.close()


async def test_whoever_announces_bodies_and_sends_none_keeps_nobody_out(
    start: Start, heard: Heard, caplog: pytest.LogCaptureFixture
) -> None:
    """A signature that looks like one, and a body that never comes: nobody can know yet that it is not Slack's."""
    entry = await start(Limits(most=5, body=30.0))
    streams = [await raw(entry) for _ in range(5)]
    for _, writer in streams:
        writer.write(head(1_000, signed(b"x", "another secret")) + b"text=")
        await writer.drain()
    await until(lambda: len(entry.connections) == 5)
    body = command("let me in")
    for _ in range(3):
        assert await asyncio.wait_for(post(entry, body, signed(body)), 2) == (200, "heard")
    assert len(entry.connections) <= 5
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []
    for _, writer in streams:
        writer.close()


async def test_a_stop_does_not_wait_for_half_open_connections(start: Start) -> None:
    entry = await start()
    streams = [await raw(entry) for _ in range(20)]
    await until(lambda: len(entry.connections) == 20)
    async with asyncio.timeout(4):
        await entry.stop()
    assert all([await closed(reader) for reader, _ in streams])
    for _, writer in streams:
        writer.close()


# --- a bad signature is told, and not once for each -------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: b\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
        head("-5"),
        head("1\r\nContent-Length: 2"),
        head(1, {"X": "\x1b[2J secret words", "Transfer-Encoding": "chunked"}),
    ],
)
async def test_what_is_no_http_is_one_line_a_minute_without_what_came(
    start: Start, caplog: pytest.LogCaptureFixture, sent: bytes
) -> None:
    entry = await start()
    for _ in range(20):
        reader, writer = await raw(entry)
        writer.write(sent)
        assert await closed(reader)
        writer.close()
    (told,) = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert (told.levelno, told.message) == (
        logging.WARNING,
        "connections to the request url that spoke no HTTP were closed",
    )
    assert told.exc_info is None and entry.failures["no HTTP"] == 20


async def test_bad_signatures_are_counted_and_logged_once_a_minute(
    start: Start, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "TOLD_EVERY_SECONDS", 0.5)
    caplog.set_level(logging.INFO)
    entry = await start()
    body = command("the secret words of somebody")

    def told() -> list[int]:
        return [one.count for one in caplog.records if hasattr(one, "count")]

    for _ in range(30):
        assert (await post(entry, body, signed(body, "another secret")))[0] == 401
    assert told()[0] == 1
    await until(lambda: sum(told()) == 30)
    assert len(told()) <= 4
    assert entry.unsigned.total == 30
    assert "secret words" not in caplog.text and "v0=" not in caplog.text


async def test_a_tally_is_silent_while_there_is_nothing_to_tell(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "TOLD_EVERY_SECONDS", 0.05)
    tally = Tally("something happened")
    tally.count()
    await asyncio.sleep(0.2)
    tally.count()
    tally.count()
    tally.stop()
    assert [one.count for one in caplog.records if hasattr(one, "count")] == [1, 1, 1]


# --- for another app or workspace -------------------------------------------------------------------------------------

ELSEWHERE: list[tuple[str, dict[str, Any]]] = [
    ("event.app_mention", {"team_id": "T0OTHER001", "authorizations": [], "context_team_id": None}),
    ("event.app_mention", {"api_app_id": "A0OTHER001"}),
    ("block_actions.message", {"team": {"id": "T0OTHER001"}}),
    ("block_actions.message", {"api_app_id": "A0OTHER001"}),
    ("block_actions.message", {"team": None}),
    ("block_actions.message", {"team": ["T0HARBOR01"]}),
    ("block_actions.message", {"team": {"id": ["T0HARBOR01"]}}),
    ("shortcut.global", {"team": {"id": "T0OTHER001"}}),
    ("view_submission", {"team": {"id": "T0OTHER001"}, "view": {"app_installed_team_id": "T0OTHER001"}}),
]


@pytest.mark.parametrize(("name", "other"), ELSEWHERE)
async def test_a_well_signed_delivery_for_another_app_or_workspace_is_refused(
    start: Start, name: str, other: dict[str, Any]
) -> None:
    entry = await start()
    body = {**recorded(name), **other}
    sent = json.dumps(body).encode() if name.startswith("event") else urlencode({"payload": json.dumps(body)}).encode()
    assert (await post(entry, sent, signed(sent)))[0] == 401


@pytest.mark.parametrize("field", [{"team_id": "T0OTHER001"}, {"team_id": ""}, {"api_app_id": "A0OTHER001"}])
async def test_a_well_signed_command_from_elsewhere_does_nothing(
    start: Start, heard: Heard, field: dict[str, str]
) -> None:
    body = command("status", **field)
    assert (await post(await start(), body, signed(body)))[0] == 401
    assert heard.texts == []


ORGANISATION = {**OURS, "team_id": "T0ANCHOR01", "is_enterprise_install": True, "enterprise_id": "E0GRIDORG1"}


@pytest.mark.parametrize(
    ("name", "identity", "change"),
    [
        # People of other organisations come under the workspace the app is installed in.
        ("event.app_mention.external_user", OURS, {}),
        ("block_actions.external_user", OURS, {}),
        # In a shared channel an event may name where it happened; whose installation hears it stands beside it.
        ("event.app_mention", OURS, {"team_id": "T0PARTNER9"}),
        ("event.app_mention", {**OURS, "app_id": None}, {"api_app_id": "A0OTHER001"}),
        ("shortcut.global", OURS, {}),
        ("view_submission", OURS, {"team": None, "view": {"app_installed_team_id": "T0HARBOR01"}}),
        ("view_submission", ORGANISATION, {"team": None, "enterprise": {"id": "E0GRIDORG1", "name": "Harbor"}}),
        ("event.app_mention", ORGANISATION, {"team_id": "T0HARBOR01", "enterprise_id": "E0GRIDORG1"}),
    ],
)
def test_what_slack_means_for_this_installation_is_taken(
    name: str, identity: dict[str, Any], change: dict[str, Any]
) -> None:
    assert is_ours({**recorded(name), **change}, read(Identity, identity))


def test_the_organisation_counts_for_an_app_of_the_organisation_alone() -> None:
    elsewhere = {"team_id": "T0OTHER001", "enterprise_id": "E0GRIDORG1"}
    assert is_ours(elsewhere, read(Identity, ORGANISATION))
    assert not is_ours(elsewhere, read(Identity, {**ORGANISATION, "is_enterprise_install": False}))
    assert not is_ours({"team_id": "T0OTHER001"}, read(Identity, {**ORGANISATION, "enterprise_id": None}))


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.01)
