"""`decide` against a second policy, written down as tables by itself: the two agree on every generated situation.

The model takes and gives plain text and numbers. It shares no rule, table or helper with `bot.domain.access`.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from bot.domain.access import Allowed, Decision, NeedsApproval, decide
from bot.domain.actors import AccountKind, Actor
from bot.domain.daily_limit import Usage
from bot.domain.projects import Project
from bot.domain.roles import Action, Grant, Role
from tests.builders import NOON, a_project

SITUATIONS = 100_000

# --- the model --------------------------------------------------------------------------------------------------------

ROLE_TABLE = """
            view  create  cancel  approve  delete  restore  administer
viewer      yes   no      no      no       no      no       no
operator    yes   yes     yes     no       no      yes      no
approver    yes   no      yes     yes      no      no       no
admin       yes   yes     yes     yes      yes     yes      yes
"""
STANDING_TABLE = {
    "member": None,
    "deactivated": "standing-deactivated",
    "bot": "standing-bot",
    "guest": "standing-guest",
    "single-channel guest": "standing-single-channel-guest",
    "stranger": "standing-stranger",
    "other team": "standing-other-team",
    "other workspace": "standing-other-workspace",
    "invited": "standing-invited",
    "token": None,
    "former token": "standing-former-token",
    "schedule": None,
}
NEVER_FOR_TOKENS = ("approve", "delete", "restore", "administer")
ASKED_FOR = ("create", "restore")


def _grid(table: str) -> dict[tuple[str, str], bool]:
    head, *rows = [line.split() for line in table.strip().splitlines()]
    return {(row[0], action): word == "yes" for row in rows for action, word in zip(head, row[1:], strict=True)}


ROLE_MAY = _grid(ROLE_TABLE)


@dataclass(frozen=True)
class Row:
    """A stored grant; `ends` in hours from now, None for never."""

    kind: str
    id: str
    role: str
    project: str
    ends: float | None


@dataclass(frozen=True)
class Situation:
    person: str
    account: str
    groups: frozenset[str]
    action: str
    alias: str
    configured: bool
    channels: tuple[str, ...]
    restore: bool
    scheduled: bool
    approvals: int
    limit: int | None
    channel: str
    today: int
    wanted: int
    rows: tuple[Row, ...]


def expected(s: Situation) -> str:
    """`rule`, or `rule(approvals)`: the first line of the policy that fits."""
    mine = [
        row
        for row in s.rows
        if {
            "user": row.id == s.person,
            "group": row.id in s.groups,
            "everyone": s.account == "member",
            "token": s.account == "token" and s.person == f"token:{row.id}",
        }[row.kind]
        and row.project in {s.alias, "*"}
    ]
    live = [row for row in mine if row.ends is None or row.ends > 0]
    policy = [
        (STANDING_TABLE[s.account] is not None, STANDING_TABLE[s.account]),
        (not s.configured, "unknown-project"),
        *_of_the_schedule(s),
        (not mine, "no-grant"),
        (not live, "grant-expired"),
        (s.account == "token" and s.action in NEVER_FOR_TOKENS, "token-may-not"),
        (s.action == "restore" and not s.restore, "restore-off"),
        (not any(ROLE_MAY[row.role, s.action] for row in live), "action-not-granted"),
        (s.channels != () and s.channel not in s.channels, "channel-not-allowed"),
        (s.action not in ASKED_FOR, "granted"),
        (s.limit is not None and s.today + s.wanted > s.limit, "daily-limit"),
        (s.approvals > 0, f"approval-needed({s.approvals})"),
        (True, "granted"),
    ]
    return next(str(rule) for fits, rule in policy if fits)


def _of_the_schedule(s: Situation) -> list[tuple[bool, str]]:
    """It has no grant and needs none: bot.toml says what it may."""
    lines = [
        (not s.restore, "restore-off"),
        (s.action != "restore" or not s.scheduled, "schedule-may-not"),
        (s.channels != () and s.channel not in s.channels, "channel-not-allowed"),
        (True, "granted"),
    ]
    return [(s.account == "schedule" and fits, rule) for fits, rule in lines]


# --- the comparison ---------------------------------------------------------------------------------------------------

PEOPLE, GROUPS, ALIASES, CHANNELS = ("U1", "U2"), ("S1", "S2", "S3"), ("payments", "shop"), ("C1", "C2", "C3")
ENDS = (None, None, None, 1.0, 0.001, 0.0, -0.001, -5.0)


def a_row(rng: random.Random) -> Row:
    kind = rng.choice(("user", "user", "group", "group", "everyone", "token"))
    named = {"user": rng.choice(PEOPLE), "group": rng.choice(GROUPS), "everyone": "", "token": "deploy"}[kind]
    role = rng.choice(("viewer", "operator", "approver", "admin"))
    return Row(kind, named, role, rng.choice((*ALIASES, "payments", "*")), rng.choice(ENDS))


def a_situation(rng: random.Random) -> Situation:
    others = [*STANDING_TABLE, *["token"] * 14, *["schedule"] * 6]
    account = "member" if rng.random() < 0.76 else rng.choice(others)
    program = account in ("token", "former token")
    return Situation(
        person="token:deploy" if program else "schedule" if account == "schedule" else "U1",
        account=account,
        groups=frozenset(group for group in GROUPS if rng.random() < 0.4 and not program),
        action=rng.choice(("create", "create", "view", "cancel", "approve", "delete", "restore", "administer")),
        alias="payments",
        configured=rng.random() < 0.92,
        channels=tuple(one for one in CHANNELS if rng.random() < 0.5) if rng.random() < 0.5 else (),
        restore=rng.random() < 0.5,
        scheduled=rng.random() < 0.5,
        approvals=rng.choice((0, 0, 1, 2)),
        limit=rng.choice((None, 1, 5, 50)),
        channel=rng.choice((*CHANNELS, "")),
        today=rng.choice((0, 0, 1, 4, 50)),
        wanted=rng.choice((0, 1, 2)),
        rows=tuple(a_row(rng) for _ in range(rng.choice((0, 1, 1, 2, 3, 5)))),
    )


def decided(s: Situation, project: Project | None) -> Decision:
    grants = [
        Grant(
            row.kind,  # type: ignore[arg-type]  # the model's own words
            row.id,
            Role(row.role),
            row.project,
            None if row.ends is None else NOON + timedelta(hours=row.ends),
        )
        for row in s.rows
    ]
    actor = Actor(s.person, AccountKind(s.account), s.groups)
    usage = Usage(today=s.today, wanted=s.wanted)
    return decide(actor, Action(s.action), s.alias, project, s.channel, grants, NOON, usage)


def outcome(decision: Decision) -> str:
    if isinstance(decision, NeedsApproval):
        return f"{decision.rule}({decision.approvals})"
    return decision.rule


def test_decide_agrees_with_the_model_in_every_situation() -> None:
    rng = random.Random(20261123)
    seen: Counter[str] = Counter()
    for _ in range(SITUATIONS):
        situation = a_situation(rng)
        project = (
            a_project(
                channels=situation.channels,
                restore=situation.restore,
                verify_days=7 if situation.scheduled else None,
                approvals=situation.approvals,
                daily_limit=situation.limit,
            )
            if situation.configured
            else None
        )
        decision = decided(situation, project)
        wanted = expected(situation)
        assert outcome(decision) == wanted, situation
        if isinstance(decision, Allowed | NeedsApproval):
            because = decision.because
            assert ROLE_MAY[str(because.role), situation.action], situation
            assert because.expires_at is None or because.expires_at > NOON, situation
        seen[wanted] += 1
    rules = {*STANDING_TABLE.values()} - {None}
    rules |= {"unknown-project", "no-grant", "grant-expired", "action-not-granted", "channel-not-allowed"}
    rules |= {"token-may-not", "restore-off", "schedule-may-not"}
    rules |= {"granted", "daily-limit", "approval-needed(1)", "approval-needed(2)"}
    assert set(seen) == rules
    assert min(seen.values()) > 500, seen


def test_the_model_knows_every_standing_role_and_action() -> None:
    assert set(STANDING_TABLE) == {account.value for account in AccountKind}
    assert set(ROLE_MAY) == {(role.value, action.value) for role in Role for action in Action}
