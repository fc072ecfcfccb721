"""Buttons: each is read at a glance on a phone, and asks before it takes anything away."""

from __future__ import annotations

import pytest

from bot.slack import ids
from bot.slack.views import buttons

MANY = [f"web-{number:02}-with-a-name-that-goes-on-and-on-and-on" for number in range(40)]
EVERY = [
    buttons.new_snapshot("help"),
    buttons.choose_disks(),
    buttons.choose_disks_now(),
    buttons.bind_channel(),
    buttons.open_form("f-1"),
    buttons.in_project("a-project-with-a-name-of-40-characters-1", 4, "{}"),
    buttons.back_up("r-1", 1000),
    buttons.change_selection("r-1"),
    buttons.cancel_plan("r-1"),
    buttons.cancel("r-1", 1000, sent=True),
    buttons.approve("r-1", listed=True),
    buttons.deny("r-1", listed=True),
    buttons.mark_reviewed("r-1", listed=True),
    buttons.post_mortem("r-1"),
    buttons.try_again("r-1"),
    buttons.change_and_ask_again("r-1"),
    buttons.console_page(3, "Disks of a server with a very long name", "https://console.test/"),
    buttons.newer("{}"),
    buttons.older("{}"),
    buttons.keep_longer("r-1", 65536),
    buttons.let_go("r-1", MANY),
    buttons.delete("r-1", MANY),
    buttons.delete_for_good("f-1"),
    buttons.agree("r-1", 2),
]
IDS = {value for name, value in vars(ids).items() if name.isupper() and isinstance(value, str)}


@pytest.mark.parametrize("button", EVERY, ids=lambda button: button["text"]["text"])
def test_a_label_is_short_enough_for_a_phone(button: buttons.Button) -> None:
    assert len(button["text"]["text"]) <= buttons.BUTTON_LABEL_CHARACTERS
    assert button["action_id"].partition(".")[0] in IDS


@pytest.mark.parametrize("button", EVERY, ids=lambda button: button["text"]["text"])
def test_what_takes_something_away_asks_before_and_nothing_else_does(button: buttons.Button) -> None:
    asks = button["action_id"] in (ids.DELETE, ids.AGREE, ids.CANCEL) and button["text"]["text"] != "Cancel Plan"
    assert ("confirm" in button) is asks


def test_the_question_before_a_deletion_fits_however_many_disks_it_names() -> None:
    asked = buttons.delete("r-1", MANY)["confirm"]["text"]["text"]
    assert len(asked) <= buttons.CONFIRM_CHARACTERS
    assert "and 35 more" in asked and asked.endswith("can't be brought back.")


def test_among_others_like_it_a_button_says_aloud_which_it_is() -> None:
    assert buttons.approve("r-1", listed=True)["accessibility_label"] == "Approve request r-1"
    assert "accessibility_label" not in buttons.approve("r-1")
