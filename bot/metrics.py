"""The metrics: what each is called, what it tells, and what it counts. As Prometheus reads them: text format 0.0.4."""

from __future__ import annotations

from collections.abc import Mapping

COUNTED = ("request", "item")
"""The tables whose rows are counted, by their state."""

_NAME = "snapshot_bot_rows"
_HELP = "Requests and items by state."


_FAILURES = "snapshot_bot_failures_total"
_FAILURES_HELP = "Calls in vain and deliveries that were refused, by their cause."


def exposition(rows: Mapping[tuple[str, str], int], failures: Mapping[str, Mapping[str, int]]) -> str:
    """`rows`: how many there are of each table and state. `failures`: of each part outside, by cause."""
    lines = [f"# HELP {_NAME} {_HELP}", f"# TYPE {_NAME} gauge"]
    lines += [f'{_NAME}{{table="{table}",state="{state}"}} {count}' for (table, state), count in sorted(rows.items())]
    lines += [f"# HELP {_FAILURES} {_FAILURES_HELP}", f"# TYPE {_FAILURES} counter"]
    lines += [
        f'{_FAILURES}{{of="{part}",cause="{_label(cause)}"}} {count}'
        for part, causes in sorted(failures.items())
        for cause, count in sorted(causes.items())
    ]
    return "\n".join(lines) + "\n"


def _label(text: str) -> str:
    """A cause may be a code that another service made up."""
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
