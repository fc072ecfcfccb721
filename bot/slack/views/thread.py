"""Messages about a request as pure functions. `text` alone carries the whole meaning; blocks only arrange it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot.domain import errors
from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.deletions import deletable
from bot.domain.disks import is_disk_id
from bot.domain.normalise import caseless, unmarked_word
from bot.domain.orders import DISKS_PER_CREATE, Quick, named
from bot.domain.projects import Project
from bot.domain.quick import LEFT_OUT, failed
from bot.domain.requests import Item, Request, cloud_deletes, is_direct, spread_seconds
from bot.domain.transitions import GroupState, ItemState
from bot.ports.outbox import OutboxMessage
from bot.slack.views import buttons
from bot.slack.views.approval import NAMED, ask
from bot.slack.views.blocks import (
    context,
    divider,
    row,
    section,
)
from bot.slack.views.message import EDIT_CHARACTERS, POST_CHARACTERS, Message, arranged, fitted, sections
from bot.slack.views.mrkdwn import (
    bold,
    code,
    code_block,
    day,
    disk_kind,
    escaped,
    moment,
    permalink,
    plural,
    reason_told,
    sentence,
    shortened,
    time_of_day,
)
from bot.slack.views.record import record
from bot.slack.views.restore_help import BY_HAND, linked, named_pages, pages, shell_lines
from bot.slack.views.status_message import (
    LISTED,
    copied,
    disk_names,
    gone_in_words,
    root,
    what_was_named,
    worst_first,
)

ONE_MOMENT_S = 60.0
"""Of disks taken closer together than that, the first moment and the spread tell all that anybody looks for."""

NAME_CHARACTERS = 64
CAUSES = 30
"""Disks that a list tells one by one; with long names and causes more would not fit into Slack's 50 blocks."""


def rendered(
    outgoing: OutboxMessage,
    command: str,
    team_url: str,
    now: datetime,
    project: Project | None,
    *,
    bot_user_id: str = "",
) -> Message:
    """What is said, ready to be sent. `command` is the slash command people type, `team_url` Slack's own address,
    `bot_user_id` whom they invite.

    `project` is the one of the request; None where it has none yet, or one that is no longer configured.
    """
    match outgoing.kind:
        case "root" | "edit":
            first = outgoing.kind == "root"
            told = (outgoing.request, outgoing.all_items, outgoing.leaders, outgoing.groups)
            return root(*told, command, team_url, now, first=first)
        case "ask" | "ask_edit" if outgoing.request.told_directly:
            return ask(outgoing.request, outgoing.all_items, command, team_url, among_others=False)
        case "ask" | "ask_edit" | "ask_directly":
            return ask(outgoing.request, outgoing.all_items, command, team_url, called=outgoing.called)
        case "accepted":
            return accepted(outgoing.items)
        case "failure":
            return failure(outgoing.items, command)
        case "receipt" | "receipt_edit":
            most = POST_CHARACTERS if outgoing.kind == "receipt" else EDIT_CHARACTERS
            return receipt(outgoing.request, outgoing.all_items, outgoing.groups, command, team_url, project, most)
        case "record":
            return record(outgoing.request, outgoing.all_items, outgoing.groups, project)
        case "refusal":
            return refusal(outgoing.request.explanation, outgoing.request.text, command, outgoing.request.id)
        case "moved":
            return moved(outgoing.request, outgoing.why, bot_user_id)
        case "reminder":
            return reminder(outgoing.request, outgoing.items, command, outgoing.held)
        case "break_glass":
            return break_glass(outgoing.request, outgoing.all_items, command, team_url)


# --- in the thread ----------------------------------------------------------------------------------------------------


def accepted(items: Sequence[Item]) -> Message:
    """The cloud took it: job and snapshot ids, as a notification."""
    head = f":inbox_tray: *The cloud is creating {plural(len(items), 'snapshot')}*"
    lines = [f"• {_named(item)}: snapshot {code(item.snapshot_id or '')}{_how_taken(item)}" for item in items[:CAUSES]]
    if len(items) > CAUSES:
        lines.append(f"… and {len(items) - CAUSES} more; the receipt names them all.")
    return arranged([head, *lines])


def _named(item: Item) -> str:
    return bold(shortened(item.disk.label, NAME_CHARACTERS))


def _how_taken(item: Item) -> str:
    if item.joined_to:
        return ", joined: made for another request"
    return f", job {code(item.job_id)}" if item.job_id else ", found by its tag after a lost answer"


def failure(items: Sequence[Item], command: str) -> Message:
    head = f":x: *{plural(len(items), 'disk')} without a snapshot*"
    lines, left = [head, *_causes(items)], failed(items)
    message = arranged([*lines, *_again(left, command)])
    return {**message, "blocks": [*sections(lines), *_again_blocks(left)]}


