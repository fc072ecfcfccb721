"""Restore points as people read them, and the question before they go."""

from __future__ import annotations

from bot.domain.deletions import deletable
from bot.domain.denials import Denied
from bot.domain.items import Item
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
        if point.deletable and own:
            blocks.append(row([buttons.delete(point.request.id, own)], f"go.{point.request.id}"))
    more = f"Only the latest {len(found.points)} are shown. " if found.more else ""
    last = f"{more}To go back, see the receipt of each: {code(f'{command} status ID')}."
    blocks.append(section(last, "last"))
    return {"text": whole_text([*lines, last], TEXT_CHARACTERS), "blocks": blocks}


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
    head = (
        f"{code(request.id)} · {moment(request.created_at)} · {person(request.actor_id)} in "
        f"{escaped(request.project or '')}{reason}{told_in}\n      {state}{kept}"
    )
    lines = [
        f"      {bold(shortened(item.disk.label, 64))} {code(item.snapshot_id or '')}"
        + (f" ({gone_in_words(item)})" if item.gone else "" if item.snapshot_id in left else " (gone)")
        for item in point.items[:DISKS_SHOWN]
    ]
    if len(point.items) > DISKS_SHOWN:
        lines.append(f"      and {len(point.items) - DISKS_SHOWN} more")
    return "\n".join([head, *lines])
