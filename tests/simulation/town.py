"""The cloud, the workspace, the people, and a bot that is killed and comes back; what each act does to them."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bot import app
from bot.domain.errors import StoreFailed
from bot.settings import load_settings
from bot.simulator.setting import Setting
from bot.simulator.workspace import Message, NotAllowedInSlack
from bot.simulator.workspace.values import elements_of
from bot.simulator.workspace.world import Channel
from bot.slack import ids
from tests.e2e.conftest import MANIFEST
from tests.judge import NOT_RECORDED, Life, Taken
from tests.simulation.loop import Node, SimulatedLoop
from tests.simulation.seeded import now
from tests.simulation.store import Disk, InlineDatabase, fresh_store, left_by_a_killed_process
from tests.simulation.story import Act, Story

GRANTS = """
[[grants]]
subject = "user:U0ENG00001"
role = "approver"
project = "payments-prod"

[[grants]]
subject = "user:U0ENG00002"
role = "approver"
project = "payments-prod"

[[grants]]
subject = "user:U0ENG00003"
role = "admin"
project = "shop"

[[bindings]]
channel = "C0SHOPINC7"
project = "shop"
server = "shop-01"
"""

VERBS = {
    ids.APPROVE: "approve",
    ids.REVIEW: "approve",
    ids.CONFIRM: "create",
    ids.CANCEL: "cancel",
    ids.EXTEND: "keep",
    ids.DELETE: "delete",
    ids.AGREE: "delete",
}
"""Buttons whose every press has a row in the trail, and under which action."""

TYPED = {"approve": "approve", "deny": "approve", "cancel": "cancel"}
WAITS_FOR_MOMENT_S = 30.0
QUIET_WITHIN_S = 5_400.0
AS_SUPERVISED_S = 5.0
"""After how long a bot that ended by itself is started again."""

_LEFT_AT_WORK = """
select 'request ' || id from request where to_send = 1 or state in ('received', 'running')
union all select 'item ' || item.id from item join request on request.id = request_id
    where item.state in ('planned', 'submitting', 'uncertain', 'creating') and request.state = 'running'
union all select 'restoration ' || one.id from restoration as one join request on request.id = request_id
    where one.state in ('planned', 'submitting', 'uncertain', 'restoring', 'clearing') and request.state = 'running'
union all select 'deletion of ' || item_id from deletion where state = 'deleting' or (told = 0 and state <> 'asked')
union all select 'reply ' || id from deferred_reply
union all select 'notice of ' || request_id from notice where told = 0
"""


class MachineClock:
    """The clock of the machine the bot runs on; it may be set."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop
        self.set_by = timedelta()

    def now(self) -> datetime:
        return now(self._loop) + self.set_by

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Journal(list[dict[str, Any]]):
    def __init__(self, heard: Callable[[dict[str, Any]], None]) -> None:
        self._heard = heard

    def append(self, entry: dict[str, Any]) -> None:
        super().append(entry)
        self._heard(entry)


