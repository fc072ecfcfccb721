"""A wire to a server that a test can cut: bytes go through it until one of those it waits for is about to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum, auto


class Cut(Enum):
    BEFORE = auto()
    """The server never sees it, and hears that the client is gone."""
    AFTER = auto()
    """The server does it, and its answer never comes."""
    SILENT = auto()
    """The server never sees it, and does not hear that the client is gone."""


class Wire:
    """Listens on `port` once it is `laid`. `cut_at` is about the next such bytes from a client."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._waits_for: tuple[bytes, Cut] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ends: list[asyncio.StreamWriter] = []
        self.port = 0
        self.cuts = 0

    def cut_at(self, words: bytes, how: Cut) -> None:
        self._waits_for = words, how

    @asynccontextmanager
    async def laid(self) -> AsyncIterator[Wire]:
        server = await asyncio.start_server(self._joined, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await server.wait_closed()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for end in self._ends:
                end.transport.abort()
            await asyncio.sleep(0.01)

    def _joined(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        self._ends.append(to_client)
        self._tasks.add(asyncio.create_task(self._join(from_client, to_client)))

    async def _join(self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", self._to)
        self._ends.append(to_server)
        answers = asyncio.create_task(self._answer(from_server, to_client))
        self._tasks.add(answers)
        try:
            while data := await from_client.read(65_536):
                if self._waits_for and self._waits_for[0] in data:
                    await self._cut(data, to_client, to_server, answers)
                    return
                to_server.write(data)
            to_server.close()
        except OSError:
            to_server.close()

    async def _cut(
        self, data: bytes, to_client: asyncio.StreamWriter, to_server: asyncio.StreamWriter, answers: asyncio.Task[None]
    ) -> None:
        assert self._waits_for is not None
        how, self._waits_for = self._waits_for[1], None
        self.cuts += 1
        answers.cancel()
        to_client.transport.abort()
        if how is Cut.AFTER:
            to_server.write(data)
            await to_server.drain()
        if how is not Cut.SILENT:
            to_server.close()

    async def _answer(self, from_server: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        try:
            while data := await from_server.read(65_536):
                to_client.write(data)
        except OSError:
            pass
        to_client.close()
