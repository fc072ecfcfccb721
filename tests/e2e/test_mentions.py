"""`@snapshot-bot …` in threads and channels."""

from __future__ import annotations

import pytest

from bot.simulator.workspace import Message
from bot.slack.ids import CONFIRM, IN_PROJECT, OPEN_FORM
from tests.e2e.conftest import CHANNEL, World, part, request_id
from tests.e2e.test_forms import open_form, shown
from tests.e2e.test_granting import asked


async def thread(world: World, channel: str = CHANNEL) -> str:
    """A message somebody wrote, to hang a thread under."""
    ts: str = (await world.slack.say("alice", channel, "web-01 is slow")).message.ts
    return ts


def private_in(world: World, person: str, thread_ts: str | None) -> list[Message]:
    return [message for message in world.private(person) if message.thread_ts == thread_ts]


async def test_what_is_asked_in_a_thread_stays_in_the_thread(either_world: World) -> None:
    world = either_world
    ts = await thread(world)
    outcome = await world.slack.mention("alice", CHANNEL, "create web-01-data keep=7 reason=“INC-42”", thread_ts=ts)
    assert outcome.ok
    told = await world.told("alice", "web-01-data")
    assert told.thread_ts == ts
    assert "in this thread" in told.text or "the answer follows here" in told.text
    request = request_id(told.text)
    await world.slack.until(lambda: bool(world.replies(request, "receipt")), 20)
    said = about(world, request)
    assert [part(message) for message in said] == [(request, "status"), (request, "accepted"), (request, "receipt")]
    assert {message.thread_ts for message in said} == {ts}
    assert "all available" in said[0].text
    assert "INC-42" in said[0].text
    assert world.slack_complaints() == []


async def test_a_mention_in_the_channel_is_answered_in_the_channel(world: World) -> None:
    await world.slack.mention("alice", CHANNEL, "create spare-disk")
    request = request_id((await world.told("alice", "spare-disk")).text)
    root = await world.finished(request)
    assert root.thread_ts is None


async def test_a_mention_that_leaves_the_project_open_is_answered_with_buttons_for_its_thread(world: World) -> None:
    ts = await thread(world, "#ops")
    await world.slack.mention("bob", "#ops", "create spare-disk", thread_ts=ts)
    question = await world.told("bob", "Which project? You may use several.")
    assert [one["action_id"] for block in question.blocks for one in block.get("elements", ())] == [
        *(f"{IN_PROJECT}.{number}" for number in range(3)),
        OPEN_FORM,
    ]
    assert (await world.slack.press("bob", "#ops", question.ts, f"{IN_PROJECT}.1")).ok
    request = request_id((await world.told("bob", "On it: snapshot of `spare-disk` in payments-prod.")).text)
    await world.slack.until(lambda: bool(world.replies(request, "receipt", "#ops")), 20)
    assert world.replies(request, "receipt", "#ops")[0].thread_ts == ts


async def test_a_quick_backup_asked_for_in_a_thread_is_planned_confirmed_and_ended_there(either_world: World) -> None:
    world = either_world
    ts = await thread(world)
    assert (await world.slack.mention("alice", CHANNEL, "quick server=web-01", thread_ts=ts)).ok
    request = request_id((await world.told("alice", "web-01")).text)

    def plans() -> list[Message]:
        return [one for one in about(world, request) if "planned, waiting for your go" in one.text]

    await world.slack.until(lambda: bool(plans()), 20)
    assert world.cloud.calls("create_group") == []
    assert (await world.slack.press("alice", CHANNEL, plans()[0].ts, CONFIRM)).ok
    await world.slack.until(lambda: bool(world.replies(request, "receipt")), 20)
    assert {message.thread_ts for message in about(world, request)} == {ts}
    assert len(world.cloud.calls("create_group")) == 1
    assert world.slack_complaints() == []


async def test_status_and_help_by_mention_while_something_runs(either_world: World) -> None:
    world = either_world
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 30.0
    request = await world.create("spare-disk")
    await world.until(lambda: bool(world.cloud.calls("create_snapshot")))
    ts = await thread(world)
    await world.slack.mention("alice", CHANNEL, "status", thread_ts=ts)
    await world.slack.until(lambda: any(request in one.text for one in private_in(world, "alice", ts)))
    await world.slack.mention("alice", CHANNEL, f"status {request}", thread_ts=ts)
    await world.slack.until(lambda: len([1 for one in private_in(world, "alice", ts) if request in one.text]) == 2)
    assert "in payments-prod: in progress" in private_in(world, "alice", ts)[-1].text
    await world.slack.mention("alice", CHANNEL, "help", thread_ts=ts)
    await world.slack.until(lambda: "Snapshots of EVS disks" in private_in(world, "alice", ts)[-1].text)


def about(world: World, request: str) -> list[Message]:
    return [message for message in world.slack.messages(CHANNEL) if (part(message) or ("",))[0] == request]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("help", "Snapshots of EVS disks"),
        ("status", "You have asked for no snapshot yet"),
        ("list", "No snapshot fits that"),
        ("projects", "payments-prod"),
        ("create web-01-data nmae=x", "Did you mean `name=`?"),
        ("create web-01-dta", "Did you mean “web-01-data”"),
        ("", "Here I am."),
        ("thanks!", "Here I am."),
        (":pray:", "Here I am."),
        ("can you", "`help` shows what I can do."),
        ("create `web-01-dta`", "Did you mean “web-01-data”"),
        ("create web-01", "For all disks of a server: `quick server=web-01`."),
        ("dance", "For a snapshot of a disk: `create dance`."),
    ],
)
async def test_answers_are_private_and_stand_in_the_thread(world: World, text: str, answer: str) -> None:
    ts = await thread(world)
    await world.slack.mention("alice", CHANNEL, text, thread_ts=ts)
    told = await world.told("alice", answer)
    assert (told.thread_ts, told.channel) == (ts, "C0INCDEMO1")
    assert not [message for message in world.slack.messages(CHANNEL) if message.from_app]


