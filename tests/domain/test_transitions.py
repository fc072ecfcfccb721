"""The four tables: every edge is walked and every other pair is refused, by the values and by the store; and nothing in
the code gives a row a state but through them, nor shows the picture in docs/states.md another one.
"""

from __future__ import annotations

import ast
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from enum import StrEnum
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import sqlite_utils

from bot.domain.attempts import no_answer, submitting, waiting
from bot.domain.consistency_groups import (
    ConsistencyGroup,
    group_done,
    group_made,
    group_split,
    submitting_group,
)
from bot.domain.deletions import Deletion, agreeing, asked_anew, kept, vanished
from bot.domain.items import back_to_planned, ended, following, joining, taken
from bot.domain.orders import Quick, Selector
from bot.domain.planned_items import planned_items
from bot.domain.requests import agreed, following_items, planned_anew, refused
from bot.domain.restoring.restorations import clearing, over_with, under_way
from bot.domain.snapshots import CreateSnapshotGroup
from bot.domain.transitions import (
    DELETION,
    GROUP,
    ITEM,
    REQUEST,
    RESTORATION,
    AttemptEvent,
    DeletionEvent,
    DeletionState,
    ItemState,
    Machine,
    RequestEvent,
    RequestState,
    RestorationState,
    WrongMove,
)
from bot.store.sqlite.schema import migrations
from bot.workflow.jobs.plan import set_going
from tests.builders import NOON, a_disk, a_request, a_restoration, an_item

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "states.md"
MACHINES: tuple[Machine[Any, Any], ...] = (REQUEST, ITEM, GROUP, RESTORATION, DELETION)
TITLES = {
    "request": "Request",
    "item": "Item",
    "consistency_group": "Consistency group",
    "restoration": "Restoration",
    "deletion": "Deletion",
}

ORDER = Quick((Selector("server", "web-01"),))
ASKED = CreateSnapshotGroup(server_id="s", volume_ids=("d1", "d2"), name="g")


def a_deletion(state: DeletionState, **fields: Any) -> Deletion:
    return Deletion("r-one-1", "r-one", "payments", "snap-1", "d1", "disk-1", state, "U1", "C1", NOON, **fields)


def of_request(change: Callable[[Any], Any]) -> Callable[[RequestState | None], Any]:
    def moved(state: RequestState | None) -> Any:
        return change(a_request(state=state, approvals_needed=2))

    return moved


def of_item(change: Callable[[Any], Any]) -> Callable[[ItemState | None], Any]:
    return lambda state: change(an_item(1, state))  # type: ignore[arg-type]  # None: no row