def receipt(
    request: Request,
    items: Sequence[Item],
    groups: Sequence[ConsistencyGroup],
    command: str,
    team_url: str,
    project: Project | None,
    most: int = POST_CHARACTERS,
) -> Message:
    """What there is to go back to, disk by disk, worst first, and how; or the word of whoever refused it. `most`: the
    characters of its `text`.
    """
    if request.refused:
        return _refused_receipt(request, command)
    available = [item for item in items if item.state is ItemState.AVAILABLE and not item.gone]
    deleted = [item for item in items if item.state is ItemState.AVAILABLE and item.gone]
    others = sorted((item for item in items if item.state is not ItemState.AVAILABLE), key=worst_first)
    apart = _far_apart(available)
    where = "; the record has them all"
    line = _brief_receipt_line if len(items) > LISTED else _receipt_line
    gone = [f"• {_named(item)}: {gone_in_words(item)}, snapshot {code(item.snapshot_id or '')}" for item in deleted]
    disks = [*_causes(others, where), *(line(item, alone=apart) for item in available), *gone]
    together = list(filter(None, (_how_together(group, items) for group in groups)))
    head = list(filter(None, [_receipt_headline(items, available), _taken(available)]))
    reason = f": {reason_told(request.order.reason, team_url)}" if request.order.reason else "."
    facts = [f"Asked by <@{request.actor_id}>{reason}", *([_kept_until(request, available)] if available else [])]
    back, back_blocks = _way_back(project, available) if available else ([], [])
    last = [*facts, *_again(failed(items), command), *back]
    groups_told = fitted(together, most // 4, where)
    room = max(most - len("\n".join([*head, *groups_told, *last])) - 1, most // 4)
    text = "\n".join([*head, *fitted(disks, room, where), *groups_told, *last])
    blocks = [section("\n".join(head), "head"), *sections([*disks, *together]), context("\n".join(facts), "facts")]
    blocks += [*_again_blocks(failed(items)), *back_blocks]
    record = row([buttons.record(request.id)], "next")
    return {"text": text, "blocks": [*blocks, record]}


def _refused_receipt(request: Request, command: str) -> Message:
    again = f"What was asked: {code(f'{command} {shortened(request.text, 500)}')}"
    message = arranged([f":no_entry_sign: <@{request.actor_id}>, {sentence(request.explanation)}", again])
    if request.timed_out:
        message["blocks"].append(row([buttons.try_again(request.id)], "again"))
    return message


def _receipt_headline(items: Sequence[Item], available: Sequence[Item]) -> str:
    asked = copied(items)
    since = sum(item.state is ItemState.AVAILABLE and item.gone for item in items)
    sign = ":white_check_mark:" if len(available) == len(items) else ":warning:" if available else ":x:"
    sign = ":wastebasket:" if since else sign
    out = f", {len(items) - len(asked)} left out" if len(items) > len(asked) else ""
    deleted = f", {since} deleted since" if since else ""
    return f"{sign} *Receipt: {len(available)} of {plural(len(asked), 'snapshot')} available{deleted}{out}*"


def _far_apart(available: Sequence[Item]) -> bool:
    """Whether one moment does not tell of all: then each disk's line has its own time of day."""
    return (spread_seconds(available) or 0.0) >= ONE_MOMENT_S


def _taken(available: Sequence[Item]) -> str:
    """When, said once."""
    moments = sorted(item.taken_at for item in available if item.taken_at)
    if not moments:
        return ""
    spread = spread_seconds(available)
    if spread is None:
        return f"Taken {moment(moments[0])}."
    return f"Taken within {spread:.1f} s of each other. First: {moment(moments[0])}."


def _way_back(project: Project | None, available: Sequence[Item]) -> tuple[list[str], list[dict[str, Any]]]:
    """How to go back, as lines, and below a divider with a button for each page."""
    known, shell = pages(project, available), shell_lines(project, available)
    if project is not None and not shell:
        shell = "The record has what rolls back each disk from a shell."
    lines = [BY_HAND, *filter(None, (linked(known, available), shell))]
    there = f"\n{named_pages(known, available)}:" if known else ""
    blocks = [divider("line"), section(f"{BY_HAND}{there}", "back")]
    if known:
        links = [buttons.console_page(number, label, page) for number, (label, page) in enumerate(known)]
        blocks.append(row(links, "pages"))
    return lines, [*blocks, section(shell, "shell")] if shell else blocks


def reminder(request: Request, items: Sequence[Item], command: str, held: frozenset[str] = frozenset()) -> Message:
    """Before restore points were to go: the bot deletes none by itself, so somebody has to say what shall be.

    What this request did not make, or another one still keeps (`held`), it cannot let go.
    """
    until = f" until {day(request.expires_at)}" if request.expires_at else ""
    named_disks = disk_names([item.disk for item in items], NAMED)
    days = request.order.keep_days or 0
    head = (
        f":alarm_clock: <@{request.actor_id}>, {plural(len(items), 'snapshot')} of {named_disks} to be kept{until}: "
        "shall they stay, or go?"
    )
    own = [item.disk.label for item in deletable(items) if item.snapshot_id not in held]
    go = (
        f"to let them go: {code(f'{command} delete {request.id}')}"
        if own
        else "another request has them too, so this one cannot let them go"
    )
    typing = (
        f"Nothing deletes them by itself, and they are charged for as long as they exist. Request {code(request.id)}; "
        f"{go}."
    )
    message = arranged([head, typing])
    pressed = [buttons.keep_longer(request.id, days)]
    if own:
        pressed.append(buttons.let_go(request.id, own))
    message["blocks"].append(row(pressed, "remind"))
    return message


def _brief_receipt_line(item: Item, *, alone: bool) -> str:
    created = f" · {time_of_day(item.taken_at)}" if alone and item.taken_at else ""
    size = f" · {item.disk.size} GiB" if item.disk.size else ""
    return f"• {_named(item)}: available, {code(item.snapshot_id or '')}{size}{created}"


def _how_together(group: ConsistencyGroup, items: Sequence[Item]) -> str:
    """Whether the disks of a server were taken at one moment; the service promises crash consistency at most."""
    server = bold(shortened(group.server, NAME_CHARACTERS))
    members = sum(item.group_id == group.id and item.state is ItemState.AVAILABLE for item in items)
    if group.state is GroupState.SPLIT:
        return f"{server}: single snapshots started together, not one group — {sentence(group.cause)}"
    if group.cloud_id is None:
        return ""  # its disks were joined, or never sent; their own lines say so
    together = f"{plural(members, 'disk')} at one moment (crash-consistent)"
    return f"{server}: {together}, consistency group {code(group.cloud_id)}."


def _receipt_line(item: Item, *, alone: bool) -> str:
    """`alone`: at a moment that the disks do not share."""
    kind = {True: "incremental", False: "full", None: ""}[item.incremental]
    facts = [
        disk_kind(item.disk),
        kind,
        time_of_day(item.taken_at) if alone and item.taken_at else "",
        f"name {code(item.snapshot.name or '')}" if _named_by_us(item) else "",
        "joined" if item.joined_to else "",
    ]
    told = " · ".join(fact for fact in facts if fact)
    return f"• {_named(item)}: available, snapshot {code(item.snapshot_id or '')}{f' · {told}' if told else ''}"


def _named_by_us(item: Item) -> bool:
    """A joined snapshot has the name that somebody else gave it, a member of a group the one the cloud chose."""
    return item.joined_to is None and item.group_id is None


def _causes(items: Sequence[Item], elsewhere: str = "") -> list[str]:
    lines = [f"• {_cause_in_words(item)}" for item in items[:CAUSES]]
    if len(items) > CAUSES:
        lines.append(f"… and {len(items) - CAUSES} more without a snapshot{elsewhere}.")
    return lines


def _cause_in_words(item: Item) -> str:
    word = {ItemState.CANCELLED: "not sent", ItemState.UNKNOWN: "unknown"}.get(item.state, "failed")
    word = "left out" if item.code == LEFT_OUT else word
    cause = sentence(shortened(item.cause or "the cloud gave no reason", 400))
    known = f" (snapshot {code(item.snapshot_id)})" if item.snapshot_id else ""
    return f"{_named(item)}: {word}{known} — {cause}"


def _kept_until(request: Request, available: Sequence[Item]) -> str:
    if request.expires_at is None:
        return "Kept until someone deletes them; standard snapshots are charged for as long as they exist."
    if cloud_deletes(available):
        return f"The cloud deletes them on {day(request.expires_at)}."
    return f"To be kept until {day(request.expires_at)}. Nothing deletes them by itself; I ask before that day."


def _again(items: Sequence[Item], command: str) -> list[str]:
    """The next step after a failure, of every disk that failed; typing it is for who has no buttons."""
    if not items:
        return []
    told = _again_told(items)
    if len(items) <= DISKS_PER_CREATE:
        typed_out = f"{command} create {' '.join(item.disk.id for item in items)} project={items[0].project}"
        told += f" Without buttons, outside of threads: {code(typed_out)}"
    return [told]


def _again_told(items: Sequence[Item]) -> str:
    what = "it" if len(items) == 1 else f"these {len(items)}"
    return f"*Try Again* asks for {what} once more, in the name of whoever presses it."


def _again_blocks(items: Sequence[Item]) -> list[dict[str, Any]]:
    """Right below what failed, before anything else is read."""
    if not items:
        return []
    pressed = buttons.try_again(items[0].request_id, primary=True)
    return [section(_again_told(items), "again"), row([pressed], "try")]


# --- for one person only ----------------------------------------------------------------------------------------------


def refusal(told: str, said: str, command: str, reference: str | None = None) -> Message:
    """Cause and fix, and what was typed, ready to be copied and mended."""
    lines = [f":no_entry_sign: {sentence(told)}"]
    if "Nothing was" not in told and (reference or _makes_something(said)):
        lines.append("Nothing was created.")
    if said.strip():
        lines.append(f"You typed: {code_block(f'{command} {said}')}")
    if reference:
        lines.append(f"Reference: {code(reference)}")
    message = arranged(lines)
    if reference:
        message["blocks"].append(row([buttons.change_and_ask_again(reference)], "again"))
    return message


def _makes_something(said: str) -> bool:
    """Whether what was typed could have; a question that is refused says nothing of it."""
    return caseless(said).partition(" ")[0] in ("create", "quick")


def break_glass(request: Request, items: Sequence[Item], command: str, team_url: str) -> Message:
    """To everybody who could have been asked: what runs without them, why, and what is left for them to do."""
    disks = disk_names([item.disk for item in items], NAMED)
    head = f":rotating_light: <@{request.actor_id}> runs without approval in {escaped(request.project or '')}: {disks}."
    lines = [f"Reason given: “{reason_told(request.order.reason or '', team_url)}”."]
    if request.status_channel and request.status_ts:
        lines.append(f"<{permalink(team_url, request.status_channel, request.status_ts)}|See how it stands>.")
    lines.append(
        f"One of those who may approve has to review it: press the button, or type "
        f"{code(f'{command} review {request.id}')} where the project may be used."
    )
    message = arranged([head, *lines])
    message["blocks"].append(row([buttons.mark_reviewed(request.id)], "review"))
    return message


def left_over(request: Request, counts: str) -> Message:
    """In place of a message of which Slack's answer was lost. `counts` is the address of the one that goes on."""
    told = f":leftwards_arrow_with_hook: This stood here twice. <{counts}|The other message> of request"
    return arranged([f"{told} {code(request.id)} is the one that counts."])


def moved(request: Request, why: str, bot_user_id: str) -> Message:
    """Why the rest is told elsewhere, and what would change that, if anything would."""
    cause, remedy = _why_not_here(request, why, bot_user_id)
    told = f"Request {code(request.id)} is carried out all the same, and I tell you how it ends in a direct message."
    return arranged([" ".join(filter(None, (f":mailbox: I can't report here: {cause}.", told, remedy)))])


def _why_not_here(request: Request, why: str, bot_user_id: str) -> tuple[str, str]:
    """Cause and remedy. Source: Slack, chat.postMessage, errors."""
    elsewhere = "To follow it among others next time, ask in a channel that I am in."
    if why.startswith("restricted_action"):
        return "who may post in this channel is restricted", elsewhere
    match why:
        case errors.SHARED:
            return (
                "people of another organisation may read along",
                "To follow it among others next time, ask in a channel of our own.",
            )
        case "not_in_channel" | "channel_not_found" if is_direct(request.place.channel_id):
            return "these are direct messages that I am no part of", elsewhere
        case "not_in_channel" | "channel_not_found":
            invited = f"/invite <@{bot_user_id}>" if bot_user_id else "invite me"
            return "I was not invited to this channel", f"To follow it here next time: {invited}"
        case "is_archived":
            return "this channel is archived", elsewhere
        case "cannot_reply_to_message":
            return "this thread takes no more replies", ""
        case errors.GONE_AGAIN:
            return "my messages here were deleted", ""
        case _:
            return "Slack does not take my message", ""


def recorded(request: Request, *, checked: bool, approvals: int = 0) -> str:
    """The acknowledgement, read within a second. Ids, as a form gives them, tell nobody anything: they are counted."""
    if isinstance(request.order, Quick):
        return _planning(request, checked=checked)
    words = named(request.order)
    shown = [disk for disk in words if not is_disk_id(disk)]
    disks = ", ".join(code(shortened(unmarked_word(disk), 64)) for disk in shown[:5]) or plural(len(words), "disk")
    more = f" and {len(words) - len(shown[:5])} more" if shown and len(words) > 5 else ""
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


def _planning(request: Request, *, checked: bool) -> str:
    what = what_was_named(request)
    if checked:
        return (
            f":mag: Looking at the disks of {what}. The plan appears {_followed(request)}; request {code(request.id)}."
        )
    return (
        f":mag: Got it: a backup of {what}. I am checking your rights and the disks; the answer follows here. "
        f"Request {code(request.id)}."
    )


def _followed(request: Request) -> str:
    if is_direct(request.place.channel_id):
        return "here"
    return "in this thread" if request.place.thread_ts else "in this channel"
