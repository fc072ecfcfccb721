"""Whether a message that names the bot is an order, or talk about it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.parsing.addressing import Mentioned, Order, Quotation, SeveralOrders, Talk, read_mention

BOT = "U0BOT"
M = f"<@{BOT}>"


def read(text: str) -> Mentioned:
    return read_mention(text.replace("M ", f"{M} "), BOT)


@pytest.mark.parametrize(
    ("message", "order"),
    [
        ("M create v1", "create v1"),
        (f"<@{BOT}|snapshot-bot> status", "status"),
        (f"{M}create v1", "create v1"),
        (f"{M}, create v1", "create v1"),
        (f"{M}: create v1", "create v1"),
        (f"{M}： create v1", "create v1"),
        (f"{M}，create v1", "create v1"),
        (f"{M} :pray:", ":pray:"),
        (f"{M}-unbind", "-unbind"),
        (f"{M} - create v1", "create v1"),
        (f"{M} — create v1", "create v1"),
        (f"{M}! create v1", "create v1"),
        (f"*{M}* create v1", "create v1"),
        (f"*{M} create v1 reason=x*", "create v1 reason=x"),
        (f"M create v1\n{M}", "create v1"),
        ("M create\n\nv1\n\nv2\n\nthank you", "create\nv1\nv2"),
        (f"_{M}_: create v1", "create v1"),
        (f"  \u200b{M} create v1", "create v1"),
        ("hi M create v1", "create v1"),
        ("Hello, M create v1", "create v1"),
        ("hey there M create v1", "create v1"),
        ("Good morning! M create v1", "create v1"),
        ("thanks M create v1", "create v1"),
        ("please M create v1", "create v1"),
        (":wave: M create v1", "create v1"),
        ("<@U0BOB00002> M create v1", "create v1"),
        ("<@U0BOB00002|bob>, <!subteam^S1> M create v1", "create v1"),
        ("<!here> M create v1", "create v1"),
        ("M M create v1", "create v1"),
        (f"{M}, {M}: create v1", "create v1"),
        ("M grant <@U0ALICE> viewer x", "grant <@U0ALICE> viewer x"),
        (f"{M}", ""),
        (f"hi {M}", ""),
        ("web-01 is slow\nM create v1", "create v1"),
        ("web-01 is slow, ask M maybe\n\nM create v1\nthanks!", "create v1"),
        ("M create v1\nthanks", "create v1"),
        ("M create\n• v1\n• v2\nthank you all", "create\nv1\nv2"),
        ("M create v1,\nv2\nkeep=7", "create v1,\nv2\nkeep=7"),
        (f"{M}\ncreate v1", "create v1"),
        (f"{M}\n```create v1```", "```create v1```"),
        (f"{M}\n```\ncreate v1\nv2\n```\nthanks", "```\ncreate v1\nv2\n```"),
        ("M ```create v1```", "```create v1```"),
        ("M ```\ncreate v1\n```\nthanks for that", "```\ncreate v1\n```"),
        (f"{M}\n&gt; delete S", ""),
        ("M create v1\n&gt; M delete S", "create v1"),
        ("&gt; M delete S\nM create v1", "create v1"),
        ("```M delete S```\nM create v1", "create v1"),
    ],
)
def test_an_order_begins_the_message_or_a_line(message: str, order: str) -> None:
    assert read(message) == Order(order)


@pytest.mark.parametrize(
    "message",
    [
        "do not run M delete S",
        "what would M delete S",
        "never do M grant <@U0CAROL010> admin *",
        "I'd rather not M unbind",
        "don't M cancel R",
        "nobody may M revoke <@U0CAROL010> payments-prod",
        "&gt; M quick server=web-01 confirm=no",
        "  &gt; M quick",
        "*&gt;* M quick",
        "look:\n&gt; M quick server=web-01\nbad idea",
        "&gt;&gt;&gt; she wrote\nM delete S",
        "```\nM delete S\n```",
        "```M delete S```",
        "see ```\nM delete S\n``` ?",
        "`M delete S`",
        "“M delete S” is what he typed",
        f"~{M} delete S~",
        f"~{M}~ delete S",
        "1. M quick server=web-01\n2. reboot",
        "- M delete S",
        "(M delete S)",
        "Bob: M delete S",
        "no M delete S",
        "so M delete S",
        "if M delete S fails",
        "<@U0BOB00002> did M delete S",
        "hi, do not M delete S",
        "highly M delete S",
        "thanks to M delete S",
        "create data-01 M ",
        "ask M ",
    ],
)
def test_talk_about_the_bot_is_no_order(message: str) -> None:
    assert isinstance(read(message), Talk)


@pytest.mark.parametrize(
    "said",
    [
        *(f":{name}: M unbind" for name in ("no_entry", "x", "question", "thumbsdown", "stop_sign", "warning", "-1")),
        *(f":{name}: M unbind" for name in ("construction", "no_good", "no_entry_sign", "thinking_face", "rage")),
        *(f"{sign} M unbind" for sign in "⛔❌❓👎🛑⚠🚧🙅🤔"),
        "hi :x: M unbind",
        "* M unbind",
        "_ M unbind",
        "* * M unbind",
        f"* {M} unbind *",
        "bob  3:12 AM\nM unbind",
        "Bob Smith  12:34 PM\nM unbind",
        "bob APP  3:12 AM\nM unbind",
        "bob [12:34]\nM unbind",
        "[12:34] bob:\nM unbind",
        "bob  15:12\nM unbind",
        "bob  Today at 3:12 AM\nM unbind",
        "bob  3:12 AM\nweb-01 is slow\nM unbind",
        "hi no, M unbind",
        "hi don't, M unbind",
    ],
)
def test_a_sign_that_says_no_a_list_mark_and_a_copied_conversation_are_talk(said: str) -> None:
    assert isinstance(read(said), Talk)


@pytest.mark.parametrize(
    "before",
    [
        *(f":{name}:" for name in ("wave", "pray", "rotating_light", "fire", "eyes", "sos", "thread", "point_right")),
        *(":robot_face:", ":wave::skin-tone-3:", ":rotating_light: :rotating_light:"),
        *("👋", "🚨", "🙏", "👋🏽", "🚨 🚨", "👋 hi"),
        *(
            "Guten Morgen",
            "moin",
            "Moin moin,",
            "bonjour",
            "hola",
            "ciao",
            "你好",
            "你好，",
            "こんにちは",
            "servus",
            "hej",
        ),
        *("howdy", "greetings,", "gm", "bitte", "por favor,", "s'il te plaît,", "s’il vous plaît", "Grüß Gott"),
        *(
            "Buenos días",
            "Olá",
            "Привет,",
            "مرحبا",
            "안녕하세요",
            "おはようございます、",
            "早上好",
            "大家好，",
            "hii",
            "heyyy",
        ),
        *("hi bob,", "Hi @bob", "@bob", "@oncall", "team:", "hello Bob Smith,", "Good evening all,", "urgent:", "SOS"),
        "we reboot at 3:12 AM\n",
        "web-01 went down 03:12\n",
        "bob  3:12 AM\nit is slow\n\n",
    ],
)
def test_a_friendly_word_or_sign_before_the_name_is_no_talk(before: str) -> None:
    assert read(f"{before} M create v1") == Order("create v1")


@pytest.mark.parametrize(
    "rest",
    [
        "&gt; unbind",
        "&gt;&gt; unbind",
        "(unbind)",
        '"unbind"',
        "“unbind”",
        "'unbind'",
        "[unbind]",
        "【unbind】",
        "«unbind»",
    ],
)
def test_what_follows_the_name_in_quotes_or_brackets_is_shown_rather_than_said(rest: str) -> None:
    assert isinstance(read(f"M {rest}"), Quotation)
    assert isinstance(read(f"{M}: {rest} he said"), Quotation)


def test_one_message_is_one_order() -> None:
    assert read("M create v1\nM create v2") == SeveralOrders()
    assert read(f"{M}\nM create v2") == Order("create v2")


def test_another_account_whose_id_begins_alike_is_not_the_bot() -> None:
    assert isinstance(read_mention(f"<@{BOT}2> delete S", BOT), Talk)


def test_what_stands_behind_the_name_is_kept_for_a_question() -> None:
    assert read("could somebody ask M status") == Talk("status")
    assert read("please help M ") == Talk("please help")


@given(
    st.text(alphabet="abc don't never>`*_~\n&;:,.\u200b", max_size=40).filter(lambda text: any(map(str.isalpha, text))),
    st.sampled_from(["delete S", "grant <@U0CAROL010> admin *", "quick confirm=no", "unbind"]),
)
def test_behind_words_of_a_sentence_nothing_is_an_order(before: str, order: str) -> None:
    said = f"we {before.replace(chr(10), ' ')} {M} {order}"
    assert isinstance(read_mention(said, BOT), Talk)
    assert isinstance(read_mention(f"```\n{before.replace('`', '')}\n{M} {order}\n```", BOT), Talk)
    assert isinstance(read_mention("\n".join(f"&gt; {line}" for line in said.split("\n")), BOT), Talk)


@given(st.text(alphabet=f"<>@{BOT}|&gt;`*_~ \n:,-hi", max_size=120))
def test_no_message_breaks_the_reading(message: str) -> None:
    read_mention(message, BOT)
