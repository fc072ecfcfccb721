"""People who ask all the time: they type until they are heard, press what their plans show, call back and delete."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bot.simulator.cloud.default_world import PAYMENTS
from bot.simulator.setting import Setting
from bot.simulator.workspace import Channel, Message, NotAllowedInSlack
from bot.slack.ids import CONFIRM, DELETE_FOR_GOOD
from tests.judge import Taken, part_of

CHANNELS = 24
"""Several, because Slack takes about one message a second in each."""
SERVERS = 40
MEMBERS = 3
"""Disks of a server, which are copied together."""
LONGEST_PAUSE_S = 8.0
PERSONS = ("alice", "alice", "bob")


def furnish(setting: Setting, disks: int) -> None:
    """Disks and servers, and channels to ask about them in."""
    place = {"project_id": PAYMENTS, "availability_zone": "ap-southeast-3a"}
    for number in range(disks):
        setting.cloud.world.put_disk({"id": disk_id(number), "name": f"chaos-{number:04d}", **place})
    for number in range(SERVERS):
        server = f"77777777-{number:04d}-4000-8000-{number:012d}"
        setting.cloud.world.put_server({"id": server, "name": f"group-{number}", "project_id": PAYMENTS})
        for member in range(MEMBERS):
            attached = [{"server_id": server, "device": f"/dev/vd{member}"}]
            disk = {"id": disk_id(9000 + number * 10 + member), "name": f"group-{number}-{member}", **place}
            setting.cloud.world.put_disk({**disk, "attachments": attached})
    world = setting.workspace.world
    members = [*(world.person(name).id for name in set(PERSONS)), world.app.bot_user_id]
    for number in range(CHANNELS):
        channel = Channel(f"C0CHAOS{number:03d}", f"chaos-{number}", members=members)
        world.channels[channel.id] = channel


def disk_id(number: int) -> str:
    return f"d15cc4a5-{number:04d}-4000-8000-{number:012d}"


@dataclass(frozen=True, slots=True)
class Order:
    """What one person asks for, and does about it afterwards; `at` is in seconds from the beginning."""

    at: float
    person: str
    channel: str
    text: str
    then: str = ""


def orders(rng: random.Random, requests: int, seconds: float, disks: int, most: int) -> Iterator[Order]:
    """For `most` disks at most each, of so many that there are. Two out of ten are of the disks of the one before, at
    nearly the same time.
    """
    before = ""
    for number in range(requests):
        at = seconds * number / requests
        named = " ".join(disk_id(one) for one in rng.sample(range(disks), rng.choice([1, 3, most // 2, most])))
        text, then = rng.choice(
            [
                *[(f"create {named} keep=7 reason=drill-{number} project=payments-prod", "")] * 6,
                (before or f"create {named} project=payments-prod", ""),
                (f"create {named} project=payments-prod", rng.choice(["call back", "delete"])),
                (f"quick server=group-{number % SERVERS} project=payments-prod confirm=no", rng.choice(["", "delete"])),
                (f"quick server=group-{number % SERVERS} project=payments-prod", "confirm"),
            ]
        )
        before = text if text.startswith("create") else before
        yield Order(at, rng.choice(PERSONS), f"#chaos-{rng.randrange(CHANNELS)}", text, then)


@dataclass
class Crowd:
    """`accepted` and `taken` are what people were told: the judge holds the rows against it."""

    setting: Setting
    rng: random.Random
    accepted: list[str] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)

    @property
    def slack(self) -> Any:
        return self.setting.workspace

    async def ask(self, order: Order) -> None:
        await asyncio.sleep(order.at)
        request = await self._until_taken(order)
        match order.then:
            case "confirm":
                await self._confirms(order, request)
            case "call back":
                await asyncio.sleep(self.rng.uniform(0, 1))
                await self._types(order, f"cancel {request}")  # it may be too late, and then changes nothing
            case "delete":
                await self._deletes(order, request)
            case _:
                pass

    async def _until_taken(self, order: Order) -> str:
        """Who is refused or not heard tries again, each time with more patience."""
        pause_s = 0.3
        while True:
            told = await self.slack.command(order.person, order.channel, order.text)
            named = re.search(r"\br-[0-9a-z]{8}\b", told.text)
            if told.error is None and named and "Reference" not in told.text:
                self.accepted.append(named[0])
                return named[0]
            await asyncio.sleep(self.rng.uniform(0.3, 1.7) * pause_s)
            pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)

    async def _types(self, order: Order, text: str) -> None:
        await self.slack.command(order.person, order.channel, text)

    async def _confirms(self, order: Order, request: str) -> None:
        """Presses the button of the plan until that is seen to have led to something: what is told to one person alone,
        such as that it was not recorded, is no more than that.
        """
        while (shown := await self._plan(order, request)) is not None:
            if await self._presses(order, shown, CONFIRM) and await self._is_settled(order, request):
                self.taken.append(Taken(self._id(order.person), "create", request))
                return
            await asyncio.sleep(self.rng.uniform(0.3, 1.0))

    async def _plan(self, order: Order, request: str, within: float = 60) -> Message | None:
        return await self._shown(order.channel, lambda one: part_of(one) == (request, "status"), CONFIRM, within)

    async def _is_settled(self, order: Order, request: str) -> bool:
        """Whether the plan can be pressed no more, soon after it was."""
        for _ in range(40):
            if await self._plan(order, request, within=0.1) is None:
                return True
            await asyncio.sleep(0.25)
        return False

    async def _deletes(self, order: Order, request: str) -> None:
        """Once it has ended: asks to delete all of it, and presses when asked once more."""
        await self._shown(order.channel, lambda one: part_of(one) == (request, "receipt"), "")
        await self._types(order, f"delete {request}")
        card = await self._shown(
            order.channel, lambda one: request in str(one.blocks), DELETE_FOR_GOOD, 10, order.person
        )
        if card is not None:
            await self._presses(order, card, DELETE_FOR_GOOD)

    async def _presses(self, order: Order, message: Message, action: str) -> bool:
        try:
            return bool((await self.slack.press(order.person, order.channel, message.ts, action)).ok)
        except (NotAllowedInSlack, KeyError):  # it was edited or taken away a moment before
            return False

    async def _shown(
        self, channel: str, wanted: Any, button: str, within: float = 120, viewer: str | None = None
    ) -> Message | None:
        until = asyncio.get_running_loop().time() + within
        while asyncio.get_running_loop().time() < until:
            for one in self.slack.messages(channel, viewer=viewer):
                if wanted(one) and (not button or button in str(one.blocks)):
                    found: Message = one
                    return found
            await asyncio.sleep(0.25)
        return None

    def _id(self, person: str) -> str:
        return str(self.slack.world.person(person).id)
