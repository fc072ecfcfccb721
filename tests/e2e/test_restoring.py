"""Restore points: what a channel's incidents left behind, and letting it go, carefully."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from bot.domain import deletions
from bot.simulator.workspace import Message
from bot.slack.ids import AGREE, DELETE, EXTEND
from bot.workflow.jobs import plan
from tests.e2e.conftest import CHANNEL, FastClock, World, request_id
from tests.e2e.test_approvals import Start, start
from tests.e2e.test_granting import asked

__all__ = ["start"]


@pytest.fixture(autouse=True)
def quick_snapshots(setting: tuple[Any, FastClock]) -> None:
    timing = setting[0].cloud.world.timing
    timing.min_seconds = timing.max_seconds = 1.5


def there(world: World) -> list[str]:
    return [one["id"] for one in world.cloud.snapshots() if one["status"] == "available"]


async def said(world: World, words: str, timeout: float = 15) -> Message:
    """Wait until it stands in the channel for everybody."""
    found: list[Message] = []

    def seen() -> bool:
        found[:] = [one for one in world.slack.messages(CHANNEL) if words in one.text and one.ephemeral_to is None]
        return bool(found)

    await world.slack.until(seen, timeout)
    return found[-1]


def controls(message: Message) -> list[tuple[str, str]]:
    """The buttons of a message and what each is about."""
    elements = [element for block in message.blocks for element in block.get("elements", [])]
    return [(element["action_id"], element["value"]) for element in elements if "action_id" in element]


async def trail(world: World) -> list[tuple[str, str, str]]:
    assert world.bot is not None
    rows = await world.bot.store.audit_page(0)
    return [(row["actor"], row["outcome"], row["rule"]) for row in rows if row["action"] == "delete"]


async def test_what_a_channel_created_is_listed_and_what_is_gone_says_so(world: World) -> None:
    first = await world.create("web-01-data web-01-logs reason=INC-42 keep=7")
    await world.finished(first)
    second = await world.create("spare-disk", "bob")
    await world.finished(second)
    world.cloud.world.snapshots.pop(there(world)[0])
    text = await asked(world, "restore-points", "Restore points of")
    assert text.index(second) < text.index(first)
    assert "“INC-42”" in text
    assert text.count("(gone)") == 1
    assert "still there" in text or "all there" in text
    assert "to be kept until" in text
    elsewhere = await asked(world, "restore-points #inc-demo", "Restore points of* <#C0INCDEMO1>", channel="#ops")
    assert first in elsewhere
    assert "There are no restore points of this channel" in await asked(
        world, "restore-points", "There are", channel="#ops"
    )
    assert world.slack_complaints() == []


async def test_who_may_see_nothing_is_told_of_nothing(world: World) -> None:
    request = await world.create("web-01-data")
    await world.finished(request)
    calls = len(world.cloud.calls())
    text = await asked(
        world, "restore-points", "There are no restore points of this channel that you may see.", "carol"
    )
    assert request not in text
    assert len(world.cloud.calls()) == calls


async def test_a_cloud_that_does_not_answer_leaves_the_list_and_says_so(world: World) -> None:
    await world.finished(await world.create("web-01-data"))
    world.cloud.fault("list_snapshots", "503", times=9)
    assert "whether they still exist could not be asked" in await asked(world, "restore-points", "Restore points of")


async def test_an_admin_lets_them_go_by_the_button(world: World) -> None:
    request = await world.create("web-01-data web-01-logs keep=7")
    await world.finished(request)
    await asked(world, "restore-points", "Restore points of")
    listed = world.private("alice")[-1]
    outcome = await world.slack.press("alice", CHANNEL, listed.ts, DELETE)
    question = outcome.confirm["text"]["text"]
    assert question.startswith("This deletes up to 2 snapshots of web-01-data, web-01-logs")
    assert "What is deleted can't be brought back." in question
    await world.told("alice", "Deleting 2 snapshots (“web-01-data”, “web-01-logs”); the thread says when")
    message = await said(world, "2 snapshots are deleted, as <@U0ALICE001> asked: “web-01-data”, “web-01-logs”.")
    root = world.root(request)
    assert root is not None and message.thread_ts == root.ts
    assert there(world) == []
    await asked(world, f"delete {request}", "These are deleted already")
    assert [row[1] for row in await trail(world)][:3] == ["allowed", "done", "done"]


async def test_one_of_several_is_let_go_by_its_id(world: World) -> None:
    request = await world.create("web-01-data web-01-logs")
    await world.finished(request)
    first, second = there(world)
    await world.delete(first, "Deleting 1 snapshot")
    await said(world, "1 snapshot is deleted")
    assert there(world) == [second]


@pytest.mark.parametrize(
    ("person", "words"),
    [("bob", "In payments-prod you may"), ("carol", "I know no restore point"), ("gus", "Guests of this workspace")],
)
async def test_only_who_may_delete_does(world: World, person: str, words: str) -> None:
    world.slack.join(person, CHANNEL)
    request = await world.create("web-01-data")
    await world.finished(request)
    await asked(world, f"delete {request}", words, person)
    assert len(there(world)) == 1
    assert world.cloud.calls("delete_snapshot") == []


async def test_what_the_bot_did_not_make_is_not_its_to_delete(world: World) -> None:
    request = await world.create("web-01-data")
    await world.finished(request)
    (made,) = there(world)
    world.cloud.world.snapshots[made].tags["snapshot-bot-request"] = "r-somebody"
    await world.delete(made, "Deleting 1 snapshot")
    await said(world, "Kept: the snapshot of “web-01-data”. Its tag does not say that I made it for this request")
    await asked(world, "delete 5ca1ab1e-0000-4000-8000-000000000000", "I know no restore point")
    assert there(world) == [made]


async def test_while_a_rollback_runs_nothing_is_deleted(world: World) -> None:
    request = await world.create("web-01-data")
    await world.finished(request)
    disk = world.cloud.world.disks["d15c0000-0002-4000-8000-000000000002"]
    disk.status = "rollbacking"
    await world.delete(request, "Deleting 1 snapshot")
    await said(world, "Kept: the snapshot of “web-01-data”. Its disk is being rolled back.")
    assert len(there(world)) == 1
    disk.status = "in-use"
    await world.delete(request, "Deleting 1 snapshot")
    await said(world, "1 snapshot is deleted")


async def test_a_snapshot_without_the_bots_tag_stays(world: World) -> None:
    request = await world.create("web-01-data")
    await world.finished(request)
    (made,) = there(world)
    del world.cloud.world.snapshots[made].tags["snapshot-bot-request"]
    await world.delete(request, "Deleting 1 snapshot")
    await said(world, "Kept: the snapshot of “web-01-data”. Its tag does not say that I made it for this request")
    assert there(world) == [made]


@pytest.mark.parametrize("members_tagged", [True, False])
async def test_the_members_of_a_group_are_let_go_whether_or_not_they_carry_its_tag(
    world: World, members_tagged: bool
) -> None:
    outcome = await world.say("quick server=web-01 confirm=no")
    request = request_id(outcome.text)
    await world.finished(request)
    members = there(world)
    assert members and all(world.cloud.world.snapshots[one].group_id for one in members)
    if not members_tagged:
        for one in members:
            world.cloud.world.snapshots[one].tags.clear()
    await world.delete(request, f"Deleting {len(members)} snapshots")
    await said(world, f"{len(members)} snapshots are deleted")
    assert there(world) == []


async def test_a_restore_point_that_somebody_joined_is_not_taken_from_them(world: World) -> None:
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 12.0
    first = await world.create("web-01-data keep=1")
    await world.until(lambda: bool(world.cloud.snapshots()))
    second = await world.create("web-01-data keep=90", "bob")
    await world.finished(first)
    await world.finished(second)
    assert len(there(world)) == 1
    await asked(world, f"delete {first}", f"is also a restore point of request {second}, which still keeps it.")
    listed = await asked(world, "restore-points", "Restore points of")
    assert second in listed
    assert controls(world.private("alice")[-1]) == [(DELETE, first)]
    assert len(there(world)) == 1 and world.cloud.calls("delete_snapshot") == []
    await asked(world, f"delete {second}", f"Request {second} no longer keeps 1 snapshot (“web-01-data”).")
    assert len(there(world)) == 1 and world.cloud.calls("delete_snapshot") == []
    assert f"`{second}`" not in await asked(world, "restore-points", "Restore points of")
    await world.delete(first, "Deleting 1 snapshot")
    await said(world, "1 snapshot is deleted")
    assert there(world) == []


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "503", "html"])
async def test_a_lost_answer_is_looked_after(world: World, fault: str) -> None:
    request = await world.create("web-01-data")
    await world.finished(request)
    world.cloud.fault("delete_snapshot", fault)
    await world.delete(request, "Deleting 1 snapshot")
    await said(world, "1 snapshot is deleted")
    assert there(world) == []


async def test_a_restart_in_the_middle_changes_nothing(world: World) -> None:
    request = await world.create("web-01-data")
    await world.finished(request)
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 15.0
    await world.delete(request, "Deleting 1 snapshot")
    await world.until(lambda: bool(world.cloud.calls("delete_snapshot")))
    await world.stop_bot()
    await world.start_bot()
    await said(world, "1 snapshot is deleted")
    assert len(world.cloud.calls("delete_snapshot")) == 1


# --- with a second person ---------------------------------------------------------------------------------------------


async def made_with_approval(world: World, disks: str = "web-01-data") -> str:
    request = await world.create(disks, "bob")
    await world.slack.until(lambda: bool(world.replies(request, "ask")))
    await asked(world, f"approve {request}", f"You approved {request}, and it began", "eng01")
    await world.finished(request)
    return request


async def test_where_the_project_says_so_somebody_else_has_to_agree(start: Start) -> None:
    world = await start("approvals = 1")
    request = await made_with_approval(world)
    await world.delete(request, "Another person who may approve has to agree within 60 minutes")
    await asked(world, f"delete {request}", "You asked for this yourself; somebody else has to agree.")
    await asked(world, f"delete {request}", "you may cancel, create, view, but not approve", "bob")
    assert world.cloud.calls("delete_snapshot") == []
    await world.delete(request, "You agreed, so I delete 1 snapshot (“web-01-data”) now.", "eng02")
    await said(world, "1 snapshot is deleted, as <@U0ALICE001> asked and <@U0ENG00002> agreed")
    assert there(world) == []


async def test_a_second_person_is_asked_in_the_thread_and_agrees_by_the_button(start: Start) -> None:
    world = await start("approvals = 1")
    request = await made_with_approval(world, "web-01-data web-01-logs")
    first, second = there(world)
    label = next(one["volume_id"] for one in world.cloud.snapshots() if one["id"] == first)
    disk = world.cloud.world.disks[label].name
    world.slack.fault("ratelimited", method="chat.postMessage")
    await world.delete(first, "has to agree within 60 minutes")
    notice = await said(world, "asks to delete")
    root = world.root(request)
    assert root is not None and notice.thread_ts == root.ts
    assert notice.text.startswith(f"<@U0ALICE001> asks to delete 1 snapshot (“{disk}”): another person who may approve")
    assert f"`delete {first}`" in notice.text
    await world.stop_bot()
    await world.start_bot()
    await world.delete(second, "has to agree within 60 minutes")
    await world.slack.press("alice", CHANNEL, notice.ts, AGREE)
    await world.told("alice", "You asked for this yourself; somebody else has to agree.")
    await world.slack.press("bob", CHANNEL, notice.ts, AGREE)
    await world.told("bob", "you may cancel, create, view, but not approve")
    world.slack.join("carol", CHANNEL)
    await world.slack.press("carol", CHANNEL, notice.ts, AGREE)
    await world.told("carol", "I know no restore point")
    assert world.cloud.calls("delete_snapshot") == []
    await world.slack.press("eng02", CHANNEL, notice.ts, AGREE)
    await world.told("eng02", f"You agreed, so I delete 1 snapshot (“{disk}”) now.")
    ended = await said(world, "1 snapshot is deleted, as <@U0ALICE001> asked and <@U0ENG00002> agreed")
    assert ended.thread_ts == root.ts
    assert there(world) == [second]  # asked for as well, and waiting: the button agreed to the first alone
    await world.slack.press("eng01", CHANNEL, notice.ts, AGREE)
    await world.told("eng01", "This is settled already; the thread says what became of it.")
    assert there(world) == [second]
    assert len([one for one in world.slack.messages(CHANNEL) if f"(“{disk}”): another person" in one.text]) == 1
    assert world.slack_complaints() == []


async def test_agreeing_to_one_snapshot_does_not_delete_another(start: Start) -> None:
    world = await start("approvals = 1")
    await made_with_approval(world, "web-01-data web-01-logs")
    first, second = there(world)
    await world.delete(first, "has to agree within 60 minutes")
    await asked(world, f"delete {second}", "but not delete", "eng02")
    await asked(world, "grant @eng02 admin payments-prod", "is now admin")
    await world.delete(second, "has to agree within 60 minutes", "eng02")
    assert world.cloud.calls("delete_snapshot") == []
    await world.delete(second, "You agreed, so I delete 1 snapshot", "eng01")
    await said(world, "1 snapshot is deleted, as <@U0ENG00002> asked and <@U0ENG00001> agreed")
    assert there(world) == [first]


async def test_an_agreement_is_worth_no_more_than_its_persons_right(start: Start) -> None:
    world = await start("approvals = 1")
    request = await made_with_approval(world)
    await world.delete(request, "has to agree within 60 minutes")
    await world.slack.set_user("alice", tz="Asia/Singapore")
    world.slack.fault("latency", method="users.info", seconds=0.8)
    await world.delete(request, "You agreed", "eng02")
    await world.slack.set_user("eng02", is_restricted=True)
    await said(world, "Kept: the snapshot of “web-01-data”. Guests of this workspace may not use the snapshot bot.")
    assert len(there(world)) == 1


async def test_when_nobody_agrees_they_stay(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletions, "AGREE_TIME", timedelta(seconds=4))
    world = await start("approvals = 1")
    request = await made_with_approval(world)
    await world.delete(request, "has to agree within 60 minutes")
    await said(world, "Kept: the snapshot of “web-01-data”. Nobody else agreed within 60 minutes.")
    assert len(there(world)) == 1


# --- before they were to go -------------------------------------------------------------------------------------------


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reminders come after seconds instead of days."""
    monkeypatch.setattr(plan, "remind_time", lambda request, now: request.expires_at and now + timedelta(seconds=8))


