"""One client of the cloud in a process of its own: a line in is one POST of a create, a line out its time and CPU.

python -m tests.bench.apps.post bot-token|bot-key|httpx|aiohttp|sdk
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx

from bot.clock import SystemClock
from bot.domain.snapshots import CreateStandardSnapshot
from bot.evs.cloud import HttpCloud
from bot.settings import load_settings
from tests.bench import world
from tests.bench.apps.lines import answer, say
from tests.bench.apps.sdk import client_by_sdk, create_by_sdk

Post = Callable[[int], Awaitable[Any]]


def _body(disk: str) -> dict[str, Any]:
    return {"snapshot": {"volume_id": disk, "name": "bench", "tags": {"kept": "7"}}}


@asynccontextmanager
async def by_bot(alias: str, disk: Callable[[int], str]) -> AsyncIterator[Post]:
    """The bot's own client, with its checks, limits and errors in words."""
    settings, clock = load_settings(os.environ), SystemClock()
    cloud = HttpCloud(settings.projects, settings.credentials, clock)

    async def post(number: int) -> Any:
        snapshot = CreateStandardSnapshot(volume_id=disk(number), name="bench", tags={"kept": "7"})
        before = clock.monotonic() + 10
        return await cloud.project(alias).create_standard_snapshot(snapshot, send_before=before)

    yield post
    await cloud.aclose()


def _token(cloud: str) -> str:
    user = {"name": "snapshot-bot", "password": os.environ["SIM_IAM_PASSWORD"], "domain": {"name": "ACME"}}
    asked = {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"id": world.PAYMENTS}},
        }
    }
    answer = httpx.post(f"{cloud}/v3/auth/tokens", json=asked, trust_env=False).raise_for_status()
    return answer.headers["X-Subject-Token"]


@asynccontextmanager
async def by_httpx(cloud: str) -> AsyncIterator[Post]:
    """httpx alone, with a token that is at hand."""
    url, headers = f"{cloud}/v5/{world.PAYMENTS}/snapshots", {"X-Auth-Token": _token(cloud)}
    async with httpx.AsyncClient(headers=headers, trust_env=False) as client:

        async def post(number: int) -> Any:
            return (await client.post(url, json=_body(world.payments_disk(number)))).raise_for_status().json()

        yield post


@asynccontextmanager
async def by_aiohttp(cloud: str) -> AsyncIterator[Post]:
    """aiohttp alone, with a token that is at hand."""
    url, headers = f"{cloud}/v5/{world.PAYMENTS}/snapshots", {"X-Auth-Token": _token(cloud)}
    async with aiohttp.ClientSession(headers=headers, raise_for_status=True) as session:

        async def post(number: int) -> Any:
            async with session.post(url, json=_body(world.payments_disk(number))) as answer:
                return await answer.json()

        yield post


@asynccontextmanager
async def by_sdk(cloud: str) -> AsyncIterator[Post]:
    """The official SDK, which blocks; it signs each request with its key."""
    create = create_by_sdk(client_by_sdk(cloud))

    async def post(number: int) -> Any:
        return create(world.disk_id(number))

    yield post


async def main(kind: str, cloud: str, first: int) -> None:
    clients = {
        "bot-token": lambda: by_bot("payments-prod", world.payments_disk),
        "bot-key": lambda: by_bot("shop", world.disk_id),
        "httpx": lambda: by_httpx(cloud),
        "aiohttp": lambda: by_aiohttp(cloud),
        "sdk": lambda: by_sdk(cloud),
    }
    numbers = itertools.count(first)
    async with clients[kind]() as post:

        async def once() -> dict[str, float]:
            cpu_s, began = time.process_time(), time.perf_counter()
            await post(next(numbers))
            return {"took_s": time.perf_counter() - began, "cpu_s": time.process_time() - cpu_s}

        say()
        await answer({"once": once})


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
