"""Every documented path answers as itself, and every operation can be told to fail."""

import inspect
import re

import httpx
import pytest

from bot.simulator.cloud import CloudSimulator
from bot.simulator.cloud.core import ROUTES
from bot.simulator.cloud.faults import OPERATIONS

PAYMENTS = "0123456789abcdef0123456789abcdef"
ANY_ID = "00000000-0000-4000-8000-000000000000"
DOCUMENTED = """
    POST /v5/{p}/snapshots
    GET /v5/{p}/snapshots/detail
    GET /v5/{p}/snapshots/count
    GET /v5/{p}/snapshots/tags
    GET /v5/{p}/snapshots/{id}
    PUT /v5/{p}/snapshots/{id}
    DELETE /v5/{p}/snapshots/{id}
    POST /v5/{p}/snapshots/{id}/rollback
    POST /v5/{p}/snapshots/{id}/tags/create
    POST /v5/{p}/snapshots/{id}/tags/delete
    GET /v5/{p}/snapshot-chains
    GET /v5/{p}/snapshot-chains/count
    POST /v5/{p}/snapshot-groups
    GET /v5/{p}/snapshot-groups/detail
    GET /v5/{p}/snapshot-groups/count
    GET /v5/{p}/snapshot-groups/tags
    GET /v5/{p}/snapshot-groups/{id}
    PUT /v5/{p}/snapshot-groups/{id}
    DELETE /v5/{p}/snapshot-groups/{id}
    POST /v5/{p}/snapshot-groups/{id}/tags/create
    POST /v5/{p}/snapshot-groups/{id}/tags/delete
    POST /v5/{p}/snapshot-policies
    GET /v5/{p}/snapshot-policies
    GET /v5/{p}/snapshot-policies/count
    GET /v5/{p}/snapshot-policies/{id}
    PUT /v5/{p}/snapshot-policies/{id}
    DELETE /v5/{p}/snapshot-policies/{id}
    POST /v5/{p}/snapshot-policies/{id}/associate
    POST /v5/{p}/snapshot-policies/{id}/disassociate
    GET /v1/{p}/jobs/{id}
    GET /v2/{p}/jobs/{id}
    GET /v2/{p}/cloudvolumes/detail
    GET /v2/{p}/cloudvolumes/tags
    GET /v2/{p}/cloudvolumes/{id}
    GET /v2/{p}/cloudvolumes/{id}/tags
    DELETE /v2/{p}/cloudvolumes/{id}
    POST /v2/{p}/cloudvolumes/resource_instances/action
    POST /v2/{p}/cloudvolumes/unsubscribe
    POST /v2.1/{p}/cloudvolumes
    GET /v2/{p}/cloudsnapshots/detail
    GET /v2/{p}/cloudsnapshots/{id}
    POST /v2/{p}/cloudsnapshots
    POST /v2/{p}/cloudsnapshots/{id}/rollback
    GET /v2/{p}/os-quota-sets/{p}
    GET /v3/{p}/os-quota-sets/{p}
    GET /v3/{p}/recycle-bin-volumes/detail
    GET /v3/{p}/recycle-bin-volumes/policy
    PUT /v3/{p}/recycle-bin-volumes/policy
    GET /v3/{p}/recycle-bin-volumes/{id}
    DELETE /v3/{p}/recycle-bin-volumes/{id}
    POST /v3/{p}/recycle-bin-volumes/{id}/revert
    POST /v3/auth/tokens
    GET /v3/projects
    GET /v3/auth/projects
    POST /v3.0/OS-CREDENTIAL/securitytokens
    POST /v5/agencies/assume-with-oidc
    GET /v5/caller-identity
    GET /v1.0/enterprise-projects
    PUT /meta-data/latest/api/token
    GET /openstack/latest/securitykey
"""
OF_SERVERS = """
    GET /v1/{p}/cloudservers/detail
    GET /v1.1/{p}/cloudservers/detail
    GET /v1/{p}/cloudservers/{id}
    GET /v1/{p}/cloudservers/{id}/block_device
    GET /v2.1/{p}/servers/detail
"""
NO_SUCH_API = "APIGW.0101"


def paths(text: str) -> list[tuple[str, str]]:
    return [
        (method, path.replace("{p}", PAYMENTS).replace("{id}", ANY_ID))
        for method, path in (line.split() for line in text.split("\n") if line.strip())
    ]


@pytest.mark.parametrize(("method", "path"), paths(DOCUMENTED))
async def test_a_documented_path_answers_as_itself(http: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await http.request(method, path)
    assert (answer.status_code < 500, NO_SUCH_API in answer.text) == (True, False)


@pytest.mark.parametrize(("method", "path"), paths(OF_SERVERS))
async def test_servers_answer_at_their_own_address_alone(
    http: httpx.AsyncClient, sim: CloudSimulator, method: str, path: str
) -> None:
    answer = await http.request(method, f"{sim.ecs_url}{path}")
    assert (answer.status_code < 500, NO_SUCH_API in answer.text) == (True, False)
    assert NO_SUCH_API in (await http.request(method, path)).text


def test_each_operation_can_be_told_to_fail_and_no_other() -> None:
    assert {route.operation for route in ROUTES} | {"any", "order"} == OPERATIONS


def test_what_the_official_sdk_can_call_and_the_simulator_has_not() -> None:
    from huaweicloudsdkevs.v2 import EvsClient

    source = inspect.getsource(EvsClient)
    has = {re.sub(r"{\w+}", "{}", route.path) for route in ROUTES}
    missing = [
        path for path in re.findall(r'"resource_path": "([^"]+)"', source) if re.sub(r"{\w+}", "{}", path) not in has
    ]
    assert sorted(set(missing)) == [
        "/v2/{project_id}/cloudvolumes/change-charge-mode",
        "/v2/{project_id}/os-volume-transfer",
        "/v2/{project_id}/os-volume-transfer/{transfer_id}",
        "/v2/{project_id}/os-volume-transfer/{transfer_id}/accept",
        "/v2/{project_id}/volumes/{volume_id}/retype",
        "/v5/{project_id}/cloudvolumes/{volume_id}/qos",
        "/v5/{project_id}/volumes/batch-extend",
        "/{version}",
    ], "named in bot/simulator/cloud/__init__.py"
