"""Calls that only read are repeated a little, paced together, and bounded in every way."""

from __future__ import annotations

import asyncio
import gzip
import json
from datetime import timedelta

import pytest

from bot.domain.errors import CloudUnavailable, NotFound, Throttled
from bot.domain.snapshots import Disk
from bot.evs.client import EvsClient
from bot.evs.cloud import HttpCloud
from bot.ports.cloud import Cloud
from tests.evs.conftest import Build
from tests.fakes.scripted_cloud import (
    DISK,
    TICKET,
    FakeClock,
    Reply,
    ScriptedCloud,
    a_snapshot,
    an_access_key,
    evs_error,
    gateway_error,
)

FOUND = Reply(200, {"volume": {"id": DISK, "name": "data"}})
THROTTLE = gateway_error(429, "APIGW.0308")
SHOW = f"/{DISK}"


@pytest.mark.parametrize(
    "mishap",
    [
        Reply(end="drop"),
        Reply(500),
        Reply(503),
        Reply(200, b"<html>"),
        Reply(200, b'{"volu'),
        Reply(200, {"volume": 1}),
    ],
    ids=lambda reply: f"{reply.status} {reply.end} {reply.body}",
)
async def test_a_read_is_tried_three_times(
    cloud: HttpCloud, server: ScriptedCloud, clock: FakeClock, mishap: Reply
) -> None:
    server.on("GET", SHOW, mishap, mishap, FOUND)
    assert (await cloud.project("web").show_disk(DISK)).name == "data"
    assert clock.slept == [0.5, 2.0]


async def test_the_third_failure_is_told(cloud: HttpCloud, server: ScriptedCloud) -> None:
    server.on("GET", SHOW, Reply(503))
    with pytest.raises(CloudUnavailable) as caught:
        await cloud.project("web").show_disk(DISK)
    assert (len(server.asked(SHOW)), caught.value.status, caught.value.maybe_done) == (3, 503, False)


async def test_a_dropped_read_was_never_maybe_done(cloud: HttpCloud, server: ScriptedCloud) -> None:
    server.on("GET", SHOW, Reply(end="drop"))
    with pytest.raises(CloudUnavailable) as caught:
        await cloud.project("web").show_disk(DISK)
    assert not caught.value.maybe_done


async def test_a_refusal_is_not_repeated(cloud: HttpCloud, server: ScriptedCloud) -> None:
    server.on("GET", SHOW, evs_error(404, "EVS.5404"))
    with pytest.raises(NotFound):
        await cloud.project("web").show_disk(DISK)
    assert len(server.asked(SHOW)) == 1


async def test_a_hanging_read_ends_at_the_deadline(build: Build, server: ScriptedCloud) -> None:
    server.on("GET", SHOW, Reply(end="hang"))
    with pytest.raises(CloudUnavailable, match=r"no answer within 0.1 s"):
        await build(an_access_key(), deadline_s=0.1).project("web").show_disk(DISK)


async def test_over_8_mib_is_refused_and_not_loaded_again(cloud: HttpCloud, server: ScriptedCloud) -> None:
    padding = " " * (8 * 1024 * 1024)
    server.on("GET", SHOW, Reply(200, {"volume": {"id": DISK, "name": padding}}))
    with pytest.raises(CloudUnavailable, match="over 8 MiB"):
        await cloud.project("web").show_disk(DISK)
    assert len(server.asked(SHOW)) == 1


async def test_just_under_8_mib_is_read(cloud: HttpCloud, server: ScriptedCloud) -> None:
    server.on("GET", SHOW, Reply(200, {"volume": {"id": DISK, "name": "n" * (8 * 1024 * 1024 - 100)}}))
    assert isinstance(await cloud.project("web").show_disk(DISK), Disk)


async def test_redirects_are_not_followed(cloud: HttpCloud, server: ScriptedCloud) -> None:
    server.on("GET", SHOW, Reply(302, b"", {"Location": f"{server.url}/elsewhere"}))
    with pytest.raises(CloudUnavailable, match="check evs_endpoint"):
        await cloud.project("web").show_disk(DISK)
    assert server.asked("/elsewhere") == []


async def test_cookies_are_not_kept(cloud: HttpCloud, server: ScriptedCloud) -> None:
    server.on("GET", SHOW, Reply(200, FOUND.body, {"Set-Cookie": "a=b; Path=/"}))
    for _ in range(2):
        await cloud.project("web").show_disk(DISK)
    assert "Cookie" not in server.seen[-1].headers