def of_group(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda state: change(ConsistencyGroup("r-one-g1", "r-one", "payments", "web-01", "az-a", ASKED, state=state))


def of_restoration(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda state: change(a_restoration(state=state))


def of_deletion(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda state: change(a_deletion(state))


def going(approvals: int, *, confirm: bool = False) -> Callable[[RequestState | None], Any]:
    return of_request(lambda one: set_going(one, approvals, False, NOON, confirm))


def asked(state: DeletionState) -> Callable[[Any], Any]:
    return lambda before: asked_anew(a_deletion(before) if before else None, a_deletion(state), 1)


LEADER = an_item(1, ItemState.CREATING, request_id="r-two")

MOVES: dict[str, dict[StrEnum, Callable[[Any], Any]]] = {
    "request": {
        RequestEvent.PLAN: going(0, confirm=True),
        RequestEvent.ASK_OTHERS: going(1),
        RequestEvent.RUN: going(0),
        RequestEvent.AGREE: of_request(lambda one: agreed(one, ("U2",))),
        RequestEvent.CHANGE: of_request(lambda one: planned_anew(one, ORDER)),
        RequestEvent.FINISH: of_request(lambda one: following_items(one, (), NOON, done=True)),
        RequestEvent.DENY: of_request(lambda one: refused(one, RequestEvent.DENY, "rule", "No.", NOON)),
        RequestEvent.DROP: of_request(lambda one: refused(one, RequestEvent.DROP, "rule", "No.", NOON)),
    },
    "item": {
        AttemptEvent.SEND: of_item(lambda one: submitting(one, NOON)),
        AttemptEvent.LOSE: of_item(lambda one: no_answer(one, NOON, look_for=NOON - NOON, cause="?")),
        AttemptEvent.TAKE: of_item(lambda one: taken(one, "snap-1", None)),
        AttemptEvent.WAIT: of_item(back_to_planned),
        AttemptEvent.JOIN: of_item(lambda one: joining(one, LEADER)),
        AttemptEvent.FREE: of_item(lambda one: following(one, replace(LEADER, state=ItemState.FAILED))),
        AttemptEvent.FINISH: of_item(lambda one: ended(one, ItemState.AVAILABLE, NOON)),
        AttemptEvent.FAIL: of_item(lambda one: ended(one, ItemState.FAILED, NOON)),
        AttemptEvent.CANCEL: of_item(lambda one: ended(one, ItemState.CANCELLED, NOON)),
        AttemptEvent.GIVE_UP: of_item(lambda one: ended(one, ItemState.UNKNOWN, NOON)),
    },
    "consistency_group": {
        AttemptEvent.SEND: of_group(lambda one: submitting_group(one, [an_item(1), an_item(2)], NOON)),
        AttemptEvent.LOSE: of_group(lambda one: no_answer(one, NOON, look_for=NOON - NOON, cause="?")),
        AttemptEvent.TAKE: of_group(lambda one: group_made(one, NOON, look_for=NOON - NOON, cloud_id="g", job_id=None)),
        AttemptEvent.WAIT: of_group(lambda one: waiting(one, NOON, until=NOON, cause="busy")),
        AttemptEvent.END: of_group(group_done),
        AttemptEvent.SPLIT: of_group(lambda one: group_split(one, "No groups here.")),
    },
    "restoration": {
        AttemptEvent.SEND: of_restoration(lambda one: submitting(one, NOON)),
        AttemptEvent.LOSE: of_restoration(lambda one: no_answer(one, NOON, look_for=NOON - NOON, cause="?")),
        AttemptEvent.TAKE: of_restoration(lambda one: under_way(one, "job-1")),
        AttemptEvent.WAIT: of_restoration(lambda one: waiting(one, NOON, until=NOON, cause="busy")),
        AttemptEvent.CLEAR: of_restoration(lambda one: clearing(one, NOON)),
        AttemptEvent.RESTORE: of_restoration(lambda one: over_with(one, RestorationState.RESTORED, NOON)),
        AttemptEvent.FALL_SHORT: of_restoration(lambda one: over_with(one, RestorationState.FAILED, NOON)),
        AttemptEvent.CANCEL: of_restoration(lambda one: over_with(one, RestorationState.CANCELLED, NOON)),
        AttemptEvent.GIVE_UP: of_restoration(lambda one: over_with(one, RestorationState.UNKNOWN, NOON)),
    },
    "deletion": {
        DeletionEvent.ASK: asked(DeletionState.ASKED),
        DeletionEvent.GO: asked(DeletionState.DELETING),
        DeletionEvent.VANISH: of_deletion(vanished),
        DeletionEvent.KEEP: of_deletion(lambda one: kept(one, "Because.")),
    },
}
"""The function by which a row goes through each event."""

BEGUN: dict[str, Callable[[], Any]] = {
    "item": lambda: planned_items(
        a_request(), "payments", [a_disk()], enterprise_project_id=None, native_retention=False, now=NOON
    )[0],
    "consistency_group": lambda: ConsistencyGroup("r-one-g1", "r-one", "payments", "web-01", "az-a", ASKED),
    "restoration": a_restoration,
}
AGREEING: dict[StrEnum, int] = {DeletionEvent.AGREE: 2, DeletionEvent.GO: 1}
"""Of how many who have to agree somebody is the first, where a deletion that is asked for goes through an event."""


def every_pair() -> list[Any]:
    """Each state of each machine with each of its events, and where that leads; None: nowhere."""
    return [
        pytest.param(machine, state, event, machine.table[state].get(event), id=f"{machine.name}-{state}-{event.name}")
        for machine in MACHINES
        for state in (None, *machine.states)
        for event in type(next(iter(machine.edges))[1])
    ]


@pytest.mark.parametrize(("machine", "state", "event", "after"), every_pair())
def test_a_row_moves_along_an_edge_and_by_nothing_else(
    machine: Machine[Any, Any], state: Any, event: StrEnum, after: StrEnum | None
) -> None:
    move = MOVES[machine.name].get(event, lambda before: machine.after(before, event))
    if machine is DELETION and state is DeletionState.ASKED and event in AGREEING:
        moved = agreeing(a_deletion(state), "U2", AGREEING[event], NOON)
        assert moved is not None and moved.state is after
    elif state is None and machine.name in BEGUN and after:
        assert BEGUN[machine.name]().state is after
    elif after:
        assert move(state).state is after if event in MOVES[machine.name] else move(state) is after
    else:
        with pytest.raises(WrongMove):
            move(state)


def all_moves() -> list[Any]:
    """Each two states of each machine, and whether an edge leads from the one to the other."""
    edges = {(machine.name, before, after) for machine in MACHINES for before, _, after in machine.edges}
    return [
        pytest.param(
            machine, before, after, (machine.name, before, after) in edges, id=f"{machine.name}-{before}-{after}"
        )
        for machine in MACHINES
        for before, after in permutations(machine.states, 2)
    ]


@pytest.fixture(scope="module")
def tables() -> Iterator[sqlite3.Connection]:
    """The tables as the bot makes them, each with one row."""
    db = sqlite_utils.Database(memory=True)
    migrations.apply(db)
    for machine in MACHINES:
        values = {column.name: 0 if "int" in column.type.lower() else "x" for column in db.table(machine.name).columns}
        db.table(machine.name).insert({**values, "state": machine.states[0]})
    yield db.conn
    db.close()


@pytest.mark.parametrize(("machine", "before", "after", "edge"), all_moves())
def test_the_store_takes_a_move_along_an_edge_and_no_other(
    tables: sqlite3.Connection, machine: Machine[Any, Any], before: StrEnum, after: StrEnum, edge: bool
) -> None:
    name = machine.name
    row = tables.execute(f"select * from {name}").fetchone()
    columns = [column[1] for column in tables.execute(f"pragma table_info({name})")]
    tables.execute(f"delete from {name}")
    values = [str(before) if column == "state" else value for column, value in zip(columns, row, strict=True)]
    tables.execute(f"insert into {name} values ({', '.join('?' * len(values))})", values)
    tables.execute(f"update {name} set state = ?", [before])
    with nullcontext() if edge else pytest.raises(sqlite3.IntegrityError, match=f"no edge of {name}"):
        tables.execute(f"update {name} set state = ?", [after])
    assert tables.execute(f"select state from {name}").fetchone()[0] == (after if edge else before)


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_the_store_knows_no_other_state(tables: sqlite3.Connection, machine: Machine[Any, Any]) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        tables.execute(f"update {machine.name} set state = 'frozen'")


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_every_state_is_reached_and_none_is_a_trap(machine: Machine[Any, Any]) -> None:
    reached, ending = {None}, set(machine.final)
    for _ in machine.states:
        reached |= {after for before, _, after in machine.edges if before in reached}
        ending |= {before for before, _, after in machine.edges if after in ending}
    assert reached == ending == {None, *machine.states}


def given_states(tree: ast.AST) -> Iterator[ast.expr]:
    """The values that calls give to `state`, but for the store's reading of a row: `ItemState(row["state"])`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in (
            "replace",
            "Request",
            "Item",
            "Group",
            "Restoration",
            "Deletion",
        ):
            for keyword in node.keywords:
                if keyword.arg == "state" and not ast.unparse(keyword.value).endswith("State(row['state'])"):
                    yield keyword.value


def through_a_table(value: ast.expr, tree: ast.AST) -> bool:
    """Whether a value is `TABLE.after(…)`, or that of an attempt, which asks its table, or a name given no other."""
    if isinstance(value, ast.Name):
        given = [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == value.id
        ]
        return bool(given) and all(through_a_table(one, tree) for one in given)
    return (
        isinstance(value, ast.Call)
        and re.fullmatch("(REQUEST|ITEM|GROUP|RESTORATION|DELETION|item|one)\\.after", ast.unparse(value.func))
        is not None
    )


@pytest.mark.parametrize("path", sorted((ROOT / "bot").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_row_gets_its_state_from_a_table(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]:
        wrong = [ast.unparse(value) for value in given_states(function) if not through_a_table(value, function)]
        assert not wrong, f"{function.name} gives a row the state {wrong}: a move goes through bot.domain.transitions"


def picture(machine: Machine[Any, Any]) -> str:
    """A state diagram in Mermaid's language; several events between the same two states share an arrow."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for before, event, after in machine.edges:
        arrows.setdefault((before or "[*]", after), []).append(event)
    lines = [f"    {before} --> {after}: {' / '.join(events)}" for (before, after), events in arrows.items()]
    lines += [f"    {state} --> [*]" for state in machine.states if state in machine.final]
    return "\n".join([f"## {TITLES[machine.name]}", "", "```mermaid", "stateDiagram-v2", *lines, "```"])


def test_the_page_shows_the_tables_as_they_are() -> None:
    """`GOLDEN_UPDATE=1` draws them anew."""
    page = PAGE.read_text(encoding="utf-8")
    begin, end = "<!-- machines -->\n", "\n<!-- /machines -->"
    before, _, rest = page.partition(begin)
    shown, _, after = rest.partition(end)
    drawn = "\n\n".join(picture(machine) for machine in MACHINES)
    if os.environ.get("GOLDEN_UPDATE"):
        PAGE.write_text(f"{before}{begin}{drawn}{end}{after}", encoding="utf-8")
        shown = drawn
    assert shown == drawn


def test_a_disk_that_leaves_its_group_has_no_reason_of_the_group_unless_it_is_in_doubt() -> None:
    refused = an_item(1, ItemState.SUBMITTING, cause="Busy.", code="EVS.2409", waiting_since=NOON)
    again = back_to_planned(refused)
    assert (again.cause, again.code, again.waiting_since) == ("", "", None)
    doubt = back_to_planned(replace(refused, in_doubt=True))
    assert (doubt.cause, doubt.code, doubt.waiting_since) == ("Busy.", "EVS.2409", NOON)
