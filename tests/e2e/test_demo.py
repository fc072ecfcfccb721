"""What a newcomer runs first, as processes of their own."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process

import httpx

LOOK_WITHIN_S = 45.0


async def bot(*arguments: str, **environment: str) -> Process:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "BOT_"))}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        *arguments,
        stdin=PIPE,
        stdout=PIPE,
        stderr=STDOUT,
        env={**inherited, **environment},
    )


async def said(process: Process, typed: str = "") -> tuple[int, str]:
    async with asyncio.timeout(LOOK_WITHIN_S):
        output, _ = await process.communicate(typed.encode())
    assert process.returncode is not None
    return process.returncode, output.decode()


async def test_the_demo_plays_one_backup_to_its_true_end() -> None:
    code, text = await said(await bot("demo", "--once"))
    assert code == 0, text
    assert "Receipt: 3 of 3 snapshots available" in text
    assert "finished in" in text and "all available" in text
    assert "In the cloud: 3 snapshots available, made by 1 POST /v5/…/snapshot-groups" in text
    assert "Traceback" not in text and "error" not in text.lower().replace("errors", "")


async def test_the_demo_then_reads_commands_of_different_people() -> None:
    typed = "/snapshot create scratch\ncarol: /snapshot create orders-db\nnobody: /snapshot help\nhello\n\nquit\n"
    code, text = await said(await bot("demo"), typed)
    assert code == 0, text
    for words in (
        "alice in #inc-demo types:  /snapshot create scratch",
        "carol in #inc-demo types:  /snapshot create orders-db",
        "Slack does not let nobody do that",
        "Commands begin with a slash",
    ):
        assert words in text


async def test_simulate_prints_what_points_a_bot_at_it() -> None:
    simulation = await bot("simulate")
    assert simulation.stdout is not None
    environment: dict[str, str] = {}
    async with asyncio.timeout(LOOK_WITHIN_S):
        while "snapshot-bot run" not in (line := (await simulation.stdout.readline()).decode()):
            if found := re.fullmatch(r"export (\w+)='(.*)'\n", line):
                environment[found[1]] = found[2]
    running = await bot("run", ADMIN_PORT="0", **environment)
    slack = environment["SLACK_API_URL"].removesuffix("/api/")
    try:
        async with asyncio.timeout(LOOK_WITHIN_S), httpx.AsyncClient(trust_env=False) as http:
            while not (await http.get(f"{slack}/_control/state")).json().get("connections"):
                await asyncio.sleep(0.05)
            order = {"user": "alice", "channel": "#inc-demo", "text": "create web-01-data"}
            outcome = (await http.post(f"{slack}/_control/command", json=order)).json()
            assert outcome["ok"], outcome
            while "Receipt: 1 of 1" not in (await http.get(f"{slack}/_control/render?channel=%23inc-demo")).text:
                await asyncio.sleep(0.1)
    finally:
        for process in (running, simulation):
            process.send_signal(signal.SIGTERM)
        codes = [(await said(process))[0] for process in (running, simulation)]
    assert codes == [0, 0]


async def test_a_world_that_cannot_be_read_is_refused_in_one_line(tmp_path: object) -> None:
    code, text = await said(await bot("simulate", "--world", f"{tmp_path}/nowhere.json"))
    assert code == 2
    assert "can't be read as JSON" in text and "Traceback" not in text
