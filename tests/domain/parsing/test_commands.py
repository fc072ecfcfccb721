"""The text after /snapshot."""

from __future__ import annotations

import contextlib
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import CommandError
from bot.domain.normalise import entered
from bot.domain.orders import Create, Quick, Restore, Way, as_typed
from bot.domain.parsing.commands import (
    KNOWN,
    Help,
    ListSnapshots,
    OpenForm,
    Question,
    Status,
    parse_command,
    word_of,
)
from bot.domain.parsing.words import plain_text


def refused(text: str) -> str:
    with pytest.raises(CommandError) as caught:
        parse_command(text)
    return caught.value.sentence


def test_help_is_help() -> None:
    assert parse_command("help") == parse_command("HELP me") == Help()


def test_nothing_and_a_create_without_a_disk_lead_to_the_form_with_what_was_typed() -> None:
    assert parse_command("") == parse_command("  ") == parse_command("create") == OpenForm(Create(()))
    assert parse_command("create name=nightly keep=7") == OpenForm(Create((), name="nightly", keep_days=7))


WORDS = st.text(max_size=30).map(
    lambda text: entered(" ".join(text.translate(dict.fromkeys(map(ord, '"“”„‟«»＂'))).split()))
)
ALIASES = st.from_regex(r"[a-z0-9][a-z0-9-]{0,39}", fullmatch=True)


@given(
    st.builds(
        Create,
        st.lists(WORDS.filter(bool), min_size=1, max_size=3, unique=True).map(tuple),
        project=st.none() | ALIASES,
        name=st.none() | WORDS.filter(lambda name: name and not name.startswith("autobk_")),
        description=st.none() | WORDS.filter(bool),
        tags=st.dictionaries(
            st.from_regex(r"[a-z]{1,9}", fullmatch=True), st.from_regex(r"[a-z.]{0,9}", fullmatch=True), max_size=3
        ),
        enterprise_project_id=st.none() | ALIASES,
        instant_access=st.none() | st.booleans(),
        incremental=st.none() | st.booleans(),
        keep_days=st.none() | st.integers(1, 65_536),
        reason=st.none() | WORDS.filter(bool),
    )
)
def test_an_order_written_as_a_command_is_read_back(order: Create) -> None:
    assert parse_command(as_typed(order)) == order


def test_both_kinds_of_quotes_at_once_are_written_so_that_they_are_read() -> None:
    order = Create(("v1",), reason='don\'t say "now"')
    assert parse_command(as_typed(order)) == Create(("v1",), reason="don't say ’now’")


def test_every_option_of_create_is_read() -> None:
    text = (
        "create vol-1 vol-2 project=payments name=nightly description=weekly tags=tier:prod,owner: "
        "enterprise_project_id=0 instant_access=yes incremental=false keep=7d reason=INC-42"
    )
    assert parse_command(text) == Create(
        ("vol-1", "vol-2"),
        project="payments",
        name="nightly",
        description="weekly",
        tags={"tier": "prod", "owner": ""},
        enterprise_project_id="0",
        instant_access=True,
        incremental=False,
        keep_days=7,
        reason="INC-42",
    )


@pytest.mark.parametrize(
    "quoted",
    [
        '"before upgrade"',
        "“before upgrade”",
        "'before upgrade'",
        "‘before upgrade’",
        "„before upgrade“",
        "«before upgrade»",
    ],
)
def test_straight_and_curly_quotes_hold_words_together(quoted: str) -> None:
    assert parse_command(f"create v1 name={quoted}") == Create(("v1",), name="before upgrade")


def test_the_apostrophe_in_dont_stands() -> None:
    assert parse_command("create v1 reason=don't description=“it’s  late”") == Create(
        ("v1",), reason="don't", description="it’s  late"
    )


def test_a_quoted_word_with_an_equals_sign_is_a_disk() -> None:
    assert parse_command('create "name=odd disk"') == Create(("name=odd disk",))


def test_a_quote_without_its_end_is_named() -> None:
    assert "never closed" in refused('create v1 name="before upgrade')


