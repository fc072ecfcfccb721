"""The tables in PostgreSQL, as migrations in order; never edited once released.

Each names the last migration that a bot must know to go on with the store after it: a replica of the version before
goes on during an upgrade, and one that is older than that is refused. See docs/architecture.md for how to write one.

Triggers keep each row on the edges of its state machine, and the audit trail is only ever added to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any, Literal

from bot.domain.errors import StoreFailed, StoreMissing, StoreTooNew
from bot.domain.transitions import Machine
from bot.store.database import Triggers
from bot.store.definitions import FIRST, MACHINES, counted_as, ended
from bot.store.postgres.connection import OLDEST

LOCK = 7_141_905_288_220_417_263
"""The advisory lock of those who write to this database, or change its tables."""

MIGRATES_WITHIN_SECONDS = 60
MARKS_KEPT_DAYS = 1

_TYPES = {"text": 'text collate "C"', "integer": "bigint"}
_TYPE = re.compile(r"(?<=\w )(text|integer)\b")
"""Text is in the order of its bytes, as in SQLite, and not in that of a language."""

_APPLIED = (
    "create table if not exists migration (name text primary key, needs text not null, applied_at bigint not null)"
)
_MARKS = "create table commit_mark (id text primary key, number bigint not null, at bigint not null)"
"""Of each replica the number of its last commit."""

_OLD_MARKS = f"delete from commit_mark where at < extract(epoch from now() - interval '{MARKS_KEPT_DAYS} day') * 1000"


@dataclass(frozen=True, slots=True)
class Migration:
    """`needs`: the last migration that a bot must know to go on with the store after this one; its own name where none
    of before can.
    """

    name: str
    needs: str
    statements: Sequence[str]


def for_postgres(text: str) -> str:
    """A statement of `bot.store.definitions`, in PostgreSQL's words."""
    return _TYPE.sub(lambda found: _TYPES[found[1]], text).replace(") without rowid", ")").strip()


def _no_other_moves(machine: Machine[Any, Any]) -> str:
    """Refuses each move between two states which the table has no edge for. A state of a later version is in none of
    its pairs.
    """
    edges = {(before, after) for before, _, after in machine.edges}
    pairs = [pair for pair in permutations(machine.states, 2) if pair not in edges]
    wrong = ", ".join(f"('{before}', '{after}')" for before, after in pairs)
    return f"if (old.state, new.state) in ({wrong}) then {_raised(f'no edge of {machine.name} leads there')} end if;"


def _raised(why: str) -> str:
    return f"raise exception '{why}' using errcode = 'check_violation';"


def _one_more(machine: Machine[Any, Any], when: str = "true") -> str:
    return f"""
        if new.{ended(machine)} and {when} then
            insert into ended_count (kind, state, number) values ({counted_as(machine, "new")}, new.state, 1)
            on conflict (kind, state) do update set number = ended_count.number + 1;
        end if;
    """


def _one_less(machine: Machine[Any, Any]) -> str:
    return f"""
        if old.{ended(machine)} then
            update ended_count set number = number - 1
            where kind = {counted_as(machine, "old")} and state = old.state;
        end if;
    """


@dataclass(frozen=True, slots=True)
class Trigger:
    """`when` as PostgreSQL shows it, so that `audit verify` finds it again; its function has its name."""

    name: str
    when: str
    body: str

    @property
    def source(self) -> str:
        return f"begin {self.body} return {'old' if 'DELETE' in self.when else 'new'}; end"

    @property
    def made(self) -> str:
        return f"CREATE TRIGGER {self.name} {self.when} EXECUTE FUNCTION {self.name}()"

    @property
    def shown(self) -> str:
        return f"{self.made} {self.source}"

    def statements(self) -> tuple[str, str]:
        function = f"create function {self.name}() returns trigger language plpgsql as $$ {self.source} $$"
        return function, self.made


def _kept_on_edges(machine: Machine[Any, Any]) -> Trigger:
    name = machine.name
    return Trigger(f"{name}_moves", f"BEFORE UPDATE OF state ON {name} FOR EACH ROW", _no_other_moves(machine))


def _counting(machine: Machine[Any, Any]) -> tuple[Trigger, ...]:
    """They count the rows of each state that is an end, so that no scrape has to."""
    name = machine.name
    moved = _one_more(machine, "old.state <> new.state")
    return (
        Trigger(f"{name}_counted_at_its_end", f"AFTER UPDATE OF state ON {name} FOR EACH ROW", moved),
        Trigger(f"{name}_counted_as_added", f"AFTER INSERT ON {name} FOR EACH ROW", _one_more(machine)),
        Trigger(f"{name}_counted_as_gone", f"AFTER DELETE ON {name} FOR EACH ROW", _one_less(machine)),
    )


