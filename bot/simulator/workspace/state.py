"""Everything the simulated workspace knows, in one place, and the pulse that says it changed."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bot.simulator.workspace.config import AppConfig
from bot.simulator.workspace.faults import Faults
from bot.simulator.workspace.file_store import FileStore
from bot.simulator.workspace.journal import Journal
from bot.simulator.workspace.limits import RateLimits
from bot.simulator.workspace.messages import MessageStore
from bot.simulator.workspace.tickets import ResponseUrls, Triggers
from bot.simulator.workspace.values import EnteredInMessages
from bot.simulator.workspace.views import ViewStore
from bot.simulator.workspace.world import WorkspaceWorld


def _utc_now() -> datetime:
    return datetime.now(UTC)


class State:
    """The workspace while it runs. `clock()` is unix seconds, moved forward by `advance`."""

    def __init__(
        self, world: WorkspaceWorld, config: AppConfig, now: Callable[[], datetime] | None, *, rate_limits: bool
    ) -> None:
        self.world = world
        self.config = config
        self.url = ""
        self.bot_token = f"xoxb-sim-{secrets.token_hex(8)}"
        self.app_token = f"xapp-1-{world.app.id}-{secrets.randbelow(10**13):013}-{secrets.token_hex(32)}"
        self.app_token_scopes: tuple[str, ...] = ("connections:write",)
        self.signing_secret = secrets.token_hex(16)
        self.token_revoked = False
        self._now = now or _utc_now
        self._ahead_s = 0.0
        self.changes = 0
        self._waiters: set[asyncio.Future[None]] = set()
        self.journal = Journal(self.clock, self.wake)
        self.faults = Faults()
        self.limits = RateLimits(self.clock, enabled=rate_limits)
        self.messages = MessageStore(world, self.clock, self.wake)
        self.triggers = Triggers(self.clock)
        self.response_urls = ResponseUrls(self.clock)
        self.views = ViewStore(world, self.clock, self.wake)
        self.entered = EnteredInMessages()
        self.files = FileStore()

    def clock(self) -> float:
        return self._now().timestamp() + self._ahead_s

    def advance(self, seconds: float) -> None:
        """Move the workspace's clock (not the 3 s acknowledgement clock, which is real)."""
        self._ahead_s += seconds
        self.wake()

    def wake(self) -> None:
        self.changes += 1
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def until(self, predicate: Callable[[], bool], timeout: float) -> None:
        """Wait for the predicate, looking again at every change. Raises TimeoutError with what happened last."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while not predicate():
            waiter: asyncio.Future[None] = loop.create_future()
            self._waiters.add(waiter)
            try:
                await asyncio.wait_for(waiter, deadline - loop.time())
            except TimeoutError:
                if predicate():
                    return
                raise TimeoutError(self._story(timeout)) from None
            finally:
                self._waiters.discard(waiter)

    async def changed(self, since: int, timeout: float) -> int:
        """Wait until more than `since` changes have happened, or for so many seconds; answers how many there were."""
        with contextlib.suppress(TimeoutError):
            await self.until(lambda: self.changes > since, timeout)
        return self.changes

    def _story(self, timeout: float) -> str:
        lines = [f"The workspace did not come to what was awaited within {timeout:g} s. The last entries:"]
        lines += [f"  {_brief(record)}" for record in self.journal.entries[-8:]] or ["  none"]
        lines.append("The last messages:")
        lines += [f"  {text}" for text in self.messages.latest(5)] or ["  none"]
        return "\n".join(lines)


def _brief(record: dict[str, Any]) -> str:
    shown = {key: value for key, value in record.items() if key not in ("at", "args", "payload", "ack")}
    return " ".join(f"{key}={value}" for key, value in shown.items())
