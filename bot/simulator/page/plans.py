"""The plans that a story's commands lead to: what is pressed for a story is its own plan's button, and no other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.simulator.workspace import Message, WorkspaceSimulator

OVERDUE_SECONDS = 60.0
"""What comes of a command is there by then, or it is another's."""


@dataclass(frozen=True)
class Asked:
    """A command as a person types it somewhere."""

    user: str
    channel: str
    text: str


@dataclass(frozen=True)
class Plan:
    """`button`: what says go to it; its value is the request's id."""

    message: Message
    button: dict[str, Any]


class Plans:
    """`go`: the action id of the button that says go to a plan."""

    def __init__(self, workspace: WorkspaceSimulator, go: str) -> None:
        self.go = go
        self._workspace = workspace
        self._typed: dict[Asked, float] = {}

    def typed(self, asked: Asked) -> None:
        """Right before it is typed."""
        self._typed[asked] = self._workspace.state.clock()

    async def waiting(self, asked: Asked) -> Plan | None:
        """The plan of what was typed last in these words, while it waits for its go; one that is on its way is waited
        for.
        """
        workspace = self._workspace
        if asked not in self._typed:
            return None
        left = self._typed[asked] + OVERDUE_SECONDS - workspace.state.clock()
        try:
            await workspace.until(lambda: self._plan(asked) is not None, max(0.0, left))
        except TimeoutError:
            return None
        return plan if (plan := self._plan(asked)) and self._button(plan.message.blocks) == plan.button else None

    def _plan(self, asked: Asked) -> Plan | None:
        """Waiting or not. Another plan of that person is a later message, or too late for this command."""
        at, person = self._typed[asked], self._workspace.world.person(asked.user).id
        for message in self._workspace.messages(asked.channel):
            if not at <= float(message.ts) <= at + OVERDUE_SECONDS:
                continue
            for _, text, blocks in message.history:
                if (button := self._button(blocks)) and f"<@{person}> · " in text:
                    return Plan(message, button)
        return None

    def _button(self, blocks: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
        rows = (block["elements"] for block in blocks if block["type"] == "actions")
        return next((one for row in rows for one in row if one.get("action_id") == self.go), None)
