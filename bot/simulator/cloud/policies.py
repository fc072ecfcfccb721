"""Snapshot policies, /v5/{project_id}/snapshot-policies: kept and shown, but they make no snapshots.

That one of weekdays and days between is needed, and not both, is chosen here: no source says.
Source: EVS API reference, CreateAutoSnapshotPolicy; huaweicloudsdkevs, CreateSnapshotPolicy.
"""

from typing import Any

from bot.simulator.cloud import errors
from bot.simulator.cloud.calls import Answer, Call, Route, evs_time, is_uuid
from bot.simulator.cloud.creation import check_tags, check_types, find_disk
from bot.simulator.cloud.queries import in_enterprise_project, ordered, page, passes, tag_filter
from bot.simulator.cloud.resources import SnapshotPolicy
from bot.simulator.cloud.snapshots import SORT_KEYS

CHANGEABLE: dict[str, type] = {
    "name": str,
    "repeat_weekdays": list,
    "repeat_interval_days": int,
    "time_points": list,
    "retention_days": int,
}
FIELDS = CHANGEABLE | {"tags": dict, "enterprise_project_id": str}
WEEKDAYS = frozenset(str(day) for day in range(1, 8))
HOURS = frozenset(str(hour) for hour in range(24))
FOR_EVER = -1


def create_policy(call: Call) -> Answer:
    """POST /v5/{project_id}/snapshot-policies."""
    body = call.object("snapshot_policy")
    check_types(body, FIELDS)
    for name in ("name", "time_points", "retention_days"):
        if name not in body:
            raise errors.bad_body(f"Missing: {name}.")
    check_tags(body.get("tags", {}), call.world.switches.tags_per_snapshot)
    _check(body)
    policy = SnapshotPolicy(
        id=call.new_id("policy"),
        project_id=call.params["project_id"],
        created_at=call.now,
        updated_at=call.now,
        **body,
    )
    call.world.policies[policy.id] = policy
    return Answer(200, {"snapshot_policy": _shown(policy)})


def list_policies(call: Call) -> Answer:
    """GET /v5/{project_id}/snapshot-policies: no total."""
    keys = {name: key for name, key in SORT_KEYS.items() if name in ("id", "created_at")}
    rows = ordered(_rows(call), call.query, keys)
    return Answer(200, {"snapshot_policies": page(rows, call.query, most=call.world.switches.page_rows)})


def count_policies(call: Call) -> Answer:
    """GET /v5/{project_id}/snapshot-policies/count."""
    return Answer(200, {"count": len(_rows(call))})


def show_policy(call: Call) -> Answer:
    """GET /v5/{project_id}/snapshot-policies/{policy_id}."""
    return Answer(200, {"snapshot_policy": _shown(_existing(call))})


def update_policy(call: Call) -> Answer:
    """PUT /v5/{project_id}/snapshot-policies/{policy_id}: a new repetition takes the place of the other kind."""
    body = call.object("snapshot_policy")
    check_types(body, CHANGEABLE)
    policy = _existing(call)
    repeats = {name: getattr(policy, name) for name in ("repeat_weekdays", "repeat_interval_days")}
    if body.keys() & repeats.keys():
        repeats = {name: body.get(name) for name in repeats}
    _check({name: value for name, value in repeats.items() if value is not None} | body)
    for name, value in (repeats | body).items():
        setattr(policy, name, value)
    policy.updated_at = call.now
    return show_policy(call)


def delete_policy(call: Call) -> Answer:
    """DELETE /v5/{project_id}/snapshot-policies/{policy_id}."""
    del call.world.policies[_existing(call).id]
    return Answer(204)


def associate_policy(call: Call) -> Answer:
    """POST /v5/{project_id}/snapshot-policies/{policy_id}/associate: a bare list of ids of disks."""
    policy = _existing(call)
    policy.volume_ids |= {find_disk(call, disk_id).id for disk_id in _disk_ids(call)}
    return Answer(204)


