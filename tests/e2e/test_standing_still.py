"""What made the bot stand still: a full disk, a clock that is set, a part of it that ends, work that hangs."""

from __future__ import annotations

import asyncio
import ctypes
import os
import re
import resource
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

import bot
from bot.domain.transitions import ItemState, RequestState
from tests.e2e.conftest import request_id
from tests.e2e.street import Street, a_street
from tests.ports import free_port

NO_ROOM = "was not recorded"


async def operator_sees(street: Street, path: str) -> tuple[int, str]:
    async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
        answer = await http.get(f"http://127.0.0.1:{street.bot.environment['ADMIN_PORT']}{path}")
    return answer.status_code, answer.text


async def until_answer(street: Street, path: str, status: int, timeout: float = 10) -> None:
    async with asyncio.timeout(timeout):
        while (await operator_sees(street, path))[0] != status:
            await asyncio.sleep(0.05)


# --- a disk that is full for a moment ---------------------------------------------------------------------------------


class SmallDisk:
    """A tmpfs of its own for the store, filled to the last byte and freed again. Needs root."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._libc = ctypes.CDLL(None, use_errno=True)
        size = b"size=9m,mode=0700"
        self.mounted = self._libc.mount(b"tmpfs", str(place).encode(), b"tmpfs", 0, size) == 0

    def fill(self, _: Street) -> None:
        with (self.place / "ballast").open("wb", buffering=0) as ballast:
            try:
                while ballast.write(b"x" * 4096):
                    pass
            except OSError:
                pass

    def free(self, _: Street) -> None:
        (self.place / "ballast").unlink()

    def unmount(self) -> None:
        if self.mounted:
            self._libc.umount2(str(self.place).encode(), 2)


class LimitedFiles:
    """No file of the bot may be written beyond its first bytes, until that is lifted."""

    def fill(self, street: Street) -> None:
        self._limit(street, 0)

    def free(self, street: Street) -> None:
        self._limit(street, resource.RLIM_INFINITY)

    def _limit(self, street: Street, soft: int) -> None:
        assert street.bot.process is not None
        resource.prlimit(street.bot.process.pid, resource.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))


@asynccontextmanager
async def on_a_small_disk(directory: Path, kind: str) -> AsyncIterator[tuple[Street, SmallDisk | LimitedFiles]]:
    place = directory / "store"
    place.mkdir()
    small = SmallDisk(place) if kind == "tmpfs" else None
    if small is not None and not small.mounted:
        small = None
    disk = small or LimitedFiles()
    store = f"sqlite:///{place / 'snapshot-bot.db'}"
    try:
        async with a_street(directory, ADMIN_PORT=str(free_port()), BOT_STORE=store) as street:
            yield street, disk
    finally:
        if small is not None:
            small.unmount()


async def use_up_the_log(street: Street) -> None:
    """The log in front of the file has some room of its own, and is begun anew once all of it has been moved; denials,
    each a row, take it up.
    """
    refused = 0
    for _ in range(1_000):
        told = await street.slack.command("alice", "#inc-demo", "create orders-db project=legacy")
        refused = refused + 1 if NO_ROOM in told.text else 0
        if refused == 5:
            return
    raise AssertionError("the disk never gets full")


@pytest.mark.parametrize("kind", ["tmpfs", "file-size limit"])
async def test_a_disk_that_is_full_for_a_moment_is_told_and_all_goes_on_when_there_is_room(
    tmp_path: Path, kind: str
) -> None:
    async with on_a_small_disk(tmp_path, kind) as (street, disk):
        await street.start()
        before = await street.slack.command("alice", "#inc-demo", "create web-01-data")
        taken = [request_id(before.text)]
        disk.fill(street)
        await use_up_the_log(street)
        for _ in range(10):
            refused = await street.slack.command("alice", "#inc-demo", "create web-01-logs")
            assert refused.error is None
            assert NO_ROOM in refused.text
            assert re.search(r"\be-[0-9a-z]{8}\b", refused.text)
        await until_answer(street, "/readyz", 503)
        assert await operator_sees(street, "/healthz") == (200, "ok\n")
        disk.free(street)
        await until_answer(street, "/readyz", 200)
        after = await street.slack.command("alice", "#inc-demo", "create web-01-data")
        taken.append(request_id(after.text))
        found = await street.until_all_is_said(timeout=60)
        backups = [request for request, _ in found if "web-01" in request.text]
        assert {request.id for request in backups} == set(taken)
        for request in backups:
            assert len(street.messages(request, "receipt")) == 1
            assert len(street.messages(request, "status")) == 1
        assert await street.bot.signal(signal.SIGTERM) == 0


async def test_a_bot_whose_disk_is_full_can_still_be_stopped(tmp_path: Path) -> None:
    async with on_a_small_disk(tmp_path, "file-size limit") as (street, disk):
        await street.start()
        disk.fill(street)
        for _ in range(3):
            assert NO_ROOM in (await street.slack.command("alice", "#inc-demo", "create web-01-data")).text
        await street.bot.signal(signal.SIGTERM, within=10)


# --- a part that ends -------------------------------------------------------------------------------------------------

DEAD_THREAD = """
import sys, bot.store.sqlite.database as database
def dies(connection): raise MemoryError("no more of it")
database.CHECKPOINT_EVERY, database.move_log = 10, dies
from bot.__main__ import main
sys.exit(main())
"""
DEAD_ENGINE = """
import sys, bot.engine.embedded as engine
def dies(self, handlers):
    if self._due and any(key.startswith("plan") for key in self._due): raise MemoryError("no more of it")
    return real(self, handlers)