@pytest.mark.usefixtures("soon")
async def test_before_they_were_to_go_their_person_is_asked_and_may_keep_them(world: World) -> None:
    request = await world.create("web-01-data web-01-logs keep=7")
    await world.finished(request)
    message = await said(world, "shall they stay, or go?")
    root = world.root(request)
    assert root is not None and message.thread_ts == root.ts
    assert "2 snapshots of *web-01-data*, *web-01-logs* to be kept until" in message.text
    world.slack.join("carol", CHANNEL)
    await world.slack.press("carol", CHANNEL, message.ts, EXTEND)
    await world.told("carol", "I know no restore points")
    await world.slack.press("bob", CHANNEL, message.ts, EXTEND)
    await world.told("bob", "Kept for 7 more days; I ask again before they are over.")
    await world.slack.press("alice", CHANNEL, message.ts, EXTEND)
    await world.told("alice", "Somebody kept these a moment before you.")
    assert world.bot is not None
    found = await world.bot.store.find(request)
    assert found is not None and found[0].expires_at == found[0].created_at + timedelta(days=14)
    assert found[0].remind_at is not None and found[0].remind_at > world.clock.now()
    assert len(there(world)) == 2
    assert world.slack_complaints() == []


async def kept_rows(world: World) -> list[tuple[str, str, str]]:
    assert world.bot is not None
    rows = await world.bot.store.audit_page(0)
    return [(row["actor"], row["outcome"], row["rule"]) for row in rows if row["action"] == "keep"]


