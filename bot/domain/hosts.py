"""Hosts and ports, as the domain tells them: whether one is this machine, and why one can't be listened at."""

from __future__ import annotations

import errno
from ipaddress import ip_address

from bot.domain.errors import CannotListen

_WHY = {
    errno.EADDRINUSE: "another process does. Stop that one, or choose another port",
    errno.EACCES: "this user may not. Choose a port from 1024 on",
    errno.EADDRNOTAVAIL: "the address is none of this machine's. Choose one that is, or 0.0.0.0 for all of them",
}


def is_loopback(host: str) -> bool:
    """127.0.0.0/8, ::1, and localhost by that very name."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def cannot_listen(exc: OSError, host: str, port: int, chosen_with: str) -> CannotListen:
    """The sentence of a port that is taken, and of an address that is not to be had. `chosen_with`: where it is set."""
    why = _WHY.get(exc.errno or 0, f"{exc.strerror or type(exc).__name__}. Choose another")
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return CannotListen(f"Nothing can listen at {address}: {why} ({chosen_with}).")
