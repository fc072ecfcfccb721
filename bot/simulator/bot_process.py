"""The bot as a process that can be killed at any moment and started again, with the last lines of its log."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections import deque
from collections.abc import Callable, Mapping

KEPT_LINES = 200
STOP_SECONDS = 12.0


class BotProcess:
    """`snapshot-bot run` with an environment, asked for at each start. `on_change` is called when it starts, ends, or
    says something.
    """

    def __init__(self, environment: Callable[[], Mapping[str, str]], on_change: Callable[[], None]) -> None:
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)
        self.starts = 0
        self._environment = environment
        self._on_change = on_change
        self._process: Process | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start it, unless it runs."""
        if self.running:
            return
        await self._read_to_the_end()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "BOT_"))}
        command = [sys.executable, "-m", "bot.simulator.tied", "bot", "run"]
        # A group of its own: the Ctrl-C that ends the demo is not meant for it.
        self._process = await asyncio.create_subprocess_exec(
            *command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=STDOUT,
            env={**inherited, **self._environment()},
            start_new_session=True,
        )
        self.starts += 1
        self._reading = asyncio.create_task(self._read(self._process))
        self._on_change()

    async def kill(self) -> None:
        """End it as a power cut would: without a chance to tidy up."""
        await self._end(lambda process: process.kill())

    async def stop(self) -> None:
        """Let it end in its own time, which has an end."""
        await self._end(lambda process: process.terminate())

    async def _end(self, how: Callable[[Process], None]) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            how(process)
            try:
                await asyncio.wait_for(process.wait(), STOP_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()
        await self._read_to_the_end()
        self._on_change()

    async def _read_to_the_end(self) -> None:
        if self._reading is not None:
            await self._reading
            self._reading = None

    async def _read(self, process: Process) -> None:
        assert process.stdout is not None and process.stdin is not None
        more = True
        while more:
            with contextlib.suppress(ValueError):  # a line beyond any measure is left out
                line = await process.stdout.readline()
                more = bool(line)
                self.lines.append(line.decode(errors="replace").rstrip())
                self._on_change()
        await process.wait()
        process.stdin.close()
        self._on_change()
