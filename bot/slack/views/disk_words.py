"""How disks are told of in any message: by which name, how they stand, how many of each. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.domain.attempts import Attempt
from bot.domain.items import DiskRef, Item, counted
from bot.domain.quick import LEFT_OUT
from bot.domain.transitions import ItemState
from bot.slack.views.mrkdwn import bold, moment, person, shortened, time_of_day

NAME_CHARACTERS = 64
CAUSE_CHARACTERS = 300
LISTED = 15
"""More disks than this are summarised by server; those that need an eye keep a line of their own."""

UNDER = "\n      ↳ "
"""Begins what belongs to the disk of the line above."""


def disk_name(item: Item) -> str:
    return bold(shortened(item.disk.label, NAME_CHARACTERS))


def disk_names(disks: Sequence[DiskRef], most: int, room: int = 2_000) -> str:
    """The first few in bold, as many as `room` characters hold, and how many more."""
    shown: list[str] = []
    for disk in disks[:most]:
        name = bold(shortened(disk.label, NAME_CHARACTERS))
        if shown and len(", ".join([*shown, name])) > room:
            break
        shown.append(name)
    more = f" and {len(disks) - len(shown)} more" if len(disks) > len(shown) else ""
    return f"{', '.join(shown)}{more}"


def copied(items: Sequence[Item]) -> list[Item]:
    """Without the disks of which nothing was to be made."""
    return [item for item in items if item.code != LEFT_OUT]


def counts_in_words(items: Sequence[Item]) -> str:
    asked = copied(items)
    there, gone = [item for item in asked if not item.gone], sum(item.gone for item in asked)
    words = [f"{count} {_COUNTED_AS.get(state, state)}" for state, count in counted(there).items() if count]
    words += [f"{gone} deleted since"] if gone else []
    return ", ".join([*words, *([f"{len(items) - len(asked)} left out"] if len(items) > len(asked) else [])])


_COUNTED_AS: Mapping[ItemState, str] = {
    ItemState.PLANNED: "to come",
    ItemState.SUBMITTING: "being asked for",
    ItemState.UNCERTAIN: "being looked for",
    ItemState.CANCELLED: "not sent",
}

WORST_FIRST = (
    ItemState.FAILED,
    ItemState.UNKNOWN,
    ItemState.CANCELLED,
    ItemState.UNCERTAIN,
    ItemState.PLANNED,
    ItemState.SUBMITTING,
    ItemState.CREATING,
    ItemState.AVAILABLE,
)


def worst_first(item: Item) -> tuple[int, bool, int]:
    """A key to sort by; of two that stand alike, the one with a cause comes first."""
    return WORST_FIRST.index(item.state), not item.cause, item.position


def next_try(one: Attempt[Any]) -> str:
    """When what was refused for a while is asked for again: for so long the reason beside it may be a past one."""
    if one.cause and one.waiting_since and one.due_at:
        return f", next try at {time_of_day(one.due_at)}"
    return ""


def gone_in_words(item: Item) -> str:
    """Who deleted its snapshot, and when."""
    when = f" on {moment(item.gone_at)}" if item.gone_at else ""
    return f"deleted by {person(item.gone_by)}{when}" if item.gone_by else f"deleted outside of the bot, noticed{when}"