def test_options_take_dashes_and_any_case() -> None:
    assert parse_command("create v1 Instant-Access=ON") == Create(("v1",), instant_access=True)


def test_what_slack_escaped_is_undone() -> None:
    assert plain_text("a &amp;lt; b &lt;c&gt; <@U1|bob> <@U2> <#C1|ops> <http://web.example|web.example> <!here>") == (
        "a &lt; b <c> @bob @U2 #ops web.example @here"
    )


def test_keep_is_in_days_only() -> None:
    assert parse_command("create v1 keep=7") == parse_command("create v1 keep=7d") == Create(("v1",), keep_days=7)
    for wrong in ("24h", "0", "65537", "soon", "-1"):
        assert "`keep=` takes days" in refused(f"create v1 keep={wrong}")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("create v1 nmae=x", "There is no option “nmae”. Did you mean `name=`?"),
        ("create v1 name=a name=b", "`name=` is given twice."),
        ("create v1 name=", "`name=` is empty."),
        ("create v1 —name x", "Write options as key=value, such as name=nightly, instead of “—name”."),
        ("create v1 incremental=maybe", "“maybe” is neither yes nor no"),
        ("create v1 tags=prod", "“prod” has no key and colon."),
        ("create v1 tags=a:1,a:2", "The tag “a” is given twice."),
        ("create v1 tags=snapshot-bot-request:x", "is the bot's own"),
        ("create v1 tags=owner:bob@acme", "The value of tag “owner” is not allowed"),
        ("create v1 tags=a/b:1", "The tag key “a/b” is not allowed"),
        (f"create v1 name={'n' * 65}", "A snapshot name holds 64 characters; this one has 65."),
        (f"create v1 description={'d' * 86}", "A description holds 85 characters; this one has 86."),
        ("create v1 name=autobk_snapshot_1", "belong to Cloud Backup"),
        (f"create v1 reason={'r' * 301}", "A reason holds 300 characters"),
        ("create " + " ".join(f"v{n}" for n in range(21)), "One command takes up to 20 disks; these are 21."),
        ("creat v1", "not “creat”. Did you mean `create`?"),
        ("status a b", "`status` takes one id"),
        ("list v1", "Did you mean `list disk=v1`"),
        ("list size=3", "There is no option “size”."),
        ("x" * 2001, "That is 2,001 characters and I read at most 2,000."),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(text: str, sentence: str) -> None:
    assert sentence in refused(text)


def test_all_faults_are_told_at_once_and_nothing_was_created() -> None:
    told = refused(f"create v1 name={'n' * 65} description={'d' * 86} keep=x colour=red tags=a/b:1")
    assert told.startswith("5 things to mend. Nothing was created.")
    assert told.count("•") == 5


def test_twenty_tags_leave_no_room_for_the_bots_own() -> None:
    tags = ",".join(f"k{n}:v" for n in range(20))
    assert "give 19 at most" in refused(f"create v1 tags={tags}")


def test_status_and_list() -> None:
    assert parse_command("status") == Status()
    assert parse_command("status r-123") == Status("r-123")
    assert parse_command("list disk=orders project=payments mine") == ListSnapshots("orders", "payments", mine=True)


@given(st.text(max_size=300))
def test_no_text_breaks_the_parser(text: str) -> None:
    with contextlib.suppress(CommandError):
        parse_command(text)


@given(st.text(alphabet="create v1=\"'“”’:,-— nametagskeep", max_size=80))
def test_no_text_like_a_command_breaks_the_parser(text: str) -> None:
    with contextlib.suppress(CommandError):
        parse_command(f"create {text}")


def test_each_command_has_the_word_that_it_begins_with() -> None:
    kinds = (*get_args(Question), Create, Quick)
    of_the_way_back = {word_of(Restore("r-7kq2m9xw", way=way)) for way in get_args(Way)}
    assert {word_of(kind.__new__(kind)) for kind in kinds} | of_the_way_back == set(KNOWN)
    assert word_of(parse_command("")) == "form"
