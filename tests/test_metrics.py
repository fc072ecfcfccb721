"""The metrics as they are read: one line a table and state, each told what it is."""

from __future__ import annotations

from bot.metrics import COUNTED, exposition
from bot.store.store import Store


def test_each_count_is_a_line_with_its_labels_and_the_metric_says_what_it_is() -> None:
    counted = exposition(
        {("request", "running"): 2, ("item", "available"): 3},
        {"slack": {"TimeoutError": 4, "HTTP 503": 1}, "cloud": {}},
    )
    assert counted.splitlines() == [
        "# HELP snapshot_bot_rows Requests and items by state.",
        "# TYPE snapshot_bot_rows gauge",
        'snapshot_bot_rows{table="item",state="available"} 3',
        'snapshot_bot_rows{table="request",state="running"} 2',
        "# HELP snapshot_bot_failures_total Calls in vain and deliveries that were refused, by their cause.",
        "# TYPE snapshot_bot_failures_total counter",
        'snapshot_bot_failures_total{of="slack",cause="HTTP 503"} 1',
        'snapshot_bot_failures_total{of="slack",cause="TimeoutError"} 4',
    ]


async def test_what_is_counted_are_tables_of_the_store(store: Store) -> None:
    assert await store.counts(COUNTED) == {}
