"""The ids of shortcuts, buttons and fields that more than one surface shows, and what Slack's own ids tell."""

from __future__ import annotations

from bot.domain.requests import Place

NEW_SNAPSHOT = "new_snapshot"
"""The global shortcut, and the button in help and in App Home."""

BACKUP_FOR_MESSAGE = "backup_for_message"
"""The message shortcut."""

OPEN_FORM = "open_form"
"""A button that opens a form which was begun; its value is the form's id."""

APPROVE = "approve_request"
DENY = "deny_request"
REVIEW = "review_request"
"""Buttons of those who may approve; the value is the request's id."""

IN_PROJECT = "order_in_project"
"""Answers which project an order is for; the value is the id of what is kept about that question, and the project, as
JSON. Where there are several buttons, their ids end in a number.
"""

LIST_NEWER = "list_newer"
LIST_OLDER = "list_older"
"""Turn the page of a list; the value is what that page asks for, as JSON."""

BIND = "bind_channel"
"""Opens the form that says what `quick` means in the channel of the button."""

CONFIRM = "confirm_plan"
"""Says go to a plan; its value is the request's id."""

TYPE_TO_CONFIRM = "type_to_confirm"
"""Opens the form in which a person types what is to be overwritten; its value is the request's id."""

RESTORE = "restore_points_of"
"""Opens the form that asks which way back is meant; its value is the id of a request with restore points."""

CHANGE = "change_plan"
"""Opens the form for another selection; its value is the request's id."""

EXTEND = "extend_points"
"""Keeps the restore points of a request for as long again; its value is the request's id."""

DELETE = "delete_points"
"""Lets the restore points of a request go; its value is the request's id."""

DELETE_FOR_GOOD = "delete_for_good"
"""Answers the question that a typed `delete` asks; its value is the id of what is kept about that question."""

AGREE = "agree_to_deletion"
"""Agrees to another person's deletion; its value is the request's id and the number of the asking, as JSON."""

CANCEL = "cancel_request"
"""Calls back what was not sent yet; its value is the request's id."""

TRY_AGAIN = "try_again"
"""Asks once more for what failed of a request; its value is the request's id."""

FROM_APP_HOME = ".home"
"""How the callback id of a form ends that was opened in App Home: Slack does not say where one was opened."""

POST_MORTEM = "show_post_mortem"
"""Shows the record of a request to the person who presses; its value is the request's id."""

CONSOLE = "console"
"""How the ids of buttons begin that open a page of the console: they tell the bot nothing."""

ASK_AGAIN = "ask_again"
"""A button under a refusal: the form with what was asked; its value is the request's id."""


def is_direct(channel_id: str) -> bool:
    """Whether it is no channel: a direct message (D), or a person (U, W), whose id stands for the conversation with
    them. Source: Slack, ids.
    """
    return channel_id.startswith(("D", "U", "W"))


def place_at(channel_id: str, thread_ts: str | None = None, team_id: str = "") -> Place:
    return Place(team_id, channel_id, thread_ts, direct=is_direct(channel_id))
