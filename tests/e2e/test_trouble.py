"""Whatever goes wrong in the cloud, in Slack or in the bot: one snapshot per disk, and a true last message."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from bot.ports.lookups import Filters
from bot.simulator.setting import Setting
from bot.simulator.workspace import Message
from tests.e2e.conftest import CHANNEL, FastClock, World, part, request_id

DATA = "d15c0000-0002-4000-8000-000000000002"
LOGS = "d15c0000-0003-4000-8000-000000000003"


@pytest.fixture(autouse=True)
def quick_snapshots(setting: tuple[Setting, FastClock]) -> None:
    """Most tests here wait for an end; how long the cloud takes is not their point."""
    timing = setting[0].cloud.world.timing
    timing.min_seconds = timing.max_seconds = 1.5


@pytest.fixture
async def hasty_world(quiet_world: World) -> World:
    """A bot that looks for a lost snapshot for 5 s only, and asks for a busy disk every 2 s."""
    file = quiet_world.setting.directory / "bot.toml"
    text = file.read_text()
    text = text.replace("reconcile_seconds = 60", "reconcile_seconds = 5")
    text = text.replace("busy_retry_seconds = 10", "busy_retry_seconds = 2")
    file.write_text(text)
    await quiet_world.start_bot()
    return quiet_world


# --- the cloud's answers ----------------------------------------------------------------------------------------------

LOST = ["drop_after", "502_after", "504_after", "html", "truncated"]


@pytest.mark.parametrize("kind", LOST)
async def test_a_lost_answer_to_a_create_leaves_one_snapshot(world: World, kind: str) -> None:
    world.cloud.fault("create_snapshot", kind)
    request = await world.create("web-01-data")
    await assert_one_available(world, request)
    assert len(world.cloud.calls("create_snapshot")) == 1


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("drop_before", {}),
    ("500_before", {}),
    ("503", {}),
    ("429", {}),
    ("429", {"retry_after": 4}),
    ("html", {"processed": False}),
    ("error", {"status": 502, "code": "APIGW.0608", "shape": "gateway"}),
]


@pytest.mark.parametrize(("kind", "options"), REFUSED, ids=[f"{kind}{options or ''}" for kind, options in REFUSED])
async def test_a_create_that_was_not_carried_out_is_sent_again(
    hasty_world: World, kind: str, options: dict[str, Any]
) -> None:
    world = hasty_world
    world.cloud.fault("create_snapshot", kind, **options)
    request = await world.create("web-01-data")
    await assert_one_available(world, request)
    first, second = world.cloud.calls("create_snapshot")
    assert (first["processed"], second["processed"]) == (False, True)
    assert first["body"] == second["body"]


async def test_a_cloud_that_hangs_leaves_one_snapshot(quiet_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world = quiet_world
    monkeypatch.setattr("bot.evs.transport.READ_S", 0.3)
    await world.start_bot()
    world.cloud.fault("create_snapshot", "hang")
    request = await world.create("web-01-data")
    await assert_one_available(world, request)
    assert len(world.cloud.calls("create_snapshot")) == 1


@pytest.mark.parametrize("late", [["delayed_visibility"], ["tag_late"], ["delayed_visibility", "tag_late"]])
async def test_a_lost_answer_of_a_snapshot_that_shows_late_is_not_repeated(world: World, late: list[str]) -> None:
    world.cloud.fault("create_snapshot", "drop_after")
    for kind in late:
        world.cloud.fault("create_snapshot", kind, seconds=10)
    request = await world.create("web-01-data")
    await assert_one_available(world, request)
    assert len(world.cloud.calls("create_snapshot")) == 1


async def test_an_uncertain_create_says_so_while_it_is_looked_for(world: World) -> None:
    world.cloud.fault("create_snapshot", "drop_after")
    world.cloud.fault("create_snapshot", "delayed_visibility", seconds=10)
    request = await world.create("web-01-data")
    await world.slack.until(lambda: "no clear answer from the cloud" in root_text(world, request))
    assert "available" not in root_text(world, request)
    await assert_one_available(world, request)


async def test_a_token_that_expires_in_the_middle_is_renewed(world: World) -> None:
    world.cloud.fault("create_snapshot", "token_expired")
    request = await world.create("web-01-data")
    await assert_one_available(world, request)
    assert len(world.cloud.calls("create_token")) == 2


async def test_a_password_refused_is_tried_once_and_people_read_whom_to_tell(quiet_world: World) -> None:
    world = quiet_world
    world.environment["SIM_IAM_PASSWORD"] = "not-the-password"
    await world.start_bot()
    await world.say("create web-01-data")
    told = await world.told("alice", "refused the bot's own credentials")
    assert "Nothing was created" in told.text
    assert "Tell the people who run the bot" in told.text
    await world.say("create web-01-logs")
    await world.slack.until(lambda: sum("own credentials" in one.text for one in world.private("alice")) == 2)
    assert [call["operation"] for call in world.cloud.calls()] == ["create_token"]


async def test_a_cloud_that_answers_nobody_is_waited_for(world: World) -> None:
    world.cloud.fault("list_volumes", "drop_before", times=4)
    request = await world.create("web-01-data")
    await assert_one_available(world, request)


# --- how a snapshot ends ----------------------------------------------------------------------------------------------


async def test_a_disk_busy_elsewhere_waits_its_turn(hasty_world: World) -> None:
    world = hasty_world
    world.cloud.fault("create_snapshot", "external_busy", seconds=6, volume_id=DATA)
    request = await world.create("web-01-data web-01-logs")
    await world.slack.until(lambda: "waiting its turn" in root_text(world, request))
    waiting = next(line for line in root_text(world, request).splitlines() if "waiting its turn" in line)
    assert "web-01-data" in waiting
    root = await world.finished(request)
    assert {one["volume_id"]: one["status"] for one in world.cloud.snapshots()} == {
        DATA: "available",
        LOGS: "available",
    }
    assert "all available" in root.text
    assert "waiting" not in root.text


async def test_a_disk_busy_for_too_long_has_failed_with_that_reason(quiet_world: World) -> None:
    world = quiet_world
    file = world.setting.directory / "bot.toml"
    file.write_text(file.read_text().replace("[cloud]\n", "[cloud]\nbusy_deadline_minutes = 0.1\n"))
    await world.start_bot()
    world.cloud.fault("create_snapshot", "external_busy", seconds=3600)
    request = await world.create("web-01-data")
    root = await world.finished(request)
    for text in (root.text, world.replies(request, "receipt")[0].text):
        assert "failed" in text
        assert "already being created" in text
        assert "created nothing of this disk" in text
    assert world.cloud.snapshots() == []


async def test_a_failed_job_ends_its_disk_with_the_cause_and_leaves_the_other_alone(world: World) -> None:
    world.cloud.fault("create_snapshot", "external_busy", seconds=8, volume_id=LOGS)
    world.cloud.fault(
        "create_snapshot", "job_fail", volume_id=DATA, error_code="EVS.2040", fail_reason="The key is not enabled"
    )
    request = await world.create("web-01-data web-01-logs")
    await end_job(world, before_its_snapshot_s=1.0)
    root = await world.finished(request)
    receipt, failure = world.replies(request, "receipt")[0], world.replies(request, "failure")[0]
    for text in (root.text, receipt.text, failure.text):
        assert "The key is not enabled" in text
        assert "EVS.2040" in text
        assert "web-01-data" in text
        assert "failed" in text
    (made,) = world.cloud.snapshots(LOGS)
    assert made["id"] in root.text
    assert made["id"] in receipt.text
    assert "1 available, 1 not" in root.text
    assert "Receipt: 1 of 2 snapshots available" in receipt.text
    assert f"/snapshot create {DATA} project=payments-prod" in receipt.text
    assert world.slack_complaints() == []


async def test_the_cause_of_a_job_that_fails_just_after_its_snapshot_is_told_too(world: World) -> None:
    world.cloud.fault("create_snapshot", "job_fail", error_code="EVS.2040", fail_reason="The key is not enabled")
    request = await world.create("web-01-data")
    await end_job(world, before_its_snapshot_s=-4.0)
    root = await world.finished(request)
    for text in (root.text, world.replies(request, "receipt")[0].text):
        assert "The key is not enabled" in text
        assert "EVS.2040" in text


async def test_a_snapshot_in_error_without_a_reason_has_failed_and_says_that_none_was_given(world: World) -> None:
    world.cloud.fault("create_snapshot", "snapshot_error")
    request = await world.create("web-01-data")
    root = await world.finished(request)
    receipt = world.replies(request, "receipt")[0]
    for text in (root.text, receipt.text):
        assert "failed" in text
        assert "gives no reason" in text
    assert "Receipt: 0 of 1 snapshot available" in receipt.text


async def test_a_job_that_the_cloud_forgets_does_not_matter(world: World) -> None:
    world.cloud.fault("create_snapshot", "job_unknown")
    await assert_one_available(world, await world.create("web-01-data"))


@pytest.mark.parametrize("job", [None, "job_unknown"])
async def test_a_snapshot_that_listings_show_late_is_waited_for(world: World, job: str | None) -> None:
    world.cloud.fault("create_snapshot", "delayed_visibility", seconds=90)
    if job:
        world.cloud.fault("create_snapshot", job)
    await assert_one_available(world, await world.create("web-01-data"))


async def test_a_day_off_and_listings_that_fail_after_it_end_nothing(world: World) -> None:
    world.cloud.fault("create_snapshot", "stuck")
    request = await world.create("web-01-data")
    await world.slack.until(lambda: bool(world.replies(request, "accepted")))
    await world.stop_bot()
    world.cloud.settle()
    world.clock.step(hours=25)
    for _ in range(3):
        world.cloud.fault("list_snapshots", "503")
    await world.start_bot()
    await assert_one_available(world, request)


async def test_a_snapshot_deleted_in_the_making_has_failed(world: World) -> None:
    world.cloud.fault("create_snapshot", "stuck")
    request = await world.create("web-01-data")
    await world.slack.until(lambda: "creating, " in str(world.root(request)))
    world.cloud.world.snapshots.clear()
    root = await world.finished(request)
    assert "failed" in root.text
    assert "no longer knows this snapshot" in root.text


async def test_listings_that_fail_only_delay_the_end(world: World) -> None:
    for kind in ("429", "html", "truncated"):
        world.cloud.fault("list_snapshots", kind)
    await assert_one_available(world, await world.create("web-01-data"))


# --- two people -------------------------------------------------------------------------------------------------------


async def test_two_people_who_ask_for_one_disk_at_once_share_its_snapshot(world: World) -> None:
    requests = await asyncio.gather(world.create("web-01-data"), world.create("web-01-data", "bob"))
    roots = [await world.finished(request) for request in requests]
    (made,) = world.cloud.snapshots()
    assert len(world.cloud.calls("create_snapshot")) == 1
    receipts = [world.replies(request, "receipt")[0] for request in requests]
    for root, receipt in zip(roots, receipts, strict=True):
        assert "all available" in root.text
        assert made["id"] in root.text
        assert made["id"] in receipt.text
        assert receipt.thread_ts == root.ts
    assert ["joined" in receipt.text for receipt in receipts].count(True) == 1


async def test_whoever_comes_second_reads_that_they_joined_and_where(world: World) -> None:
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 600.0
    first = await world.create("web-01-data")
    await world.until(lambda: bool(world.cloud.snapshots()) and world.root(first) is not None)
    second = await world.create("web-01-data", "bob")
    await world.slack.until(lambda: "joined" in root_text(world, second))
    leader, follower = world.root(first), world.root(second)
    assert leader is not None
    assert follower is not None
    assert first in follower.text
    assert f"/archives/C0INCDEMO1/p{leader.ts.replace('.', '')}" in follower.text
    world.cloud.settle()
    await world.finished(first)
    await world.finished(second)
    assert len(world.cloud.calls("create_snapshot")) == 1


async def test_whoever_joined_a_snapshot_that_fails_gets_one_of_their_own(world: World) -> None:
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 600.0
    world.cloud.fault("create_snapshot", "job_fail")
    first = await world.create("web-01-data")
    await world.until(lambda: bool(world.cloud.snapshots()))
    second = await world.create("web-01-data", "bob")
    await world.slack.until(lambda: "joined" in root_text(world, second))
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 1.0
    world.cloud.settle()
    assert "none available" in (await world.finished(first)).text
    assert "all available" in (await world.finished(second)).text
    made = [one for one in world.cloud.snapshots() if one["status"] == "available"]
    assert [one["tags"]["snapshot-bot-request"] for one in made] == [f"{second}-1"]


# --- the bot stops ----------------------------------------------------------------------------------------------------


async def test_a_bot_stopped_while_the_cloud_works_finishes_after_its_start(world: World) -> None:
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 10.0
    request = await world.create("web-01-data")
    await world.slack.until(lambda: bool(world.replies(request, "accepted")))
    await world.stop_bot()
    world.cloud.settle()
    await world.start_bot()
    await assert_one_available(world, request)
    assert len(world.replies(request, "accepted")) == 1
    assert len(roots(world)) == 1


async def test_a_bot_stopped_while_a_disk_waits_sends_it_after_its_start(hasty_world: World) -> None:
    world = hasty_world
    world.cloud.fault("create_snapshot", "external_busy", seconds=6)
    request = await world.create("web-01-data")
    await world.slack.until(lambda: "waiting its turn" in root_text(world, request))
    await world.stop_bot()
    await world.start_bot()
    await assert_one_available(world, request)


async def test_a_bot_stopped_right_after_the_acknowledgement_carries_the_request_out_later(world: World) -> None:
    request = await world.create("web-01-data")
    await world.stop_bot()
    await world.start_bot()
    await assert_one_available(world, request)


async def test_a_bot_stopped_before_it_refused_tells_the_person_without_a_response_url(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.app_jobs.STOP_SECONDS", 0.01)  # it does not wait until the cloud answers
    world.cloud.fault("list_volumes", "hang", times=1000)
    request = await world.create("nope-data")
    await world.until(lambda: bool(world.cloud.calls("list_volumes")))
    await world.stop_bot()
    world.cloud.clear_faults()
    await world.start_bot()
    told = await world.told("alice", "No disk named “nope-data”")
    assert request in told.text
    assert world.slack.api_calls("chat.postEphemeral") != []


# --- Slack's trouble --------------------------------------------------------------------------------------------------

TROUBLE = [("ratelimited", 3), ("status", 2), ("malformed", 1), ("reset_after", 1)]


@pytest.mark.parametrize("method", ["chat.postMessage", "chat.update"])
@pytest.mark.parametrize(("kind", "times"), TROUBLE, ids=[kind for kind, _ in TROUBLE])
async def test_trouble_in_slack_delays_messages_and_loses_none(
    world: World, method: str, kind: str, times: int
) -> None:
    world.slack.fault(kind, method=method, times=times)
    request = await world.create("web-01-data")
    await assert_one_available(world, request)
    said = " ".join(message.text for message in world.slack.messages(CHANNEL))
    assert "ratelimited" not in said
    assert "rate limit" not in said


@pytest.mark.parametrize("kind", ["status", "error", "ratelimited", "malformed", "reset_after"])
async def test_a_refusal_finds_another_way_where_the_response_url_fails(world: World, kind: str) -> None:
    if kind == "error":
        world.slack.fault("status", method="response_url", status=404)
    else:
        world.slack.fault(kind, method="response_url")
    await world.say("create nope-data")
    await world.told("alice", "No disk named “nope-data”")
    assert world.slack.messages(CHANNEL) == []


async def test_a_command_delivered_twice_is_one_request(either_world: World) -> None:
    world = either_world
    world.slack.fault("duplicate_delivery", method="/snapshot")
    request = await world.create("web-01-data")
    await assert_one_available(world, request)
    await world.slack.until(lambda: len(deliveries(world)) == 2)
    acknowledged = [request_id(delivery["ack"]["text"]) for delivery in deliveries(world)]
    assert acknowledged == [request, request]
    assert world.bot is not None
    assert [one.id for one, _ in await world.bot.store.recent(Filters())] == [request]
    assert len(roots(world)) == 1


async def test_a_root_message_that_somebody_deletes_is_replaced_and_the_receipt_arrives(world: World) -> None:
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 12.0
    request = await world.create("web-01-data")
    await world.slack.until(lambda: bool(world.replies(request, "accepted")))
    deleted = world.root(request)
    world.slack.state.messages.delete(deleted)
    root = await world.finished(request)
    assert root is not deleted
    assert "all available" in root.text
    assert [one.thread_ts for one in world.replies(request, "receipt")] == [root.ts]


async def test_a_token_that_slack_revokes_does_not_stop_the_snapshot(world: World) -> None:
    request = await world.create("web-01-data")
    await world.slack.until(lambda: world.root(request) is not None)
    await world.slack.revoke_token()
    await world.until(lambda: [one["status"] for one in world.cloud.snapshots()] == ["available"])


# --- what is kept -----------------------------------------------------------------------------------------------------


async def test_the_store_holds_no_response_url_and_no_secret(world: World) -> None:
    await world.finished(await world.create("web-01-data reason=INC-42"))
    await world.say("create nope-data")
    await world.told("alice", "No disk named")
    await world.stop_bot()
    kept = b"".join(file.read_bytes() for file in world.setting.directory.glob("snapshot-bot.db*"))
    assert b"INC-42" in kept
    assert b"nope-data" in kept
    secrets = [value for name, value in world.setting.environment().items() if not name.startswith("BOT_")]
    for secret in (*secrets, "/commands/T0HARBOR01", world.slack.url):
        assert secret.encode() not in kept


# --- helpers ----------------------------------------------------------------------------------------------------------


async def assert_one_available(world: World, request: str) -> None:
    """The request ended, the cloud holds exactly one snapshot of its disk, and the last messages say just that."""
    root = await world.finished(request)
    (made,) = world.cloud.snapshots()
    assert made["status"] == "available"
    assert made["tags"]["snapshot-bot-request"] == f"{request}-1"
    receipts = world.replies(request, "receipt")
    for text in (root.text, receipts[-1].text):
        assert "web-01-data" in text
        assert made["id"] in text
        assert "available" in text
        assert "failed" not in text
    assert receipts[-1].thread_ts == root.ts
    assert world.slack_complaints() == []


async def end_job(world: World, *, before_its_snapshot_s: float) -> None:
    """Let the next job end that long before its snapshot does, or after: the cloud promises no order."""
    await world.until(lambda: bool(world.cloud.world.jobs))
    (job,), (snapshot,) = world.cloud.world.jobs.values(), world.cloud.world.snapshots.values()
    job.ends_at = snapshot.ready_at - timedelta(seconds=before_its_snapshot_s)


def root_text(world: World, request: str) -> str:
    root = world.root(request)
    return root.text if root else ""


def roots(world: World) -> list[Message]:
    return [one for one in world.slack.messages(CHANNEL) if (part(one) or ("", ""))[1] == "status"]


def deliveries(world: World) -> list[dict[str, Any]]:
    return [one for one in world.slack.journal if one["entry"] == "delivery" and one["name"] == "/snapshot"]
