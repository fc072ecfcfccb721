"""Messages about a request as pure functions. `text` alone carries the whole meaning; blocks only arrange it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict

from bot.domain.disks import is_disk_id
from bot.domain.requests import Item, ItemState, Request, RequestState, counted, spread_seconds
from bot.interfaces import Saying
from bot.slack.blocks import SECTION_CHARACTERS, button, buttons, context, plain, section
from bot.slack.controls import APPROVE, ASK_AGAIN, CANCEL, DENY, REVIEW
from bot.slack.text import (
    bold,
    code,
    code_block,
    day,
    disk_kind,
    duration,
    escaped,
    moment,
    plural,
    sentence,
    shortened,
    typed,
)

EDIT_CHARACTERS = 3_900
"""chat.update refuses a `text` over 4,000 characters."""

BAR = ("▰", "▱")

POST_CHARACTERS = 12_000
"""Slack cuts a posted `text` only at 40,000 characters; nobody reads that much."""

_SIGNS: Mapping[ItemState, str] = {
    ItemState.PLANNED: ":white_circle:",
    ItemState.SUBMITTING: ":hourglass_flowing_sand:",
    ItemState.UNCERTAIN: ":mag:",
    ItemState.CREATING: ":hourglass_flowing_sand:",
    ItemState.AVAILABLE: ":white_check_mark:",
    ItemState.FAILED: ":x:",
    ItemState.CANCELLED: ":no_entry_sign:",
    ItemState.UNKNOWN: ":grey_question:",
}


class Message(TypedDict):
    text: str
    blocks: list[dict[str, Any]]


def rendered(saying: Saying, command: str, team_url: str, now: datetime) -> Message:
    """What is said, ready to be sent. `command` is the slash command people type, `team_url` Slack's own address."""
    match saying.kind:
        case "root" | "edit":
            return root(saying.request, saying.all_items, saying.leaders, command, team_url, now)
        case "ask" | "ask_edit":
            return ask(saying.request, saying.all_items, command)
        case "accepted":
            return accepted(saying.items)
        case "failure":
            return failure(saying.items, command)
        case "receipt":
            return receipt(saying.request, saying.all_items, command)
        case "refusal":
            return refusal(saying.request.verdict, saying.request.text, command, saying.request.id)
        case "moved":
            return moved(saying.request)
        case "break_glass":
            return break_glass(saying.request, saying.all_items, command, team_url)


# --- the one public message of a request ------------------------------------------------------------------------------


def root(
    request: Request,
    items: Sequence[Item],
    leaders: Mapping[str, Request],
    command: str,
    team_url: str,
    now: datetime,
) -> Message:
    head = _headline(request, items)
    lines = [_disk_line(request, item, leaders.get(item.joined_to or ""), team_url) for item in items]
    facts = _facts(request, command, now)
    blocks = [section("\n".join(_under(head, request, items)), f"head.{request.rev}")]
    blocks += [section(text, f"disks.{request.rev}.{part}") for part, text in enumerate(_parts(lines))]
    blocks.append(context(facts, f"facts.{request.rev}"))
    if _can_be_called_back(request, items):
        blocks.append(buttons([_cancel_button(request, items)], f"cancel.{request.rev}"))
    told = [line for line in _under(head, request, items) if not line.startswith(BAR)]
    return {"text": _text([*told, *lines, facts], EDIT_CHARACTERS), "blocks": blocks}