@pytest.mark.usefixtures("soon")
async def test_of_several_who_keep_them_at_once_one_does(world: World) -> None:
    for person in ("alice", "bob"):
        await world.say("help", person)
    request = await world.create("web-01-data keep=7")
    await world.finished(request)
    message = await said(world, "shall they stay, or go?")
    people = ("alice", "bob", "alice", "bob")
    await asyncio.gather(*(world.slack.press(one, CHANNEL, message.ts, EXTEND) for one in people))
    outcomes = sorted(row[1:] for row in await kept_rows(world))
    assert outcomes == [("denied", "kept-before")] * 3 + [("done", "granted")]


@pytest.mark.usefixtures("soon")
async def test_what_was_let_go_is_not_said_to_be_kept(world: World) -> None:
    request = await world.create("web-01-data keep=7")
    await world.finished(request)
    message = await said(world, "shall they stay, or go?")
    await world.slack.press("alice", CHANNEL, message.ts, DELETE)
    await said(world, "1 snapshot is deleted")
    await world.slack.press("alice", CHANNEL, message.ts, EXTEND)
    await world.told("alice", "Nothing of these is left to keep: they are deleted, or about to be.")
    assert await kept_rows(world) == [("U0ALICE001", "denied", "nothing-to-keep")]
    assert world.bot is not None
    found = await world.bot.store.find(request)
    assert found is not None and found[0].remind_at is None


