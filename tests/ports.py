"""A port for a process that has to be told which one it listens on."""

from __future__ import annotations

import random
import socket

BELOW = range(20_000, 32_000)
"""No connection that is opened gets one of these by itself (Linux: ip_local_port_range begins at 32,768)."""


def free_port() -> int:
    """One that was free a moment ago, and that only another test could take meanwhile."""
    while True:
        port = random.SystemRandom().choice(BELOW)
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
