"""Access keys and agency keys: signed calls, and no key shown twice after a refusal."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from bot.domain.errors import CloudUnavailable, CredentialRefused, NotFound
from bot.evs.signing import Keys, Unsigned, authorization
from tests.evs.conftest import Build
from tests.fakes.scripted_cloud import (
    ACCESS_KEY,
    DISK,
    NOON,
    PROJECT_ID,
    SECRET_KEY,
    SECURITY_TOKEN,
    TICKET,
    FakeClock,
    Reply,
    ScriptedCloud,
    Seen,
    a_snapshot,
    an_access_key,
    an_agency,
    evs_error,
    gateway_error,
)

SOON = 300.0
WRONG = gateway_error(401, "APIGW.0301", "Incorrect IAM authentication information: verify aksk signature fail")
METADATA_TOKEN = "/meta-data/latest/api/token"
METADATA_KEY = "/openstack/latest/securitykey"


def _is_signed(seen: Seen, keys: Keys, query: str = "") -> bool:
    names = seen.headers["Authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    headers = {name: value for name, value in seen.headers.items() if name.lower() in names}
    pairs = [(name, value) for name, value in seen.query.items()]
    whole = Unsigned(seen.method, headers.pop("Host"), seen.path, pairs, headers, seen.body)
    return seen.headers["Authorization"] == authorization(whole, keys)


def _key(number: int, minutes: float) -> Reply:
    end = (NOON + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    credential = {"access": f"AK{number}", "secret": f"SK{number}", "securitytoken": f"ST{number}", "expires_at": end}
    return Reply(200, {"credential": credential})


def _access(seen: Seen) -> str:
    return seen.headers["Authorization"].split("Access=")[1].split(",")[0]


async def test_a_create_and_a_list_arrive_signed(build: Build, server: ScriptedCloud) -> None:
    server.on("POST", "/snapshots", Reply(202, TICKET))
    server.on("GET", "/cloudvolumes/detail", Reply(200, {"count": 0, "volumes": []}))
    evs = build(an_access_key()).project("web")
    await evs.create_standard_snapshot(a_snapshot(name="ü 1"), send_before=SOON)
    await evs.list_disks(name="a b+c/ü~*", ids=[DISK])
    keys = Keys(SecretStr(ACCESS_KEY), SecretStr(SECRET_KEY))
    assert [_is_signed(one, keys) for one in server.seen] == [True, True]
    assert server.seen[0].headers["X-Project-Id"] == PROJECT_ID
    assert server.seen[0].headers["X-Sdk-Date"] == "20260115T120000Z"
    assert server.seen[1].query["name"] == "a b+c/ü~*"


async def test_a_security_token_goes_along(build: Build, server: ScriptedCloud) -> None:
    server.on("GET", f"/{DISK}", Reply(200, {"volume": {"id": DISK}}))
    await build(an_access_key(temporary=True)).project("web").show_disk(DISK)
    assert server.seen[0].headers["X-Security-Token"] == SECURITY_TOKEN


@pytest.mark.parametrize("refusal", [WRONG, gateway_error(401, "APIGW.0307"), evs_error(400, "EVS.0002"), Reply(401)])
async def test_a_refused_signature_is_tried_once_by_many_and_then_rests(
    build: Build, server: ScriptedCloud, clock: FakeClock, caplog: pytest.LogCaptureFixture, refusal: Reply
) -> None:
    server.on("GET", f"/{DISK}", refusal)
    cloud = build(an_access_key())
    calls = [cloud.project(alias).show_disk(DISK) for alias in ("web", "shop") for _ in range(8)]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(one) for one in outcomes} == {CredentialRefused}
    assert len(server.seen) == 1
    assert "credential “shop” was refused" in str(outcomes[-1])
    assert cloud.resting("web") == cloud.resting("shop") == NOON + timedelta(minutes=5)
    assert [record.levelname for record in caplog.records if record.name == "bot.evs"] == ["ERROR"]
    clock.time += timedelta(minutes=5)
    with pytest.raises(CredentialRefused):
        await cloud.project("web").show_disk(DISK)
    assert len(server.seen) == 2


async def test_an_accepted_key_is_used_by_many_at_once(build: Build, server: ScriptedCloud) -> None:
    server.on("GET", f"/{DISK}", Reply(200, {"volume": {"id": DISK}}))
    evs = build(an_access_key(), concurrency=4).project("web")
    await evs.show_disk(DISK)
    server.hold = asyncio.Event()
    calls = asyncio.gather(*(evs.show_disk(DISK) for _ in range(10)))
    await server.has_been_asked(DISK, 5)
    server.hold.set()
    await calls
    assert server.busiest == 4


async def test_agency_keys_sign_and_are_fetched_once_for_all_projects(build: Build, server: ScriptedCloud) -> None:
    server.on("PUT", METADATA_TOKEN, Reply(200, b"metadata-token"))
    server.on("GET", METADATA_KEY, _key(1, 360))
    server.on("GET", f"/{DISK}", Reply(200, {"volume": {"id": DISK}}))
    cloud = build(an_agency(server.url))
    await asyncio.gather(*(cloud.project(alias).show_disk(DISK) for alias in ("web", "web", "shop")))
    assert server.asked(METADATA_TOKEN)[0].headers["X-Metadata-Token-Ttl-Seconds"] == "21600"
    assert [one.headers["X-Metadata-Token"] for one in server.asked(METADATA_KEY)] == ["metadata-token"]
    shown = server.asked(DISK)
    assert [_is_signed(one, Keys(SecretStr("AK1"), SecretStr("SK1"))) for one in shown] == [True] * 3
    assert {one.headers["X-Security-Token"] for one in shown} == {"ST1"}


@pytest.mark.parametrize("status", [404, 405, 503])
async def test_where_metadata_tokens_are_not_in_force_it_goes_on_without(
    build: Build, server: ScriptedCloud, status: int
) -> None:
    server.on("PUT", METADATA_TOKEN, Reply(status))
    server.on("GET", METADATA_KEY, _key(1, 360))
    server.on("GET", f"/{DISK}", Reply(200, {"volume": {"id": DISK}}))
    await build(an_agency(server.url)).project("web").show_disk(DISK)
    assert "X-Metadata-Token" not in server.asked(METADATA_KEY)[0].headers


async def test_agency_keys_are_renewed_when_less_than_forty_minutes_remain(
    build: Build, server: ScriptedCloud, clock: FakeClock
) -> None:
    server.on("PUT", METADATA_TOKEN, Reply(404))
    server.on("GET", METADATA_KEY, _key(1, 60), _key(2, 600))
    server.on("GET", f"/{DISK}", Reply(200, {"volume": {"id": DISK}}))
    evs = build(an_agency(server.url)).project("web")
    for minutes in (0, 19, 1):
        clock.time += timedelta(minutes=minutes)
        await evs.show_disk(DISK)
    assert [_access(one) for one in server.asked(DISK)] == ["AK1", "AK1", "AK2"]


async def test_a_metadata_service_that_is_away_does_not_spoil_keys_that_still_count(
    build: Build, server: ScriptedCloud, clock: FakeClock
) -> None:
    server.on("PUT", METADATA_TOKEN, Reply(404))
    server.on("GET", METADATA_KEY, _key(1, 60), Reply(500))
    server.on("GET", f"/{DISK}", Reply(200, {"volume": {"id": DISK}}))
    evs = build(an_agency(server.url)).project("web")
    await evs.show_disk(DISK)
    clock.time += timedelta(minutes=30)
    await evs.show_disk(DISK)
    assert [_access(one) for one in server.asked(DISK)] == ["AK1", "AK1"]
    clock.time += timedelta(minutes=31)
    with pytest.raises(CloudUnavailable, match="gives no keys"):
        await evs.show_disk(DISK)


async def test_keys_near_their_end_are_not_asked_for_at_every_call(build: Build, server: ScriptedCloud) -> None:
    server.on("PUT", METADATA_TOKEN, Reply(404))
    server.on("GET", METADATA_KEY, _key(1, 20))
    server.on("GET", f"/{DISK}", Reply(200, {"volume": {"id": DISK}}))
    evs = build(an_agency(server.url)).project("web")
    for _ in range(3):
        await evs.show_disk(DISK)
    assert len(server.asked(METADATA_KEY)) == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(b"Please configure Cloud Service Agency first.", "has no agency"), (b"Unauthorized", "wants another token")],
)
async def test_a_server_without_an_agency_is_told_and_rests(
    build: Build, server: ScriptedCloud, answer: bytes, reason: str
) -> None:
    server.on("PUT", METADATA_TOKEN, Reply(404))
    server.on("GET", METADATA_KEY, Reply(401, answer))
    cloud = build(an_agency(server.url))
    for _ in range(2):
        with pytest.raises(CredentialRefused, match=reason):
            await cloud.project("web").show_disk(DISK)
    assert len(server.asked(METADATA_KEY)) == 1
    assert cloud.resting("web") is not None


async def test_refused_agency_keys_are_fetched_anew_after_the_rest(
    build: Build, server: ScriptedCloud, clock: FakeClock
) -> None:
    server.on("PUT", METADATA_TOKEN, Reply(404))
    server.on("GET", METADATA_KEY, _key(1, 600), _key(2, 600))
    server.on("GET", f"/{DISK}", WRONG, Reply(200, {"volume": {"id": DISK}}))
    evs = build(an_agency(server.url)).project("web")
    with pytest.raises(CredentialRefused):
        await evs.show_disk(DISK)
    clock.time += timedelta(minutes=5)
    await evs.show_disk(DISK)
    assert [_access(one) for one in server.asked(DISK)] == ["AK1", "AK2"]


@pytest.mark.parametrize("body", [b"<html>", {"credential": {"access": "AK"}}])
async def test_keys_that_cannot_be_read_are_told(build: Build, server: ScriptedCloud, body: Any) -> None:
    server.on("PUT", METADATA_TOKEN, Reply(404))
    server.on("GET", METADATA_KEY, Reply(200, body))
    with pytest.raises(CloudUnavailable, match="cannot be read"):
        await build(an_agency(server.url)).project("web").show_disk(DISK)


async def test_a_missing_disk_proves_a_key_and_rests_nothing(
    build: Build, server: ScriptedCloud, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot.evs")
    server.on("GET", f"/{DISK}", evs_error(404, "EVS.5404"))
    cloud = build(an_access_key())
    with pytest.raises(NotFound):
        await cloud.project("web").show_disk(DISK)
    assert (cloud.resting("web"), [one for one in caplog.records if one.name == "bot.evs"]) == (None, [])
