"""The metrics of what happens: what each is called, what it tells, and by which words it is counted.

Each is of one process: of several replicas, their sum counts. No word is a person, a disk, a channel or a request, and
a word that another service made up is one of few.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Generic, TypeVar

from prometheus_client import Counter, Histogram
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bot.domain.audit import AuditEntry

PREFIX = "snapshot_bot"
OF_PROCESS = "Of this process: sum over replicas."

OTHER = "other"
"""The word for codes that fit no more."""

SERIES_AT_MOST = 200
"""Of one metric, beside those of other codes: far more than the codes that are documented."""

ACKNOWLEDGED_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0)
"""Slack waits 3 s."""
CALLED_S = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 30.0)
TRANSACTED_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

_WORD = re.compile(r"[A-Za-z0-9_.:/ -]{0,60}")

M = TypeVar("M", bound=MetricWrapperBase)


def fitting(word: str) -> str:
    """A word that may be a label: one that is too long or odd is `other`."""
    return word if _WORD.fullmatch(word) else OTHER


class _Labelled(Generic[M]):
    """The series of a metric by their words, the last of which may be another service's."""

    def __init__(self, metric: M) -> None:
        self.metric = metric
        self._series: dict[tuple[str, ...], M] = {}

    def of(self, *words: str) -> M:
        return self._series.get(words) or self._another(words)

    def _another(self, words: tuple[str, ...]) -> M:
        kept = tuple(fitting(word) for word in words)
        if len(self._series) >= SERIES_AT_MOST:
            kept = (*kept[:-1], OTHER)
        if kept != words:
            return self.metric.labels(*kept)
        return self._series.setdefault(words, self.metric.labels(*words))


def _counter(name: str, told: str, *labels: str) -> _Labelled[Counter]:
    return _Labelled(Counter(f"{PREFIX}_{name}", f"{told} {OF_PROCESS}", labels, registry=None))


def _histogram(name: str, told: str, label: str, buckets: tuple[float, ...]) -> _Labelled[Histogram]:
    told = f"{told} {OF_PROCESS}"
    return _Labelled(Histogram(f"{PREFIX}_{name}", told, (label,), registry=None, buckets=buckets))


class Instruments(Collector):
    """Implements the meters of `bot.ports.meters`, in the event loop."""

    def __init__(self) -> None:
        self._commands = _counter("commands", "Slash commands, and what came of them.", "verb", "outcome")
        self._acknowledgements = _histogram(
            "acknowledgement_seconds", "From a delivery by Slack to its answer.", "kind", ACKNOWLEDGED_S
        )
        self._decisions = _counter(
            "decisions", "Decisions about what people may do, as in the audit trail.", "action", "outcome", "rule"
        )
        self._cloud_calls = _counter("cloud_calls", "Calls to the cloud, and how they ended.", "operation", "code")
        self._cloud_times = _histogram("cloud_call_seconds", "How long they took.", "operation", CALLED_S)
        self._slack_calls = _counter("slack_calls", "Calls to Slack, and how they ended.", "method", "error")
        self._slack_times = _histogram("slack_call_seconds", "How long they took.", "method", CALLED_S)
        self._transactions = _histogram(
            "store_transaction_seconds", "From handing a transaction over to its answer.", "kind", TRANSACTED_S
        )
        self._failed = _counter("store_transactions_failed", "Transactions that were rolled back.", "kind")

    def collect(self) -> Iterator[Metric]:
        """Without the series that only say since when each one counts: a process counts since its start."""
        for one in vars(self).values():
            for metric in one.metric.collect():
                metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
                yield metric

    def commanded(self, verb: str, outcome: str) -> None:
        self._commands.of(verb, outcome).inc()

    def acknowledged(self, kind: str, seconds: float) -> None:
        self._acknowledgements.of(kind).observe(seconds)

    def audited(self, entry: AuditEntry) -> None:
        if entry.outcome in ("allowed", "denied", "asked"):
            self._decisions.of(entry.action, entry.outcome, entry.rule).inc()

    def transacted(self, kind: str, seconds: float, *, failed: bool) -> None:
        self._transactions.of(kind).observe(seconds)
        if failed:
            self._failed.of(kind).inc()

    def cloud_called(self, operation: str, code: str, seconds: float) -> None:
        self._cloud_calls.of(operation, code).inc()
        self._cloud_times.of(operation).observe(seconds)

    def slack_called(self, method: str, error: str, seconds: float) -> None:
        self._slack_calls.of(method, error).inc()
        self._slack_times.of(method).observe(seconds)
