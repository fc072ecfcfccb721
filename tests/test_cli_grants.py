"""`snapshot-bot grants …`, through its own entrance, on a file of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.__main__ import main

CONFIG = """
[credentials.vm]
kind = "agency"

[projects.payments]
project_id = "0123456789abcdef0123456789abcdef"
region = "ap-southeast-3"
credentials = "vm"
approvals = 1

[projects.shop]
project_id = "5a0b5a0b5a0b5a0b5a0b5a0b5a0b5a0b"
region = "ap-southeast-3"
credentials = "vm"
channels = ["C0SHOP0001"]
"""
ADMIN = '[[grants]]\nsubject = "user:U1"\nrole = "admin"\nproject = "payments"\n'


@dataclass
class Said:
    code: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    for name in ("BOT_CONFIG", "BOT_STORE"):
        monkeypatch.delenv(name, raising=False)
    Path("bot.toml").write_text(CONFIG + ADMIN, "utf-8")

    def grants(*arguments: str, verb: str = "grants") -> Said:
        try:
            code = main([verb, *arguments])
        except SystemExit as exc:
            code = int(exc.code or 0)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return grants


def write(name: str, text: str) -> str:
    Path(name).write_text(text, "utf-8")
    return name


def grant(subject: str, role: str, project: str = "payments") -> str:
    return f'[[grants]]\nsubject = "{subject}"\nrole = "{role}"\nproject = "{project}"\n'


def trail(run: Run) -> list[tuple[str, str, str, str, str]]:
    rows = [json.loads(line) for line in run("export", verb="audit").out.splitlines()]
    return [(row["actor"], row["action"], row["subject"], row["outcome"], row["rule"]) for row in rows]


# --- adding and removing ----------------------------------------------------------------------------------------------


def test_what_is_added_is_listed_explained_and_removed_again(run: Run) -> None:
    added = run("add", "user:U2", "operator", "payments", "--for", "8h")
    assert (added.code, added.out.startswith("U2 is now operator in payments until ")) == (0, True)
    assert "U2: operator in payments until" in run("list").out
    assert run("explain", "user:U2", "cancel", "payments").code == 0
    assert run("remove", "user:U2", "payments").out == "U2 is no longer operator in payments.\n"
    assert run("explain", "user:U2", "cancel", "payments").code == 1
    assert [row[:4] for row in trail(run)] == [
        ("terminal", "grant", "payments", "done"),
        ("terminal", "revoke", "payments", "done"),
    ]


def test_the_terminal_says_that_it_did_not_ask_slack_who_that_is(run: Run) -> None:
    told = "Not checked, because Slack was not asked: whether U2 is a full member of the workspace.\n"
    assert run("add", "user:U2", "viewer", "payments").out.endswith(told)
    assert "whether S1 is a user group of the workspace." in run("add", "group:S1", "viewer", "payments").out
    assert "Not checked" not in run("add", "everyone", "viewer", "payments").out


def test_only_the_role_that_was_named_is_removed(run: Run) -> None:
    run("add", "group:S1", "operator", "payments")
    run("add", "group:S1", "approver", "payments")
    assert run("remove", "group:S1", "operator", "payments").out == "S1 is no longer operator in payments.\n"
    assert run("list").out.count("S1: approver in payments, granted in the terminal.") == 1


def test_a_list_is_narrowed_to_what_counts_in_a_project(run: Run) -> None:
    run("add", "everyone", "viewer", "*")
    run("add", "user:U2", "viewer", "shop")
    said = run("list", "--project", "shop").out
    assert said.splitlines() == [
        "everyone: viewer in every project (*), granted in the terminal.",
        "U2: viewer in shop, granted in the terminal.",
    ]


def test_a_row_of_bot_toml_is_refused_with_the_name_of_the_file(run: Run) -> None:
    said = run("remove", "user:U1", "payments")
    assert (said.code, said.err) == (
        1,
        "The role admin in payments stands in bot.toml. Take it out there. Nothing was changed.\n",
    )
    assert trail(run) == [("terminal", "administer", "payments", "denied", "kept-by-file")]


def test_a_row_of_an_imported_file_is_refused_with_the_name_of_that_file(run: Run) -> None:
    run("import", write("rights.toml", grant("user:U2", "viewer")), "--apply")
    said = run("remove", "user:U2", "payments")
    assert (said.code, "stands in rights.toml. Take it out there." in said.err) == (1, True)


def test_what_was_never_granted_cannot_be_removed(run: Run) -> None:
    assert run("remove", "user:U2", "payments").err == "U2 has no role in payments. Nothing was changed.\n"
    run("add", "user:U2", "viewer", "*")
    said = run("remove", "user:U2", "payments")
    assert (said.code, "What they have is in every project" in said.err) == (1, True)


def test_the_first_admin_of_a_project_comes_from_bot_toml(run: Run) -> None:
    said = run("add", "user:U2", "admin", "shop")
    assert (said.code, "shop has no admin yet, and its first one is named in bot.toml" in said.err) == (1, True)
    write("bot.toml", CONFIG + ADMIN + grant("user:U1", "admin", "shop"))
    assert run("add", "user:U2", "admin", "shop").code == 0


def test_the_last_admin_is_not_removed(run: Run) -> None:
    run("add", "user:U2", "admin", "payments")
    write("bot.toml", CONFIG)
    said = run("remove", "user:U2", "payments")
    assert (said.code, "payments would be left without an admin, now or once" in said.err) == (1, True)
    assert "U2: admin in payments" in run("list").out


def test_the_last_admin_is_not_given_an_end(run: Run) -> None:
    run("add", "user:U2", "admin", "payments")
    write("bot.toml", CONFIG)
    assert run("add", "user:U2", "admin", "payments", "--for", "1h").code == 1
    assert "U2: admin in payments, granted in the terminal." in run("list").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "bob", "operator", "payments"), "I can't tell who “bob” is."),
        (("add", "user:U2", "boss", "payments"), "invalid choice: 'boss'"),
        (("add", "user:U2", "operator", "nowhere"), "There is no project “nowhere”. Configured: payments, shop."),
        (("add", "user:U2", "operator", "payments", "--for", "soon"), "“soon” is not that."),
        (("remove", "user:U2"), "required: PROJECT"),
        (("explain", "user:U2", "fly", "payments"), "invalid choice: 'fly'"),
        (("import", "missing.toml"), "There is no such file."),
        ((), "required"),
    ],
)
def test_bad_use_ends_with_2_and_changes_nothing(run: Run, arguments: tuple[str, ...], words: str) -> None:
    said = run(*arguments)
    assert (said.code, words in said.err) == (2, True), said.err
    assert trail(run) == []


# --- explaining -------------------------------------------------------------------------------------------------------


def test_explaining_says_the_rule_the_reason_and_what_was_assumed(run: Run) -> None:
    said = run("explain", "user:U1", "create", "payments")
    assert said.code == 0
    assert said.out.splitlines() == [
        "rule: approval-needed",
        "user:U1 may create in payments once 1 more agree. Because of: U1: admin in payments, from bot.toml.",
        "Assumed, because Slack was not asked: a full member, in no user group (name them with --group S…).",
    ]


def test_explaining_takes_groups_and_the_channel_from_the_options(run: Run) -> None:
    run("add", "group:S1", "operator", "shop")
    nobody = run("explain", "user:U2", "view", "shop", "--channel", "C0SHOP0001")
    assert (nobody.code, nobody.out.splitlines()[0]) == (1, "rule: no-grant")
    elsewhere = run("explain", "user:U2", "view", "shop", "--group", "S1")
    assert (elsewhere.code, elsewhere.out.splitlines()[0]) == (1, "rule: channel-not-allowed")
    assert "in no channel (name it with --channel C…)" in elsewhere.out
    member = run("explain", "user:U2", "view", "shop", "--group", "S1", "--channel", "C0SHOP0001")
    assert (member.code, member.out.splitlines()[0]) == (0, "rule: granted")
    assert run("explain", "group:S1", "view", "shop", "--channel", "C0SHOP0001").code == 0


def test_explaining_an_unknown_project_is_a_denial(run: Run) -> None:
    said = run("explain", "user:U1", "view", "nowhere")
    assert (said.code, said.out.splitlines()[0]) == (1, "rule: unknown-project")


# --- importing and exporting ------------------------------------------------------------------------------------------


def test_an_import_shows_its_plan_and_changes_nothing_until_it_is_applied(run: Run) -> None:
    file = write("rights.toml", grant("user:U2", "operator") + grant("group:S1", "viewer", "*"))
    planned = run("import", file)
    assert planned.out.splitlines() == [
        "+ U2: operator in payments, from rights.toml.",
        "+ S1: viewer in every project (*), from rights.toml.",
        "2 added, 0 removed, 0 unchanged.",
        "Nothing was changed yet. Repeat it with --apply to do this.",
    ]
    assert ("rights.toml" in run("list").out, trail(run)) == (False, [])
    assert run("import", file, "--apply").code == 0
    assert run("list").out.count("from rights.toml") == 2
    assert [row[:4] for row in trail(run)] == [
        ("terminal", "grant", "payments", "done"),
        ("terminal", "grant", "*", "done"),
    ]


def test_an_import_owns_its_rows_and_no_others(run: Run) -> None:
    run("add", "user:U2", "operator", "payments")
    run("import", write("other.toml", grant("user:U3", "viewer")), "--apply")
    run("import", write("rights.toml", grant("user:U2", "operator") + grant("user:U4", "viewer")), "--apply")
    said = run("import", write("rights.toml", grant("user:U4", "viewer")), "--apply")
    assert said.out.splitlines() == [
        "- U2: operator in payments, from rights.toml.",
        "= U4: viewer in payments, from rights.toml.",
        "0 added, 1 removed, 1 unchanged.",
    ]
    assert "U2: operator in payments, granted in the terminal." in run("list").out
    assert "U3: viewer in payments, from other.toml." in run("list").out


def test_an_import_never_takes_out_the_last_admin(run: Run) -> None:
    run("import", write("rights.toml", grant("user:U2", "admin")), "--apply")
    write("bot.toml", CONFIG)
    empty = write("rights.toml", "")
    for arguments in ((empty,), (empty, "--apply")):
        said = run("import", *arguments)
        assert (said.code, "payments would be left without an admin, now or once" in said.err) == (1, True)
    assert "U2: admin in payments, from rights.toml." in run("list").out
    assert trail(run)[-1] == ("terminal", "administer", "payments", "denied", "last-admin")


def test_an_import_replaces_one_admin_by_another(run: Run) -> None:
    run("import", write("rights.toml", grant("user:U2", "admin")), "--apply")
    write("bot.toml", CONFIG)
    assert run("import", write("rights.toml", grant("user:U3", "admin")), "--apply").code == 0


def test_an_import_brings_no_first_admin(run: Run) -> None:
    said = run("import", write("rights.toml", grant("user:U2", "admin", "*")), "--apply")
    assert (said.code, "shop has no admin yet" in said.err) == (1, True)
    assert "rights.toml" not in run("list").out


def test_every_fault_of_an_imported_file_is_told_with_its_line(run: Run) -> None:
    file = write("rights.toml", grant("bob", "boss") + "[projects.x]\n")
    said = run("import", file, "--apply")
    assert said.code == 2
    for words in ("rights.toml line 2", "rights.toml line 3", "[projects]: Only [[grants]] may stand in this file."):
        assert words in said.err


def test_what_is_exported_can_be_imported_and_exported_again(run: Run) -> None:
    run("add", "group:S1", "approver", "*", "--for", "7d")
    run("add", "everyone", "viewer", "shop")
    first = run("export").out
    Path("snapshot-bot.db").unlink()
    assert run("import", write("all.toml", first), "--apply").code == 0
    assert "0 added, 0 removed, 3 unchanged." in run("import", "all.toml").out
    again = [line for line in run("export").out.splitlines() if not line.startswith("[[") and line]
    kept = [line for line in first.splitlines() if not line.startswith("[[") and line]
    assert set(again) == set(kept)


# --- a file's name is others' text too --------------------------------------------------------------------------------


def test_the_name_of_a_file_writes_no_line_of_its_own_and_is_no_grant(run: Run) -> None:
    rogue = 'x\n[[grants]]\nsubject = "user:U9"\nrole = "admin"\nproject = "*"\n\x1b[2J'
    name = write(rogue, grant("user:U2", "operator"))
    for arguments in (("import", name), ("import", name, "--apply"), ("list",), ("remove", "user:U2", "payments")):
        said = run(*arguments)
        assert not any(line.startswith(("[[", "subject")) for line in (said.out + said.err).splitlines())
        assert all(line.isprintable() for line in (said.out + said.err).split("\n"))
    again = run("import", write("again.toml", run("export").out)).out.splitlines()
    assert [line.partition(",")[0] for line in again if line.startswith("+")] == [
        "+ U1: admin in payments",
        "+ U2: operator in payments",
    ]


def test_a_file_that_is_not_there_and_a_fault_in_one_take_one_line(run: Run) -> None:
    assert len(run("import", "no\nsuch").err.splitlines()) == 2
    assert len(run("import", write("bad\nname", "=")).err.splitlines()) == 2


# --- in a pipe --------------------------------------------------------------------------------------------------------


def test_a_reader_that_has_seen_enough_is_no_fault(run: Run) -> None:
    """As `head` is, which ends before all is written."""
    reading, writing = os.pipe()
    os.close(reading)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-m", "bot", "grants", "list"]
    with os.fdopen(writing, "w") as pipe:
        ended = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, env=environment, check=False)
    assert (ended.returncode, ended.stderr) == (1, b"")
