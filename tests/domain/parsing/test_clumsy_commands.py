"""Words that mean one thing to whoever types them: understood, or refused with what they want, ready to be copied."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.disks import near_names, pick
from bot.domain.errors import CommandError
from bot.domain.orders import Create, Quick, Selector
from bot.domain.parsing.commands import (
    KNOWN,
    Approve,
    Bind,
    Cancel,
    Command,
    Delete,
    Deny,
    GrantAccess,
    Help,
    ListSnapshots,
    Status,
    parse_command,
    read_command,
)
from tests.builders import a_disk
from tests.domain.parsing.test_commands import refused


def offered(text: str) -> list[str]:
    """What the refusal offers to copy."""
    return re.findall("`([^`]*)`", refused(text))


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("create data-02 name=before data-03", 'create data-02 name="before data-03"'),
        ("create data-01 reason=disk full on web 01", 'create data-01 reason="disk full on web 01"'),
        ("create data-01 reason=disk full keep=7", 'create data-01 reason="disk full" keep=7'),
        ("create data-01 description=it is late", 'create data-01 description="it is late"'),
        ("create data-27 keep=7 days", "create data-27 keep=7"),
        ("create data-27 keep=2 weeks", "create data-27 keep=14"),
        ("create data-27 keep = 7", "create data-27 keep=7"),
        ("create data-27 keep= 7", "create data-27 keep=7"),
        ("create data-27 keep:7", "create data-27 keep=7"),
        ("create data-27 keep =7", "create data-27 keep=7"),
        ("create data-27 reason = disk full", 'create data-27 reason="disk full"'),
        ("create data-27 project=payments data-28", "create data-27 data-28 project=payments"),
        ("create data-27 keep=7 data-28", "create data-27 data-28 keep=7"),
        ("create data-27 tags=env=prod", "tags=env:prod"),
        ("create data-27 tags=env=prod,app:x", "tags=env:prod,app:x"),
        ("create data-01 retention=7", "keep=7"),
        ("create data-01 retention=2w", "keep=14"),
        ("create data-01 comment=now", "reason=now"),
        ("create server=web-01", "quick server=web-01"),
        ("create data-19; data-20", "create data-19 data-20"),
        ("create data-19 ; data-20", "create data-19 data-20"),
        ("create data-19 and data-20", "create data-19 data-20"),
        ("create data-19 & data-20", "create data-19 data-20"),
        ("create data-19 + data-20 / data-21", "create data-19 data-20 data-21"),
        ("quick server=web-01 reason=disk full", 'quick server=web-01 reason="disk full"'),
        ("quick server=web-01 keep=7 days", "quick server=web-01 keep=7"),
        ("quick disks=a and b", "quick disks=a,b"),
        ("quick disks=a b", "quick disks=a,b"),
        ("quick tag=tier=prod", "tag=tier:prod"),
        ("bind server=web-01 reason=night shift", 'bind server=web-01 reason="night shift"'),
        ("deny r-7kq2m9xw reason=too big now", 'deny r-7kq2m9xw reason="too big now"'),
        ("quick all", "quick"),
        ("quick server web-01", "quick server=web-01"),
        ("quick server=web-01 now", "quick server=web-01"),
        ("quick server=web-01;web-02", "quick server=web-01,web-02"),
        ("create data-01 tags=env:prod app:x", "create data-01 tags=env:prod,app:x"),
        ("create data-01 tags=env:prod;app:x", "tags=env:prod,app:x"),
        ("create data-01 --keep 7", "create data-01 keep=7"),
        ("create data-01 tag=tier=prod", "tags=tier:prod"),
        ("create disks=data-01,data-02", "create data-01 data-02"),
        ("create data-01 keep=1w", "keep=7"),
        ("cancel r-7kq2m9xw please", "cancel r-7kq2m9xw"),
        ("deny r-7kq2m9xw too big", 'deny r-7kq2m9xw reason="too big"'),
        ("deny r-xjeewchq too big", 'deny r-xjeewchq reason="too big"'),
        ("deny r-7kq2m9xw reason too big", 'deny r-7kq2m9xw reason="too big"'),
        ("list project payments", "list project=payments"),
        ("list data-01", "list disk=data-01"),
        ("list server=web-01 disk_name=x", "disk=x"),
        ("bind this channel to web-01", "bind server=web-01"),
    ],
)
def test_the_refusal_offers_the_command_that_was_meant(typed: str, wanted: str) -> None:
    assert wanted in offered(typed)
    assert "Nothing was" in refused(typed)


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("snapshot data-01", "create data-01"),
        ("snap data-01 keep=7", "create data-01 keep=7"),
        ("take a snapshot of data-01", "create data-01"),
        ("make backup data-01", "create data-01"),
        ("back up data-01 reason=now", "create data-01 reason=now"),
        ("data-01", "create data-01"),
        ("data-01 data-02 keep=7", "create data-01 data-02 keep=7"),
        ("can you create data-01", "create data-01"),
        ("backup server=web-01", "quick server=web-01"),
        ("server=web-01", "quick server=web-01"),
        ("backup all", "quick"),
        ("everything", "quick"),
        ("stop", "cancel ID"),
        ("abort r-7kq2m9xw", "cancel r-7kq2m9xw"),
        ("kill R-7KQ2M9XW", "cancel r-7kq2m9xw"),
        ("undo", "cancel ID"),
        ("drop r-7kq2m9xw", "cancel r-7kq2m9xw"),
        ("rm r-7kq2m9xw", "delete r-7kq2m9xw"),
        ("remove", "delete ID"),
        ("wheres my backup", "status"),
        ("where's my backup?", "status"),
        ("show r-7kq2m9xw", "status r-7kq2m9xw"),
        ("show data-01", "list disk=data-01"),
        ("r-7kq2m9xw", "status r-7kq2m9xw"),
        ("ls", "list"),
        ("rollback data-01", "restore-points"),
        ("revert", "restore-points"),
        ("recover data-01", "restore-points"),
        ("restore data-01", "restore-points"),
        ("restore points", "restore-points"),
        ("who", "access"),
        ("whoami", "access"),
        ("approve-all", "approve ID"),
        ("lgtm r-7kq2m9xw", "approve r-7kq2m9xw"),
        ("reject r-7kq2m9xw", "deny r-7kq2m9xw reason=…"),
        ("retention=7", "create DISK keep=7"),
        ("keep=7 data-01", "create data-01 keep=7"),
        ("project=prod", "create DISK project=prod"),
        ("dry-run", "quick"),
        ("crate data-01", "create data-01"),
        ("resotre data-01", "restore-points"),
        ("how do I restore", "restore-points"),
        ("what is running", "status"),
        ("ls disk=data-01", "list disk=data-01"),
        ("sudo create data-01", "create data-01"),
        ("@snapshot-bot create data-01", "create data-01"),
        ("snapshot everything", "quick"),
        ("status-01 data-02", "create status-01 data-02"),
        ("tags=env=prod data-01", "create data-01 tags=env:prod"),
        ("name=x", "create DISK name=x"),
        ("the disk is full on web-01", "help"),
        ("go back to yesterday", "restore-points"),
        ("go back to r-7kq2m9xw", "restore r-7kq2m9xw overwrite"),
        ("did it work", "status"),
        ("did r-7kq2m9xw finish", "status r-7kq2m9xw"),
        ("qiuck", "quick"),
    ],
)
def test_a_word_that_is_no_verb_is_answered_with_the_one_thing_they_want(typed: str, wanted: str) -> None:
    assert offered(typed)[0] == wanted or wanted in offered(typed)[:2]
    told = refused(typed)
    assert "Nothing was done." in told
    assert len(told) < 200
    assert not {"unbind", "grant", "revoke"} & set(offered(typed))


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("extend r-7kq2m9xw", "with a button to keep them longer"),
        ("keep r-7kq2m9xw 14", "with a button to keep them longer"),
        ("schedule data-01 daily", "at the moment I am asked"),
        ("make @bob admin", "`grant @someone operator PROJECT`"),
    ],
)
def test_what_no_command_does_is_said(typed: str, told: str) -> None:
    assert told in refused(typed)


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("restore r-7kq2m9xw overwrite=yes", "restore r-7kq2m9xw overwrite"),
        ("restore r-7kq2m9xw overwrite=true reason=x", "restore r-7kq2m9xw overwrite reason=x"),
        ("restore r-7kq2m9xw overwrite=no", "restore r-7kq2m9xw"),
        ("restore r-7kq2m9xw overwrite=data-01", "restore r-7kq2m9xw"),
        ("verify r-7kq2m9xw overwrite=yes", "restore r-7kq2m9xw overwrite"),
        ("verify r-7kq2m9xw overwrite=no", "verify r-7kq2m9xw"),
    ],
)
def test_overwriting_is_a_word_and_no_option(typed: str, wanted: str) -> None:
    assert offered(typed) == ["overwrite", wanted]


@pytest.mark.parametrize("named", ["data-01", "disk=data-01", "disks=data-01,data-02"])
@pytest.mark.parametrize("verb", ["restore", "verify"])
def test_who_wants_one_disk_of_a_request_back_hears_how(verb: str, named: str) -> None:
    assert "For one disk, name its snapshot" in refused(f"{verb} r-7kq2m9xw {named}")


@pytest.mark.parametrize(
    "typed",
    [
        "don't delete r-7kq2m9xw",
        "do not delete r-7kq2m9xw",
        "never cancel r-7kq2m9xw",
        "what would delete r-7kq2m9xw do",
    ],
)
def test_talk_after_the_name_is_refused(typed: str) -> None:
    assert "Nothing was done." in refused(typed)
    assert not [one for one in offered(typed) if one.startswith(("delete", "cancel"))]


@given(st.text(alphabet="abz019-_ =,;\"'“`*•", max_size=40))
def test_what_is_offered_for_a_value_of_several_words_is_read_as_it_stands(value: str) -> None:
    words = [word for word in value.replace("=", "").split() if word.strip("`")]
    if len(words) < 2 or set("\"'“,;") & set(value):
        return
    (offer, *_) = offered(f"create v1 reason={' '.join(words)}")
    assert parse_command(offer) == Create(("v1",), reason=" ".join(" ".join(words).replace("`", "").split()))


QUESTIONS = [
    *(
        "create v1?",
        "create v1 ?",
        "create v1？",
        "create v1؟",
        "create v1?!",
        "create v1??",
        "create? v1",
        "`create v1`?",
    ),
    *("`create v1?`", "*create v1?*", "create v1? thanks", "create v1 name=x?", "create v1? name=x", "“create v1?”"),
    *("create v1?.", "create `v1`?", "create v1 reason=why not?", "create v1⁉", "create v1⁇"),
    *(f"{verb} r-7kq2m9xw?" for verb in ("delete", "approve", "cancel", "review", "Delete", "ＤＥＬＥＴＥ")),
    *("unbind?", "quick?", "quick server=web-01 confirm=no?", "bind server=web-01?", "deny r-7kq2m9xw reason=late?"),
]


@pytest.mark.parametrize("typed", QUESTIONS)
def test_a_question_is_no_order_and_is_told_what_it_would_do(typed: str) -> None:
    told = refused(typed)
    assert "ends in a question mark" in told
    assert "Nothing was done." in told
    assert not [one for one in offered(typed) if "?" in one or "？" in one]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ('create v1 reason="why not?"', Create(("v1",), reason="why not?")),
        ("create v1 reason=“why?” keep=7", Create(("v1",), reason="why?", keep_days=7)),
        ("create v1 reason=why? keep=7", Create(("v1",), reason="why?", keep_days=7)),
        ("create v1.", Create(("v1.",))),
        ("delete r-7kq2m9xw!", Delete("r-7kq2m9xw")),
        ("delete r-7kq2m9xw.", Delete("r-7kq2m9xw")),
    ],
)
def test_a_question_mark_within_a_value_and_the_end_of_a_sentence_are_none(typed: str, meant: Command) -> None:
    assert parse_command(typed) == meant


@pytest.mark.parametrize(
    "typed",
    [
        *("create ~v1~", "~create v1~", "create v1 ~v2~", "~delete r-7kq2m9xw~", "delete ~r-7kq2m9xw~", "*~unbind~*"),
        *("quick server=~web-01~", "quick server=web-01 ~confirm=no~", "~*unbind*~", "create ~v1 v2~ v3", "`~unbind~`"),
    ],
)
def test_what_is_struck_out_is_never_acted_on(typed: str) -> None:
    assert "Part of it is struck out" in refused(typed)


def test_a_tilde_strikes_nothing_out_by_itself_or_in_quotes() -> None:
    assert parse_command("create v1 reason=~5") == Create(("v1",), reason="~5")
    assert parse_command('create v1 reason="~5 to ~6, ~x~"') == Create(("v1",), reason="~5 to ~6, ~x~")


@pytest.mark.parametrize("verb", ["quick", "bind"])
@pytest.mark.parametrize("key", ["server", "server_id", "tag", "disks"])
@pytest.mark.parametrize("value", ["", ",", "，", "、", ",,", " , ", '""', '","', "\u200b"])
def test_a_selector_that_names_nothing_is_refused(verb: str, key: str, value: str) -> None:
    if key == "disks" and value in ("，", "、", '","'):
        return  # a disk may be called so; none is found
    assert "`" in refused(f"{verb} {key}={value} confirm=no")
    assert "`" in refused(f"{verb} , confirm=no")


def test_two_orders_in_one_are_none() -> None:
    assert "several orders" in refused("create v1\ndelete r-7kq2m9xw")
    assert "several orders" in refused("```\nunbind\nquick\n```")
    assert parse_command("create\nstatus-1\nlist-2") == Create(("status-1", "list-2"))


# --- what is offered ------------------------------------------------------------------------------------------------

OFFERS = [
    ("create data-01 keep: 7", "create data-01 keep=7"),
    ("create data-01 keep is 7", "create data-01 keep=7"),
    ("create data-01 keep := 7", "create data-01 keep=7"),
    ("create data-01 keep :7", "create data-01 keep=7"),
    ("create data-01 keep=7 Tage", "create data-01 keep=7"),
    ("create data-01 keep=2 Wochen", "create data-01 keep=14"),
    ("create data-01 keep=abc def", "create data-01 keep=DAYS"),
    ("create data-01 keep=7 or so", "create data-01 keep=7"),
    ("create data-01 with keep 7", "create data-01 keep=7"),
    ("create data-01 --keep=7", "create data-01 keep=7"),
    ("create data-01 --reason=disk full", 'create data-01 reason="disk full"'),
    ("create data-01 --name before --keep 7", "create data-01 name=before keep=7"),
    ("create data-01 tag=tier: prod", "create data-01 tags=tier:prod"),
    ("create data-01 tags=tier: prod", "create data-01 tags=tier:prod"),
    ("create data-01 project=payments prod", "create data-01 project=ALIAS"),
    ("create data-01 for INC-42", "create data-01 reason=INC-42"),
    ("create data-01 for 2 weeks", "create data-01 keep=14"),
    ("create data-01 reason=x please", "create data-01 reason=x"),
    ("create data-01 instant_access=yes, data-02", "create data-01 data-02 instant_access=yes"),
    ("create all disks of web-01", "quick server=web-01"),
    ("create everything on web-01", "quick server=web-01"),
    ("create the following data-01", "create data-01"),
    ("deny r-7kq2m9xw: too risky", 'deny r-7kq2m9xw reason="too risky"'),
    ("delete r-7kq2m9xw, r-7kq2m9xw", "delete r-7kq2m9xw"),
    ("delete the snapshot r-7kq2m9xw", "delete r-7kq2m9xw"),
    ("delete r-7kq2m9xw worked", "delete ID"),
    ("quick on web-01", "quick server=web-01"),
    ("quick web-01", "quick server=web-01"),
    ("quick for web-01", "quick server=web-01"),
    ("quick all disks of web-01", "quick server=web-01"),
    ("quick server=web-01 keep: 7", "quick server=web-01 keep=7"),
    ("quick server=web-01 keep=7 Tage", "quick server=web-01 keep=7"),
    ("quick no confirm", "quick confirm=YES_OR_NO"),
    ("create data-01 und data-02", "create data-01 data-02"),
    ("create data-01 和 data-02", "create data-01 data-02"),
    ("create data-01 or data-02", "create data-01 data-02"),
    ("can you delete r-7kq2m9xw", "delete r-7kq2m9xw"),
    ("great, create data-01", "create data-01"),
    ("backup of web-01", "quick server=web-01"),
]


def every_refusal(typed: str) -> str:
    """What is said at once, or once no disk was found by these words; empty where it is read without a fault."""
    try:
        command = parse_command(typed)
    except CommandError as refusal:
        return refusal.sentence
    return "\n".join(pick(command, [a_disk("data-01")], "payments").problems) if isinstance(command, Create) else ""


def is_read(command: str) -> bool:
    """Whether it can be sent as it stands, or shows in capitals what is missing."""
    if re.search(r"(?:^|[ =#:,])[A-Z][A-Z_]+(?:$|[ :,])|@someone|…", command):
        return True
    try:
        parse_command(command)
    except CommandError:
        return False
    return True


def commands_in(told: str) -> list[str]:
    return [one for one in re.findall("`([^`]*)`", told) if one.split(" ")[0] in KNOWN and " " in one]


@pytest.mark.parametrize(("typed", "wanted"), OFFERS)
def test_what_is_offered_is_what_was_meant(typed: str, wanted: str) -> None:
    assert wanted in commands_in(every_refusal(typed))


@pytest.mark.parametrize("typed", [*(typed for typed, _ in OFFERS), *QUESTIONS])
def test_every_command_that_is_offered_can_be_sent(typed: str) -> None:
    assert [one for one in commands_in(every_refusal(typed)) if not is_read(one)] == []


_PIECES = (
    "data-01 web-01 r-7kq2m9xw prod before 7 keep keep=7 keep= keep: = := : for is with days Tage weeks please no not",
    "reason=x reason because tags=a:b tag=a: a=b project=p project server server=web-01 server=, disks disks: all of",
    'on the snapshot and , ; - name=x: --name --keep=7 confirm confirm=maybe incremental "a" ? 2w yes, *',
)
_SAID = st.sampled_from([piece for pieces in _PIECES for piece in pieces.split()])


@given(st.sampled_from((*KNOWN, "backup", "snapshot", "can you", "thanks,")), st.lists(_SAID, max_size=6))
def test_whatever_is_typed_a_command_that_is_offered_can_be_sent(verb: str, words: list[str]) -> None:
    told = every_refusal(f"{verb} {' '.join(words)}")
    assert [one for one in commands_in(told) if not is_read(one)] == []


@pytest.mark.parametrize("typed", ["can you", "are you there", "could you please", "thanks", "ok thanks", "🙏", "lol"])
def test_small_talk_is_answered_with_help_alone(typed: str) -> None:
    assert offered(typed) == ["help"]


@pytest.mark.parametrize("typed", ["great data-01", "can data-01", "clear data-01", "grand plan", "late one", "levoke"])
def test_nothing_grave_is_guessed_from_a_word_that_is_another(typed: str) -> None:
    assert not [one for one in offered(typed) if one.split()[0] in ("delete", "grant", "approve", "unbind", "cancel")]


# --- understood -------------------------------------------------------------------------------------------------------

TWO = Create(("data-17", "data-18"))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("create data-17,data-18", TWO),
        ("create data-17, data-18", TWO),
        ("create data-17 , data-18,", TWO),
        ("create data-17 data-18 data-17", TWO),
        ("create\n• data-17\n• data-18", TWO),
        ("create\n- data-17\n- data-18", TWO),
        ("create 1. data-17 2. data-18", TWO),
        ("create * data-17 * data-18", TWO),
        ("/snapshot create data-17 data-18", TWO),
        ("`create data-17 data-18`", TWO),
        ("```create data-17 data-18```", TWO),
        ("```\ncreate data-17\ndata-18\n```", TWO),
        ("*create data-17 data-18*", TWO),
        ("_*create data-17 data-18*_", TWO),
        ("> create data-17 data-18", TWO),
        ("“create data-17 data-18”", TWO),
        ("please create data-17 data-18", TWO),
        ("Create: data-17 data-18", TWO),
        ("`create` data-17 data-18", TWO),
        ("(create) data-17 data-18", TWO),
        ("ｃｒｅａｔｅ data-17,data-18", TWO),
        ("cre\u00adate data-17 \ufeffdata-18", TWO),
        ("\u200bcreate \u2068data-17\u2069\u00a0data-18", TWO),
        ('create "data-17,data-18"', Create(("data-17,data-18",))),
        ("create v1 keep＝7", Create(("v1",), keep_days=7)),
        ("create v1 ｋｅｅｐ＝７", Create(("v1",), keep_days=7)),
        ("create v1 `keep=7`", Create(("v1",), keep_days=7)),
        ("create odd＝name", Create(("odd＝name",))),
        ("create v1 tags=env：prod，app：x", Create(("v1",), tags={"env": "prod", "app": "x"})),
        ("create v1 tags=env:prod, app:x", Create(("v1",), tags={"env": "prod", "app": "x"})),
        ("create v1 project=PAYMENTS‑PROD", Create(("v1",), project="payments-prod")),
        ("create v1 project=`payments-prod`", Create(("v1",), project="payments-prod")),
        ("create v1 name=a\u200bb", Create(("v1",), name="ab")),
        ('create v1 reason="ok \u202edeteled ton"', Create(("v1",), reason="ok deteled ton")),
        ("create v1 reason=磁盘已满，重启", Create(("v1",), reason="磁盘已满，重启")),
        ("create v1 reason=👩‍🚀", Create(("v1",), reason="👩‍🚀")),
        ("quick server=web-01,web-09", Quick((Selector("server", "web-01"), Selector("server", "web-09")))),
        ("quick server=web-01, web-09", Quick((Selector("server", "web-01"), Selector("server", "web-09")))),
        ('quick server="web-01, web-09"', Quick((Selector("server", "web-01"), Selector("server", "web-09")))),
        ("quick server=web-01，web-09", Quick((Selector("server", "web-01"), Selector("server", "web-09")))),
        ("quick disks=a, b", Quick((Selector("disk", "a"), Selector("disk", "b")))),
        ("quick disks=a ,b", Quick((Selector("disk", "a"), Selector("disk", "b")))),
        ("quick tag=tier:prod, app:x", Quick((Selector("tag", "tier:prod"), Selector("tag", "app:x")))),
        ("quick tag=tier：prod", Quick((Selector("tag", "tier:prod"),))),
        ("quick server_id=`ABCDEF`", Quick((Selector("server_id", "abcdef"),))),
        ("bind disks=a, b", Bind((Selector("disk", "a"), Selector("disk", "b")))),
        ("status R-7KQ2M9XW", Status("r-7kq2m9xw")),
        ("status `r-7kq2m9xw`", Status("r-7kq2m9xw")),
        ("cancel R‑7KQ2M9XW", Cancel("r-7kq2m9xw")),
        ("delete *r-7kq2m9xw*", Delete("r-7kq2m9xw")),
        ("approve <r-7kq2m9xw>", Approve("r-7kq2m9xw")),
        ("deny R-7KQ2M9XW reason=no", Deny("r-7kq2m9xw", "no")),
        ("deny reason=no r-7kq2m9xw", Deny("r-7kq2m9xw", "no")),
        ("list project=PAYMENTS", ListSnapshots(project="payments")),
        ("list MINE", ListSnapshots(mine=True)),
        ("list all", ListSnapshots()),
        ("list my snapshots", ListSnapshots(mine=True)),
        ("status of r-7kq2m9xw", Status("r-7kq2m9xw")),
        ("status id=R-7KQ2M9XW", Status("r-7kq2m9xw")),
        ("cancel #r-7kq2m9xw", Cancel("r-7kq2m9xw")),
        ("status?", Status()),
        ("status r-7kq2m9xw ?", Status("r-7kq2m9xw")),
        ("?", Help()),
        ("--help", Help()),
    ],
)
def test_what_only_looks_odd_is_understood(typed: str, meant: Command) -> None:
    assert parse_command(typed) == meant


@pytest.mark.parametrize("value", ["²", "①", "½", "7²", "٠", "7٪"])
def test_what_is_no_digit_is_no_number_of_days(value: str) -> None:
    assert "takes days" in refused(f"create v1 keep={value}")
    assert parse_command("create v1 keep=７") == Create(("v1",), keep_days=7)


def test_a_project_may_be_named_by_its_key_in_a_grant() -> None:
    assert read_command("grant <@U2> viewer project=payments") == read_command("grant <@U2> viewer payments")
    assert read_command("revoke <@U2> project=payments") == read_command("revoke <@U2> payments")


@pytest.mark.parametrize(
    ("word", "names", "wanted"),
    [
        ("data-1", ("data-21", "data-01", "data-19"), "Did you mean “data-01”?"),
        ("data_1", ("data-21", "data-01"), "Did you mean “data-01”?"),
        ("data-0l", ("data-20", "data-01"), "Did you mean “data-01”?"),
        ("data-O1", ("data-10", "data-01"), "Did you mean “data-01”?"),
        ("web-01", ("web-01-logs", "web-01-data", "x"), "For all disks of a server: `quick server=web-01`."),
        ("`web-01`", ("web-01-logs", "web-01-data", "x"), "For all disks of a server: `quick server=web-01`."),
    ],
)
def test_the_name_that_is_taken_for_another_is_suggested_first(word: str, names: tuple[str, ...], wanted: str) -> None:
    told = near_names(word, [a_disk(name, number) for number, name in enumerate(names)])
    assert told.strip().startswith(wanted)


@pytest.mark.parametrize("typed", ["data-01،data-02", "data-01、data-02", "data-01, data-02,", "data-01， data-02"])
def test_every_comma_parts_names(typed: str) -> None:
    command = parse_command(f"create {typed}")
    assert isinstance(command, Create)
    assert [disk.name for disk in pick(command, [a_disk("data-01"), a_disk("data-02", 2)], "payments").disks] == [
        "data-01",
        "data-02",
    ]


def test_another_apostrophe_is_the_same_to_the_eye() -> None:
    command = parse_command("create it’s")
    assert isinstance(command, Create)
    assert [disk.name for disk in pick(command, [a_disk("it's")], "payments").disks] == ["it's"]


def test_the_id_in_a_link_to_the_console_is_that_disk() -> None:
    disk = a_disk("x")
    link = f"<https://console.example/evs?region=x#/detail/{disk.id}|x1>"
    command = read_command(f"create {link.split('|')[0]}>")
    assert isinstance(command, Create)
    assert pick(command, [disk], "payments").disks == (disk,)


def test_a_project_is_named_without_case_to_grant_too() -> None:
    given = read_command("grant <@U0CAROL010> operator PAYMENTS-PROD")
    assert isinstance(given, GrantAccess)
    assert given.project == "payments-prod"
    for who in ("user:u0carol010", "USER:U0CAROL010", "`user:U0CAROL010`"):
        assert read_command(f"grant {who} operator payments-prod") == given
    every = read_command("`grant <@U0CAROL010> admin *`")
    assert isinstance(every, GrantAccess)
    assert every.project == "*"


def test_the_name_of_another_command_is_passed_over_where_it_is_this_bots() -> None:
    assert parse_command("/snap create v1", "/snap") == Create(("v1",))
    assert "Nothing was done." in refused("/remind create v1")


@given(st.text(alphabet='creat data-01=,;&+`*_~•-.【】＝，：“" \n\u200b\u202e7keepandreason', max_size=60))
def test_no_clumsy_text_breaks_the_parser(text: str) -> None:
    for typed in (text, f"create {text}", f"quick {text}", f"deny {text}"):
        with contextlib.suppress(CommandError):
            parse_command(typed)
