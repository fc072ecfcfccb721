"""Quick backups: one line, a plan, one press, and every disk of an incident in one consistent set."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.snapshots import CreateStandardSnapshot
from bot.evs.cloud import HttpCloud
from bot.settings import load_settings
from bot.simulator.cloud.resources import Attachment, Disk, Server
from bot.simulator.workspace import Message
from bot.slack.ids import CANCEL, CHANGE, CONFIRM, IN_PROJECT, POST_MORTEM
from bot.slack.views.status_message import LOWER_COUNTS
from bot.workflow.jobs import plan
from tests.e2e.conftest import CHANNEL, FastClock, World, request_id

PAYMENTS = "0123456789abcdef0123456789abcdef"
Golden = Callable[[str, Any], None]
READS = {"list_volumes": 1, "list_snapshots": 1, "list_groups": 1, "list_servers": 1}
"""What a plan costs: the disks, the snapshots, whether there are groups, and what the servers are called."""


def add_disks(world: World, server: str, count: int, zone: str = "ap-southeast-3a", first: int = 500) -> None:
    """Attach this many more disks to a server of payments-prod, a new one if there is none of that name."""
    disks = world.cloud.world.disks
    known = {one.name: one.id for one in world.cloud.world.servers.values()}
    server_id = known.get(server, f"77777777-{first:04d}-4000-8000-000000000001")
    world.cloud.world.servers.setdefault(server_id, Server(server_id, server, PAYMENTS, zone))
    for number in range(first, first + count):
        disk_id = f"d15c0000-{number:04d}-4000-8000-{number:012d}"
        disks[disk_id] = Disk(
            id=disk_id,
            name=f"{server}-{number}",
            project_id=PAYMENTS,
            availability_zone=zone,
            size_gb=10,
            attachments=[Attachment(server_id, f"/dev/vd{number}")],
        )


async def planned(world: World, text: str = "", person: str = "alice", channel: str = CHANNEL) -> tuple[str, Message]:
    """Type `/snapshot quick TEXT`; answers the request and its message once the plan stands in it."""
    outcome = await world.say(f"quick {text}", person, channel)
    assert outcome.error is None
    request = request_id(outcome.text)
    await world.slack.until(lambda: "planned, waiting for your go" in getattr(world.root(request, channel), "text", ""))
    root = world.root(request, channel)
    assert root is not None
    return request, root


async def confirmed(world: World, text: str = "", person: str = "alice") -> str:
    request, root = await planned(world, text, person)
    await world.slack.press(person, CHANNEL, root.ts, CONFIRM)
    return request


async def ended(world: World, request: str, timeout: float = 20) -> tuple[Message, Message]:
    """The request's message and its receipt."""
    await world.slack.until(lambda: bool(world.replies(request, "receipt")), timeout)
    root = world.root(request)
    assert root is not None
    return root, world.replies(request, "receipt")[0]


def calls(world: World) -> Counter[str]:
    """What reached the cloud, looking at progress left out."""
    counted = Counter(call["operation"] for call in world.cloud.calls())
    del counted["create_token"]
    return counted


def posts(world: World) -> tuple[int, int]:
    """How often the cloud was asked for a group, and for a single snapshot."""
    return calls(world)["create_group"], calls(world)["create_snapshot"]


def asked(world: World) -> dict[str, list[str]]:
    """What reached the cloud. A look, and a question that was refused, is named once: how often depends on time."""
    reads, writes, refused = set(), [], set()
    for call in world.cloud.calls():
        if call["operation"] == "create_token":
            continue
        query = {key: "<those it made>" if key == "ids" else value for key, value in call["query"].items()}
        line = f"{call['method']} {call['path']}{''.join(f' {key}={query[key]}' for key in sorted(query))}"
        line = unnamed(re.sub(r"(?<=/jobs/)[0-9a-f]{32}", "<job>", line))
        if call["method"] == "GET":
            reads.add(line)
            continue
        line = f"{line} {unnamed(json.dumps(call['body']))} → {call['status']}"
        if call["status"] < 400:
            writes.append(line)
        else:
            refused.add(line)
    return {"reads": sorted(reads), "writes": sorted(writes), "refused": sorted(refused)}


