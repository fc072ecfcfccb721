"""The control paths, which other processes use, and the life of the server."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from bot.simulator.cloud import CloudSimulator

PAYMENTS = "0123456789abcdef0123456789abcdef"
SNAPSHOTS = f"/v5/{PAYMENTS}/snapshots"


async def test_everything_can_be_steered_from_another_process(http: httpx.AsyncClient, sim: CloudSimulator) -> None:
    orders = sim.world.disk("orders-db").id
    fault = {"operation": "create_snapshot", "kind": "error", "volume_id": orders, "options": {"status": 418}}
    assert (await http.post("/_control/faults", json=fault)).json()["faults"][0]["times"] == 1
    await http.post("/_control/timing", json={"min_seconds": 100, "max_seconds": 200})
    body = {"snapshot": {"volume_id": orders}}
    assert [(await http.post(SNAPSHOTS, json=body)).status_code for _ in range(2)] == [418, 202]
    state = (await http.get("/_control/state")).json()
    assert (state["snapshots"], state["jobs"], state["faults"]) == ({"creating": 1}, {"INIT": 1}, [])
    assert (await http.post("/_control/settle")).json()["jobs"] == {"SUCCESS": 1}
    [snapshot] = (await http.get("/_control/snapshots", params={"volume_id": orders})).json()["snapshots"]
    assert (snapshot["status"], sim.world.timing.max_seconds) == ("available", 200)
    journal = (await http.get("/_control/journal", params={"operation": "create_snapshot"})).json()["journal"]
    assert [(entry["status"], entry["body"]) for entry in journal] == [(418, body), (202, body)]


async def test_control_paths_leave_no_trace_in_the_journal(http: httpx.AsyncClient, sim: CloudSimulator) -> None:
    await http.get(f"{SNAPSHOTS}/detail")
    await http.get("/_control/state")
    assert [entry["operation"] for entry in sim.journal] == ["list_snapshots"]
    await http.post("/_control/reset-journal")
    assert sim.journal == []


async def test_the_journal_tells_who_asked_for_what(
    http: httpx.AsyncClient, sim: CloudSimulator, wind: Callable[[float], None]
) -> None:
    wind(5)
    await http.get(f"{SNAPSHOTS}/detail", params={"name": "a b", "limit": 5})
    [entry] = sim.calls("list_snapshots")
    facts = {name: entry[name] for name in ("at", "method", "path", "query", "body", "status", "project_id", "user")}
    assert facts == {
        "at": "2026-11-23T12:00:05+00:00",
        "method": "GET",
        "path": f"{SNAPSHOTS}/detail",
        "query": {"name": "a b", "limit": "5"},
        "body": None,
        "status": 200,
        "project_id": PAYMENTS,
        "user": "snapshot-bot",
    }


async def test_disks_are_added_and_changed(http: httpx.AsyncClient, sim: CloudSimulator) -> None:
    new = {"id": "d15c0000-0099-4000-8000-000000000099", "name": "new", "availability_zone": "az", "size_gb": 1}
    answer = await http.post("/_control/disks", json={**new, "project_id": PAYMENTS})
    assert (answer.json()["status"], sim.world.disk("new").size_gb) == ("in-use", 1)
    await http.post("/_control/disks", json={"id": new["id"], "status": "extending"})
    assert (sim.world.disk("new").status, sim.world.disk("new").size_gb) == ("extending", 1)


async def test_switches_are_turned_from_outside(http: httpx.AsyncClient, sim: CloudSimulator) -> None:
    await http.post("/_control/switches", json={"busy_status": 400, "token_error": "Common.0013"})
    assert (sim.world.switches.busy_status, sim.world.switches.token_error) == (400, "Common.0013")


@pytest.mark.parametrize(
    ("path", "body", "problem"),
    [
        ("faults", {"operation": "any"}, "A fault needs operation and kind."),
        ("faults", {"operation": "any", "kind": "explode"}, "there is no kind explode"),
        ("timing", {"min_seconds": 9, "max_seconds": 1}, "0 <= min_seconds <= max_seconds must hold."),
        ("timing", {"min_second": 9}, "timing.min_second is unknown"),
        ("switches", {"token_error": "EVS.1"}, "switches.token_error must be one of"),
        ("disks", {"id": "x", "name": "x"}, "disk.project_id is missing"),
        ("disks", [], "The body must be a JSON object."),
    ],
)
async def test_a_control_call_that_makes_no_sense_is_told_why(
    http: httpx.AsyncClient, path: str, body: Any, problem: str
) -> None:
    refused = await http.post(f"/_control/{path}", json=body)
    assert (refused.status_code, problem in refused.json()["problem"]) == (400, True)


async def test_a_body_over_12_mib_is_too_large(anonymous: httpx.AsyncClient) -> None:
    refused = await anonymous.post(SNAPSHOTS, content=b" " * (12 * 1024 * 1024 + 1))
    assert (refused.status_code, refused.json()["error_code"]) == (413, "APIGW.0201")


async def test_the_server_can_be_stopped_and_started_again_on_its_port() -> None:
    sim = CloudSimulator()
    with pytest.raises(RuntimeError):
        _ = sim.url
    await sim.start()
    port = int(sim.url.rsplit(":", 1)[1])
    other = CloudSimulator()
    with pytest.raises(OSError, match="in use"):
        await other.start(port)
    await sim.stop()
    await sim.stop()
    await sim.start(port)
    async with httpx.AsyncClient(base_url=sim.url) as client:
        assert (await client.get("/_control/state")).status_code == 200
    await sim.stop()
