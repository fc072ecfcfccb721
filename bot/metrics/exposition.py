"""All metrics of one bot, on a registry of its own, in the format that its reader asks for."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bot.metrics.instruments import Instruments
from bot.metrics.readings import Readings
from bot.ports.clock import Clock

_END = b"# EOF\n"
"""The last line of OpenMetrics."""


class _Alone(Collector):
    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterator[Metric]:
        yield self._metric


class Metrics:
    def __init__(self, instruments: Instruments, readings: Readings, clock: Clock) -> None:
        self._clock = clock
        self._readings = readings
        self._registry = CollectorRegistry()
        for collector in (instruments, readings):
            self._registry.register(collector)
        ProcessCollector(registry=self._registry)

    async def scrape(self, accept: str) -> tuple[bytes, str]:
        """The text and its content type. `accept` is the header: OpenMetrics for one that takes it.

        The loop has a turn after each metric: all of them take some milliseconds, and people wait for theirs.
        """
        await self._readings.refresh()
        try:
            encode, content_type = choose_encoder(accept)
        except (ValueError, TypeError):  # a version that is none
            encode, content_type = choose_encoder("")
        texts: list[bytes] = []
        for metric in self._registry.collect():
            texts.append(encode(_Alone(metric)))
            await self._clock.sleep(0)
        ended = texts[-1].endswith(_END)
        return b"".join(text.removesuffix(_END) for text in texts) + (_END if ended else b""), content_type
