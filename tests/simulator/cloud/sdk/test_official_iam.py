"""The official SDK logs in, reads projects, and gets temporary keys, which it then uses."""

import asyncio
from typing import Any

from bot.simulator.cloud import CloudSimulator
from tests.simulator.cloud.sdk.conftest import ACCESS, PAYMENTS, SECRET, OfficialClient

USER = {"name": "snapshot-bot", "domain": {"name": "ACME"}, "password": "sim-password-not-a-secret"}
AGENCY = {"agency_name": "snapshot-bot-agency", "domain_name": "ACME"}


def password(scope: dict[str, Any]) -> dict[str, Any]:
    return {"auth": {"identity": {"methods": ["password"], "password": {"user": USER}}, "scope": scope}}


async def test_a_password_gets_a_token_with_the_services_of_the_project(iam: OfficialClient) -> None:
    answer = await iam("keystone_create_user_token_by_password", body=password({"project": {"name": "ap-southeast-3"}}))
    assert (answer.token.project.id, answer.token.user.name) == (PAYMENTS, "snapshot-bot")
    assert {one.type for one in answer.token.catalog} == {"identity", "volumev2", "volumev3", "compute"}
    assert answer.x_subject_token.startswith("MII")
    known = await iam("keystone_validate_token", x_subject_token=answer.x_subject_token)
    assert (known.token.project.name, known.token.expires_at) == ("ap-southeast-3", answer.token.expires_at)
    account = await iam(
        "keystone_create_user_token_by_password", nocatalog="true", body=password({"domain": {"name": "ACME"}})
    )
    assert (account.token.project, account.token.domain.name, account.token.catalog) == (None, "ACME", [])


async def test_with_mfa_a_password_alone_is_not_enough(iam: OfficialClient, sim: CloudSimulator) -> None:
    sim.world.switches.iam_refuses = "mfa"
    body = password({"project": {"id": PAYMENTS}})
    identity = body["auth"]["identity"]
    identity["methods"].append("totp")
    identity["totp"] = {"user": {"id": sim.world.users[0].id, "passcode": "717273"}}
    answer = await iam("keystone_create_user_token_by_password_and_mfa", body=body)
    assert (answer.token.methods, answer.token.project.id) == (["password", "totp"], PAYMENTS)
    assert "717273" not in str(sim.journal)


async def test_projects_domains_catalog_and_versions(iam: OfficialClient) -> None:
    named = (await iam("keystone_list_projects", name="ap-southeast-3_shop")).projects
    assert [one.name for one in named] == ["ap-southeast-3_shop"]
    pages = [(await iam("keystone_list_projects", page=page, per_page=2)).projects for page in (1, 2)]
    assert [len(page) for page in pages] == [2, 1]
    assert (await iam("keystone_show_project", project_id=PAYMENTS)).project.name == "ap-southeast-3"
    assert len((await iam("keystone_list_auth_projects")).projects) == 3
    assert [one.name for one in (await iam("keystone_list_auth_domains")).domains] == ["ACME"]
    assert [one.type for one in (await iam("keystone_show_catalog")).catalog] == ["identity"]
    assert (await iam("keystone_show_version")).version.id == "v3.6"
    assert (await iam("keystone_list_versions")).versions.values[0].id == "v3.6"


async def test_the_agency_gives_a_token_and_a_key_that_works(iam: OfficialClient, sim: CloudSimulator) -> None:
    identity = {"methods": ["assume_role"], "assume_role": AGENCY}
    token = await iam(
        "keystone_create_agency_token",
        body={"auth": {"identity": identity, "scope": {"project": {"id": PAYMENTS}}}},
    )
    assert (token.token.user.name, token.token.assumed_by.user.name) == ("ACME/snapshot-bot-agency", "snapshot-bot")
    wanted = {"methods": ["assume_role"], "assume_role": AGENCY | {"duration_seconds": 3600}}
    answer = await iam("create_temporary_access_key_by_agency", body={"auth": {"identity": wanted}})
    key = answer.credential
    found = await asyncio.to_thread(_disks_with, sim, key.access, key.secret, key.securitytoken)
    assert found == 14


async def test_the_sdk_finds_the_project_that_is_named_like_the_region(sim: CloudSimulator) -> None:
    assert await asyncio.to_thread(_disks_with, sim, ACCESS, SECRET, None) == 14
    assert "list_projects" in {call["operation"] for call in sim.journal}


def _disks_with(sim: CloudSimulator, access: str, secret: str, security_token: str | None) -> int:
    """How many disks the SDK counts with that key, where it is told no project."""
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkcore.region.region import Region
    from huaweicloudsdkevs.v2 import EvsClient, ListVolumesRequest

    credentials = BasicCredentials(access, secret).with_iam_endpoint(sim.url)
    if security_token is not None:
        credentials = credentials.with_security_token(security_token)
    BasicCredentials._CACHE.clear()
    client = EvsClient.new_builder().with_credentials(credentials).with_region(Region("ap-southeast-3", sim.url))
    return int(client.build().list_volumes(ListVolumesRequest()).count)
