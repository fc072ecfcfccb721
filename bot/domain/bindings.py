"""The meaning of a channel: the project it is tied to, and which disks `quick` means there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Binding:
    """One selector of a channel; exactly one of `server`, `server_id`, `tag` (key:value) and `disks` is set."""

    channel: str
    project: str
    server: str | None = None
    server_id: str | None = None
    tag: str | None = None
    disks: tuple[str, ...] = ()
    keep_days: int | None = None
    confirm: bool = True
    reason: str | None = None