def _headline(request: Request, items: Sequence[Item]) -> str:
    project = escaped(request.project or "")
    disks = plural(len(items), "disk")
    counts = counted(items)
    if request.refused:
        return f":no_entry_sign: *Snapshot of {disks} in {project}: {request.state}, nothing was created*"
    if request.state is RequestState.WAITING:
        return f":hand: *Snapshot of {disks} in {project}: waiting for approval, {_agreed(request)}*"
    if request.state is not RequestState.FINISHED:
        return f":camera_with_flash: *Snapshot of {disks} in {project}: in progress*"
    if counts[ItemState.AVAILABLE] == len(items):
        took = f" in {duration((request.ended_at - request.created_at).total_seconds())}" if request.ended_at else ""
        return f":white_check_mark: *Snapshot of {disks} in {project}: finished{took}, all available*"
    if counts[ItemState.AVAILABLE]:
        left = len(items) - counts[ItemState.AVAILABLE]
        return (
            f":warning: *Snapshot of {disks} in {project}: ended, {counts[ItemState.AVAILABLE]} available, {left} not*"
        )
    return f":x: *Snapshot of {disks} in {project}: ended, none available*"


def _under(head: str, request: Request, items: Sequence[Item]) -> list[str]:
    """The headline, and the one line below it that matters now: what it waits for, why it is over, or how far it is."""
    if request.state is RequestState.WAITING:
        until = f"; open until {moment(request.waits_until)}" if request.waits_until else ""
        return [head, f"Nothing is sent to the cloud before they agree{until}."]
    return [head, sentence(request.verdict)] if request.refused else [head, _bar(items)]


def _bar(items: Sequence[Item]) -> str:
    done = sum(item.ended for item in items)
    share = sum(1.0 if item.ended else (item.progress or 0) / 100 for item in items) / len(items)
    filled = min(int(share * 12), 12)
    return f"{BAR[0] * filled}{BAR[1] * (12 - filled)} {done} of {len(items)} ended · {_counts_in_words(items)}"


def _counts_in_words(items: Sequence[Item]) -> str:
    return ", ".join(f"{count} {_COUNTED_AS.get(state, state)}" for state, count in counted(items).items() if count)


_COUNTED_AS: Mapping[ItemState, str] = {
    ItemState.PLANNED: "to come",
    ItemState.SUBMITTING: "being asked for",
    ItemState.UNCERTAIN: "being looked for",
    ItemState.CANCELLED: "not sent",
}


def _can_be_called_back(request: Request, items: Sequence[Item]) -> bool:
    """While something waits: for other people, or for its turn. What is about to be sent has no button for a blink."""
    if request.state is RequestState.WAITING:
        return True
    waits = any(item.unsent and item.waiting_since for item in items)
    return request.state is RequestState.RUNNING and waits


def _cancel_button(request: Request, items: Sequence[Item]) -> dict[str, Any]:
    unsent = plural(sum(item.unsent for item in items), "disk")
    sent = "" if all(item.unsent for item in items) else " What was sent to the cloud already goes on to its end."
    confirm = {
        "title": plain("Cancel"),
        "text": plain(f"{unsent} not sent yet will not be snapshotted.{sent}"),
        "confirm": plain("Cancel Snapshots"),
        "deny": plain("Keep Waiting"),
        "style": "danger",
    }
    return {**button(CANCEL, "Cancel", request.id), "confirm": confirm}


def _disk_line(request: Request, item: Item, leader: Request | None, team_url: str) -> str:
    if request.state is RequestState.WAITING or request.refused:
        return f"• {bold(item.disk.label)}"  # none has a state of its own yet, or ever had
    line = f"{_SIGNS[item.state]} {bold(item.disk.label)} — {_state_in_words(item)}"
    if item.joined_to and not item.ended:
        line += f", joined: {_leader_in_words(leader, team_url)}"
    if item.snapshot_id:
        line += f" · {code(item.snapshot_id)}"
    if item.cause and item.state is not ItemState.AVAILABLE:
        line += f"\n      {sentence(shortened(item.cause, 300))}"
    return line


