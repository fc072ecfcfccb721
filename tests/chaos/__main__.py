"""`python -m tests.chaos --seed 1 --minutes 30 --requests 500`: real processes that are really killed, and a judge."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import pickle
import sys
from pathlib import Path

from tests.chaos.run import Outcome, Plan, run


def main() -> int:
    options = _options()
    plan = Plan(
        options.mode,
        options.seed,
        options.minutes * 60,
        options.requests,
        options.replicas if options.mode == "shared" else 1,
        options.kills,
        options.restarts,
        calm_s=options.calm,
        most=options.most,
    )
    logging.getLogger("aiohttp.server").disabled = True  # it tells of every connection that a killed bot leaves
    outcome = asyncio.run(run(plan))
    print(table(outcome))
    if options.json:
        facts = {"mode": plan.mode, "seed": plan.seed, **outcome.counts, "problems": outcome.problems}
        options.json.write_text(json.dumps(facts, indent=2), encoding="utf-8")
    if options.evidence:
        options.evidence.write_bytes(pickle.dumps(outcome.evidence))
    return 1 if outcome.problems else 0


def table(outcome: Outcome) -> str:
    rows = [("mode", outcome.plan.mode), ("seed", outcome.plan.seed), *outcome.counts.items()]
    return "\n".join([*(f"{name:<22} {value}" for name, value in rows), *outcome.problems[:40]])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--mode", choices=["embedded", "shared"], default="embedded")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1.0, help="for how long things go wrong")
    parser.add_argument("--requests", type=int, default=20, help="how many people ask for in that time")
    parser.add_argument("--most", type=int, default=12, help="disks of one request")
    parser.add_argument("--replicas", type=int, default=3, help="of the shared mode")
    parser.add_argument("--kills", type=int, default=0, help="go on until there were so many")
    parser.add_argument("--restarts", type=int, default=0, help="of PostgreSQL: go on until there were so many")
    parser.add_argument("--calm", type=float, default=0, help="for up to how many seconds a bot is let be in between")
    parser.add_argument("--json", type=Path, help="where the figures are written to")
    parser.add_argument("--evidence", type=Path, help="where all that was judged is written to, as a pickle")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
