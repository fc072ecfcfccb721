"""Modals and App Home: stacks, hashes and what the person typed.

Source: docs.slack.dev, surfaces/modals, and reference/methods: views.open, views.push, views.update, views.publish.
"""

from __future__ import annotations

import copy
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bot.simulator.workspace.errors import SlackRefusal
from bot.simulator.workspace.messages import complete_texts
from bot.simulator.workspace.tickets import Trigger
from bot.simulator.workspace.values import Values, each_block, first_values, keep_entered, name_elements
from bot.simulator.workspace.world import WorkspaceWorld

STACK_LIMIT = 3


@dataclass
class View:
    """One modal or Home tab as one person has it open. `errors` are shown under the inputs, by block_id."""

    id: str
    user: str
    source: dict[str, Any]
    hash: str
    root_view_id: str
    previous_view_id: str | None = None
    channel: str = ""
    values: Values = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def external_id(self) -> str:
        return str(self.source.get("external_id") or "")

    @property
    def blocks(self) -> list[dict[str, Any]]:
        blocks: list[dict[str, Any]] = self.source.get("blocks") or []
        return blocks

    def inputs(self) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Each input block with its element."""
        for block in each_block(self.blocks):
            if block.get("type") == "input":
                yield block, block["element"]


class ViewStore:
    """Every person's open modals, oldest first, and their Home."""

    def __init__(self, world: WorkspaceWorld, clock: Callable[[], float], wake: Callable[[], None]) -> None:
        self._world = world
        self._clock = clock
        self._wake = wake
        self._stacks: dict[str, list[View]] = {}
        self._homes: dict[str, View] = {}
        self._serial = 0

    def stack(self, user: str) -> list[View]:
        return list(self._stacks.get(user, []))

    def home(self, user: str) -> View | None:
        return self._homes.get(user)

    def open(self, trigger: Trigger, source: dict[str, Any]) -> View:
        """Show a first modal. Raises SlackRefusal: duplicate_external_id."""
        self._require_free(source)
        view = self._make(trigger.user, source, channel=trigger.channel)
        self._stacks[trigger.user] = [view]
        self._wake()
        return view

    def push(self, trigger: Trigger, source: dict[str, Any]) -> View:
        """Put a modal on top. Raises SlackRefusal: not_found, push_limit_reached, duplicate_external_id."""
        stack = self._stacks.get(trigger.user, [])
        if not any(view.id == trigger.view_id for view in stack):
            raise SlackRefusal("not_found")
        return self.push_onto(trigger.user, source)

    def push_onto(self, user: str, source: dict[str, Any]) -> View:
        """Put a modal on top of the person's stack. Raises SlackRefusal: push_limit_reached, duplicate_external_id."""
        stack = self._stacks[user]
        if len(stack) >= STACK_LIMIT:
            raise SlackRefusal("push_limit_reached")
        self._require_free(source)
        view = self._make(user, source, below=stack[-1])
        stack.append(view)
        self._wake()
        return view

    def find(self, view_id: str, external_id: str) -> View:
        """Raises SlackRefusal: not_found, also for a view that was closed."""
        for view in self._open_views():
            if (view_id and view.id == view_id) or (external_id and view.external_id == external_id):
                return view
        raise SlackRefusal("not_found")

    def update(self, view: View, source: dict[str, Any], expected_hash: str = "") -> View:
        """Replace what a view shows; inputs keep their value where block_id and action_id are unchanged.

        Raises SlackRefusal: hash_conflict, duplicate_external_id.
        """
        if expected_hash and expected_hash != view.hash:
            raise SlackRefusal("hash_conflict")
        self._require_free(source, besides=view)
        typed = view.values
        view.source = _stored(source, view.source)
        view.values = first_values(view.source["blocks"], view.channel)
        keep_entered(view.values, typed)
        view.errors = {}
        view.hash = self._new_hash()
        self._wake()
        return view

    def publish(self, user: str, source: dict[str, Any], expected_hash: str = "") -> View:
        """Replace a person's Home. Raises SlackRefusal: hash_conflict."""
        home = self._homes.get(user)
        if home is not None:
            return self.update(home, source, expected_hash)
        if expected_hash:
            raise SlackRefusal("hash_conflict")
        home = self._homes[user] = self._make(user, source)
        self._wake()
        return home

    def close(self, view: View) -> None:
        """Take one view away; what lies below is seen again."""
        self._stacks[view.user] = [item for item in self._stacks.get(view.user, []) if item.id != view.id]
        self._wake()

    def clear(self, user: str) -> None:
        self._stacks.pop(user, None)
        self._wake()

    def as_json(self, view: View, *, with_state: bool = True) -> dict[str, Any]:
        """The view object of the Web API and of payloads."""
        world, source = self._world, view.source
        is_home = source.get("type") == "home"
        title = {"type": "plain_text", "text": "View Title", "emoji": True} if is_home else source.get("title")
        return copy.deepcopy(
            {
                "id": view.id,
                "team_id": world.team_id,
                "type": source.get("type"),
                "blocks": view.blocks,
                "private_metadata": source.get("private_metadata") or "",
                "callback_id": source.get("callback_id") or "",
                "state": {"values": view.values if with_state else {}},
                "hash": view.hash,
                "title": title,
                "clear_on_close": bool(source.get("clear_on_close")),
                "notify_on_close": bool(source.get("notify_on_close")),
                "close": source.get("close"),
                "submit": source.get("submit"),
                "previous_view_id": view.previous_view_id,
                "root_view_id": view.root_view_id,
                "app_id": world.app.id,
                "external_id": view.external_id,
                "app_installed_team_id": world.team_id,
                "bot_id": world.app.bot_id,
            }
        )

    def _open_views(self) -> Iterator[View]:
        for stack in self._stacks.values():
            yield from stack
        yield from self._homes.values()

    def _require_free(self, source: dict[str, Any], besides: View | None = None) -> None:
        external_id = source.get("external_id")
        taken = external_id and any(
            view.external_id == external_id for view in self._open_views() if besides is None or view.id != besides.id
        )
        if taken:
            raise SlackRefusal("duplicate_external_id")

    def _make(self, user: str, source: dict[str, Any], below: View | None = None, channel: str = "") -> View:
        self._serial += 1
        view_id = f"V0SIM{self._serial:05d}"
        stored = _stored(source)
        where = below.channel if below else channel
        return View(
            id=view_id,
            user=user,
            source=stored,
            hash=self._new_hash(),
            root_view_id=below.root_view_id if below else view_id,
            previous_view_id=below.id if below else None,
            channel=where,
            values=first_values(stored["blocks"], where),
        )

    def _new_hash(self) -> str:
        return f"{int(self._clock())}.{secrets.token_hex(4)}"


def _stored(source: dict[str, Any], before: dict[str, Any] | None = None) -> dict[str, Any]:
    stored = copy.deepcopy(source)
    old = {block.get("block_id") for block in each_block((before or {}).get("blocks", []))}
    serial = 0
    every = list(each_block(stored["blocks"]))
    taken = old | {block.get("block_id") for block in every}
    for block in every:
        if not block.get("block_id"):
            serial += 1
            while f"sim{serial:x}" in taken:
                serial += 1
            block["block_id"] = f"sim{serial:x}"
        name_elements(block)
        if block.get("type") == "input":
            block.setdefault("optional", False)
            block.setdefault("dispatch_action", False)
    complete_texts(stored)
    return stored
