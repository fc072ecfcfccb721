"""What people type with clumsy fingers, copied formatting and letters nobody sees, as Slack delivers it."""

from __future__ import annotations

import asyncio

import pytest

from bot.simulator.setting import Setting
from tests.e2e.conftest import CHANNEL, FastClock, World, request_id
from tests.e2e.test_access import ALICES_GRANT, configure
from tests.e2e.test_approvals import Start, asked, press, start
from tests.e2e.test_forms import offers, open_form
from tests.e2e.test_granting import EVERYWHERE

__all__ = ["start"]

M = "<@U0SNAPBOT1>"
NOT_MEANT = "Did you mean me? Begin the line with my name."


@pytest.fixture(autouse=True)
def quick_snapshots(setting: tuple[Setting, FastClock]) -> None:
    timing = setting[0].cloud.world.timing
    timing.min_seconds = timing.max_seconds = 1.5


async def made(world: World) -> list[str]:
    """The disks of which the cloud was asked for a snapshot, once all requests have ended."""
    assert world.bot is not None

    async def open_requests() -> int:
        assert world.bot is not None
        counts = await world.bot.store.counts(["request"])
        return sum(counts.get(("request", state), 0) for state in ("received", "running"))

    async with asyncio.timeout(20):
        while await open_requests():
            await asyncio.sleep(0.05)
    names = {disk.id: disk.name for disk in world.cloud.world.disks.values()}
    return sorted(names[one.volume_id] for one in world.cloud.world.snapshots.values())


async def taken(world: World, typed: str) -> str:
    """Type a command, which must be taken; answers the request's id."""
    return request_id((await world.say(typed)).text)


# --- talk -------------------------------------------------------------------------------------------------------------

TALK = [
    "do not run M delete {S}",
    "what would M delete {S}",
    "never do M grant <@U0CAROL009> admin *",
    "> M quick server=web-01 confirm=no",
    "I'd rather not M unbind",
    "don't M cancel {R}",
    "nobody may M revoke <@U0ALICE001> payments-prod",
    "create spare-disk M",
    "see what he typed:\n```\nM create spare-disk\n```",
    ":no_entry: M delete {S}",
    "🛑 M create spare-disk",
    "* M unbind",
    "bob  3:12 AM\nM grant <@U0CAROL009> admin *",
]
NO_ORDER = [
    ("M delete {S}?", "That ends in a question mark, so I did nothing. `delete` gives up"),
    ("M create spare-disk？", "leave the mark out: `create spare-disk`"),
    ("M revoke <@U0ALICE001> payments-prod ?!", "leave the mark out"),
    ("M delete ~{S}~", "Part of it is struck out"),
    ("M create spare-disk ~web-01-data~", "Part of it is struck out"),
    ("M delete {S}\nso that there is room", "“so that there is room”"),
    ("M grant <@U0CAROL009> admin *\nfor one hour", "Nothing was changed"),
    ("M create spare-disk\nno wait", "Below it you say “no wait”"),
    ("M quick confirm=no\nserver=db-01 please", "`quick confirm=no server=db-01`"),
    ("M quick server=, confirm=no", "`server=` is empty"),
    ("M bind server=、", "`server=` is empty"),
    ("M > delete {S}", "in quotes or brackets"),
    ("M (unbind)", "in quotes or brackets"),
    ("M \n1. create spare-disk\n2. create web-01-logs", "several orders"),
]


async def test_talk_about_the_bot_changes_nothing_and_is_asked_back_privately(quiet_world: World) -> None:
    world = quiet_world
    configure(world, ALICES_GRANT, EVERYWHERE)
    await world.start_bot()
    request = await world.create("web-01-data")
    await world.finished(request)
    ((snapshot, _),) = world.cloud.world.snapshots.items()
    assert world.bot is not None
    grants = await world.bot.store.every_grant()
    for number, talk in enumerate(TALK, start=1):
        said = talk.replace("M ", f"{M} ").replace("{S}", snapshot).replace("{R}", request)
        said = said if M in said else f"{said.removesuffix('M')}{M}"
        await world.slack.mention("alice", CHANNEL, said)
        await world.slack.until(lambda wanted=number: answered(world) == wanted, 10)
    assert await made(world) == ["web-01-data"]
    assert await world.bot.store.every_grant() == grants
    assert (await world.bot.store.counts(["request"]))[("request", "finished")] == 1


