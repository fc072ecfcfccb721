"""Each call is told by its permission and its end, and throttling and rests can be counted."""

from __future__ import annotations

import pytest

from bot.domain.errors import CloudError
from bot.evs.cloud import HttpCloud
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

SOON = 300.0
CREATE, GET = "evs:snapshots:create", "evs:volumes:get"


class Told(list[tuple[str, str]]):
    def __call__(self, operation: str, code: str, seconds: float) -> None:
        assert seconds >= 0
        self.append((operation, code))


async def creates(cloud: HttpCloud) -> None:
    await cloud.project("web").create_standard_snapshot(a_snapshot(), send_before=SOON)


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(202, TICKET), "ok"),
        (evs_error(409, "EVS.2409"), "EVS.2409"),
        (gateway_error(429, "APIGW.0308"), "APIGW.0308"),
        (Reply(502, b"<html>"), "502"),
        (Reply(end="drop"), "no-answer"),
    ],
)
async def test_a_call_ends_with_its_code(build: Build, server: ScriptedCloud, reply: Reply, code: str) -> None:
    told = Told()
    server.on("POST", "/snapshots", reply)
    try:
        await creates(build(an_access_key(), called=told))
    except CloudError:
        assert code != "ok"
    assert told == [(CREATE, code)]


async def test_a_token_is_a_call_of_its_own_and_each_try_counts(build: Build, server: ScriptedCloud) -> None:
    told = Told()
    server.on("POST", "/v3/auth/tokens", server.token())
    server.on("GET", f"/cloudvolumes/{DISK}", Reply(503), Reply(200, {"volume": {"id": DISK}}))
    await build(called=told).project("web").show_disk(DISK)
    assert sorted(told) == [(GET, "503"), (GET, "ok"), ("iam:tokens:create", "ok")]


async def test_a_call_without_a_documented_permission_has_a_name_without_ids(
    build: Build, server: ScriptedCloud
) -> None:
    told = Told()
    server.on("GET", "/jobs/", Reply(404))
    with pytest.raises(CloudError):
        await build(an_access_key(), called=told).project("web").show_job("4010a32d535527910153552b492c0002")
    assert {operation for operation, _ in told} == {"evs:jobs:get"}


async def test_pauses_and_the_waits_for_their_ends_are_counted(
    build: Build, server: ScriptedCloud, clock: FakeClock
) -> None:
    cloud = build(an_access_key())
    server.on("POST", "/snapshots", Reply(429, b"", {"Retry-After": "5"}), Reply(202, TICKET))
    with pytest.raises(CloudError):
        await creates(cloud)
    assert (cloud.throttled, cloud.throttled_s) == (1, 0.0)
    await creates(cloud)
    assert (cloud.throttled, cloud.throttled_s) == (1, 5.0)


async def test_a_credential_that_rests_is_one_until_its_rest_is_over(
    build: Build, server: ScriptedCloud, clock: FakeClock
) -> None:
    cloud = build(an_access_key())
    server.on("POST", "/snapshots", gateway_error(401, "APIGW.0301"))
    assert cloud.credentials_resting == 0
    with pytest.raises(CloudError):
        await creates(cloud)
    assert cloud.credentials_resting == 1
    await clock.sleep(301)
    assert cloud.credentials_resting == 0
