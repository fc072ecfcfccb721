"""The tables, as migrations in order; never edited once released. Ids are text, times epoch milliseconds, flags 0 or 1.
Once released, another edge or state of a machine is another migration: a store keeps the checks it was made with.

What "never twice" rests on is a constraint here: a delivery counts once, a disk is copied by one item at a time, a row
moves along the edges of its state machine, and the audit trail is only ever added to.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

from sqlite_utils import Database, Migrations

from bot.domain.errors import StoreTooNew
from bot.domain.transitions import DELETION, GROUP, ITEM, REQUEST, Machine

migrations = Migrations("snapshot-bot")


def _values(machine: Machine[Any, Any]) -> str:
    return ", ".join(f"'{state}'" for state in machine.states)


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


_FIRST = f"""
create table request (
    id text primary key,
    state text not null check (state in ({_values(REQUEST)})),
    actor_id text not null,
    team_id text not null,
    channel_id text not null,
    thread_ts text,
    text text not null,
    order_json text not null,
    created_at bigint not null,
    ver bigint not null,
    rev bigint not null,
    shown_rev bigint not null,
    to_send integer not null,
    project text,
    explanation text not null,
    rule text not null,
    reply_channel text not null,
    status_channel text,
    status_ts text,
    edited_at bigint,
    receipt_ts text,
    ended_at bigint,
    break_glass integer not null,
    reviewed_by text,
    approvals_needed integer not null,
    waits_until bigint,
    ask_ts text,
    ask_rev bigint not null,
    kept_until bigint,
    remind_at bigint,
    received_at bigint,
    warnings_json text not null,
    delivery_id text unique
);
create index request_open on request (state) where state in ('received', 'planned', 'waiting', 'running');
create index request_to_send on request (reply_channel) where to_send = 1;
create index request_of_actor on request (actor_id, created_at);
create index request_by_time on request (created_at);
create index request_remind on request (remind_at) where remind_at is not null;
create index request_waiting on request (created_at) where state = 'waiting';
create index request_unreviewed on request (created_at) where break_glass = 1 and reviewed_by is null;

create table consistency_group (
    id text primary key,
    request_id text not null references request (id),
    project text not null,
    server text not null,
    zone text not null,
    asked_json text not null,
    state text not null check (state in ({_values(GROUP)})),
    ver bigint not null,
    attempts integer not null,
    in_doubt integer not null,
    due_at bigint,
    submitted_at bigint,
    look_until bigint,
    waiting_since bigint,
    cause text not null,
    code text not null,
    job_id text,
    cloud_id text
);
create index consistency_group_of_request on consistency_group (request_id);
create index consistency_group_open on consistency_group (state)
    where state in ('planned', 'submitting', 'uncertain', 'made');

create table item (
    id text primary key,
    request_id text not null references request (id),
    position integer not null,
    project text not null,
    disk_id text not null,
    disk_name text not null,
    disk_json text not null,
    snapshot_json text not null,
    state text not null check (state in ({_values(ITEM)})),
    ver bigint not null,
    attempts integer not null,
    in_doubt integer not null,
    due_at bigint,
    submitted_at bigint,
    look_until bigint,
    waiting_since bigint,
    cause text not null,
    code text not null,
    job_id text,
    snapshot_id text,
    progress integer,
    taken_at bigint,
    incremental integer,
    ended_at bigint,
    joined_to text references item (id),
    let_go integer not null default 0,
    consistency_group_id text references consistency_group (id),
    accepted_told integer not null default 0,
    failure_told integer not null default 0,
    unique (request_id, position)
);
create unique index item_copies_disk on item (disk_id)
    where state in ('submitting', 'uncertain', 'creating') and joined_to is null;
create index item_open on item (state, project) where state in ('planned', 'submitting', 'uncertain', 'creating');
create index item_joined on item (joined_to) where joined_to is not null;
create index item_snapshot on item (snapshot_id);
create index item_job on item (job_id);
create index item_disk on item (disk_id);

create table delivery (
    id text primary key,
    received_at bigint not null
);

create table deferred_reply (
    id text primary key,
    kind text not null,
    user_id text not null,
    channel_id text not null,
    thread_ts text,
    payload_json text not null,
    claim text,
    late integer not null,
    created_at bigint not null
);

create table form (
    id text primary key,
    user_id text not null,
    team_id text not null,
    channel_id text not null,
    thread_ts text,
    order_json text not null,
    choose_place integer not null,
    view_id text,
    project text,
    revision bigint not null,
    kind text not null,
    subject text not null,
    view_hash text,
    opened_at bigint not null
);
create index form_by_time on form (opened_at);

create table app_home (
    user_id text primary key,
    rev bigint not null,
    shown_rev bigint not null,
    view_hash text,
    looked_at integer not null
);

