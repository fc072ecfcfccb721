"""A request whose disks wait for their turn, as its requester reads it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from bot.domain.parsing.commands import ListSnapshots
from bot.domain.transitions import ItemState, RequestState
from bot.domain.turns import WAITS_ITS_TURN, turn_in_words
from bot.slack.views import responses
from bot.slack.views.status_message import status_message
from bot.workflow.queries.status import Found, Page
from tests.block_kit import checked_message
from tests.builders import NOON, a_request, an_item

Golden = Callable[[str, Any], None]
TEAM = "https://harbor.slack.com/"
LATER = NOON + timedelta(seconds=75)
ONE = [an_item(1, code=WAITS_ITS_TURN, waiting_since=NOON)]
MANY = [
    *(an_item(number, ItemState.CREATING, snapshot_id=f"snap-{number}", progress=40) for number in range(1, 8)),
    *(an_item(number, code=WAITS_ITS_TURN, waiting_since=NOON) for number in range(8, 21)),
]


def test_one_disk_in_line(golden: Golden) -> None:
    request = a_request(state=RequestState.RUNNING, explanation=turn_in_words(1, 1, 37, 5.8))
    shown = checked_message(status_message(request, ONE, {}, (), "/snapshot", TEAM, LATER))
    assert "Waits for its turn: 37 disks before it, about 6 minutes." in shown["text"]
    golden("root_in_line", shown)


def test_some_of_many_in_line(golden: Golden) -> None:
    request = a_request(state=RequestState.RUNNING, explanation=turn_in_words(13, 20, 120, None))
    golden("root_in_line_many", checked_message(status_message(request, MANY, {}, (), "/snapshot", TEAM, LATER)))


def test_a_list_and_a_status_say_it_too(golden: Golden) -> None:
    request = a_request(state=RequestState.RUNNING, explanation=turn_in_words(1, 1, 37, 5.8))
    page = Page([(request, ONE)], ListSnapshots(), more=False)
    golden("list_in_line", checked_message(responses.listing(page, "/snapshot", TEAM)))
    for found in (Found([(request, ONE)]), Found([(request, ONE), (request, ONE)])):
        assert "37 disks before it" in responses.status(found, "/snapshot", TEAM, LATER)["text"]
