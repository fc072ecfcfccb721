"""Answers to one person's question: status, list, help, refusals. Pure; private; nothing here is remembered."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.domain.denials import Denied
from bot.domain.items import Item
from bot.domain.options import CREATE_HELP
from bot.domain.orders import Restore
from bot.domain.parsing.commands import ListSnapshots
from bot.domain.quick import LEFT_OUT
from bot.domain.requests import Request
from bot.domain.results import NothingFound
from bot.domain.roles import Action
from bot.domain.transitions import RequestState
from bot.slack import ids
from bot.slack.views import buttons
from bot.slack.views.blocks import BUTTON_VALUE_CHARACTERS, option, plain, row
from bot.slack.views.disk_words import NAME_CHARACTERS, counts_in_words, gone_in_words, worst_first
from bot.slack.views.message import Message, arranged
from bot.slack.views.mrkdwn import bold, code, code_block, escaped, message_of, moment, person, sentence, shortened
from bot.slack.views.restoring.restoration_words import restorations_listed, thing_of
from bot.slack.views.status_message import status_message
from bot.workflow.queries.coming_back import ComingBack
from bot.workflow.queries.status import RECENT, Found, MayDo, Page

_EXAMPLE = 'name="before upgrade" keep=7 reason="INC-42"'

PROJECT_BUTTONS = 5
"""More are read more easily in a list to choose from."""

DISKS_LISTED = 5
"""Of a request in a list; with more, those that went worst, and how many of each state there are besides."""


def private(message: Mapping[str, Any]) -> dict[str, Any]:
    """The same message for one pair of eyes. Always said outright (Slack, slash command responses)."""
    return {"response_type": "ephemeral", **message}


def told(text: str) -> Message:
    """One sentence."""
    return arranged([sentence(text)])


def below(head: Sequence[str], message: Message) -> Message:
    """A message with sentences above it."""
    first = arranged(head) if head else Message(text="", blocks=[])
    text = "\n".join(filter(None, [first["text"], message["text"]]))
    return {**message, "text": text, "blocks": [*first["blocks"], *message["blocks"]]}


def as_written(text: str) -> Message:
    """Text that is mrkdwn already."""
    return arranged([text])


def form_button(form_id: str, command: str) -> Message:
    """Where no form can be opened: a button that does, with what was typed in it."""
    typed = code(f"{command} create DISK project=ALIAS")
    message = arranged([f"Which disks? Press the button and choose them, or name them: {typed}."])
    message["blocks"].append(row([buttons.open_form(form_id)], "form"))
    return message


def form_too_late(form_id: str, command: str) -> Message:
    """Slack gives a form three seconds; the button gives it three more."""
    opening = form_button(form_id, command)
    late = arranged(["Slack did not let me open the form in time.", opening["text"]])
    return {"text": late["text"], "blocks": [*late["blocks"], opening["blocks"][-1]]}


def which_project(why: str, projects: Sequence[str], question_id: str, order: str, command: str) -> Message:
    """An order that names none of several: what was typed, and each project to press."""
    message = arranged(
        [
            f":grey_question: {sentence(why)}",
            "Or choose it here: that counts as if you had typed it. Nothing was created yet.",
            f"You typed: {code_block(f'{command} {order}')}",
        ]
    )
    message["blocks"].append(row(_each_project(projects, question_id), "project"))
    return message


def _each_project(projects: Sequence[str], question_id: str) -> list[dict[str, Any]]:
    values = {alias: json.dumps({"question": question_id, "project": alias}) for alias in projects}
    if len(projects) <= PROJECT_BUTTONS:
        return [buttons.in_project(alias, number, value) for number, (alias, value) in enumerate(values.items())]
    return [
        {
            "type": "static_select",
            "action_id": ids.IN_PROJECT,
            "placeholder": plain("Choose the project"),
            "options": [option(alias, value) for alias, value in values.items()],
        }
    ]


def with_form(message: Message, form_id: str) -> Message:
    """A form besides, for what was typed in a message."""
    return {**message, "blocks": [*message["blocks"], row([buttons.open_form(form_id)], "form")]}


def nothing_bound(why: str, usable: Sequence[str], *, may_bind: bool) -> Message:
    """`quick` where nothing says what it means: name it, choose disks now, or bind the channel for good."""
    projects = [f"You may do this in {', '.join(map(bold, usable))}."] if usable else []
    message = arranged([f":grey_question: {sentence(why)}", *projects])
    shown = [buttons.choose_disks_now()]
    if may_bind:
        shown.append(buttons.bind_channel())
    message["blocks"].append(row(shown, "pick"))
    return message


def how_to_bind(command: str) -> Message:
    """Where no form can be opened: a button that does, and the words for it."""
    told = f"What shall `quick` mean in this channel? Type {code(f'{command} bind server=web-01 keep=7')}, or press."
    message = arranged([told])
    message["blocks"].append(row([buttons.bind_channel()], "bind"))
    return message


def lines(sentences: Sequence[str]) -> Message:
    """Several sentences, a line each."""
    return arranged([sentence(one) for one in sentences])


def status(found: Found | NothingFound | Denied, command: str, team_url: str, now: datetime) -> Message:
    match found:
        case Found(requests, groups, before, restorations):
            head = ["Nothing of yours is under way. What you asked for last:"] if before else []
            request, items = requests[0]
            rows = restorations.get(request.id, ())
            if len(requests) == 1 and not request.refused and (items or rows):
                shown = status_message(request, items, {}, groups, command, team_url, now, restorations=rows)
                return below(head, shown)
            return arranged([*head, *(_request_lines(*pair, restorations, team_url) for pair in requests)])
        case NothingFound(text) | Denied(_, text):
            return told(text)


def listing(found: Page | NothingFound | Denied, command: str, team_url: str = "") -> Message:
    match found:
        case Page(requests, asked, more, restorations):
            first, last = asked.offset + 1, asked.offset + len(requests)
            which = "The latest requests you may see" if first == 1 else f"Older requests, {first} to {last}"
            lines = [f"*{which}*", *(_request_lines(*pair, restorations, team_url) for pair in requests)]
            if more:
                narrower = f"{command} list disk=NAME"
                lines.append(f"There are older ones. Narrow it down: {code(narrower)}, `project=ALIAS` or `mine`.")
            message = arranged(lines)
            if pages := _pages(asked, more=more):
                message["blocks"].append(row(pages, f"pages.{asked.offset}"))
            return message
        case NothingFound(text) | Denied(_, text):
            return told(text)


def _pages(asked: ListSnapshots, *, more: bool) -> list[dict[str, Any]]:
    pages = []
    if asked.offset:
        pages.append(buttons.newer(_page(asked, max(asked.offset - RECENT, 0))))
    if more:
        pages.append(buttons.older(_page(asked, asked.offset + RECENT)))
    return pages


def _page(asked: ListSnapshots, offset: int) -> str:
    """Within the 2,000 characters of a button's value: a command's text is no longer than that before it is JSON."""
    page = {"disk": asked.disk, "project": asked.project, "mine": asked.mine, "offset": offset}
    return json.dumps(page, ensure_ascii=False)[:BUTTON_VALUE_CHARACTERS]


def _request_lines(request: Request, items: Sequence[Item], restorations: ComingBack, team_url: str) -> str:
    where = f" in {escaped(request.project)}" if request.project else ""
    who, asked = person(request.actor_id), moment(request.created_at)
    what = f"{thing_of(request.order.way)}: " if isinstance(request.order, Restore) else ""
    head = f"{code(request.id)} {what}{_request_state(request)}{where} · {who} · {asked}"
    if told_in := message_of(request, team_url):
        head += f" · {told_in}"
    if request.explanation:  # that nothing was created is said already
        head += f"\n      {sentence(shortened(request.explanation.replace(' Nothing was created.', ''), 300))}"
    if isinstance(request.order, Restore):
        return "\n      ".join([head, *restorations_listed(restorations.get(request.id, ()), request.order.way)])
    shown = items if len(items) <= DISKS_LISTED else sorted(items, key=worst_first)[:DISKS_LISTED]
    lines = [
        f"{bold(shortened(item.disk.label, NAME_CHARACTERS))} {_item_state(item)}"
        + (f" · {code(item.snapshot_id)}" if item.snapshot_id else "")
        for item in shown
    ]
    if rest := [item for item in items if item not in shown]:
        lines.append(f"and {len(rest)} more: {counts_in_words(rest)}")
    return "\n      ".join([head, *lines])


def _item_state(item: Item) -> str:
    if item.gone:
        return gone_in_words(item)
    return "left out" if item.code == LEFT_OUT else str(item.state)


def _request_state(request: Request) -> str:
    match request.state:
        case RequestState.DENIED:
            return "denied"
        case RequestState.DROPPED if request.nothing_came_of_it:
            return "dropped, nothing was created"
        case RequestState.RECEIVED:
            return "received, being checked"
        case _:
            return str(request.state)


def help_text(may: MayDo | Denied, command: str) -> Message:
    """Only what the caller may do, with their own project in the examples."""
    if isinstance(may, Denied):
        return told(may.explanation)
    able = {action: [alias for alias, their in may.by_project.items() if action in their] for action in Action}
    lines = ["*Snapshots of EVS disks, from here*"]
    if creatable := able[Action.CREATE]:
        lines += _how_to_create(command, creatable)
    if able[Action.VIEW]:
        lines += _how_to_look(command)
    if able[Action.RESTORE]:
        lines += _how_to_go_back(command)
    if able[Action.CANCEL]:
        lines.append(f"• {code(f'{command} cancel ID')} — calls back what was not sent to the cloud yet")
    if able[Action.DELETE]:
        lines.append(f"• {code(f'{command} delete ID')} — deletes what a request made, or one snapshot of it")
    if able[Action.APPROVE]:
        lines.append(
            f"• {code(f'{command} approve ID')}, {code(f'{command} deny ID reason=…')} — what waits for approval; "
            f"{code(f'{command} review ID')} — what ran without"
        )
    lines.append(f"• {code(f'{command} projects')}, {code(f'{command} access')} — what you may use, and why or why not")
    if administered := able[Action.ADMINISTER]:
        lines += _how_to_administer(command, administered[0])
    lines.append(f"• {code(f'{command} help')} — this")
    if may.by_project:
        usable = [f"{bold(alias)} ({', '.join(sorted(actions))})" for alias, actions in may.by_project.items()]
        lines.append(f"You may use, from this channel: {', '.join(usable)}.")
    else:
        lines.append(
            "You may use no project from this channel. Ask the people who run the snapshot bot for access, "
            "or try the channel of the project."
        )
    message = arranged(lines)
    if creatable:
        message["blocks"].append(row([buttons.new_snapshot("help")], "new"))
    return message


def _how_to_create(command: str, aliases: Sequence[str]) -> list[str]:
    project = f" project={aliases[0]}" if len(aliases) > 1 else ""
    return [
        f"• {code(command)} — a form, filled in with the mouse or the thumb",
        f"• {code(f'{command} create DISK{project}')} — a standard snapshot now; DISK is an id or a unique name",
        f"• {code(f'{command} create DISK DISK2{project} {_EXAMPLE}')} — several at once, named and explained",
        f"      options come last, several words in quotes: {CREATE_HELP}",
        f"• {code(f'{command} quick')} — a plan for every disk this channel is bound to, then one press",
        f"• {code(f'{command} quick server=web-01')} — the same for a server; or `tag=k:v`, `disks=a,b`",
    ]


def _how_to_look(command: str) -> list[str]:
    return [
        f"• {code(f'{command} status')} — what you have running; with an id (request, job or snapshot): that one",
        f"• {code(f'{command} list')} — the latest; narrower with `disk=`, `project=` or `mine`",
        f"• {code(f'{command} restore-points')} — what was made from this channel, and what still exists",
    ]


def _how_to_go_back(command: str) -> list[str]:
    return [
        f"• {code(f'{command} restore ID')} — new disks from the snapshots of a request, or from one; nothing is lost",
        f"• {code(f'{command} restore ID overwrite')} — rolls the disks themselves back, once another person agrees",
        f"• {code(f'{command} verify ID')} — proves at once that it can be done: test disks are made and deleted again",
    ]


def _how_to_administer(command: str, alias: str) -> list[str]:
    return [
        f"• {code(f'{command} grant @someone operator {alias} for=8h')} — or viewer, approver, admin",
        f"• {code(f'{command} revoke @someone {alias}')} — takes back what was granted by command",
        f"• {code(f'{command} bind server=web-01 keep=7')}, {code(f'{command} unbind')} — what quick means here",
    ]