@pytest.mark.usefixtures("soon")
async def test_who_keeps_what_others_are_asked_to_delete_reads_that(start: Start) -> None:
    world = await start("approvals = 1")
    await made_with_approval(world, "web-01-data keep=7")
    message = await said(world, "shall they stay, or go?")
    await world.slack.press("alice", CHANNEL, message.ts, DELETE)
    await said(world, "asks to delete")
    await world.slack.press("bob", CHANNEL, message.ts, EXTEND)
    told = await world.told("bob", "Kept for 7 more days")
    asks = "<@U0ALICE001> asked to delete 1 snapshot (“web-01-data”), though: where others agree to that, it goes."
    assert told.text.endswith(asks)
    assert [row[:2] for row in await kept_rows(world)] == [("U0BOB00002", "done")]


@pytest.mark.usefixtures("soon")
async def test_the_reminder_comes_once_also_over_a_restart_and_leads_to_letting_go(world: World) -> None:
    request = await world.create("web-01-data keep=7")
    await world.finished(request)
    await world.stop_bot()
    await world.start_bot()
    message = await said(world, "shall they stay, or go?")
    await world.stop_bot()
    await world.start_bot()
    await world.slack.press("alice", CHANNEL, message.ts, DELETE)
    await said(world, "1 snapshot is deleted")
    assert len([one for one in world.slack.messages(CHANNEL) if "shall they stay" in one.text]) == 1


