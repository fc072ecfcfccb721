"""Questions to a child of the bench: a line of JSON comes in by its standard input, one goes out."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any


def say(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


async def answer(handlers: dict[str, Callable[..., Awaitable[dict[str, Any]]]]) -> None:
    """Until nobody asks any more: whoever started this is gone then, and it ends as well."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        asked = json.loads(line)
        say(**await handlers[asked.pop("do")](**asked))
