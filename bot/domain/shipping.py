"""Where rows of the audit trail are handed to, as bot.toml names it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SyslogAddress:
    """A syslog receiver that is spoken to over TLS (RFC 5425)."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"syslog+tls://{host}:{self.port}"


ShipTo = Path | SyslogAddress


def name_of(receiver: ShipTo) -> str:
    """By which the position in the trail is kept: another receiver begins with the first row."""
    return f"file:{receiver}" if isinstance(receiver, Path) else str(receiver)