async def test_what_is_asked_struck_out_taken_back_or_only_half_read_changes_nothing(quiet_world: World) -> None:
    world = quiet_world
    configure(world, ALICES_GRANT, EVERYWHERE)
    await world.start_bot()
    await world.finished(await world.create("web-01-data"))
    ((snapshot, _),) = world.cloud.world.snapshots.items()
    assert world.bot is not None
    grants = await world.bot.store.every_grant()
    for said, told in NO_ORDER:
        await world.slack.mention("alice", CHANNEL, said.replace("M ", f"{M} ").replace("{S}", snapshot))
        await world.told("alice", told)
    for typed in (f"delete {snapshot}?", "create spare-disk??", f"delete ~{snapshot}~"):
        assert "Nothing was done." in (await world.say(typed)).text
    assert await made(world) == ["web-01-data"]
    assert await world.bot.store.every_grant() == grants
    counts = await world.bot.store.counts(["request", "deletion"])
    assert set(counts) & {("request", "planned"), ("deletion", "asked")} == set()


@pytest.mark.parametrize(
    "said",
    [
        "M create spare-disk\n:pray:",
        "M create spare-disk\nthanks, cc <@U0BOB00002>",
        "M create spare-disk\nwe need it before the reboot",
        "M create\n[x] spare-disk",
    ],
)
async def test_what_is_said_below_an_order_without_meaning_anything_is_passed_over(world: World, said: str) -> None:
    await world.slack.mention("alice", CHANNEL, said.replace("M", M, 1))
    await world.finished(request_id((await world.told("alice", "spare-disk")).text))
    assert await made(world) == ["spare-disk"]


def answered(world: World) -> int:
    return len([one for one in world.private("alice") if NOT_MEANT in one.text])


@pytest.mark.parametrize(
    "said",
    ["hi M create spare-disk", "<@U0BOB00002> M create spare-disk", "M, create spare-disk", "M: create spare-disk"],
)
async def test_a_greeting_or_an_address_before_the_name_is_no_talk(world: World, said: str) -> None:
    await world.slack.mention("alice", CHANNEL, said.replace("M", M, 1))
    await world.finished(request_id((await world.told("alice", "spare-disk")).text))
    assert await made(world) == ["spare-disk"]


async def test_a_question_behind_other_words_is_answered(world: World) -> None:
    await world.slack.mention("alice", CHANNEL, f"could somebody ask {M} projects")
    await world.told("alice", "payments-prod")


async def test_two_orders_in_one_message_are_none(world: World) -> None:
    await world.slack.mention("alice", CHANNEL, f"{M} create spare-disk\n{M} create web-01-data")
    await world.told("alice", "one message is one")
    assert await made(world) == []


async def test_talk_that_an_edit_makes_an_order_counts_once(world: World) -> None:
    said = (await world.slack.mention("alice", CHANNEL, f"do not {M} create spare-disk")).message
    await world.told("alice", NOT_MEANT)
    await world.slack.edit("alice", CHANNEL, said.ts, f"{M} create spare-disk")
    await world.finished(request_id((await world.told("alice", "`spare-disk`")).text))
    await world.slack.edit("alice", CHANNEL, said.ts, f"{M} create spare-disk keep=7")
    await world.told("alice", "I took this message up")
    assert await made(world) == ["spare-disk"]


# --- the same letters to the eye --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [
        "create SPARE-DISK",
        "create Spare-Disk",
        "create `spare-disk`",
        "*create spare-disk*",
        "```create spare-disk```",
        "/snapshot create spare-disk",
        "\u200bcreate \u2068spare\ufeff-disk\u2069",
        "cre\u00adate spare-disk",
        "create spare–disk",
        "ｃｒｅａｔｅ　ｓｐａｒｅ－ｄｉｓｋ",
        "create 【spare-disk】 keep＝7",
        "create spare-disk spare-disk",
        "create D15C0000-0005-4000-8000-000000000005",
        "create\n• spare-disk",
    ],
)
async def test_what_looks_like_a_name_is_that_name(world: World, typed: str) -> None:
    ids = [one for one, disk in world.cloud.world.disks.items() if disk.name == "spare-disk"]
    await taken(world, typed.replace("D15C0000-0005-4000-8000-000000000005", ids[0].upper()))
    assert await made(world) == ["spare-disk"]


