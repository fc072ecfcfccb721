"""Room for calls to Slack: a method takes so many in a minute from the whole workspace, however many bots make them."""

from __future__ import annotations

from typing import Protocol


class Room(Protocol):
    """The calls of one method that count: those under way, and those answered within the last minute.

    One bot counts its own in memory. Where several share a workspace, this is where they count together.
    """

    def wait_s(self, most: int) -> float:
        """Seconds until fewer than `most` may count, by what is known here; 0.0 for now. Makes no call."""
        ...

    async def take(self, most: int) -> bool:
        """Let one more count, before it leaves. False: `most` do already, and `wait_s` knows it from now on."""
        ...

    async def answered(self) -> None:
        """One that was taken was answered, or failed. It counts for another minute: by then Slack has counted it."""
        ...

    async def rest(self, seconds: float) -> None:
        """Slack asks for a pause: there is no room before its end."""
        ...
