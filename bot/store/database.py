"""The database that the transactions of the store run on, as the store sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ParamSpec, Protocol, TypeVar

from bot.domain.roles import Grant
from bot.ports.meters import StoreMeter
from bot.store.script import Script

T = TypeVar("T")
P = ParamSpec("P")

Schedule = Callable[[str, datetime, str, str], None]
"""Key, moment and lane of a job, and whose row changed, where it is for many."""


@dataclass(frozen=True, slots=True)
class Triggers:
    """The triggers of a database, as `audit verify` looks for them: `select` asks for the `name` and `text` of those
    that are there. By name, as that text: the `guards` keep rows from being changed as they may not be, as long as none
    is taken away; `others` are all else there are.
    """

    select: str
    guards: Mapping[str, str]
    others: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """`problem`: why it can't be opened, with what to do, "" where it can. `is_there`: a start makes one that is not.

    `later`, `missing`: migrations that this version does not know, and that the store has not had. `foreign`: its
    tables are another program's. `file_system`: "" where it can't be told. `open_to`: rights that others have, as
    bits. `held_by`: the process that keeps it locked, 0 where none does. `date`: of the server's clock.
    """

    problem: str = ""
    is_there: bool = False
    later: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    foreign: bool = False
    left: int = 0
    file_system: str = ""
    open_to: int = 0
    held_by: int = 0
    admins: tuple[Grant, ...] = ()
    date: datetime | None = None


class Database(Protocol):
    """A transaction that was answered is on the disk. A script is handed over as a function with its arguments, so that
    it can be run anew: what it does beside the rows has to bear that. A caller that is cancelled meanwhile stops
    nothing: rows, not callers, decide what happens next. Each raises StoreFailed where the database is out of reach.
    """

    triggers: Triggers

    def on_scheduled(self, schedule: Schedule) -> None:
        """One more who hears of jobs, with their lanes. Called in the event loop, after the commit."""

    def on_measured(self, meter: StoreMeter) -> None:
        """Who hears of transactions, in the event loop."""

    async def size(self) -> int:
        """The bytes that it takes on its disk. Raises StoreFailed."""

    async def broken(self) -> None:
        """Returns when it does no more work, though it was not closed."""

    async def open(self, *, made: bool = True) -> None:
        """`made`: a store that is not there yet is made. Raises StoreFailed, StoreTooNew or StoreMissing."""

    async def close(self) -> None:
        """Takes a bounded time, whatever the database does."""

    async def run(self, script: Callable[P, Script[T]], *args: P.args, **named: P.kwargs) -> T:
        """Run a transaction and commit it, or roll all of it back. Its jobs are announced after the commit."""

    async def run_first(self, script: Callable[P, Script[T]], *args: P.args, **named: P.kwargs) -> T:
        """The same before everything else that waits: Slack listens for the acknowledgement of this."""

    async def run_between(self, script: Callable[P, Script[T]], *args: P.args, **named: P.kwargs) -> T:
        """The same after all that was handed over before it, and before all that is handed over after it: what an
        acknowledgement waits for and what only reads get in line behind it as well.
        """

    async def read(self, script: Callable[P, Script[T]], *args: P.args, **named: P.kwargs) -> T:
        """Run a transaction that only reads, beside those that write. It sees every commit that was answered."""

    def run_behind(self, script: Callable[P, Script[None]], *args: P.args, **named: P.kwargs) -> None:
        """Run a transaction without waiting for it, after those that were handed over before. It calls for no job."""
