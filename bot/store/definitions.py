"""The tables and their indexes. Ids are text, times epoch milliseconds, flags 0 or 1.

What "never twice" rests on is a constraint here: a delivery counts once, and a disk is copied by one item at a time.

No question may take longer the more the store holds. A partial index is taken only for a query that repeats its
condition word for word, so the conditions have names. What an acknowledgement writes is in as few indexes as can be:
the others are filled when it ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bot.domain.transitions import DELETION, GROUP, ITEM, REQUEST, RESTORATION, Machine
from bot.domain.turns import WAITS_ITS_TURN


def _among(states: Iterable[str]) -> str:
    listed = ", ".join(f"'{state}'" for state in states)
    return f"state in ({listed})"


def _not_ended(machine: Machine[Any, Any]) -> str:
    return _among(state for state in machine.states if state not in machine.final)


def ended(machine: Machine[Any, Any]) -> str:
    return _among(state for state in machine.states if state in machine.final)


def counted_as(machine: Machine[Any, Any], row: str) -> str:
    """By which kind the ends of a machine's rows are counted: those of restorations by their way as well."""
    return f"'{machine.name}:' || {row}.way" if machine is RESTORATION else f"'{machine.name}'"


def _attempt(machine: Machine[Any, Any]) -> str:
    """The columns of what is made at the cloud in one POST."""
    return f"""state text not null check ({_among(machine.states)}),
    ver bigint not null,
    attempts integer not null,
    in_doubt integer not null,
    due_at bigint,
    submitted_at bigint,
    look_until bigint,
    waiting_since bigint,
    cause text not null,
    code text not null,
    job_id text"""


MACHINES: tuple[Machine[Any, Any], ...] = (REQUEST, ITEM, GROUP, RESTORATION, DELETION)
OPEN = {machine.name: _not_ended(machine) for machine in MACHINES}
"""By table: which rows have not ended."""

REQUEST_OPEN, ITEM_OPEN, GROUP_OPEN = (OPEN[machine.name] for machine in (REQUEST, ITEM, GROUP))
RESTORATION_OPEN = OPEN[RESTORATION.name]
REQUEST_ENDED = ended(REQUEST)
COPIES = "state in ('submitting', 'uncertain', 'creating') and joined_to is null"
QUEUED = f"state = 'planned' and code = '{WAITS_ITS_TURN}'"
FOLLOWED = "state = 'creating' and joined_to is null"
ROLLS_BACK = "way = 'overwrite' and state in ('submitting', 'uncertain', 'restoring')"
PROVES = "way = 'verify' and proven_at is not null"
TEST_DISK = "way = 'verify' and state in ('submitting', 'uncertain', 'restoring', 'clearing')"
PROVING = f"way = 'verify' and {RESTORATION_OPEN}"
TO_REVIEW = "break_glass = 1 and reviewed_by is null and state in ('running', 'finished')"
DELETION_ASKED = "state = 'asked'"
OF_A_REQUEST = "substr(subject, 1, 2) = 'r-'"
"""An audit row about a request, or an item or group of one, whose ids begin with its own: none that is written before
an acknowledgement.
"""
OF_A_MATCH = "action = 'match'"
TO_REMIND = "remind_at is not null and ended_at is not null"
POINT = "state = 'available' and snapshot_id is not null and gone_at is null"
"""An item that is a restore point, as far as the rows know."""

