"""`snapshot-bot check` as a process of its own: its exit code, where everything hangs, and beside a running bot."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

import bot
from bot.slack.bolt import SOCKETS
from tests.checks.conftest import Scene

QUICKLY = "import bot.checks.looking as l; l.FILES_S, l.SLACK_S, l.CLOUD_S, l.CALL_S = 0.5, 1.2, 1.4, 0.6; "
MAIN = "import sys; from bot.__main__ import main; sys.exit(main())"


async def begun(scene: Scene, *arguments: str, program: str = MAIN, **environment: str) -> asyncio.subprocess.Process:
    (scene.folder / "bot.toml").write_text(scene.config, "utf-8")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "BOT_", "SIM_"))}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, "check", *arguments),
        cwd=Path(bot.__file__).parents[1],
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        env={**inherited, "PYTHONWARNINGS": "error::ResourceWarning", **scene.environment, **environment},
    )


async def ended(process: asyncio.subprocess.Process, within_s: float = 30) -> tuple[int, str, str]:
    async with asyncio.timeout(within_s):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_all_is_well_and_the_exit_code_says_so(scene: Scene) -> None:
    code, out, err = await ended(await begun(scene))
    assert (code, err) == (0, ""), out
    assert out.splitlines()[-1].startswith("All is well: ")
    assert {line[:2] for line in out.splitlines()[:-2]} == {"ok"}


async def test_what_fails_ends_with_1_and_for_programs_it_is_one_object(scene: Scene) -> None:
    scene.environment["SLACK_BOT_TOKEN"] = "xoxb-not-the-bots"
    code, out, err = await ended(await begun(scene, "--json"))
    assert (code, err) == (1, "")
    shown = json.loads(out)
    assert [one["check"] for one in shown["findings"] if one["state"] == "failed"] == ["bot token"]
    assert "not-the-bots" not in out


async def test_a_configuration_that_can_t_be_used_is_told_and_nothing_is_asked(scene: Scene) -> None:
    scene.config += "[nonsense]\n"
    code, out, err = await ended(await begun(scene))
    assert (code, err) == (1, "")
    assert "[nonsense]  There is no such table. " in out
    assert "Not tried because of that: the store, Slack and the cloud." in out
    assert scene.cloud.calls() == scene.slack.api_calls() == []


@pytest.fixture
def silent() -> Iterator[list[socket.socket]]:
    """Places that take connections and never say anything: Slack's, and the cloud's."""
    with ExitStack() as stack:
        listeners = [stack.enter_context(closing(socket.create_server(("127.0.0.1", 0)))) for _ in range(2)]
        for listener in listeners:
            listener.setblocking(False)
        yield listeners


def hanging(scene: Scene, silent: list[socket.socket]) -> None:
    slack, cloud = (f"http://127.0.0.1:{one.getsockname()[1]}" for one in silent)
    scene.environment["SLACK_API_URL"] = f"{slack}/api/"
    scene.config = scene.config.replace(scene.cloud.url, cloud)


HANGING_DISK = """
import threading
import bot.checks.looking as l
import bot.store.opening as o
o.of_file = lambda path: threading.Event().wait()
"""


async def test_where_all_hangs_it_ends_in_its_time_and_says_what_hung(
    scene: Scene, silent: list[socket.socket]
) -> None:
    hanging(scene, silent)
    began = time.monotonic()
    code, out, err = await ended(await begun(scene, program=f"{QUICKLY}{HANGING_DISK}{MAIN}"))
    assert time.monotonic() - began < 1.4 + 20  # a busy machine takes its time to begin
    assert (code, err) == (1, "")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "failed store store no answer within 0.5 s. Try again; look at the network and at proxies." in lines
    assert any("127.0.0.1 can't be reached: it does not answer in time." in line for line in lines)
    assert any(line.startswith("failed payments-prod EVS EVS gave no answer within 0.6 s") for line in lines)


def test_all_deadlines_together_are_under_twenty_seconds() -> None:
    from bot.checks.looking import CALL_S, CLOUD_S, FILES_S, SLACK_S

    assert max(FILES_S, SLACK_S, CLOUD_S) <= 18
    assert 2 * CALL_S <= SLACK_S <= CLOUD_S


async def test_ctrl_c_ends_it_at_once(scene: Scene, silent: list[socket.socket]) -> None:
    hanging(scene, silent)
    process = await begun(scene, program=f"{HANGING_DISK}{MAIN}")
    with ExitStack() as taken:
        for listener in silent:  # it is under way once it has asked both
            connection, _ = await asyncio.get_running_loop().sock_accept(listener)
            taken.enter_context(connection)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        code, out, err = await ended(process)
    assert time.monotonic() - began < 3
    assert (code, out, err) == (1, "", "Stopped before everything was looked at.\n")


async def test_it_runs_beside_a_bot_and_leaves_that_as_it_is(scene: Scene) -> None:
    running = await begun(scene, program="import sys; sys.argv[1] = 'run'; " + MAIN, ADMIN_PORT="0")
    try:
        await scene.slack.until(lambda: scene.slack.connections == SOCKETS, 60)
        before = (scene.slack.connections, [path.name for path in sorted(scene.folder.iterdir())])
        code, out, _ = await ended(await begun(scene))
        assert code == 0, out
        assert "can be read and written, and has this version's tables" in out
        assert (scene.slack.connections, [path.name for path in sorted(scene.folder.iterdir())]) == before
        assert (await scene.slack.command("alice", "#inc-demo", "help")).error is None
    finally:
        running.send_signal(signal.SIGTERM)
        assert (await ended(running))[0] == 0


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
async def test_lines_are_coloured_on_a_terminal_unless_nobody_wants_it(
    scene: Scene, no_color: str, coloured: bool
) -> None:
    (scene.folder / "bot.toml").write_text(scene.config, "utf-8")
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "check"),
        stdin=DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, **scene.environment, "NO_COLOR": no_color, "COLUMNS": "100"},
    )
    os.close(theirs)
    shown = await asyncio.to_thread(_all_of, ours)
    assert await process.wait() == 0
    assert ("\x1b[32mok\x1b[0m" in shown) == coloured
    assert "this takes 20 s at most" in shown
    lines = shown.replace("\x1b[32m", "").replace("\x1b[0m", "").splitlines()
    assert max(map(len, lines)) <= 100


def _all_of(terminal: int) -> str:
    """Until the other side is closed, which Linux tells as an error."""
    read = b""
    with os.fdopen(terminal, "rb", buffering=0) as end:
        while True:
            try:
                part = end.read(4096)
            except OSError:
                break
            if not part:
                break
            read += part
    return read.decode()
