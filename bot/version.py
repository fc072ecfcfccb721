"""The version that is installed."""

from __future__ import annotations

from importlib import metadata


def version() -> str:
    """`unknown` where the code runs without having been installed."""
    try:
        return metadata.version("snapshot-bot")
    except metadata.PackageNotFoundError:
        return "unknown"