real, engine.EmbeddedEngine._start_due = engine.EmbeddedEngine._start_due, dies
from bot.__main__ import main
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("program", "sentence"), [(DEAD_THREAD, "The bot's store is broken"), (DEAD_ENGINE, "The bot's jobs stand still")]
)
async def test_a_part_that_ends_by_itself_ends_the_bot_with_a_sentence_and_the_next_one_goes_on(
    tmp_path: Path, program: str, sentence: str
) -> None:
    async with a_street(tmp_path) as street:
        street.bot.program = ("-c", program)
        await street.start()
        told = await street.slack.command("alice", "#inc-demo", "create web-01-data")
        assert await street.bot.ended(within=10) == 1
        assert f"{sentence}, so the bot stops. Nothing that was recorded is lost: start it again." in street.bot.text()
        street.bot.program = ("-m", "bot")
        await street.start()
        found = await street.until_all_is_said(timeout=30)
        assert [request.id for request, _ in found] == [request_id(told.text)]
        assert await street.bot.signal(signal.SIGTERM) == 0


# --- a clock that is set ----------------------------------------------------------------------------------------------

SLOW_TO_NOTICE = (
    "import bot.cli_run as program",
    "import bot.cli_run as program, bot.engine.embedded as engine; engine.LOOK_SECONDS = 3.0",
)
SET_CLOCK = """
import sys
from datetime import timedelta
from pathlib import Path
import bot.cli_run as program
from bot.__main__ import main
class Clock(program.SystemClock):
    def now(self):
        return super().now() + timedelta(seconds=float(Path(sys.argv[1]).read_text()))
program.SystemClock = Clock
sys.exit(main(["run"]))
"""


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_set_by_an_hour_silences_nobody_and_lets_nobody_act_for_longer(
    tmp_path: Path, hours: int
) -> None:
    """Set while a snapshot is made, while a disk waits its turn, and while a message is edited."""
    by = tmp_path / "by"
    by.write_text("0")
    async with a_street(tmp_path) as street:
        street.bot.program = ("-c", SET_CLOCK, str(by))
        await street.start()
        street.cloud.world.timing.min_seconds = street.cloud.world.timing.max_seconds = 4.0
        street.cloud.fault("create_snapshot", "error", times=2, status=409, code="EVS.2409", message="busy")
        first = request_id((await street.slack.command("alice", "#inc-demo", "create web-01-data")).text)
        second = request_id((await street.slack.command("alice", "#inc-demo", "create web-01-logs")).text)
        await street.until_items(first, lambda item: item.state is not ItemState.PLANNED or bool(item.cause))
        by.write_text(str(hours * 3600))
        begun = asyncio.get_running_loop().time()
        third = request_id((await street.slack.command("alice", "#inc-demo", "create orders-db")).text)
        found = await street.until_all_is_said(timeout=30)
        assert asyncio.get_running_loop().time() - begun < 25
        assert {request.id: request.state for request, _ in found} == dict.fromkeys(
            (first, second, third), RequestState.FINISHED
        )
        assert {item.state for _, items in found for item in items} == {ItemState.AVAILABLE}
        assert await street.bot.signal(signal.SIGTERM) == 0


