"""Meters hear of each thing that happens, so that it can be counted. None of them waits, and none fails.

The words that they are given are names of the code or of an API: no person, no disk, no channel and no request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from bot.domain.audit import AuditEntry

OK, NO_ANSWER = "ok", "no-answer"
"""How a call ended; else it is the code that was answered, or the status where there was none."""


class StoreMeter(Protocol):
    """The transactions of the store, and the rows of the audit trail that were committed with them."""

    def transacted(self, kind: str, seconds: float, *, failed: bool) -> None:
        """From the handing over to the answer. `kind`: `acknowledgement`, `write` or `read`."""
        ...

    def audited(self, entry: AuditEntry) -> None: ...


Called = Callable[[str, str, float], None]
"""Hears which operation or method was called, how it ended (`ok`, or a code), and the seconds it took."""

Acknowledged = Callable[[str, float], None]
"""Hears the kind of a delivery that was answered, and the seconds since it arrived."""

Commanded = Callable[[str, str], None]
"""Hears the word that a command begins with, and what came of it."""


def uncounted(*_: object) -> None:
    """Implements each of these for one that is not measured, as in `check`."""
