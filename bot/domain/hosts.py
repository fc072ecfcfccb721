"""Whether a host is this machine."""

from __future__ import annotations

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """127.0.0.0/8, ::1, and localhost by that very name."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