def first_pages(world: World) -> int:
    """How often the snapshots were listed; a list that lacks an id is read on until a page is empty."""
    return sum(call["query"]["offset"] == "0" for call in world.cloud.calls("list_snapshots"))


@pytest.mark.usefixtures("soon")
async def test_a_reminder_leaves_out_what_the_cloud_no_longer_has(world: World) -> None:
    request = await world.create("web-01-data web-01-logs keep=7")
    await world.finished(request)
    world.cloud.world.snapshots.pop(there(world)[0])
    looks = first_pages(world)
    message = await said(world, "shall they stay, or go?")
    assert "1 snapshot of" in message.text
    assert first_pages(world) == looks + 1


@pytest.mark.usefixtures("soon")
async def test_a_reminder_comes_with_all_of_it_where_the_cloud_does_not_answer(world: World) -> None:
    request = await world.create("web-01-data keep=7")
    await world.finished(request)
    world.cloud.fault("list_snapshots", "503", times=9)
    assert "1 snapshot of *web-01-data*" in (await said(world, "shall they stay, or go?")).text


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize(("mine", "theirs"), [(" keep=7", ""), ("", " keep=7")])
async def test_what_another_request_has_too_is_offered_to_keep_but_not_to_let_go(
    world: World, mine: str, theirs: str
) -> None:
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 12.0
    first = await world.create(f"web-01-data{mine}")
    await world.until(lambda: bool(world.cloud.snapshots()))
    second = await world.create(f"web-01-data{theirs}", "bob")
    await world.finished(first)
    await world.finished(second)
    message = await said(world, "shall they stay, or go?")
    assert controls(message) == [(EXTEND, first if mine else second)]
    assert "another request has them too, so this one cannot let them go." in message.text


@pytest.mark.usefixtures("soon")
async def test_nobody_is_asked_about_what_is_gone_or_goes_by_itself(quiet_world: World) -> None:
    world = quiet_world
    await world.start_bot()
    request = await world.create("web-01-data keep=7")
    await world.finished(request)
    await world.delete(request, "Deleting 1 snapshot")
    forever = await world.create("spare-disk")
    await world.finished(forever)
    assert world.bot is not None

    async def pending() -> list[str]:
        assert world.bot is not None
        return [key for key, *_ in await world.bot.store.jobs() if key.startswith("remind:")]

    async with asyncio.timeout(10):
        while await pending():
            await asyncio.sleep(0.05)
    assert not [one for one in world.slack.messages(CHANNEL) if "shall they stay" in one.text]