@pytest.mark.parametrize(
    ("real", "typed"),
    [
        ("cafe\u0301-disk", "create caf\u00e9-disk"),
        ("caf\u00e9-disk", "create cafe\u0301-disk"),
        ("nb\u00a0sp", 'create "nb sp"'),
        ("nb sp", 'create "nb\u00a0sp"'),
        ("data-04\u200b", "create data-04"),
        ("data–13", "create data–13"),
        ("_tmp_", "create _tmp_"),
        ("*x*", "create *x*"),
        ("a,b", 'create "a,b"'),
        ("【x】", "create 【x】"),
        ("odd＝name", "create odd＝name"),
        ("a，b", "create a，b"),
    ],
)
async def test_a_name_with_odd_letters_of_its_own_is_found_as_it_is(world: World, real: str, typed: str) -> None:
    world.cloud.world.disk("spare-disk").name = real
    for other, name in (("web-01-data", "tmp"), ("web-01-logs", "x")):
        world.cloud.world.disk(other).name = name
    await taken(world, typed)
    assert await made(world) == [real]


async def test_commas_and_full_width_commas_part_names(world: World) -> None:
    await taken(world, "create spare-disk，web-01-data")
    assert await made(world) == ["spare-disk", "web-01-data"]


async def test_two_names_that_differ_in_case_alone_are_exact_first_and_else_a_question(world: World) -> None:
    world.cloud.world.disk("web-01-data").name = "Spare-Disk"
    await world.create("spare-disk")
    assert await made(world) == ["spare-disk"]
    await world.say("create SPARE-DISK")
    await world.told("alice", "fits 2 disks")


async def test_letters_of_another_alphabet_are_pointed_out(world: World) -> None:
    await world.say("create sp\u0430re-disk")
    told = await world.told("alice", "Did you mean “spare-disk”?")
    assert "Letters of another alphabet look like those: \u0430" in told.text


async def test_other_separators_are_named_with_the_command_that_works(world: World) -> None:
    await world.say("create spare-disk;web-01-data")
    await world.told("alice", "Part names with commas: `spare-disk,web-01-data`.")


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("spare-disk keep 7", "Write options as key=value: `create spare-disk keep=7`."),
        ("spare-disk for 2 weeks", "Write options as key=value: `create spare-disk keep=14`."),
        ("spare-disk because disk is full", '`create spare-disk reason="disk is full"`'),
        ("a snapshot of spare-disk please", "Disks and options are all I read: `create spare-disk`."),
        ("all disks of web-01", "For all disks of a server: `quick server=web-01`."),
        ("spare-disk for INC-42", "`create spare-disk reason=INC-42`"),
        ("spare-disk keep is 7", "`create spare-disk keep=7`"),
        ("all", "For everything this channel is bound to: `quick`."),
        ("spare-dsk web-01-data", "Did you mean “spare-disk”?"),
    ],
)
async def test_words_around_a_name_are_answered_with_the_command_without_them(
    world: World, typed: str, wanted: str
) -> None:
    await world.create(typed)
    await world.told("alice", wanted)
    assert await made(world) == []


@pytest.mark.parametrize(
    "typed", ["(spare-disk, web-01-data)", "[spare-disk web-01-data]", "<spare-disk> web-01-data."]
)
async def test_brackets_and_a_full_stop_are_passed_over(world: World, typed: str) -> None:
    await world.create(typed)
    assert await made(world) == ["spare-disk", "web-01-data"]


async def test_nothing_that_cannot_be_seen_reaches_the_cloud_or_a_message(world: World) -> None:
    request = await world.create('spare-disk name=a\u200bb reason="ok \u202edeteled ton"')
    root = await world.finished(request)
    (snapshot,) = world.cloud.world.snapshots.values()
    assert snapshot.name.startswith("ab")
    assert "ok deteled ton" in root.text
    assert not [one for one in world.slack.messages(CHANNEL) if set("\u202e\u200b") & set(one.text)]


async def test_a_disk_whose_own_name_turns_the_line_round_is_shown_harmless(world: World) -> None:
    world.cloud.world.disk("spare-disk").name = "ok\u202egnitaerc"
    await world.finished(await world.create("okgnitaerc"))
    assert not [one for one in world.slack.messages(CHANNEL) if "\u202e" in one.text]
    assert not [one for one in world.slack.messages(CHANNEL) if "\u202e" in str(one.blocks)]
    (snapshot,) = world.cloud.world.snapshots.values()
    assert "\u202e" not in snapshot.name


# --- everywhere people type -------------------------------------------------------------------------------------------


async def test_ids_count_in_any_case_and_a_listing_finds_the_name_that_is_meant(world: World) -> None:
    request = await world.create("spare-disk")
    await world.finished(request)
    ((snapshot, _),) = world.cloud.world.snapshots.items()
    for typed in (request.upper(), f"`{request}`", snapshot.upper(), f"\u200b{request}"):
        assert "all available" in (await world.say(f"status {typed}")).text
    for typed in ("disk=SPARE-DISK", "disk=`spare-disk`", "disk=spare–disk", "project=PAYMENTS-PROD mine"):
        assert request in (await world.say(f"list {typed}")).text
    assert "Did you mean “spare-disk”?" in (await world.say("list disk=spare-dsk")).text
    assert "nothing is left to cancel" in (await world.say(f"cancel {request.upper()}")).text


