"""What a newcomer runs first, as processes of their own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
import time
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from pathlib import Path
from unittest.mock import ANY

import httpx
import pytest

LOOK_WITHIN_S = 45.0
GAME_DAY = Path(__file__).parents[2] / "docs/examples/game-day.json"


STARTED: list[Process] = []


@pytest.fixture(autouse=True)
async def nothing_left() -> AsyncIterator[None]:
    """A test that fails half-way leaves no demo behind."""
    yield
    while STARTED:
        process = STARTED.pop()
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def bot(*arguments: str, **environment: str) -> Process:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "BOT_"))}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        *arguments,
        stdin=PIPE,
        stdout=PIPE,
        stderr=STDOUT,
        env={**inherited, **environment},
    )
    STARTED.append(process)
    return process


async def said(process: Process, typed: str = "") -> tuple[int, str]:
    async with asyncio.timeout(LOOK_WITHIN_S):
        output, _ = await process.communicate(typed.encode())
    assert process.returncode is not None
    return process.returncode, output.decode()


async def test_the_demo_plays_one_backup_to_its_true_end() -> None:
    code, text = await said(await bot("demo", "--once"))
    assert code == 0, text
    assert "Receipt: 3 of 3 snapshots available" in text
    assert " s after the go, all available" in text
    assert "In the cloud: 3 snapshots available, made by 1 POST /v5/…/snapshot-groups" in text
    assert "Traceback" not in text and "error" not in text.lower().replace("errors", "")


class Played:
    """A demo that somebody sits at: reads what is said, and types."""

    def __init__(self, process: Process) -> None:
        self.process, self.text, self.whole = process, "", ""

    async def until(self, words: str) -> None:
        """Read until these words come after all that was awaited before."""
        assert self.process.stdout is not None
        async with asyncio.timeout(LOOK_WITHIN_S):
            while words not in self.text:
                read = (await self.process.stdout.read(65536)).decode()
                assert read, f"the demo ended before it said {words!r}:\n{self.text}"
                self.text += read
                self.whole += read
        self.text = self.text.partition(words)[2]

    def types(self, *lines: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("".join(f"{line}\n" for line in lines).encode())


async def test_the_demo_then_reads_commands_of_different_people_and_presses_buttons_by_number() -> None:
    demo = Played(await bot("demo"))
    await demo.until("1) Back up 3 disks")
    demo.types("carol: /snapshot create orders-db", "nobody: /snapshot help", "hello")
    await demo.until("carol in #inc-demo types:  /snapshot create orders-db")
    await demo.until("The workspace does not let nobody do that")
    await demo.until("hello")
    demo.types("1")
    await demo.until("Receipt: 3 of 3 snapshots available")
    demo.types("quit")
    assert await said(demo.process) == (0, ANY)


async def test_the_demo_asks_a_form_question_by_question() -> None:
    demo = Played(await bot("demo"))
    await demo.until("1) Back up 3 disks")
    demo.types("/snapshot")
    await demo.until("Project *: ")
    demo.types("payments-prod")
    await demo.until("Disks (up to 20) *: ")
    demo.types("orders-db, web-01-logs")
    await demo.until("Reason")
    demo.types("", "7")
    await demo.until("On it: snapshot of 2 disks")
    demo.process.send_signal(signal.SIGINT)
    assert await said(demo.process) == (0, ANY)


async def test_a_demo_that_ends_leaves_no_process_and_no_file(tmp_path: Path) -> None:
    demo, store = await started_in(tmp_path)
    started = processes_with(store)
    assert started
    demo.process.send_signal(signal.SIGINT)
    began = time.monotonic()
    assert await said(demo.process) == (0, ANY)
    assert time.monotonic() - began < 5
    assert not Path(store).exists()  # noqa: ASYNC240
    assert running(started) == []


async def test_the_bot_ends_with_a_demo_that_is_killed(tmp_path: Path) -> None:
    demo, store = await started_in(tmp_path)
    started = processes_with(store)
    demo.process.kill()
    await demo.process.wait()
    async with asyncio.timeout(LOOK_WITHIN_S):
        while running(started):
            await asyncio.sleep(0.05)


async def started_in(directory: Path) -> tuple[Played, str]:
    """A demo that keeps its files there, with its own directory."""
    demo = Played(await bot("demo", TMPDIR=str(directory)))
    await demo.until("Here: ")
    return demo, str(next(directory.iterdir()))  # noqa: ASYNC240


def running(processes: list[str]) -> list[str]:
    return [one for one in processes if Path(f"/proc/{one}").exists()]


def processes_with(path: str) -> list[str]:
    """The processes that were started with this path in their environment: the bot of one demo."""
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if path.encode() in environment.read_bytes():
                found.append(environment.parent.name)
    return found


async def test_the_game_day_opens_with_its_people_and_each_of_its_things_can_be_tried() -> None:
    world = json.loads(GAME_DAY.read_text("utf-8"))
    demo = Played(await bot("demo", "--world", str(GAME_DAY)))
    await demo.until("http://")
    address = f"http://{demo.text.split()[0]}"
    await demo.until("omar in #inc-1138> ")
    async with httpx.AsyncClient(trust_env=False, base_url=address, timeout=LOOK_WITHIN_S) as http:
        for number in range(len(world["story"]["things"])):
            assert (await http.post("/page/try", json={"number": number})).json() == {"ok": True}
    await demo.until("Receipt: 2 of 2 snapshots available")
    demo.types("quit")
    assert await said(demo.process) == (0, ANY)
    assert "In checkout-prod you may view, but not create" in demo.whole
    assert "Backup of 4 disks in checkout-prod: planned" in demo.whole
    assert demo.whole.count("2 disks, 240 GiB, one consistent set") == 2


async def test_a_world_that_cannot_be_opened_is_refused_in_words(tmp_path: Path) -> None:
    world = tmp_path / "world.json"
    for described, told in (
        ("{", "can't be read as JSON"),
        ('{"story": {"opening": [{"jump": 1}]}}', "a step is one of"),
    ):
        world.write_text(described)
        code, text = await said(await bot("demo", "--world", str(world)))
        assert code == 2 and told in text and "Traceback" not in text, text


async def test_a_port_in_use_is_told_in_one_sentence() -> None:
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as taken:
        port = str(taken.sockets[0].getsockname()[1])
        code, text = await said(await bot("demo", "--port", port))
    assert code == 2
    assert "Nothing can listen at 127.0.0.1" in text and "--port" in text and text.count("\n") == 1


async def test_the_page_asks_the_bot_itself_who_may_do_something() -> None:
    demo = Played(await bot("demo"))
    await demo.until("http://")
    address = f"http://{demo.text.split()[0]}"
    await demo.until("1) Back up 3 disks")
    rules = {}
    async with httpx.AsyncClient(trust_env=False, base_url=address) as http:
        for user, action, project in (
            ("alice", "create", "payments-prod"),
            ("bob", "create", "payments-prod"),
            ("bob", "create", "shop"),
            ("carol", "create", "payments-prod"),
            ("gus", "view", "payments-prod"),
            ("eve", "view", "payments-prod"),
            ("alice", "view", "nowhere"),
        ):
            asked = {"user": user, "action": action, "project": project, "channel": "#inc-demo"}
            answer = (await http.post("/page/explain", json=asked)).json()
            rules[user, project] = (answer["rule"], answer["allowed"])
            if user == "bob" and project == "payments-prod":
                assert "S0ONCALL02: operator in payments-prod" in answer["told"]
    demo.types("quit")
    assert await said(demo.process) == (0, ANY)
    assert rules == {
        ("alice", "payments-prod"): ("granted", True),
        ("bob", "payments-prod"): ("granted", True),
        ("bob", "shop"): ("approval-needed", True),
        ("carol", "payments-prod"): ("action-not-granted", False),
        ("gus", "payments-prod"): ("standing-guest", False),
        ("eve", "payments-prod"): ("standing-other-team", False),
        ("alice", "nowhere"): ("unknown-project", False),
    }


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
