"""Children of the bench: each app under measure has a process, an event loop and a CPU time of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.figures import ROOT

ENDS_WITHIN_S = 12.0


@dataclass
class Child:
    """A running process. One of `tests.bench.apps` says in its first line what others need to know, as JSON."""

    process: asyncio.subprocess.Process
    began: float
    said: dict[str, Any]

    @property
    def pid(self) -> int:
        return self.process.pid

    def cpu_s(self) -> float:
        """Of all its threads, those that ended too. Source: clock_getcpuclockid in the C library."""
        return time.clock_gettime(~self.pid << 3 | 2)

    def rss_mb(self) -> float:
        return self._status(Path("status"), "VmRSS") / 1024

    def disk_bytes(self) -> int:
        """What it had written to the disk. Source: proc(5), io."""
        return self._status(Path("io"), "write_bytes")

    def switches(self) -> int:
        """How often one of its threads gave the processor away by itself: each is a wake-up."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        return sum(self._status(Path("task", one.name, "status"), "voluntary_ctxt_switches") for one in tasks)

    def _status(self, name: Path, key: str) -> int:
        lines = (Path(f"/proc/{self.pid}") / name).read_text("utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{key}:"))

    async def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """One line in, one line out."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
        return _read(await self.process.stdout.readline())

    async def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), ENDS_WITHIN_S)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()


def _read(line: bytes) -> dict[str, Any]:
    if not line:
        raise RuntimeError("A child of the bench ended; what it said stands above.")
    said: dict[str, Any] = json.loads(line)
    return said


async def spawn(module: str, *words: str, environment: Mapping[str, str] | None = None, speaks: bool = True) -> Child:
    """`speaks`: it is waited for until it says that it is ready."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *words,
        cwd=ROOT,
        env={**kept, "PYTHONPATH": str(ROOT), "LOG_LEVEL": "ERROR", **(environment or {})},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE if speaks else asyncio.subprocess.DEVNULL,
        limit=2**24,
    )
    child = Child(process, began, {})
    if speaks:
        assert process.stdout is not None
        child.said = _read(await process.stdout.readline())
    return child


@asynccontextmanager
async def running(
    module: str, *words: str, environment: Mapping[str, str] | None = None, speaks: bool = True
) -> AsyncIterator[Child]:
    child = await spawn(module, *words, environment=environment, speaks=speaks)
    try:
        yield child
    finally:
        await child.stop()
