"""What libraries take from outside, time and chance, taken from the loop and the seed instead."""

from __future__ import annotations

import contextlib
import os
import random
import ssl
import sys
import time
import types
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import anyio._backends._asyncio  # noqa: F401  # these two are imported late, by the first call, and tell time as well
import httpcore  # noqa: F401
from aiohttp._websocket.writer import WebSocketWriter

from tests.simulation.loop import SimulatedLoop

BEGINS = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""The date on which every run begins: a Monday."""

_PACKAGES = ("aiohttp", "anyio", "bot", "http", "httpcore", "httpx", "logging", "slack_bolt", "slack_sdk", "uuid")
"""Whose time is the loop's. What a test's own machinery measures stays what it is."""

_TELL_TIME = ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "clock_gettime")


def now(loop: SimulatedLoop) -> datetime:
    """The true date; a machine's own clock may be set to another."""
    return BEGINS + timedelta(seconds=loop.time())


@contextlib.contextmanager
def under_the_seed(loop: SimulatedLoop, rng: random.Random) -> Iterator[None]:
    """Within this, nothing that runs on the loop takes time or chance from the machine."""
    told = _told_by(loop)
    clock = types.SimpleNamespace(**{name: getattr(time, name) for name in dir(time)} | told)
    with contextlib.ExitStack() as undone:
        for namespace, name, value in _places():
            undone.callback(namespace.__setitem__, name, value)
            namespace[name] = clock if value is time else told[value.__name__]
        for module, name in ((os, "urandom"), (random, "_urandom")):
            undone.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, rng.randbytes)
        _masks().seed(rng.getrandbits(64))
        undone.callback(setattr, ssl, "create_default_context", ssl.create_default_context)
        ssl.create_default_context = _certificates  # type: ignore[assignment]
        undone.callback(random.setstate, random.getstate())
        random.seed(rng.getrandbits(64))
        yield


def _told_by(loop: SimulatedLoop) -> dict[str, Callable[..., Any]]:
    def date() -> float:
        return now(loop).timestamp()

    return {
        "time": date,
        "time_ns": lambda: int(date() * 1e9),
        "monotonic": loop.time,
        "monotonic_ns": lambda: int(loop.time() * 1e9),
        "perf_counter": loop.time,
        "perf_counter_ns": lambda: int(loop.time() * 1e9),
        "clock_gettime": lambda _: loop.time(),
    }


@cache
def _places() -> list[tuple[dict[str, Any], str, Any]]:
    """Every global name in those packages that is the module `time`, or one of its functions."""
    wanted = {id(time), *(id(getattr(time, name)) for name in _TELL_TIME)}
    return [
        (vars(module), name, value)
        for module in list(sys.modules.values())
        if isinstance(module, types.ModuleType) and module.__name__.partition(".")[0] in _PACKAGES
        for name, value in list(vars(module).items())
        if id(value) in wanted
    ]


def _masks() -> random.Random:
    """What aiohttp masks its frames with has a chance of its own, made when it was imported."""
    defaults = WebSocketWriter.__init__.__kwdefaults__ or {}
    return next(value for value in defaults.values() if isinstance(value, random.Random))


@cache
def _certificates(**_: Any) -> ssl.SSLContext:
    """Read once: no connection here is encrypted, and each life of a bot would take 70 ms to read them."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
