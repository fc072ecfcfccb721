"""A report as it is shown: what failed first, in columns, a last line that counts; and as JSON of a form that stays."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from bot.checks.findings import CHECKS, Page, Report, report_of
from bot.checks.shown import as_json, as_text
from bot.logs import Redactor

DOCUMENT = Path(__file__).parents[2] / "docs" / "check.md"


def a_report() -> Report:
    store, slack, project = Page("store"), Page("Slack"), Page("payments-prod")
    project.failed("right", "right evs:volumes:get", "it is closed", "Add it.")
    project.failed("credential", "access key shop", "it is refused", "")
    project.not_tried("rights")
    slack.warning("scope", "scopes", "the app has more than it uses", "Take them out.")
    slack.not_tried("channels", "people", "channels")
    slack.ok("bot token", "bot token", "it is of harbor")
    store.ok("store", "store", "store.db can be read and written")
    return report_of([store, slack, project])


def text(report: Report, width: int | None = None, *, coloured: bool = False) -> list[str]:
    return list(as_text(report, str, width=width, coloured=coloured))


def test_what_failed_comes_first_and_before_what_depends_on_it_in_columns_with_a_count_at_the_end() -> None:
    assert text(a_report()) == [
        "failed   payments-prod  access key shop        it is refused",
        "failed   payments-prod  right evs:volumes:get  it is closed. Add it.",
        "warning  Slack          scopes                 the app has more than it uses. Take them out.",
        "ok       store          store                  store.db can be read and written",
        "ok       Slack          bot token              it is of harbor",
        "",
        "Not tried because of that: Slack (channels, people), payments-prod (rights).",
        "2 failed, 1 warning, 2 ok.",
    ]


def test_where_nothing_is_wrong_the_last_line_says_so() -> None:
    page = Page("store")
    page.ok("store", "store", "well")
    assert text(report_of([page]))[-2:] == ["", "All is well: 1 ok."]


def test_on_a_terminal_a_line_is_broken_at_its_width_below_where_it_began() -> None:
    page = Page("store")
    page.failed("store", "store", "word " * 20, "Do it.")
    lines = text(report_of([page]), 80)[0].split("\n")
    assert len(lines) > 1
    assert all(len(line) <= 80 for line in lines)
    assert [line[:23] for line in lines[1:]] == [" " * 23] * (len(lines) - 1)
    assert " ".join(" ".join(lines).split()) == f"failed store store {'word ' * 19}word. Do it."


def test_a_narrow_terminal_breaks_lines_itself() -> None:
    assert "\n" not in "".join(text(a_report(), 50)[:5])


def test_colours_are_of_the_first_word_alone_and_stand_in_the_same_columns() -> None:
    plain, coloured = text(a_report()), text(a_report(), coloured=True)
    assert [re.sub("\x1b[^m]*m", "", line) for line in coloured] == plain
    assert coloured[0].startswith("\x1b[31mfailed\x1b[0m   payments-prod")


def test_what_would_act_in_a_terminal_is_harmless_and_one_line() -> None:
    page = Page("Slack")
    page.failed("channel", "channel C1", "#x\x1b[2J\nok  all is well", "")
    (line, *_) = text(report_of([page]))
    assert line.endswith("#x\\x1b[2J\\nok all is well")


@given(st.text(min_size=8, alphabet=st.characters(min_codepoint=33, max_codepoint=126)), st.text(), st.integers(0, 2))
def test_a_secret_stands_in_no_line_wherever_it_comes_from(secret: str, around: str, where: int) -> None:
    page = Page("Slack")
    texts = [around, around, around]
    texts[where] = f"{around}{secret}{around}"
    page.failed("bot token", *texts)
    report, hide = report_of([page]), Redactor([secret]).text
    assert secret not in "\n".join(as_text(report, hide, width=None, coloured=False)).replace("[hidden]", "")
    assert secret not in json.loads(as_json(report, hide, "1", Path("bot.toml")))["findings"][0].values()


def test_the_object_is_as_it_is_documented() -> None:
    document = DOCUMENT.read_text("utf-8")
    found = re.search(r"```json\n(.*?)```", document, re.DOTALL)
    assert found is not None
    shown = json.loads(as_json(a_report(), str, "0.1.0", Path("bot.toml")))
    jsonschema.validate(shown, json.loads(found[1]))
    assert (shown["well"], shown["counts"]) == (False, {"failed": 2, "warning": 1, "ok": 2})
    assert list(shown) == ["version", "config", "well", "counts", "not_tried", "findings"]
    assert shown["findings"][1] == {
        "state": "failed",
        "area": "payments-prod",
        "check": "right",
        "tried": "right evs:volumes:get",
        "found": "it is closed",
        "do": "Add it.",
    }


def test_each_check_is_documented_with_how_it_changes_nothing() -> None:
    rows = [line.strip("| ").split(" | ") for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith("| ")]
    assert {row[0]: row[1] for row in rows if len(row) == 3 and row[0] != "check" and "---" not in row[0]} == CHECKS