async def test_a_mention_without_a_disk_offers_the_form_for_its_thread(either_world: World) -> None:
    world = either_world
    ts = await thread(world)
    await world.slack.mention("alice", CHANNEL, "create keep=5", thread_ts=ts)
    told = await world.told("alice", "Which disks? Press the button")
    assert (await world.slack.press("alice", CHANNEL, told.ts, OPEN_FORM)).ok
    view = await open_form(world, "alice")
    assert "I report in the thread in #inc-demo." in shown(world, "alice")
    assert view.values["keep"]["value"]["value"] == "5"


async def test_the_same_event_counts_once(world: World) -> None:
    world.slack.fault("duplicate_delivery", method="app_mention", times=2)
    await world.slack.mention("alice", CHANNEL, "create spare-disk")
    await world.slack.mention("alice", CHANNEL, "help")
    request = request_id((await world.told("alice", "spare-disk")).text)
    await world.told("alice", "Snapshots of EVS disks")
    await world.finished(request)
    assert len(world.cloud.calls("create_snapshot")) == 1
    assert len([message for message in world.private("alice") if "Snapshots of EVS" in message.text]) == 1
    roots = [message for message in world.slack.messages(CHANNEL) if (part(message) or ("", ""))[1] == "status"]
    assert len(roots) == 1


async def test_an_acknowledgement_that_was_lost_is_repeated_by_slack_and_acted_on_once(world: World) -> None:
    world.slack.retry_factor = 0
    world.slack.fault("lose_ack", method="app_mention")
    await world.slack.mention("alice", CHANNEL, "create spare-disk")
    await world.finished(request_id((await world.told("alice", "spare-disk")).text))
    assert len(world.cloud.calls("create_snapshot")) == 1


async def test_an_edited_mention_is_not_acted_on_again(either_world: World) -> None:
    world = either_world
    said = (await world.slack.mention("alice", CHANNEL, "create spare-disk reason=kernle")).message
    request = request_id((await world.told("alice", "spare-disk")).text)
    await world.slack.edit("alice", CHANNEL, said.ts, said.text.replace("kernle", "kernel"))
    await world.told("alice", "I took this message up when you sent it; editing it changes nothing.")
    await world.finished(request)
    assert len(world.cloud.calls("create_snapshot")) == 1


async def test_an_edit_mends_what_was_refused_and_counts_once_then(world: World) -> None:
    said = (await world.slack.mention("alice", CHANNEL, "create spare-disk project=payments-prdo")).message
    await world.told("alice", "“payments-prdo”")
    mended = said.text.replace("prdo", "prod")
    await world.slack.edit("alice", CHANNEL, said.ts, mended)
    request = request_id((await world.told("alice", "`spare-disk`")).text)
    await world.slack.edit("alice", CHANNEL, said.ts, f"{mended} keep=7")
    await world.told("alice", "I took this message up")
    await world.finished(request)
    assert len(world.cloud.calls("create_snapshot")) == 1


async def test_a_change_that_was_made_is_not_made_again_by_an_edit(world: World) -> None:
    """Otherwise a typo mended weeks later would give back what was revoked meanwhile."""
    said = (await world.slack.mention("alice", CHANNEL, "grant @carol vewer payments-prod")).message
    await world.told("alice", "vewer")
    granting = said.text.replace("vewer", "viewer")
    await world.slack.edit("alice", CHANNEL, said.ts, granting)
    await world.told("alice", "is now viewer")
    await asked(world, "revoke @carol payments-prod", "is no longer")
    await world.slack.edit("alice", CHANNEL, said.ts, f"{granting} for=8h")
    await world.told("alice", "I took this message up")
    assert world.bot is not None
    last = (await world.bot.store.audit_page(0))[-1]
    assert (last["actor"], last["outcome"], last["rule"]) == ("U0ALICE001", "denied", "answered-before")
    assert world.bot is not None
    assert "U0CAROL009" not in [grant.subject_id for grant in await world.bot.store.every_grant()]


async def test_a_question_may_be_asked_again_by_an_edit_and_may_become_an_order(world: World) -> None:
    said = (await world.slack.mention("alice", CHANNEL, "status")).message
    await world.told("alice", "You have asked for no snapshot yet")
    await world.slack.edit("alice", CHANNEL, said.ts, said.text.replace("status", "help"))
    await world.told("alice", "Snapshots of EVS disks")
    await world.slack.edit("alice", CHANNEL, said.ts, said.text.replace("help", "create spare-disk"))
    await world.finished(request_id((await world.told("alice", "spare-disk")).text))


async def test_a_stranger_who_mentions_the_bot_in_a_shared_channel_is_refused(world: World) -> None:
    await world.slack.mention("eve", "#shared", "create web-01-data project=payments-prod")
    told = await world.told("eve", "Only members of this workspace")
    assert told.channel == "C0SHARED03"
    assert world.cloud.calls() == []


async def test_in_a_direct_message_the_command_works_as_everywhere(either_world: World) -> None:
    world = either_world
    direct = world.slack.world.direct_message(world.slack.world.person("alice")).id
    request = await world.create("spare-disk", channel=direct)
    assert "all available" in (await world.finished(request, direct)).text
    assert "all available" in (await world.say(f"status {request}", channel=direct)).text
