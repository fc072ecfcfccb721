"""A file keeps a word where a number belongs; a server does not."""

from __future__ import annotations

from bot.store.script import Script, sql
from bot.store.sqlite.database import SqliteDatabase
from bot.store.store import Store


async def test_a_home_that_cannot_be_read_is_set_aside(database: SqliteDatabase, store: Store) -> None:
    def spoil() -> Script[None]:
        yield sql("update app_home set rev = 'many' where user_id = 'U1'")

    await store.app_home_opened("U1", None)
    await database.run(spoil)
    assert await store.app_home("U1") is None
