"""The tables in SQLite, as migrations in order; never edited once released. Once released, another edge or state of a
machine is another migration: a store keeps the checks it was made with.

Triggers keep each row on the edges of its state machine, and the audit trail is only ever added to.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

from sqlite_utils import Database, Migrations

from bot.domain.errors import StoreTooNew
from bot.domain.transitions import Machine
from bot.store.database import Triggers
from bot.store.definitions import FIRST, MACHINES, counted_as, ended

migrations = Migrations("snapshot-bot")


def _no_other_moves(machine: Machine[Any, Any]) -> str:
    """A trigger that refuses each move between two states which the table has no edge for. A state of a later version
    is in none of its pairs.
    """
    edges = {(before, after) for before, _, after in machine.edges}
    pairs = [pair for pair in permutations(machine.states, 2) if pair not in edges]
    wrong = ", ".join(f"('{before}', '{after}')" for before, after in pairs)
    return f"""
        create trigger {machine.name}_moves before update of state on {machine.name}
        when (old.state, new.state) in (values {wrong})
        begin select raise(abort, 'no edge of {machine.name} leads there'); end
    """


AUDIT_TRIGGERS = {
    "audit_is_never_changed": """
        create trigger audit_is_never_changed before update on audit
        begin select raise(abort, 'the audit trail is append-only'); end
    """,
    "audit_is_never_cut": """
        create trigger audit_is_never_cut before delete on audit
        begin select raise(abort, 'the audit trail is append-only'); end
    """,
}
"""The triggers that keep the trail append-only."""


def _counting(machine: Machine[Any, Any]) -> dict[str, str]:
    """Triggers that count the rows of each state that is an end, so that no scrape has to."""
    name = machine.name
    one_more = f"""
        begin
            insert into ended_count (kind, state, number) values ({counted_as(machine, "new")}, new.state, 1)
            on conflict (kind, state) do update set number = number + 1;
        end
    """
    one_less = f"""
        begin
            update ended_count set number = number - 1 where kind = {counted_as(machine, "old")} and state = old.state;
        end
    """
    now, before = f"new.{ended(machine)}", f"old.{ended(machine)}"
    when = {
        "at_its_end": f"after update of state on {name} when {now} and old.state <> new.state {one_more}",
        "as_added": f"after insert on {name} when {now} {one_more}",
        "as_gone": f"after delete on {name} when {before} {one_less}",
    }
    return {f"{name}_counted_{how}": f"create trigger {name}_counted_{how} {text}" for how, text in when.items()}


TRIGGERS = Triggers(
    "select name, sql as text from sqlite_master where type = 'trigger'",
    guards={**AUDIT_TRIGGERS, **{f"{one.name}_moves": _no_other_moves(one) for one in MACHINES}},
    others={name: text for one in MACHINES for name, text in _counting(one).items()},
)


def refuse_newer(db: Database, file: str) -> None:
    """Raises StoreTooNew for a store that a later version has changed: what it wrote there could be misread."""
    known = {step.name for step in migrations.pending(Database(memory=True))}
    later = sorted(step.name for step in migrations.applied(db) if step.name not in known)
    if later:
        raise StoreTooNew(
            f"The store {file} was last used by a later version of the bot (its schema has {later[-1]}, which this one "
            "does not know). Start that version, or restore the copy of the store that was made before the upgrade."
        )


@migrations(name="0001-requests-grants-audit")
def _first(db: Database) -> None:
    for statement in FIRST.split(";"):
        if statement.strip():
            db.execute(statement)
    for trigger in (*TRIGGERS.guards.values(), *TRIGGERS.others.values()):
        db.execute(trigger)
