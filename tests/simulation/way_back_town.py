"""A town whose people go back to snapshots, and what an outsider notes of what they said and when."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.simulator.cloud.resources import Attachment, Disk
from bot.simulator.workspace import Message, payloads
from bot.slack import ids
from tests.e2e.conftest import part
from tests.simulation.seeded import now
from tests.simulation.town import Town
from tests.simulation.way_back_judge import broken_ways_back

CHANNEL = "#inc-demo"
_SERVER = "77777777-0001-4000-8000-000000000001"


@dataclass(frozen=True, slots=True)
class Asked:
    """A way back, and who asked for it."""

    request: str
    way: str
    person: str


@dataclass(frozen=True, slots=True)
class Said:
    """What a person tried about a request, whatever came of it. `words` are what was typed for it."""

    request: str
    person: str
    at: datetime
    words: str = ""


class BackTown(Town):
    project_lines = "restore = true\n"

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.typed: list[Said] = []
        self.agreed: list[Said] = []
        self.lost: dict[str, datetime] = {}
        """Safety snapshots that somebody deleted in the console, and when."""

    def further_problems(self) -> list[str]:
        return list(broken_ways_back(self))

    @property
    def moment(self) -> datetime:
        return now(self.loop)

    @property
    def source(self) -> str:
        return self.accepted[0] if self.accepted else "r-00000000"

    def disks(self) -> list[Disk]:
        """Those that the source is of."""
        copied = {one.volume_id for one in self.cloud.world.snapshots.values()}
        return [one for one in self.cloud.world.disks.values() if one.id in copied]

    def _on_cloud_call(self, entry: dict[str, Any]) -> None:
        super()._on_cloud_call(entry)
        if entry["operation"] in ("rollback_snapshot", "create_volume"):
            self._comes("way back")

    def settled(self) -> None:
        for disk in self.disks():
            self._unplug(disk)

    def explains(self, problem: str) -> bool:
        """What a person deleted in the console is noticed later."""
        return problem.endswith("is not there") and any(one in problem for one in self.lost)

    # --- before -------------------------------------------------------------------------------------------------------

    async def backs_up(self, text: str) -> None:
        for _ in range(5):
            await self.say("alice", CHANNEL, text, 0)
            if self.accepted:
                return
            await asyncio.sleep(5)

    async def agrees_to_the_source(self) -> None:
        await self._press_of("eng01", self.source, "ask", ids.APPROVE)

    async def detach(self) -> None:
        for disk in self.disks():
            self._unplug(disk)

    def _unplug(self, disk: Disk) -> None:
        disk.attachments.clear()
        if disk.status == "in-use":
            disk.status = "available"

    # --- the way back -------------------------------------------------------------------------------------------------

    async def goes_back(self, way: str, *, once_more: bool = False) -> None:
        if any(one.way == way for one in self.asked) and not once_more:
            return
        person = "alice"
        self._comes("asked")
        outcome = await self.slack.command(person, CHANNEL, f"restore {self.source} {way}".strip())
        self.note(f"{person}: restore {way} -> {outcome.error or outcome.text[:160]!r}")
        await asyncio.sleep(3)

    @property
    def asked(self) -> list[Asked]:
        """Each way back that has a message in the channel: all are alice's."""
        found: dict[str, Asked] = {}
        for message in self.slack.messages(CHANNEL):
            request, kind = part(message) or ("", "")
            if kind == "status" and request != self.source:
                way = "overwrite" if "Roll-back" in message.text.partition("\n")[0] else ""
                found[request] = Asked(request, way, "alice")
        return list(found.values())

    async def goes(self, right: bool) -> None:
        """Whatever waits for a go gets it: a press, or what has to be typed."""
        for one in self.asked:
            if one.way == "overwrite":
                await self._types(one, right)
            else:
                await self._press_of(one.person, one.request, "status", ids.CONFIRM)

    async def _types(self, one: Asked, right: bool) -> None:
        if not await self._press_of(one.person, one.request, "status", ids.TYPE_TO_CONFIRM):
            return
        await asyncio.sleep(4)
        view = self.slack.view(one.person)
        if view is None or len(list(view.inputs())) != 1:
            return
        ((block, element),) = view.inputs()
        words = self._words() if right else "web-02"
        await self.slack.type_in_view(one.person, block["block_id"], element["action_id"], words)
        self.typed.append(Said(one.request, one.person, self.moment, words))
        self._comes("asked")
        outcome = await self.slack.submit(one.person)
        self.note(f"{one.person} types {words!r} for {one.request} -> {outcome.error or outcome.errors or 'taken'}")

    def _words(self) -> str:
        disks = self.disks()
        if len(disks) == 1:
            return disks[0].name
        server = "" if "spare-disk" in {disk.name for disk in disks} else "web-01"
        return f"{len(disks)} {server or 'disks'}"

    async def agrees(self, person: str) -> None:
        for one in self.asked:
            self.agreed.append(Said(one.request, person, self.moment))
            if not await self._press_of(person, one.request, "ask", ids.APPROVE):
                self.agreed.pop()

    async def calls_off(self) -> None:
        for one in self.asked:
            await self.say("alice", CHANNEL, f"cancel {one.request}", 0)

    async def forges(self) -> None:
        """A press that no message offers, sent by a script, with the id of a plan."""
        for one in self.asked:
            state = self.slack.state
            said = (await self.slack.say("alice", CHANNEL, "look at this")).message
            acted = {
                "type": "button",
                "action_id": ids.CONFIRM,
                "block_id": "b",
                "value": one.request,
                "action_ts": "1.0",
            }
            place = self.slack.world.channel(CHANNEL)
            payload = payloads.message_actions(state, state.world.person("alice"), place, said, {}, acted)
            await self.slack.deliverer.interactive(payload)
            self.note(f"a forged go for {one.request}")

    async def _press_of(self, person: str, request: str, kind: str, action: str) -> bool:
        """Press a button of a message about a request, if that is shown."""
        for message in reversed(self.messages_of(request, kind)):
            if action in {shown for _, shown, _ in self._shown(message)}:
                self._comes("asked")
                outcome = await self.slack.press(person, message.channel, message.ts, action)
                self.note(f"{person} presses {action} of {request} -> {outcome.error or 'taken'}")
                return True
        return False

    def _shown(self, message: Message) -> Iterator[tuple[Message, str, str]]:
        for block in message.blocks:
            for element in block.get("elements", []):
                if element.get("type") == "button":
                    yield message, element["action_id"], element.get("value", "")

    def messages_of(self, request: str, kind: str) -> list[Message]:
        places = list(self.slack.world.channels)
        seen = [one for place in places for one in self.slack.messages(place)]
        return [one for one in seen if part(one) == (request, kind)]

    # --- what goes wrong ----------------------------------------------------------------------------------------------

    async def plugs_in(self, for_s: float) -> None:
        disks: Sequence[Disk] = self.disks()
        if not disks or disks[0].status_at(self.moment) != "available":
            return
        self.note(f"{disks[0].name} is attached for {for_s:.0f} s")
        disks[0].attachments.append(Attachment(_SERVER, "/dev/vdz"))
        disks[0].status = "in-use"
        await asyncio.sleep(for_s)
        self._unplug(disks[0])

    async def loses_safety(self) -> None:
        """Somebody deletes a safety snapshot in the console."""
        asked = {one.request for one in self.asked}
        for one in list(self.cloud.world.snapshots.values()):
            if one.tags.get("snapshot-bot-request", "")[:10] in asked and one.status_at(self.moment) == "available":
                self.note(f"the safety snapshot {one.id} is deleted in the console")
                one.deleting_at = one.gone_at = self.lost[one.id] = self.moment
                return

    async def revoke(self) -> None:
        await self.say("alice", CHANNEL, "revoke @eng01 approver payments-prod", 0)