@pytest.mark.parametrize("scheme", ["HTTP_PROXY", "ALL_PROXY"])
async def test_proxies_do_not_catch_loopback_addresses(
    build: Build, server: ScriptedCloud, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv(scheme, "http://127.0.0.1:1")
    server.on("GET", SHOW, FOUND)
    for url in (server.url, server.url.replace("127.0.0.1", "localhost")):
        assert (await build(an_access_key(), url=url).project("web").show_disk(DISK)).id == DISK


async def test_proxies_are_used_for_everything_else(
    build: Build, server: ScriptedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url)
    server.on("GET", SHOW, FOUND)
    await build(an_access_key(), url="http://evs.example").project("web").show_disk(DISK)
    assert server.seen[0].headers["Host"] == "evs.example"


async def test_a_429_is_told_at_once_and_then_everyone_waits(
    cloud: HttpCloud, server: ScriptedCloud, clock: FakeClock
) -> None:
    server.on("GET", SHOW, THROTTLE, FOUND)
    server.on("POST", "/snapshots", Reply(202, TICKET))
    evs = cloud.project("web")
    with pytest.raises(Throttled) as caught:
        await evs.show_disk(DISK)
    assert (caught.value.retry_after, clock.slept) == (None, [])
    await evs.create_standard_snapshot(a_snapshot(), send_before=300.0)
    assert clock.slept == [2.0]


async def test_another_project_does_not_wait(cloud: HttpCloud, server: ScriptedCloud, clock: FakeClock) -> None:
    server.on("GET", SHOW, THROTTLE, FOUND)
    with pytest.raises(Throttled):
        await cloud.project("web").show_disk(DISK)
    await cloud.project("shop").show_disk(DISK)
    assert clock.slept == []


async def test_pauses_double_to_a_minute_and_a_success_starts_anew(
    cloud: HttpCloud, server: ScriptedCloud, clock: FakeClock
) -> None:
    evs = cloud.project("web")
    server.on("GET", SHOW, *[THROTTLE] * 7, FOUND, THROTTLE, FOUND)
    pauses = []
    for _ in range(10):
        try:
            await evs.show_disk(DISK)
        except Throttled:
            throttled_at = clock.time
            with pytest.raises(Throttled) as caught:
                await _impatient(evs, clock)
            pauses.append(caught.value.retry_after)
            clock.time = throttled_at + timedelta(seconds=caught.value.retry_after or 0)
    assert pauses == [2, 4, 8, 16, 32, 60, 60, 2]


async def _impatient(evs: EvsClient, clock: FakeClock) -> None:
    """A create whose moment passes before any pause is over."""
    await evs.create_standard_snapshot(a_snapshot(), send_before=clock.monotonic())


async def test_a_burst_of_429s_is_one_step(cloud: HttpCloud, server: ScriptedCloud, clock: FakeClock) -> None:
    server.on("GET", SHOW, FOUND)
    evs = cloud.project("web")
    await evs.show_disk(DISK)
    server.on("GET", SHOW, *[THROTTLE] * 5, FOUND)
    server.hold = asyncio.Event()
    calls = asyncio.gather(*(evs.show_disk(DISK) for _ in range(5)), return_exceptions=True)
    await server.has_been_asked(SHOW, 6)
    server.hold.set()
    assert {type(one) for one in await calls} == {Throttled}
    await evs.show_disk(DISK)
    assert clock.slept == [2.0]


async def test_retry_after_sets_the_pause(cloud: HttpCloud, server: ScriptedCloud, clock: FakeClock) -> None:
    server.on("GET", SHOW, Reply(429, b"", {"Retry-After": "11"}), FOUND)
    with pytest.raises(Throttled):
        await cloud.project("web").show_disk(DISK)
    await cloud.project("web").show_disk(DISK)
    assert clock.slept == [11.0]


async def test_a_pause_longer_than_a_call_may_take_is_the_callers_to_wait(
    cloud: HttpCloud, server: ScriptedCloud, clock: FakeClock
) -> None:
    server.on("GET", SHOW, Reply(429, b"", {"Retry-After": "100"}), FOUND)
    evs = cloud.project("web")
    with pytest.raises(Throttled):
        await evs.show_disk(DISK)
    clock.time += timedelta(seconds=40)
    with pytest.raises(Throttled) as caught:
        await evs.show_disk(DISK)
    assert (caught.value.retry_after, len(server.asked(SHOW)), clock.slept) == (60.0, 1, [])


async def test_a_call_under_way_ends_its_turn_even_when_its_caller_is_gone(build: Build, server: ScriptedCloud) -> None:
    server.on("GET", SHOW, Reply(end="hang"), FOUND)
    evs = build(an_access_key(), concurrency=1).project("web")
    call = asyncio.create_task(evs.show_disk(DISK))
    await server.has_been_asked(SHOW, 1)
    call.cancel()
    assert (await evs.show_disk(DISK)).id == DISK


async def test_a_project_makes_so_many_calls_at_a_time(build: Build, server: ScriptedCloud) -> None:
    server.on("GET", SHOW, FOUND)
    evs = build(concurrency=3).project("web")
    await evs.show_disk(DISK)
    server.hold = asyncio.Event()
    calls = asyncio.gather(*(evs.show_disk(DISK) for _ in range(9)))
    await server.has_been_asked(SHOW, 4)
    server.hold.set()
    await calls
    assert server.busiest == 3


async def test_nothing_is_asked_before_a_client_is_used(cloud: HttpCloud, server: ScriptedCloud) -> None:
    asked_for: Cloud = cloud
    asked_for.project("web")
    assert cloud.resting("web") is None
    assert server.seen == []


async def test_an_unknown_alias_is_a_key_error(cloud: HttpCloud) -> None:
    for ask in (cloud.project, cloud.resting):
        with pytest.raises(KeyError):
            ask("nowhere")


async def test_a_packed_answer_is_read_up_to_the_limit_of_what_it_unpacks_to(
    cloud: HttpCloud, server: ScriptedCloud
) -> None:
    body = json.dumps({"volume": {"id": DISK, "name": "x" * 9_000_000}}).encode()
    packed = [
        Reply(200, gzip.compress(one), {"Content-Encoding": "gzip"}) for one in (b'{"volume": {"id": "d1"}}', body)
    ]
    server.on("GET", f"/{DISK}", *packed)
    assert (await cloud.project("web").show_disk(DISK)).id == "d1"
    with pytest.raises(CloudUnavailable, match="over 8 MiB"):
        await cloud.project("web").show_disk(DISK)
    assert len(server.asked(DISK)) == 2