def _state_in_words(item: Item) -> str:
    match item.state:
        case ItemState.PLANNED if item.waiting_since:
            return "waiting its turn"
        case ItemState.PLANNED:
            return "next"
        case ItemState.SUBMITTING:
            return "asking the cloud"
        case ItemState.UNCERTAIN:
            return "no clear answer from the cloud, looking whether it was made"
        case ItemState.CREATING if item.progress is not None:
            return f"creating, {item.progress} %"
        case ItemState.UNKNOWN:
            return "unknown, still not finished in the cloud"
        case ItemState.CANCELLED:
            return "not sent"
        case _:
            return str(item.state)


def _leader_in_words(leader: Request | None, team_url: str) -> str:
    if leader is None:
        return "it is being copied for another request already"
    whose = f"being copied already for <@{leader.actor_id}>'s request {code(leader.id)}"
    if leader.root_channel and leader.root_ts:
        return f"{whose} (<{permalink(team_url, leader.root_channel, leader.root_ts)}|see there>)"
    return whose


def permalink(team_url: str, channel: str, ts: str) -> str:
    """The address of a message, as chat.getPermalink would give it."""
    return f"{team_url.rstrip('/')}/archives/{channel}/p{ts.replace('.', '')}"


def _facts(request: Request, command: str, now: datetime) -> str:
    facts = [f"<@{request.actor_id}>"]
    if request.order.reason:
        facts.append(f"“{typed(request.order.reason)}”")
    facts.append(f"asked {moment(request.created_at)}")
    if not request.ended_at:
        facts.append(f"{duration((now - request.created_at).total_seconds())} so far")
    if request.break_glass:
        reviewed = f"reviewed by <@{request.reviewed_by}>" if request.reviewed_by else "review due"
        facts.append(f":rotating_light: without approval (break-glass), {reviewed}")
    if request.ended_at:
        facts.append(f"ended {moment(request.ended_at)}, receipt in the thread")
    facts.append(f"request {code(request.id)}")
    if not request.ended_at:
        facts.append(f"for the latest: {code(f'{command} status {request.id}')}")
    return " · ".join(facts)


# --- in the thread ----------------------------------------------------------------------------------------------------


def ask(request: Request, items: Sequence[Item], command: str) -> Message:
    """Asks other people to agree; once it is settled, the buttons give way to the record of it."""
    disks = ", ".join(bold(item.disk.label) for item in items)
    reason = f" “{typed(request.order.reason)}”" if request.order.reason else ""
    head = f":hand: <@{request.actor_id}> asks for snapshots of {disks} in {escaped(request.project or '')}.{reason}"
    if request.state is not RequestState.WAITING:
        settled = sentence(request.verdict) if request.refused else f"Approved by {_people(request.approvers)}."
        return arranged([head, settled])
    until = f"; open until {moment(request.waits_until)}" if request.waits_until else ""
    one = request.approvals_needed == 1
    others, agree = ("1 other person", "agrees") if one else (f"{request.approvals_needed} other people", "agree")
    needed = f"It runs once {others} {agree}: {_agreed(request)} so far{until}."
    typing = (
        f"Without buttons: {code(f'{command} approve {request.id}')} or {code(f'{command} deny {request.id} reason=…')}"
    )
    message = arranged([head, needed, typing])
    pressed = [button(APPROVE, "Approve", request.id, style="primary"), button(DENY, "Deny…", request.id)]
    message["blocks"].append(buttons(pressed, f"approval.{request.rev}"))
    return message


def _agreed(request: Request) -> str:
    agreed = f"{len(request.approvers)} of {request.approvals_needed} agreed"
    return f"{agreed} ({_people(request.approvers)})" if request.approvers else agreed


def _people(user_ids: Sequence[str]) -> str:
    return " and ".join(f"<@{user_id}>" for user_id in user_ids)


def accepted(items: Sequence[Item]) -> Message:
    """The cloud took it: job and snapshot ids, as a notification."""
    head = f":inbox_tray: *The cloud is creating {plural(len(items), 'snapshot')}*"
    lines = [f"• {bold(item.disk.label)}: snapshot {code(item.snapshot_id or '')}" + _how_taken(item) for item in items]
    return arranged([head, *lines])


