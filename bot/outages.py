"""Whatever is out of reach: each told once until it answers again, with its cause, and counted."""

from __future__ import annotations

import logging
from collections import Counter


class Outages:
    """`lost` and `found` are the sentences of the log."""

    def __init__(self, log: logging.Logger, lost: str, found: str) -> None:
        self._log = log
        self._lost = lost
        self._found = found
        self._away: dict[str, set[str]] = {}
        self.counts: Counter[str] = Counter()
        """How often something was tried in vain, by cause."""

    def lost(self, host: str, error: str) -> None:
        """It could not be reached, or did not answer. `error` is a name or a code, and no foreign text."""
        self.counts[error] += 1
        told = self._away.setdefault(host, set())
        if error not in told:
            told.add(error)
            self._log.warning(self._lost, extra={"host": host, "error": error})

    def found(self, host: str) -> None:
        """It answered."""
        if self._away.pop(host, None):
            self._log.info(self._found, extra={"host": host})
