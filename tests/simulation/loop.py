"""A loop whose time, order and network a seed decides. Nothing in it waits: time goes to the next timer once nothing is
ready, and what is written to a connection arrives after a drawn delay.

Who runs on it belongs to a `Node`, a process as it were; the context of a callback says to which. A node that was
killed does nothing any more: its callbacks are passed over, and its connections end. One that is frozen does nothing
until it is woken, while all others go on.
"""

from __future__ import annotations

import asyncio
import contextvars
import errno
import hashlib
import heapq
import itertools
import os
import random
import socket
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

TURN_S = 0.00005
"""What one turn of the loop takes, so that what is asked again and again comes to an end."""

MOST_TURNS = 300_000
"""A run takes some thousands, and the longest some ten thousands."""

HOST = "127.0.0.1"
FIRST_PORT = 40_001

_belongs_to: contextvars.ContextVar[Node | None] = contextvars.ContextVar("belongs_to", default=None)


class Node:
    """A process that can be killed and frozen."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.alive = True
        self.frozen = False
        self.missed: list[events.Handle] = []
        """Its callbacks whose time came while it was frozen."""
        self.context = contextvars.copy_context()
        self.context.run(_belongs_to.set, self)


class NothingLeft(Exception):
    """Nothing is ready and no timer runs: whatever is awaited never comes."""


class NeverRests(Exception):
    """So many turns were taken that it goes round and round."""


class _Task(asyncio.Task[Any]):
    """Sets of tasks are gone through by the order in which they were made, not by where they lie in memory."""

    def __init__(self, number: int, *args: Any, **named: Any) -> None:
        self._number = number
        super().__init__(*args, name=f"task {number}", **named)

    def __hash__(self) -> int:
        return self._number


class _Future(asyncio.Future[Any]):
    def __init__(self, number: int, loop: asyncio.AbstractEventLoop) -> None:
        self._number = number
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self._number


class SimulatedLoop(asyncio.BaseEventLoop):
    """`traced` is a hash of all that went over the network, with when: two runs that are alike have the same."""

    def __init__(self, rng: random.Random, *, most_s: float = 0.004, shuffles: bool = True) -> None:
        """`most_s`: the longest that bytes are under way. `shuffles`: tasks that are ready at once run in any order."""
        super().__init__()
        self.rng = rng
        self.most_s = most_s
        self.traced = hashlib.blake2b(digest_size=16)
        self.troubles: list[dict[str, Any]] = []
        """What a default loop would log: exceptions that reached no caller."""
        self._shuffles = shuffles
        self._now = 1000.0
        self._turns = 0
        self._numbers = itertools.count(1)
        self._ports = itertools.count(FIRST_PORT)
        self._listening: dict[int, _Server] = {}
        self._wanted: dict[socket.socket, tuple[str, int]] = {}
        self._ends: list[_End] = []
        self._buried: list[Any] = []
        self.set_task_factory(lambda _, coro, **named: _Task(next(self._numbers), coro, loop=self, **named))
        self.set_exception_handler(lambda _, trouble: self.troubles.append(trouble))

    # --- time and order -----------------------------------------------------------------------------------------------

    def time(self) -> float:
        return self._now

    def create_future(self) -> asyncio.Future[Any]:
        return _Future(next(self._numbers), self)

    def _write_to_self(self) -> None:
        """No other thread has to be woken: there is none."""

    def _run_once(self) -> None:
        ready, scheduled = self._ready, self._scheduled  # type: ignore[attr-defined]
        while scheduled and scheduled[0].cancelled():
            heapq.heappop(scheduled)._scheduled = False
        if not ready and not self._stopping:  # type: ignore[attr-defined]
            if not scheduled:
                raise NothingLeft
            self._now = max(self._now, scheduled[0].when())
        while scheduled and scheduled[0].when() <= self._now:
            handle = heapq.heappop(scheduled)
            handle._scheduled = False
            ready.append(handle)
        turn = list(ready)
        ready.clear()
        for handle in self._ordered(turn):
            node = handle._context.get(_belongs_to)  # type: ignore[attr-defined]
            if node is not None and node.frozen:
                node.missed.append(handle)
            elif not handle.cancelled() and (node is None or node.alive):
                handle._run()
        self._now += TURN_S
        self._turns += 1
        if self._turns > MOST_TURNS:
            raise NeverRests

    def _ordered(self, turn: list[events.Handle]) -> list[events.Handle]:
        """Callbacks keep the order that asyncio promises. Tasks change places: each goes on when it goes on."""
        places = [place for place, handle in enumerate(turn) if _steps_a_task(handle)] if self._shuffles else []
        if len(places) > 1:
            steps = [turn[place] for place in places]
            self.rng.shuffle(steps)
            for place, step in zip(places, steps, strict=True):
                turn[place] = step
        return turn

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]
        """Done in the loop, some time later."""
        future = self.create_future()

        def work() -> None:
            if future.cancelled():
                return
            try:
                future.set_result(func(*args))
            except Exception as exc:
                future.set_exception(exc)

        self.call_later(self.rng.uniform(0, self.most_s), work)
        return future

    # --- processes ----------------------------------------------------------------------------------------------------

    def spawn(self, node: Node, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return self.create_task(work, context=node.context.copy())

    def kill(self, node: Node) -> None:
        """It does nothing more, and no `finally` of it runs: all it held stays in memory, and out of reach."""
        node.alive = False
        node.frozen = False
        self._buried += asyncio.all_tasks(self)
        for port, server in list(self._listening.items()):
            if server.node is node:
                del self._listening[port]
        self.reset(node)

    def freeze(self, node: Node) -> None:
        """Time passes it by, as by SIGSTOP: what others send to it is kept, and they lose patience."""
        node.frozen = node.alive

    def thaw(self, node: Node) -> None:
        """All that it missed happens in one turn: it goes on where it stood, reads what came, then hears its timers."""
        node.frozen = False
        missed, node.missed = node.missed, []
        self._ready.extend(sorted(missed, key=_comes_after_it_was_woken))  # type: ignore[attr-defined]

    def reset(self, node: Node) -> None:
        """Its connections end, those of a dead one as the kernel ends them: what was sent still arrives."""
        for end in [end for end in self._ends if end.node is node]:
            end.break_off()

    def bury(self) -> None:
        """After the run: what was killed is let go, without a word about tasks that never ended."""
        for task in (*self._buried, *asyncio.all_tasks(self)):
            task._log_destroy_pending = False
        self._buried.clear()

    # --- the network --------------------------------------------------------------------------------------------------

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))]

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        await self._reach(address[1])
        self._wanted[sock] = address

    async def create_server(self, protocol_factory: Any, host: Any = None, port: Any = None, **_: Any) -> Any:
        server = _Server(self, protocol_factory, port or next(self._ports))
        if server.port in self._listening:
            raise OSError(errno.EADDRINUSE, f"port {server.port} is taken")
        self._listening[server.port] = server
        return server

    async def create_connection(
        self, protocol_factory: Any, host: Any = None, port: Any = None, *, sock: Any = None, **_: Any
    ) -> Any:
        if sock is None:
            await self._reach(port)
        else:
            port = self._wanted.pop(sock)[1]
            sock.close()
        server = self._listening_at(port)
        number = next(self._numbers)
        near = _End(self, number, contextvars.copy_context())
        far = _End(self, number, server.context.copy())
        near.peer, far.peer = far, near
        protocol = near.protocol = protocol_factory()
        far.protocol = far.context.run(server.protocol_factory)
        self._ends += [near, far]
        protocol.connection_made(near)
        self.call_soon(far.protocol.connection_made, far, context=far.context)
        return near, protocol

    async def _reach(self, port: int) -> None:
        await asyncio.sleep(self.rng.uniform(0, self.most_s))
        self._listening_at(port)

    def _listening_at(self, port: int) -> _Server:
        if port not in self._listening:
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"nothing listens on port {port}")
        return self._listening[port]


def _steps_a_task(handle: events.Handle) -> bool:
    return isinstance(getattr(handle._callback, "__self__", None), asyncio.Task)  # type: ignore[attr-defined]


def _comes_after_it_was_woken(handle: events.Handle) -> int:
    if not isinstance(handle, asyncio.TimerHandle):
        return 0
    return 1 if isinstance(getattr(handle._callback, "__self__", None), _End) else 2  # type: ignore[attr-defined]


class _Server:
    def __init__(self, loop: SimulatedLoop, protocol_factory: Callable[[], Any], port: int) -> None:
        self.protocol_factory = protocol_factory
        self.port = port
        self.context = contextvars.copy_context()
        self.node = _belongs_to.get()
        self.sockets = [_Socket(port, lambda: False)]
        self._loop = loop

    def is_serving(self) -> bool:
        return self._loop._listening.get(self.port) is self

    async def start_serving(self) -> None:
        """It does since it was made."""

    def close(self) -> None:
        if self.is_serving():
            del self._loop._listening[self.port]

    async def wait_closed(self) -> None:
        """It is, once `close` was called."""


_END_OF_FILE = b""
_silent, _held_open = os.pipe()
_readable, _closed = os.pipe()
os.close(_closed)


class _Socket:
    """What libraries ask of the socket below a transport: httpcore polls it to see whether the peer has gone."""

    family, type, proto = socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP

    def __init__(self, port: int, readable: Callable[[], bool]) -> None:
        self._port = port
        self._is_readable = readable

    def fileno(self) -> int:
        return _readable if self._is_readable() else _silent

    def getsockname(self) -> tuple[str, int]:
        return HOST, self._port

    getpeername = getsockname

    def setsockopt(self, *_: Any) -> None:
        """There is nothing to tune."""


class _End(asyncio.Transport):
    """One end of a connection. What is written arrives at the peer later, in order, in the peer's own context."""

    def __init__(self, loop: SimulatedLoop, number: int, context: contextvars.Context) -> None:
        self.protocol: Any = None
        self.peer: _End
        self.context = context
        self.node = context.get(_belongs_to)
        self._loop = loop
        self._number = number
        self._inbox: deque[bytes | Exception] = deque()
        self._paused = self._closing = self._ended = False
        self._last_at = 0.0
        self._socket = _Socket(number, lambda: bool(self._inbox) or self._ended)
        super().__init__()

    # --- sending ------------------------------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if data and not self._closing:
            self._send(bytes(data))

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def write_eof(self) -> None:
        self._send(_END_OF_FILE)

    def can_write_eof(self) -> bool:
        return True

    def _send(self, what: bytes | Exception) -> None:
        loop = self._loop
        at = max(loop.time() + loop.rng.uniform(0, loop.most_s), self._last_at + 1e-6)
        self._last_at = at
        loop.call_at(at, self.peer._arrive, what, context=self.peer.context)

    # --- receiving ----------------------------------------------------------------------------------------------------

    def _arrive(self, what: bytes | Exception) -> None:
        if self._closing:
            if what is not _END_OF_FILE and not isinstance(what, Exception):
                self._send(ConnectionResetError(errno.ECONNRESET, "the peer has closed"))
            return
        self._inbox.append(what)
        self._drain()

    def _drain(self) -> None:
        while self._inbox and not self._paused and not self._closing:
            what = self._inbox.popleft()
            self._loop.traced.update(f"{self._loop.time():.6f} {self._number} ".encode())
            if isinstance(what, Exception):
                self._lose(what)
            elif what:
                self._loop.traced.update(what)
                self.protocol.data_received(what)
            else:
                self._ended = True
                if not self.protocol.eof_received():
                    self.close()

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        if self._paused:
            self._paused = False
            self._loop.call_soon(self._drain, context=self.context)

    def is_reading(self) -> bool:
        return not self._paused and not self._closing

    # --- ending -------------------------------------------------------------------------------------------------------

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._send(_END_OF_FILE)
            self._lose(None)

    abort = close

    def break_off(self) -> None:
        broken = ConnectionResetError(errno.ECONNRESET, "broken off")
        if not self._closing:
            self._send(_END_OF_FILE if self._loop.rng.random() < 0.5 else broken)
            self._lose(broken)

    def _lose(self, why: Exception | None) -> None:
        self._closing = True
        self._loop._ends.remove(self)
        self._loop.call_soon(self.protocol.connection_lost, why, context=self.context)

    # --- what libraries ask -------------------------------------------------------------------------------------------

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "socket":
            return self._socket
        return (HOST, self._number) if name in ("peername", "sockname") else default

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def get_protocol(self) -> Any:
        return self.protocol

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is ever held back."""

    def get_write_buffer_size(self) -> int:
        return 0
