"""Work that outlives its acknowledgement."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from bot.slack.unexpected import Unexpected


class BackgroundTasks:
    """Held, so that none is collected as garbage, and ended at a stop."""

    def __init__(self, unexpected: Unexpected) -> None:
        self._unexpected = unexpected
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None], otherwise: Callable[[str], Awaitable[None]] | None = None) -> None:
        """`otherwise` is given the sentence for the person where the work fails unexpectedly."""
        task = asyncio.create_task(self._run(work, otherwise))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, work: Coroutine[Any, Any, None], otherwise: Callable[[str], Awaitable[None]] | None) -> None:
        try:
            await work
        except Exception as exc:  # the last one who could tell: asyncio would log it when the task is collected
            words = self._unexpected.report_unexpected(exc, "a background task failed")
            if otherwise is not None:
                await otherwise(words)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
