"""Over Socket Mode nothing that somebody types or presses is lost while Slack moves the bot to another connection."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from bot.simulator.workspace.sockets import Sockets
from bot.slack.bolt import SOCKETS
from tests.e2e.conftest import CHANNEL, World


async def both_open(world: World) -> None:
    await world.until(lambda: world.slack.connections == SOCKETS)


def opened(world: World) -> list[int]:
    return [one["number"] for one in world.slack.journal if one["entry"] == "socket" and one["what"] == "opened"]


def tickets(world: World) -> int:
    return len(world.slack.api_calls("apps.connections.open"))


@pytest.mark.parametrize("reason", ["warning", "refresh_requested"])
@pytest.mark.parametrize("after_ms", [0, 1, 5, 20, 100])
async def test_a_command_typed_while_a_connection_is_refreshed_is_answered(
    world: World, reason: str, after_ms: int
) -> None:
    await both_open(world)
    for _ in range(3):
        await world.slack.disconnect_sockets(reason)
        await asyncio.sleep(after_ms / 1000)
        outcome = await world.say("help")
        assert outcome.error is None
        await world.until(lambda: world.slack.connections >= SOCKETS)


@pytest.mark.parametrize("after_ms", [0, 1, 5, 20])
async def test_a_warning_to_every_connection_loses_nothing_either(world: World, after_ms: int) -> None:
    await both_open(world)
    for _ in range(SOCKETS):
        await world.slack.disconnect_sockets("warning")
    await asyncio.sleep(after_ms / 1000)
    outcomes = await asyncio.gather(*(world.say("help") for _ in range(8)))
    assert [one.error for one in outcomes] == [None] * 8


async def test_the_bot_stays_ready_while_its_connections_are_refreshed(world: World) -> None:
    await both_open(world)
    assert world.bot is not None
    seen: set[str] = set()

    async def watch() -> None:
        while True:
            seen.add(world.bot.entry.trouble())  # type: ignore[union-attr]
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    for reason in ("warning", "refresh_requested", "refresh_requested", "warning"):
        await world.slack.disconnect_sockets(reason)
        await world.until(lambda: world.slack.connections >= SOCKETS)
        await asyncio.sleep(0.02)
    watching.cancel()
    assert seen == {""}


async def test_an_order_delivered_twice_during_a_refresh_is_carried_out_once(world: World) -> None:
    await both_open(world)
    world.slack.fault("duplicate_delivery", method="/snapshot")
    await world.slack.disconnect_sockets("refresh_requested")
    request = await world.create("web-01-data")
    await world.finished(request)
    assert len(world.cloud.snapshots()) == 1
    receipts = [one for one in world.slack.messages(CHANNEL) if "Receipt: 1 of 1" in one.text]
    assert len(receipts) == 1


async def test_what_came_by_the_old_connection_is_acknowledged_over_it(world: World) -> None:
    await both_open(world)
    world.slack.fault("latency", method="users.info", seconds=0.3)
    typing = asyncio.ensure_future(world.say("status"))
    pressing = asyncio.ensure_future(world.say("create web-01-data"))
    for _ in range(SOCKETS):
        await world.slack.disconnect_sockets("warning")
    outcomes = await asyncio.gather(typing, pressing)
    assert [one.error for one in outcomes] == [None, None]
    late = [one for one in world.slack.journal if one.get("what") == "late or unknown acknowledgement"]
    assert late == []


async def test_a_refused_handshake_is_tried_with_a_new_ticket(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await both_open(world)
    before, real, stale = tickets(world), Sockets.ticket, iter([True] * 3)

    def ticket(self: Sockets) -> str:
        path = real(self)
        return re.sub("ticket=[^&]*", "ticket=stale", path) if next(stale, False) else path

    monkeypatch.setattr(Sockets, "ticket", ticket)
    await world.slack.disconnect_sockets("refresh_requested")
    assert (await world.say("help")).error is None
    await both_open(world)
    assert tickets(world) == before + 4


async def test_a_connection_that_slack_drops_without_a_word_is_replaced(world: World) -> None:
    await both_open(world)
    sockets: Any = world.slack._sockets
    await sockets.close()
    await both_open(world)
    assert opened(world) == [1, 2, 3, 4]
    assert (await world.say("help")).error is None


@pytest.mark.parametrize("reason", ["too_many_websockets", "link_disabled"])
async def test_where_slack_takes_no_connection_the_operator_reads_why_and_it_is_tried_again_slowly(
    world: World, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    await both_open(world)
    before = tickets(world)
    await world.slack.disconnect_sockets(reason)
    await world.until(lambda: sum(getattr(one, "why", "") == reason for one in caplog.records) == SOCKETS)
    await asyncio.sleep(0.2)
    assert tickets(world) == before
    assert world.bot is not None
    assert world.bot.entry.trouble() == f"Slack is not connected over Socket Mode ({reason})"
    await both_open(world)
    assert (await world.say("help")).error is None
    assert any(one.levelname in ("WARNING", "ERROR") for one in caplog.records if getattr(one, "why", "") == reason)