def told(*messages: Message) -> str:
    return unnamed("\n\n".join(message.text for message in messages))


def unnamed(text: str) -> str:
    """Everything that differs from run to run is named by when it first appears."""
    text = text.replace(f" · {LOWER_COUNTS}", "")  # stands there only where the plan was quicker than its placeholder
    text = re.sub(r"<!date\^\d+\^[^|]+\|[^>]+>", "<time>", text)
    text = re.sub(r"r-[0-9a-z]{8}", "r-request", text)
    text = re.sub(r"\d{8}T\d{4}Z", "<stamp>", text)
    text = re.sub(r"http://127\.0\.0\.1:\d+", "https://evs", text)
    text = re.sub(
        r"(?:in )?\d+ s(?:,| after| since| so far)|(?:within|the last) \d+\.\d s",
        lambda found: re.sub(r"[\d.]+", "n", found[0]),
        text,
    )
    seen: dict[str, str] = {}
    unlike = r"\b(?!d15c0000|77777777)[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b"
    return re.sub(unlike, lambda found: seen.setdefault(found[0], f"id-{len(seen) + 1}"), text)


@pytest.fixture(autouse=True)
def quick_snapshots(setting: tuple[Any, FastClock]) -> None:
    timing = setting[0].cloud.world.timing
    timing.min_seconds = timing.max_seconds = 3.0


# --- what it makes ----------------------------------------------------------------------------------------------------


async def test_three_disks_of_one_server_become_one_group(world: World, golden: Golden) -> None:
    request, root = await planned(world, 'reason="INC-42 disk latency" keep=7')
    golden("quick_plan_one_server", told(root))
    assert calls(world) == READS
    await world.slack.press("alice", CHANNEL, root.ts, CONFIRM)
    golden("quick_one_server", told(*await ended(world, request)))
    golden("quick_one_server_calls", asked(world))
    assert posts(world) == (1, 0)
    (posted,) = world.cloud.calls("create_group")
    body = posted["body"]["snapshot_group"]
    assert len(body["volume_ids"]) == 3
    assert body["server_id"] == "77777777-0001-4000-8000-000000000001"
    assert body["description"] == "U0ALICE001: INC-42 disk latency"
    assert body["tags"] == {
        "snapshot-bot-channel": "C0INCDEMO1",
        "snapshot-bot-incident": "inc-demo",
        "snapshot-bot-request": f"{request}-g1",
    }
    assert re.fullmatch(r"inc-demo-web-01-\d{8}T\d{4}Z", body["name"])
    assert {one.group_id for one in world.cloud.world.snapshots.values()} == set(world.cloud.world.groups)
    assert world.slack_complaints() == []


async def test_the_record_can_be_read_by_machines(world: World) -> None:
    request = await confirmed(world, "reason=INC-42 keep=7")
    await ended(world, request)
    (receipt,) = world.replies(request, "receipt")
    await world.slack.press("alice", CHANNEL, receipt.ts, POST_MORTEM)
    record = await world.told("alice", "for the post-mortem")
    kept = json.loads(html.unescape(record.text.partition("```")[2].rpartition("```")[0]))
    assert (kept["request"], kept["project"], kept["asked_by"]) == (request, "payments-prod", "U0ALICE001")
    assert (kept["reason"], kept["channel"]) == ("INC-42", "C0INCDEMO1")
    assert {one["group"] for one in kept["sets"]} == set(world.cloud.world.groups)
    disks = [dict(zip(kept["columns"], row, strict=False)) for one in kept["sets"] for row in one["disks"]]
    assert {disk["snapshot_id"] for disk in disks} == set(world.cloud.world.snapshots)
    assert {disk["disk_id"] for disk in disks} <= set(world.cloud.world.disks)


async def test_the_receipt_leads_to_the_disks_in_the_console(quiet_world: World) -> None:
    world = quiet_world
    file = world.setting.directory / "bot.toml"
    page = "https://console.example.com/{region}#{disk_id}"
    file.write_text(file.read_text().replace('console_url = ""', f'console_url = "{page}"'))
    await world.start_bot()
    request = await confirmed(world, "server=web-01")
    _, receipt = await ended(world, request)
    for snapshot in world.cloud.world.snapshots.values():
        label = world.cloud.world.disks[snapshot.volume_id].name
        assert f"<https://console.example.com/ap-southeast-3#{snapshot.volume_id}|{label}>" in receipt.text