def disassociate_policy(call: Call) -> Answer:
    """POST /v5/{project_id}/snapshot-policies/{policy_id}/disassociate: the same list."""
    policy = _existing(call)
    policy.volume_ids -= set(_disk_ids(call))
    return Answer(204)


def _check(body: dict[str, Any]) -> None:
    if len(body.get("name", "").encode()) > 255:
        raise errors.bad_body("Longer than 255 bytes: name.")
    if ("repeat_weekdays" in body) == ("repeat_interval_days" in body):
        raise errors.bad_body("Expected one of: repeat_weekdays, repeat_interval_days.")
    for name, known in (("repeat_weekdays", WEEKDAYS), ("time_points", HOURS)):
        if name in body and not (body[name] and all(isinstance(one, str) and one in known for one in body[name])):
            raise errors.bad_body(f"Not a list of texts from {min(known, key=int)} to {max(known, key=int)}: {name}.")
    if not 1 <= body.get("repeat_interval_days", 1) <= 30:
        raise errors.bad_body("Not from 1 to 30: repeat_interval_days.")
    if body.get("retention_days", FOR_EVER) != FOR_EVER and not 1 <= body["retention_days"] <= 65_536:
        raise errors.bad_body("Not from 1 to 65536, nor -1: retention_days.")


def _disk_ids(call: Call) -> list[str]:
    if not isinstance(call.body, list) or not call.body or not all(isinstance(one, str) for one in call.body):
        raise errors.bad_body("Expected a list of ids of disks.")
    return call.body


def _existing(call: Call) -> SnapshotPolicy:
    policy_id = call.params["policy_id"]
    policy = call.world.policies.get(policy_id) if is_uuid(policy_id) else None
    if policy is None or policy.project_id != call.params["project_id"]:
        raise errors.not_found()
    return policy


def _rows(call: Call) -> list[dict[str, Any]]:
    has_tags = tag_filter(call.query)
    rows = [_shown(one) for one in call.world.policies.values() if one.project_id == call.params["project_id"]]
    return [
        row
        for row in rows
        if passes(call.query, row, "id", "name")
        and in_enterprise_project(call.query, row["enterprise_project_id"])
        and has_tags(row["tags"])
    ]


def _shown(policy: SnapshotPolicy) -> dict[str, Any]:
    return {
        "id": policy.id,
        "name": policy.name,
        "repeat_weekdays": policy.repeat_weekdays,
        "repeat_interval_days": policy.repeat_interval_days,
        "time_points": policy.time_points,
        "retention_days": policy.retention_days,
        "created_at": evs_time(policy.created_at),
        "updated_at": evs_time(policy.updated_at),
        "tags": dict(policy.tags),
        "enterprise_project_id": policy.enterprise_project_id,
    }


_ALL = "/v5/{project_id}/snapshot-policies"
_ONE = f"{_ALL}/{{policy_id}}"
_RIGHT = "evs:snapshotPolicy"
ROUTES = (
    Route("POST", _ALL, "create_policy", create_policy, action=f"{_RIGHT}:create"),
    Route("GET", _ALL, "list_policies", list_policies, action=f"{_RIGHT}:list"),
    Route("GET", f"{_ALL}/count", "count_policies", count_policies, action=f"{_RIGHT}:list"),
    Route("GET", _ONE, "show_policy", show_policy, action=f"{_RIGHT}:get"),
    Route("PUT", _ONE, "update_policy", update_policy, action=f"{_RIGHT}:update"),
    Route("DELETE", _ONE, "delete_policy", delete_policy, action=f"{_RIGHT}:delete"),
    Route("POST", f"{_ONE}/associate", "associate_policy", associate_policy, action=f"{_RIGHT}:associate"),
    Route("POST", f"{_ONE}/disassociate", "disassociate_policy", disassociate_policy, action=f"{_RIGHT}:disassociate"),
)
