"""`snapshot-bot run` with one part replaced: an engine that rests, or a clock that runs faster.

python -m tests.bench.apps.bot --rest
python -m tests.bench.apps.bot --speed X --origin M
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import signal
import sys
from datetime import datetime

from bot import app
from bot.__main__ import fast_loop
from bot.clock import SystemClock
from bot.engine.embedded import EmbeddedEngine
from bot.logs import configure_logs
from bot.settings import load_settings
from tests.bench.apps.clock import CommonClock


def let_engines_rest() -> None:
    """They answer questions, and do no other job: what follows an acknowledgement is left out of what it costs."""
    schedule = EmbeddedEngine.schedule

    def answers(self: EmbeddedEngine, key: str, at: datetime, lane: str = "", about: str = "") -> None:
        if key.startswith("answer:"):
            schedule(self, key, at, lane, about)

    async def nothing(_: EmbeddedEngine, *, clock_set: bool = False) -> None:
        return

    setattr(EmbeddedEngine, "schedule", answers)  # noqa: B010 - in this process alone
    setattr(EmbeddedEngine, "_sweep", nothing)  # noqa: B010


async def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rest", action="store_true")
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--origin", type=float, default=0.0)
    options = parser.parse_args(words)
    if options.rest:
        let_engines_rest()
    settings = load_settings(os.environ)
    configure_logs(settings.log_format, settings.log_level, settings.secrets())
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    clock = SystemClock() if options.speed == 1.0 else CommonClock(options.speed, options.origin)
    bot = await app.start(settings, clock)
    gc.collect()
    gc.freeze()  # as `snapshot-bot run` does
    await stopped.wait()
    await bot.stop()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=fast_loop()) as runner:  # as `snapshot-bot run` does
        runner.run(main(sys.argv[1:]))
