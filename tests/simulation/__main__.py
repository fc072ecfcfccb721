"""`python -m tests.simulation --seeds 10000`: many seeds, on all processors, for a night."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from tests.simulation.bugs import BUGS, WORDS
from tests.simulation.figures import COUNTED, figures_of
from tests.simulation.run import simulate
from tests.simulation.shrinking import shortest, told
from tests.simulation.story import drawn

TOLD_EVERY_S = 10.0
MOST_PROBLEMS = 5
"""That are told of one seed; the shortest story tells all."""

SEEDS_A_PROCESS = 200
"""Before it is replaced, so that no run is slowed by what an earlier one left in memory."""


def main() -> int:
    options = _options()
    seeds = range(options.first, options.first + options.seeds)
    began = time.monotonic()
    counts: Counter[str] = Counter()
    failed: list[int] = []
    for number, (seed, found) in enumerate(_outcomes(seeds, options), 1):
        counts.update({name: found[name] for name in COUNTED})
        if WORDS.get(options.bug, "") in str(found["problems"]) and found["problems"]:
            failed.append(seed)
            print(f"\nseed {seed}: {'; '.join(found['problems'][:MOST_PROBLEMS])}", flush=True)
        if (options.until_found and failed) or time.monotonic() - began > options.minutes * 60:
            break
        _tell_progress(number, len(seeds), began, failed)
    took_s = time.monotonic() - began
    summary = {"first": options.first, "seeds": number, "failed": failed, "seconds": round(took_s, 1), **counts}
    print(f"\n{json.dumps(summary)}")
    if options.json:
        options.json.write_text(json.dumps(summary, indent=2), encoding="utf-8")
    for seed in failed[: options.shown]:
        with BUGS[options.bug]() if options.bug else nullcontext():
            print(f"\n{told(shortest(simulate(drawn(seed)), simulate), seed)}")
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first of them")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="end after that long")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at once")
    parser.add_argument("--bug", choices=sorted(BUGS), help="put this bug in first")
    parser.add_argument("--until-found", action="store_true", help="end with the first seed that fails")
    parser.add_argument("--shown", type=int, default=1, help="of how many that fail the shortest story is told")
    parser.add_argument("--json", type=Path, help="where the summary is written to")
    return parser.parse_args()


def _outcomes(seeds: range, options: argparse.Namespace) -> Iterator[tuple[int, dict[str, Any]]]:
    lived = partial(figures_of, bug=options.bug)
    if options.jobs == 1:
        yield from map(lived, seeds)
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(options.jobs, maxtasksperchild=SEEDS_A_PROCESS) as pool:
        yield from pool.imap_unordered(lived, seeds)


def _tell_progress(number: int, of: int, began: float, failed: list[int]) -> None:
    now = time.monotonic()
    if number == of or now - _told_at[0] >= TOLD_EVERY_S:
        _told_at[0] = now
        rate = number / (now - began)
        print(f"{number} of {of} seeds, {len(failed)} failed, {rate:.1f} a second", file=sys.stderr, flush=True)


_told_at = [0.0]

if __name__ == "__main__":
    sys.exit(main())
