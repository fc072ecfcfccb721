"""Enterprise projects, STS, and what a token says of itself."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from bot.simulator.cloud import CloudSimulator

Wind = Callable[[float], None]
ASSUME = "/v5/agencies/assume-with-oidc"
ROLE = {
    "agency_urn": "iam::ac3e0000000000000000000000000001:agency:snapshot-bot-agency",
    "provider_urn": "iam::ac3e0000000000000000000000000001:oidc:cluster",
    "agency_session_name": "bot",
    "id_token": "a.b.c",
}


async def test_enterprise_projects_are_listed_and_found_by_name(http: httpx.AsyncClient) -> None:
    every = (await http.get("/v1.0/enterprise-projects")).json()
    assert ([one["name"] for one in every["enterprise_projects"]], every["total_count"]) == (["default", "finance"], 2)
    one = (await http.get("/v1.0/enterprise-projects", params={"name": "finance"})).json()
    assert one["total_count"] == 1


async def test_the_caller_is_told_its_account(http: httpx.AsyncClient, sim: CloudSimulator) -> None:
    told = (await http.get("/v5/caller-identity")).json()
    assert (told["account_id"], told["principal_urn"].endswith(":user:snapshot-bot")) == (sim.world.domain_id, True)


async def test_an_oidc_token_gets_a_temporary_key_of_the_agency(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.post(ASSUME, json=ROLE)
    assert (answer.status_code, set(answer.json()["credentials"])) == (
        201,
        {"access_key_id", "secret_access_key", "security_token", "expiration"},
    )
    assert answer.json()["credentials"]["expiration"] == "2026-11-23T13:00:00.000000Z"


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"agency_urn": "iam::x:agency:other"}, 403), ({"id_token": ""}, 403), ({"provider_urn": None}, 400)],
)
async def test_others_get_no_key(anonymous: httpx.AsyncClient, changes: dict[str, Any], status: int) -> None:
    assert (await anonymous.post(ASSUME, json=ROLE | changes)).status_code == status


async def test_a_token_that_has_ended_is_unknown(http: httpx.AsyncClient, wind: Wind) -> None:
    token = {"X-Subject-Token": http.headers["X-Auth-Token"]}
    shown = (await http.get("/v3/auth/tokens", headers=token)).json()["token"]
    assert (shown["project"]["name"], shown["issued_at"]) == ("ap-southeast-3", "2026-11-23T12:00:00.000000Z")
    assert (await http.get("/v3/auth/tokens", headers={"X-Subject-Token": "made up"})).status_code == 404
