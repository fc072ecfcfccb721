"""Bots as processes of their own, forked from one that has imported everything: a start costs a third of one from
nothing, and hundreds of them are killed. `python -m tests.nursery` is that one; `Nursery` talks to it. That the program
starts from nothing as well is shown by tests/e2e/test_start.py.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
BOT = ("-m", "bot")
"""What Python runs, as its own arguments; `-c CODE` may put something else in the place of a part of the bot first."""


class ForkedBot:
    """One life of a bot, which ends with the loop of the test that began it."""

    def __init__(self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._listening = asyncio.create_task(self._listen(reader, writer))

    def send_signal(self, number: signal.Signals) -> None:
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Its exit code."""
        return await asyncio.shield(self._listening)

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        try:
            self.returncode = code = int(json.loads(await reader.readline())["code"])
            return code
        finally:
            writer.close()


class Nursery:
    """Starts bots, and hears how each ended."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="nursery-")
        self._path = f"{self._directory.name}/socket"
        environment = {**os.environ, "PYTHONWARNINGS": "error::ResourceWarning"}
        with socket.socket(socket.AF_UNIX) as asked:
            asked.bind(self._path)
            asked.listen(64)
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.nursery", str(asked.fileno())],
                stdin=subprocess.PIPE,
                pass_fds=[asked.fileno()],
                cwd=ROOT,
                env=environment,
            )

    def close(self) -> None:
        """Those that live are killed."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._directory.cleanup()

    async def start(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        output: Path,
        program: Sequence[str] = BOT,
    ) -> ForkedBot:
        wanted = {
            "program": [*program, *arguments],
            "environment": {**os.environ, **environment},
            "output": str(output),
        }
        reader, writer = await asyncio.open_unix_connection(self._path)
        writer.write(json.dumps(wanted).encode() + b"\n")
        return ForkedBot(json.loads(await reader.readline())["pid"], reader, writer)


@functools.cache
def nursery() -> Nursery:
    """The one of this process."""
    made = Nursery()
    atexit.register(made.close)
    return made


# --- in the process that forks ----------------------------------------------------------------------------------------


def serve(asked: socket.socket) -> None:
    import bot.app
    import bot.cli_run  # noqa: F401  # with it comes all that a bot imports

    with selectors.DefaultSelector() as ready:
        ready.register(0, selectors.EVENT_READ)
        ready.register(asked, selectors.EVENT_READ)
        alive: dict[int, socket.socket] = {}
        while True:
            for key, _ in ready.select():
                if key.fd == 0:
                    for pid in alive:
                        os.kill(pid, signal.SIGKILL)
                    return
                if key.fileobj is asked:
                    one, _ = asked.accept()
                    pid = _born(one)
                    alive[pid] = one
                    ready.register(one, selectors.EVENT_READ, pid)
                    ready.register(os.pidfd_open(pid), selectors.EVENT_READ, pid)
                elif isinstance(key.fileobj, socket.socket):
                    if key.data in alive:  # who began it has gone
                        ready.unregister(key.fileobj)
                        os.kill(key.data, signal.SIGKILL)
                else:
                    ready.unregister(key.fd)
                    os.close(key.fd)
                    one = alive.pop(key.data)
                    if one in ready.get_map():
                        ready.unregister(one)
                    _over(key.data, one)


def _born(one: socket.socket) -> int:
    with one.makefile("rb") as told:
        wanted = json.loads(told.readline())
    pid = os.fork()
    if pid == 0:
        _live(wanted)
    one.sendall(json.dumps({"pid": pid}).encode() + b"\n")
    return pid


def _over(pid: int, one: socket.socket) -> None:
    _, status = os.waitpid(pid, 0)
    with one, contextlib.suppress(OSError):
        one.sendall(json.dumps({"code": os.waitstatus_to_exitcode(status)}).encode() + b"\n")


def _live(wanted: Mapping[str, Any]) -> None:
    code = 1
    try:
        output = os.open(wanted["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        os.environ.clear()
        os.environ.update(wanted["environment"])
        code = _run(wanted["program"])
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)
    except BaseException:  # nothing is above it in this process
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _run(program: Sequence[str]) -> int:
    how, what, *arguments = program
    sys.argv = [how, *arguments]
    if how == "-c":
        exec(compile(what, "<string>", "exec", dont_inherit=True), {"__name__": "__main__"})
        return 0
    from bot.__main__ import main

    return main(arguments)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
