"""A store opens on what its URL names."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.clock import SystemClock
from bot.domain.errors import StoreFailed
from bot.domain.store_urls import PostgresUrl
from bot.store.opening import database_at
from bot.store.sqlite.database import SqliteDatabase

URL = PostgresUrl(SecretStr("postgresql://bot:hush-hush@127.0.0.1:1/snapshots"))


def test_a_path_is_a_file() -> None:
    assert isinstance(database_at(Path("x.db"), SystemClock()), SqliteDatabase)


def test_without_the_extra_one_sentence_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bot.store.postgres.database", None)  # as if it could not be imported
    with pytest.raises(StoreFailed, match=r"needs the extra postgres\. .*pip install 'snapshot-bot\[postgres\]'"):
        database_at(URL, SystemClock())


async def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    with pytest.raises(StoreFailed) as caught:
        await database_at(URL, SystemClock()).open()
    assert caught.value.sentence == "PostgreSQL at 127.0.0.1:1 can't be reached."
