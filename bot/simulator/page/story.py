"""How a described world opens: who is who, what was said before, what is asked, and things to try at one press each."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.simulator.bot_process import BotProcess
from bot.simulator.page.plans import OVERDUE_SECONDS, Asked, Plans
from bot.simulator.page.troubles import BY_ID, Troubles
from bot.simulator.setting import Setting
from bot.simulator.workspace import WorkspaceSimulator

SNAPSHOT_OF = re.compile(r"\{snapshot of ([^{}]+)\}")
ASKED_ANEW = "Its plan waited no more: a new one was asked for and pressed. The channel tells the rest."
Step = Mapping[str, Any]


@dataclass(frozen=True)
class Persona:
    """A person whom the reader may be, and what that person is here, in a few words."""

    user: str
    role: str


@dataclass(frozen=True)
class Thing:
    """Something to try. `user` and `channel`: who and where the page shows meanwhile; `steps`: see `Player`."""

    title: str
    told: str
    user: str
    channel: str
    steps: Sequence[Step]


@dataclass(frozen=True)
class Story:
    """`said`: messages of people before anything happens; `opening`: steps once the bot is there."""

    channel: str = ""
    told: str = ""
    people: Sequence[Persona] = ()
    said: Sequence[Mapping[str, str]] = ()
    opening: Sequence[Step] = ()
    things: Sequence[Thing] = field(default=())


def read_story(described: Any) -> Story:
    """The part `story` of a world. Raises ValueError with what is wrong."""
    try:
        story = Story(
            **{
                **described,
                "people": [Persona(**one) for one in described.get("people", [])],
                "things": [Thing(**one) for one in described.get("things", [])],
            }
        )
        for step in [*story.opening, *(step for thing in story.things for step in thing.steps)]:
            _check(step)
        for one in story.said:
            if not {"user", "channel", "text"} <= set(one):
                raise ValueError("what was said needs user, channel and text")
    except (AttributeError, TypeError, ValueError) as exc:
        raise ValueError(f"The story of the world can't be read: {exc}.") from None
    return story


_STEPS: Mapping[str, tuple[str, ...]] = {
    "command": ("user", "channel", "text"),
    "say": ("user", "channel", "text"),
    "press": ("user", "channel", "text"),
    "plug": ("disk", "attached"),
    "bot": (),
    "trouble": ("on",),
    "until": (),
    "wait": (),
}
_TYPED = ("command", "say", "press")


def _check(step: Step) -> None:
    [kind] = set(step) & set(_STEPS) or {""}
    wrong = not kind or (isinstance(step[kind], Mapping) and set(step[kind]) - set(_STEPS[kind]))
    wrong = wrong or (kind in _TYPED and set(step[kind]) != set(_STEPS[kind]))
    if wrong or (kind == "bot" and step["bot"] not in ("start", "kill", "stop")):
        raise ValueError(f"a step is one of {', '.join(_STEPS)}, not {dict(step)}")
    if kind == "trouble" and step["trouble"] not in BY_ID:
        raise ValueError(f"there is no trouble {step['trouble']}")


class CommandFailed(Exception):
    """A command of a story went wrong; the text is what its person reads."""


class Player:
    """Does the steps of a story.

    `command` and `say`: a person types. `press`: the person says go to the plan of a command that they typed there in a
    step, in the words of `text`; where no such plan waits, that is typed anew first. `plug`: a disk is `attached`, or
    not. `bot`: start, kill or stop. `trouble`: an id, with `on`. `until`: "creating", a snapshot that is none of
    those before the first step, of whichever request, is in the making; "ended", none of these is. `wait`: seconds.
    """

    def __init__(self, setting: Setting, bot: BotProcess, troubles: Troubles, plans: Plans) -> None:
        self._setting, self._bot, self._plans = setting, bot, plans
        self._steps: dict[str, Callable[[Step], Awaitable[Any]]] = {
            "command": lambda step: self._command(Asked(**step["command"])),
            "say": lambda step: setting.workspace.say(**step["say"]),
            "press": lambda step: self._press(Asked(**step["press"])),
            "plug": lambda step: self._plug(**step["plug"]),
            "bot": lambda step: self._do_to_bot(step["bot"]),
            "trouble": lambda step: troubles.turn(step["trouble"], on=step.get("on", True)),
            "until": lambda step: self._until(step["until"], step["before"]),
            "wait": lambda step: asyncio.sleep(step["wait"]),
        }

    async def play(self, steps: Sequence[Step]) -> str:
        """One after the other, none where a snapshot that one names is not there. What a reader would not expect of it,
        if anything. Raises TimeoutError, NotAllowedInSlack, LookupError, CommandFailed.
        """
        told = ""
        for step in [self._as_of_now(step) for step in steps]:
            [kind] = set(step) & set(self._steps)
            outcome = await self._steps[kind](step)
            told = outcome if kind == "press" else told
        return told

    async def _command(self, asked: Asked) -> None:
        """Once the bot is there, if it is to be."""
        await self._bot_is_there()
        self._plans.typed(asked)
        self._raise_for(await command(self._setting.workspace, asked.user, asked.channel, asked.text))

    async def _bot_is_there(self) -> None:
        if self._bot.running:
            await self._setting.workspace.wait_for_bot(OVERDUE_SECONDS)

    def _raise_for(self, wrong: str | None) -> None:
        if wrong:
            raise CommandFailed(wrong if self._bot.running else f"{wrong}: the bot is killed. Start it under Trouble.")

    def _as_of_now(self, step: Step) -> Step:
        """`{snapshot of DISK}` in a command is the id of the latest one that is available; what is there before the
        first step is none of theirs.
        """
        if "until" in step:
            return {**step, "before": {one["id"] for one in self._setting.cloud.snapshots()}}
        if "command" not in step:
            return step
        text = SNAPSHOT_OF.sub(self._latest, step["command"]["text"])
        return {"command": {**step["command"], "text": text}}

    def _latest(self, named: re.Match[str]) -> str:
        """Raises LookupError."""
        cloud, name = self._setting.cloud, named[1]
        made = [one for one in cloud.snapshots(cloud.world.disk(name).id) if one["status"] == "available"]
        if not made:
            raise LookupError(f"There is no snapshot of {name} yet: back it up first.")
        return str(made[-1]["id"])

    async def _plug(self, disk: str, attached: bool = True) -> None:
        """Nothing to do where it is so already."""
        cloud = self._setting.cloud
        found = cloud.world.disk(disk)
        wanted = "in-use" if attached else "available"
        if cloud.status_of(found) == wanted:
            return
        (cloud.attach if attached else cloud.detach)(disk)
        async with asyncio.timeout(OVERDUE_SECONDS):
            while cloud.status_of(found) != wanted:  # noqa: ASYNC110  # nothing announces it
                await asyncio.sleep(0.1)

    async def _press(self, asked: Asked) -> str:
        """Raises LookupError where the command leads to no plan."""
        await self._bot_is_there()
        plan = await self._plans.waiting(asked)
        told = "" if plan else ASKED_ANEW
        if plan is None:
            await self._command(asked)
            plan = await self._plans.waiting(asked)
        if plan is None:
            raise LookupError(
                "No plan waited, and none came of asking for one, so nothing is pressed: see the channel."
            )
        at, button = plan.message, plan.button
        press = self._setting.workspace.press
        outcome = await press(asked.user, at.channel, at.ts, button["action_id"], button["value"])
        self._raise_for(outcome.error)
        return told

    async def _do_to_bot(self, what: str) -> None:
        match what:
            case "start":
                await self._bot.start()
                await self._setting.workspace.wait_for_bot(OVERDUE_SECONDS)
            case "kill":
                await self._bot.kill()
            case _:
                await self._bot.stop()

    async def _until(self, what: str, before: Collection[str]) -> None:
        """Raises LookupError where none is begun, TimeoutError where one does not end."""

        def creating() -> bool:
            made = self._setting.cloud.snapshots()
            return any(one["status"] == "creating" and one["id"] not in before for one in made)

        try:
            async with asyncio.timeout(OVERDUE_SECONDS):
                # The cloud's state follows from the time alone, so nothing announces it.
                while creating() != (what == "creating"):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
        except TimeoutError:
            if what == "creating":
                raise LookupError(
                    "The cloud was asked for no snapshot, so nothing more is done: see the channel."
                ) from None
            raise


async def command(workspace: WorkspaceSimulator, user: str, channel: str, text: str) -> str:
    """Type a slash command with its word; answers what went wrong, as the person reads it."""
    word, _, rest = text.partition(" ")
    return (await workspace.command(user, channel, rest, command=word)).error or ""
