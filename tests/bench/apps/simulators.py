"""Both simulators in a process of their own, with many disks and channels, counting what is asked of them.

    python -m tests.bench.apps.simulators DIRECTORY [--disks N] [--channels N] [--seconds S] [--no-limits]
        [--speed X --origin M]

Socket Mode is theirs only until `lead_to`: then an app that asks for a connection is sent to where the bench itself
delivers.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp.web_protocol import RequestHandler

from bot.simulator.cloud.resources import Attachment, Disk, Job, Server, Snapshot
from bot.simulator.setting import Setting
from bot.simulator.workspace import Message
from bot.simulator.workspace.world import Channel, Person
from bot.slack.client.scopes import SCOPES
from tests.bench import world
from tests.bench.apps.clock import CommonClock
from tests.bench.apps.lines import answer, say


class Counted:
    """The two simulators, what was asked of them, and when the last of each kind was."""

    def __init__(self, setting: Setting) -> None:
        self.setting = setting
        self.slack: Counter[str] = Counter()
        self.cloud: Counter[str] = Counter()
        self.last: dict[str, float] = {}
        self.bytes = Counter[str]()
        self.receipts: set[str] = set()
        self.link = ""
        self.broken = ""
        """What the simulated cloud was asked when it broke: the bot is not measured against that."""
        setting.workspace.on_change(self._on_change)

    def watch(self) -> None:
        """Stand between the servers and what they do: methods of two objects, for the time of a measurement."""
        server: Any = self.setting.workspace._server
        run, handle = server._run, self.setting.cloud.handle

        def _run(method: str, request: Any, args: dict[str, Any]) -> dict[str, Any]:
            self._count(self.slack, method)
            if method == "apps.connections.open" and self.link:
                return {"url": self.link}
            found: dict[str, Any] = run(method, request, args)
            return found

        def _handle(route: Any, *rest: Any) -> Any:
            self._count(self.cloud, route.operation)
            try:
                return handle(route, *rest)
            except Exception:
                self.broken = route.operation
                raise

        server._run = _run
        setattr(self.setting.cloud, "handle", _handle)  # noqa: B010

    def _count(self, counter: Counter[str], name: str) -> None:
        counter[name] += 1
        self.last[name] = time.perf_counter()

    def _on_change(self, message: Message, _: str) -> None:
        payload = (message.metadata or {}).get("event_payload", {})
        if payload.get("part") == "receipt":
            self.receipts.add(payload["request"])

    # --- what the bench asks ------------------------------------------------------------------------------------------

    async def lead_to(self, link: str) -> dict[str, Any]:
        self.link = link
        return {}

    async def counts(self) -> dict[str, Any]:
        assert not self.broken, f"the simulated cloud broke over {self.broken}"
        return {
            "slack": dict(self.slack),
            "cloud": dict(self.cloud),
            "last": self.last,
            "bytes": dict(self.bytes),
            "receipts": len(self.receipts),
        }

    async def in_the_making(self, first: int, count: int, seconds: float) -> dict[str, Any]:
        """Snapshots of as many disks, which take that long from now; their numbers begin with `first`."""
        cloud, now = self.setting.cloud.world, datetime.now(UTC)
        ends = now + timedelta(seconds=seconds)
        for number in range(first, first + count):
            disk, snapshot, job = world.payments_disk(number), world.snapshot_id(number), world.job_id(number)
            made = (snapshot, world.PAYMENTS, disk, "bench", "", world.ZONE, "0", 40, "", now, number, seconds, ends)
            cloud.add_snapshot(Snapshot(*made, chain_id=f"chain-{number}"))
            cloud.jobs[job] = Job(
                job, world.PAYMENTS, "", {"snapshot_id": snapshot}, frozenset([disk]), now, seconds, ends, ends
            )
        return {}

    async def command(self, text: str, words: str) -> dict[str, Any]:
        """Alice types it; when, and when her request's message said `words`."""
        began = time.perf_counter()
        outcome = await self.setting.workspace.command("alice", world.CHANNEL, text)
        request = "r-" + outcome.text.partition("`r-")[2][:8]
        await self._until(request, words)
        return {"request": request, "took_s": time.perf_counter() - began}

    async def press(self, request: str, button: str, words: str, operation: str) -> dict[str, Any]:
        """Alice presses a button of her request's message; when the first call of that kind came."""
        message, before = self._root(request), self.cloud[operation]
        assert message is not None
        began = time.perf_counter()
        await self.setting.workspace.press("alice", world.CHANNEL, message.ts, button)
        await self._until(request, words)
        took_s = self.last.get(operation, began) - began if self.cloud[operation] > before else 0.0
        return {"took_s": took_s}

    async def _until(self, request: str, words: str) -> None:
        await self.setting.workspace.until(
            lambda: (message := self._root(request)) is not None and words in message.text, 60
        )

    def _root(self, request: str) -> Message | None:
        found = self.setting.workspace.messages(world.CHANNEL)
        return next((m for m in reversed(found) if m.thread_ts is None and request in m.text), None)