FIRST = f"""
create table request (
    id text primary key,
    state text not null check ({_among(REQUEST.states)}),
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
    warnings_json text not null,
    delivery_id text unique,
    tried_ms bigint not null default 0,
    started_at bigint,
    receipt_gone integer not null default 0,
    direct integer not null default 0,
    run_url text not null default '',
    restorable integer not null default 0
);
create index request_open on request (actor_id, created_at desc, id, state, project) where {REQUEST_OPEN};
create index request_by_time on request (created_at desc, id, state) where {REQUEST_ENDED};
create index request_of_actor on request (actor_id, created_at desc, id, project, state) where {REQUEST_ENDED};
create index request_of_project on request (project, created_at desc, id, state) where {REQUEST_ENDED};
create index request_restorable on request (channel_id, created_at desc, id, project) where restorable = 1;
create index request_to_send on request (reply_channel, created_at) where to_send = 1;
create index request_remind on request (remind_at) where {TO_REMIND};
create index request_unreviewed on request (created_at desc, id, project) where {TO_REVIEW};

create table consistency_group (
    id text primary key,
    request_id text not null references request (id),
    project text not null,
    server text not null,
    zone text not null,
    asked_json text not null,
    {_attempt(GROUP)},
    cloud_id text,
    tried_ms bigint not null default 0,
    in_vain_ms bigint not null default 0
);
create index consistency_group_of_request on consistency_group (request_id);
create index consistency_group_open on consistency_group (state) where {GROUP_OPEN};
create index consistency_group_cloud on consistency_group (cloud_id) where cloud_id is not null;

create table item (
    id text primary key,
    request_id text not null references request (id),
    position integer not null,
    project text not null,
    disk_id text not null,
    disk_name text not null,
    disk_json text not null,
    snapshot_json text not null,
    {_attempt(ITEM)},
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
    tried_ms bigint not null default 0,
    in_vain_ms bigint not null default 0,
    gone_at bigint,
    gone_by text,
    asked_at bigint not null,
    unique (request_id, position)
);
create unique index item_copies_disk on item (disk_id) where {COPIES};
create index item_open on item (project, state, joined_to, id) where {ITEM_OPEN};
create index item_followed on item (project, coalesce(due_at, 0), id) where {FOLLOWED};
create index item_queued on item (project, request_id, coalesce(consistency_group_id, '')) where {QUEUED};
create index item_joined on item (joined_to, id) where joined_to is not null;
create index item_of_group on item (consistency_group_id) where consistency_group_id is not null;
create index item_snapshot on item (snapshot_id) where snapshot_id is not null;
create index item_job on item (job_id) where job_id is not null;
create index item_of_disk on item (disk_id, asked_at desc, request_id);
create index item_of_name on item (disk_name, asked_at desc, request_id);
create index item_point on item (disk_id, coalesce(taken_at, ended_at) desc, id) where {POINT};

create table restoration (
    id text primary key,
    request_id text not null references request (id),
    position integer not null,
    project text not null,
    way text not null,
    disk_id text not null,
    disk_json text not null,
    snapshot_id text not null,
    source_json text not null,
    asked_json text,
    safety_item_id text references item (id),
    {_attempt(RESTORATION)},
    made_id text,
    disk_changed_at bigint,
    proven_at bigint,
    ended_at bigint,
    accepted_told integer not null default 0,
    failure_told integer not null default 0,
    tried_ms bigint not null default 0,
    in_vain_ms bigint not null default 0,
    unique (request_id, position)
);
create unique index restoration_rolls_back on restoration (disk_id) where {ROLLS_BACK};
create index restoration_open on restoration (request_id) where {RESTORATION_OPEN};
create index restoration_made on restoration (made_id) where made_id is not null;
create index restoration_job on restoration (job_id) where job_id is not null;
create index restoration_safety on restoration (safety_item_id) where safety_item_id is not null;
create index restoration_proves on restoration (snapshot_id, proven_at desc, id) where {PROVES};
create index restoration_proves_disk on restoration (disk_id, proven_at desc, id) where {PROVES};
create index restoration_proving on restoration (state, project, snapshot_id) where {PROVING};
create unique index restoration_test_disk on restoration (project) where {TEST_DISK};
create index restoration_tested on restoration (submitted_at) where way = 'verify';

create table named_disk (
    project text not null,
    disk_id text not null,
    disk_name text not null,
    asked_at bigint not null,
    primary key (project, disk_id, disk_name)
) without rowid;

create table delivery (
    id text primary key,
    received_at bigint not null
) without rowid;

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
    opened_at bigint not null,
    more integer not null default 0,
    direct integer not null default 0
);

create table app_home (
    user_id text primary key,
    rev bigint not null,
    shown_rev bigint not null,
    view_hash text,
    looked_at integer not null
);
create index app_home_stale on app_home (user_id) where shown_rev < rev;

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
    state text not null check ({_among(DELETION.states)}),
    asked_by text not null,
    channel_id text not null,
    asked_at bigint not null,
    asking bigint not null,
    agreed_json text not null,
    agreed_at bigint,
    announced integer not null,
    cause text not null,
    told integer not null,
    ver bigint not null,
    tried_ms bigint not null default 0,
    sent integer not null default 0
);
create index deletion_of_request on deletion (request_id);
create index deletion_of_snapshot on deletion (snapshot_id);
create index deletion_untold on deletion (request_id) where told = 0;
create index deletion_asked on deletion (state) where {DELETION_ASKED};

create table access_grant (
    subject_kind text not null,
    subject_id text not null,
    role text not null,
    project text not null,
    expires_at bigint,
    source text not null,
    end_told integer not null default 0,
    primary key (subject_kind, subject_id, project, role, source)
) without rowid;
create index access_grant_ending on access_grant (expires_at) where expires_at is not null and end_told = 0;
create index access_grant_of_source on access_grant (source, project, subject_kind, subject_id, role);
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
create index binding_of_project on binding (project, channel_id, position);

create table proof_state (
    project text primary key,
    due integer not null,
    due_since bigint,
    left_behind integer not null
);

create table chore (
    name text primary key,
    next_at bigint not null
);

create table slack_call (
    method text not null,
    id text not null,
    counts_until bigint not null,
    primary key (method, id)
) without rowid;

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
    hash text not null,
    disk text
);
create index audit_of_subject on audit (subject, seq) where {OF_A_REQUEST};
create index audit_of_match on audit (seq) where {OF_A_MATCH};
create index audit_of_disk on audit (disk, seq) where disk is not null;

create table posted_head (seq bigint primary key, hash text not null, posted_at bigint not null);

create table shipped (receiver text primary key, seq bigint not null, hash text not null);

create table project_alias (alias text primary key, project_id text not null, region text not null);

create table ended_count (
    kind text not null,
    state text not null,
    number bigint not null,
    primary key (kind, state)
) without rowid;
"""