def _how_taken(item: Item) -> str:
    if item.joined_to:
        return ", joined: made for another request"
    return f", job {code(item.job_id)}" if item.job_id else ", found by its tag after a lost answer"


def failure(items: Sequence[Item], command: str) -> Message:
    head = f":x: *{plural(len(items), 'disk')} without a snapshot*"
    lines = [f"• {_cause_in_words(item)}" for item in items]
    lines.append(_again(items, command))
    return arranged([head, *lines])


def receipt(request: Request, items: Sequence[Item], command: str) -> Message:
    """What there is to go back to, disk by disk, and how; or the word of whoever refused it."""
    if request.refused:
        again = f"What was asked: {code(f'{command} {shortened(request.text, 500)}')}"
        return arranged([f":no_entry_sign: <@{request.actor_id}>, {sentence(request.verdict)}", again])
    available = [item for item in items if item.state is ItemState.AVAILABLE]
    others = [item for item in items if item.state is not ItemState.AVAILABLE]
    sign = ":white_check_mark:" if not others else ":warning:" if available else ":x:"
    head = f"{sign} *Receipt: {len(available)} of {plural(len(items), 'snapshot')} available*"
    lines = [_receipt_line(item) for item in available]
    lines += [f"• {_cause_in_words(item)}" for item in others]
    if (spread := spread_seconds(items)) is not None:
        lines.append(f"Taken within {spread:.1f} s of each other.")
    if available:
        lines.append(_kept_until(request, available))
    lines.append(
        f"Asked by <@{request.actor_id}>" + (f": {typed(request.order.reason)}" if request.order.reason else ".")
    )
    if available:
        lines.append(_way_back())
    if others:
        lines.append(_again(others, command))
    return arranged([head, *lines])


def _receipt_line(item: Item) -> str:
    kind = {True: "incremental", False: "full", None: ""}[item.incremental]
    facts = [
        f"name {code(item.snapshot.name or '')}",
        f"created {moment(item.taken_at)}" if item.taken_at else "",
        disk_kind(item.disk),
        kind,
        "joined" if item.joined_to else "",
    ]
    told = " · ".join(fact for fact in facts if fact)
    return f"• {bold(item.disk.label)}: available, snapshot {code(item.snapshot_id or '')}\n      {told}"


def _cause_in_words(item: Item) -> str:
    word = {ItemState.CANCELLED: "not sent", ItemState.UNKNOWN: "unknown"}.get(item.state, "failed")
    cause = sentence(shortened(item.cause or "the cloud gave no reason", 400))
    known = f" (snapshot {code(item.snapshot_id)})" if item.snapshot_id else ""
    return f"{bold(item.disk.label)}: {word}{known} — {cause}"


def _kept_until(request: Request, available: Sequence[Item]) -> str:
    if request.expires_at is None:
        return "Kept until someone deletes them; standard snapshots are charged for as long as they exist."
    if any(item.snapshot.retention_days for item in available):
        return f"The cloud deletes them on {day(request.expires_at)}."
    return (
        f"To be kept until {day(request.expires_at)}. Nothing deletes them by itself: someone has to, after that day."
    )


def _way_back() -> str:
    return (
        "*To go back:* make a new disk from the snapshot and look at it first; or, to overwrite the disk itself, "
        "detach it (it must be available) and roll the snapshot back. Both are in the console under EVS, Snapshots."
    )


def _again(items: Sequence[Item], command: str) -> str:
    disks = " ".join(item.disk.id for item in items[:5])
    project = items[0].project
    return f"To try it once more: {code(f'{command} create {disks} project={project}')}"


# --- for one person only ----------------------------------------------------------------------------------------------


