"""A store on PostgreSQL is looked at like a file: nothing is made, nothing is changed, and no password is shown."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

import asyncpg

from bot.checks.findings import Page
from bot.checks.store_place import looked_at
from bot.clock import SystemClock
from bot.domain.roles import Role
from bot.settings import load_settings
from bot.store.opening import facts_at
from bot.store.postgres.database import PostgresDatabase
from bot.store.store import Store
from tests.builders import a_grant
from tests.checks.conftest import Scene
from tests.ports import free_port
from tests.postgres import PASSWORD, postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]


async def lines(scene: Scene, url: str) -> list[str]:
    scene.environment["BOT_STORE"] = url
    (scene.folder / "bot.toml").write_text(scene.config, "utf-8")
    settings = load_settings(scene.environment)
    page = Page("store")
    looked_at(page, settings.store, await facts_at(settings.store))
    shown = [f"{one.state}: {one.found}. {one.todo}".rstrip(". ") for one in page.findings]
    assert PASSWORD not in "".join(shown)
    parts = urlsplit(url)
    place = f"{parts.scheme}://{parts.username}@{parts.netloc.rpartition('@')[2]}{parts.path}"
    return [line.replace(place, "STORE").replace(parts.netloc.rpartition("@")[2], "HOST") for line in shown]


async def made(url: str) -> None:
    database = PostgresDatabase(url, SystemClock())
    await database.open()
    await Store(database, SystemClock()).configured_grants([a_grant("U9", "admin")])
    await database.close()


async def tables(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    found = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
    await connection.close()
    return [row["tablename"] for row in found]


async def changed(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


async def test_one_that_is_not_there_is_not_made(scene: Scene, postgres_url: str) -> None:
    assert await lines(scene, postgres_url) == ["ok: STORE is not there yet, and can be made at the first start"]
    assert await tables(postgres_url) == []


async def test_one_that_is_there_is_read_with_its_admins_and_its_clock(scene: Scene, postgres_url: str) -> None:
    await made(postgres_url)
    assert await lines(scene, postgres_url) == ["ok: STORE can be read and written, and has this version's tables"]
    report = await scene.checked()
    assert report.well
    found = [one.found for one in report.findings if one.check == "clock"]
    assert found == ["this machine's is within a minute of that of 127.0.0.1, Slack and the store's server"]
    settings = load_settings(scene.environment)
    assert {(one.subject_id, one.role) for one in (await facts_at(settings.store)).admins} == {("U9", Role.ADMIN)}


async def test_a_later_version_is_told_and_a_missing_migration(scene: Scene, postgres_url: str) -> None:
    await made(postgres_url)
    await changed(postgres_url, "insert into migration values ('0099-later', '0099-later', 0)")
    (line,) = await lines(scene, postgres_url)
    assert line.startswith("failed: STORE: a later version of the bot has changed it (its schema has 0099-later)")
    await changed(postgres_url, "delete from migration")
    (line,) = await lines(scene, postgres_url)
    assert line.startswith("warning: STORE: an earlier version made it; the next start adds 0001-requests-grants-audit")


async def test_each_way_in_which_it_is_not_reached_is_told(scene: Scene, postgres_url: str) -> None:
    parts = urlsplit(postgres_url)

    def at(**changes: str) -> str:
        return urlunsplit(parts._replace(**changes))

    host = parts.netloc.rpartition("@")[2]
    user = parts.username
    wrong = await lines(scene, at(netloc=f"{user}:another-password@{host}"))
    refused = f"PostgreSQL at HOST refused the role {user} or its password"
    assert wrong == [f"failed: STORE: {refused}. Mend that, or name another one with BOT_STORE"]
    assert await lines(scene, at(path="/nowhere")) == [
        "failed: STORE: PostgreSQL at HOST has no database nowhere. Make it with: createdb nowhere"
    ]
    (away,) = await lines(scene, at(netloc=f"{user}:{PASSWORD}@127.0.0.1:{free_port()}"))
    assert away.startswith("failed: STORE: PostgreSQL at HOST can't be reached")
