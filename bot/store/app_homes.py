"""App Home of everybody who opened it: how often it changed, how much of that is shown, and Slack's hash of it."""

from __future__ import annotations

from datetime import datetime

from bot.ports.forms import AppHomeRow
from bot.store.reading import first
from bot.store.script import Row, ScheduledJob, Script, sql
from bot.store.transactions import Transactions

JOBS = "select 'app_home:' || user_id as key, 0 as at, '' as lane from app_home where shown_rev < rev"


def opened(user_id: str, view_hash: str | None, now: datetime) -> Script[None]:
    """Opened by its person: it is to be shown anew. Slack's event says which view it shows, if there was one."""
    yield sql(
        "insert into app_home (user_id, rev, shown_rev, view_hash, looked_at) values (:user_id, 1, 0, :view_hash, 1) "
        "on conflict (user_id) do update set rev = app_home.rev + 1, view_hash = excluded.view_hash, looked_at = 1",
        user_id=user_id,
        view_hash=view_hash,
    )
    yield _publish(user_id, now)


def changed(user_id: str, now: datetime) -> Script[None]:
    """Something in it is out of date; nothing happens for those who never opened theirs."""
    rows = yield sql("update app_home set rev = rev + 1 where user_id = :user_id returning user_id", user_id=user_id)
    if rows:
        yield _publish(user_id, now)


def one(user_id: str) -> Script[AppHomeRow | None]:
    rows = yield sql("select * from app_home where user_id = :user_id", user_id=user_id)
    return (yield from first(rows, _app_home, "app_home"))


def _app_home(row: Row) -> AppHomeRow:
    return AppHomeRow(int(row["rev"]), int(row["shown_rev"]), row["view_hash"], bool(row["looked_at"]))


def published(user_id: str, rev: int, view_hash: str | None) -> Script[None]:
    """The content read at `rev` is shown; a change since then keeps it out of date."""
    yield sql(
        "update app_home set shown_rev = :rev, view_hash = :view_hash, "
        "looked_at = case when rev = :rev then 0 else looked_at end where user_id = :user_id",
        user_id=user_id,
        rev=rev,
        view_hash=view_hash,
    )


def _publish(user_id: str, now: datetime) -> ScheduledJob:
    return ScheduledJob(f"app_home:{user_id}", now)


class StoredAppHomes(Transactions):
    """Implements `bot.ports.forms.AppHomes`."""

    async def app_home(self, user_id: str) -> AppHomeRow | None:
        return await self._database.read(one, user_id)

    async def app_home_opened(self, user_id: str, view_hash: str | None) -> None:
        await self._database.run_first(opened, user_id, view_hash, self._clock.now())

    async def app_home_changed(self, user_id: str) -> None:
        await self._database.run(changed, user_id, self._clock.now())

    async def app_home_published(self, user_id: str, rev: int, view_hash: str | None) -> None:
        await self._database.run(published, user_id, rev, view_hash)
