"""Nothing that opens the cloud shows in an exception, a repr, a traceback or a log line, whatever goes wrong."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable

import httpx
import pytest

from bot.domain.errors import CloudError
from bot.domain.projects import Credentials
from tests.evs.conftest import Build
from tests.fakes.scripted_cloud import (
    ACCESS_KEY,
    PASSWORD,
    SECRET_KEY,
    SECURITY_TOKEN,
    Reply,
    ScriptedCloud,
    a_password,
    a_snapshot,
    an_access_key,
    an_agency,
    evs_error,
    gateway_error,
)

SECRETS = (PASSWORD, ACCESS_KEY, SECRET_KEY, SECURITY_TOKEN, "kept-to-myself", "Signature=", "SDK-HMAC", "|x-sdk-date")
ECHO = f"{PASSWORD} {ACCESS_KEY} token-1-kept-to-myself Signature=abc SDK-HMAC-SHA256 GET|/v5|x-sdk-date:1|x"
MISHAPS = {
    "drop": Reply(end="drop"),
    "hang": Reply(end="hang"),
    "refused": gateway_error(401, "APIGW.0301", ECHO),
    "gateway": gateway_error(403, "APIGW.0302", ECHO),
    "token": evs_error(400, "EVS.0002", ECHO),
    "busy": evs_error(409, "EVS.2409", ECHO),
    "html": Reply(502, f"<html>{ECHO}".encode()),
    "html refusal": Reply(403, f"<html>{ECHO}".encode()),
    "unreadable": Reply(202, {"job_id": [ECHO]}),
    "throttled": Reply(429, {"error_code": ECHO, "error_msg": ECHO}),
    "redirect": Reply(301, b"", {"Location": "/" + PASSWORD}),
}
CREDENTIALS: dict[str, Callable[[str], Credentials]] = {
    "password": lambda url: a_password(),
    "access key": lambda url: an_access_key(temporary=True),
    "agency": an_agency,
}


def _chain(error: BaseException | None) -> list[BaseException]:
    return [] if error is None else [error, *_chain(error.__cause__), *_chain(error.__context__)]


def _shown(error: BaseException, caplog: pytest.LogCaptureFixture) -> str:
    parts = [f"{one!s} {one!r} {one.args!r} {one.__dict__!r}" for one in _chain(error)]
    lines = [f"{record.getMessage()} {record.__dict__!r}" for record in caplog.records]
    return "\n".join((*parts, *traceback.format_exception(error), *lines))


@pytest.mark.parametrize("mishap", MISHAPS)
@pytest.mark.parametrize("kind", CREDENTIALS)
async def test_no_failure_shows_a_secret(
    build: Build, server: ScriptedCloud, caplog: pytest.LogCaptureFixture, kind: str, mishap: str
) -> None:
    caplog.set_level(logging.DEBUG)
    key = {"access": ACCESS_KEY, "secret": SECRET_KEY, "securitytoken": SECURITY_TOKEN, "expires_at": "2027-01-01"}
    server.on("PUT", "/api/token", Reply(200, b"metadata-token-kept-to-myself"))
    server.on("GET", "/securitykey", Reply(200, {"credential": key}))
    server.on("POST", "/snapshots", MISHAPS[mishap])
    cloud = build(CREDENTIALS[kind](server.url), deadline_s=0.4 if mishap == "hang" else 30.0)
    with pytest.raises(CloudError) as caught:
        await cloud.project("web").create_standard_snapshot(a_snapshot(), send_before=60.0)
    assert len(server.asked("/snapshots")) >= 1
    shown = _shown(caught.value, caplog)
    assert [secret for secret in SECRETS if secret in shown] == []
    assert not any(isinstance(one, httpx.HTTPError) for one in _chain(caught.value))


async def test_iam_and_metadata_failures_show_no_secret(
    build: Build, server: ScriptedCloud, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for reply in (Reply(401, f"<html>{ECHO}".encode()), Reply(end="drop"), gateway_error(403, "IAM.0081", ECHO)):
        server.on("POST", "/v3/auth/tokens", reply)
        server.on("GET", "/securitykey", reply)
        for credentials in (a_password(), an_agency(server.url)):
            with pytest.raises(CloudError) as caught:
                await build(credentials).project("web").list_disks()
            shown = _shown(caught.value, caplog)
            assert [secret for secret in SECRETS if secret in shown] == []


async def test_a_token_that_fits_in_no_header_is_not_shown(
    build: Build, server: ScriptedCloud, caplog: pytest.LogCaptureFixture
) -> None:
    key = {"access": "AKé" + ACCESS_KEY, "secret": SECRET_KEY, "securitytoken": f"{SECURITY_TOKEN}\r\nX: y"}
    server.on("PUT", "/api/token", Reply(404))
    server.on("GET", "/securitykey", Reply(200, {"credential": key}))
    with pytest.raises(CloudError) as caught:
        await build(an_agency(server.url)).project("web").list_disks()
    assert [secret for secret in SECRETS if secret in _shown(caught.value, caplog)] == []


async def test_an_unknown_error_that_echoes_the_call_is_quoted_without_its_secrets(
    build: Build, server: ScriptedCloud
) -> None:
    server.on("GET", "/detail", evs_error(400, "EVS.9999", f"bad call by {ACCESS_KEY} with {SECURITY_TOKEN}, sorry"))
    with pytest.raises(CloudError) as caught:
        await build(an_access_key(temporary=True)).project("web").list_disks()
    assert "“bad call by … with …, sorry”" in caught.value.sentence


def test_what_holds_credentials_has_a_silent_repr() -> None:
    for credentials in (a_password(), an_access_key(temporary=True)):
        assert [secret for secret in SECRETS if secret in repr(credentials)] == []
