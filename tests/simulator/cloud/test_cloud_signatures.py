"""Requests signed with AK/SK, checked against 29 vectors of the official signer and against the running gateway."""

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from multidict import CIMultiDict

from bot.simulator.cloud import CloudSimulator, signatures

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "data" / "signing-vectors.json").read_text("utf-8")
)["vectors"]
LIST = "/v5/0123456789abcdef0123456789abcdef/snapshots/detail"
AK, SK = "SIMAK000000000000001", "sim-sk-not-a-secret-000000000000000000001"


def signed(
    sim: CloudSimulator, at: datetime, *, ak: str = AK, sk: str = SK, headers: dict[str, str] | None = None
) -> dict[str, str]:
    """The headers of a signed GET of the snapshot list."""
    sent = {"host": sim.url.removeprefix("http://"), "x-sdk-date": at.strftime("%Y%m%dT%H%M%SZ"), **(headers or {})}
    names = ";".join(sorted(sent))
    lines = "".join(f"{name}:{sent[name]}\n" for name in sorted(sent))
    canonical = f"GET\n{LIST}/\n\n{lines}\n{names}\n{hashlib.sha256(b'').hexdigest()}"
    text = f"SDK-HMAC-SHA256\n{sent['x-sdk-date']}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(sk.encode(), text.encode(), hashlib.sha256).hexdigest()
    return sent | {"authorization": f"SDK-HMAC-SHA256 Access={ak}, SignedHeaders={names}, Signature={signature}"}


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_the_gateway_rebuilds_what_the_official_signer_signed(vector: dict[str, Any]) -> None:
    request, expected = vector["request"], vector["expected"]
    headers = CIMultiDict(expected["headers"])
    authorization = signatures.parse_authorization(expected["authorization"])
    assert authorization is not None
    body = (request["body"] or "").encode()
    canonical = signatures.canonical_request(
        request["method"], expected["request_uri"], headers, authorization.signed_headers, body
    )
    assert canonical == expected["canonical_request"]
    signature = signatures.signature(request["credentials"]["sk"], headers["X-Sdk-Date"], canonical)
    assert signature == authorization.signature == expected["signature"]


def test_there_are_29_vectors() -> None:
    assert len(VECTORS) == 29


async def test_a_signed_request_is_let_in(
    sim: CloudSimulator, anonymous: httpx.AsyncClient, clock: list[datetime]
) -> None:
    response = await anonymous.get(LIST, headers=signed(sim, clock[-1]))
    assert (response.status_code, sim.journal[-1]["auth"]) == (200, "signature")


async def test_a_wrong_signature_is_told_what_the_gateway_saw(
    sim: CloudSimulator, anonymous: httpx.AsyncClient, clock: list[datetime]
) -> None:
    response = await anonymous.get(LIST, headers=signed(sim, clock[-1], sk="another"))
    body = response.json()
    assert (response.status_code, body["error_code"]) == (401, "APIGW.0301")
    assert body["error_msg"].startswith("Incorrect IAM authentication information: verify aksk signature fail")
    assert f"GET|{LIST}/||host:" in body["error_msg"]


@pytest.mark.parametrize(("minutes", "status"), [(14, 200), (-14, 200), (16, 401), (-16, 401)])
async def test_clocks_may_differ_by_fifteen_minutes(
    sim: CloudSimulator, anonymous: httpx.AsyncClient, clock: list[datetime], minutes: int, status: int
) -> None:
    response = await anonymous.get(LIST, headers=signed(sim, clock[-1] + timedelta(minutes=minutes)))
    assert response.status_code == status


async def test_an_unknown_key_is_named(
    sim: CloudSimulator, anonymous: httpx.AsyncClient, clock: list[datetime]
) -> None:
    response = await anonymous.get(LIST, headers=signed(sim, clock[-1], ak="NOBODY"))
    assert response.json()["error_msg"].endswith("Get secretKey failed,ak:NOBODY,err:ak not exist")


async def test_six_failures_in_a_row_lock_the_key_for_five_minutes(
    sim: CloudSimulator, anonymous: httpx.AsyncClient, clock: list[datetime], wind: Callable[[float], None]
) -> None:
    for _ in range(6):
        refused = await anonymous.get(LIST, headers=signed(sim, clock[-1], sk="another"))
        assert "verify aksk signature fail" in refused.text
    locked = await anonymous.get(LIST, headers=signed(sim, clock[-1]))
    assert (locked.status_code, "AK access failed to reach the limit,forbidden" in locked.text) == (401, True)
    wind(301)
    assert (await anonymous.get(LIST, headers=signed(sim, clock[-1]))).status_code == 200


async def test_a_good_call_forgives_five_failures(
    sim: CloudSimulator, anonymous: httpx.AsyncClient, clock: list[datetime]
) -> None:
    for _ in range(2):
        for _ in range(5):
            await anonymous.get(LIST, headers=signed(sim, clock[-1], sk="another"))
        assert (await anonymous.get(LIST, headers=signed(sim, clock[-1]))).status_code == 200


async def test_a_temporary_key_works_only_with_its_security_token_and_until_its_end(
    sim: CloudSimulator, anonymous: httpx.AsyncClient, clock: list[datetime], wind: Callable[[float], None]
) -> None:
    key = (await anonymous.get("/openstack/latest/securitykey")).json()["credential"]
    pair = {"ak": key["access"], "sk": key["secret"]}
    token = {"x-security-token": key["securitytoken"]}
    assert "decrypt token fail" in (await anonymous.get(LIST, headers=signed(sim, clock[-1], **pair))).text
    assert (await anonymous.get(LIST, headers=signed(sim, clock[-1], **pair, headers=token))).status_code == 200
    wind(sim.world.timing.agency_key_seconds)
    assert "token expires" in (await anonymous.get(LIST, headers=signed(sim, clock[-1], **pair, headers=token))).text


async def test_a_key_of_another_project_is_kept_out(
    sim: CloudSimulator, anonymous: httpx.AsyncClient, clock: list[datetime]
) -> None:
    sim.world.access_keys[0].projects = ["shop"]
    response = await anonymous.get(LIST, headers=signed(sim, clock[-1]))
    assert (response.status_code, response.json()["error"]["code"]) == (403, "EVS.5403")
