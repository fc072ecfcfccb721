"""A password's token: got once, renewed in time, and once when it is refused."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import httpx
import pytest

from bot.domain.errors import CloudRefused, CloudUnavailable, CredentialRefused, Throttled
from bot.evs.auth import TokenAuth
from bot.evs.cloud import HttpCloud
from bot.evs.credential_breaker import CredentialBreaker
from bot.evs.transport import SendAttempt, Transport
from tests.evs.conftest import Build
from tests.fakes.scripted_cloud import (
    DISK,
    NOON,
    PASSWORD,
    PROJECT_ID,
    SNAPSHOT,
    TICKET,
    FakeClock,
    Reply,
    ScriptedCloud,
    a_password,
    a_project,
    a_snapshot,
    evs_error,
    gateway_error,
)

SHOWN = Reply(200, {"snapshot": {"id": SNAPSHOT}})
SOON = 300.0
SHOW = f"/snapshots/{SNAPSHOT}"
TOKENS = "/v3/auth/tokens"


async def test_the_token_is_asked_for_as_iam_documents_it(cloud: HttpCloud, server: ScriptedCloud) -> None:
    server.on("GET", SHOW, SHOWN)
    await cloud.project("web").show_snapshot(SNAPSHOT)
    asked = server.asked(TOKENS)[0]
    user = {"domain": {"name": "ACME"}, "name": "snapshot-bot", "password": PASSWORD}
    assert asked.query == {"nocatalog": "true"}
    assert asked.json == {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"id": PROJECT_ID}},
        }
    }
    assert server.asked(SHOW)[0].headers["X-Auth-Token"] == "token-1-kept-to-myself"


async def test_many_calls_at_once_need_one_token(cloud: HttpCloud, server: ScriptedCloud) -> None:
    server.on("GET", SHOW, SHOWN)
    evs = cloud.project("web")
    await asyncio.gather(*(evs.show_snapshot(SNAPSHOT) for _ in range(12)))
    assert len(server.asked(TOKENS)) == 1


async def test_a_token_is_renewed_ten_minutes_before_its_end(
    cloud: HttpCloud, server: ScriptedCloud, clock: FakeClock
) -> None:
    server.on("GET", SHOW, SHOWN)
    evs = cloud.project("web")
    await evs.show_snapshot(SNAPSHOT)
    clock.time += timedelta(hours=23, minutes=49)
    await evs.show_snapshot(SNAPSHOT)
    assert server.tokens == 1
    clock.time += timedelta(minutes=1)
    await evs.show_snapshot(SNAPSHOT)
    assert server.tokens == 2


@pytest.mark.parametrize("away", [Reply(503), Reply(end="drop"), Reply(429), Reply(201)])
async def test_a_token_that_still_counts_is_shown_while_iam_gives_no_other(
    cloud: HttpCloud, server: ScriptedCloud, clock: FakeClock, away: Reply
) -> None:
    server.on("GET", SHOW, SHOWN)
    server.on("POST", TOKENS, server.token(), away)
    evs = cloud.project("web")
    await evs.show_snapshot(SNAPSHOT)
    clock.time += timedelta(hours=23, minutes=51)
    for _ in range(2):
        await evs.show_snapshot(SNAPSHOT)
    assert {one.headers["X-Auth-Token"] for one in server.asked(SHOW)} == {"token-1-kept-to-myself"}
    assert (len(server.asked(TOKENS)), clock.slept) == (2, [])
    clock.time += timedelta(minutes=9)
    with pytest.raises(CloudUnavailable):
        await evs.show_snapshot(SNAPSHOT)
    assert len(server.asked(SHOW)) == 3


async def test_a_short_lived_token_is_not_renewed_at_every_call(
    cloud: HttpCloud, server: ScriptedCloud, clock: FakeClock
) -> None:
    server.on("GET", SHOW, SHOWN)
    server.token_life = timedelta(minutes=5)
    for _ in range(2):
        await cloud.project("web").show_snapshot(SNAPSHOT)
    assert server.tokens == 1


TOKEN_REFUSALS = [
    gateway_error(401, "APIGW.0301"),
    gateway_error(401, "APIGW.0307"),
    gateway_error(401, "APIG.0307"),
    evs_error(401, "EVS.5401"),
    evs_error(400, "EVS.0002"),
    evs_error(400, "Common.0013"),
    Reply(401),
]


@pytest.mark.parametrize("refusal", TOKEN_REFUSALS, ids=lambda reply: str(reply.body)[:40])
async def test_a_refused_token_is_renewed_once_and_the_create_sent_again(
    cloud: HttpCloud, server: ScriptedCloud, refusal: Reply
) -> None:
    server.on("POST", "/snapshots", refusal, Reply(202, TICKET))
    ticket = await cloud.project("web").create_standard_snapshot(a_snapshot(), send_before=SOON)
    assert ticket.snapshot_id == SNAPSHOT
    tokens = [one.headers["X-Auth-Token"] for one in server.asked("/snapshots", "POST")]
    assert tokens == ["token-1-kept-to-myself", "token-2-kept-to-myself"]


async def test_many_calls_with_one_stale_token_renew_it_once(cloud: HttpCloud, server: ScriptedCloud) -> None:
    server.on("GET", SHOW, SHOWN)
    evs = cloud.project("web")
    await evs.show_snapshot(SNAPSHOT)
    server.on("GET", SHOW, *[gateway_error(401, "APIGW.0307")] * 6, SHOWN)
    server.hold = asyncio.Event()
    calls = asyncio.gather(*(evs.show_snapshot(SNAPSHOT) for _ in range(6)))
    await server.has_been_asked(SHOW, 7)
    server.hold.set()
    await calls
    assert server.tokens == 2


async def test_a_request_with_a_new_token_waits_for_a_pause_that_began_meanwhile(
    build: Build, clock: FakeClock
) -> None:
    shown: list[tuple[float, str]] = []
    on_its_way, throttled = asyncio.Event(), asyncio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == TOKENS:
            return httpx.Response(201, headers={"X-Subject-Token": f"token-at-{clock.monotonic():g}"}, json={})
        if request.url.path.endswith("/detail"):
            return httpx.Response(429, headers={"Retry-After": "5"})
        shown.append((clock.monotonic(), request.headers["X-Auth-Token"]))
        if len(shown) == 2:
            on_its_way.set()
            await throttled.wait()
            return httpx.Response(401, json={"error_code": "APIGW.0307", "error_msg": ""})
        return httpx.Response(200, json=SHOWN.body)

    evs = build(transport=httpx.MockTransport(answer)).project("web")
    await evs.show_snapshot(SNAPSHOT)
    renewing = asyncio.create_task(evs.show_snapshot(SNAPSHOT))
    await on_its_way.wait()
    with pytest.raises(Throttled):
        await evs.list_disks()
    throttled.set()
    await renewing
    assert shown == [(0, "token-at-0"), (0, "token-at-0"), (5, "token-at-5")]


async def test_a_second_refusal_rests_the_credential_in_this_project_alone(
    cloud: HttpCloud, server: ScriptedCloud
) -> None:
    server.on("GET", SHOW, gateway_error(401, "APIGW.0307"))
    with pytest.raises(CredentialRefused) as caught:
        await cloud.project("web").show_snapshot(SNAPSHOT)
    assert (server.tokens, len(server.asked(SHOW)), caught.value.code) == (2, 2, "APIGW.0307")
    assert cloud.resting("web") == NOON + timedelta(minutes=5)
    assert cloud.resting("shop") is None


@pytest.mark.parametrize("code", ["APIGW.0303", "APIGW.0305", "APIGW.0311"])
async def test_refusals_that_no_token_cures_are_not_repeated(
    cloud: HttpCloud, server: ScriptedCloud, code: str
) -> None:
    server.on("GET", SHOW, gateway_error(401, code))
    with pytest.raises(CredentialRefused):
        await cloud.project("web").show_snapshot(SNAPSHOT)
    assert len(server.asked(SHOW)) == 1


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (
            Reply(401, {"error": {"code": 401, "message": "The username or password is wrong."}}),
            "login protection (MFA)",
        ),
        (Reply(401, {"error_code": "IAM.0061", "error_msg": "Account locked."}), "locked after too many wrong"),
        (Reply(401, {"error": {"code": 401, "message": "The account is locked."}}), "locked after too many wrong"),
        (Reply(401, {"error_code": "IAM.0062", "error_msg": "Incorrect password."}), "its password is wrong"),
        (
            Reply(
                401, {"error": {"code": 401, "message": "The password is expired and needs to be changed for user: x"}}
            ),
            "its password has expired",
        ),
        (Reply(403, {"error_code": "IAM.0082", "error_msg": ""}), "its user is disabled"),
        (Reply(403, {"error": {"code": 403, "message": "The user snapshot-bot is disabled."}}), "its user is disabled"),
        (Reply(403, {"error_code": "IAM.0081", "error_msg": "console"}), "may use the console only"),
        (
            Reply(
                403,
                {"error": {"message": "This user only supports console access, not programmatic access.", "code": 403}},
            ),
            "may use the console only",
        ),
        (Reply(403, {"error_code": "IAM.0083", "error_msg": ""}), "may not use this region"),
    ],
)
async def test_a_refused_password_is_tried_once_told_and_rests_everywhere(
    cloud: HttpCloud, server: ScriptedCloud, caplog: pytest.LogCaptureFixture, reply: Reply, reason: str
) -> None:
    server.on("POST", TOKENS, reply)
    calls = [cloud.project(alias).show_disk(DISK) for alias in ("web", "web", "shop")]
    refusals = await asyncio.gather(*calls, return_exceptions=True)
    sentence = str(refusals[0])
    assert sentence.startswith(
        "The cloud refused the bot's own credentials for this project. Nothing was created. "
        "Tell the people who run the bot: credential “payments” was refused, because "
    )
    assert reason in sentence
    assert [type(one) for one in refusals] == [CredentialRefused] * 3
    assert len(server.seen) == 1
    assert cloud.resting("web") == cloud.resting("shop") == NOON + timedelta(minutes=5)
    lines = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [(line.name, line.__dict__["credential"]) for line in lines] == [("bot.evs", "payments")]
    assert "snapshot-bot" not in lines[0].__dict__["said"]


async def test_iams_own_words_stand_in_the_log_without_names_and_keys(
    cloud: HttpCloud, server: ScriptedCloud, caplog: pytest.LogCaptureFixture
) -> None:
    said = f"The user snapshot-bot of ACME with {PASSWORD} and key AKIA1234567890 from 10.0.0.1 is not allowed."
    server.on("POST", TOKENS, Reply(401, {"error": {"code": 401, "message": said}}))
    with pytest.raises(CredentialRefused) as caught:
        await cloud.project("web").show_disk(DISK)
    (line,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert line.__dict__["said"] == "The user … of … with … and key … from … is not allowed."
    assert "not allowed" not in caught.value.sentence


async def test_no_right_in_one_project_leaves_the_others_alone(cloud: HttpCloud, server: ScriptedCloud) -> None:
    reply = Reply(403, {"error": {"code": 403, "message": "You have no right to do this action", "title": "Forbidden"}})
    server.on("POST", TOKENS, reply, server.token())
    server.on("GET", SHOW, SHOWN)
    with pytest.raises(CredentialRefused, match="no right in this project"):
        await cloud.project("web").show_snapshot(SNAPSHOT)
    assert cloud.resting("shop") is None
    assert (await cloud.project("shop").show_snapshot(SNAPSHOT)).id == SNAPSHOT


@pytest.mark.parametrize(("days", "warned"), [(13, 1), (16, 0), (None, 0), (-1, 1)])
async def test_a_password_that_expires_soon_is_warned_of_once(
    build: Build, server: ScriptedCloud, clock: FakeClock, caplog: pytest.LogCaptureFixture, days: int, warned: int
) -> None:
    end = "" if days is None else (NOON + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
    token = server.token()
    token.body["token"]["user"] = {"password_expires_at": end}
    server.on("POST", TOKENS, token)
    server.on("GET", SHOW, SHOWN)
    cloud = build()
    for _ in range(2):
        await cloud.project("web").show_snapshot(SNAPSHOT)
        clock.time += timedelta(hours=25)
    lines = [one for one in caplog.records if one.getMessage() == "the password of a credential expires soon"]
    assert [line.__dict__["credential"] for line in lines] == ["payments"] * warned


async def test_after_five_minutes_a_rested_password_is_tried_again(
    cloud: HttpCloud, server: ScriptedCloud, clock: FakeClock
) -> None:
    server.on("GET", SHOW, SHOWN)
    server.on("POST", TOKENS, Reply(401), server.token())
    with pytest.raises(CredentialRefused):
        await cloud.project("web").show_snapshot(SNAPSHOT)
    clock.time += timedelta(minutes=4, seconds=59)
    with pytest.raises(CredentialRefused):
        await cloud.project("web").show_snapshot(SNAPSHOT)
    assert len(server.seen) == 1
    clock.time += timedelta(seconds=1)
    assert cloud.resting("web") is None
    assert (await cloud.project("web").show_snapshot(SNAPSHOT)).id == SNAPSHOT


async def test_a_resting_credential_is_told_at_once_even_during_a_pause(
    cloud: HttpCloud, server: ScriptedCloud, clock: FakeClock
) -> None:
    evs = cloud.project("web")
    server.on("GET", SHOW, SHOWN, gateway_error(401, "APIGW.0303"))
    server.on("GET", "/detail", Reply(429))
    await evs.show_snapshot(SNAPSHOT)
    server.hold = asyncio.Event()
    both = asyncio.gather(evs.list_disks(), evs.show_snapshot(SNAPSHOT), return_exceptions=True)
    await server.has_been_asked("", 4)
    server.hold.set()
    assert [type(one) for one in await both] == [Throttled, CredentialRefused]
    with pytest.raises(CredentialRefused):
        await evs.show_snapshot(SNAPSHOT)
    assert clock.slept == []


def _a_request(clock: FakeClock) -> httpx.Request:
    return httpx.Request("GET", "https://evs.example", extensions={"attempt": SendAttempt(clock)})


async def test_a_late_refusal_of_an_old_token_does_not_cost_the_new_one(
    server: ScriptedCloud, clock: FakeClock
) -> None:
    transport = Transport([server.url], [], None, connections=8)
    project = a_project(server.url, a_password())
    auth = TokenAuth(a_password(), project, CredentialBreaker("payments", clock), transport, clock)
    early, late, after = (auth.async_auth_flow(_a_request(clock)) for _ in range(3))
    old = [(await flow.__anext__()).headers["X-Auth-Token"] for flow in (early, late)]
    refusal = httpx.Response(401, json={"error_code": "APIGW.0307", "error_msg": ""})
    new = [(await flow.asend(refusal)).headers["X-Auth-Token"] for flow in (early, late)]
    new.append((await after.__anext__()).headers["X-Auth-Token"])
    assert len({*old}) == len({*new}) == 1
    assert old[0] != new[0]
    for flow in (early, late, after):
        await flow.aclose()
    await transport.aclose()


async def test_a_create_with_a_refused_token_was_not_done_when_iam_then_hangs(
    build: Build, server: ScriptedCloud
) -> None:
    server.on("POST", TOKENS, server.token(), Reply(end="hang"))
    server.on("POST", "/snapshots", gateway_error(401, "APIGW.0307"))
    with pytest.raises(CloudUnavailable) as caught:
        await build(deadline_s=0.3).project("web").create_standard_snapshot(a_snapshot(), send_before=SOON)
    assert len(server.asked("/snapshots")) == 1
    assert not caught.value.maybe_done


async def test_a_project_that_iam_does_not_know_rests_alone(cloud: HttpCloud, server: ScriptedCloud) -> None:
    server.on("POST", TOKENS, Reply(404, {"error": {"code": 404, "message": "Could not find project"}}))
    with pytest.raises(CredentialRefused, match="does not know the project"):
        await cloud.project("web").show_disk(DISK)
    assert cloud.resting("web") is not None
    assert cloud.resting("shop") is None


@pytest.mark.parametrize("reply", [Reply(503), Reply(201, {"token": {}}), Reply(end="drop")])
async def test_without_a_token_nothing_of_a_create_was_done(
    cloud: HttpCloud, server: ScriptedCloud, reply: Reply
) -> None:
    server.on("POST", TOKENS, reply)
    with pytest.raises(CloudUnavailable) as caught:
        await cloud.project("web").create_standard_snapshot(a_snapshot(), send_before=SOON)
    assert not caught.value.maybe_done
    assert server.asked("/snapshots") == []
    assert cloud.resting("web") is None


async def test_a_throttled_iam_slows_the_project_down(
    cloud: HttpCloud, server: ScriptedCloud, clock: FakeClock
) -> None:
    server.on("POST", TOKENS, Reply(429, {"error_code": "IAM.0012", "error_msg": ""}), server.token())
    server.on("GET", SHOW, SHOWN)
    with pytest.raises(Throttled):
        await cloud.project("web").show_snapshot(SNAPSHOT)
    await cloud.project("web").show_snapshot(SNAPSHOT)
    assert clock.slept == [2.0]


@pytest.mark.parametrize(
    "refusal", [evs_error(403, "EVS.5403"), evs_error(401, "EVS.2055"), evs_error(400, "Common.0018")]
)
async def test_a_missing_right_renews_nothing_and_rests_nothing(
    cloud: HttpCloud, server: ScriptedCloud, refusal: Reply
) -> None:
    server.on("GET", SHOW, refusal)
    with pytest.raises(CloudRefused) as caught:
        await cloud.project("web").show_snapshot(SNAPSHOT)
    assert type(caught.value) is CloudRefused
    assert (server.tokens, len(server.asked(SHOW)), cloud.resting("web")) == (1, 1, None)


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_set_changes_neither_how_long_a_password_rests_nor_when_a_token_is_renewed(
    cloud: HttpCloud, server: ScriptedCloud, clock: FakeClock, hours: int
) -> None:
    server.on("GET", SHOW, SHOWN)
    server.on("POST", TOKENS, Reply(401), server.token())
    with pytest.raises(CredentialRefused):
        await cloud.project("web").show_snapshot(SNAPSHOT)
    clock.step(timedelta(hours=hours))
    with pytest.raises(CredentialRefused):
        await cloud.project("web").show_snapshot(SNAPSHOT)
    assert len(server.seen) == 1
    clock.time += timedelta(minutes=5)
    await cloud.project("web").show_snapshot(SNAPSHOT)
    asked_for = server.tokens
    clock.step(timedelta(hours=hours))
    await cloud.project("web").show_snapshot(SNAPSHOT)
    assert server.tokens == asked_for