async def test_of_what_a_group_holds_the_bot_reminds_since_it_carries_no_retention(quiet_world: World) -> None:
    world = quiet_world
    file = world.setting.directory / "bot.toml"
    heading = "[projects.payments-prod]"
    file.write_text(file.read_text().replace(heading, f"{heading}\nnative_retention = true"))
    bot = await world.start_bot()
    grouped, single = await confirmed(world, "server=web-01 keep=7"), await confirmed(world, "disks=spare-disk keep=7")
    _, receipt = await ended(world, grouped)
    assert "Nothing deletes them by itself; I ask before that day." in receipt.text
    assert {one.retention_days for one in world.cloud.world.snapshots.values() if one.group_id} == {None}
    _, receipt = await ended(world, single)
    assert "The cloud deletes them on" in receipt.text
    assert [one.retention_days for one in world.cloud.world.snapshots.values() if not one.group_id] == [7]
    found = [await bot.store.find(request) for request in (grouped, single)]
    assert [one is not None and one[0].remind_at is not None for one in found] == [True, False]


async def test_a_server_in_two_zones_becomes_one_group_a_zone(world: World, golden: Golden) -> None:
    add_disks(world, "db-01", 1, "ap-southeast-3a")
    add_disks(world, "db-01", 1, "ap-southeast-3b", first=600)
    request = await confirmed(world, "server=db-01")
    golden("quick_two_zones", told(*await ended(world, request)))
    golden("quick_two_zones_calls", asked(world))
    assert posts(world) == (2, 0)
    zones = [
        {world.cloud.world.disks[volume].availability_zone for volume in call["body"]["snapshot_group"]["volume_ids"]}
        for call in world.cloud.calls("create_group")
    ]
    assert sorted(map(sorted, zones)) == [["ap-southeast-3a"], ["ap-southeast-3b"]]


async def test_seventy_disks_become_two_groups_and_are_summed_up(world: World, golden: Golden) -> None:
    add_disks(world, "big-01", 70)
    request, root = await planned(world, "server=big-01")
    golden("quick_plan_seventy", told(root))
    await world.slack.press("alice", CHANNEL, root.ts, CONFIRM)
    root, receipt = await ended(world, request)
    golden("quick_seventy", told(root))
    golden("quick_seventy_receipt", told(receipt))
    golden("quick_seventy_calls", asked(world))
    assert "finished" in root.text and "70 disks" in root.text
    sizes = sorted(len(call["body"]["snapshot_group"]["volume_ids"]) for call in world.cloud.calls("create_group"))
    assert sizes == [6, 64]
    assert posts(world) == (2, 0)
    missing = [one for one in world.cloud.world.snapshots if one not in receipt.text]
    assert missing == []
    assert world.slack_complaints() == []


async def test_where_there_are_no_groups_single_snapshots_are_started_together(world: World, golden: Golden) -> None:
    for project in world.cloud.world.projects:
        project.groups_offered = False
    request, root = await planned(world)
    golden("quick_plan_no_groups", told(root))
    await world.slack.press("alice", CHANNEL, root.ts, CONFIRM)
    golden("quick_no_groups", told(*await ended(world, request)))
    golden("quick_no_groups_calls", asked(world))
    assert posts(world) == (0, 3)


async def test_groups_that_are_refused_at_the_last_moment_are_made_one_by_one(world: World) -> None:
    request, root = await planned(world)
    for project in world.cloud.world.projects:
        project.groups_offered = False
    await world.slack.press("alice", CHANNEL, root.ts, CONFIRM)
    root, receipt = await ended(world, request)
    assert "finished" in root.text
    assert "*web-01*: single snapshots, *not one consistent set*" in receipt.text
    assert posts(world) == (1, 3)
    assert calls(world)["list_groups"] == 1