def count_bytes(bytes_: Counter[str]) -> None:
    """Of every connection of this process: all of them are the bot's."""
    transport: Any = asyncio.selector_events._SelectorSocketTransport  # type: ignore[attr-defined]
    write, writelines, received = transport.write, transport.writelines, RequestHandler.data_received

    def _write(self: Any, data: Any) -> None:
        bytes_["to the bot"] += len(data)
        write(self, data)

    def _writelines(self: Any, lines: Any) -> None:
        kept = list(lines)
        bytes_["to the bot"] += sum(map(len, kept))
        writelines(self, kept)

    def _data_received(self: Any, data: bytes) -> None:
        bytes_["from the bot"] += len(data)
        received(self, data)

    transport.write, transport.writelines = _write, _writelines
    setattr(RequestHandler, "data_received", _data_received)  # noqa: B010


def furnish(setting: Setting, disks: int, channels: int) -> None:
    cloud, slack = setting.cloud.world, setting.workspace.world
    for number in range(max(100, disks)):
        disk = world.disk_id(number)
        cloud.disks[disk] = Disk(disk, f"shop-{number:05d}", world.SHOP, world.ZONE)
    for number in range(disks):
        disk = world.payments_disk(number)
        cloud.disks[disk] = Disk(disk, world.payments_name(number), world.PAYMENTS, world.ZONE)
    server = "77777777-0900-4000-8000-000000000001"
    cloud.servers[server] = Server(server, "fifty", world.PAYMENTS)
    for number in range(50):
        disk = f"f1f70000-0000-4000-8000-{number:012d}"
        cloud.disks[disk] = Disk(
            disk, f"fifty-{number}", world.PAYMENTS, world.ZONE, attachments=[Attachment(server, f"/dev/vd{number}")]
        )
    members = slack.channels[world.CHANNEL].members
    for number in range(world.PEOPLE):
        person = world.person_id(number)
        slack.people[person] = Person(person, person.lower(), slack.people[world.ALICE].team_id, person)
        members.append(person)
    for number in range(channels):
        channel = world.channel_id(number)
        slack.channels[channel] = Channel(channel, f"bench-{number}", members=list(members))


def let_everybody(config: Path) -> None:
    """Whoever asks may: each person of the bench."""
    grant = '\n[[grants]]\nsubject = "everyone"\nrole = "operator"\nproject = "payments-prod"\n'
    config.write_text(config.read_text() + grant)


def make_all_at_once(config: Path) -> None:
    """No disk waits for its turn: the bench looks at what each costs."""
    places = "\nat_once = 100000\nat_once_each = 100000\nregion ="
    config.write_text(config.read_text().replace("\nregion =", places))


async def main(words: list[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--disks", type=int, default=0)
    parser.add_argument("--channels", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0.2)
    parser.add_argument("--no-limits", action="store_true", help="Slack takes as much as comes")
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--origin", type=float, default=0.0)
    options = parser.parse_args(words)
    clock = CommonClock(options.speed, options.origin)
    setting = Setting(options.directory, scopes=SCOPES, now=clock.now)
    setting.workspace.state.limits.enabled = not options.no_limits
    timing = setting.cloud.world.timing
    timing.min_seconds = timing.max_seconds = options.seconds
    furnish(setting, options.disks, options.channels)
    counted = Counted(setting)
    count_bytes(counted.bytes)
    await setting.start()
    let_everybody(setting.directory / "bot.toml")
    make_all_at_once(setting.directory / "bot.toml")
    counted.watch()
    say(cloud=setting.cloud.url, slack=setting.workspace.url, environment=setting.environment())
    await answer(
        {
            one.__name__: one
            for one in (counted.lead_to, counted.counts, counted.in_the_making, counted.command, counted.press)
        }
    )
    await setting.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
