"""A create is sent once, in time or not at all, and an uncertain end says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest

from bot.domain.errors import CloudRefused, CloudUnavailable, DiskBusy, SentTooLate, Throttled
from bot.evs.cloud import HttpCloud
from tests.evs.conftest import Build
from tests.fakes.scripted_cloud import (
    DISK,
    JOB,
    PROJECT_ID,
    SNAPSHOT,
    TICKET,
    FakeClock,
    Reply,
    ScriptedCloud,
    a_snapshot,
    an_access_key,
    evs_error,
    gateway_error,
)

SOON = 300.0


async def test_a_create_is_the_documented_one(cloud: HttpCloud, server: ScriptedCloud) -> None:
    server.on("POST", "/snapshots", Reply(202, TICKET))
    order = a_snapshot(name="nightly", tags={"snapshot-bot-request": "i1"}, incremental=False)
    ticket = await cloud.project("web").create_standard_snapshot(order, send_before=SOON)
    asked = server.asked("/snapshots")[0]
    assert (asked.method, asked.path) == ("POST", f"/v5/{PROJECT_ID}/snapshots")
    assert asked.json == {
        "snapshot": {
            "volume_id": DISK,
            "name": "nightly",
            "tags": {"snapshot-bot-request": "i1"},
            "incremental": False,
        }
    }
    assert asked.headers["Content-Type"] == "application/json"
    assert asked.headers["X-Language"] == "en-us"
    assert asked.headers["Accept-Encoding"] == "identity"
    assert asked.headers["User-Agent"].startswith("snapshot-bot/")
    assert (ticket.job_id, ticket.snapshot_id) == (JOB, SNAPSHOT)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(end="drop"),
        Reply(500),
        evs_error(500, "EVS.2001"),
        Reply(502, b"<html>"),
        gateway_error(504, "APIGW.0201", "Backend timeout."),
        Reply(503),
        Reply(202, b""),
        Reply(202, b'{"job_id": "j", "snaps'),
        Reply(202, {"job_id": JOB}),
        Reply(202, [1]),
        Reply(302, b"", {"Location": "/elsewhere"}),
        Reply(202, b" " * (8 * 1024 * 1024 + 1)),
    ],
    ids=lambda reply: f"{reply.status} {reply.end} {str(reply.body)[:20]}",
)
async def test_an_uncertain_create_is_sent_once_and_says_maybe(
    cloud: HttpCloud, server: ScriptedCloud, reply: Reply
) -> None:
    server.on("POST", "/snapshots", reply)
    with pytest.raises(CloudUnavailable) as caught:
        await cloud.project("web").create_standard_snapshot(a_snapshot(), send_before=SOON)
    assert caught.value.maybe_done
    assert len(server.asked("/snapshots")) == 1
    assert len(server.seen) == 2


async def test_a_create_that_outlasts_the_deadline_may_have_been_done(build: Build, server: ScriptedCloud) -> None:
    server.on("POST", "/snapshots", Reply(end="hang"))
    evs = build(an_access_key(), deadline_s=0.4).project("web")
    with pytest.raises(CloudUnavailable, match=r"no answer within 0.4 s") as caught:
        await evs.create_standard_snapshot(a_snapshot(), send_before=SOON)
    assert caught.value.maybe_done


async def test_a_deadline_that_passes_while_waiting_for_a_token_leaves_nothing_open(
    build: Build, server: ScriptedCloud
) -> None:
    server.on("POST", "/v3/auth/tokens", Reply(end="hang"))
    evs = build(deadline_s=0.1).project("web")
    with pytest.raises(CloudUnavailable) as caught:
        await evs.create_standard_snapshot(a_snapshot(), send_before=SOON)
    assert not caught.value.maybe_done


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://nowhere.invalid", "ftp://127.0.0.1"])
async def test_what_never_connected_was_not_done(build: Build, url: str) -> None:
    evs = build(an_access_key(), url=url).project("web")
    with pytest.raises(CloudUnavailable, match="nothing was sent") as caught:
        await evs.create_standard_snapshot(a_snapshot(), send_before=SOON)
    assert not caught.value.maybe_done


@pytest.mark.parametrize(
    ("failure", "maybe_done"),
    [
        (httpx.ConnectError, False),
        (httpx.ConnectTimeout, False),
        (httpx.PoolTimeout, False),
        (httpx.ProxyError, False),
        (httpx.ReadTimeout, True),
        (httpx.WriteTimeout, True),
        (httpx.ReadError, True),
        (httpx.WriteError, True),
        (httpx.RemoteProtocolError, True),
        (httpx.DecodingError, True),
    ],
)
async def test_each_broken_exchange_says_whether_it_may_have_been_done(
    build: Build, failure: Callable[[str], Exception], maybe_done: bool
) -> None:
    async def fail(request: httpx.Request) -> httpx.Response:
        raise failure("on the way")

    evs = build(an_access_key(), transport=httpx.MockTransport(fail)).project("web")
    with pytest.raises(CloudUnavailable) as caught:
        await evs.create_standard_snapshot(a_snapshot(), send_before=SOON)
    assert caught.value.maybe_done is maybe_done


async def test_a_throttled_create_was_not_done(cloud: HttpCloud, server: ScriptedCloud) -> None:
    server.on("POST", "/snapshots", Reply(429, {"error_code": "APIGW.0308", "error_msg": ""}, {"Retry-After": "9"}))
    with pytest.raises(Throttled) as caught:
        await cloud.project("web").create_standard_snapshot(a_snapshot(), send_before=SOON)
    assert (caught.value.maybe_done, caught.value.retry_after) == (False, 9.0)
    assert len(server.asked("/snapshots")) == 1


@pytest.mark.parametrize("status", [400, 409])
async def test_a_busy_disk_is_told_with_the_clouds_request_id(
    cloud: HttpCloud, server: ScriptedCloud, status: int
) -> None:
    server.on("POST", "/snapshots", evs_error(status, "EVS.2409"))
    with pytest.raises(DiskBusy) as caught:
        await cloud.project("web").create_standard_snapshot(a_snapshot(), send_before=SOON)
    assert caught.value.request_id == "req-1"


async def test_a_missing_permission_names_it(cloud: HttpCloud, server: ScriptedCloud) -> None:
    server.on("POST", "/snapshots", evs_error(403, "EVS.5403"))
    with pytest.raises(CloudRefused, match="evs:snapshots:create"):
        await cloud.project("web").create_standard_snapshot(a_snapshot(), send_before=SOON)


async def test_after_its_moment_nothing_is_sent_at_all(cloud: HttpCloud, server: ScriptedCloud) -> None:
    with pytest.raises(SentTooLate) as caught:
        await cloud.project("web").create_standard_snapshot(a_snapshot(), send_before=-1.0)
    assert (caught.value.maybe_done, server.seen) == (False, [])


class SlowToConnect(httpx.AsyncHTTPTransport):
    """An hour passes while the connection is made."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        told = request.extensions["trace"]

        async def trace(event: str, info: Mapping[str, Any]) -> None:
            if event == "connection.connect_tcp.complete":
                self._clock.time += timedelta(hours=1)
            await told(event, info)

        request.extensions["trace"] = trace
        return await super().handle_async_request(request)


async def test_the_moment_is_looked_at_again_before_the_first_byte(build: Build, clock: FakeClock) -> None:
    arrived: asyncio.Queue[bytes] = asyncio.Queue()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await arrived.put(await reader.read())
        writer.close()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        evs = build(an_access_key(), url=url, transport=SlowToConnect(clock)).project("web")
        with pytest.raises(SentTooLate) as caught:
            await evs.create_standard_snapshot(a_snapshot(), send_before=SOON)
        assert not caught.value.maybe_done
        assert await asyncio.wait_for(arrived.get(), 5) == b""
