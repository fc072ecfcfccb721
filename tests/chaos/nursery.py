"""Bots as processes of their own, forked from one that has imported everything: a start costs a third of one from
nothing, and hundreds of them are killed. `python -m tests.chaos.nursery` is that one; `Nursery` talks to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import selectors
import signal
import sys
import traceback
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


class ForkedBot:
    """One life of a bot."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._over = asyncio.Event()

    def send_signal(self, number: signal.Signals) -> None:
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def wait(self, within: float) -> int:
        """Its exit code. Raises TimeoutError when it lives on."""
        async with asyncio.timeout(within):
            await self._over.wait()
        assert self.returncode is not None
        return self.returncode

    def ended(self, code: int) -> None:
        self.returncode = code
        self._over.set()


class Nursery:
    """Starts bots, and hears how each ended."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._asked: deque[asyncio.Future[ForkedBot]] = deque()
        self._alive: dict[int, ForkedBot] = {}
        self._listening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        pipe = asyncio.subprocess.PIPE
        environment = {**os.environ, "PYTHONWARNINGS": "error::ResourceWarning"}
        command = (sys.executable, "-m", "tests.chaos.nursery")
        self._process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, cwd=ROOT, env=environment
        )
        self._listening = asyncio.create_task(self._listen())

    async def close(self) -> None:
        """Those that live are killed."""
        assert self._process is not None and self._process.stdin is not None and self._listening is not None
        self._process.stdin.close()
        await self._process.wait()
        await self._listening

    async def start(self, environment: Mapping[str, str], output: Path) -> ForkedBot:
        assert self._process is not None and self._process.stdin is not None
        born: asyncio.Future[ForkedBot] = asyncio.get_running_loop().create_future()
        self._asked.append(born)
        wanted = {"environment": {**os.environ, **environment}, "output": str(output)}
        self._process.stdin.write(json.dumps(wanted).encode() + b"\n")
        return await born

    async def _listen(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        async for line in self._process.stdout:
            told = json.loads(line)
            if "code" in told:
                self._alive.pop(told["pid"]).ended(told["code"])
            else:
                bot = self._alive[told["pid"]] = ForkedBot(told["pid"])
                self._asked.popleft().set_result(bot)


# --- in the process that forks ----------------------------------------------------------------------------------------


def serve() -> None:
    import bot.app
    import bot.cli_run  # noqa: F401  # with it comes all that a bot imports

    with selectors.DefaultSelector() as ready:
        ready.register(0, selectors.EVENT_READ)
        asked = b""
        while True:
            for key, _ in ready.select():
                if key.data is not None:
                    ready.unregister(key.fd)
                    _reap(key.data, key.fd)
                elif more := os.read(0, 1 << 20):
                    *lines, asked = (asked + more).split(b"\n")
                    for line in lines:
                        pid = _fork(json.loads(line))
                        ready.register(os.pidfd_open(pid), selectors.EVENT_READ, pid)
                else:
                    for one in list(ready.get_map().values()):
                        if one.data is not None:
                            os.kill(one.data, signal.SIGKILL)
                    return


def _reap(pid: int, watched: int) -> None:
    os.close(watched)
    _, status = os.waitpid(pid, 0)
    _tell({"pid": pid, "code": os.waitstatus_to_exitcode(status)})


def _fork(wanted: Mapping[str, Any]) -> int:
    pid = os.fork()
    if pid == 0:
        _live(wanted)
    _tell({"pid": pid})
    return pid


def _live(wanted: Mapping[str, Any]) -> None:
    code = 1
    try:
        output = os.open(wanted["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.closerange(3, 64)
        os.environ.clear()
        os.environ.update(wanted["environment"])
        from bot.__main__ import main

        code = main(["run"])
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else 1
    except BaseException:  # nothing is above it in this process
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _tell(what: Mapping[str, Any]) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    serve()
