"""Rights by action: the policies of the guide are enough for what the bot asks, and each action of theirs is needed."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from bot.simulator.cloud import CloudSimulator
from tests.fakes.cloud_rights import policy

PAYMENTS = "0123456789abcdef0123456789abcdef"
SPARE = "d15c0000-0012-4000-8000-000000000012"
NOWHERE = "00000000-0000-4000-8000-000000000000"
BY_TAG = {"action": "filter", "tags": [{"key": "tier", "values": []}]}
Wind = Callable[[float], None]


def asked(http: httpx.AsyncClient, sim: CloudSimulator) -> dict[str, Callable[[], Awaitable[httpx.Response]]]:
    """A call for each action of the policy."""
    disks, snapshots = f"/v2/{PAYMENTS}/cloudvolumes", f"/v5/{PAYMENTS}/snapshots"
    order = {"snapshot": {"volume_id": SPARE}}
    return {
        "evs:snapshots:create": lambda: http.post(snapshots, json=order),
        "evs:snapshots:get": lambda: http.get(f"{snapshots}/{next(iter(sim.world.snapshots))}"),
        "evs:snapshots:list": lambda: http.get(f"{snapshots}/detail"),
        "evs:volumes:get": lambda: http.get(f"{disks}/{SPARE}"),
        "evs:volumes:list": lambda: http.get(f"{disks}/detail"),
        "evs:volumeTags:get": lambda: http.post(f"{disks}/resource_instances/action", json=BY_TAG),
        "ecs:cloudServers:list": lambda: http.get(f"{sim.ecs_url}/v1/{PAYMENTS}/cloudservers/detail"),
    }


@pytest.fixture
async def with_a_snapshot(http: httpx.AsyncClient, sim: CloudSimulator, wind: Wind) -> CloudSimulator:
    await http.post(f"/v5/{PAYMENTS}/snapshots", json={"snapshot": {"volume_id": SPARE}})
    wind(9)
    return sim


async def test_the_policy_of_the_guide_is_enough(http: httpx.AsyncClient, with_a_snapshot: CloudSimulator) -> None:
    calls = asked(http, with_a_snapshot)
    assert calls.keys() == set(policy())
    with_a_snapshot.world.users[0].actions = policy()
    with_a_snapshot.world.users[0].denied_actions = policy(effect="Deny")
    assert {action: (await call()).status_code for action, call in calls.items()} == {
        action: 202 if action == "evs:snapshots:create" else 200 for action in policy()
    }


async def test_the_identity_policy_is_enough_and_makes_groups(
    http: httpx.AsyncClient, with_a_snapshot: CloudSimulator
) -> None:
    with_a_snapshot.world.users[0].actions = policy("5.0")
    group = {"snapshot_group": {"volume_ids": [SPARE]}}
    assert (await http.post(f"/v5/{PAYMENTS}/snapshot-groups", json=group)).status_code == 202
    assert (await http.get(f"/v5/{PAYMENTS}/snapshot-groups/detail")).status_code == 200
    calls = asked(http, with_a_snapshot)
    del calls["evs:snapshots:create"]
    assert all([(await call()).status_code == 200 for call in calls.values()])


async def test_what_the_guide_denies_is_refused_whatever_else_allows_it(
    http: httpx.AsyncClient, with_a_snapshot: CloudSimulator
) -> None:
    user, snapshot_id = with_a_snapshot.world.users[0], next(iter(with_a_snapshot.world.snapshots))
    user.actions, user.denied_actions = ["*"], policy(effect="Deny")
    one = f"/v5/{PAYMENTS}/snapshots/{snapshot_id}"
    answers = [
        await http.delete(one),
        await http.post(f"{one}/rollback", json={"rollback": {"volume_id": SPARE}}),
        await http.delete(f"/v2/{PAYMENTS}/cloudvolumes/{SPARE}"),
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 403]


@pytest.mark.parametrize("action", policy())
async def test_each_action_of_the_policy_is_needed(
    http: httpx.AsyncClient, with_a_snapshot: CloudSimulator, action: str
) -> None:
    with_a_snapshot.world.users[0].actions = [one for one in policy() if one != action]
    calls = asked(http, with_a_snapshot)
    refused = await calls.pop(action)()
    code = "Pdp.0001" if action.startswith("ecs:") else "EVS.2056"
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, code)
    assert all([(await call()).status_code < 300 for call in calls.values()])


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", f"/v2/{PAYMENTS}/cloudvolumes/{SPARE}", None),
        ("POST", f"/v2.1/{PAYMENTS}/cloudvolumes", {"volume": {}}),
        ("POST", f"/v5/{PAYMENTS}/snapshots/{NOWHERE}/rollback", {"rollback": {}}),
        ("DELETE", f"/v5/{PAYMENTS}/snapshots/{NOWHERE}", None),
        ("PUT", f"/v5/{PAYMENTS}/snapshots/{NOWHERE}", {"snapshot": {}}),
        ("POST", f"/v5/{PAYMENTS}/snapshot-groups", {"snapshot_group": {}}),
        ("GET", f"/v2/{PAYMENTS}/os-quota-sets/{PAYMENTS}", None),
        ("POST", f"/v5/{PAYMENTS}/snapshot-policies", {"snapshot_policy": {}}),
    ],
)
async def test_what_the_policy_leaves_out_is_refused_before_anything_is_looked_at(
    http: httpx.AsyncClient, sim: CloudSimulator, method: str, path: str, body: Any
) -> None:
    sim.world.users[0].actions = policy()
    refused = await http.request(method, path, json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "EVS.2056")


async def test_a_denial_wins_and_stars_stand_for_any_text(http: httpx.AsyncClient, sim: CloudSimulator) -> None:
    user, path = sim.world.users[0], f"/v2/{PAYMENTS}/cloudvolumes/{SPARE}"
    user.actions = ["evs:*:*"]
    assert (await http.get(path)).status_code == 200
    user.denied_actions = ["evs:volumes:g*"]
    assert (await http.get(path)).status_code == 403
    user.denied_actions, user.actions = [], ["ecs:cloudServers:listServersDetails"]
    assert (await http.get(f"{sim.ecs_url}/v1/{PAYMENTS}/cloudservers/detail")).status_code == 200


async def test_native_lists_of_servers_need_many_more_rights(http: httpx.AsyncClient, sim: CloudSimulator) -> None:
    sim.world.users[0].actions = ["ecs:servers:list", "ecs:servers:get"]
    refused = await http.get(f"{sim.ecs_url}/v2.1/{PAYMENTS}/servers/detail")
    assert refused.json()["error"]["message"] == "Policy does not allow ecs:serverVolumes:use to be performed."


async def test_the_agency_has_rights_of_its_own(http: httpx.AsyncClient, sim: CloudSimulator) -> None:
    assert sim.world.agency is not None
    sim.world.agency.actions = ["evs:volumes:get"]
    role = {"agency_name": "snapshot-bot-agency", "domain_name": "ACME"}
    identity = {"methods": ["assume_role"], "assume_role": role}
    body = {"auth": {"identity": identity, "scope": {"project": {"id": PAYMENTS}}}}
    token = (await http.post("/v3/auth/tokens", json=body)).headers["X-Subject-Token"]
    http.headers["X-Auth-Token"] = token
    assert (await http.get(f"/v2/{PAYMENTS}/cloudvolumes/{SPARE}")).status_code == 200
    assert (await http.get(f"/v2/{PAYMENTS}/cloudvolumes/detail")).status_code == 403
