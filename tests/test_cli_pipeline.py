"""`snapshot-bot request` before what is no bot, or none in good health: the exit code never says more than is known."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

_HEAD = {"id": "r-1", "channel": "C1", "state": "running", "detail": "", "rule": ""}
PENDING = {**_HEAD, "outcome": "pending", "disks": []}


class Elsewhere:
    """What answers at BOT_URL: always the same."""

    def __init__(self) -> None:
        self.status, self.content = 200, json.dumps(PENDING)
        self.url = ""
        self.paths: list[str] = []

    async def answer(self, request: web.BaseRequest) -> web.Response:
        self.paths.append(request.path)
        return web.Response(status=self.status, text=self.content)


@pytest.fixture
async def elsewhere() -> AsyncIterator[Elsewhere]:
    there = Elsewhere()
    runner = web.ServerRunner(web.Server(there.answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    there.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield there
    await runner.cleanup()


async def started(*options: str, **environment: str) -> asyncio.subprocess.Process:
    command = (sys.executable, "-m", "bot", "request", "create", "web-01", *options)
    environment = {**os.environ, "BOT_TOKEN": "t" * 40, **environment}
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*command, env=environment, stdout=pipe, stderr=pipe)


async def ended(process: asyncio.subprocess.Process) -> tuple[int, str]:
    _, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode is not None
    return process.returncode, err.decode()


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (200, "<html>Please sign in</html>"),
        (200, "[]"),
        (200, '{"id": "r-1"}'),
        (200, json.dumps({**PENDING, "outcome": "fine"})),
        (403, '{"rule": "no-grant"}'),
        (403, '{"rule": "no-grant", "detail": "No.", "errors": [1]}'),
    ],
)
async def test_an_answer_that_is_none_of_a_bots_is_no_bot(elsewhere: Elsewhere, status: int, content: str) -> None:
    elsewhere.status, elsewhere.content = status, content
    code, err = await ended(await started("--wait", "--timeout", "1s", BOT_URL=elsewhere.url))
    assert (code, err.startswith("No bot answers at ")) == (4, True), err


WRONG: list[dict[str, Any]] = [
    {"BOT_URL": "https://[::1"},
    {"BOT_URL": "https://bot.example:99999"},
    {"BOT_URL": "https://bot.example/?a=b"},
    {"BOT_URL": "https://bot.example", "HTTPS_PROXY": "gopher://127.0.0.1:9"},
    {"BOT_URL": "https://bot.example", "BOT_TOKEN": "t\u00f6ken"},
    {"options": ("--key", "two\nlines"), "BOT_URL": "https://bot.example"},
    {"options": ("--reason", "half \udcff"), "BOT_URL": "https://bot.example"},
]


@pytest.mark.parametrize("given", WRONG)
async def test_what_cannot_be_sent_is_bad_use_in_one_line(given: dict[str, Any]) -> None:
    environment = {name: value for name, value in given.items() if name != "options"}
    code, err = await ended(await started(*given.get("options", ()), **environment))
    assert (code, len(err.splitlines())) == (2, 1), err


async def test_ctrl_c_is_no_success_and_looks_are_apart(elsewhere: Elsewhere) -> None:
    process = await started("--wait", BOT_URL=f"{elsewhere.url}/prefix/")
    async with asyncio.timeout(20):
        while len(elsewhere.paths) < 2:
            await asyncio.sleep(0.05)
    await asyncio.sleep(1.5)
    process.send_signal(signal.SIGINT)
    assert await ended(process) == (130, "")
    assert elsewhere.paths[0] == "/prefix/api/v1/requests"
    assert len(elsewhere.paths) <= 5
