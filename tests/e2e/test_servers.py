"""Servers by name: ECS alone knows their names, and EVS tells of a disk at most its physical host."""

from __future__ import annotations

import pytest

from bot.domain.snapshots import REQUEST_TAG
from bot.simulator.cloud.resources import Attachment, Disk, Server
from bot.slack.ids import CONFIRM
from tests.e2e.conftest import CHANNEL, World
from tests.e2e.test_forms import loaded, open_form
from tests.e2e.test_quick import PAYMENTS, add_disks, calls, confirmed, ended, planned, posts

WEB_01 = "77777777-0001-4000-8000-000000000001"
LIST = "ecs:cloudServers:list"


def said_anywhere(world: World) -> str:
    """Everything that anybody can read, and everything that was sent to the cloud."""
    told = [message.text for message in world.slack.messages(CHANNEL, viewer="alice")]
    return "\n".join([*told, *(str(call["body"]) for call in world.cloud.calls())])


def put_server(world: World, number: int, name: str, *, disks: int = 1, status: str = "ACTIVE") -> str:
    server_id = f"77777777-{number:04d}-4000-8000-{number:012d}"
    world.cloud.world.servers[server_id] = Server(server_id, name, PAYMENTS, "ap-southeast-3a", status)
    for disk in range(disks):
        disk_id = f"d15c{number:04d}-{disk:04d}-4000-8000-000000000000"
        world.cloud.world.disks[disk_id] = Disk(
            disk_id, f"{name}-disk-{disk}", PAYMENTS, "ap-southeast-3a", attachments=[Attachment(server_id)]
        )
    return server_id


@pytest.mark.parametrize("host", [None, "pod01.host", "web-02"])
async def test_a_server_is_backed_up_by_its_name_whatever_its_physical_host_is_called(
    world: World, host: str | None
) -> None:
    for server in world.cloud.world.servers.values():
        server.host = host
    request, root = await planned(world, "server=web-01")
    assert "web-01" in root.text
    await world.slack.press("alice", CHANNEL, root.ts, CONFIRM)
    root, receipt = await ended(world, request)
    assert posts(world) == (1, 0)
    (posted,) = world.cloud.calls("create_group")
    body = posted["body"]["snapshot_group"]
    assert (body["server_id"], body["name"].startswith("inc-demo-web-01-")) == (WEB_01, True)
    assert "web-01" in receipt.text
    assert host is None or host not in said_anywhere(world)
    assert WEB_01 not in root.text


async def test_a_name_without_its_case_and_one_that_is_part_of_others_mean_one_server(world: World) -> None:
    put_server(world, 801, "web-011")
    put_server(world, 802, "my-web-01")
    _, root = await planned(world, "server=WEB-01")
    assert ("web-01-data" in root.text, "web-011" in root.text, "my-web" in root.text) == (True, False, False)


async def test_a_period_in_a_name_is_a_period(world: World) -> None:
    put_server(world, 803, "db.01")
    put_server(world, 804, "dbX01")
    _, root = await planned(world, "server=db.01")
    assert ("db.01-disk-0" in root.text, "dbX01" in root.text) == (True, False)


@pytest.mark.parametrize("name", ["mail (old)", "web_1+2", "データ-01", "a%b&c"])
async def test_a_name_may_hold_any_signs(world: World, name: str) -> None:
    put_server(world, 805, name)
    _, root = await planned(world, f'server="{name}"')
    assert "1 disk" in root.text


async def test_among_twelve_hundred_servers_the_right_one_is_found(world: World) -> None:
    for number in range(1_200):
        put_server(world, 1_000 + number, f"web-{number}.prod", disks=0)
    put_server(world, 3_000, "Web-1199", disks=2)
    request = await confirmed(world, "server=web-1199")
    _, receipt = await ended(world, request)
    assert "Web-1199" in receipt.text
    assert posts(world) == (1, 0)
    put_server(world, 3_001, "last.prod", disks=1)
    _, root = await planned(world, "server=last.prod")
    assert "last.prod-disk-0" in root.text


async def test_a_service_that_gives_fifty_rows_at_a_time_hides_nothing(world: World) -> None:
    world.cloud.world.switches.page_rows = 50
    for number in range(160):
        put_server(world, 1_000 + number, f"web-{number}.prod")
    _, root = await planned(world, "server=web-159.prod server=web-3.prod")
    assert "web-159.prod-disk-0" in root.text
    assert "web-3.prod-disk-0" in root.text


