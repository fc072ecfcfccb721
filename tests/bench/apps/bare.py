"""What the bot is measured against: a slack-bolt app as its documentation begins, in a process of its own.

    python -m tests.bench.apps.bare default|before-response|sdk|follow socket|http API_URL [CLOUD_URL]

`default` and `before-response` acknowledge and do nothing else; `sdk` then asks the cloud for a snapshot with the
official SDK, in a thread; `follow` also says so in the channel and asks on until it is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import sys
from collections.abc import Callable
from typing import Any

from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from tests.bench.apps.lines import answer, say
from tests.bench.apps.sdk import client_by_sdk, create_by_sdk, status_by_sdk
from tests.bench.drivers import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET
from tests.bench.world import PAYMENTS, disk_id, payments_disk

ASK_EVERY_S = 2.0


def bare_app(api_url: str, *, before_response: bool, create: Callable[[str], Any] | None) -> AsyncApp:
    client = AsyncWebClient(token=BOT_TOKEN, base_url=api_url)
    app = AsyncApp(client=client, signing_secret=SIGNING_SECRET, process_before_response=before_response)
    numbers = itertools.count()

    @app.command("/snapshot")
    async def on_command(ack: AsyncAck) -> None:
        await ack()
        if create is not None:
            with contextlib.suppress(Exception):  # a disk that is busy already
                await asyncio.to_thread(create, disk_id(next(numbers) % 100))

    return app


def following_app(api_url: str, cloud_url: str) -> AsyncApp:
    """Posts, creates, asks every ASK_EVERY_S and posts again; a disk is named by its number."""
    client = AsyncWebClient(token=os.environ["BENCH_BOT_TOKEN"], base_url=api_url)
    client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=100))
    app = AsyncApp(client=client, signing_secret=SIGNING_SECRET)
    sdk = client_by_sdk(cloud_url, PAYMENTS)
    create, status = create_by_sdk(sdk), status_by_sdk(sdk)

    @app.command("/snapshot")
    async def on_command(ack: AsyncAck, command: dict[str, Any]) -> None:
        await ack()
        name, channel = command["text"].split()[1], command["channel_id"]
        await client.chat_postMessage(channel=channel, text=f"Snapshot of {name}: started")
        made = await asyncio.to_thread(create, payments_disk(int(name[-5:])))
        snapshot = made.snapshot_id
        while await asyncio.to_thread(status, snapshot) == "creating":
            await asyncio.sleep(ASK_EVERY_S)
        receipt = {"event_type": "bench", "event_payload": {"request": snapshot, "part": "receipt"}}
        await client.chat_postMessage(channel=channel, text=f"Snapshot of {name}: {snapshot}", metadata=receipt)

    return app


async def main(kind: str, transport: str, api_url: str, cloud_url: str = "") -> None:
    if kind == "follow":
        app = following_app(api_url, cloud_url)
    else:
        create = create_by_sdk(client_by_sdk(cloud_url)) if kind == "sdk" else None
        app = bare_app(api_url, before_response=kind == "before-response", create=create)
    if transport == "socket":
        handler = AsyncSocketModeHandler(app, os.environ.get("BENCH_APP_TOKEN", APP_TOKEN))
        await handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt has no types here
        say(port=0)
        await answer({})
        await handler.close_async()  # type: ignore[no-untyped-call]  # nor here
        return
    runner = web.AppRunner(app.web_app("/slack/events"), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=4096).start()
    say(port=runner.addresses[0][1])
    await answer({})
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