def counting_of_added(how: Literal["disable", "enable"]) -> list[str]:
    """Statements around the adding of very many rows in one transaction: each that is counted leaves another version of
    the count behind, and the next one passes them all.
    """
    return [f"alter table {one.name} {how} trigger {one.name}_counted_as_added" for one in MACHINES]


_APPEND_ONLY = _raised("the audit trail is append-only")
_GUARDS = (
    Trigger("audit_is_never_changed", "BEFORE UPDATE ON audit FOR EACH ROW", _APPEND_ONLY),
    Trigger("audit_is_never_cut", "BEFORE DELETE ON audit FOR EACH ROW", _APPEND_ONLY),
    Trigger("audit_is_never_emptied", "BEFORE TRUNCATE ON audit FOR EACH STATEMENT", _APPEND_ONLY),
    *(_kept_on_edges(machine) for machine in MACHINES),
)
_COUNTERS = tuple(trigger for machine in MACHINES for trigger in _counting(machine))
_TABLES = ", ".join(f"'{name}'" for name in re.findall(r"create table (\w+)", FIRST))

TRIGGERS = Triggers(
    f"""
    select tgname::text as name, case when tgenabled in ('O', 'A')
        then pg_get_triggerdef(pg_trigger.oid, true) || ' ' || prosrc else 'disabled' end as text
    from pg_trigger join pg_class on pg_class.oid = tgrelid join pg_proc on pg_proc.oid = tgfoid
    where not tgisinternal and pg_class.relnamespace = current_schema()::regnamespace and relname in ({_TABLES})
    union all select rulename::text, definition from pg_rules
    where schemaname = current_schema() and tablename in ({_TABLES})
    """,
    guards={trigger.name: trigger.shown for trigger in _GUARDS},
    others={trigger.name: trigger.shown for trigger in _COUNTERS},
)


def _first() -> Iterator[str]:
    yield from (for_postgres(statement) for statement in [*FIRST.split(";"), _MARKS] if statement.strip())
    for trigger in (*_GUARDS, *_COUNTERS):
        yield from trigger.statements()


MIGRATIONS = (Migration("0001-requests-grants-audit", "0001-requests-grants-audit", tuple(_first())),)


async def migrate(connection: Any, *, made: bool = True) -> None:
    """Bring the tables to what this version knows. Raises StoreFailed, StoreTooNew, or StoreMissing where there are
    none and they are not to be `made`.

    Replicas that start together wait for each other. Where nothing is to be done, none waits for those who write.
    """
    refuse_older_server(connection.get_server_version())
    if not made and not await _is_there(connection):
        database = await connection.fetchval("select current_database()")
        raise StoreMissing(
            f"There is no store in the database {database}. Name another one with BOT_STORE or --config."
        )
    if await _pending(connection):
        async with connection.transaction():
            await connection.execute(f"set local lock_timeout = '{MIGRATES_WITHIN_SECONDS}s'")
            await connection.execute(f"select pg_advisory_xact_lock({LOCK})", timeout=MIGRATES_WITHIN_SECONDS + 5)
            await connection.execute(_APPLIED)
            for migration in await _pending(connection):
                await _apply(connection, migration)
    await connection.execute(_OLD_MARKS)


async def _apply(connection: Any, migration: Migration) -> None:
    for statement in migration.statements:
        await connection.execute(statement, timeout=MIGRATES_WITHIN_SECONDS)
    applied = "insert into migration (name, needs, applied_at) values ($1, $2, extract(epoch from now()) * 1000)"
    await connection.execute(applied, migration.name, migration.needs)


async def _is_there(connection: Any) -> bool:
    return await connection.fetchval("select to_regclass('migration')") is not None


async def _pending(connection: Any) -> list[Migration]:
    if not await _is_there(connection):
        return list(MIGRATIONS)
    applied = {row["name"]: row["needs"] for row in await connection.fetch("select name, needs from migration")}
    refuse_newer(applied, await connection.fetchval("select current_database()"))
    return [migration for migration in MIGRATIONS if migration.name not in applied]


def refuse_older_server(version: tuple[int, ...]) -> None:
    if version[0] < OLDEST:
        raise StoreFailed(f"PostgreSQL {version[0]} is too old for the bot's store: it takes {OLDEST} or later.")


def refuse_newer(applied: Mapping[str, str], database: str) -> None:
    """Raises StoreTooNew for a store that a version later than the next one has changed: what it wrote there could be
    misread.
    """
    known = {migration.name for migration in MIGRATIONS}
    later = sorted(name for name, needs in applied.items() if name not in known and needs not in known)
    if later:
        raise StoreTooNew(
            f"The store {database} was last used by a later version of the bot (its schema has {later[-1]}, which this "
            "one does not know). Start that version, or restore the copy of the store that was made before the upgrade."
        )