async def test_a_disk_that_others_copy_waits_its_turn_and_the_rest_goes_on_as_a_group(
    world: World, golden: Golden
) -> None:
    settings = load_settings(world.setting.environment())
    elsewhere = HttpCloud(settings.projects, settings.credentials, world.clock)
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 3_600.0
    await elsewhere.project("payments-prod").create_standard_snapshot(
        CreateStandardSnapshot(volume_id="d15c0000-0002-4000-8000-000000000002", name="by somebody else"),
        send_before=world.clock.monotonic() + 60,
    )
    await elsewhere.aclose()
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 3.0
    request, root = await planned(world)
    golden("quick_plan_busy", told(root))
    await world.slack.press("alice", CHANNEL, root.ts, CONFIRM)
    await world.until(lambda: any(one["status"] == 409 for one in world.cloud.calls("create_snapshot")), 30)
    next(
        one for one in world.cloud.world.snapshots.values() if one.name == "by somebody else"
    ).ready_at = world.clock.now()
    golden("quick_busy", told(*await ended(world, request)))
    golden("quick_busy_calls", asked(world))
    assert [len(call["body"]["snapshot_group"]["volume_ids"]) for call in world.cloud.calls("create_group")] == [2]


async def test_a_disk_that_became_busy_since_the_plan_leaves_its_group(world: World) -> None:
    request, root = await planned(world)
    data = "d15c0000-0002-4000-8000-000000000002"
    world.cloud.fault("create_group", "external_busy", seconds=8, volume_id=data, visible=True)
    await world.slack.press("alice", CHANNEL, root.ts, CONFIRM)
    root, receipt = await ended(world, request)
    assert "3 disks in payments-prod: finished" in root.text
    assert "*web-01*: 2 disks at one moment" in receipt.text
    sizes = [len(call["body"]["snapshot_group"]["volume_ids"]) for call in world.cloud.calls("create_group")]
    assert sizes == [3, 2]


@pytest.mark.parametrize(
    ("seconds", "how"), [(8, "3 disks at one moment"), (15, "single snapshots, *not one consistent set*")]
)
async def test_where_the_busy_disk_cannot_be_told_the_group_waits_once_before_each_takes_its_own_turn(
    world: World, seconds: float, how: str
) -> None:
    request, root = await planned(world)
    data = "d15c0000-0002-4000-8000-000000000002"
    world.cloud.fault("create_group", "external_busy", seconds=seconds, volume_id=data)
    await world.slack.press("alice", CHANNEL, root.ts, CONFIRM)
    root, receipt = await ended(world, request)
    assert "3 disks in payments-prod: finished" in root.text
    assert how in receipt.text
    assert len(world.cloud.calls("create_group")) == 2
    assert len(world.cloud.world.snapshots) == 3


async def test_a_disk_that_was_deleted_since_the_plan_fails_and_the_rest_stays_a_group(
    world: World, golden: Golden
) -> None:
    request, root = await planned(world)
    del world.cloud.world.disks["d15c0000-0002-4000-8000-000000000002"]
    await world.slack.press("alice", CHANNEL, root.ts, CONFIRM)
    golden("quick_disk_gone", told(*await ended(world, request)))
    assert posts(world) == (2, 0)
    _, root = await planned(world)
    assert "one consistent set" in root.text


async def test_a_disk_that_was_detached_since_the_plan_is_copied_alone(world: World) -> None:
    request, root = await planned(world)
    world.cloud.world.disks["d15c0000-0002-4000-8000-000000000002"].attachments.clear()
    await world.slack.press("alice", CHANNEL, root.ts, CONFIRM)
    root, receipt = await ended(world, request)
    assert "all available" in root.text
    assert "*web-01*: 2 disks at one moment" in receipt.text
    assert "fault of the bot" not in told(*world.slack.messages(CHANNEL))
    assert posts(world) == (2, 1)


async def test_a_group_of_two_that_loses_one_goes_on_as_a_single_snapshot(world: World) -> None:
    add_disks(world, "db-02", 2)
    request, root = await planned(world, "server=db-02")
    world.cloud.world.disks.popitem()
    await world.slack.press("alice", CHANNEL, root.ts, CONFIRM)
    _, receipt = await ended(world, request)
    assert "1 of 2 snapshots available" in receipt.text
    assert "no longer there" in receipt.text
    assert posts(world) == (1, 1)


