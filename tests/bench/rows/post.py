"""One create, from the call to its ticket: the bot's client against httpx, aiohttp and the official SDK.

Each is a process of its own and sends to the same simulated cloud, in turns. With a token the bot stands against bare
clients that have one at hand; with a key, against the SDK that signs as well.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import AsyncExitStack

from tests.bench.apps.sdk import has_sdk
from tests.bench.figures import Figure, figures_of, percentile
from tests.bench.processes import Child, running
from tests.bench.stage import Stage, simulators

CODE = "tests/bench/rows/post.py, apps/post.py, apps/sdk.py"
WARM_UP = 5


async def measure(stage: Stage) -> list[Figure]:
    kinds = ["bot-token", "httpx", "aiohttp", "bot-key", *(["sdk"] if has_sdk() else [])]
    disks = (stage.sizes.posts + WARM_UP) * len(kinds)
    async with AsyncExitStack() as stack:
        sims = await stack.enter_async_context(simulators(stage.folder(), "--disks", str(disks)))
        clients: dict[str, Child] = {}
        for number, kind in enumerate(kinds):
            first = str(number * (stage.sizes.posts + WARM_UP))
            words = (kind, sims.said["cloud"], first)
            environment = sims.said["environment"]
            clients[kind] = await stack.enter_async_context(
                running("tests.bench.apps.post", *words, environment=environment)
            )
        times: dict[str, list[float]] = defaultdict(list)
        cpu: dict[str, list[float]] = defaultdict(list)
        for turn in range(-WARM_UP, stage.sizes.posts):
            for kind, client in clients.items():
                took = await client.ask("once")
                if turn >= 0:
                    times[kind].append(took["took_s"])
                    cpu[kind].append(took["cpu_s"])
    return [*_compared(times, cpu, "bot-token", "sdk"), *_compared(times, cpu, "bot-key", "httpx", "aiohttp")]


def _compared(times: dict[str, list[float]], cpu: dict[str, list[float]], measured: str, *without: str) -> list[Figure]:
    others = {kind for kind in times if not kind.startswith("bot-") and kind not in without}
    kept = {kind: times[kind] for kind in (measured, *sorted(others))}
    case = f"one create, {measured}"
    base = {kind: percentile(cpu[kind], 50) * 1000 for kind in sorted(others)}
    value = percentile(cpu[measured], 50) * 1000
    return [
        *figures_of("post", case, kept, measured, CODE, (50, 95)),
        Figure("post", case, "CPU p50", value, "ms", base, CODE),
    ]
