"""Restore points as people read them, and the question before they go."""

from __future__ import annotations

from collections.abc import Container

from bot.domain.deletions import SAFETY, deletable
from bot.domain.denials import Denied
from bot.domain.items import Item
from bot.domain.orders import Restore, overwrites
from bot.domain.results import NothingFound
from bot.slack.ids import is_direct
from bot.slack.views import buttons
from bot.slack.views.blocks import row, section
from bot.slack.views.disk_words import gone_in_words
from bot.slack.views.message import Message, arranged, whole_text
from bot.slack.views.mrkdwn import (
    bold,
    code,
    day,
    duration,
    escaped,
    message_of,
    moment,
    person,
    plural,
    sentence,
    shortened,
    typed,
)
from bot.slack.views.responses import told
from bot.workflow.actions.ask_before_deleting import ANSWER_WITHIN, Question
from bot.workflow.queries.restore_points import Point, Points

DISKS_SHOWN = 15
TEXT_CHARACTERS = 12_000
ANSWER_MINUTES = round(ANSWER_WITHIN.total_seconds() / 60)


def once_more(asked: Question) -> Message:
    """The restore points that would be lost, the worst first, and the button that lets them go."""
    doomed, items = asked.doomed, sorted(asked.doomed.items, key=lambda item: item.id not in asked.last)
    what = f"{plural(len(items), 'snapshot')} of request {code(asked.request.id)}"
    by = f", as {person(doomed.asked_by)} asks" if doomed.asked_by else ""
    lines = [f":warning: *Delete {what}{by}?* What is deleted can't be brought back."]
    lines += [_lost(item, last=item.id in asked.last) for item in items[:DISKS_SHOWN]]
    if len(items) > DISKS_SHOWN:
        lines.append(f"and {len(items) - DISKS_SHOWN} more, of {plural(len(asked.last), 'disk')} in all the last one")
    if not asked.looked:
        lines.append("The cloud could not be asked which other restore points still exist.")
    if overwrites(asked.request.order):
        lines.append(SAFETY)
    if doomed.missing:
        others = "Another person has" if doomed.missing == 1 else f"{doomed.missing} others have"
        lines.append(f"{others} to agree before it is done.")
    lines += [sentence(one) for one in doomed.staying]
    lines.append(f"Nothing is deleted until you press; the button works for {ANSWER_MINUTES} minutes.")
    message = arranged(lines)
    message["blocks"].append(row([buttons.delete_for_good(asked.form_id)], "go"))
    return message


def _lost(item: Item, *, last: bool) -> str:
    taken = f", taken {moment(item.taken_at)}" if item.taken_at else ""
    told = f"• {bold(shortened(item.disk.label, 64))} {code(item.snapshot_id or '')}{taken}"
    return f"{told}: *the last restore point of this disk* that I know of" if last else told


def restore_points(found: Points | NothingFound | Denied, command: str, team_url: str = "") -> Message:
    """One section a request, with its button for a person who may let it go."""
    if not isinstance(found, Points):
        return told(found.sentence if isinstance(found, NothingFound) else found.explanation)
    where = "this conversation" if is_direct(found.channel) else f"<#{found.channel}>"
    head = f":floppy_disk: *Restore points of* {where}"
    blocks = [section(head, "head")]
    lines = [head]
    for point in found.points:
        words = _point(point, team_url)
        lines.append(words)
        blocks.append(section(words, f"point.{point.request.id}"))
        left = set(_left(point))
        own = [item.disk.label for item in deletable(point.items) if item.snapshot_id in left]
        shown = [buttons.restore(point.request.id, listed=True)] if point.restorable and left else []
        shown += [buttons.delete(point.request.id, own)] if point.deletable and own else []
        if shown:
            blocks.append(row(shown, f"go.{point.request.id}"))
    more = f"Only the latest {len(found.points)} are shown. " if found.more else ""
    may = any(point.restorable for point in found.points)
    ways = f"{code(f'{command} restore ID')} for new disks, {code(f'{command} restore ID overwrite')} to roll back"
    by_hand = f"see the receipt of each: {code(f'{command} status ID')}"
    last = f"{more}To go back, {f'{ways}, or ' if may else ''}{by_hand}."
    blocks.append(section(last, "last"))
    return {"text": whole_text([*lines, last], TEXT_CHARACTERS), "blocks": blocks}


def _proven(point: Point, item: Item, left: Container[str]) -> str:
    """When a disk was made of it last, which shows that it can be; or that it is gone."""
    if (item.snapshot_id or "") not in left:
        return " (gone)"
    proof = point.proofs.get(item.snapshot_id or "")
    if proof is None or proof.proven_at is None:
        return ""
    took = f" in {duration(proof.proven_in.total_seconds())}" if proof.proven_in else ""
    return f", proven {moment(proof.proven_at)}{took}"


def _left(point: Point) -> list[str]:
    existing = point.existing
    ids = [item.snapshot_id or "" for item in point.items if not item.gone]
    return ids if existing is None else [one for one in ids if one in existing]


def _point(point: Point, team_url: str) -> str:
    request, left = point.request, set(_left(point))
    reason = f" “{typed(shortened(request.order.reason, 200))}”" if request.order.reason else ""
    if point.existing is None:
        state = f"{plural(len(point.items), 'snapshot')}; whether they still exist could not be asked just now"
    elif len(left) == len(point.items):
        state = f"{plural(len(left), 'snapshot')}, all there"
    else:
        state = f"{len(left)} of {plural(len(point.items), 'snapshot')} still there"
    kept = f", to be kept until {day(request.expires_at)}" if request.expires_at else ""
    told_in = f" · {found}" if (found := message_of(request, team_url)) else ""
    before = " · safety snapshots, made before a roll-back" if isinstance(request.order, Restore) else ""
    head = (
        f"{code(request.id)}{before} · {moment(request.created_at)} · {person(request.actor_id)} in "
        f"{escaped(request.project or '')}{reason}{told_in}\n      {state}{kept}"
    )
    lines = [
        f"      {bold(shortened(item.disk.label, 64))} {code(item.snapshot_id or '')}"
        + (f" ({gone_in_words(item)})" if item.gone else _proven(point, item, left))
        for item in point.items[:DISKS_SHOWN]
    ]
    if len(point.items) > DISKS_SHOWN:
        lines.append(f"      and {len(point.items) - DISKS_SHOWN} more")
    return "\n".join([head, *lines])
