"""`snapshot-bot requests …` and `audit …` through their own entrance, on a store somebody may have laid hands on."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain.audit import AuditEntry, before_post
from bot.domain.bindings import Binding
from bot.domain.deletions import Deletion
from bot.domain.orders import Create
from bot.domain.transitions import DeletionState, ItemState, RequestState
from bot.ports.requests import Incoming
from bot.store import audit
from bot.store.sqlite.database import SqliteDatabase
from bot.store.sqlite.schema import AUDIT_TRIGGERS
from bot.store.store import Store
from tests.builders import NOON, FakeClock, a_grant, a_request, an_actor, an_item
from tests.test_cli_grants import Run, Said, run

__all__ = ["run"]

STORE = Path("snapshot-bot.db")
NASTY = "data\x1b[2J\n\u202edeteled\x9b31m"
HARMLESS = "data\\x1b[2J\\n\\u202edeteled\\x9b31m"
BROKEN_TOML = '[credentials.payments]\nkind = "password"\npassword = "env:NOT_SET"\n[nonsense]\n'


def on_store(work: Callable[[Store], Awaitable[Any]]) -> Any:
    """Do something with the store as the bot would."""

    async def done() -> Any:
        database = SqliteDatabase(STORE)
        await database.open()
        try:
            return await work(Store(database, FakeClock()))
        finally:
            await database.close()

    return asyncio.run(done())


def tampered(*statements: str) -> None:
    """Do it as somebody would who may write the file: the guards first."""
    with sqlite3.connect(STORE) as db:
        for statement in statements:
            db.execute(statement)
    db.close()


OPEN = ("drop trigger audit_is_never_changed", "drop trigger audit_is_never_cut")


def guarded_again() -> None:
    with sqlite3.connect(STORE) as db:
        for name, text in AUDIT_TRIGGERS.items():
            db.execute(f"drop trigger if exists {name}")
            db.execute(text)
    db.close()


def resealed() -> None:
    """Write the whole chain anew, so that it holds."""
    tampered("drop trigger if exists audit_is_never_changed")
    with sqlite3.connect(STORE) as db:
        db.row_factory = sqlite3.Row
        previous = audit.GENESIS
        for row in db.execute("select * from audit order by seq").fetchall():
            row_hash = audit.chained_hash(dict(row), previous)
            db.execute("update audit set previous_hash = ?, hash = ? where seq = ?", (previous, row_hash, row["seq"]))
            previous = row_hash
    db.close()
    guarded_again()


async def lived_rows(store: Store) -> None:
    """A store with a decision of each kind, each with its row."""
    await store.configured_grants([a_grant("U1"), a_grant("U2", "approver", expires_at=NOON + timedelta(hours=8))])
    received = a_request(state=RequestState.RECEIVED, text=f"create {NASTY}", order=Create((NASTY,), reason=NASTY))
    await store.take_in("d", "C1", an_actor(), lambda held, bound: Incoming(received))
    disk = replace(an_item().disk, name=NASTY)
    item = an_item(1, ItemState.AVAILABLE, snapshot_id="s1", disk=disk, cause=NASTY, attempts=1)
    waiting = replace(received, state=RequestState.WAITING, approvals_needed=1, explanation=NASTY, break_glass=True)
    await store.decide_plan(
        waiting, [item], [before_post(received, item.id, "payments", disk.id, "allowed", "granted")]
    )
    await store.approve("r-one", "U2", [_allowed("U2", "approve")])
    assert await store.review("r-one", "U3", [_allowed("U3", "review")])
    deletion = Deletion("r-one-1", "r-one", "payments", "s1", "v1", NASTY, DeletionState.ASKED, "U1", "C1", NOON)
    (asked,) = await store.ask_deletion([deletion], [_allowed("U1", "delete")])
    await store.agree_to_deletion([asked], "U2", 2, [_allowed("U2", "delete")])
    entry = AuditEntry("U1", "bind", "C1", "done", "granted", {"project": "payments"})
    await store.bind("C1", [Binding("C1", "payments", "web-01")], [entry], over=[])
    await store.audit([AuditEntry(NASTY, "view", NASTY, "denied", "no-grant", {"asked": NASTY})])


def _allowed(actor: str, action: str) -> AuditEntry:
    return AuditEntry(actor, action, "r-one", "allowed", "granted")


@pytest.fixture
def lived(run: Run) -> Run:
    """bot.toml is of no use here: the store alone is needed."""
    on_store(lived_rows)
    Path("bot.toml").write_text(BROKEN_TOML)
    return run


def verify(run: Run, *arguments: str) -> Said:
    return run("verify", *arguments, verb="audit")


def head() -> tuple[int, str]:
    found: tuple[int, str] = on_store(lambda store: store.audit_head())
    return found


# --- a trail that is whole --------------------------------------------------------------------------------------------


def test_a_trail_that_is_whole_holds_without_a_file_and_without_secrets(lived: Run) -> None:
    seq, row_hash = head()
    assert verify(lived).out == f"The audit trail holds: {seq} rows, head {row_hash}.\n"
    assert verify(lived, "--head", f"{seq}:{row_hash}").code == 0
    assert verify(lived, "--head", f"row {seq}, {row_hash.upper()}.").code == 0
    Path("bot.toml").unlink()
    assert verify(lived).code == 0


def test_a_head_that_was_posted_long_ago_is_found_in_the_middle(lived: Run) -> None:
    seq, row_hash = head()
    on_store(lambda store: store.audit([_allowed("U9", "view")] * 3))
    assert verify(lived, "--head", f"{seq}:{row_hash}").code == 0


def test_a_store_that_is_new_has_no_row_and_holds(run: Run) -> None:
    on_store(lambda store: store.audit_head())
    assert verify(run).out == f"The audit trail holds: 0 rows, head {audit.GENESIS}.\n"


# --- and each way in which it is not ----------------------------------------------------------------------------------

LAST = "(select max(seq) from audit)"
ROW_OF_ITS_OWN = (
    "insert into audit select {}, at, actor, action, subject, outcome, rule, details_json, previous_hash, hash, null "
    "from audit where seq = 1"
)
FOUND: dict[str, tuple[tuple[str, ...], bool, str]] = {
    "a row changed": (("update audit set actor = 'U9' where seq = 3",), False, "row 3 was altered"),
    "bytes for text": (("update audit set actor = cast(actor as blob) where seq = 3",), False, "row 3 was altered"),
    "a value of another kind": (("update audit set actor = x'00' where seq = 3",), False, "row 3 was altered"),
    "a row taken out": (("delete from audit where seq = 3",), False, "row 3 is missing"),
    "the first row taken out": (("delete from audit where seq = 1",), False, "row 1 is missing"),
    "a row below the first": (
        (ROW_OF_ITS_OWN.format(-5),),
        False,
        "row 1 is missing: row -5 stands in its place",
    ),
    "row nought": (
        (ROW_OF_ITS_OWN.format(0),),
        False,
        "row 1 is missing: row 0 stands in its place",
    ),
    "all rows gone": (("delete from audit",), False, "all its rows are gone: there are 1 requests and no row"),
    "an approval without a row": (
        ("insert into approval values ('r-one', 'U9', 0)",),
        False,
        "U9 stands under r-one (approve)",
    ),
    "the row of an approval changed": (
        ("update audit set action = 'view' where action = 'approve'",),
        True,
        "U2 stands under r-one (approve)",
    ),
    "another reviewer": (("update request set reviewed_by = 'U8'",), False, "U8 stands under r-one (review)"),
    "somebody else asked to delete": (
        ("update deletion set asked_by = 'U8'",),
        False,
        "U8 stands under r-one (delete)",
    ),
    "somebody else agreed": (
        ("""update deletion set agreed_json = '["U2","U7"]'""",),
        False,
        "U7 stands under r-one (delete)",
    ),
    "a grant without a row": (
        ("insert into access_grant values ('user', 'U9', 'admin', '*', null, 'slack', 0)",),
        False,
        "the grant user:U9 admin * (slack) has no row",
    ),
    "a grant for longer": (
        ("update access_grant set expires_at = null",),
        False,
        "the end of the grant user:U2 approver payments (bot.toml)",
    ),
    "a grant of another role": (
        ("update access_grant set role = 'admin' where subject_id = 'U1'",),
        False,
        "user:U1 admin payments (bot.toml)",
    ),
    "a grant taken out": (("delete from access_grant where subject_id = 'U1'",), False, "no row says who took it back"),
    "a grant taken back and still there": (
        ("update audit set action = 'revoke' where seq = 1",),
        True,
        "(bot.toml) has no row",
    ),
    "a channel bound elsewhere": (("update binding set project = 'shop'",), False, "the channel C1 is bound to shop"),
    "an approval taken out": (
        ("delete from approval",),
        False,
        "U2 has a row under r-one (approve), and does not stand there any more",
    ),
    "a review taken back": (
        ("update request set reviewed_by = null",),
        False,
        "U3 has a row under r-one (review), and does not stand there any more",
    ),
    "somebody else asked for what was sent": (
        ("update request set actor_id = 'U6'",),
        False,
        "something of r-one was sent for U6, and there is no row of it",
    ),
    "a request taken out": (
        tuple(f"delete from {one}" for one in ("approval", "deletion", "item", "request")),
        False,
        "a row says that something of r-one was sent for U1, and no such request of theirs is there",
    ),
    "the row before a POST changed": (
        ("update audit set actor = 'U6' where action = 'create'",),
        True,
        "something of r-one was sent for U1, and there is no row of it",
    ),
    "an earlier head that was posted is not there": (
        (
            "insert into posted_head values (2, 'x', 0)",
            f"insert into posted_head select seq, hash, 0 from audit where seq = {LAST}",
        ),
        False,
        "it was written anew: row 2 does not have the hash that was posted before",
    ),
    "a trigger that passes over one person's rows": (
        ("create trigger quiet before insert on audit when new.actor = 'U9' begin select raise(ignore); end",),
        False,
        "the trigger quiet is none of the bot's: it may change what is written",
    ),
    "a trigger on another table": (
        ("create trigger gift after insert on approval begin delete from access_grant; end",),
        False,
        "the trigger gift is none of the bot's",
    ),
    "a trigger that counts, and does more": (
        (
            "drop trigger item_counted_as_gone",
            "create trigger item_counted_as_gone after delete on item begin delete from access_grant; end",
        ),
        False,
        "the trigger item_counted_as_gone is none of the bot's",
    ),
    "an agreement that is no list": (
        ("update deletion set agreed_json = 'U7'",),
        False,
        "U7 stands under r-one (delete), and there is no row of it",
    ),
    "an approver that is no text": (
        ("insert into approval values ('r-one', x'00', 0)",),
        False,
        "stands under r-one (approve), and there is no row of it",
    ),
    "a name with a line of its own": (
        ("insert into access_grant values ('user', 'U9', 'admin', 'x\nThe audit trail holds', null, 'slack', 0)",),
        False,
        "the grant user:U9 admin x\\nThe audit trail holds (slack) has no row",
    ),
}


@pytest.mark.parametrize(("statements", "anew", "told"), FOUND.values(), ids=FOUND)
def test_what_somebody_did_to_the_store_is_found(
    lived: Run, statements: tuple[str, ...], anew: bool, told: str
) -> None:
    tampered(*OPEN, *statements)
    guarded_again()
    if anew:
        resealed()
    said = verify(lived)
    assert (said.code, said.out) == (1, "")
    assert told in said.err


def test_of_a_trail_of_another_store_no_more_than_a_screen_is_told(lived: Run) -> None:
    on_store(lambda store: store.audit([_allowed(f"U{number}", "approve") for number in range(1_000, 1_500)]))
    lines = verify(lived).err.splitlines()
    assert (len(lines), lines[-1]) == (101, "And 400 more.")


@pytest.mark.parametrize("table", ["audit", "posted_head", "approval"])
def test_a_table_that_is_gone_is_told(lived: Run, table: str) -> None:
    tampered(f"drop table {table}")
    said = verify(lived)
    assert (said.code, said.out) == (1, "")
    assert f"snapshot-bot.db can't be read as a store: no such table: {table}." in said.err


@pytest.mark.parametrize(
    "value",
    ["at = 'noon'", f"at = {2**62}", "details_json = '{'", "details_json = x'ff'", f"details_json = '{'[' * 50_000}'"],
)
def test_the_export_passes_over_no_row_that_a_hand_made_unreadable(lived: Run, value: str) -> None:
    before = len(lived("export", verb="audit").out.splitlines())
    tampered(*OPEN, f"update audit set {value} where seq = 3")
    said = lived("export", "--since", "2020-01-01", verb="audit")
    assert (said.code, said.err) == (0, "")
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert [row["seq"] for row in rows] == list(range(1, before + 1))


@pytest.mark.parametrize(
    ("since", "odd", "first", "rest"),
    [
        ("2020-01-01", "noon", [3], True),
        ("2999-01-01", "noon", [3], False),
        ("2999-01-01", "0", [], False),
        ("1969-12-31", "-1", [1, 2, 3, 4], True),
        ("0001-01-01", "-99999999999999999", [1, 2, 3, 4], True),
    ],
)
def test_since_passes_over_what_is_earlier_wherever_it_stands(
    lived: Run, since: str, odd: str, first: list[int], rest: bool
) -> None:
    """The clock was set back in front of the fourth row; the third has what no bot writes."""
    last, _ = head()
    tampered(*OPEN, "update audit set at = 0 where seq in (1, 2, 4)", f"update audit set at = '{odd}' where seq = 3")
    said = lived("export", "--since", since, verb="audit")
    assert (said.code, said.err) == (0, "")
    exported = [json.loads(line)["seq"] for line in said.out.splitlines()]
    assert exported == [*first, *(range(5, last + 1) if rest else ())]


@pytest.mark.parametrize("store", ["sqlite:///folder", "sqlite:///nowhere/store.db"])
def test_a_store_that_can_be_no_file_is_told(lived: Run, monkeypatch: pytest.MonkeyPatch, store: str) -> None:
    monkeypatch.setenv("BOT_STORE", store)
    Path("bot.toml").unlink()
    Path("folder").mkdir()
    said = lived("list")
    assert (said.code, said.out) == (1, "")
    assert "can't be opened" in said.err


@pytest.mark.parametrize(
    "statements",
    [
        OPEN[:1],
        OPEN[1:],
        (OPEN[1], "create trigger audit_is_never_cut before delete on audit begin select 1; end"),
        (OPEN[0], "create trigger audit_is_never_changed before update of rule on audit begin select 1; end"),
    ],
)
def test_a_guard_that_is_gone_or_does_nothing_is_found(lived: Run, statements: tuple[str, ...]) -> None:
    tampered(*statements)
    said = verify(lived)
    assert said.code == 1
    assert "its guard audit_is_never_" in said.err
    assert len(said.err.splitlines()) == 1


def test_rows_cut_from_the_end_are_found_by_a_head_that_was_posted(lived: Run) -> None:
    seq, row_hash = head()
    tampered(*OPEN, f"delete from audit where seq = {LAST}")
    guarded_again()
    assert verify(lived).code == 0  # nothing in the store alone shows it
    said = verify(lived, "--head", f"{seq}:{row_hash}")
    told = f"it was cut: its head named with --head is row {seq}, and it ends with row {seq - 1}"
    assert (said.code, said.err) == (1, f"The audit trail is broken: {told}.\n")


def test_rows_cut_from_the_end_are_found_by_the_last_head_that_the_bot_posted(lived: Run) -> None:
    seq, row_hash = head()
    on_store(lambda store: store.head_posted(seq, row_hash, "anchor", NOON))
    assert verify(lived).code == 0
    tampered(*OPEN, f"delete from audit where seq = {LAST}")
    guarded_again()
    assert f"it was cut: its head posted last is row {seq}" in verify(lived).err


def test_a_chain_that_was_written_anew_is_found_by_its_head(lived: Run) -> None:
    seq, row_hash = head()
    on_store(lambda store: store.head_posted(seq, row_hash, "anchor", NOON))
    tampered(*OPEN, "update audit set rule = 'nothing' where rule = 'no-grant'")
    resealed()
    said = verify(lived)
    assert (said.code, len(said.err.splitlines())) == (1, 1)
    assert f"it was written anew: row {seq} does not have the hash that was posted last" in said.err
    assert "named with --head" in verify(lived, "--head", f"{seq}:{row_hash}").err


@pytest.mark.parametrize("text", ["", "12", "12:abc", "x:" + "0" * 64, f"-1:{'0' * 64}", "1:" + "g" * 64, NASTY])
def test_a_head_that_is_none_is_bad_use(lived: Run, text: str) -> None:
    said = verify(lived, f"--head={text}")
    assert said.code == 2
    assert "--head takes ROW:HASH" in said.err
    assert said.err.removesuffix("\n").isprintable()


@pytest.mark.parametrize("verb", [("audit", "verify"), ("audit", "export"), ("requests", "list")])
def test_a_store_that_is_not_there_is_no_trail_that_holds_and_is_not_made(run: Run, verb: tuple[str, str]) -> None:
    said = run(verb[1], verb=verb[0])
    assert (said.code, said.out) == (1, "")
    assert "There is no store at snapshot-bot.db." in said.err
    assert not STORE.exists()
    STORE.write_bytes(b"no database at all" * 100)
    said = run(verb[1], verb=verb[0])
    assert (said.code, "can't be opened: it is no SQLite database" in said.err) == (1, True)


# --- nothing raw ------------------------------------------------------------------------------------------------------


def test_requests_show_names_and_typed_text_harmless(lived: Run) -> None:
    listed, shown = lived("list", verb="requests"), lived("show", "r-one", verb="requests")
    assert (listed.code, shown.code) == (0, 0)
    assert len(listed.out.splitlines()) == 1
    for said in (listed, shown):
        assert all(line.isprintable() for line in said.out.split("\n"))
        assert HARMLESS in said.out
    lines = shown.out.split("\n")
    assert any(line.startswith("  typed: ") and "\\u001b[2J" in line for line in lines)
    assert sum(line.startswith("  waits: ") for line in lines) == 1


def test_the_export_escapes_as_json_does_and_reads_back_the_same(lived: Run) -> None:
    said = lived("export", verb="audit")
    assert all(line.isprintable() for line in said.out.split("\n"))
    rows = [json.loads(line) for line in said.out.split("\n") if line]
    assert (rows[-1]["actor"], rows[-1]["subject"], rows[-1]["details"]["asked"]) == (NASTY, NASTY, NASTY)


def test_errors_and_bad_use_are_harmless(lived: Run) -> None:
    for arguments, verb in (
        (("show", NASTY), "requests"),
        (("export", "--since", NASTY), "audit"),
        ((NASTY,), "audit"),
        (("verify", f"--{NASTY}"), "audit"),
        (("list", "--config", f"./{NASTY}.toml"), "grants"),
    ):
        said = lived(*arguments, verb=verb)
        assert said.code in (1, 2)
        assert said.out == ""
        assert all(line.isprintable() for line in said.err.split("\n")), said.err
        assert said.err


def test_a_terminal_that_knows_no_other_letters_than_ascii_ends_no_command(lived: Run) -> None:
    tampered("update item set disk_name = 'größe', disk_json = replace(disk_json, 'data', 'größe')")
    command = [sys.executable, "-m", "bot", "requests", "show", "r-one"]
    here = str(Path(__file__).parent.parent)
    environ = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": here}
    said = subprocess.run(command, env=environ, capture_output=True, check=False)
    assert (said.returncode, said.stderr) == (0, b"")
    assert b"gr\\xf6\\xdfe" in said.stdout


# --- rights need the store alone too ----------------------------------------------------------------------------------


def test_grants_need_no_secret_and_no_file(lived: Run) -> None:
    listed = lived("list")
    assert (listed.code, "U2: approver in payments until" in listed.out) == (
        0,
        False,
    )  # bot.toml says nothing of them now
    Path("bot.toml").unlink()
    assert lived("add", "user:U5", "viewer", "*").code == 0
    assert "U5: viewer in every project" in lived("list").out
    said = lived("add", "user:U5", "viewer", "payments")
    assert (said.code, "There is no project “payments”. Configured: none." in said.err) == (2, True)


@pytest.mark.parametrize(
    ("module", "needless"),
    [
        ("bot.cli_run", ["bot.simulator"]),
        ("bot.cli, bot.cli_grants, bot.cli_store", ["bot.simulator", "bot.app", "slack_bolt", "aiohttp", "httpx"]),
    ],
)
def test_no_command_loads_what_only_another_one_needs(module: str, needless: list[str]) -> None:
    program = f"import sys, {module}; print(*[name for name in {needless} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []
