"""The receipt of disks that came back from snapshots, one for each of the three ways. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.items import Item
from bot.domain.orders import Restore, Way
from bot.domain.projects import Project
from bot.domain.requests import Request
from bot.domain.restoring.restorations import Restoration
from bot.domain.transitions import ItemState, RestorationState
from bot.slack.views import buttons
from bot.slack.views.approval import people
from bot.slack.views.blocks import context, divider, row, section
from bot.slack.views.disk_words import NAME_CHARACTERS, gone_in_words
from bot.slack.views.message import POST_CHARACTERS, Message, fitted, sections
from bot.slack.views.mrkdwn import (
    code,
    disk_kind,
    duration,
    link,
    moment,
    plural,
    reason_told,
    requester,
    shortened,
    typed,
)
from bot.slack.views.restore_help import LABEL_CHARACTERS, LINKED
from bot.slack.views.restoring.restoration_notices import restoring_causes, what_now
from bot.slack.views.restoring.restoration_words import back_to, done_word, point, restored_disk, safety_of

ATTACH = (
    "*To use them:* I attach nothing. In the console under EVS, Disks, choose the new disk and Attach, to a server in "
    "its zone; mount it read-only first. A copy of an XFS beside its original mounts with `-o ro,nouuid`."
)
_THERE = "The new disks in the console:"
BACK_TO_WORK = (
    "*To go on:* attach again what was attached, as it was, start the server, and look before you let anybody in. A "
    "disk that was enlarged since keeps its size: extend its partition and file system once more."
)


def restoring_receipt(
    request: Request,
    order: Restore,
    items: Sequence[Item],
    rows: Sequence[Restoration],
    command: str,
    team_url: str,
    project: Project | None,
    most: int = POST_CHARACTERS,
) -> Message:
    """Disk by disk what came back, what did not, and the next step. `most`: the characters of its `text`."""
    done = [one for one in rows if one.state is RestorationState.RESTORED]
    others = [one for one in rows if one.state is not RestorationState.RESTORED]
    head = _headline(order.way, rows, done)
    disks = [*restoring_causes(others), *(_line(one, items) for one in done)]
    reason = f": {reason_told(order.reason, team_url)}" if order.reason else ""
    agreed = f" · approved by {people(request.approvers)}" if request.approvers else ""
    facts = [f"Asked by {requester(request)}{reason}{agreed}"]
    after = [*what_now(request, order, items, others, command), *_what_next(order.way, done)]
    after += _back_again(request, rows, items, command)
    pages = _pages(project, done) if order.way == "new_disks" else []
    links = [f"{_THERE} {', '.join(link(page, label) for label, page in pages)}."] if pages else []
    room = max(most - len("\n".join([head, *facts, *after, *links])) - 1, most // 4)
    text = "\n".join([head, *fitted(disks, room, "; the record has them all"), *facts, *after, *links])
    blocks = [section(head, "head"), *sections(disks), context("\n".join(facts), "facts")]
    blocks += [divider("line"), *(section(one, f"after.{number}") for number, one in enumerate(after))] if after else []
    if pages:
        shown = [buttons.console_page(number, label, page) for number, (label, page) in enumerate(pages)]
        blocks += [section(_THERE, "there"), row(shown, "pages")]
    last = [buttons.post_mortem(request.id)]
    if _restorable(items) and project is not None and project.restore:
        last.append(buttons.restore(request.id))
    return {"text": text, "blocks": [*blocks, row(last, "next")]}


def _headline(way: Way, rows: Sequence[Restoration], done: Sequence[Restoration]) -> str:
    sign = ":white_check_mark:" if len(done) == len(rows) else ":warning:" if done else ":x:"
    thing = {"verify": "snapshot", "overwrite": "disk", "new_disks": "new disk"}[way]
    word = "made" if way == "new_disks" else done_word(way)
    return f"{sign} *Receipt: {len(done)} of {plural(len(rows), thing)} {word}*"


def _line(one: Restoration, items: Sequence[Item]) -> str:
    match one.way:
        case "new_disks":
            name = shortened(one.asked.name or "", NAME_CHARACTERS) if one.asked else ""
            zone = f"zone {typed(one.disk.availability_zone)}" if one.disk.availability_zone else ""
            kind = " · ".join(filter(None, (disk_kind(one.disk), zone)))
            new = " ".join(filter(None, (code(one.made_id or ""), f"({code(name)})" if name else "")))
            return f"• {restored_disk(one)}: new disk {new} · {kind} · from {point(one)}"
        case "overwrite":
            return f"• {restored_disk(one)}: rolled back to {back_to(one)}{_safe(safety_of(one, items))}"
        case "verify":
            took = f" after {duration(one.proven_in.total_seconds())}" if one.proven_in else ""
            when = f" {moment(one.proven_at)}" if one.proven_at else ""
            made = f"a disk made of {point(one)}, was available{took}, and is deleted again"
            return f"• {restored_disk(one)}: proven{when}: {made}"


def _safe(safety: Item | None) -> str:
    if safety is None or not safety.snapshot_id:
        return ""
    gone = f" ({gone_in_words(safety)})" if safety.gone else ""
    return f" · what it held before: safety snapshot {code(safety.snapshot_id)}{gone}"


def _what_next(way: Way, done: Sequence[Restoration]) -> list[str]:
    if not done or way == "verify":
        return []
    if way == "overwrite":
        return [BACK_TO_WORK]
    return [f"{ATTACH} They are charged for as long as they exist; nothing deletes them by itself."]


def _restorable(items: Sequence[Item]) -> bool:
    return any(item.state is ItemState.AVAILABLE and not item.gone for item in items)


def _back_again(request: Request, rows: Sequence[Restoration], items: Sequence[Item], command: str) -> list[str]:
    """The way back from the way back, where any disk is, or may be, overwritten."""
    if not _restorable(items) or all(row.state is RestorationState.CANCELLED for row in rows):
        return []
    again = f"{command} restore {request.id}"
    one = len(items) == 1
    held = "the safety snapshot holds what the disk" if one else "the safety snapshots hold what the disks"
    disks, charged = (
        ("a new disk", "It is charged for as long as it exists; nothing deletes it")
        if one
        else ("new disks", "They are charged for as long as they exist; nothing deletes them")
    )
    told = (
        f"*The way back from this:* {held} held right before. {code(f'{again} overwrite')} puts it back, "
        f"{code(again)} makes {disks} of it. {charged} by itself."
    )
    return [told]


def _pages(project: Project | None, done: Sequence[Restoration]) -> list[tuple[str, str]]:
    """Name and address of each new disk's page in the console."""
    if project is None:
        return []
    named = [((one.asked and one.asked.name) or one.disk.label, one.made_id) for one in done if one.made_id]
    pages = [(shortened(name, LABEL_CHARACTERS), project.console_page(made_id)) for name, made_id in named[:LINKED]]
    return [(label, page) for label, page in pages if page]
