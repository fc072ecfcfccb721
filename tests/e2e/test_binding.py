"""What `quick` means in a channel: said by admins, kept, replaced, taken back, and in the trail."""

from __future__ import annotations

import re

import pytest

from bot.domain.bindings import Binding
from bot.simulator.workspace import payloads
from bot.slack.ids import BIND, CHANGE, CONFIRM
from bot.slack.views.small_modals import BIND_FORM
from tests.e2e.conftest import World, kept
from tests.e2e.test_granting import asked
from tests.e2e.test_quick import Golden, add_disks, planned, unnamed

OPS = "#ops"


async def trail(world: World) -> list[tuple[str, str, str, str]]:
    assert world.bot is not None
    rows = await world.bot.store.audit_page(0)
    return [
        (row["actor"], row["action"], row["subject"], row["outcome"])
        for row in rows
        if row["action"] in ("bind", "unbind")
    ]


async def test_a_channel_is_bound_by_command_and_quick_means_it(world: World) -> None:
    told = await asked(
        world, 'bind server=web-01 disks=spare-disk keep=7 reason="incident"', "From now on", channel=OPS
    )
    assert told == (
        "From now on, `quick` in this channel means server “web-01”, disk “spare-disk” in payments-prod, "
        "kept 7 days; it shows its plan first."
    )
    await world.stop_bot()
    await world.start_bot()
    _, root = await planned(world, channel=OPS)
    assert "4 disks" in root.text
    assert "“incident”" in root.text
    told = await asked(world, "bind tag=app:orders confirm=no", "From now on", channel=OPS)
    assert "tag “app:orders” in payments-prod; it runs at once" in told
    await world.say("quick", channel=OPS)
    await world.slack.until(lambda: bool(world.cloud.calls("create_snapshot")))
    await planned(world, "server=web-01", channel=OPS)  # other disks than the bound ones are asked about
    told = await asked(world, "unbind", "bound to nothing now", channel=OPS)
    outcome = await world.say("quick", channel=OPS)
    assert "This channel is not bound to anything yet" in outcome.text
    ops = world.slack.world.channel(OPS).id
    assert await trail(world) == [
        ("U0ALICE001", "bind", ops, "done"),
        ("U0ALICE001", "bind", ops, "done"),
        ("U0ALICE001", "unbind", ops, "done"),
    ]


async def test_a_binding_that_grew_old_is_shown_and_asked_about_and_holds_nothing_back(
    world: World, golden: Golden
) -> None:
    told = await asked(world, "bind server=web-01 tag=app:orders confirm=no", "From now on", channel=OPS)
    assert "it runs at once" in told
    for disk in world.cloud.world.disks.values():
        disk.tags.pop("app", None)
    request, root = await planned(world, channel=OPS)
    golden("quick_plan_stale_binding", unnamed(root.text))
    await world.slack.press("alice", OPS, root.ts, CONFIRM)
    root = await world.finished(request, OPS)
    assert "No disk has the tag “app:orders”." in root.text
    assert "3 disks in payments-prod: finished" in root.text


async def test_another_selection_is_shown_before_it_runs_whatever_the_binding_says(world: World) -> None:
    await asked(world, "bind server=web-01 tag=app:orders confirm=no", "From now on", channel=OPS)
    for disk in world.cloud.world.disks.values():
        disk.tags.pop("app", None)
    request, root = await planned(world, channel=OPS)
    await world.slack.press("alice", OPS, root.ts, CHANGE)
    await world.slack.until(lambda: world.slack.view("alice") is not None)
    await kept(world, world.slack.view("alice").source["private_metadata"])
    assert (await world.slack.submit("alice", {"others": {"others": "disks=spare-disk"}})).ok
    again = "Backup of 1 disk in payments-prod: planned, waiting for your go"
    await world.slack.until(lambda: again in getattr(world.root(request, OPS), "text", ""))
    assert world.cloud.calls("create_snapshot") == world.cloud.calls("create_group") == []


async def test_what_bot_toml_binds_is_changed_there(world: World) -> None:
    await asked(world, "bind server=db-01", "This channel is bound in bot.toml")
    await asked(world, "unbind", "This channel is bound in bot.toml")
    _, root = await planned(world)
    assert "web-01" in root.text


