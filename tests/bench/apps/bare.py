"""What the bot is measured against: a slack-bolt app as its documentation begins, in a process of its own.

    python -m tests.bench.apps.bare default|before-response|sdk socket|http API_URL [CLOUD_URL]

`default` and `before-response` acknowledge and do nothing else; `sdk` then asks the cloud for a snapshot with the
official SDK, in a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import sys
from collections.abc import Callable
from typing import Any

from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.web.async_client import AsyncWebClient

from tests.bench.apps.lines import answer, say
from tests.bench.apps.sdk import snapshots_by_sdk
from tests.bench.drivers import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET
from tests.bench.world import disk_id


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


async def main(kind: str, transport: str, api_url: str, cloud_url: str = "") -> None:
    create = snapshots_by_sdk(cloud_url) if kind == "sdk" else None
    app = bare_app(api_url, before_response=kind == "before-response", create=create)
    if transport == "socket":
        handler = AsyncSocketModeHandler(app, APP_TOKEN)
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