@pytest.mark.parametrize("hours", [-25, 25, 17_520])
async def test_what_is_written_down_before_anybody_notices_that_the_clock_was_set_waits_for_no_hours(
    tmp_path: Path, hours: int
) -> None:
    by = tmp_path / "by"
    by.write_text("0")
    async with a_street(tmp_path) as street:
        street.bot.program = ("-c", SET_CLOCK.replace(*SLOW_TO_NOTICE), str(by))
        await street.start()
        street.cloud.world.timing.min_seconds = street.cloud.world.timing.max_seconds = 4.0
        street.cloud.fault("list_volumes", "slow", times=3, seconds=1.0)
        street.cloud.fault("create_snapshot", "slow", times=3, seconds=1.0)
        for disk in ("web-01-data", "web-01-logs", "orders-db"):
            await street.slack.command("alice", "#inc-demo", f"create {disk}")
        await asyncio.sleep(0.5)  # their disks are being looked for
        by.write_text(str(hours * 3600))
        found = await street.until_all_is_said(timeout=25)
        assert [item.state for _, items in found for item in items] == [ItemState.AVAILABLE] * 3
        assert await street.bot.signal(signal.SIGTERM) == 0


# --- a store that another process keeps locked ------------------------------------------------------------------------


async def test_while_another_process_keeps_the_store_locked_people_hear_it_in_time_and_all_goes_on_afterwards(
    tmp_path: Path,
) -> None:
    async with a_street(tmp_path) as street:
        await street.start()
        first = request_id((await street.slack.command("alice", "#inc-demo", "create web-01-data")).text)
        other = sqlite3.connect(tmp_path / "snapshot-bot.db", isolation_level=None)
        other.execute("begin immediate")
        words = [f"create web-01-logs name=n{number}" for number in range(5)]
        told = await asyncio.gather(*(street.slack.command("alice", "#inc-demo", text) for text in words))
        assert [(one.error, NO_ROOM in one.text) for one in told] == [(None, True)] * 5
        other.execute("rollback")
        other.close()
        found = await street.until_all_is_said(timeout=30)
        assert [(request.id, request.state) for request, _ in found] == [(first, RequestState.FINISHED)]
        assert await street.bot.signal(signal.SIGTERM) == 0


FULL_FROM_THE_START = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
from bot.__main__ import main
sys.exit(main(["run"]))
"""


@pytest.mark.parametrize("room", [0, 4096, 200_000])
async def test_a_disk_that_is_full_at_the_start_is_a_sentence(tmp_path: Path, room: int) -> None:
    async with a_street(tmp_path) as street:
        program = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", FULL_FROM_THE_START, str(room)),
            env={**os.environ, **street.bot.environment},
            cwd=Path(bot.__file__).parents[1],
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        told, _ = await asyncio.wait_for(program.communicate(), 20)
        assert program.returncode == 2
        assert "Traceback" not in told.decode()
        assert re.search("[Tt]he (bot.s )?store", told.decode())