async def test_a_group_that_failed_without_a_trace_in_the_listings_says_why(world: World) -> None:
    world.cloud.fault("create_group", "job_fail", fail_reason="storage pool full", error_code="EVS.9")
    world.cloud.fault("create_group", "delayed_visibility", seconds=500)
    root, receipt = await ended(world, await confirmed(world))
    assert "none available" in root.text
    assert receipt.text.count("failed — The cloud could not create it: storage pool full (EVS.9).") == 3


async def test_one_disk_fails_and_the_rest_succeed(world: World, golden: Golden) -> None:
    request, root = await planned(world, "server=db-01 disks=spare-disk")
    disk = "d15c0000-0012-4000-8000-000000000012"
    world.cloud.fault(
        "create_snapshot", "job_fail", volume_id=disk, fail_reason="storage pool full", error_code="EVS.9"
    )
    await world.slack.press("alice", CHANNEL, root.ts, CONFIRM)
    golden("quick_one_fails", told(*await ended(world, request)))
    golden("quick_one_fails_calls", asked(world))
    assert posts(world) == (0, 3)


async def test_one_disk_of_a_group_fails_and_those_still_being_made_are_waited_for(
    world: World, golden: Golden
) -> None:
    disk = "d15c0000-0002-4000-8000-000000000002"
    reason = {"fail_reason": "storage pool full", "error_code": "EVS.9"}
    world.cloud.fault("create_group", "member_fail", volume_id=disk, seconds=100, **reason)
    request = await confirmed(world)
    golden("quick_member_fails", told(*await ended(world, request, timeout=40)))
    assert posts(world) == (1, 0)
    assert calls(world)["show_job"] >= 1  # for the failed one; that it failed ends none that is still being made
    states = {one.volume_id: one.status_at(world.clock.now()) for one in world.cloud.world.snapshots.values()}
    assert states.pop(disk) == "error"
    assert list(states.values()) == ["available", "available"]


async def test_two_people_at_the_same_instant_copy_each_disk_once(world: World, golden: Golden) -> None:
    first, second = await asyncio.gather(planned(world), planned(world, person="bob"))
    await asyncio.gather(
        world.slack.press("alice", CHANNEL, first[1].ts, CONFIRM),
        world.slack.press("bob", CHANNEL, second[1].ts, CONFIRM),
    )
    roots = [await ended(world, request) for request, _ in (first, second)]
    for root, receipt in roots:
        assert "finished" in root.text
        assert "3 of 3 snapshots available" in receipt.text
    assert len(world.cloud.world.snapshots) == 3
    joined = [receipt for _, receipt in roots if receipt.text.count("· joined") == 3]
    assert len(joined) == 1
    golden("quick_joined", told(joined[0]))
    whoever = json.loads(json.dumps(asked(world)).replace("U0BOB00002", "U0ALICE001"))
    golden("quick_joined_calls", whoever)
    assert posts(world) == (1, 0)


@pytest.mark.parametrize("when", ["planned", "confirmed", "posted"])
async def test_a_restart_in_the_middle_changes_nothing(world: World, golden: Golden, when: str) -> None:
    if when == "posted":
        world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 20.0
    request, root = await planned(world, 'reason="INC-42 disk latency" keep=7')
    if when == "planned":
        await world.stop_bot()
        await world.start_bot()
    await world.slack.press("alice", CHANNEL, root.ts, CONFIRM)
    if when == "posted":
        await world.until(lambda: bool(world.cloud.calls("create_group")))
    if when != "planned":
        await world.stop_bot()
        await world.start_bot()
    root, receipt = await ended(world, request)
    golden("quick_one_server", told(root, receipt))
    golden("quick_one_server_writes", asked(world)["writes"])
    assert len(world.cloud.calls("create_group")) == 1
    assert len(world.cloud.world.snapshots) == 3


@pytest.mark.parametrize("fault", ["drop_after", "504_after", "html"])
async def test_a_lost_answer_is_looked_for_and_the_group_is_made_once(world: World, fault: str) -> None:
    world.cloud.fault("create_group", fault)
    request = await confirmed(world)
    root, receipt = await ended(world, request)
    assert "finished" in root.text
    assert "3 disks at one moment" in receipt.text
    assert len(world.cloud.calls("create_group")) == 1
    assert len(world.cloud.world.groups) == 1


