"""All metrics of one bot, on a registry of its own, in the format that its reader asks for."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder

from bot.metrics.instruments import Instruments
from bot.metrics.readings import Readings


class Metrics:
    def __init__(self, instruments: Instruments, readings: Readings) -> None:
        self._readings = readings
        self._registry = CollectorRegistry()
        for collector in (instruments, readings):
            self._registry.register(collector)
        ProcessCollector(registry=self._registry)

    async def scrape(self, accept: str) -> tuple[bytes, str]:
        """The text and its content type. `accept` is the header: OpenMetrics for one that takes it."""
        await self._readings.refresh()
        try:
            encode, content_type = choose_encoder(accept)
        except (ValueError, TypeError):  # a version that is none
            encode, content_type = choose_encoder("")
        return encode(self._registry), content_type
