"""`python -m tests.chaos.power_cuts --cuts 5000 --seed 7`: a process writes requests through the store, and its files
are copied at any moment as a power cut may leave them. Each copy opens, holds all that was acknowledged, and is gone on
with.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot.domain.attempts import submitting
from bot.domain.audit import AuditEntry
from bot.domain.items import ended, taken
from bot.domain.transitions import ItemState, RequestState
from bot.ports.requests import Incoming
from bot.store.script import Script, sql
from bot.store.sqlite.database import SqliteDatabase
from bot.store.store import Store
from bot.store.upkeep.verification import Verification, witness
from tests.builders import NOON, FakeClock, a_request, an_actor, an_item
from tests.chaos.power import copied, cut

CUTS_A_PROCESS = 60
"""Then another one begins with a new store: what is checked of each copy stays small."""
WRITERS = 6
ENTRY = AuditEntry("U1", "create", "payments", "allowed", "granted")


# --- the process that writes ------------------------------------------------------------------------------------------


async def write(path: Path) -> None:
    """Requests on their way from the acknowledgement to the end, until it is killed. Each step that the store answered
    is said on the standard output: the request, and how far it is.
    """
    database = SqliteDatabase(path)
    await database.open()
    await database.make_room_in_the_log()
    assert await database.run(_syncs_each_commit), "else the frames that count are not synced"
    store = Store(database, FakeClock())
    await asyncio.gather(*(_writes(store, number) for number in range(WRITERS)))


def _syncs_each_commit() -> Script[bool]:
    (row,) = yield sql("pragma synchronous")
    return int(row["synchronous"]) >= 2


async def _writes(store: Store, writer: int) -> None:
    for number in itertools.count():
        request = a_request(f"r-{writer}-{number}", state=RequestState.RECEIVED, text="create " + "x" * (number % 700))
        incoming = Incoming(request, [ENTRY])
        await store.take_in(request.id, "C1", an_actor(), lambda held, bound, what=incoming: what)  # type: ignore[misc]
        _say(request.id, 1)
        item = an_item(writer * 1000 + number % 50, request_id=request.id)
        await store.decide_plan(replace(request, state=RequestState.RUNNING), [item], [ENTRY])
        _say(request.id, 2)
        begun = await store.start(submitting(item, NOON), [ENTRY])
        assert begun is not None
        _say(request.id, 3)
        made = taken(begun, f"snap-{request.id}", "job")
        await store.save(made)
        _say(request.id, 4)
        await store.save(ended(replace(made, ver=made.ver + 1), ItemState.AVAILABLE, NOON), [ENTRY])
        _say(request.id, 5)


def _say(request_id: str, step: int) -> None:
    os.write(1, f"{request_id} {step}\n".encode())


STEPS = {
    1: {"received", "running", "finished"},
    2: {"running", "finished"},
    3: {"running", "finished"},
    4: {"running", "finished"},
    5: {"finished"},
}
ITEM_STEPS = {
    2: {"planned", "submitting", "creating", "available"},
    3: {"submitting", "creating", "available"},
    4: {"creating", "available"},
    5: {"available"},
}
"""By the step that was acknowledged: the states in which the request and its item may be."""


# --- the copies -------------------------------------------------------------------------------------------------------


@dataclass
class Cuts:
    """`problems` are the copies that lost something or do not open, in words."""

    seed: int
    cuts: int = 0
    acknowledged: int = 0
    problems: list[str] = field(default_factory=list)


async def run(seed: int, cuts: int) -> Cuts:
    found = Cuts(seed)
    rng = random.Random(f"{seed}/power")
    while found.cuts < cuts and len(found.problems) < 5:
        with tempfile.TemporaryDirectory(prefix="power-cut-") as directory:
            await _strike(Path(directory), min(CUTS_A_PROCESS, cuts - found.cuts), rng, found)
    return found


async def _strike(directory: Path, cuts: int, rng: random.Random, found: Cuts) -> None:
    store = directory / "store.db"
    command = (sys.executable, "-m", "tests.chaos.power_cuts", "--write", str(store))
    root = Path(__file__).parents[2]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=root)
    assert process.stdout is not None
    said: dict[str, int] = {}
    try:
        while not said:
            _hear(said, [await process.stdout.readline()])
        for number in range(cuts):
            process.send_signal(signal.SIGCONT)
            await asyncio.sleep(rng.expovariate(1 / 0.01))
            process.send_signal(signal.SIGSTOP)
            while not _is_stopped(process.pid):
                await asyncio.sleep(0)
            copy = copied(store, directory / f"copy-{number}")
            _hear(said, await _waiting_lines(process.stdout))
            what = cut(copy, rng)
            found.cuts += 1
            found.acknowledged += len(said)
            found.problems += [f"cut {found.cuts} ({what}): {problem}" for problem in await problems(copy, said)]
    finally:
        process.kill()
        await process.wait()


def _is_stopped(pid: int) -> bool:
    return all(
        "State:\tT" in (task / "status").read_text(encoding="ascii") for task in Path(f"/proc/{pid}/task").iterdir()
    )


async def _waiting_lines(pipe: asyncio.StreamReader) -> list[bytes]:
    lines = []
    while True:
        try:
            lines.append(await asyncio.wait_for(pipe.readline(), 0.003))
        except TimeoutError:
            return lines


def _hear(said: dict[str, int], lines: Iterable[bytes]) -> None:
    for line in lines:
        request_id, _, step = line.decode().partition(" ")
        said[request_id] = int(step)


async def problems(path: Path, said: dict[str, int]) -> list[str]:
    """What a copy has lost, or what keeps it from being gone on with."""
    database = SqliteDatabase(path)
    try:
        await database.open()
    except Exception as exc:
        return [f"it does not open: {exc!r}"]
    try:
        store = Store(database, FakeClock())
        return [*await database.run(_lost, said), *await _untrue_trail(database), *await _stuck(store)]
    except Exception as exc:
        return [f"it can't be read: {exc!r}"]
    finally:
        await database.close()


def _lost(said: dict[str, int]) -> Script[list[str]]:
    told = yield sql("pragma integrity_check")
    broken = [str(tuple(row)) for row in told if tuple(row) != ("ok",)]
    requests = {row["id"]: row["state"] for row in (yield sql("select id, state from request"))}
    items = {row["request_id"]: row["state"] for row in (yield sql("select request_id, state from item"))}
    for request_id, step in said.items():
        if requests.get(request_id) not in STEPS[step]:
            broken.append(f"{request_id} was acknowledged at step {step} and is {requests.get(request_id)}")
        if step in ITEM_STEPS and items.get(request_id) not in ITEM_STEPS[step]:
            broken.append(f"the item of {request_id} was acknowledged at step {step} and is {items.get(request_id)}")
    halves = yield sql(
        "select id from request where state not in ('received') and id not in (select request_id from item)"
    )
    return [*broken, *(f"{row['id']} is there by halves" for row in halves)]


async def _untrue_trail(database: SqliteDatabase) -> list[str]:
    rows = await database.read(_trail)
    verification = Verification(await database.run(witness, database.triggers))
    problem = verification.take(rows)
    # The entries here are all alike: which of them is about which request is not what is looked for.
    return [problem] if problem else [one for one in verification.missing() if "was sent" not in one]


def _trail() -> Script[list[dict[str, object]]]:
    return [dict(row) for row in (yield sql("select * from audit order by seq"))]


async def _stuck(store: Store) -> list[str]:
    request = a_request("r-after", state=RequestState.RECEIVED)
    await store.take_in("after", "C1", an_actor(), lambda held, bound: Incoming(request, [ENTRY]))
    return [] if await store.request("r-after") else ["nothing more can be written"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.power_cuts", description=__doc__)
    parser.add_argument("--cuts", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        asyncio.run(write(options.write))
    began = time.monotonic()
    found = asyncio.run(run(options.seed, options.cuts))
    took_s = time.monotonic() - began
    print(f"seed {found.seed}: {found.cuts} cuts, {found.acknowledged} requests looked for in them, {took_s:.0f} s")
    print("\n".join([f"problems: {len(found.problems)}", *found.problems]))
    return 1 if found.problems else 0


if __name__ == "__main__":
    sys.exit(main())
