"""`snapshot-bot audit …` through its own entrance: what is read, and what is handed over."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.test_cli import lived
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


def test_one_request_is_shown_with_its_reason_and_who_decided(lived: Run) -> None:
    said = lived("show", "r-one", verb="requests").out
    assert "  reason: data" in said
    assert "  agreed: U2 (1 needed)" in said
    assert "  break-glass: reviewed by U3" in said
