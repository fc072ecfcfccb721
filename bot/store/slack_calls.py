"""Calls to Slack that count against the budgets of the workspace, where several replicas make them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

from bot.ports.clock import Clock
from bot.store.database import Database
from bot.store.script import Script, from_ms, insert, sql, to_ms

COUNTS_FOR = timedelta(minutes=1)
"""After its answer; by then Slack has counted it."""

ANSWERED_WITHIN = timedelta(seconds=30)
"""Longer than a call is waited for. One of a replica that is dead counts no longer than that and a minute."""

_PAUSE = "pause"
"""In place of a call's id: until then Slack takes none at all."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Whether there was room, and else when there is."""

    taken: bool
    room_at: datetime | None = None
    pauses: bool = False


def take(method: str, call: str, most: int, now: datetime) -> Script[Taken]:
    """Let one more call count, where fewer than `most` do."""
    yield sql("delete from slack_call where method = :method and counts_until <= :now", method=method, now=to_ms(now))
    paused = yield sql(
        "select counts_until from slack_call where method = :method and id = :id", method=method, id=_PAUSE
    )
    if paused:
        return Taken(False, from_ms(paused[0]["counts_until"]), pauses=True)
    rows = yield sql("select count(*) as number from slack_call where method = :method", method=method)
    above = rows[0]["number"] - most
    if above >= 0:
        order = "select counts_until from slack_call where method = :method order by counts_until limit 1 offset :above"
        next_rows = yield sql(order, method=method, above=above)
        return Taken(False, from_ms(next_rows[0]["counts_until"]))
    until = to_ms(now + COUNTS_FOR + ANSWERED_WITHIN)
    yield insert("slack_call", {"method": method, "id": call, "counts_until": until})
    return Taken(True)


def answered(method: str, call: str, now: datetime) -> Script[None]:
    until = to_ms(now + COUNTS_FOR)
    text = "update slack_call set counts_until = :until where method = :method and id = :id"
    yield sql(text, method=method, id=call, until=until)


def rest(method: str, until: datetime) -> Script[None]:
    """Slack asks for a pause: the longest one counts."""
    row = {"method": method, "id": _PAUSE, "counts_until": to_ms(until)}
    longest = "where slack_call.counts_until < excluded.counts_until"
    keep = f"on conflict (method, id) do update set counts_until = excluded.counts_until {longest}"
    yield insert("slack_call", row, keep)


@dataclass(slots=True)
class StoredRoom:
    """Implements `bot.ports.budgets.Room` for a method that several replicas call. What is not known here is asked when
    room is taken.
    """

    database: Database
    clock: Clock
    method: str
    _under_way: list[str] = field(default_factory=list, init=False)
    _pauses_until: float = field(default=0.0, init=False)
    _full_until: dict[int, float] = field(default_factory=dict, init=False)
    """Until when as many calls count, or more."""

    def wait_s(self, most: int) -> float:
        now = self.clock.monotonic()
        self._full_until = {count: until for count, until in self._full_until.items() if until > now}
        full = [until for count, until in self._full_until.items() if count >= most]
        return max(self._pauses_until - now, *(until - now for until in full), 0.0)

    async def take(self, most: int) -> bool:
        if self.wait_s(most) > 0:
            return False
        call, now = uuid4().hex, self.clock.now()
        outcome = await self.database.run(take, self.method, call, most, now)
        if outcome.taken:
            self._under_way.append(call)
        elif outcome.room_at is not None:
            moment = self.clock.monotonic() + (outcome.room_at - now).total_seconds()
            if outcome.pauses:
                self._pauses_until = moment
            else:
                self._full_until[most] = moment
        return outcome.taken

    async def answered(self) -> None:
        """Which of those under way it was, makes no difference."""
        self.database.run_behind(answered, self.method, self._under_way.pop(), self.clock.now())

    async def rest(self, seconds: float) -> None:
        self._pauses_until = max(self._pauses_until, self.clock.monotonic() + seconds)
        await self.database.run(rest, self.method, self.clock.now() + timedelta(seconds=seconds))
