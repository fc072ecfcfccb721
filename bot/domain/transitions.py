"""The five state machines, each one table: state -> event -> next state. A row moves along its edges alone.

`None` is the state before the first: no row yet. The store's checks, the picture in docs/states.md and the test
that walks every edge are made from these tables. What else must hold for a move is said where it is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

S = TypeVar("S", bound=StrEnum)
E = TypeVar("E", bound=StrEnum)


class WrongMove(Exception):
    """No edge leads from this state by this event: the caller has misread the row, or is wrong."""


@dataclass(frozen=True, slots=True)
class Machine(Generic[S, E]):
    """`name` is the table of the store whose column `state` it rules."""

    name: str
    table: Mapping[S | None, Mapping[E, S]]

    def after(self, state: S | None, event: E) -> S:
        """Raises WrongMove where the table has no such edge."""
        try:
            return self.table[state][event]
        except KeyError:
            raise WrongMove(f"{self.name}: nothing is “{event}” that is {state or 'not there yet'}.") from None

    @property
    def states(self) -> tuple[S, ...]:
        return tuple(state for state in self.table if state is not None)

    @property
    def final(self) -> frozenset[S]:
        return frozenset(state for state in self.states if not self.table[state])

    @property
    def edges(self) -> Iterator[tuple[S | None, E, S]]:
        for state, moves in self.table.items():
            for event, after in moves.items():
                yield state, event, after


# --- request ----------------------------------------------------------------------------------------------------------


class RequestState(StrEnum):
    RECEIVED = "received"
    PLANNED = "planned"
    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    DENIED = "denied"
    DROPPED = "dropped"


class RequestEvent(StrEnum):
    RECEIVE = "asked for"
    PLAN = "planned, to be confirmed"
    ASK_OTHERS = "others have to agree"
    AGREE = "one of several agreed"
    RUN = "set going"
    CHANGE = "another selection"
    FINISH = "all items ended"
    DENY = "refused by a rule or an approver"
    DROP = "called back, lapsed, or not to be had"


REQUEST: Machine[RequestState, RequestEvent] = Machine(
    "request",
    {
        None: {RequestEvent.RECEIVE: RequestState.RECEIVED},
        RequestState.RECEIVED: {
            RequestEvent.PLAN: RequestState.PLANNED,
            RequestEvent.ASK_OTHERS: RequestState.WAITING,
            RequestEvent.RUN: RequestState.RUNNING,
            RequestEvent.DENY: RequestState.DENIED,
            RequestEvent.DROP: RequestState.DROPPED,
        },
        RequestState.PLANNED: {
            RequestEvent.CHANGE: RequestState.RECEIVED,
            RequestEvent.ASK_OTHERS: RequestState.WAITING,
            RequestEvent.RUN: RequestState.RUNNING,
            RequestEvent.DROP: RequestState.DROPPED,
        },
        RequestState.WAITING: {
            RequestEvent.AGREE: RequestState.WAITING,
            RequestEvent.RUN: RequestState.RUNNING,
            RequestEvent.DENY: RequestState.DENIED,
            RequestEvent.DROP: RequestState.DROPPED,
        },
        RequestState.RUNNING: {
            RequestEvent.FINISH: RequestState.FINISHED,
            RequestEvent.DROP: RequestState.DROPPED,  # called back before anything of it was sent
        },
        RequestState.FINISHED: {},
        RequestState.DENIED: {},
        RequestState.DROPPED: {},
    },
)


# --- item -------------------------------------------------------------------------------------------------------------


class ItemState(StrEnum):
    PLANNED = "planned"
    SUBMITTING = "submitting"
    UNCERTAIN = "uncertain"
    CREATING = "creating"
    AVAILABLE = "available"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class AttemptEvent(StrEnum):
    """Of items, consistency groups and restorations: each table has those that are its own."""

    PLAN = "in the plan"
    SEND = "marked before it is sent"
    LOSE = "no answer"
    TAKE = "accepted, or found"
    WAIT = "sent later"
    JOIN = "joined to another item"
    FREE = "the other item ended without a snapshot"
    FINISH = "the snapshot is there"
    FAIL = "no snapshot, and why"
    CANCEL = "never sent"
    GIVE_UP = "cannot be known"
    END = "nothing left to do"
    SPLIT = "each disk alone"
    CLEAR = "its test disk is being deleted"
    RESTORE = "restored"
    FALL_SHORT = "not restored, and why"


_ENDS_BADLY = {AttemptEvent.FAIL: ItemState.FAILED, AttemptEvent.GIVE_UP: ItemState.UNKNOWN}

ITEM: Machine[ItemState, AttemptEvent] = Machine(
    "item",
    {
        None: {AttemptEvent.PLAN: ItemState.PLANNED},
        ItemState.PLANNED: {
            AttemptEvent.SEND: ItemState.SUBMITTING,
            AttemptEvent.TAKE: ItemState.CREATING,  # in doubt: looked for once more before it is repeated
            AttemptEvent.WAIT: ItemState.PLANNED,
            AttemptEvent.JOIN: ItemState.CREATING,
            AttemptEvent.CANCEL: ItemState.CANCELLED,
            **_ENDS_BADLY,
        },
        ItemState.SUBMITTING: {
            AttemptEvent.LOSE: ItemState.UNCERTAIN,
            AttemptEvent.TAKE: ItemState.CREATING,
            AttemptEvent.WAIT: ItemState.PLANNED,
            AttemptEvent.JOIN: ItemState.CREATING,  # marked in the same transaction, so it never left
            **_ENDS_BADLY,
        },
        ItemState.UNCERTAIN: {
            AttemptEvent.TAKE: ItemState.CREATING,
            AttemptEvent.WAIT: ItemState.PLANNED,
            **_ENDS_BADLY,
        },
        ItemState.CREATING: {
            AttemptEvent.FREE: ItemState.PLANNED,
            AttemptEvent.FINISH: ItemState.AVAILABLE,
            **_ENDS_BADLY,
        },
        ItemState.AVAILABLE: {},
        ItemState.FAILED: {},
        ItemState.CANCELLED: {},
        ItemState.UNKNOWN: {},
    },
)


# --- consistency group ------------------------------------------------------------------------------------------------


class GroupState(StrEnum):
    PLANNED = "planned"
    SUBMITTING = "submitting"
    UNCERTAIN = "uncertain"
    MADE = "made"
    DONE = "done"
    SPLIT = "split"


GROUP: Machine[GroupState, AttemptEvent] = Machine(
    "consistency_group",
    {
        None: {AttemptEvent.PLAN: GroupState.PLANNED},
        GroupState.PLANNED: {
            AttemptEvent.SEND: GroupState.SUBMITTING,
            AttemptEvent.TAKE: GroupState.MADE,  # in doubt: looked for once more before it is repeated
            AttemptEvent.END: GroupState.DONE,
            AttemptEvent.SPLIT: GroupState.SPLIT,
        },
        GroupState.SUBMITTING: {
            AttemptEvent.LOSE: GroupState.UNCERTAIN,
            AttemptEvent.TAKE: GroupState.MADE,
            AttemptEvent.WAIT: GroupState.PLANNED,
            AttemptEvent.END: GroupState.DONE,
            AttemptEvent.SPLIT: GroupState.SPLIT,
        },
        GroupState.UNCERTAIN: {
            AttemptEvent.TAKE: GroupState.MADE,
            AttemptEvent.WAIT: GroupState.PLANNED,
            AttemptEvent.END: GroupState.DONE,
        },
        GroupState.MADE: {AttemptEvent.END: GroupState.DONE},
        GroupState.DONE: {},
        GroupState.SPLIT: {},
    },
)


# --- restoration ------------------------------------------------------------------------------------------------------


class RestorationState(StrEnum):
    PLANNED = "planned"
    SUBMITTING = "submitting"
    UNCERTAIN = "uncertain"
    RESTORING = "restoring"
    CLEARING = "clearing"
    RESTORED = "restored"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


_FALLS_SHORT = {
    AttemptEvent.FALL_SHORT: RestorationState.FAILED,
    AttemptEvent.GIVE_UP: RestorationState.UNKNOWN,
}

RESTORATION: Machine[RestorationState, AttemptEvent] = Machine(
    "restoration",
    {
        None: {AttemptEvent.PLAN: RestorationState.PLANNED},
        RestorationState.PLANNED: {
            AttemptEvent.SEND: RestorationState.SUBMITTING,
            AttemptEvent.TAKE: RestorationState.RESTORING,  # in doubt: looked for once more before it is repeated
            AttemptEvent.WAIT: RestorationState.PLANNED,
            AttemptEvent.CANCEL: RestorationState.CANCELLED,
            **_FALLS_SHORT,
        },
        RestorationState.SUBMITTING: {
            AttemptEvent.LOSE: RestorationState.UNCERTAIN,
            AttemptEvent.TAKE: RestorationState.RESTORING,
            AttemptEvent.WAIT: RestorationState.PLANNED,
            AttemptEvent.CANCEL: RestorationState.CANCELLED,  # marked with others, of which the first was refused
            **_FALLS_SHORT,
        },
        RestorationState.UNCERTAIN: {
            AttemptEvent.TAKE: RestorationState.RESTORING,
            AttemptEvent.WAIT: RestorationState.PLANNED,
            **_FALLS_SHORT,
        },
        RestorationState.RESTORING: {
            AttemptEvent.CLEAR: RestorationState.CLEARING,
            AttemptEvent.RESTORE: RestorationState.RESTORED,
            **_FALLS_SHORT,
        },
        RestorationState.CLEARING: {
            AttemptEvent.RESTORE: RestorationState.RESTORED,
            AttemptEvent.FALL_SHORT: RestorationState.FAILED,
        },
        RestorationState.RESTORED: {},
        RestorationState.FAILED: {},
        RestorationState.CANCELLED: {},
        RestorationState.UNKNOWN: {},
    },
)


# --- deletion ---------------------------------------------------------------------------------------------------------


class DeletionState(StrEnum):
    ASKED = "asked"
    DELETING = "deleting"
    DELETED = "deleted"
    KEPT = "kept"


class DeletionEvent(StrEnum):
    ASK = "others have to agree"
    AGREE = "one of several agreed"
    GO = "agreed, or needs no agreement"
    VANISH = "no longer there"
    KEEP = "not deleted, and why"


_ASKED_FOR = {DeletionEvent.ASK: DeletionState.ASKED, DeletionEvent.GO: DeletionState.DELETING}

DELETION: Machine[DeletionState, DeletionEvent] = Machine(
    "deletion",
    {
        None: _ASKED_FOR,
        DeletionState.ASKED: {
            DeletionEvent.AGREE: DeletionState.ASKED,
            DeletionEvent.GO: DeletionState.DELETING,
            DeletionEvent.KEEP: DeletionState.KEPT,
        },
        DeletionState.DELETING: {
            DeletionEvent.VANISH: DeletionState.DELETED,
            DeletionEvent.KEEP: DeletionState.KEPT,
        },
        DeletionState.DELETED: {},
        DeletionState.KEPT: _ASKED_FOR,  # asking again begins anew
    },
)
