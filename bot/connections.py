"""The share of an HTTP server open to a stranger: so many connections, each for so long while it says nothing whole.

aiohttp bounds the length of a head and the time between requests, and not the time that a head takes; a client that
opens connections and sends a byte now and then would keep them for an hour.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """`most` connections at once: each client keeps a few open, and so does a proxy in between. Times are in seconds.

    `head`: from a connection, or the first byte of another request in it, to the end of its head. `body`: from there to
    the end of its body. `idle`: between two requests; longer than proxies keep an idle connection themselves.
    """

    most: int = 200
    head: float = 10.0
    body: float = 10.0
    idle: float = 75.0


USUAL = Limits()


TOLD_EVERY_SECONDS = 60.0


class Tally:
    """Counts what may come in floods: the first one is logged at once, then one line a minute says how many."""

    def __init__(self, sentence: str) -> None:
        self._sentence = sentence
        self._untold = 0
        self._pause: asyncio.TimerHandle | None = None
        self.total = 0

    def count(self) -> None:
        self.total += 1
        self._untold += 1
        if self._pause is None:
            self._tell()

    def stop(self) -> None:
        """Say what is still to be said."""
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        if self._untold:
            log.warning(self._sentence, extra={"count": self._untold})
            self._untold = 0

    def _tell(self) -> None:
        self._pause = None
        if self._untold:
            log.warning(self._sentence, extra={"count": self._untold})
            self._untold = 0
            self._pause = asyncio.get_running_loop().call_later(TOLD_EVERY_SECONDS, self._tell)


class _Terse(web.RequestHandler):
    """A request that is no HTTP is counted, and answered without a word of it: its head may hold a token, which the
    logs of its sender would keep with the answer. aiohttp would log each as an error, with a traceback and what came:
    any client could fill the disk.
    """

    __slots__ = ("_garbled",)

    def __init__(self, server: web.Server, garbled: Tally, **options: Any) -> None:
        super().__init__(server, loop=asyncio.get_running_loop(), **options)
        self._garbled = garbled

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if not isinstance(exc, HttpProcessingError):
            return super().handle_error(request, status, exc, message and HTTPStatus(status).phrase)
        self._garbled.count()
        answer = web.Response(status=status, text=HTTPStatus(status).phrase)
        answer.force_close()
        return answer


class Connections:
    """A protocol factory around another. A new connection over the most takes the place of the oldest on which nothing
    of a known sender is being answered; where all of them are busy with that, it is refused. `to`: the entry, in words.
    """

    def __init__(self, make: Callable[[], asyncio.Protocol], limits: Limits, to: str) -> None:
        self._make = make
        self._limits = limits
        self._open: dict[asyncio.BaseTransport, _Guarded] = {}
        self._crowded = Tally(f"connections to {to} were closed because there were too many")

    def __call__(self) -> asyncio.Protocol:
        return _Guarded(self, self._make(), self._limits)

    def __len__(self) -> int:
        return len(self._open)

    @contextmanager
    def handling(self, transport: asyncio.BaseTransport | None) -> Iterator[Callable[[], None]]:
        """While a request that has its whole head is read and answered, its handler minds the time. It calls what this
        gives once it knows who sent it: until then the connection may have to make room.
        """
        guarded = self._open.get(transport) if transport is not None else None
        if guarded is not None:
            guarded.in_hand()
        try:
            yield guarded.busy if guarded is not None else lambda: None
        finally:
            if guarded is not None:
                guarded.idle()

    def stop(self) -> None:
        """Close whatever is open still."""
        self._crowded.stop()
        for guarded in list(self._open.values()):
            guarded.abort()

    def opened(self, guarded: _Guarded, transport: asyncio.BaseTransport) -> bool:
        """Whether there is room for it."""
        if len(self._open) >= self._limits.most:
            self._crowded.count()
            oldest = next((other for other in self._open.values() if not other.is_busy), None)
            if oldest is None:
                return False
            oldest.abort()
        self._open[transport] = guarded
        return True

    def closed(self, transport: asyncio.BaseTransport) -> None:
        self._open.pop(transport, None)


class Entry:
    """A server at one address, behind bounds. `to`: the entry, in words; `log`: of its server alone; `options`: of
    aiohttp's RequestHandler.
    """

    def __init__(self, runner: web.BaseRunner, limits: Limits, to: str, log: logging.Logger, **options: Any) -> None:
        self._runner = runner
        self._options = {"logger": log, **options}
        self._listening: asyncio.Server | None = None
        self.connections = Connections(self._protocol, limits, to)
        self.garbled = Tally(f"connections to {to} that spoke no HTTP were closed")

    async def start(self, host: str, port: int) -> None:
        """Raises OSError where it can't listen there. `host` "" is every address of the machine."""
        try:
            await self._runner.setup()
            loop = asyncio.get_running_loop()
            self._listening = await loop.create_server(self.connections, host or None, port)
        except BaseException:  # cancelled as well: nothing of it stays behind
            await self.stop()
            raise

    def _protocol(self) -> asyncio.Protocol:
        assert self._runner.server is not None
        return _Terse(self._runner.server, self.garbled, access_log=None, **self._options)

    @property
    def is_open(self) -> bool:
        return self._listening is not None

    @property
    def port(self) -> int:
        """The port in use, also when 0 asked for any."""
        assert self._listening is not None
        return int(self._listening.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """A request that is being answered may end by itself; a connection with nothing in hand is closed at once."""
        listening, self._listening = self._listening, None
        if listening:
            listening.close()
        try:
            await self._runner.cleanup()
        finally:
            self.connections.stop()
            self.garbled.stop()


class _Guarded(asyncio.Protocol):
    """One connection: passes everything on, and closes what takes too long to say what it wants."""

    def __init__(self, connections: Connections, inner: asyncio.Protocol, limits: Limits) -> None:
        self._connections = connections
        self._inner = inner
        self._limits = limits
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._idle = False
        self.is_busy = False

    def in_hand(self) -> None:
        self._idle = False
        self._wait(None)

    def busy(self) -> None:
        self.is_busy = True

    def idle(self) -> None:
        self.is_busy, self._idle = False, True
        self._wait(self._limits.idle)

    def abort(self) -> None:
        transport, self._transport = self._transport, None
        self._wait(None)
        if transport is not None:
            self._connections.closed(transport)
            transport.abort()

    def _wait(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(seconds, self.abort) if seconds is not None and self._transport else None

    # --- what the loop calls ------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's has its methods, and is no subclass
        self._inner.connection_made(transport)
        if self._connections.opened(self, transport):
            self._wait(self._limits.head)
        else:
            self.abort()

    def data_received(self, data: bytes) -> None:
        if self._idle:
            self._idle = False
            self._wait(self._limits.head)
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._connections.closed(self._transport)
            self._transport = None
        self._wait(None)
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()
