"""A key asks once: at two replicas in the same instant, when Slack's deliveries are forgotten, when its request is."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.simulator.setting import Setting
from bot.store.deliveries import forget
from bot.store.script import Script, sql
from bot.store.upkeep.pruning import Pruning, pruned
from tests.e2e.conftest import FastClock, World
from tests.e2e.replicas import Replicas, some_replicas
from tests.e2e.street import a_street
from tests.e2e.test_programs import CHANNEL_ID, CONFIG, DEPLOY, SECRETS, Api, opened, problem
from tests.ports import free_port

LISTEN = 'listen = "127.0.0.1:0"'


@pytest.fixture
async def world(setting: tuple[Setting, FastClock]) -> AsyncIterator[World]:
    async with opened(setting) as world:
        yield world


async def run(world: World, script: Any, *args: Any) -> Any:
    """A transaction on the store of the bot, as an operator's command beside it has one."""
    assert world.bot is not None
    return await world.bot.store._database.run(script, *args)


async def prune(world: World) -> Pruning:
    """`store prune`, a day later, once all was told of the one request."""
    async with asyncio.timeout(10):
        while True:
            now = world.clock.now()
            step = await run(world, pruned, now + timedelta(days=1), None, "terminal", now)
            if not step.done.requests["told"]:
                return step.done  # type: ignore[no-any-return]
            await asyncio.sleep(0.05)


def _deliveries() -> Script[int]:
    rows = yield sql("select count(*) as number from delivery where id like 'api:%'")
    return int(rows[0]["number"])


async def test_a_key_still_asks_once_when_its_delivery_is_forgotten(world: World) -> None:
    first = (await Api(world).ask(disks=["web-01-data"])).json()["id"]
    await Api(world).ended(first)
    await world.stop_bot()
    world.clock.step(hours=27)
    await world.start_bot()
    async with asyncio.timeout(10):
        while await run(world, _deliveries):
            await asyncio.sleep(0.05)
    answers = await asyncio.gather(*(Api(world).ask(disks=["web-01-data"]) for _ in range(5)))
    assert {(one.status_code, one.json()["id"]) for one in answers} == {(200, first)}
    assert problem(await Api(world).ask(disks=["web-01-logs"])) == (422, "idempotency-key-used")
    assert len(world.cloud.calls("create_snapshot")) == 1


async def test_a_key_is_known_by_its_request_when_the_words_of_it_are_forgotten(world: World) -> None:
    api = Api(world)
    first = (await api.ask(disks=["web-01-data"], reason="before deploy")).json()["id"]
    await world.finished(first)
    assert (await prune(world)).forgotten == 1
    again = await api.ask(disks=["web-01-data"], reason="before deploy")
    assert (again.status_code, again.json()["id"], again.json()["outcome"]) == (200, first, "available")
    assert problem(await api.ask(disks=["web-01-data"], channel="C0OTHER001")) == (422, "idempotency-key-used")


async def test_a_key_asks_anew_once_its_request_and_its_delivery_are_gone_and_not_before(world: World) -> None:
    api = Api(world)
    first = (await api.ask(disks=["no-such-disk"])).json()["id"]
    await world.finished(first)
    assert (await prune(world)).requests["goes"] == 1
    assert problem(await api.call("GET", f"/requests/{first}")) == (404, "unknown-id")
    refused = await api.ask(disks=["no-such-disk"])
    assert problem(refused) == (422, "idempotency-key-used")
    assert "kept no more" in refused.text
    await run(world, forget, world.clock.now() + timedelta(days=1))
    anew = await api.ask(disks=["web-01-data"])
    assert (anew.status_code, anew.json()["id"] != first) == (201, True)


async def test_a_repeated_key_shows_no_more_than_the_token_may_see(world: World) -> None:
    api = Api(world)
    first = (await api.ask(disks=["web-01-data"])).json()["id"]
    await api.ended(first)
    await world.stop_bot()
    file = world.setting.directory / "bot.toml"
    file.write_text(file.read_text().replace('subject = "token:deploy"', 'subject = "token:nothing"', 1))
    await world.start_bot()
    again = await Api(world).ask(disks=["web-01-data"])
    assert problem(again) == (403, "unknown-id")
    assert "snapshot_id" not in again.text


async def test_another_channel_of_the_project_is_no_other_request(world: World) -> None:
    """`api_channel` may be changed between two tries of one run."""
    file, table = world.setting.directory / "bot.toml", "[projects.payments-prod]"
    plain = file.read_text()

    async def with_channel(channel: str) -> Api:
        await world.stop_bot()
        file.write_text(plain.replace(table, f'{table}\napi_channel = "{channel}"', 1))
        await world.start_bot()
        return Api(world)

    api = await with_channel(CHANNEL_ID)
    first = await api.call("POST", "/requests", {"disks": ["web-01-data"]}, key="k")
    api = await with_channel("C0OPS00001")
    again = await api.call("POST", "/requests", {"disks": ["web-01-data"]}, key="k")
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])