async def test_namesakes_in_a_listing_are_told_apart_by_their_ids(world: World) -> None:
    world.cloud.world.disk("web-01-data").name = "Spare-Disk"
    for name in ("spare-disk", "Spare-Disk"):
        await world.finished(await world.create(name))
    assert "fits 2 disks: say `list disk=" in (await world.say("list disk=SPARE-DISK")).text


async def test_a_project_that_is_none_is_answered_with_the_one_they_may_use(world: World) -> None:
    await world.say("create spare-disk project=prod")
    await world.told("alice", "Yours is payments-prod: say `project=payments-prod`, or leave project= out.")
    assert "Yours is payments-prod: say `project=payments-prod`" in (await world.say("list project=prod")).text
    await world.create("spare-disk project=PAYMENTS-PROD")
    assert await made(world) == ["spare-disk"]


async def test_a_picker_finds_what_is_typed_with_letters_nobody_sees(world: World) -> None:
    await world.say("")
    await open_form(world, "alice")
    for query in ("spare-disk\u200b", "SPARE–DISK", "`spare-disk`", "ｓｐａｒｅ", "\u2068spare\u2069"):
        (offer,) = await offers(world, "alice", query)
        assert offer["text"]["text"].startswith("spare-disk")


async def test_five_names_that_agree_in_62_letters_are_told_apart_in_the_picker(world: World) -> None:
    disks = list(world.cloud.world.disks.values())[:5]
    for number, disk in enumerate(disks):
        disk.name = f"{'n' * 62}{number}x"
    await world.say("")
    await open_form(world, "alice")
    lines = [one["text"]["text"] for one in await offers(world, "alice", "nnn")]
    assert len(set(lines)) == 5
    assert all(
        disk.id[:13] in line and f"{number}x" in line
        for number, (disk, line) in enumerate(zip(disks, lines, strict=True))
    )
    assert max(map(len, lines)) <= 75


async def test_a_reason_of_letters_nobody_sees_is_no_reason(start: Start) -> None:
    world = await start("approvals = 1\nbreak_glass = true")
    for reason in ("\u200b" * 16, "\u2800" * 16, "\u202e\u2066" * 8, "\u3164" * 16):
        outcome = await world.say(f'create web-01-data break_glass=payments-prod reason="{reason}"', "bob")
        assert "`reason=` is empty" in outcome.text
    await world.say(f"create web-01-data break_glass=payments-prod reason={'a' + chr(0x200B) * 20}", "bob")
    await world.told("bob", "a reason of at least 15 characters")
    for reason in ("x" + "\u0301" * 16, "-" * 16, "." * 15 + "ab", "ว" + "\u0e48" * 20):
        outcome = await world.say(f'create web-01-data break_glass=payments-prod reason="{reason}"', "bob")
        assert "a reason of at least 15 characters" in outcome.text
    assert world.cloud.calls("create_snapshot") == []


async def test_a_denial_with_letters_nobody_sees_waits_for_a_reason(start: Start) -> None:
    world = await start("approvals = 1")
    request = await world.create("web-01-data", "bob")
    await press(world, "eng01", await asked(world, request), "deny_request")
    await world.slack.until(lambda: world.slack.view("eng01") is not None)
    outcome = await world.slack.submit("eng01", {"reason": {"reason": "\u200b\u2066\u3164"}})
    assert "Say why" in str(outcome)
    await world.slack.submit("eng01", {"reason": {"reason": "ok \u202edeteled ton"}})
    assert "ok deteled ton" in (await world.finished(request)).text + world.replies(request, "receipt")[0].text


@pytest.mark.parametrize(
    "typed",
    [
        "WEB-01",
        "`web-01`",
        "web–01",
        "\u200bweb-01",
        "【web-01】",
        "*web-01*",
        "ｗｅｂ-01",
        '"web-01, web-01"',
        "web-01，WEB-01",
    ],
)
async def test_a_server_is_called_as_it_looks(world: World, typed: str) -> None:
    request = request_id((await world.say(f"quick server={typed} confirm=no")).text)
    await world.finished(request)
    assert await made(world) == ["web-01-data", "web-01-logs", "web-01-system"]
