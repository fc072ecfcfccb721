"""Whatever is told is counted under few words, and none of another service's making gets its own series for long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families as families

from bot.domain.audit import AuditEntry
from bot.metrics.instruments import SERIES_AT_MOST, Instruments, fitting


def told(instruments: Instruments) -> dict[tuple[str, tuple[str, ...]], float]:
    """By name without the prefix, and the values of labels in the order of their names."""
    registry = CollectorRegistry()
    registry.register(instruments)
    return {
        (sample.name.removeprefix("snapshot_bot_"), tuple(value for _, value in sorted(sample.labels.items()))): (
            sample.value
        )
        for family in families(generate_latest(registry).decode())
        for sample in family.samples
    }


def test_decisions_are_counted_and_what_was_done_is_not() -> None:
    instruments = Instruments()
    for outcome in ("allowed", "denied", "denied", "asked", "done", "failed"):
        instruments.audited(AuditEntry("U1", "create", "payments", outcome, "rule"))
    counted = told(instruments)
    assert counted[("decisions_total", ("create", "allowed", "rule"))] == 1.0
    assert counted[("decisions_total", ("create", "denied", "rule"))] == 2.0
    assert counted[("decisions_total", ("create", "asked", "rule"))] == 1.0
    assert len([name for name, _ in counted if name == "decisions_total"]) == 3


def test_a_time_stands_in_its_bucket_and_all_above() -> None:
    instruments = Instruments()
    instruments.acknowledged("command", 0.3)
    counted = told(instruments)
    assert counted[("acknowledgement_seconds_bucket", ("command", "0.25"))] == 0.0
    assert counted[("acknowledgement_seconds_bucket", ("command", "0.5"))] == 1.0
    assert counted[("acknowledgement_seconds_sum", ("command",))] == 0.3


def test_a_transaction_that_fails_is_timed_as_well() -> None:
    instruments = Instruments()
    instruments.transacted("read", 0.1, failed=True)
    instruments.transacted("write", 0.1, failed=False)
    counted = told(instruments)
    assert counted[("store_transaction_seconds_count", ("read",))] == 1.0
    assert counted[("store_transactions_failed_total", ("read",))] == 1.0
    assert ("store_transactions_failed_total", ("write",)) not in counted


def test_codes_beyond_the_most_are_one_and_those_that_are_known_go_on() -> None:
    instruments = Instruments()
    for number in range(SERIES_AT_MOST + 50):
        instruments.cloud_called("evs:snapshots:create", f"EVS.{number}", 0.1)
    instruments.cloud_called("evs:snapshots:create", "EVS.7", 0.1)
    counted = told(instruments)
    codes = [words for name, words in counted if name == "cloud_calls_total"]
    assert len(codes) == SERIES_AT_MOST + 1
    assert counted[("cloud_calls_total", ("other", "evs:snapshots:create"))] == 50.0
    assert counted[("cloud_calls_total", ("EVS.7", "evs:snapshots:create"))] == 2.0
    assert counted[("cloud_call_seconds_count", ("evs:snapshots:create",))] == SERIES_AT_MOST + 51


@pytest.mark.parametrize("word", ["x" * 61, 'a"b', "a\nb", "né", "<@U1>"])
def test_an_odd_word_is_another(word: str) -> None:
    assert fitting(word) == "other"


@given(st.lists(st.text(), max_size=20))
def test_no_code_breaks_the_text(codes: list[str]) -> None:
    instruments = Instruments()
    for code in codes:
        instruments.slack_called("chat.update", code, 0.1)
    counted = told(instruments)
    assert sum(count for (name, _), count in counted.items() if name == "slack_calls_total") == len(codes)
