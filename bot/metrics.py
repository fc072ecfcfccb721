"""The metrics, as Prometheus reads them: its text format, version 0.0.4."""

from __future__ import annotations

from collections.abc import Mapping


def exposition(rows: Mapping[tuple[str, str], int]) -> str:
    """`rows`: how many there are of each table and state."""
    lines = ["# HELP snapshot_bot_rows Requests and items by state.", "# TYPE snapshot_bot_rows gauge"]
    lines += [
        f'snapshot_bot_rows{{table="{table}",state="{state}"}} {count}'
        for (table, state), count in sorted(rows.items())
    ]
    return "\n".join(lines) + "\n"