async def test_two_servers_of_one_name_are_offered_by_their_ids(world: World) -> None:
    twins = [put_server(world, number, "twin", disks=number - 810) for number in (810, 811)]
    await world.say("quick server=twin")
    message = await world.told("alice", "“twin” is the name of 2 servers. Say which one by its id:")
    assert f"`server_id={twins[0]}` (no disks)" in message.text
    _, root = await planned(world, f"server_id={twins[1].upper()}")
    assert "twin-disk-0" in root.text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("server=empty-01", "The server “empty-01” has no disks."),
        ("server=gone-01", "No server “gone-01” is in this project."),
        ("server=web-O1", "Did you mean “web-01”?"),
    ],
)
async def test_a_name_that_means_no_disks_says_why(world: World, text: str, words: str) -> None:
    put_server(world, 820, "empty-01", disks=0)
    put_server(world, 821, "gone-01", status="DELETED")
    await world.say(f"quick {text}")
    await world.told("alice", words)
    assert posts(world) == (0, 0)


@pytest.mark.parametrize("code", ["Ecs.0003", "Pdp.0001"])
async def test_without_the_right_to_list_servers_the_bot_says_so_and_ids_go_on_working(world: World, code: str) -> None:
    world.cloud.world.switches.denied_actions = [LIST]
    world.cloud.world.switches.servers_refused_with = code
    await world.say("quick server=web-01")
    message = await world.told("alice", f"the permission {LIST} ({code})")
    assert "`server_id=…` works without it" in message.text
    request, root = await planned(world, f"server_id={WEB_01}")
    assert WEB_01[:13] in root.text
    await world.slack.press("alice", CHANNEL, root.ts, CONFIRM)
    await ended(world, request)
    assert posts(world) == (1, 0)
    made = await world.create("orders-db")
    assert "available" in (await world.finished(made)).text


async def test_a_binding_by_name_works_after_the_server_moved_to_another_host(world: World) -> None:
    world.cloud.world.servers[WEB_01].host = "pod09.host"
    _, root = await planned(world)
    assert "web-01-data" in root.text
    assert "pod09" not in said_anywhere(world)


@pytest.mark.parametrize("fault", ["drop_before", "503", "html", "hang"])
async def test_where_ecs_is_away_ids_stand_in_for_names_and_nothing_else_is_lost(world: World, fault: str) -> None:
    world.cloud.fault("list_servers", fault, times=50)
    _, root = await planned(world, f"server_id={WEB_01}")
    assert "web-01-data" in root.text
    assert WEB_01[:13] in root.text


async def test_a_wrong_address_of_ecs_is_told_and_does_not_stop_the_key(quiet_world: World) -> None:
    world = quiet_world
    file = world.setting.directory / "bot.toml"
    file.write_text(file.read_text().replace(f'ecs_endpoint = "{world.cloud.ecs_url}"\n', ""))
    await world.start_bot()
    await world.say("quick server=web-01")
    message = await world.told("alice", "check region and ecs_endpoint (APIGW.0101)")
    assert "snapshots" not in message.text.partition("(APIGW")[0]
    await planned(world, f"server_id={WEB_01}")


async def test_the_form_finds_disks_by_their_servers_name_and_shows_it(world: World) -> None:
    put_server(world, 830, "edge-of-the-world", disks=0)
    disk = world.cloud.world.disk("spare-disk")
    disk.attachments.append(Attachment("77777777-0830-4000-8000-000000000830"))
    await world.say("", "alice")
    await open_form(world, "alice")
    (found,) = await loaded(world, "alice", "of-the-world")
    assert "edge-of-the-world" in str(found)


async def test_the_names_of_a_plan_cost_one_call(world: World) -> None:
    add_disks(world, "db-01", 2)
    await planned(world, "tag=tier:prod")
    assert calls(world)["list_servers"] == 1
    await planned(world, f"server_id={WEB_01}")
    assert calls(world)["list_servers"] == 1
    (asked,) = world.cloud.calls("list_servers")
    assert set(asked["query"]) == {"server_id", "limit"}


async def test_a_disk_asked_for_by_name_is_told_with_its_server(world: World) -> None:
    request = await world.create("orders-db")
    await world.finished(request)
    (record,) = world.cloud.world.snapshots.values()
    assert record.tags[REQUEST_TAG] == f"{request}-1"
    assert "pod07" not in said_anywhere(world)
    assert calls(world)["list_servers"] == 1