@pytest.mark.parametrize(
    ("text", "person", "words"),
    [
        ("bind server=web-01", "bob", "Only an admin of a project may bind a channel to it."),
        ("bind server=web-01 project=payments-prod", "bob", "In payments-prod you may"),
        ("bind server=web-01 project=payments-prod", "carol", "There is no project “payments-prod” that you may use."),
        ("bind server=web-01 project=payments-nope", "carol", "There is no project “payments-nope” that you may use."),
        ("bind server=web-01", "gus", "Guests of this workspace"),
        ("unbind", "bob", "I know of nothing that you may unbind here."),
    ],
)
async def test_whoever_is_no_admin_binds_nothing(world: World, text: str, person: str, words: str) -> None:
    world.slack.join(person, OPS)
    await asked(world, text, words, person, OPS)
    assert world.bot is not None
    assert await world.bot.store.bindings(world.slack.world.channel(OPS).id) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bind web-01", "For a server: `bind server=web-01`."),
        ("bind server=web-01 keep=x", "takes days"),
        ("bind server=web-01 break_glass=x", "There is no option “break_glass”."),
        ("unbind now", "`unbind` takes nothing"),
    ],
)
async def test_what_cannot_be_read_binds_nothing(world: World, text: str, words: str) -> None:
    outcome = await world.say(text, channel=OPS)
    assert words in outcome.text
    assert "Nothing was changed." in outcome.text


async def test_in_a_channel_bound_to_nothing_an_admin_is_led_to_the_form(world: World) -> None:
    await world.say("help", channel=OPS)
    await world.told("alice", "You may use")
    outcome = await world.say("quick", channel=OPS)
    assert BIND in str(outcome.ack)
    assert "You may do this in *payments-prod*." in outcome.text
    ts = world.private("alice")[-1].ts
    await world.slack.press("alice", OPS, ts, BIND)
    await world.slack.until(lambda: world.slack.view("alice") is not None)
    assert world.slack.view("alice").source["callback_id"] == BIND_FORM
    wrong = await world.slack.submit("alice", {"keep": {"value": "often"}})
    assert "takes days" in wrong.errors["keep"]
    wrong = await world.slack.submit("alice", {"keep": {"value": "3"}})
    assert wrong.errors == {"server": "Name a server, a tag or disks."}
    assert (await world.slack.submit("alice", {"server": {"value": "db-01"}})).ok
    await world.told("alice", "means server “db-01” in payments-prod, kept 3 days; it shows its plan first.")
    _, root = await planned(world, channel=OPS)
    assert "orders-db" in root.text
    assert world.slack_complaints() == []


async def test_the_form_takes_several_servers_and_tags_and_an_id_where_a_name_is_not_enough(world: World) -> None:
    add_disks(world, "twin", 1, first=700)
    world.cloud.world.servers["77777777-0003-4000-8000-000000000003"].name = "twin"
    await bound_by_form(world, {"server": "twin"}, "means server “twin” in payments-prod")
    text = await quick_refused(world, "“twin” is the name of 2 servers. Say which one by its id:")
    server_id = next(word for word in re.findall(r"[0-9a-f-]{36}", text) if word.startswith("77777777-0700"))
    entered = {"server": f"{server_id.upper()}, db-01,", "tag": "tier:nothing , app:orders"}
    words = f"means server “{server_id}”, server “db-01”, tag “tier:nothing”, tag “app:orders” in payments-prod"
    await bound_by_form(world, entered, words)
    await quick_refused(world, "No disk has the tag “tier:nothing”.")
    await bound_by_form(world, {**entered, "tag": ""}, f"means server “{server_id}”, server “db-01” in")
    _, root = await planned(world, channel=OPS)
    assert "twin-700" in root.text
    assert "orders-db" in root.text
    assert "cold-store" not in root.text


async def quick_refused(world: World, words: str) -> str:
    """What stands in the channel, for everybody or for who asked."""
    await world.say("quick", channel=OPS)

    def told() -> list[str]:
        return [one.text for one in world.slack.messages(OPS, viewer="alice") if words in one.text]

    await world.slack.until(lambda: bool(told()))
    return told()[-1]


async def bound_by_form(world: World, values: dict[str, str], words: str) -> None:
    await world.say("bind", channel=OPS)
    await world.slack.until(lambda: world.slack.view("alice") is not None)
    await kept(world, world.slack.view("alice").source["private_metadata"])
    assert (await world.slack.submit("alice", {field: {"value": value} for field, value in values.items()})).ok
    await world.told("alice", words)


async def test_whoever_may_not_bind_is_shown_no_button_and_no_form(world: World) -> None:
    world.slack.join("bob", OPS)
    await world.say("help", "bob", OPS)
    await world.told("bob", "You may use")
    outcome = await world.say("quick", "bob", OPS)
    assert "This channel is not bound to anything yet" in outcome.text
    assert BIND not in str(outcome.ack)
    await asked(world, "bind", "Only an admin of a project may bind a channel to it.", "bob", OPS)
    assert world.slack.view("bob") is None


async def test_a_bind_form_of_somebody_else_is_refused(world: World) -> None:
    await world.say("bind", channel=OPS)
    await world.slack.until(lambda: world.slack.view("alice") is not None)
    state = world.slack.state
    payload = payloads.view_submission(state, state.world.person("bob"), world.slack.view("alice"))
    delivery = await world.slack.deliverer.interactive(payload, accepts_payload=True)
    assert "can't be used any more" in str(delivery.ack["errors"])