# --- two replicas -----------------------------------------------------------------------------------------------------


@pytest.fixture
async def entries(tmp_path: Path, postgres_url: str) -> AsyncIterator[tuple[Replicas, list[str]]]:
    """Two replicas over HTTP, each with an entry of its own for programs, and the addresses of these."""
    async with some_replicas(tmp_path, postgres_url, 2) as two:
        file, urls = two.setting.directory / "bot.toml", []
        plain = file.read_text()
        for number, bot in enumerate(two.bots):
            port = free_port()
            own = file.with_name(f"bot-{number}.toml")
            config = CONFIG.replace(LISTEN, f'listen = "127.0.0.1:{port}"')
            own.write_text(f"{plain}{config}\n[limits]\nopen_requests = 100\n")
            bot.environment = {**bot.environment, **SECRETS, "BOT_CONFIG": str(own)}
            urls.append(f"http://127.0.0.1:{port}/api/v1")
        await two.start()
        yield two, urls


async def test_a_key_at_two_replicas_in_the_same_instant_asks_once(entries: tuple[Replicas, list[str]]) -> None:
    replicas, urls = entries
    headers = {"Authorization": f"Bearer {DEPLOY}"}
    body = {"disks": ["web-01-data"], "channel": CHANNEL_ID}
    async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=30) as client:

        async def ask(url: str, key: str, **fields: Any) -> httpx.Response:
            return await client.post(f"{url}/requests", json={**body, **fields}, headers={"Idempotency-Key": key})

        keys = [f"run-{number}" for number in range(10)]
        answers = await asyncio.gather(*(ask(url, key) for key in keys for url in urls for _ in range(2)))
        assert Counter(one.status_code for one in answers) == {201: 10, 200: 30}
        first = {one.json()["id"] for one in answers}
        assert len(first) == 10
        # Other fields under one key: one of the two is the request, the other is refused, whichever came first.
        pairs = [
            await asyncio.gather(*(ask(url, f"odd-{number}", reason=f"of {name}") for name, url in enumerate(urls)))
            for number in range(5)
        ]
        assert all(sorted(one.status_code for one in pair) == [201, 422] for pair in pairs)
        # What is refused at both leaves the key free at both.
        refused = await asyncio.gather(*(ask(url, "free", project="no-such") for url in urls for _ in range(3)))
        assert {one.status_code for one in refused} == {403}
        assert (await ask(urls[0], "free")).status_code == 201
        # The end of it is learnt at either, within the pause of its looks.
        ends = await asyncio.gather(
            *(client.get(f"{url}/requests/{request}", params={"wait": 60}) for request in first for url in urls)
        )
        assert {one.json()["outcome"] for one in ends} == {"available"}
    accepted = [*first]
    await replicas.until_all_is_said(60)
    assert await replicas.broken_promises(accepted) == {}


# --- kill -9 ----------------------------------------------------------------------------------------------------------


async def test_a_key_that_is_tried_again_over_bots_that_are_killed_asks_once(tmp_path: Path) -> None:
    rng, port = random.Random(11), free_port()
    async with a_street(tmp_path, **SECRETS) as street:
        file = street.setting.directory / "bot.toml"
        config = CONFIG.replace(LISTEN, f'listen = "127.0.0.1:{port}"')
        file.write_text(f"{file.read_text()}{config}\n[limits]\nopen_requests = 100\n")
        await street.start()
        asked: dict[str, set[str]] = {}

        async def program(number: int) -> None:
            key = f"run-{number}"
            headers = {"Authorization": f"Bearer {DEPLOY}", "Idempotency-Key": key}
            body = {"disks": [("web-01-data", "web-01-logs", "orders-db")[number % 3]], "channel": CHANNEL_ID}
            for _ in range(3):  # it asks again although it was answered, as a step that is repeated does
                while True:
                    with suppress(httpx.HTTPError):
                        async with httpx.AsyncClient(trust_env=False, timeout=2) as client:
                            url = f"http://127.0.0.1:{port}/api/v1/requests"
                            answer = await client.post(url, json=body, headers=headers)
                        assert answer.status_code in (200, 201), answer.text
                        asked.setdefault(key, set()).add(answer.json()["id"])
                        break
                    await asyncio.sleep(rng.uniform(0.01, 0.2))
                await asyncio.sleep(rng.uniform(0.0, 2.0))

        asking = asyncio.gather(*map(program, range(12)))
        for _ in range(4):
            await asyncio.sleep(rng.uniform(0.05, 0.8))
            await street.bot.signal(signal.SIGKILL)
            await street.start()
        async with asyncio.timeout(60):
            await asking
        assert [len(ids) for ids in asked.values()] == [1] * 12
        found = await street.until_all_is_said(60)
        assert {request.id for request, _ in found} == {one for ids in asked.values() for one in ids}
        sent = [item for _, items in found for item in items if item.snapshot_id and item.joined_to is None]
        assert len({item.snapshot_id for item in sent}) == len(street.cloud.snapshots())
