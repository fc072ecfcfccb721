"""Whatever is out of reach: each told once until it answers again, with its cause, and counted."""

from __future__ import annotations

import logging
import socket
import ssl
from collections import Counter
from collections.abc import Iterator

_CAUSES: tuple[tuple[type[BaseException], str], ...] = (
    (socket.gaierror, "no such host is known"),
    (ssl.SSLCertVerificationError, "its certificate is not trusted"),
    (ssl.SSLError, "no TLS can be spoken with it"),
    (ConnectionRefusedError, "it refuses connections"),
    (ConnectionResetError, "it breaks connections off"),
    (TimeoutError, "it does not answer in time"),
)


def cause_of(exc: BaseException) -> str:
    """Why a host could not be reached, in words: by what the client's own error was made of, else its name."""
    chain = list(_chain(exc))
    found = (words for kind, words in _CAUSES if any(isinstance(one, kind) for one in chain))
    return next(found, type(exc).__name__)


def _chain(exc: BaseException) -> Iterator[BaseException]:
    left, seen = [exc], set[int]()
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inside = [one.__cause__, one.__context__, getattr(one, "os_error", None), *getattr(one, "exceptions", ())]
        left.extend(other for other in inside if isinstance(other, BaseException))


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
