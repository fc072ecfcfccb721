"""What stands below an order: part of it, a courtesy, or talk that may speak against it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import CommandError
from bot.domain.orders import Create, Quick, Selector
from bot.domain.parsing.addressing import Order, read_mention
from bot.domain.parsing.below import read_order
from bot.domain.parsing.commands import Command, Delete, GrantAccess, Unbind

BOT = "U0BOT"
M = f"<@{BOT}>"
ID = "r-7kq2m9xw"


def ordered(message: str) -> Command:
    """The order in a message; what is no order at all is none of these tests."""
    mentioned = read_mention(message.replace("M ", f"{M} "), BOT)
    assert isinstance(mentioned, Order)
    return read_order(mentioned.text, mentioned.below, "/snapshot")


def refused(message: str) -> str:
    with pytest.raises(CommandError) as caught:
        ordered(message)
    return caught.value.sentence


V1 = Create(("v1",))

COURTESIES = [
    *("thanks", "Thank you!", "please", "cheers", "thanks a lot, all", "Danke schön", "merci", "谢谢", "ありがとう"),
    *("cc <@U0BOB00002>", "<@U0BOB00002>", "cc @bob", "/cc @bob @carol", "@bob", "<!here>", "fyi @bob"),
    *(":pray:", ":wave: :wave:", "🙏", "👍", ":+1:", "+1", "thanks :pray:", "---", "…", "", "&gt; quoted line"),
]


@pytest.mark.parametrize("below", COURTESIES)
def test_a_courtesy_below_an_order_is_passed_over(below: str) -> None:
    assert ordered(f"M create v1\n{below}") == V1
    assert ordered(f"M delete {ID}\n{below}") == Delete(ID)
    assert ordered(f"M unbind\n{below}\n{below}") == Unbind()


PROSE = [
    "we need it before the reboot",
    "- before the reboot",
    "it is about web-01, see above",
    "Alice\nOn-call, Tuesday",
]


@pytest.mark.parametrize("below", PROSE[:3])
def test_prose_below_a_snapshot_is_passed_over(below: str) -> None:
    assert ordered(f"M create v1\n{below}") == V1
    assert ordered(f"M quick server=web-01\n{below}") == Quick((Selector("server", "web-01"),))
    assert ordered(f"M create\n• v1\n• data-02\n{below}") == Create(("v1", "data-02"))


@pytest.mark.parametrize("below", PROSE)
@pytest.mark.parametrize(
    "order",
    [
        *(f"{verb} {ID}" for verb in ("delete", "approve", "cancel", "review")),
        *(f"deny {ID} reason=late", "grant <@U0CAROL010> viewer payments", "revoke <@U0CAROL010> payments"),
        *("unbind", "bind server=web-01"),
    ],
)
def test_prose_below_what_takes_or_gives_a_right_stops_it(order: str, below: str) -> None:
    assert "Nothing was" in refused(f"M {order}\n{below}")


@pytest.mark.parametrize(
    "against",
    [
        *("no wait", "No, wait!", "don't", "don’t do it", "stop", "STOP", "cancel that", "scratch that", "never mind"),
        *("nevermind", "not yet", "wait", "hold on", "actually, don't", "sorry, wrong channel", "oh no", "not data-02"),
        *("oops", "just kidding", "but only if it is not busy", "please don't run it now", "we should not do it yet"),
        *(
            ":no_entry:",
            ":x:",
            "🛑",
            ":-1:",
            "-1",
            "👎",
            "?",
            "right?",
            "ok??",
            "nein",
            "stopp",
            "不要",
            "取消吧",
            "стоп",
        ),
        *("ignore the above", "forget it", "edit: cancel this", "- no", "undo that", "unless it is busy"),
    ],
)
def test_what_speaks_against_an_order_stops_it(against: str) -> None:
    assert "Nothing was" in refused(f"M create v1\n{against}")
    assert "Nothing was" in refused(f"M quick confirm=no\nthanks\n{against}")
    assert "Nothing was" in refused(f"M delete {ID}\n{against}")


@pytest.mark.parametrize("below", ["no rush", "not urgent", "no worries, thanks", "nothing else", "now or later today"])
def test_what_only_begins_like_a_no_does_not_stop_a_snapshot(below: str) -> None:
    assert ordered(f"M create v1\n{below}") == V1


@pytest.mark.parametrize(
    ("message", "meant"),
    [
        ("M create v1\nkeep=7", Create(("v1",), keep_days=7)),
        ("M create v1\nthanks\nkeep=7", Create(("v1",), keep_days=7)),
        ("M create v1\nwe reboot soon\nkeep=7", Create(("v1",), keep_days=7)),
        ('M create v1\nreason="disk full"\nname=before', Create(("v1",), name="before", reason="disk full")),
        ("M create v1\ntags=tier:prod, app:x", Create(("v1",), tags={"tier": "prod", "app": "x"})),
        ("M quick confirm=no\nserver=db-01", Quick((Selector("server", "db-01"),), confirm=False)),
        ("M quick confirm=no\n• server=db-01", Quick((Selector("server", "db-01"),), confirm=False)),
        ("M create\ndata-01, data-02", Create(("data-01", "data-02"))),
        ("M create\n```data-01\ndata-02```", Create(("data-01", "data-02"))),
        ("M create data-01\n```\nERROR: it is late\n```", Create(("data-01",))),
        ("M create data-01\n```\nkeep=7 of 9\n```", Create(("data-01",))),
    ],
)
def test_options_and_names_below_belong_to_the_order(message: str, meant: Command) -> None:
    assert ordered(message) == meant


@pytest.mark.parametrize(
    ("message", "offered"),
    [
        ("M create v1\nkeep=7 days", "create v1 keep=7"),
        ("M create v1\nkeep=7 please", "create v1 keep=7"),
        ("M create v1\nreason=disk full", 'create v1 reason="disk full"'),
        ("M create v1 keep=7\nwith reason=disk full", 'create v1 keep=7 reason="disk full"'),
        ("M quick confirm=no\nserver=db-01 please", "quick confirm=no server=db-01"),
        ("M quick confirm=no\nserver: db-01", "quick confirm=no server=db-01"),
        ("M bind server=db-01\nkeep=7 days", "bind server=db-01 keep=7"),
        ("M create data-01\nand data-02", "create data-01 data-02"),
        ("M create\ndata-01, data-02 and data-03", "create data-01 data-02 data-03"),
    ],
)
def test_an_option_below_that_cannot_be_read_is_refused_with_the_whole_command(message: str, offered: str) -> None:
    assert f"`{offered}`" in refused(message)


@pytest.mark.parametrize(
    "below",
    ["for one hour", "for=8h please", "for 8h", "until friday", "keep 7", "because she asked", "reason: she asked"],
)
def test_a_grant_is_never_made_without_what_is_written_below_it(below: str) -> None:
    assert "Nothing was changed" in refused(f"M grant <@U0CAROL010> admin payments\n{below}")
    assert isinstance(ordered("M grant <@U0CAROL010> admin payments\nfor=8h"), GrantAccess)


@pytest.mark.parametrize(
    "message",
    [
        f"{M}\n1. create data-01\n2. create data-02",
        f"{M}\n- unbind\n- create data-02",
        f"{M}\n```\ncreate data-01\ncreate data-02\n```",
        f"M create data-01\ndelete {ID}",
        f"M create data-01\nthanks\nthen this was said\ndelete {ID}",
        "M create data-01\nunbind",
    ],
)
def test_two_orders_under_one_name_are_none(message: str) -> None:
    assert "several orders" in refused(message)


def test_a_line_break_in_quotes_begins_no_other_order() -> None:
    assert ordered('M create v1 reason="first\nstatus was bad"') == Create(("v1",), reason="first\nstatus was bad")


@given(
    st.sampled_from([f"delete {ID}", "unbind", "grant <@U0CAROL010> admin *", f"approve {ID}"]),
    st.text(alphabet="abz no't019=:;,.-!?\n", min_size=1, max_size=40),
)
def test_nothing_said_below_is_lost_without_a_word(order: str, below: str) -> None:
    mentioned = read_mention(f"{M} {order}\n{below}", BOT)
    assert isinstance(mentioned, Order)
    if mentioned == Order(order):
        return  # a courtesy, or no word at all
    with pytest.raises(CommandError):
        read_order(mentioned.text, mentioned.below, "/snapshot")


def test_a_list_of_words_that_name_no_disk_opens_no_empty_form() -> None:
    assert "create DISK,DISK" in refused("M create\n- before the reboot")


@pytest.mark.parametrize(
    "item",
    ["- [x] data-01", ":one: data-01", "a) data-01", "→ data-01", "• data-01 (root disk)", "1) data-01"],
)
def test_every_kind_of_list_is_read(item: str) -> None:
    assert ordered(f"M create\n{item}\n{item.replace('01', '02')}") == Create(("data-01", "data-02"))


def test_the_line_that_stopped_it_is_shown_as_it_was_typed() -> None:
    assert "“so that <we> know”" in refused(f"M delete {ID}\nso that &lt;we&gt; know")
