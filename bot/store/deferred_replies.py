"""Answers that were promised by an acknowledgement and not given yet: what was asked, and what it claims."""

from __future__ import annotations

import json
from dataclasses import replace

from bot.ports.forms import DeferredReply
from bot.store import deliveries
from bot.store.columns import Column, Columns, as_json
from bot.store.reading import first
from bot.store.script import Row, ScheduledJob, Script, insert, sql
from bot.store.transactions import Transactions

JOBS = "select 'answer:' || id as key, 0 as at, user_id as lane from deferred_reply"


_COLUMNS = Columns(
    same=("id", "kind", "user_id", "thread_ts", "claim"),
    flags=("late",),
    began=("created_at",),
    others={
        "channel": Column("channel_id", str, str),
        "payload": Column("payload_json", lambda payload: as_json(dict(payload)), json.loads),
    },
)


def add(deferred_reply: DeferredReply) -> Script[None]:
    yield insert("deferred_reply", _COLUMNS.row(deferred_reply))
    yield ScheduledJob(f"answer:{deferred_reply.id}", deferred_reply.created_at, deferred_reply.user_id)


def one(deferred_reply_id: str) -> Script[DeferredReply | None]:
    rows = yield sql("select * from deferred_reply where id = :id", id=deferred_reply_id)
    return (yield from first(rows, _deferred_reply, "deferred_reply"))


def _deferred_reply(row: Row) -> DeferredReply:
    return DeferredReply(**_COLUMNS.fields(row))


def drop(deferred_reply_id: str) -> Script[None]:
    yield sql("delete from deferred_reply where id = :id", id=deferred_reply_id)


class StoredDeferredReplies(Transactions):
    """Implements `bot.ports.forms.DeferredReplies`."""

    async def take_deferred_reply(self, deferred_reply: DeferredReply) -> bool:
        """Mark a delivery, and keep what is owed for it until it is answered. False: it was here before.

        What it claims is its own from now on; `late` is set where that was taken before.
        """
        now = self._clock.now()

        def script() -> Script[bool]:
            if not (yield from deliveries.first(deferred_reply.id, now)):
                return False
            late = deferred_reply.claim is not None and not (yield from deliveries.first(deferred_reply.claim, now))
            yield from add(replace(deferred_reply, claim=None, late=True) if late else deferred_reply)
            return True

        return await self._database.run_first(script)

    async def deferred_reply(self, deferred_reply_id: str) -> DeferredReply | None:
        return await self._database.read(one, deferred_reply_id)

    async def deferred_reply_done(self, deferred_reply: DeferredReply, *, acted: bool) -> None:
        """It was answered. What it claimed is free again if nothing was changed."""

        def script() -> Script[None]:
            yield from drop(deferred_reply.id)
            if deferred_reply.claim is not None and not acted:
                yield from deliveries.take_back(deferred_reply.claim)

        await self._database.run(script)
