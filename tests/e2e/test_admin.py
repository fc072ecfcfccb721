"""What operators ask of a running bot."""

from __future__ import annotations

import httpx
import pytest

from bot.slack.http.request_url import HttpEntry
from tests.e2e.conftest import World


async def ask(world: World, path: str) -> tuple[int, str]:
    assert world.bot is not None
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.get(f"http://127.0.0.1:{world.bot.admin.port}{path}")
    return answer.status_code, answer.text


async def test_a_bot_that_is_connected_and_can_write_is_healthy_and_ready(either_world: World) -> None:
    assert await ask(either_world, "/healthz") == (200, "ok\n")
    assert await ask(either_world, "/readyz") == (200, "ready\n")


async def test_a_bot_that_slack_does_not_reach_is_not_ready(world: World) -> None:
    assert world.bot is not None
    await world.bot.entry.stop()
    status, text = await ask(world, "/readyz")
    assert (status, "not ready" in text) == (503, True)
    assert (await ask(world, "/healthz"))[0] == 200


async def test_metrics_count_requests_and_items_by_state(world: World) -> None:
    await world.finished(await world.create("web-01-data web-01-logs"))
    await world.say("create nope")
    await world.told("alice", "No disk named")
    _, text = await ask(world, "/metrics")
    assert 'snapshot_bot_rows{table="request",state="finished"} 1' in text
    assert 'snapshot_bot_rows{table="request",state="dropped"} 1' in text
    assert 'snapshot_bot_rows{table="item",state="available"} 2' in text


async def test_at_rest_and_at_the_start_the_bot_makes_no_cloud_call(world: World) -> None:
    await ask(world, "/readyz")
    assert world.cloud.calls() == []


async def test_both_servers_listen_where_they_are_told_to(quiet_world: World) -> None:
    quiet_world.socket_mode = False
    quiet_world.environment = {"HOST": "127.0.0.2", "ADMIN_HOST": "127.0.0.3"}
    bot = await quiet_world.start_bot()
    assert isinstance(bot.entry, HttpEntry)
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(f"http://127.0.0.3:{bot.admin.port}/healthz")).status_code == 200
        assert (await http.get(f"http://127.0.0.2:{bot.entry.port}/slack/events")).status_code == 405
        for closed in (f"http://127.0.0.1:{bot.admin.port}/healthz", f"http://127.0.0.1:{bot.entry.port}/"):
            with pytest.raises(httpx.ConnectError):
                await http.get(closed)