def refusal(told: str, said: str, command: str, reference: str | None = None) -> Message:
    """Cause and fix, and what was typed, ready to be copied and mended."""
    lines = [f":no_entry_sign: {sentence(told)}"]
    if "Nothing was" not in told:
        lines.append("Nothing was created.")
    if said.strip():
        lines.append(f"You typed: {code_block(f'{command} {said}')}")
    if reference:
        lines.append(f"Reference: {code(reference)}")
    message = arranged(lines)
    if reference:
        message["blocks"].append(buttons([button(ASK_AGAIN, "Change and Ask Again", reference)], "again"))
    return message


def break_glass(request: Request, items: Sequence[Item], command: str, team_url: str) -> Message:
    """To everybody who could have been asked: what runs without them, why, and what is left for them to do."""
    disks = ", ".join(bold(item.disk.label) for item in items)
    head = f":rotating_light: <@{request.actor_id}> runs without approval in {escaped(request.project or '')}: {disks}."
    lines = [f"Reason given: “{typed(request.order.reason or '')}”."]
    if request.root_channel and request.root_ts:
        lines.append(f"<{permalink(team_url, request.root_channel, request.root_ts)}|See how it stands>.")
    lines.append(
        f"One of those who may approve has to review it: press the button, or type "
        f"{code(f'{command} review {request.id}')} where the project may be used."
    )
    message = arranged([head, *lines])
    message["blocks"].append(buttons([button(REVIEW, "Mark Reviewed", request.id)], "review"))
    return message


def moved(request: Request) -> Message:
    text = (
        f":mailbox: I can't report in this channel: I was not invited, or people of another organisation read along. "
        f"Request {code(request.id)} is carried out all the same, and I tell you how it ends in a direct message. "
        "To follow it here next time, `/invite @snapshot-bot`, or ask in a channel of our own."
    )
    return arranged([text])


def recorded(request: Request, *, checked: bool, approvals: int = 0) -> str:
    """The acknowledgement, read within a second. Ids, as a form gives them, tell nobody anything: they are counted."""
    named = [disk for disk in request.order.disks if not is_disk_id(disk)]
    disks = ", ".join(code(shortened(disk, 64)) for disk in named[:5]) or plural(len(request.order.disks), "disk")
    more = f" and {len(request.order.disks) - len(named[:5])} more" if named and len(request.order.disks) > 5 else ""
    where = f" in {escaped(request.project)}" if request.project else ""
    if checked and approvals:
        others = "another person agrees" if approvals == 1 else f"{approvals} other people agree"
        return (
            f":hand: Recorded: snapshot of {disks}{more}{where}. It runs once {others}; "
            f"I am asking {_followed(request)}. Request {code(request.id)}."
        )
    if checked:
        return (
            f":camera_with_flash: On it: snapshot of {disks}{more}{where}. "
            f"Follow it {_followed(request)}; request {code(request.id)}."
        )
    return (
        f":camera_with_flash: Got it: snapshot of {disks}{more}. I am checking your rights and the disks; "
        f"the answer follows here. Request {code(request.id)}."
    )


def _followed(request: Request) -> str:
    if request.place.channel_id == request.actor_id:
        return "here"
    return "in this thread" if request.place.thread_ts else "in this channel"


# --- arranging --------------------------------------------------------------------------------------------------------


def arranged(lines: Sequence[str]) -> Message:
    """Lines as a message: the same words as `text` and in as few sections as hold them."""
    return {
        "text": _text(lines, POST_CHARACTERS),
        "blocks": [section(part, f"part.{n}") for n, part in enumerate(_parts(lines))],
    }


def _parts(lines: Sequence[str]) -> list[str]:
    """Lines joined into as few sections as their 3,000 characters allow."""
    parts: list[str] = []
    for line in lines:
        line = shortened(line, SECTION_CHARACTERS)
        if parts and len(parts[-1]) + 1 + len(line) <= SECTION_CHARACTERS:
            parts[-1] += f"\n{line}"
        else:
            parts.append(line)
    return parts


def _text(lines: Sequence[str], most: int) -> str:
    return shortened("\n".join(lines), most)