class Town:
    """`said` is the story as it happened, a line each; `accepted` and `taken` is what people were told."""

    project_lines = ""
    """Further lines of payments-prod in bot.toml."""

    def __init__(self, loop: SimulatedLoop, story: Story, directory: Path) -> None:
        self.loop = loop
        self.story = story
        self.clock = MachineClock(loop)
        self.setting = Setting(directory, manifest=MANIFEST, now=lambda: now(loop))
        self.store = directory / "snapshot-bot.db"
        self.disk = Disk()
        self.said: list[str] = []
        self.accepted: list[str] = []
        self.taken: list[Taken] = []
        self.lives: list[Life] = []
        self.unforeseen: list[str] = []
        self.was_full = False
        self._woken: dict[Node, float] = {}
        self._node: Node | None = None
        self._stopping: Node | None = None
        self._living: asyncio.Task[str] | None = None
        self._bot: app.Bot | None = None
        self._begun = 0.0
        self._moments: dict[str, list[asyncio.Future[None]]] = {}
        self._acting: list[asyncio.Task[None]] = []

    @property
    def slack(self) -> Any:
        return self.setting.workspace

    @property
    def cloud(self) -> Any:
        return self.setting.cloud

    # --- from the first day to the last -------------------------------------------------------------------------------

    async def open(self) -> None:
        self.store.write_bytes(fresh_store())
        shop = Channel("C0SHOPINC7", "shop-inc", members=["U0ALICE001", "U0BOB00002", "U0ENG00003", "U0SNAPBOT1"])
        self.slack.world.channels[shop.id] = shop
        timing = self.cloud.world.timing
        timing.min_seconds, timing.max_seconds = self.story.making_s
        self.cloud.journal = _Journal(self._on_cloud_call)
        self.slack.on_change(self._on_message)
        await self.setting.start()
        file = self.setting.directory / "bot.toml"
        lines = f"[projects.payments-prod]\n{self.project_lines}approvals = {self.story.approvals}"
        text = file.read_text().replace("[projects.payments-prod]", lines, 1)
        file.write_text(text + GRANTS)
        self._start()

    async def live_through(self) -> None:
        """All of the story; then nothing goes wrong any more, and all that is open comes to its end."""
        await self.slack.wait_for_bot(60)
        begun = self.loop.time()
        for act in self.story.acts:
            await asyncio.sleep(max(begun + act.at - self.loop.time(), 0))
            self._acting.append(self.loop.create_task(self._act(act)))
        await asyncio.gather(*self._acting)
        self.note("the story is over; nothing goes wrong any more")
        self.cloud.clear_faults()
        self.cloud.settle()
        self.slack.state.faults.waiting.clear()
        self.clock.set_by = timedelta()
        self.settled()
        await self._quiet()
        await asyncio.sleep(self.story.goes_on_s)
        await self._quiet()
        await self._stop()

    def settled(self) -> None:
        """What else goes back to how it should be."""

    def explains(self, problem: str) -> bool:
        """Whether what this town does explains a problem that the judge of all towns finds."""
        return False

    def further_problems(self) -> list[str]:
        """Promises of this town alone that do not hold."""
        return []

    async def close(self) -> None:
        await self.setting.stop()

    async def _quiet(self) -> None:
        until = self.loop.time() + QUIET_WITHIN_S
        while left := self.left_at_work():
            if self.loop.time() > until:
                self.unforeseen.append(f"this never came to its end: {', '.join(left[:5])}")
                return
            await asyncio.sleep(2)

    def left_at_work(self) -> list[str]:
        if self._bot is None:
            return ["no bot runs"]
        with sqlite3.connect(self.store) as connection:
            left = [row[0] for row in connection.execute(_LEFT_AT_WORK)]
        connection.close()
        return left

    async def _act(self, act: Act) -> None:
        try:
            await getattr(self, act.does)(**act.facts)
        except NotAllowedInSlack as exc:
            self.note(f"{act.facts.get('person', act.does)} could not: {exc}")

    def note(self, line: str) -> None:
        self.said.append(f"{self.loop.time() - 1000:9.3f}  {line}")

    # --- the bot ------------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        environment = {
            **self.setting.environment(socket_mode=self.story.socket_mode),
            "ADMIN_PORT": "39001",
            "PORT": "39000",
        }
        if not self.story.socket_mode:
            self.slack.request_url = "http://127.0.0.1:39000/slack/events"
        settings = load_settings(environment)
        node = self._node = Node(f"bot {len(self.lives) + 1}")
        self._begun = now(self.loop).timestamp()
        self.note(f"{node.name} starts")
        database = InlineDatabase(self.store, lambda: self._comes("commit"), self.disk)

        async def live() -> str:
            self._bot = await app.start(settings, self.clock, database)
            return await self._bot.failed()

        self._living = self.loop.spawn(node, live())
        self._living.add_done_callback(lambda ended: self._ended_by_itself(node, ended))

    def _start_unless_there(self) -> None:
        """One that was killed while it stopped comes back once."""
        if self._node is None:
            self._start()

    def _ended_by_itself(self, node: Node, ended: asyncio.Task[str]) -> None:
        if node is not self._node or node is self._stopping or ended.cancelled():
            return
        why = ended.exception() or ended.result()
        self.note(f"{node.name} ended by itself: {why!r}")
        if not (isinstance(why, StoreFailed) and self.was_full):  # at the start; a bot that runs bears it
            self.unforeseen.append(self.said[-1])
        self._dies()
        self.loop.call_later(AS_SUPERVISED_S, self._start_unless_there)

    def _dies(self) -> None:
        assert self._node is not None
        self.loop.kill(self._node)
        left_by_a_killed_process(self.store)
        self.lives.append(Life(self._begun, now(self.loop).timestamp()))
        self._node = self._bot = None

    async def _stop(self) -> None:
        """As a signal does it."""
        bot, node = self._bot, self._node
        if bot is None or node is None or node is self._stopping:
            return
        self.note(f"{node.name} is stopped")
        self._stopping = node
        assert self._living is not None
        self._living.cancel()
        stopping = self.loop.spawn(node, bot.stop())
        done, _ = await asyncio.wait({stopping}, timeout=10)
        if node is not self._node:
            return  # killed meanwhile
        if not done and not self._stood_still(node, 10):
            self.unforeseen.append(f"{node.name} did not stop within ten seconds")
        self._dies()

    async def kill(self, moment: str, delay_s: float, away_s: float) -> None:
        """Without a clean stop, `delay_s` after a moment: what was asked is written down with the next commit."""
        await self._after(moment, delay_s)
        if self._node is not None:
            self.note(f"{self._node.name} is killed ({moment})")
            self._dies()
            await asyncio.sleep(away_s)
            self._start_unless_there()

    async def stop(self, away_s: float) -> None:
        if self._bot is not None:
            await self._stop()
            await asyncio.sleep(away_s)
            self._start_unless_there()

    async def freeze(self, moment: str, delay_s: float, for_s: float) -> None:
        await self._after(moment, delay_s)
        if (node := self._node) is not None:
            self.note(f"{node.name} is frozen ({moment})")
            self.loop.freeze(node)
            await asyncio.sleep(for_s)
            self.note(f"{node.name} is woken, after {for_s:g} s")
            self.loop.thaw(node)
            self._woken[node] = self.loop.time()

    def _stood_still(self, node: Node, within_s: float) -> bool:
        return node.frozen or self.loop.time() - self._woken.get(node, -within_s) < within_s

    async def fill_disk(self, how: str, moment: str, delay_s: float, for_s: float) -> None:
        await self._after(moment, delay_s)
        self.note(f"the disk is full: {how}")
        self.disk.full, self.was_full = how, True
        await asyncio.sleep(for_s)
        self.note("the disk has room again")
        self.disk.full = ""

    # --- moments ------------------------------------------------------------------------------------------------------

    async def _after(self, moment: str, delay_s: float) -> None:
        for one in {"at once": (), "written down": ("asked", "commit")}.get(moment, (moment,)):
            await self._next(one)
        await asyncio.sleep(delay_s)

    async def _next(self, moment: str) -> None:
        future = self.loop.create_future()
        self._moments.setdefault(moment, []).append(future)
        await asyncio.wait({future}, timeout=WAITS_FOR_MOMENT_S)

    def _comes(self, moment: str) -> None:
        for future in self._moments.pop(moment, []):
            if not future.done():
                future.set_result(None)

    def _on_cloud_call(self, entry: dict[str, Any]) -> None:
        if entry["method"] != "GET":
            fault = f", fault {entry['fault']}" if entry["fault"] else ""
            disks = ",".join(entry["volume_ids"])
            self.note(f"cloud: {entry['operation']} {disks} -> {entry['status']}{fault}")
        if entry["operation"] in ("create_snapshot", "create_group"):
            self._comes("post")

    def _on_message(self, message: Message, kind: str) -> None:
        if message.from_app:
            to = f" to {message.ephemeral_to}" if message.ephemeral_to else ""
            self.note(f"slack: {kind} {message.channel}{to} {message.ts}: {message.text[:160]!r}")
            self._comes("word")

    # --- what people do -----------------------------------------------------------------------------------------------

    def _one_of(self, pick: int) -> str:
        return self.accepted[pick % len(self.accepted)] if self.accepted else "r-00000000"

    async def say(self, person: str, channel: str, text: str, pick: int) -> None:
        text = text.format(r=self._one_of(pick))
        self._comes("asked")
        outcome = await self.slack.command(person, channel, text)
        self.note(f"{person} in {channel}: {text} -> {outcome.error or outcome.text[:160]!r}")
        if outcome.error is not None or NOT_RECORDED in outcome.text:
            return
        verb, _, rest = text.partition(" ")
        named = re.search(r"r-[0-9a-z]{8}", outcome.text)
        if verb in ("create", "quick") and named and "Reference" not in outcome.text:
            self.accepted.append(named[0])
        if verb in TYPED:
            about = rest.split()[0]
            self.taken.append(Taken(self._id(person), TYPED[verb], about))

    def _id(self, person: str) -> str:
        return str(self.slack.world.person(person).id)

    async def set_grant(self, person: str, channel: str, text: str, pick: int) -> None:
        await self.say(person, channel, text, pick)

    async def mention(self, person: str, channel: str, text: str, pick: int) -> None:
        text = text.format(r=self._one_of(pick))
        self.note(f"{person} in {channel}: @bot {text}")
        self._comes("asked")
        await self.slack.mention(person, channel, text)

    async def press(self, person: str, pick: int, times: int) -> None:
        shown = list(self._buttons(person))[-10:]
        if not shown:
            return
        message, action, value = shown[-1 - pick % len(shown)]
        await asyncio.gather(*(self._press(person, message, action, value) for _ in range(times)))

    async def _press(self, person: str, message: Message, action: str, value: str) -> None:
        self._comes("asked")
        outcome = await self.slack.press(person, message.channel, message.ts, action, value)
        self.note(f"{person} presses {action} {value} -> {outcome.error or 'taken'}")
        if outcome.ok and action in VERBS:
            about = json.loads(value)["request"] if action == ids.AGREE else value
            self.taken.append(Taken(self._id(person), VERBS[action], about))

    def _buttons(self, person: str) -> Iterator[tuple[Message, str, str]]:
        """All that this person could press, the newest last."""
        user = self.slack.world.person(person)
        channels = [one for one in self.slack.world.channels.values() if user.id in one.members]
        messages = [one for place in channels for one in self.slack.messages(place.id, viewer=user.id)]
        for message in sorted(messages, key=lambda one: (one.ts, one.channel)):
            for block in message.blocks:
                for element in elements_of(block):
                    if element["type"] == "button" and "url" not in element:
                        yield message, element["action_id"], element.get("value", "")

    async def open_form(self, person: str, pick: int) -> None:
        outcome = await self.slack.shortcut(person, ids.NEW_SNAPSHOT)
        self.note(f"{person} opens the form -> {outcome.error or 'taken'}")

    async def open_home(self, person: str, pick: int) -> None:
        self.note(f"{person} opens App Home")
        await self.slack.open_home(person)

    async def fill_form(self, person: str, pick: int) -> None:
        """Whatever modal stands open: what is empty is filled in, and it is sent."""
        view = self.slack.view(person)
        if view is None or not view.source.get("submit"):
            await self.open_form(person, pick)
            await asyncio.sleep(4)
            view = self.slack.view(person)
        if view is None or not view.source.get("submit"):
            return
        for block, element in list(view.inputs()):
            await self._fill(person, block["block_id"], element, pick)
        outcome = await self.slack.submit(person)
        told = outcome.error or (f"errors {outcome.errors}" if outcome.errors else "taken")
        self.note(f"{person} sends the form {view.source.get('callback_id')} -> {told}")

    async def _fill(self, person: str, block_id: str, element: dict[str, Any], pick: int) -> None:
        action = element["action_id"]
        match element["type"]:
            case "plain_text_input" if "reason" in block_id:
                await self.slack.type_in_view(person, block_id, action, "drill")
            case "external_select" | "multi_external_select":
                offered = await self.slack.suggest(person, block_id, action, "")
                if offered.options:
                    value = offered.options[pick % len(offered.options)]["value"]
                    many = element["type"].startswith("multi")
                    await self.slack.type_in_view(person, block_id, action, [value] if many else value)
            case _:
                pass

    # --- what goes wrong ----------------------------------------------------------------------------------------------

    async def cloud_fault(self, operation: str, kind: str, times: int, options: dict[str, Any]) -> None:
        self.cloud.fault(operation, kind, times=times, **options)

    async def slack_fault(self, method: str, kind: str, times: int, options: dict[str, Any]) -> None:
        self.slack.fault(kind, method=method, times=times, **options)

    async def step_clock(self, seconds: float) -> None:
        if self.story.socket_mode:  # over HTTP Slack's signatures would be too old for a clock that is wrong
            self.note(f"the machine's clock is set by {seconds:g} s")
            self.clock.set_by += timedelta(seconds=seconds)

    async def break_connections(self) -> None:
        if self._node is not None:
            self.note("every connection of the bot breaks")
            self.loop.reset(self._node)

    async def refresh_sockets(self, reason: str) -> None:
        if self.slack.connections:
            self.note(f"slack takes back a connection: {reason}")
            await self.slack.disconnect_sockets(reason)


class Overheard(logging.Handler):
    """What the bot logs. An error with an exception is one that nobody foresaw, unless the store was away."""

    def __init__(self, town: Town) -> None:
        super().__init__(logging.WARNING)
        self._town = town

    def emit(self, record: logging.LogRecord) -> None:
        failure = record.exc_info[1] if record.exc_info else None
        self._town.note(f"log: {record.levelname} {record.getMessage()} {failure!r}")
        unforeseen = not (isinstance(failure, StoreFailed) and self._town.was_full)
        if failure is not None and record.levelno >= logging.ERROR and unforeseen:
            self._town.unforeseen.append(f"{record.getMessage()}: {failure!r}")
