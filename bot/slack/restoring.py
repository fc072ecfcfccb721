"""Restore points as people read them, and the button that lets them go."""

from __future__ import annotations

from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck

from bot.domain.access import Denied
from bot.slack.answers import told
from bot.slack.blocks import buttons, delete_button, section
from bot.slack.controls import DELETE, KEEP
from bot.slack.message import Message, whole_text
from bot.slack.presses import Presses, judged_at, pressed
from bot.slack.text import bold, code, day, escaped, moment, plural, shortened, typed
from bot.workflow.deleting import Deleting
from bot.workflow.inquiry import NotFound
from bot.workflow.reminding import Keeping
from bot.workflow.restoring import Point, Points

DISKS_SHOWN = 15
TEXT_CHARACTERS = 12_000


class RestoreListeners:
    def __init__(self, deleting: Deleting, keeping: Keeping, presses: Presses) -> None:
        self._deleting = deleting
        self._keeping = keeping
        self._presses = presses

    def register(self, app: AsyncApp) -> None:
        app.action(DELETE)(self.on_delete)
        app.action(KEEP)(self.on_keep)

    async def on_delete(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await self._presses.settle(
            ack, body, lambda actor: self._deleting.delete(actor, judged_at(body), pressed(body))
        )

    async def on_keep(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await self._presses.settle(ack, body, lambda actor: self._keeping.keep(actor, judged_at(body), pressed(body)))


def restore_points(found: Points | NotFound | Denied, command: str) -> Message:
    """One section a request, with its button for whoever may let it go."""
    if not isinstance(found, Points):
        return told(found.sentence if isinstance(found, NotFound) else found.explanation)
    head = f":floppy_disk: *Restore points of* <#{found.channel}>"
    blocks = [section(head, "head")]
    lines = [head]
    for point in found.points:
        words = _point(point)
        lines.append(words)
        blocks.append(section(words, f"point.{point.request.id}"))
        if point.deletable and point.existing != frozenset():
            blocks.append(buttons([delete_button(point.request.id, len(_left(point)))], f"go.{point.request.id}"))
    more = f"Only the latest {len(found.points)} are shown. " if found.more else ""
    last = f"{more}To go back, see the receipt of each: {code(f'{command} status ID')}."
    blocks.append(section(last, "last"))
    return {"text": whole_text([*lines, last], TEXT_CHARACTERS), "blocks": blocks}


def _left(point: Point) -> list[str]:
    existing = point.existing
    ids = [item.snapshot_id or "" for item in point.items]
    return ids if existing is None else [one for one in ids if one in existing]


def _point(point: Point) -> str:
    request, left = point.request, set(_left(point))
    reason = f" “{typed(shortened(request.order.reason, 200))}”" if request.order.reason else ""
    if point.existing is None:
        state = f"{plural(len(point.items), 'snapshot')}; whether they still exist could not be asked just now"
    elif len(left) == len(point.items):
        state = f"{plural(len(left), 'snapshot')}, all there"
    else:
        state = f"{len(left)} of {plural(len(point.items), 'snapshot')} still there"
    kept = f", to be kept until {day(request.expires_at)}" if request.expires_at else ""
    head = (
        f"{code(request.id)} · {moment(request.created_at)} · <@{request.actor_id}> in "
        f"{escaped(request.project or '')}{reason}\n      {state}{kept}"
    )
    lines = [
        f"      {bold(shortened(item.disk.label, 64))} {code(item.snapshot_id or '')}"
        + ("" if item.snapshot_id in left else " (gone)")
        for item in point.items[:DISKS_SHOWN]
    ]
    if len(point.items) > DISKS_SHOWN:
        lines.append(f"      and {len(point.items) - DISKS_SHOWN} more")
    return "\n".join([head, *lines])
