"""A report as people read it, and as programs do."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

from bot.checks.findings import Finding, Report, State

_COLOURS = {State.FAILED: "\x1b[31m", State.WARNING: "\x1b[33m", State.OK: "\x1b[32m"}
_PLAIN = "\x1b[0m"
_WIDEST_TRIED = 34
"""Characters of the column of what was tried; what is longer pushes its own line alone."""

_NARROWEST = 40

Hide = Callable[[str], str]
"""Takes secrets out of a text."""


def as_text(report: Report, hide: Hide, *, width: int | None, coloured: bool) -> Iterator[str]:
    """A line each, and a last one that counts. `width`: that of the terminal; None: each finding is one line."""
    where = max((len(one.area) for one in report.findings), default=0)
    tried = max((len(hide(one.tried)) for one in report.findings), default=0)
    for finding in report.findings:
        head = f"{finding.state:<7}  {finding.area:<{where}}  {hide(finding.tried):<{min(tried, _WIDEST_TRIED)}}  "
        line = _wrapped(head, hide(_sentences(finding)), width)
        yield _painted(line, finding.state) if coloured else line
    yield ""
    if report.waiting:
        yield _wrapped("", f"Not tried because of that: {hide(', '.join(report.waiting))}.", width)
    yield _counted(report)


def as_json(report: Report, hide: Hide, version: str, config: Path) -> str:
    """One object; its keys and the words of `state` and `check` stay as they are from version to version."""
    findings = [
        {
            "state": str(one.state),
            "area": one.area,
            "check": one.check,
            "tried": hide(one.tried),
            "found": hide(one.found),
            "do": hide(one.todo),
        }
        for one in report.findings
    ]
    counts = {str(state): report.count(state) for state in State}
    head = {"version": version, "config": str(config), "well": report.well, "counts": counts}
    return json.dumps({**head, "not_tried": [hide(one) for one in report.waiting], "findings": findings}, indent=2)


def _sentences(finding: Finding) -> str:
    return f"{finding.found}. {finding.todo}" if finding.todo else finding.found


def _wrapped(head: str, text: str, width: int | None) -> str:
    if width is None or width - len(head) < _NARROWEST:
        return f"{head}{text}"
    indent = " " * len(head)
    lines = textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
    return f"{head}{chr(10).join(lines)[len(head) :]}"


def _painted(line: str, state: State) -> str:
    return f"{_COLOURS[state]}{state}{_PLAIN}{line[len(state) :]}"


def _counted(report: Report) -> str:
    failed, warnings, well = (report.count(state) for state in State)
    parts = [f"{failed} failed" if failed else "", f"{warnings} warning{'s' * (warnings != 1)}" if warnings else ""]
    told = ", ".join([*filter(None, parts), f"{well} ok"])
    return f"{told}." if failed or warnings else f"All is well: {told}."
