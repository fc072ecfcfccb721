"""The metrics: what each is called, what it tells, and what it counts. As Prometheus reads them: text format 0.0.4."""

from __future__ import annotations

from collections.abc import Mapping

COUNTED = ("request", "item")
"""The tables whose rows are counted, by their state."""

_NAME = "snapshot_bot_rows"
_HELP = "Requests and items by state."


def exposition(rows: Mapping[tuple[str, str], int]) -> str:
    """`rows`: how many there are of each table and state."""
    lines = [f"# HELP {_NAME} {_HELP}", f"# TYPE {_NAME} gauge"]
    lines += [f'{_NAME}{{table="{table}",state="{state}"}} {count}' for (table, state), count in sorted(rows.items())]
    return "\n".join(lines) + "\n"
