"""What cannot be done is answered clearly, to the person alone, and nothing reaches the cloud."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bot.domain import planned_items
from bot.simulator.setting import Setting
from bot.simulator.workspace import Message
from tests.e2e.conftest import CHANNEL, FastClock, World, request_id

DATA = "d15c0000-0002-4000-8000-000000000002"
TWO_SCRATCHES = ("d15c0000-0007-4000-8000-000000000007", "d15c0000-0008-4000-8000-000000000008")


@pytest.fixture(autouse=True)
def quick_snapshots(setting: tuple[Setting, FastClock]) -> None:
    """Most tests here wait for an end; how long the cloud takes is not their point."""
    timing = setting[0].cloud.world.timing
    timing.min_seconds = timing.max_seconds = 1.5


WRONG = {
    "an unknown disk": ("create web-01-dta", ["No disk named “web-01-dta”", "“web-01-data”"]),
    "an unknown disk id": (
        "create d15c0000-0999-4000-8000-000000000999",
        ["No disk with the id “d15c0000-0999-4000-8000-000000000999”"],
    ),
    "a name that fits two disks": ("create scratch", ["fits 2 disks", *TWO_SCRATCHES, "50 GiB", "80 GiB"]),
    "a name over 64 characters": (f"create web-01-data name={'n' * 65}", ["64 characters", "65"]),
    "a description over 85 characters": (f"create web-01-data description={'d' * 86}", ["85 characters", "86"]),
    "an illegal tag": ("create web-01-data tags=ti.er:prod", ["tag key “ti.er” is not allowed"]),
    "a tag without a colon": ("create web-01-data tags=prod", ["key:value", "“prod”"]),
    "the bot's own tag": ("create web-01-data tags=snapshot-bot-request:x", ["the bot's own"]),
    "an unknown option": ("create web-01-data nmae=nightly", ["no option “nmae”", "Did you mean `name=`?"]),
    "a disk in a state that allows none": (
        "create cache-01-data",
        ["cache-01-data", "“error_extending”", "available or in-use"],
    ),
    "a disk in error": ("create broken-index", ["broken-index", "“error”", "available or in-use"]),
    "instant access on a SAS disk": (
        "create web-01-logs instant_access=true",
        ["web-01-logs", "SAS", "no instant restore", "instant_access="],
    ),
    "a text over 2,000 characters": (f"create web-01-data reason={'x' * 1_980}", ["2,006 characters", "at most 2,000"]),
    "several bad disks": (
        "create nope-data scratch cache-01-data web-01-logs instant_access=true",
        [
            "“nope-data”",
            *TWO_SCRATCHES,
            "“cache-01-data” is in the state “error_extending”",
            "“web-01-logs” is of type SAS",
        ],
    ),
    "more than twenty disks": (f"create {' '.join(f'disk-{n}' for n in range(21))}", ["up to 20 disks", "21"]),
    "dashes before an option": ("create web-01-data --name nightly", ["key=value", "“--name”"]),
    "days that are none": ("create web-01-data keep=soon", ["`keep=` takes days", "“soon”"]),
    "neither yes nor no": ("create web-01-data incremental=perhaps", ["“perhaps” is neither yes nor no"]),
    "an unknown verb": ("crate web-01-data", ["not “crate”", "Did you mean `create`?"]),
    "an unclosed quote": ('create web-01-data reason="before upgrade', ["never closed"]),
}


@pytest.mark.parametrize(("typed", "words"), WRONG.values(), ids=WRONG.keys())
async def test_what_is_wrong_is_said_to_the_person_alone_with_what_they_typed(
    world: World, typed: str, words: list[str]
) -> None:
    await world.say(typed)
    answer = await world.told("alice", ":no_entry_sign:")
    for text in (read(answer.text), shown(answer)):
        assert [word for word in words if word not in text] == []
        assert f"/snapshot {typed}" in text
    assert_nothing_happened(world)


async def test_a_bad_disk_is_refused_with_a_reference_that_status_knows(world: World) -> None:
    await world.say("create nope-data")
    answer = await world.told("alice", "No disk named")
    found = await world.say(f"status {request_id(answer.text)}")
    assert "nothing was created" in found.text
    assert "No disk named “nope-data”" in found.text


@pytest.mark.parametrize("warm", [True, False], ids=["known", "not known yet"])
async def test_a_closed_project_and_an_unknown_one_are_answered_alike(world: World, warm: bool) -> None:
    if warm:
        await world.say("help")
        await world.told("alice", "You may use")
    answers = []
    for alias in ("shop", "nowhere"):
        await world.say(f"create web-01-data project={alias}")
        answers.append(await world.told("alice", f"There is no project “{alias}”"))
        if not warm:
            await world.slack.set_user("alice", tz="Asia/Singapore")  # any change makes her unknown again
    shop, nowhere = (
        re.sub(r"r-[0-9a-z]{8}", "r-", answer.text.replace(alias, "ALIAS"))
        for answer, alias in zip(answers, ("shop", "nowhere"), strict=True)
    )
    assert shop == nowhere
    assert "project=ALIAS" in shop
    assert world.cloud.calls() == []
    assert_nothing_happened(world)


async def test_a_disk_whose_name_begins_as_only_cloud_backups_may_is_copied_all_the_same(world: World) -> None:
    world.cloud.world.disk("spare-disk").name = "autobk_snapshot_2026"
    await world.finished(await world.create("autobk_snapshot_2026"))
    (made,) = world.cloud.world.snapshots.values()
    assert made.name.startswith("disk-autobk_snapshot_2026-")


async def test_what_the_api_would_not_take_ends_the_request_with_its_sentence(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planned_items, "fitted_name", lambda parts, disk_id: "autobk_snapshot_again")
    await world.say("create web-01-data")
    await world.told("alice", "Names that begin with autobk_snapshot_ belong to Cloud Backup; choose another.")
    assert_nothing_happened(world)


async def test_a_region_without_standard_snapshots_ends_with_that_reason(world: World) -> None:
    request = await world.create("old-data project=legacy", person="bob")
    root = await world.finished(request)
    receipt = world.replies(request, "receipt")[0]
    for text in (root.text, receipt.text):
        assert "old-data" in text
        assert "does not offer standard snapshots" in text
        assert "failed" in text
        assert "old-data*: available" not in text
    assert "none available" in root.text
    assert world.cloud.snapshots() == []
    assert world.slack_complaints() == []


# --- what Slack would take for more than text -------------------------------------------------------------------------

NASTY = {
    "a broadcast": "<!channel>",
    "a broadcast typed with an at": "@channel",
    "a mention": "<@U0BOB00002>",
    "a typed mention": "@bob",
    "an ampersand": "salt & pepper",
    "an entity": "salt &amp; pepper",
    "a backtick": "it`s",
    "three backticks": "```rm```",
    "asterisks": "*bold*",
    "a link": "https://example.com/?a=1&b=2",
}


@pytest.mark.parametrize("nasty", NASTY.values(), ids=NASTY.keys())
async def test_nothing_in_a_name_or_a_reason_calls_people_or_breaks_the_message(world: World, nasty: str) -> None:
    request = await world.create(f'web-01-data name="{nasty}" reason="{nasty}"')
    root = await world.finished(request)
    receipt = world.replies(request, "receipt")[0]
    told = [root, *world.replies(request, "accepted"), receipt]
    for message in told:
        assert calls(message) == []
        assert message.text.count("`") % 2 == 0, message.text
        own = ["curl -X POST"] if message is receipt else []  # the line for a shell is the only block of code
        assert [block[: len("curl -X POST")] for block in message.text.split("```")[1::2]] == own
    assert "available" in root.text
    assert "available" in receipt.text
    assert world.slack_complaints() == []


@pytest.mark.parametrize("nasty", NASTY.values(), ids=NASTY.keys())
async def test_nothing_in_a_disks_name_calls_people_or_breaks_the_refusal(world: World, nasty: str) -> None:
    await world.say(f'create "{nasty}"')
    answer = await world.told("alice", "No disk named")
    assert calls(answer) == []
    assert answer.text.count("```") == 2
    assert_nothing_happened(world)


@pytest.mark.parametrize("typed", ['create "a & b"', "create a&b", "create <web>", "crate a&b"])
async def test_ampersands_and_brackets_are_shown_as_they_were_typed(world: World, typed: str) -> None:
    await world.say(typed)
    answer = await world.told("alice", ":no_entry_sign:")
    assert f"/snapshot {typed}" in read(answer.text)


async def test_an_ampersand_counts_as_one_character(world: World) -> None:
    typed = f"create {'&' * 450}"
    await world.say(typed)
    answer = await world.told("alice", ":no_entry_sign:")
    assert "No disk named" in answer.text


async def test_a_long_text_of_ampersands_leaves_the_answer_whole(world: World) -> None:
    await world.say(f"crate {'&' * 1_500}")
    answer = await world.told("alice", ":no_entry_sign:")
    for text in [answer.text, *sections(answer)]:
        assert text.count("```") in (0, 2)
        assert re.search(r"&(?!amp;|lt;|gt;)", text) is None


# --- where the bot may not post ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["#random", "#leads"], ids=["public without the bot", "private without the bot"])
async def test_where_the_bot_may_not_post_the_request_ends_in_a_direct_message(world: World, channel: str) -> None:
    request = await world.create("web-01-data", channel=channel)
    moved = await world.told("alice", "direct message")
    assert request in moved.text
    assert "/invite <@U0SNAPBOT1>" in moved.text
    assert moved.channel == world.slack.world.channel(channel).id
    await assert_ended_by_direct_message(world, request)
    assert world.slack.messages(channel) == []


async def test_a_channel_archived_in_the_middle_ends_in_a_direct_message(world: World) -> None:
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 15.0
    request = await world.create("web-01-data")
    await world.slack.until(lambda: bool(world.replies(request, "accepted")))
    await world.slack.archive(CHANNEL)
    await assert_ended_by_direct_message(world, request)
    assert world.replies(request, "receipt") == []


async def test_a_refusal_where_the_bot_may_not_post_is_told_there_to_the_person_alone(world: World) -> None:
    await world.say("create nope-data", channel="#random")
    answer = await world.told("alice", "No disk named")
    assert answer.channel == world.slack.world.channel("#random").id
    assert world.slack.direct_messages("alice") == []
    assert_nothing_happened(world)


async def assert_ended_by_direct_message(world: World, request: str) -> None:
    await world.slack.until(lambda: "Receipt" in "".join(one.text for one in world.slack.direct_messages("alice")))
    (made,) = world.cloud.snapshots(DATA)
    root, *_, receipt = world.slack.direct_messages("alice")
    assert request in root.text
    assert receipt.thread_ts == root.ts
    for text in (root.text, receipt.text):
        assert "web-01-data" in text
        assert made["id"] in text
        assert "available" in text
    assert world.slack_complaints() == []


# --- reading ----------------------------------------------------------------------------------------------------------


def read(text: str) -> str:
    """What a person reads where these three entities stand."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def sections(message: Message) -> list[str]:
    texts: list[dict[str, Any]] = []
    for block in message.blocks:
        texts += [block["text"]] if "text" in block else block.get("elements", ())
    return [words for text in texts if isinstance(words := text["text"], str)]  # a button's label is the bot's own


def shown(message: Message) -> str:
    """What the blocks of a message show."""
    return read("\n".join(sections(message)))


def calls(message: Message) -> list[str]:
    """Broadcasts and mentions in a message, that of its requester excepted."""
    texts = [message.text, *sections(message)]
    found = [name for text in texts for name in re.findall(r"<([!@#][^>]*)>", text)]
    return [name for name in found if name != "@U0ALICE001" and not name.startswith("!date^")]


def assert_nothing_happened(world: World) -> None:
    assert world.cloud.calls("create_snapshot") == []
    for channel in world.slack.world.channels:
        assert world.slack.messages(channel) == []
    assert world.slack_complaints() == []


async def test_a_disk_of_another_project_is_told_of_to_those_who_may_use_that_one(world: World) -> None:
    for person in ("alice", "bob"):
        await world.say("create catalogue", person=person)
    assert "add `project=shop`" in (await world.told("bob", "No disk named “catalogue” is in payments-prod.")).text
    assert "shop" not in (await world.told("alice", "No disk named “catalogue” is in payments-prod.")).text
