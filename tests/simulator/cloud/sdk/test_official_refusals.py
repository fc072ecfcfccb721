"""Refusals reach the official SDK as its own exceptions, with code, message and request id."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from huaweicloudsdkcore.exceptions.exceptions import ServerResponseException, ServiceResponseException

from bot.simulator.cloud import CloudSimulator
from bot.simulator.cloud.world import IamRefusal
from tests.simulator.cloud.sdk.conftest import ACCESS, PAYMENTS, OfficialClient, official
from tests.simulator.cloud.sdk.test_official_iam import AGENCY, USER, password

NOWHERE = "00000000-0000-4000-8000-000000000000"
Wind = Callable[[float], None]
Step = tuple[str, dict[str, Any]]


def disk(number: int) -> str:
    return f"d15c0000-{number:04d}-4000-8000-{number:012d}"


SPARE, ORDERS, ORDERS_WAL = disk(12), disk(4), disk(5)
OF_SPARE, OF_ORDERS = "{of spare-disk}", "{of orders-db}"
FROM = {"snapshot_id": OF_SPARE, "availability_zone": "ap-southeast-3c", "size": 100, "volume_type": "SSD"}


def snapshot(**fields: Any) -> Step:
    return "create_standard_snapshot", {"body": {"snapshot": {"volume_id": SPARE, **fields}}}


def group(**fields: Any) -> Step:
    return "create_snapshot_group", {"body": {"snapshot_group": fields}}


def volume(**fields: Any) -> Step:
    return "create_volume", {"body": {"volume": FROM | fields}}


def roll_back(snapshot_id: str, volume_id: str) -> Step:
    return "rollback_standard_snapshot", {"snapshot_id": snapshot_id, "body": {"rollback": {"volume_id": volume_id}}}


EVS = [
    (snapshot(volume_id=NOWHERE), 404, "EVS.5404"),
    (snapshot(volume_id="x"), 400, "EVS.1002"),
    (snapshot(volume_id=disk(10)), 400, "EVS.5400"),
    (snapshot(volume_id=disk(14)), 400, "EVS.2108"),
    (snapshot(volume_id=disk(3), instant_access=True), 400, "EVS.2108"),
    (snapshot(name="n" * 65), 400, "EVS.2108"),
    (snapshot(tags={"a b": "c"}), 400, "EVS.1062"),
    (snapshot(tags={f"k{number}": "" for number in range(21)}), 400, "EVS.1061"),
    (snapshot(enterprise_project_id="x"), 400, "EVS.2059"),
    (snapshot(retention_days=65_537), 400, "EVS.2108"),
    (("show_standard_snapshot", {"snapshot_id": "x"}), 400, "EVS.2045"),
    (("show_standard_snapshot", {"snapshot_id": NOWHERE}), 404, "EVS.5404"),
    (("list_snapshots_details", {"limit": "many"}), 400, "EVS.5400"),
    (("list_snapshots_details", {"limit": "1001"}), 400, "EVS.2142"),
    (("list_snapshots_details", {"marker": "x"}), 400, "EVS.1024"),
    (("list_snapshots_details", {"sort_key": "colour"}), 400, "EVS.1039"),
    (("list_snapshots_details", {"sort_dir": "up"}), 400, "EVS.1040"),
    (("show_job", {"job_id": "0" * 32}), 400, "Common.0011"),
    (("show_volume", {"volume_id": NOWHERE}), 404, "EVS.5404"),
    (group(volume_ids=[ORDERS, ORDERS_WAL]), 400, "EVS.5400"),
    (group(volume_ids=[]), 400, "EVS.2108"),
    (group(volume_ids=[ORDERS], name="ö" * 128), 400, "EVS.2108"),
    (roll_back(OF_ORDERS, ORDERS), 400, "EVS.5400"),
    (roll_back(OF_SPARE, ORDERS), 400, "EVS.5400"),
    (roll_back(NOWHERE, SPARE), 404, "EVS.5404"),
    (volume(availability_zone="ap-southeast-3a"), 400, "EVS.2054"),
    (volume(volume_type="SAS"), 400, "EVS.2096"),
    (volume(size=99), 400, "EVS.1010"),
    (volume(snapshot_id=NOWHERE), 404, "EVS.5404"),
    (volume(metadata={"__system__encrypted": "1"}), 400, "EVS.1043"),
    (("delete_volume", {"volume_id": ORDERS}), 400, "EVS.1046"),
    (("resize_volume", {"volume_id": SPARE, "body": {"os-extend": {"new_size": 100}}}), 400, "EVS.1010"),
    (("update_standard_snapshot", {"snapshot_id": OF_SPARE, "body": {"snapshot": {}}}), 400, "EVS.1007"),
    (("cinder_list_quotas", {"target_project_id": "0" * 32, "usage": "True"}), 403, "EVS.5403"),
    (("show_auto_snapshot_policy", {"snapshot_policy_id": NOWHERE}), 404, "EVS.5404"),
    (("show_volume_in_recycle", {"volume_id": SPARE}), 404, "EVS.5404"),
]

REFUSED_AT_LOGIN: list[tuple[IamRefusal, tuple[int, str]]] = [
    ("mfa", (401, "401")),
    ("locked", (401, "IAM.0061")),
    ("disabled", (403, "IAM.0082")),
    ("console_only", (403, "IAM.0081")),
    ("throttled", (429, "IAM.0012")),
    ("bad_request", (400, "IAM.0011")),
]


async def refused(client: OfficialClient, method: str, fields: dict[str, Any]) -> ServiceResponseException:
    """The exception of the SDK, which must name the request."""
    with pytest.raises(ServiceResponseException) as caught:
        await client(method, **fields)
    error = caught.value
    assert error.error_msg
    assert len(error.request_id) == 32
    return error


def code(error: ServiceResponseException) -> tuple[int, str]:
    return error.status_code, error.error_code


async def _of(evs: OfficialClient, volume_id: str) -> str:
    made = await evs("create_standard_snapshot", body={"snapshot": {"volume_id": volume_id}})
    return str(made.snapshot_id)


async def test_evs_refuses(evs: OfficialClient, wind: Wind) -> None:
    ids = {OF_SPARE: await _of(evs, SPARE), OF_ORDERS: await _of(evs, ORDERS)}
    wind(9)

    def named(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: named(part) for name, part in value.items()}
        return ids.get(value, value) if isinstance(value, str) else value

    met = {(method, str(fields)): code(await refused(evs, method, named(fields))) for (method, fields), _, _ in EVS}
    assert met == {(method, str(fields)): (status, wanted) for (method, fields), status, wanted in EVS}
    busy = {"body": {"snapshot": {"volume_id": SPARE}}}
    await evs("create_standard_snapshot", **busy)
    assert code(await refused(evs, "create_standard_snapshot", busy)) == (409, "EVS.2409")
    assert code(await refused(evs, *group(volume_ids=[SPARE]))) == (400, "EVS.2409")
    method, fields = roll_back(ids[OF_SPARE], SPARE)
    assert code(await refused(evs, method, fields)) == (400, "EVS.2068")
    wind(9)
    await evs("delete_standard_snapshot", snapshot_id=ids[OF_SPARE])
    gone = {"snapshot_id": ids[OF_SPARE]}
    assert code(await refused(evs, "delete_standard_snapshot", gone)) == (400, "EVS.1047")
    assert code(await refused(evs, method, fields)) == (400, "EVS.2043")


@pytest.mark.parametrize(
    ("kind", "options", "status", "wanted"),
    [
        ("500_before", {}, 500, "EVS.2001"),
        ("503", {}, 503, "EVS.5503"),
        ("429", {}, 429, "APIGW.0308"),
        ("error", {"status": 404, "code": "APIGW.0101", "shape": "gateway"}, 404, "APIGW.0101"),
        ("error", {"status": 400, "shape": "cinder"}, 400, "400"),
        ("error", {"status": 400, "code": "X.1", "shape": "camel"}, 400, "X.1"),
    ],
)
async def test_faults_are_refusals_too(
    evs: OfficialClient, sim: CloudSimulator, kind: str, options: dict[str, Any], status: int, wanted: str
) -> None:
    sim.fault("create_snapshot", kind, **options)
    error = await refused(evs, *snapshot())
    assert (error.status_code, str(error.error_code)) == (status, wanted)
    assert isinstance(error, ServerResponseException) == (status >= 500)


async def test_keys_are_refused_at_the_gateway(sim: CloudSimulator, ahead: list[float]) -> None:
    quotas = ("cinder_list_quotas", {"target_project_id": PAYMENTS})
    stranger, liar = official("evs", sim, "SIMAK999", "x"), official("evs", sim, ACCESS, "wrong")
    assert code(await refused(stranger, *quotas)) == (401, "APIGW.0301")
    assert code(await refused(liar, *quotas)) == (401, "APIGW.0301")
    ahead[0] = 901
    late = await refused(official("evs", sim), *quotas)
    assert (code(late), "verify aksk signature fail" in late.error_msg) == ((401, "APIGW.0301"), True)
    ahead[0] = 0
    sim.world.switches.key_refused_with = "IAM.1105"
    assert code(await refused(official("evs", sim), *quotas)) == (400, "IAM.1105")


async def test_a_region_without_standard_snapshots_has_no_such_api(evs: OfficialClient, sim: CloudSimulator) -> None:
    sim.world.project(PAYMENTS).v5_offered = False
    assert code(await refused(evs, *snapshot())) == (404, "APIGW.0101")


async def test_ecs_refuses(ecs: OfficialClient, sim: CloudSimulator) -> None:
    assert code(await refused(ecs, "show_server", {"server_id": NOWHERE})) == (404, "Ecs.0114")
    assert code(await refused(ecs, "list_servers_details", {"limit": 1001})) == (400, "Ecs.0005")
    assert code(await refused(ecs, "list_cloud_servers", {"limit": 101})) == (400, "Ecs.0005")
    assert code(await refused(ecs, "list_cloud_servers", {"marker": NOWHERE})) == (400, "Ecs.0005")
    sim.world.users[0].denied_actions = ["ecs:cloudServers:list"]
    assert code(await refused(ecs, "list_servers_details", {})) == (403, "Pdp.0001")
    sim.world.switches.servers_refused_with = "Ecs.0003"
    assert code(await refused(ecs, "list_servers_details", {})) == (403, "Ecs.0003")


async def test_iam_refuses(iam: OfficialClient, sim: CloudSimulator) -> None:
    async def login(user: dict[str, Any] | None = None, scope: dict[str, Any] | None = None) -> tuple[int, str]:
        body = password(scope or {"project": {"id": PAYMENTS}})
        body["auth"]["identity"]["password"]["user"] = user or USER
        error = await refused(iam, "keystone_create_user_token_by_password", {"body": body})
        return error.status_code, str(error.error_code)

    assert await login(USER | {"password": "wrong"}) == (401, "401")
    assert await login(USER | {"domain": {"name": "OTHER"}}) == (401, "401")
    assert await login({"name": "snapshot-bot", "password": "x"}) == (400, "400")
    assert await login(scope={"project": {"name": "nowhere"}}) == (404, "404")
    assert await login(scope={"domain": {"name": "OTHER"}}) == (404, "404")
    sim.world.users[0].projects = ["shop"]
    assert await login() == (403, "403")
    for why, refusal in REFUSED_AT_LOGIN:
        sim.world.switches.iam_refuses = why
        assert await login() == refusal
    other = {"methods": ["assume_role"], "assume_role": AGENCY | {"agency_name": "other"}}
    strange = {"methods": ["assume_role"], "assume_role": AGENCY | {"domain_name": "OTHER"}}
    agency = "create_temporary_access_key_by_agency"
    for identity, status in ((other, 403), (strange, 404)):
        error = await refused(iam, agency, {"body": {"auth": {"identity": identity}}})
        assert (error.status_code, str(error.error_code)) == (status, str(status))
    sim.world.users[0].actions = []
    error = await refused(iam, "keystone_list_projects", {})
    assert (error.status_code, "iam:projects:listProjects" in error.error_msg) == (403, True)


async def test_calls_at_the_wrong_address_meet_no_api(sim: CloudSimulator) -> None:
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkecs.v2 import EcsClient, ListServersDetailsRequest

    credentials = BasicCredentials(ACCESS, "x", PAYMENTS)
    client = EcsClient.new_builder().with_credentials(credentials).with_endpoints([sim.url]).build()
    with pytest.raises(ServiceResponseException) as caught:
        await asyncio.to_thread(client.list_servers_details, ListServersDetailsRequest())
    assert code(caught.value) == (404, "APIGW.0101")