async def test_a_mention_says_how_to_bind_and_binds(world: World) -> None:
    await world.slack.mention("alice", OPS, "bind")
    await world.told("alice", "What shall `quick` mean in this channel?")
    await world.slack.mention("alice", OPS, "bind server=db-01")
    await world.told("alice", "means server “db-01”")


async def test_a_direct_message_is_no_place_to_bind(world: World) -> None:
    direct = world.slack.world.direct_message(world.slack.world.person("alice")).id
    outcome = await world.say("bind server=web-01", channel=direct)
    assert outcome.ok
    await world.slack.until(
        lambda: any(
            "A direct message is no channel" in one.text for one in world.slack.messages(direct, viewer="alice")
        )
    )


CAROL_RUNS_SHOP = """
[[grants]]
subject = "user:U0CAROL009"
role = "admin"
project = "shop"
"""
NOT_YOURS = "This channel means something already that you may not change."


async def test_the_channel_of_another_project_is_changed_by_an_admin_of_both_only(quiet_world: World) -> None:
    """By a command, a mention and the form; whoever may not does not hear which project it is."""
    world = quiet_world
    file = world.setting.directory / "bot.toml"
    file.write_text(file.read_text() + CAROL_RUNS_SHOP)
    bot = await world.start_bot()
    world.slack.join("carol", OPS)
    ops = world.slack.world.channel(OPS).id
    await asked(world, "bind server=web-01", "in payments-prod", channel=OPS)
    before = await bot.store.bindings(ops)
    said = ("bind server=web-01", "bind tag=tier:prod project=shop confirm=no", "bind disks=a,b")
    for text in said:
        told = await asked(world, text, NOT_YOURS, "carol", OPS)
        assert "payments" not in told and "Nothing was changed." in told
        await world.slack.mention("carol", OPS, text)
    await world.say("bind", "carol", OPS)  # the form, before it opens
    refused = 2 * len(said) + 1
    await world.slack.until(lambda: len([1 for one in world.private("carol") if NOT_YOURS in one.text]) == refused)
    await asked(world, "unbind", "I know of nothing that you may unbind here.", "carol", OPS)
    assert world.slack.view("carol") is None
    assert await bot.store.bindings(ops) == before
    denied = [row for row in await trail(world) if row[0] == "U0CAROL009"]
    assert {row[3] for row in denied} == {"denied"} and len(denied) == 8
    await asked(world, "grant @carol admin payments-prod", "is now admin", channel=OPS)
    await asked(world, "bind server=web-01 project=shop", "in shop", "carol", OPS)
    # Alice is no admin of shop, so it is closed to her the other way round.
    await asked(world, "bind server=web-01", NOT_YOURS, "alice", OPS)


async def test_a_form_that_opened_before_the_channel_was_bound_takes_nothing_over(quiet_world: World) -> None:
    world = quiet_world
    file = world.setting.directory / "bot.toml"
    file.write_text(file.read_text() + CAROL_RUNS_SHOP)
    bot = await world.start_bot()
    world.slack.join("carol", OPS)
    await world.say("bind", "carol", OPS)
    await world.slack.until(lambda: world.slack.view("carol") is not None)
    await kept(world, world.slack.view("carol").source["private_metadata"])
    await asked(world, "bind server=web-01", "in payments-prod", channel=OPS)
    await world.slack.submit("carol", {"server": {"value": "db-01"}})
    await world.told("carol", NOT_YOURS)
    assert [one.project for one in await bot.store.bindings(world.slack.world.channel(OPS).id)] == ["payments-prod"]


async def test_the_channel_of_a_project_that_is_gone_is_left_to_the_admins_of_all(quiet_world: World) -> None:
    world = quiet_world
    file = world.setting.directory / "bot.toml"
    file.write_text(file.read_text() + CAROL_RUNS_SHOP.replace('"shop"', '"*"'))
    bot = await world.start_bot()
    world.slack.join("carol", OPS)
    await bot.store.bind(world.slack.world.channel(OPS).id, [Binding("C0OPS00001", "gone", "web-01")], [], over=[])
    await asked(world, "bind server=web-01", NOT_YOURS, channel=OPS)
    await asked(world, "unbind", "bound to nothing now", "carol", OPS)


async def test_of_two_who_bind_at_once_the_second_one_is_told(world: World) -> None:
    assert world.bot is not None
    store, seen = world.bot.store, [Binding(OPS, "payments-prod", "web-01")]
    assert await store.bind(OPS, seen, [], over=[]) == "done"
    assert await store.bind(OPS, [Binding(OPS, "shop", "web-01")], [], over=[]) == "settled-before"
    assert [one.project for one in await store.bindings(OPS)] == ["payments-prod"]
