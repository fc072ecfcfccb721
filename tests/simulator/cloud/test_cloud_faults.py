"""What goes wrong on demand."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from bot.simulator.cloud import CloudSimulator

PAYMENTS = "0123456789abcdef0123456789abcdef"
SNAPSHOTS = f"/v5/{PAYMENTS}/snapshots"
LIST = f"{SNAPSHOTS}/detail"
Wind = Callable[[float], None]


@pytest.fixture
def orders(sim: CloudSimulator) -> str:
    return sim.world.disk("orders-db").id


async def create(http: httpx.AsyncClient, volume_id: str, **fields: Any) -> httpx.Response:
    return await http.post(SNAPSHOTS, json={"snapshot": {"volume_id": volume_id, **fields}})


async def listed(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    return list((await http.get(LIST)).json()["snapshots"])


@pytest.mark.parametrize(("kind", "made"), [("drop_before", 0), ("drop_after", 1)])
async def test_a_dropped_connection_gives_no_answer_whether_or_not_the_cloud_acted(
    http: httpx.AsyncClient, sim: CloudSimulator, orders: str, kind: str, made: int
) -> None:
    sim.fault("create_snapshot", kind)
    with pytest.raises(httpx.RemoteProtocolError):
        await create(http, orders)
    [entry] = sim.calls("create_snapshot")
    assert (len(sim.snapshots()), entry["status"], entry["processed"]) == (made, None, bool(made))
    assert len(await listed(http)) == made


@pytest.mark.parametrize(("kind", "status"), [("502_after", 502), ("504_after", 504)])
async def test_a_proxy_answers_in_html_after_the_cloud_acted(
    http: httpx.AsyncClient, sim: CloudSimulator, orders: str, kind: str, status: int
) -> None:
    sim.fault("create_snapshot", kind)
    response = await create(http, orders)
    assert (response.status_code, response.headers["Content-Type"]) == (status, "text/html")
    assert (len(response.headers["X-Request-Id"]), len(sim.snapshots())) == (32, 1)


@pytest.mark.parametrize(
    ("kind", "status", "body"),
    [
        ("500_before", 500, {"error": {"code": "EVS.2001", "message": "submit job failed!"}}),
        ("503", 503, {"error": {"code": "EVS.5503", "message": "Service unavailable."}}),
    ],
)
async def test_a_failing_service_does_nothing(
    http: httpx.AsyncClient, sim: CloudSimulator, orders: str, kind: str, status: int, body: dict[str, Any]
) -> None:
    sim.fault("create_snapshot", kind)
    response = await create(http, orders)
    assert (response.status_code, response.json(), sim.snapshots()) == (status, body, [])


async def test_throttling_names_the_gateway_and_no_time_unless_told(
    http: httpx.AsyncClient, sim: CloudSimulator
) -> None:
    sim.fault("list_snapshots", "429")
    sim.fault("list_snapshots", "429", retry_after=7)
    first, second, third = [await http.get(LIST) for _ in range(3)]
    assert (first.status_code, first.json()["error_code"]) == (429, "APIGW.0308")
    assert first.json()["error_msg"].startswith("The throttling threshold has been reached: policy user over ratelimit")
    assert ("Retry-After" in first.headers, second.headers["Retry-After"], third.status_code) == (False, "7", 200)


async def test_iam_fails_in_its_own_words(anonymous: httpx.AsyncClient, sim: CloudSimulator) -> None:
    sim.fault("create_token", "429")
    throttled = await anonymous.post("/v3/auth/tokens", json={})
    assert (throttled.status_code, throttled.json()["error_code"]) == (429, "IAM.0012")
    sim.fault("create_token", "503")
    failed = await anonymous.post("/v3/auth/tokens", json={})
    assert failed.json() == {"error": {"code": 503, "message": "Service Unavailable", "title": "Service Unavailable"}}


async def test_a_slow_answer_comes_after_the_cloud_acted(
    http: httpx.AsyncClient, sim: CloudSimulator, orders: str
) -> None:
    sim.fault("create_snapshot", "slow", seconds=30)
    with pytest.raises(httpx.ReadTimeout):
        await http.post(SNAPSHOTS, json={"snapshot": {"volume_id": orders}}, timeout=0.05)
    assert len(sim.snapshots(orders)) == 1
    sim.fault("list_snapshots", "slow", seconds=0.01)
    assert len(await listed(http)) == 1


async def test_a_hanging_call_ends_with_the_server(http: httpx.AsyncClient, sim: CloudSimulator, orders: str) -> None:
    sim.fault("create_snapshot", "hang", processed=False)
    hanging = asyncio.create_task(create(http, orders))
    await asyncio.wait({hanging}, timeout=0.1)
    assert (hanging.done(), len(sim.journal), sim.snapshots()) == (False, 1, [])
    await sim.stop()
    with pytest.raises(httpx.TransportError):
        await hanging


async def test_garbled_answers_are_garbled(http: httpx.AsyncClient, sim: CloudSimulator) -> None:
    for kind in ("html", "empty", "truncated", "huge"):
        sim.fault("list_snapshots", kind)
    html, empty, truncated, huge = [await http.get(LIST) for _ in range(4)]
    assert [response.status_code for response in (html, empty, truncated, huge)] == [200] * 4
    assert (html.text.startswith("<html>"), empty.content, truncated.text) == (True, b"", '{"snapsh')
    assert len(huge.content) > 8 * 1024 * 1024


@pytest.mark.parametrize(
    ("shape", "body"),
    [
        ("evs", {"error": {"code": "X.1", "message": "no"}}),
        ("cinder", {"forbidden": {"message": "no", "code": 403}}),
        ("iam", {"error": {"code": 403, "message": "no", "title": "Forbidden"}}),
        ("iam-extended", {"error_code": "X.1", "error_msg": "no"}),
        ("camel", {"errorCode": "X.1", "errorMsg": "no"}),
    ],
)
async def test_an_error_can_have_any_shape(
    http: httpx.AsyncClient, sim: CloudSimulator, shape: str, body: dict[str, Any]
) -> None:
    sim.fault("any", "error", status=403, code="X.1", message="no", shape=shape)
    response = await http.get(LIST)
    assert (response.status_code, response.json()) == (403, body)
    assert sim.journal[-1]["error_code"] == "X.1"


async def test_an_error_may_come_although_the_cloud_acted(
    http: httpx.AsyncClient, sim: CloudSimulator, orders: str
) -> None:
    sim.fault(
        "create_snapshot", "error", status=504, code="APIGW.0201", message="Backend timeout.", shape="gateway",
        processed=True,
    )  # fmt: skip
    response = await create(http, orders)
    assert (response.status_code, response.json()["error_code"], len(sim.snapshots())) == (504, "APIGW.0201", 1)


async def test_a_failed_job_leaves_a_snapshot_in_error(
    http: httpx.AsyncClient, sim: CloudSimulator, orders: str, wind: Wind
) -> None:
    sim.fault("create_snapshot", "job_fail", error_code="EVS.7777", fail_reason="storage is full")
    job_id = (await create(http, orders)).json()["job_id"]
    running = (await http.get(f"/v1/{PAYMENTS}/jobs/{job_id}")).json()
    assert (running["status"], running["error_code"]) == ("INIT", None)
    wind(9)
    failed = (await http.get(f"/v1/{PAYMENTS}/jobs/{job_id}")).json()
    assert (failed["status"], failed["error_code"], failed["fail_reason"]) == ("FAIL", "EVS.7777", "storage is full")
    assert [snapshot["status"] for snapshot in await listed(http)] == ["error"]


async def test_a_snapshot_can_end_in_error_under_a_job_that_succeeded(
    http: httpx.AsyncClient, sim: CloudSimulator, orders: str, wind: Wind
) -> None:
    sim.fault("create_snapshot", "snapshot_error")
    job_id = (await create(http, orders)).json()["job_id"]
    wind(9)
    assert (await http.get(f"/v1/{PAYMENTS}/jobs/{job_id}")).json()["status"] == "SUCCESS"
    assert [snapshot["status"] for snapshot in await listed(http)] == ["error"]


async def test_a_failed_deletion_cannot_be_tried_again(
    http: httpx.AsyncClient, sim: CloudSimulator, orders: str, wind: Wind
) -> None:
    path = f"{SNAPSHOTS}/{(await create(http, orders)).json()['snapshot_id']}"
    wind(9)
    sim.fault("delete_snapshot", "job_fail")
    await http.delete(path)
    wind(9)
    assert (await http.get(path)).json()["snapshot"]["status"] == "error_deleting"
    again = await http.delete(path)
    assert (again.status_code, again.json()["error"]["code"]) == (500, "EVS.2019")


async def test_a_job_can_be_unknown_once_or_for_ever(
    http: httpx.AsyncClient, sim: CloudSimulator, orders: str, wind: Wind
) -> None:
    sim.fault("show_job", "job_unknown")
    path = f"/v1/{PAYMENTS}/jobs/{(await create(http, orders)).json()['job_id']}"
    assert [(await http.get(path)).status_code for _ in range(2)] == [400, 200]
    wind(9)
    sim.fault("create_snapshot", "job_unknown")
    path = f"/v1/{PAYMENTS}/jobs/{(await create(http, orders)).json()['job_id']}"
    assert [(await http.get(path)).status_code for _ in range(2)] == [400, 400]


async def test_a_lost_answer_a_late_row_and_late_tags_can_meet_in_one_create(
    http: httpx.AsyncClient, sim: CloudSimulator, orders: str, wind: Wind
) -> None:
    sim.fault("create_snapshot", "drop_after")
    sim.fault("create_snapshot", "delayed_visibility", seconds=2)
    sim.fault("create_snapshot", "tag_late", seconds=3)
    with pytest.raises(httpx.RemoteProtocolError):
        await create(http, orders, tags={"req": "1"})
    assert (await listed(http), sim.snapshots()[0]["tags"]) == ([], {"req": "1"})
    wind(2)
    assert [snapshot["tags"] for snapshot in await listed(http)] == [{}]
    wind(1)
    assert [snapshot["tags"] for snapshot in await listed(http)] == [{"req": "1"}]


async def test_expired_tokens_are_refused_and_new_ones_work(http: httpx.AsyncClient, sim: CloudSimulator) -> None:
    sim.fault("list_snapshots", "token_expired")
    assert [(await http.get(LIST)).status_code for _ in range(2)] == [401, 401]
    user = {"name": "snapshot-bot", "domain": {"name": "ACME"}, "password": "sim-password-not-a-secret"}
    scope = {"project": {"id": PAYMENTS}}
    body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
    token = (await http.post("/v3/auth/tokens", json=body)).headers["X-Subject-Token"]
    assert (await http.get(LIST, headers={"X-Auth-Token": token})).status_code == 200


async def test_a_disk_can_be_busy_from_outside_for_a_while(
    http: httpx.AsyncClient, sim: CloudSimulator, orders: str, wind: Wind
) -> None:
    sim.fault("create_snapshot", "external_busy", seconds=30)
    assert [(await create(http, orders)).status_code for _ in range(2)] == [409, 409]
    assert sim.snapshots() == []
    wind(30)
    assert (await create(http, orders)).status_code == 202


async def test_work_from_outside_can_be_seen_in_the_list(
    http: httpx.AsyncClient, sim: CloudSimulator, orders: str
) -> None:
    sim.fault("create_snapshot", "external_busy", visible=True)
    assert (await create(http, orders)).status_code == 409
    assert [(row["snapshot_type"], row["status"]) for row in await listed(http)] == [("auto", "creating")]


async def test_a_stuck_snapshot_waits_for_settle(
    http: httpx.AsyncClient, sim: CloudSimulator, orders: str, wind: Wind
) -> None:
    sim.fault("create_snapshot", "stuck")
    job_id = (await create(http, orders)).json()["job_id"]
    wind(80_000)
    assert [(row["status"], row["progress"]) for row in await listed(http)] == [("creating", "99%")]
    sim.settle()
    assert [row["status"] for row in await listed(http)] == ["available"]
    assert (await http.get(f"/v1/{PAYMENTS}/jobs/{job_id}")).json()["status"] == "SUCCESS"


async def test_faults_are_used_up_oldest_first_and_only_for_their_disk(
    http: httpx.AsyncClient, sim: CloudSimulator, orders: str
) -> None:
    other = sim.world.disk("web-01-data").id
    sim.fault("create_snapshot", "503", times=2, volume_id=orders)
    sim.fault("any", "500_before")
    answers = [(await create(http, volume_id)).status_code for volume_id in (orders, other, orders, orders)]
    assert answers == [503, 500, 503, 202]


@pytest.mark.parametrize(
    ("operation", "kind", "options", "problem"),
    [
        ("create_snapshots", "503", {}, "there is no operation create_snapshots"),
        ("create_snapshot", "explode", {}, "there is no kind explode"),
        ("show_job", "stuck", {}, "stuck fits .*create_group, .*, not show_job"),
        ("any", "slow", {"second": 1}, "slow takes no option second"),
        ("any", "error", {"shape": "round"}, "there is no shape round"),
        ("any", "503", {"times": 0}, "times must be 1 or more"),
        ("create_group", "member_fail", {}, "member_fail needs the volume_id of one member"),
    ],
)
def test_a_fault_that_could_never_happen_is_refused(
    operation: str, kind: str, options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        CloudSimulator().fault(operation, kind, **options)


async def test_slow_jobs_take_the_time_that_is_told(http: httpx.AsyncClient, sim: CloudSimulator, wind: Wind) -> None:
    sim.fault("create_snapshot", "slow_job", seconds=60)
    sim.fault("delete_snapshot", "slow_job", seconds=60)
    path = "/v5/0123456789abcdef0123456789abcdef/snapshots"
    order = {"snapshot": {"volume_id": sim.world.disk("spare-disk").id}}
    snapshot_id = (await http.post(path, json=order)).json()["snapshot_id"]

    async def status() -> str:
        return str((await http.get(f"{path}/{snapshot_id}")).json().get("snapshot", {}).get("status"))

    wind(59)
    assert await status() == "creating"
    wind(2)
    assert await status() == "available"
    await http.delete(f"{path}/{snapshot_id}")
    wind(59)
    assert await status() == "deleting"
    wind(2)
    assert await status() == "None"
