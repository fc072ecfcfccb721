"""What a downgrade leaves in the store, as people and operators see it."""

from __future__ import annotations

import signal
import sqlite3
from pathlib import Path

from bot.slack.ids import CONFIRM
from tests.e2e.conftest import CHANNEL, World, request_id
from tests.e2e.street import Street, a_street
from tests.e2e.test_admin import ask


def spoil(world: World | Street, statement: str) -> None:
    with sqlite3.connect(world.setting.directory / "snapshot-bot.db") as connection:
        assert connection.execute(statement).rowcount >= 1
    connection.close()


async def test_a_row_that_cannot_be_read_silences_neither_its_channel_nor_its_project(world: World) -> None:
    world.cloud.fault("create_snapshot", "stuck")
    lost = await world.create("web-01-data")
    await world.slack.until(lambda: bool(world.replies(lost, "accepted")))
    await world.stop_bot()
    spoil(world, f"update request set order_json = '{{\"disks\": [], \"moon\": 1}}', to_send = 1 where id = '{lost}'")
    spoil(world, f"update item set disk_json = '{{\"colour\": 1}}' where request_id = '{lost}'")
    await world.start_bot()
    assert "all available" in (await world.finished(await world.create("web-01-logs"))).text
    await world.say("list")
    await world.told("alice", "The latest requests you may see")
    assert (await ask(world, "/readyz"))[0] == 200
    assert [one.text for one in world.slack.messages(CHANNEL) if "went wrong" in one.text] == []


async def test_an_older_bot_refuses_the_store_of_a_later_one_with_a_sentence(tmp_path: Path) -> None:
    async with a_street(tmp_path) as street:
        await street.start()
        await street.bot.signal(signal.SIGTERM)
        columns, values = "migration_set, name, applied_at", "'snapshot-bot', '9999-moon-phases', '2030-01-01'"
        spoil(street, f"insert into _sqlite_migrations ({columns}) values ({values})")
        for command in (["run"], ["requests", "list"]):
            code, said = await street.bot.run(*command)
            assert code == 2
            assert "was last used by a later version of the bot" in said
            assert "Traceback" not in said


async def plan_of(world: World, text: str) -> str:
    request = request_id((await world.say(text)).text)
    await world.slack.until(lambda: CONFIRM in str(getattr(world.root(request), "blocks", "")))
    root = world.root(request)
    assert root is not None
    return root.text


async def test_a_binding_that_cannot_be_read_is_told_and_no_backup_is_silently_a_part_of_what_was_meant(
    world: World,
) -> None:
    columns = "channel_id, position, project, selector_json, confirm, source"
    spoil(world, f"insert into binding ({columns}) values ('C0INCDEMO1', 7, 'payments-prod', '[1]', 0, 'slack')")
    plan = await plan_of(world, "quick confirm=no")
    assert "I can't read all of what this channel is bound to. What follows is the rest." in plan
    assert "web-01-data" in plan
    spoil(world, "delete from binding where position = 0")
    await world.say("quick")
    await world.told("alice", "I can't read all of what this channel is bound to. Bind it anew")
    assert world.cloud.snapshots() == []
    await world.say("bind server=web-01")
    await world.slack.until(lambda: any("From now on" in one.text for one in world.private("alice")))
    assert "web-01-data" in await plan_of(world, "quick")
