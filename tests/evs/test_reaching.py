"""A cloud that cannot be reached, and projects that do not wait for one another."""

from __future__ import annotations

import asyncio
import logging

import httpx
import pytest

from bot.domain.errors import CloudUnavailable
from bot.domain.projects import AccessKeyCredentials
from bot.evs.cloud import CALLS_AT_ONCE, HttpCloud
from tests.evs.conftest import Build
from tests.fakes.scripted_cloud import DISK, FakeClock, Reply, ScriptedCloud, a_project, an_access_key

SHOWN = Reply(200, {"volume": {"id": DISK}})


@pytest.mark.parametrize("failure", [httpx.ConnectError, httpx.ConnectTimeout, httpx.ReadTimeout, httpx.ReadError])
async def test_an_outage_is_one_warning_with_the_host_and_its_end_one_line(
    build: Build, caplog: pytest.LogCaptureFixture, failure: type[httpx.TransportError]
) -> None:
    caplog.set_level(logging.INFO)
    away = True

    async def answer(request: httpx.Request) -> httpx.Response:
        if away:
            raise failure("on the way")
        return httpx.Response(200, json={"volume": {"id": DISK}})

    evs = build(an_access_key(), url="http://evs.example", transport=httpx.MockTransport(answer)).project("web")
    for _ in range(2):
        with pytest.raises(CloudUnavailable) as caught:
            await evs.show_disk(DISK)
        assert "evs.example" in caught.value.sentence
        assert failure.__name__ not in caught.value.sentence
    away = False
    await evs.show_disk(DISK)
    away = True
    with pytest.raises(CloudUnavailable):
        await evs.show_disk(DISK)
    lines = [(one.levelname, one.getMessage(), one.__dict__["host"]) for one in caplog.records if one.name == "bot.evs"]
    lost = ("WARNING", "the cloud cannot be reached", "evs.example")
    assert lines == [lost, ("INFO", "the cloud answers again", "evs.example"), lost]


async def test_projects_whose_calls_hang_leave_the_others_their_connections(
    server: ScriptedCloud, clock: FakeClock
) -> None:
    hanging = ScriptedCloud()
    await hanging.start()
    hanging.on("GET", f"/{DISK}", Reply(end="hang"))
    server.on("GET", f"/{DISK}", SHOWN)
    aliases = [f"stuck-{number}" for number in range(20)]
    keys = {alias: _a_key(alias) for alias in (*aliases, "sound")}
    projects = {alias: a_project(hanging.url, keys[alias], alias) for alias in aliases}
    projects["sound"] = a_project(server.url, keys["sound"], "sound")
    cloud = HttpCloud(projects, {key.name: key for key in keys.values()}, clock)
    for alias in aliases:
        cloud._breakers[keys[alias].name].accepted()
    stuck = [asyncio.create_task(cloud.project(alias).show_disk(DISK)) for alias in aliases for _ in range(12)]
    await hanging.has_been_asked(DISK, 20 * 8)
    async with asyncio.timeout(2):
        assert (await cloud.project("sound").show_disk(DISK)).id == DISK
    for one in stuck:
        one.cancel()
    await asyncio.gather(*stuck, return_exceptions=True)
    await cloud.aclose()
    await hanging.stop()


async def test_a_project_that_hangs_keeps_another_of_the_same_credential_waiting_for_seconds_at_most(
    server: ScriptedCloud, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.evs.credential_breaker.TRIAL_S", 0.1)
    hanging, key = ScriptedCloud(), an_access_key()
    await hanging.start()
    hanging.on("GET", f"/{DISK}", Reply(end="hang"))
    server.on("GET", f"/{DISK}", SHOWN)
    projects = {"web": a_project(hanging.url, key, "web"), "shop": a_project(server.url, key, "shop")}
    cloud = HttpCloud(projects, {key.name: key}, clock)
    stuck = [asyncio.create_task(cloud.project("web").show_disk(DISK)) for _ in range(12)]
    await hanging.has_been_asked(DISK, 1)
    async with asyncio.timeout(2):
        assert (await cloud.project("shop").show_disk(DISK)).id == DISK
    assert len(hanging.seen) <= 8
    for one in stuck:
        one.cancel()
    await asyncio.gather(*stuck, return_exceptions=True)
    await cloud.aclose()
    await hanging.stop()


async def test_calls_at_once_go_over_connections_that_are_open(server: ScriptedCloud, clock: FakeClock) -> None:
    server.on("GET", f"/{DISK}", SHOWN)
    keys = {alias: _a_key(alias) for alias in ("web", "shop", "payments")}
    projects = {alias: a_project(server.url, key, alias) for alias, key in keys.items()}
    cloud = HttpCloud(projects, {key.name: key for key in keys.values()}, clock)
    for key in keys.values():
        cloud._breakers[key.name].accepted()
    for _ in range(8):
        server.hold = asyncio.Event()
        asked = len(server.seen)
        calls = [cloud.project(alias).show_disk(DISK) for alias in projects for _ in range(CALLS_AT_ONCE)]
        at_once = asyncio.gather(*calls)
        await server.has_been_asked(DISK, asked + len(calls))
        server.hold.set()
        await at_once
    await cloud.aclose()
    assert len(server.came_from) <= len(calls)


def _a_key(name: str) -> AccessKeyCredentials:
    key = an_access_key()
    return AccessKeyCredentials(name, key.access_key, key.secret_key)
