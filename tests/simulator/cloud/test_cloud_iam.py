"""Tokens, projects and the metadata service."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from bot.simulator.cloud import CloudSimulator

PAYMENTS = "0123456789abcdef0123456789abcdef"
LIST = f"/v5/{PAYMENTS}/snapshots/detail"
PASSWORD = "sim-password-not-a-secret"


def a_login(*, password: str = PASSWORD, scope: dict[str, Any] | None = None) -> dict[str, Any]:
    user = {"name": "snapshot-bot", "domain": {"name": "ACME"}, "password": password}
    identity = {"methods": ["password"], "password": {"user": user}}
    return {"auth": {"identity": identity, "scope": scope or {"project": {"id": PAYMENTS}}}}


async def login(client: httpx.AsyncClient, **changes: Any) -> httpx.Response:
    return await client.post("/v3/auth/tokens", json=a_login(**changes))


async def test_each_answer_is_dated_by_the_clouds_own_clock(anonymous: httpx.AsyncClient) -> None:
    for answer in (await login(anonymous), await login(anonymous, password="wrong"), await anonymous.get("/nowhere")):
        assert answer.headers["Date"] == "Mon, 23 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize("scope", [{"project": {"id": PAYMENTS}}, {"project": {"name": "ap-southeast-3"}}])
async def test_a_password_gets_a_project_token(anonymous: httpx.AsyncClient, scope: dict[str, Any]) -> None:
    response = await login(anonymous, scope=scope)
    token = response.json()["token"]
    assert (response.status_code, token["project"]["id"]) == (201, PAYMENTS)
    assert (token["issued_at"], token["expires_at"]) == ("2026-11-23T12:00:00.000000Z", "2026-11-24T12:00:00.000000Z")
    listed = await anonymous.get(LIST, headers={"X-Auth-Token": response.headers["X-Subject-Token"]})
    assert listed.json() == {"snapshots": []}


async def test_a_domain_scope_gets_an_account_token_that_evs_refuses(anonymous: httpx.AsyncClient) -> None:
    response = await login(anonymous, scope={"domain": {"name": "ACME"}})
    assert "project" not in response.json()["token"]
    refused = await anonymous.get(LIST, headers={"X-Auth-Token": response.headers["X-Subject-Token"]})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "Common.0018")


async def test_a_wrong_password_and_a_bad_body_are_refused_in_iam_words(anonymous: httpx.AsyncClient) -> None:
    wrong = await login(anonymous, password="guess")
    message = "The username or password is wrong."
    assert (wrong.status_code, wrong.json()) == (
        401,
        {"error": {"code": 401, "message": message, "title": "Unauthorized"}},
    )
    bad = await anonymous.post("/v3/auth/tokens", content=b"{")
    message = "The request body is invalid"
    assert (bad.status_code, bad.json()) == (400, {"error": {"code": 400, "message": message, "title": "Bad Request"}})


async def test_five_wrong_passwords_lock_the_user_out_for_fifteen_minutes(
    sim: CloudSimulator, anonymous: httpx.AsyncClient, wind: Callable[[float], None]
) -> None:
    for _ in range(5):
        assert (await login(anonymous, password="guess")).status_code == 401
    assert (await login(anonymous)).json()["error_code"] == "IAM.0061"
    sim.world.switches.lockout_as_plain_401 = True
    message = "Account locked."
    assert (await login(anonymous)).json() == {"error": {"code": 401, "message": message, "title": "Unauthorized"}}
    wind(901)
    assert (await login(anonymous)).status_code == 201


@pytest.mark.parametrize(("field", "code"), [("enabled", "IAM.0082"), ("programmatic_access", "IAM.0081")])
async def test_a_user_who_may_not_log_in_is_told_why(
    sim: CloudSimulator, anonymous: httpx.AsyncClient, field: str, code: str
) -> None:
    setattr(sim.world.users[0], field, False)
    response = await login(anonymous)
    assert (response.status_code, response.json()["error_code"]) == (403, code)


async def test_a_token_ends_after_its_lifetime(http: httpx.AsyncClient, wind: Callable[[float], None]) -> None:
    wind(86_399)
    assert (await http.get(LIST)).status_code == 200
    wind(1)
    refused = await http.get(LIST)
    assert (refused.status_code, refused.json()["error_code"]) == (401, "APIGW.0301")
    assert refused.json()["error_msg"] == "Incorrect IAM authentication information: token expires"


async def test_switches_choose_how_a_bad_token_is_refused(sim: CloudSimulator, anonymous: httpx.AsyncClient) -> None:
    sim.world.switches.token_error = "EVS.0002"
    refused = await anonymous.get(LIST, headers={"X-Auth-Token": "made up"})
    assert (refused.status_code, refused.json()) == (400, {"error": {"code": "EVS.0002", "message": "invalid token!"}})
    sim.world.switches.project_error = "APIGW.0307"
    token = (await login(anonymous, scope={"project": {"name": "ap-southeast-3_shop"}})).headers["X-Subject-Token"]
    refused = await anonymous.get(LIST, headers={"X-Auth-Token": token})
    assert (refused.status_code, refused.json()["error_msg"]) == (401, "The token must be updated.")


async def test_a_call_without_credentials_is_refused_by_the_gateway(anonymous: httpx.AsyncClient) -> None:
    refused = await anonymous.get(LIST)
    assert (refused.status_code, set(refused.json())) == (401, {"error_code", "error_msg", "request_id"})
    assert refused.json()["request_id"] == refused.headers["X-Request-Id"]


async def test_projects_are_listed_all_by_name_and_as_allowed(sim: CloudSimulator, http: httpx.AsyncClient) -> None:
    everything = (await http.get("/v3/projects")).json()["projects"]
    assert [project["name"] for project in everything] == [
        "ap-southeast-3",
        "ap-southeast-3_shop",
        "eu-west-0",
    ]
    named = (await http.get("/v3/projects", params={"name": "ap-southeast-3_shop"})).json()["projects"]
    assert [project["id"] for project in named] == [sim.world.project("shop").project_id]
    for token in sim.world.tokens.values():
        token.projects = ["payments-prod"]
    allowed = (await http.get("/v3/auth/projects")).json()["projects"]
    assert [project["id"] for project in allowed] == [PAYMENTS]


async def test_the_agency_gives_a_token_only_under_its_own_name(http: httpx.AsyncClient) -> None:
    def assume(name: str) -> dict[str, Any]:
        role = {"agency_name": name, "domain_name": "ACME"}
        return {"auth": {"identity": {"methods": ["assume_role"], "assume_role": role}}}

    granted = await http.post("/v3/auth/tokens", json=assume("snapshot-bot-agency"))
    assert granted.json()["token"]["user"]["name"] == "ACME/snapshot-bot-agency"
    assert (await http.post("/v3/auth/tokens", json=assume("other"))).status_code == 403


async def test_a_token_can_be_turned_into_a_temporary_key_for_fifteen_minutes(http: httpx.AsyncClient) -> None:
    body = {"auth": {"identity": {"methods": ["token"], "token": {"duration_seconds": 900}}}}
    response = await http.post("/v3.0/OS-CREDENTIAL/securitytokens", json=body)
    assert (response.status_code, response.json()["credential"]["expires_at"]) == (201, "2026-11-23T12:15:00.000000Z")
    body["auth"]["identity"]["token"] = {"duration_seconds": 899}
    assert (await http.post("/v3.0/OS-CREDENTIAL/securitytokens", json=body)).status_code == 400


async def test_the_metadata_service_keeps_its_key_and_renews_it_in_time(
    anonymous: httpx.AsyncClient, wind: Callable[[float], None]
) -> None:
    async def access() -> str:
        return str((await anonymous.get("/openstack/latest/securitykey")).json()["credential"]["access"])

    assert (await anonymous.put("/meta-data/latest/api/token")).status_code == 404
    first = await access()
    wind(3600)
    assert await access() == first
    wind(3 * 3600)
    assert await access() != first


async def test_the_metadata_service_can_insist_on_its_own_token(
    sim: CloudSimulator, anonymous: httpx.AsyncClient
) -> None:
    sim.world.switches.metadata_token_required = True
    assert (await anonymous.get("/openstack/latest/securitykey")).status_code == 401
    token = await anonymous.put("/meta-data/latest/api/token", headers={"X-Metadata-Token-Ttl-Seconds": "21600"})
    key = await anonymous.get("/openstack/latest/securitykey", headers={"X-Metadata-Token": token.text})
    assert set(key.json()["credential"]) == {"access", "secret", "securitytoken", "expires_at"}


async def test_a_machine_without_an_agency_says_so(sim: CloudSimulator, anonymous: httpx.AsyncClient) -> None:
    sim.world.agency = None
    response = await anonymous.get("/openstack/latest/securitykey")
    assert (response.status_code, "Please configure Cloud Service Agency first" in response.text) == (401, True)


async def test_the_journal_holds_no_password_token_or_secret(sim: CloudSimulator, http: httpx.AsyncClient) -> None:
    await login(http)
    key = {"access": {"key": "AK"}, "secret": {"key": "a-secret-key"}}
    await http.post("/v3/auth/tokens", json={"auth": {"identity": {"methods": ["hw_ak_sk"], "hw_ak_sk": key}}})
    await http.get("/openstack/latest/securitykey")
    await http.get(LIST)
    written = str(sim.journal)
    secrets = [PASSWORD, "a-secret-key", *sim.world.tokens, *(key.secret for key in sim.world.access_keys)]
    assert [secret for secret in secrets if secret in written] == []
    assert sim.calls("create_token")[0]["body"]["auth"]["identity"]["password"]["user"]["password"] == "***"