async def test_a_lost_question_is_asked_again_after_a_look(quiet_world: World) -> None:
    world = quiet_world
    file = world.setting.directory / "bot.toml"
    file.write_text(re.sub(r"reconcile_seconds = \d+", "reconcile_seconds = 6", file.read_text()))
    await world.start_bot()
    world.cloud.fault("create_group", "drop_before")
    request = await confirmed(world)
    root, _ = await ended(world, request)
    assert "finished" in root.text
    assert len(world.cloud.world.groups) == 1


# --- the plan ---------------------------------------------------------------------------------------------------------


async def test_a_placeholder_stands_at_once_and_becomes_the_plan(world: World) -> None:
    await world.say("help")
    await world.told("alice", "You may use")
    world.cloud.fault("list_volumes", "slow", seconds=0.5)
    outcome = await world.say("quick server=web-01")
    assert "Looking at the disks of server “web-01”. The plan appears in this channel" in outcome.text
    request = request_id(outcome.text)
    await world.slack.until(lambda: world.root(request) is not None)
    root = world.root(request)
    assert root is not None
    assert "Backup of server “web-01” in payments-prod: looking at the disks" in root.text
    await world.slack.until(lambda: "planned" in getattr(world.root(request), "text", ""))
    assert len([one for one in world.slack.messages(CHANNEL) if one.from_app and not one.ephemeral_to]) == 1


async def test_confirm_no_runs_at_once(world: World) -> None:
    outcome = await world.say("quick server=web-01 confirm=no")
    root, _ = await ended(world, request_id(outcome.text))
    assert "finished" in root.text


async def test_a_plan_that_is_dropped_creates_nothing(world: World) -> None:
    request, root = await planned(world)
    await world.slack.press("alice", CHANNEL, root.ts, CANCEL)
    await world.slack.until(lambda: "dropped" in getattr(world.root(request), "text", ""))
    root = world.root(request)  # type: ignore[assignment]
    assert CONFIRM not in str(root.blocks)
    assert calls(world) == READS


async def test_a_plan_that_nobody_confirms_ends_and_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "CONFIRM_TIME", timedelta(seconds=5))
    request, root = await planned(world)
    await world.slack.until(lambda: "Nobody confirmed the plan in time" in getattr(world.root(request), "text", ""))
    root = world.root(request)  # type: ignore[assignment]
    assert CONFIRM not in str(root.blocks)
    assert calls(world) == READS


async def test_another_selection_is_planned_in_the_same_message(world: World) -> None:
    request, root = await planned(world)
    await world.slack.press("alice", CHANNEL, root.ts, CHANGE)
    await world.slack.until(lambda: world.slack.view("alice") is not None)
    wrong = await world.slack.submit("alice", {"disks": {"disks": []}, "others": {"others": "whatever"}})
    assert "For a server: quick server=whatever." in wrong.errors["others"]
    data = "d15c0000-0002-4000-8000-000000000002"
    assert (await world.slack.submit("alice", {"disks": {"disks": [data]}, "others": {"others": ""}})).ok
    await world.slack.until(lambda: "Backup of 1 disk" in getattr(world.root(request), "text", ""))
    await world.slack.until(lambda: "planned, waiting" in getattr(world.root(request), "text", ""))
    await world.slack.press("alice", CHANNEL, root.ts, CONFIRM)
    await ended(world, request)
    assert [call["body"]["snapshot"]["volume_id"] for call in world.cloud.calls("create_snapshot")] == [data]
    assert world.slack_complaints() == []


async def test_a_plan_made_anew_has_all_its_patience_with_a_cloud_that_does_not_answer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "PLAN_TRIED_FOR", timedelta(seconds=15))
    request, root = await planned(world)
    await world.clock.sleep(15)
    await world.slack.press("alice", CHANNEL, root.ts, CHANGE)
    await world.slack.until(lambda: world.slack.view("alice") is not None)
    world.cloud.fault("list_snapshots", "503", times=3)
    data = "d15c0000-0002-4000-8000-000000000002"
    assert (await world.slack.submit("alice", {"disks": {"disks": [data]}, "others": {"others": ""}})).ok
    await world.slack.until(lambda: "Backup of 1 disk" in getattr(world.root(request), "text", ""))
    root = world.root(request)  # type: ignore[assignment]
    assert "planned, waiting for your go" in root.text
    assert world.cloud.waiting_faults() == []


