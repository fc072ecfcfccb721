"""What somebody entered in the smaller forms is read as it looks."""

from __future__ import annotations

import pytest

from bot.domain.orders import Selector
from bot.domain.parsing.commands import Bind
from bot.slack.listeners.binding import read_bind
from bot.slack.listeners.plans import read_selection
from bot.slack.payloads import Entered, read_state
from bot.slack.views.mrkdwn import code, cut_in_the_middle, escaped, sentence


def state(**texts: str) -> Entered:
    project = {"value": {"selected_option": {"value": "payments-prod"}}}
    return read_state({"project": project, **{name: {"value": {"value": text}} for name, text in texts.items()}})


def test_a_channel_is_bound_to_what_can_be_seen() -> None:
    bind, problems = read_bind(
        state(server="web-01\u200b，\u2068web-02\u2069", tag="tier：prod", keep="７", reason="ok \u202edeteled")
    )
    assert problems == {}
    assert bind == Bind(
        (Selector("server", "web-01"), Selector("server", "web-02"), Selector("tag", "tier:prod")),
        "payments-prod",
        7,
        "ok deteled",
        confirm=True,
    )


def test_letters_nobody_sees_bind_nothing() -> None:
    assert read_bind(state(server="\u200b\ufeff", disks="\u3164"))[1] == {"server": "Name a server, a tag or disks."}


def test_a_tag_with_an_equals_sign_is_told_beside_its_field() -> None:
    assert "`tag=tier:prod`" in read_bind(state(tag="tier=prod"))[1]["tag"]


def test_another_selection_of_a_plan_takes_lists_and_says_what_was_meant() -> None:
    assert read_selection((), "disks=a, b") == (Selector("disk", "a"), Selector("disk", "b"))
    assert read_selection((), "`server=web-01，web-02`") == (Selector("server", "web-01"), Selector("server", "web-02"))
    with pytest.raises(ValueError, match="quick server=web-01"):
        read_selection((), "server web-01")
    for more in ("keep=3", "confirm=no", "project=shop", "reason=x", "break_glass=payments-prod"):
        with pytest.raises(ValueError, match="Here only server="):
            read_selection((), f"server=web-01 {more}")


def test_no_text_turns_a_line_round() -> None:
    for shown in (escaped("ok\u202edeteled"), sentence("ok\u202edeteled"), code("ok\u202edeteled")):
        assert "okdeteled" in shown


def test_a_name_is_cut_in_the_middle() -> None:
    assert cut_in_the_middle("a" * 10 + "b" * 10, 9) == "aaaa…bbbb"
    assert cut_in_the_middle("short", 9) == "short"
