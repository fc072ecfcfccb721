"""The store as the workflow sees it: all its roles on one file, the trail, and how the store itself does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from bot.domain.audit import AuditEntry
from bot.domain.errors import StoreFailed
from bot.domain.projects import Project
from bot.ports.figures import StoreFigures
from bot.store import audit, deliveries, forms, jobs, lookups, projects, waits
from bot.store.app_homes import StoredAppHomes
from bot.store.bindings import StoredBindings
from bot.store.consistency_groups import StoredConsistencyGroups
from bot.store.deferred_replies import StoredDeferredReplies
from bot.store.deletions import StoredDeletions
from bot.store.forms import StoredForms
from bot.store.grants import StoredGrants
from bot.store.items import StoredItems
from bot.store.outbox import StoredOutbox
from bot.store.requests import StoredRequests
from bot.store.restorations import StoredRestorations
from bot.store.script import Script, from_ms, sql, to_ms
from bot.store.slack_calls import StoredRoom
from bot.store.trail.handing_over import StoredShipping
from bot.store.trail.match_rows import StoredMatching
from bot.store.trail.search import StoredTrail
from bot.store.turns import StoredTurns
from bot.store.upkeep import measuring, verification
from bot.store.upkeep.proven_points import StoredProofs

_PROBE = "probe"
"""The row that is written to see whether rows can be."""


class Store(
    StoredRequests,
    StoredItems,
    StoredConsistencyGroups,
    StoredRestorations,
    StoredProofs,
    StoredDeletions,
    StoredOutbox,
    StoredGrants,
    StoredBindings,
    StoredForms,
    StoredDeferredReplies,
    StoredAppHomes,
    StoredTurns,
    StoredTrail,
    StoredShipping,
    StoredMatching,
):
    """Implements the roles of `bot/ports/` that ask for rows, on one SQLite file."""

    # --- the audit trail ----------------------------------------------------------------------------------------------

    async def audit(self, entries: Sequence[AuditEntry]) -> None:
        await self._database.run_first(audit.append, entries, self._clock.now())

    def note(self, entries: Sequence[AuditEntry]) -> None:
        """The same where no person waits: it is written down behind the answer."""
        self._database.run_behind(audit.append, entries, self._clock.now())

    async def audit_head(self) -> tuple[int, str]:
        return await self._database.run(audit.head)

    async def head_posted(self, seq: int, row_hash: str, chore: str, next_at: datetime) -> None:
        """That head of the trail was posted, which was a chore."""
        now = self._clock.now()

        def script() -> Script[None]:
            yield from audit.posted(seq, row_hash, now)
            yield from _chore_done(chore, next_at)

        await self._database.run(script)

    async def witness(self) -> verification.Witness:
        return await self._database.read(verification.witness, self._database.triggers)

    async def chore_due(self, name: str) -> datetime | None:
        """When a chore is to be done next; None if it never was."""

        def script() -> Script[datetime | None]:
            rows = yield sql("select next_at from chore where name = :name", name=name)
            return from_ms(rows[0]["next_at"]) if rows else None

        return await self._database.read(script)

    async def chore_done(self, name: str, next_at: datetime) -> None:
        await self._database.run(_chore_done, name, next_at)

    async def chore_taken(self, name: str, next_at: datetime) -> bool:
        """Whether a chore was due, which counts as done until `next_at` then: of two who ask at once, one does it."""
        now = self._clock.now()

        def script() -> Script[bool]:
            taken = yield sql(
                "insert into chore (name, next_at) values (:name, :next_at) on conflict (name) "
                "do update set next_at = excluded.next_at where chore.next_at <= :now returning name",
                name=name,
                next_at=to_ms(next_at),
                now=to_ms(now),
            )
            return bool(taken)

        return await self._database.run(script)

    def room(self, method: str) -> StoredRoom:
        """For calls of a method of Slack that count together with those of other replicas."""
        return StoredRoom(self._database, self._clock, method)

    # --- the store itself ---------------------------------------------------------------------------------------------

    async def configured_projects(self, configured: Mapping[str, Project]) -> dict[str, str]:
        """Note what each alias stands for; answers former ones whose project has another name now, with that."""
        return await self._database.run(projects.configured, configured)

    async def jobs(self) -> list[tuple[str, datetime, str]]:
        return await self._database.read(jobs.every, self._clock.now())

    async def figures(self) -> StoreFigures:
        return await self._database.read(measuring.figures)

    async def size(self) -> int:
        return await self._database.size()

    async def counts(self, tables: Sequence[str]) -> dict[tuple[str, str], int]:
        """How many rows of each table stand in which state."""
        return await self._database.read(lookups.counts, tables)

    async def forget_deliveries(self) -> None:
        """Drop the marks of deliveries that can no longer be repeated, and forms as old as that."""
        before = self._clock.now() - deliveries.REMEMBERED

        def script() -> Script[None]:
            yield from deliveries.forget(before)
            yield from forms.forget(before)

        await self._database.run(script)

    async def clock_set(self, by: timedelta) -> None:
        """No row that is written or read after this was asked for has an old date."""
        await self._database.run_between(waits.moved, by, self._clock.now())

    async def look_longer(self, by: timedelta) -> None:
        await self._database.run(waits.looked_for_longer, self._clock.now() + by)

    async def bring_dates_back(self) -> None:
        await self._database.run(waits.brought_back, self._clock.now())

    async def clock_set_meanwhile(self) -> timedelta:
        """Before anything else is written: what waits, if the clock was set back since the last row was."""
        return await self._database.run(waits.set_back_meanwhile, self._clock.now())

    async def writable(self) -> bool:
        """Whether a row can be written and committed now: a full disk is noticed no sooner."""

        def script() -> Script[None]:
            yield sql("delete from chore where name = :name", name=_PROBE)
            yield sql("insert into chore (name, next_at) values (:name, 0)", name=_PROBE)

        try:
            await self._database.run(script)
        except StoreFailed:
            return False
        return True

    async def answers(self) -> None:
        """Returns when the store's threads have come round to it. Raises StoreFailed where one never will."""

        def script() -> Script[None]:
            yield sql("select 1")

        await self._database.run(script)
        await self._database.read(script)

    async def broken(self) -> None:
        """Returns when the store does no more work, though it was not closed."""
        await self._database.broken()


def _chore_done(name: str, next_at: datetime) -> Script[None]:
    yield sql(
        "insert into chore (name, next_at) values (:name, :next_at) "
        "on conflict (name) do update set next_at = excluded.next_at",
        name=name,
        next_at=to_ms(next_at),
    )
