"""The speed of the bot, each figure beside its baseline of the same run.

python -m tests.bench [ROW ...] [--quick] [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bot.__main__ import fast_loop
from tests.bench.figures import Figure, as_json, machine, table
from tests.bench.rows import ack, burst, decide, end_to_end, idle, in_flight, plan, post, readings
from tests.bench.sizes import SIZES
from tests.bench.stage import Stage

ROWS: dict[str, Callable[[Stage], Coroutine[Any, Any, list[Figure]]]] = {
    "ack": ack.measure,
    "burst": burst.measure,
    "post": post.measure,
    "plan": plan.measure,
    "decide": decide.measure,
    "end-to-end": end_to_end.measure,
    "in-flight": in_flight.measure,
    "readings": readings.measure,
    "idle": idle.measure,
}


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="The speed of the bot, as ratios.")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"{', '.join(ROWS)}; all by default")
    parser.set_defaults(sizes="full")
    parser.add_argument("--quick", action="store_const", const="quick", dest="sizes", help="small sizes, few samples")
    parser.add_argument("--sizes", choices=SIZES, help="full by default; smoke only shows that it runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    options = parser.parse_args(arguments)
    if unknown := set(options.rows) - set(ROWS):
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 everything was measured, 1 a row failed."""
    options = parsed(arguments)
    sizes = SIZES[options.sizes]
    print(f"{machine()}\nsizes: {options.sizes}", flush=True)
    found: list[Figure] = []
    failed: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="snapshot-bot-bench-") as directory:
        stage = Stage(Path(directory), sizes)
        for name in options.rows or ROWS:
            began = time.perf_counter()
            try:
                with asyncio.Runner(loop_factory=fast_loop()) as runner:  # what measures should cost next to nothing
                    figures = runner.run(ROWS[name](stage))
            except Exception as exc:  # the other rows are worth their time
                traceback.print_exc()
                failed[name] = f"{type(exc).__name__}: {exc}"
                continue
            found += figures
            print(f"{table(figures)}\n({name}: {time.perf_counter() - began:.0f} s)", flush=True)
            if options.json:
                options.json.write_text(as_json(found, sizes=asdict(sizes), failed=failed), encoding="utf-8")
    if options.json:
        options.json.write_text(as_json(found, sizes=asdict(sizes), failed=failed), encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
