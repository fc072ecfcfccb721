"""One run of one story: the same story has the same end, and the same trace."""

from __future__ import annotations

import gc
import logging
import random
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web_app

from tests.judge import broken, gathered
from tests.simulation.loop import NeverRests, NothingLeft, SimulatedLoop
from tests.simulation.seeded import under_the_seed
from tests.simulation.store import InlineDatabase, fresh_store
from tests.simulation.story import Story
from tests.simulation.town import Overheard, Town

_MEMORY = Path("/dev/shm")


@dataclass(frozen=True, slots=True)
class Outcome:
    """`problems` are the promises that did not hold, `said` the story as it happened, `trace` its hash."""

    story: Story
    problems: list[str]
    said: list[str]
    trace: str
    lives: int = 0
    accepted: int = 0
    taken: int = 0
    made: int = 0


def simulate(story: Story, kind: type[Town] = Town) -> Outcome:
    """Whatever breaks in it is a problem of the outcome; nothing is raised."""
    fresh_store()  # made before the run, the first of a process as well, so that each run takes the same of its chance
    with _uncollected():
        return _simulated(story, kind)


def _simulated(story: Story, kind: type[Town]) -> Outcome:
    loop = SimulatedLoop(random.Random(f"{story.seed}/loop"), most_s=story.wire_s, shuffles=story.shuffles)
    with ExitStack() as undone:
        directory = undone.enter_context(
            tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None, prefix="simulation-")
        )
        undone.enter_context(_buried(loop))
        undone.enter_context(under_the_seed(loop, random.Random(f"{story.seed}/chance")))
        town = kind(loop, story, Path(directory))
        undone.enter_context(_overheard(town))
        try:
            return loop.run_until_complete(_lived(town))
        except NothingLeft:
            problem = "everything waits for something that never comes"
        except NeverRests:
            problem = "something goes round and round"
        except Exception as exc:
            problem = f"the simulation itself failed: {exc!r}"
        return Outcome(story, [problem, *town.unforeseen], town.said, loop.traced.hexdigest())


async def _lived(town: Town) -> Outcome:
    await town.open()
    await town.live_through()
    database = InlineDatabase(town.store)
    await database.open()
    evidence = await gathered(town.setting, database, town.accepted, town.taken, town.lives)
    await database.close()
    await town.close()
    complaints = [entry for entry in town.slack.journal if entry["entry"] == "validation"]
    problems = [
        *(one for one in broken(evidence) if not town.explains(one)),
        *town.unforeseen,
        *town.further_problems(),
        *(f"slack complained: {entry['where']} {entry['errors']}" for entry in complaints),
    ]
    for problem in problems:
        town.note(f"JUDGED: {problem}")
    trace = town.loop.traced
    trace.update(repr(evidence.rows).encode())
    return Outcome(
        town.story,
        problems,
        town.said,
        trace.hexdigest(),
        len(town.lives),
        len(town.accepted),
        len(town.taken),
        len(evidence.made),
    )


@contextmanager
def _overheard(town: Town) -> Iterator[None]:
    handler, log = Overheard(town), logging.getLogger("bot")
    silenced = [logging.getLogger(name) for name in ("aiohttp.server", "slack_bolt", "slack_sdk", "asyncio")]
    before = log.propagate
    log.addHandler(handler)
    log.propagate = False
    for one in silenced:
        one.disabled = True
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.propagate = before
        for one in silenced:
            one.disabled = False


@contextmanager
def _uncollected() -> Iterator[None]:
    """What was killed stays as it was until the end of the run, and nothing of it is left to the next one. What was
    there before, such as all other tests, is not looked through for it.
    """
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        with _unheard():
            web_app._cached_build_middleware.cache_clear()  # it would let go of an application amid some later run
            for _ in range(2):  # what is let go may hold on once more in its `finally`
                gc.collect()
        gc.unfreeze()
        gc.enable()


@contextmanager
def _buried(loop: SimulatedLoop) -> Iterator[None]:
    try:
        yield
    finally:
        with _unheard():
            loop.bury()
            loop.close()


@contextmanager
def _unheard() -> Iterator[None]:
    """What comes of letting go what was killed is of no interest."""
    unraisable = sys.unraisablehook
    sys.unraisablehook = lambda _: None
    logging.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
        sys.unraisablehook = unraisable