@pytest.mark.parametrize(("person", "words"), [("carol", "I know no plan"), ("gus", "Guests of this workspace")])
async def test_who_may_not_create_confirms_and_changes_nothing(world: World, person: str, words: str) -> None:
    world.slack.join(person, CHANNEL)
    request, root = await planned(world)
    for action in (CONFIRM, CHANGE, CANCEL):
        await world.slack.press(person, CHANNEL, root.ts, action)
    await world.told(person, words)
    assert "planned, waiting" in getattr(world.root(request), "text", "")
    assert world.slack.view(person) is None
    assert calls(world) == READS


async def test_somebody_who_could_have_asked_confirms_too_and_of_two_presses_one_counts(world: World) -> None:
    request, root = await planned(world)
    await asyncio.gather(
        world.slack.press("alice", CHANNEL, root.ts, CONFIRM), world.slack.press("bob", CHANNEL, root.ts, CONFIRM)
    )
    root, _ = await ended(world, request)
    assert "finished" in root.text
    assert len(world.cloud.world.groups) == 1


# --- what is meant ----------------------------------------------------------------------------------------------------


async def test_in_a_channel_that_is_bound_to_nothing_quick_asks_what_it_means(world: World) -> None:
    await world.say("help", channel="#ops")
    await world.told("alice", "You may use")
    outcome = await world.say("quick", channel="#ops")
    assert "This channel is not bound to anything yet" in outcome.text
    _, root = await planned(world, "server=WEB-01", channel="#ops")
    assert "3 disks" in root.text
    outcome = await world.say("quick server=web-01", "bob", "#ops")  # who may use several, and was not seen before
    assert "Which project? You may use several." in outcome.text
    question = await world.told("bob", "Which project?")
    assert (await world.slack.press("bob", "#ops", question.ts, f"{IN_PROJECT}.1")).ok
    request = request_id((await world.told("bob", "Looking at the disks of server “web-01”")).text)
    await world.slack.until(lambda: "3 disks" in getattr(world.root(request, "#ops"), "text", ""), 20)
    assert world.slack_complaints() == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("server=web-99", "No server “web-99” is in this project. Did you mean “web-01”?"),
        ("tag=tier:nothing", "No disk has the tag “tier:nothing”."),
        ("disks=scratch", "“scratch” fits 2 disks. Say which one by its id:"),
        ("disks=broken-index", "“broken-index”: It is in the state “error”"),
        ("server_id=77777777-9999-4000-8000-000000000001", "No disk is attached to a server with the id"),
    ],
)
async def test_what_cannot_be_meant_is_a_question(world: World, text: str, words: str) -> None:
    await world.say(f"quick {text}")
    await world.told("alice", words)
    assert world.cloud.calls("create_snapshot") == world.cloud.calls("create_group") == []


async def test_one_name_of_two_servers_is_a_question(world: World) -> None:
    add_disks(world, "twin", 1, first=700)
    world.cloud.world.servers["77777777-0003-4000-8000-000000000003"].name = "twin"
    await world.say("quick server=twin")
    message = await world.told("alice", "“twin” is the name of 2 servers. Say which one by its id:")
    assert "`server_id=77777777-0003-4000-8000-000000000003` (3 disks)" in message.text
    assert "`server_id=77777777-0700-4000-8000-000000000001` (1 disk)" in message.text


async def test_a_tag_selects_its_disks(world: World) -> None:
    _, root = await planned(world, "tag=app:orders")
    assert "2 disks" in root.text
    assert "orders-db-wal" in root.text


async def test_a_region_without_the_api_says_so(world: World) -> None:
    await world.say("quick server=old-01 project=legacy", "bob", "#ops")
    await world.told("bob", "This region does not offer standard snapshots.")
