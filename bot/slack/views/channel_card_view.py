"""The message in a channel that is made or renamed for an incident."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.domain.bindings import Binding
from bot.domain.projects import Project
from bot.slack.views import buttons
from bot.slack.views.blocks import row
from bot.slack.views.message import Message, arranged
from bot.slack.views.mrkdwn import code, sentence, shortened
from bot.workflow.actions.bind import told_bindings

COVERED_CHARACTERS = 600


def channel_card(command: str, bound: Sequence[Binding], projects: Mapping[str, Project]) -> Message:
    """The disks that `quick` would cover, where its project may be used from the channel: then a plan would tell them
    to all there as well. Otherwise no project and no disk is named.
    """
    head = f":camera_with_flash: *An incident?* {code(f'{command} quick')} snapshots every disk it touches"
    if bound:
        covered = "This channel is bound already"
        if _told_here(bound, projects):
            covered = f"Here it means {sentence(shortened(told_bindings(bound), COVERED_CHARACTERS))}"
        return arranged([f"{head}.", f"{covered}: nothing more has to be typed."])
    how = (
        f"Nothing is bound here yet: name a server, {code(f'{command} quick server=web-01')}, "
        "or let an admin of its project bind this channel."
    )
    message = arranged([f"{head}, plan first.", how])
    shown = [buttons.bind_channel(), buttons.choose_disks()]
    message["blocks"].append(row(shown, "offer"))
    return message


def _told_here(bound: Sequence[Binding], projects: Mapping[str, Project]) -> bool:
    first = bound[0]
    project = projects.get(first.project)
    if project is None or any(one.project != first.project for one in bound):
        return False
    return not project.channels or first.channel in project.channels
