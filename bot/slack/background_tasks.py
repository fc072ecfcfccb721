"""Work that outlives its acknowledgement."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from bot.slack.unexpected import Unexpected

log = logging.getLogger(__name__)


class BackgroundTasks:
    """Held, so that none is collected as garbage, and ended at a stop.

    A listener may outlive the server that it answers for, which waits for it only so long. What it starts then is left
    undone: what it would call is closed by now, and the next process tells people what was recorded.
    """

    def __init__(self, unexpected: Unexpected) -> None:
        self._unexpected = unexpected
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False

    def start(self, work: Coroutine[Any, Any, None], otherwise: Callable[[str], Awaitable[None]] | None = None) -> None:
        """`otherwise` is given the sentence for the person where the work fails unexpectedly."""
        if self._stopped:
            work.close()
            log.info("work that began after the stop is left undone")
            return
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
        self._stopped = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
