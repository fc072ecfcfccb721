"""`snapshot-bot audit …` through its own entrance: what is read, and what is handed over."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.test_cli import OPEN, lived, tampered
from tests.test_cli_grants import Run, run

__all__ = ["lived", "run"]


def exported(run: Run, *arguments: str) -> list[dict[str, Any]]:
    said = run("export", *arguments, verb="audit")
    assert (said.code, said.err) == (0, "")
    return [json.loads(line) for line in said.out.splitlines()]


def test_the_export_says_of_each_row_who_asked_for_what_and_why(lived: Run) -> None:
    rows = exported(lived, "--disk", "d15c0000-0001-4000-8000-000000000001")
    assert {row["subject"] for row in rows} == {"r-one", "r-one-1"}
    request = rows[0]["request"]
    assert (request["requester"], request["approvers"], request["reviewed_by"]) == ("U1", ["U2"], "U3")
    assert request["reason"].startswith("data")
    assert [disk["snapshot"] for disk in request["disks"]] == ["s1"]


@pytest.mark.parametrize(
    ("arguments", "some"),
    [
        (("--since", "2026-11-23", "--until", "2026-11-23"), True),
        (("--until", "2026-11-22"), False),
        (("--since", "2026-11-24"), False),
        (("--project", "payments"), True),
        (("--project", "pay"), False),
        (("--disk", "no such disk"), False),
    ],
)
def test_the_export_is_narrowed_by_day_project_and_disk(lived: Run, arguments: tuple[str, ...], some: bool) -> None:
    assert bool(exported(lived, *arguments)) == some


def test_days_in_the_wrong_order_are_bad_use(lived: Run) -> None:
    said = lived("export", "--since", "2026-11-24", "--until", "2026-11-23", verb="audit")
    assert (said.code, said.out) == (2, "")
    assert "--since 2026-11-24 is later than --until 2026-11-23" in said.err


def test_a_pack_is_written_once_and_says_what_is_in_it(lived: Run) -> None:
    asked = ("evidence", "--from", "2026-11-23", "--to", "2026-11-23", "--out", "pack.zip")
    said = lived(*asked, verb="audit")
    assert (said.code, said.err) == (0, "")
    assert re.match(
        r"pack.zip holds \d+ rows of 2026-11-23 to 2026-11-23, with \d exceptions. See index.html", said.out
    )
    again = lived(*asked, verb="audit")
    assert (again.code, again.out) == (1, "")
    assert "pack.zip is there already and stays as it is." in again.err


@pytest.mark.parametrize(
    ("first", "last", "why"),
    [
        ("2026-11-24", "2026-11-23", "--from 2026-11-24 is later than --to 2026-11-23"),
        ("2026-11-23", "2999-01-01", "--to 2999-01-01 is not there yet. The last day is today"),
        ("yesterday", "2026-11-23", "--from takes a day such as 2026-11-23, not yesterday."),
    ],
)
def test_a_period_that_is_none_is_bad_use(lived: Run, first: str, last: str, why: str) -> None:
    said = lived("evidence", "--from", first, "--to", last, "--out", "pack.zip", verb="audit")
    assert (said.code, said.out) == (2, "")
    assert why in said.err
    assert not Path("pack.zip").exists()


def test_a_pack_of_a_broken_trail_is_written_and_ends_with_one(lived: Run) -> None:
    tampered(*OPEN, "update audit set actor = 'U9' where seq = 3")
    said = lived("evidence", "--from", "2026-11-23", "--to", "2026-11-23", "--out", "pack.zip", verb="audit")
    assert said.code == 1
    assert "The audit trail is broken, which the pack says too: row 3 was altered." in said.err
    assert Path("pack.zip").exists()


def test_one_request_is_shown_with_its_reason_and_who_decided(lived: Run) -> None:
    said = lived("show", "r-one", verb="requests").out
    assert "  reason: data" in said
    assert "  agreed: U2 (1 needed)" in said
    assert "  break-glass: reviewed by U3" in said
