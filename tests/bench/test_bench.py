"""The command that measures: it runs, and its JSON says what stands against what. No machine is told how fast to be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bench.__main__ import ROWS, main, parsed
from tests.bench.apps.sdk import has_sdk
from tests.bench.figures import ROOT, Figure, Goal, percentile, shown, table

ALONE = {"acknowledged before authorized", "Slack calls a minute", "CPU"}
"""What stands for itself."""


@pytest.mark.parametrize("row", ROWS)
def test_each_row_can_be_measured_and_stands_beside_its_baseline(row: str, tmp_path: Path) -> None:
    target = tmp_path / "figures.json"
    assert main([row, "--sizes", "smoke", "--json", str(target)]) == 0
    document: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
    assert document["revision"] and document["sizes"] and document["failed"] == {}
    assert {one["row"] for one in document["figures"]} == {row}
    for one in document["figures"]:
        assert one["against"] or one["what"] in ALONE or not has_sdk(), one
        assert one["value"] >= 0 and one["ratios"].keys() <= one["against"].keys()
        assert (ROOT / one["code"].partition(",")[0]).is_file()


def test_a_row_that_is_unknown_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["speed"])
    assert "no such row: speed" in capsys.readouterr().err


def test_everything_is_measured_in_full_unless_less_is_asked_for() -> None:
    assert [parsed(words).sizes for words in ([], ["ack", "--quick"], ["--sizes", "smoke"])] == [
        "full",
        "quick",
        "smoke",
    ]


def test_the_table_shows_each_figure_with_its_ratios_and_goals() -> None:
    goals = [Goal("bare", times=0.1), Goal("idle", plus=1.5), Goal(plus=3.0), Goal("not measured")]
    shown_table = table([Figure("ack", "one at once", "p50", 2.0, "ms", {"bare": 8.0, "idle": 0.0}, "here.py", goals)])
    assert "ack: one at once    [here.py]" in shown_table
    assert "2 ms" in shown_table and "bare 8 (0.25x)" in shown_table and "idle 0" in shown_table
    assert shown_table.endswith("   goal 0.1x bare: MISSED   goal idle + 1.5 ms: MISSED   goal 3 ms: kept")


def test_a_percentile_of_one_value_is_that_value() -> None:
    assert (percentile([3.0], 99), percentile([1.0, 2.0, 3.0], 50)) == (3.0, 2.0)
    assert (shown(0.12345), shown(1234.5)) == ("0.123", "1,234")


def test_every_row_is_documented() -> None:
    text = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
    assert [row for row in ROWS if f"| `{row}` |" not in text] == []