create table approval (
    request_id text not null references request (id),
    approver_id text not null,
    at bigint not null,
    primary key (request_id, approver_id)
);

create table notice (
    request_id text not null references request (id),
    subject_kind text not null,
    subject_id text not null,
    since bigint not null,
    told integer not null default 0,
    asking bigint not null default 0,
    primary key (request_id, subject_kind, subject_id, asking)
);
create index notice_untold on notice (request_id) where told = 0;

create table deletion (
    item_id text primary key references item (id),
    request_id text not null references request (id),
    project text not null,
    snapshot_id text not null,
    disk_id text not null,
    label text not null,
    state text not null check (state in ({_values(DELETION)})),
    asked_by text not null,
    channel_id text not null,
    asked_at bigint not null,
    asking bigint not null,
    agreed_json text not null,
    agreed_at bigint,
    announced integer not null,
    cause text not null,
    told integer not null,
    ver bigint not null
);
create index deletion_of_request on deletion (request_id);
create index deletion_untold on deletion (request_id) where told = 0;

create table access_grant (
    subject_kind text not null,
    subject_id text not null,
    role text not null,
    project text not null,
    expires_at bigint,
    source text not null,
    primary key (subject_kind, subject_id, project, role, source)
);
create index access_grant_ending on access_grant (expires_at) where expires_at is not null;
create index access_grant_admin on access_grant (project, expires_at, subject_kind, subject_id) where role = 'admin';
create index access_grant_approver on access_grant (project) where role in ('approver', 'admin');

create table expired_grant (
    subject_kind text not null,
    subject_id text not null,
    role text not null,
    project text not null,
    source text not null,
    expires_at bigint not null,
    primary key (subject_kind, subject_id, project, role, source, expires_at)
);

create table binding (
    channel_id text not null,
    position integer not null,
    project text not null,
    selector_json text not null,
    keep_days integer,
    confirm integer not null,
    reason text,
    source text not null,
    primary key (channel_id, position)
);

create table chore (
    name text primary key,
    next_at bigint not null
);

create table audit (
    seq integer primary key,
    at bigint not null,
    actor text not null,
    action text not null,
    subject text not null,
    outcome text not null,
    rule text not null,
    details_json text not null,
    previous_hash text not null,
    hash text not null
);
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

GUARDS = {**AUDIT_TRIGGERS, **{f"{one.name}_moves": _no_other_moves(one) for one in (REQUEST, ITEM, GROUP, DELETION)}}
"""All triggers there are, as long as none is taken away: `audit verify` looks for them."""


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
    for statement in _FIRST.split(";"):
        if statement.strip():
            db.execute(statement)
    for trigger in GUARDS.values():
        db.execute(trigger)


_TIME_SPENT = """
alter table request add column tried_ms bigint not null default 0;
alter table item add column tried_ms bigint not null default 0;
alter table item add column in_vain_ms bigint not null default 0;
alter table consistency_group add column tried_ms bigint not null default 0;
alter table consistency_group add column in_vain_ms bigint not null default 0;
alter table deletion add column tried_ms bigint not null default 0
"""


@migrations(name="0002-time-spent")
def _time_spent(db: Database) -> None:
    for statement in _TIME_SPENT.split(";"):
        db.execute(statement)


@migrations(name="0003-project-aliases")
def _project_aliases(db: Database) -> None:
    db.execute("create table project_alias (alias text primary key, project_id text not null, region text not null)")


@migrations(name="0004-posted-heads")
def _posted_heads(db: Database) -> None:
    db.execute("create table posted_head (seq bigint primary key, hash text not null, posted_at bigint not null)")


@migrations(name="0005-request-started")
def _request_started(db: Database) -> None:
    db.execute("alter table request add column started_at bigint")


@migrations(name="0006-more-options")
def _more_options(db: Database) -> None:
    db.execute("alter table form add column more integer not null default 0")


_GONE = """
alter table item add column gone_at bigint;
alter table item add column gone_by text;
alter table request add column receipt_gone integer not null default 0
"""


@migrations(name="0007-snapshots-gone")
def _gone(db: Database) -> None:
    for statement in _GONE.split(";"):
        db.execute(statement)


@migrations(name="0008-deletions-sent")
def _deletions_sent(db: Database) -> None:
    db.execute("alter table deletion add column sent integer not null default 0")
    db.execute("update deletion set sent = 1 where state = 'deleting'")  # who can say? it is looked at first


_DIRECT = """
alter table request add column direct integer not null default 0;
alter table form add column direct integer not null default 0;
update request set direct = 1 where channel_id glob '[DUW]*';
update form set direct = 1 where channel_id glob '[DUW]*'
"""
"""Rows of before are told apart as Slack's ids were read then."""


@migrations(name="0009-direct-places")
def _direct(db: Database) -> None:
    for statement in _DIRECT.split(";"):
        db.execute(statement)
