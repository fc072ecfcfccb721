"""What tests of every layer share: golden files, and a real SQLite file for each test."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from bot.store.sqlite.database import SqliteDatabase
from bot.store.store import Store
from tests.builders import FakeClock
from tests.postgres import postgres_cluster, postgres_server, postgres_url

__all__ = ["postgres_cluster", "postgres_server", "postgres_url"]
"""Fixtures that come from elsewhere."""

settings.register_profile("busy machine", settings(settings.default, deadline=None))
settings.load_profile("busy machine")

GOLDEN = Path(__file__).parent / "golden"
SLOW = ("bench", "chaos", "e2e", "simulation")
"""Folders whose tests take seconds each."""


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Iterator[None]:
    """Eleven thousand tests stay until the end: looking through them for what could be freed took half of finding them,
    in each of the processes that run them.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each of several workers begins with its share of the slow files: they take the tests in even parts and in this
    order, and one that has nothing but slow ones left would keep all others waiting. What files share is made in as few
    workers as it can be: the quick ones stay together. A process alone keeps their order.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers == 1:
        return
    slow: dict[Path, list[pytest.Item]] = {}
    quick: list[pytest.Item] = []
    for item in items:
        if set(SLOW) & set(item.path.parts):
            slow.setdefault(item.path, []).append(item)
        else:
            quick.append(item)
    left, rest, files = len(items), iter(quick), list(slow.values())
    items.clear()
    for worker in range(workers):
        size = left // (workers - worker)  # as xdist's worksteal divides them
        own = [item for file in files[worker::workers] for item in file]
        own += islice(rest, max(0, size - len(own)))
        left -= len(own)
        items += own
    items += rest


@pytest.fixture
def golden() -> Callable[[str, Any], None]:
    """Block Kit JSON, one a state, keys sorted. `GOLDEN_UPDATE=1` rewrites them; the diff is read."""

    def compare(name: str, value: Any) -> None:
        text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        file = GOLDEN / f"{name}.json"
        if os.environ.get("GOLDEN_UPDATE"):
            file.write_text(text, encoding="utf-8")
        assert file.read_text(encoding="utf-8") == text

    return compare


@pytest.fixture
def no_certificates(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """For tests that speak no TLS: loading the bundle for each client takes a quarter of their time."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path_factory.getbasetemp()))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(tmp_path / "store.db")
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def store(database: SqliteDatabase, clock: FakeClock) -> Store:
    return Store(database, clock)
