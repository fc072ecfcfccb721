"""A request, what one person asked for once, and how it moves: values in, values out. Its items: `items`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.domain.actors import token_name
from bot.domain.attempts import FROM_A_BACKUP
from bot.domain.items import Item, cloud_deletes
from bot.domain.orders import Order, Quick, Restore
from bot.domain.transitions import REQUEST, RequestEvent, RequestState

TIMED_OUT_RULES = frozenset({"plan-timeout", "approval-timeout"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where a person asked. `thread_ts` is None outside threads; `direct`: no channel, a conversation with the bot."""

    team_id: str
    channel_id: str
    thread_ts: str | None = None
    direct: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One row: what one person asked for once, and how it stands."""

    id: str
    state: RequestState
    actor_id: str
    place: Place
    text: str
    order: Order
    created_at: datetime
    ver: int = 1
    """Guards every write."""
    rev: int = 1
    """Counts the changes that people could see."""
    shown_rev: int = 0
    """The revision that they were shown last."""
    to_send: bool = True
    """Whether something is still to be told."""
    project: str | None = None
    explanation: str = ""
    """The sentence of a refusal, whose stable name is `rule`; or why it is not going on yet."""
    rule: str = ""
    reply_channel: str = ""
    """Where its message lives: the channel it was asked in, or its person for a direct message."""
    status_channel: str | None = None
    status_ts: str | None = None
    edited_at: datetime | None = None
    receipt_ts: str | None = None
    ended_at: datetime | None = None
    break_glass: bool = False
    """It ran without approval, and an approver has to review it."""
    reviewed_by: str | None = None
    approvals_needed: int = 0
    """How many other people have to agree before it runs."""
    waits_until: datetime | None = None
    """Until when it can be confirmed or approved."""
    approvers: tuple[str, ...] = ()
    """Those of them who agreed."""
    ask_ts: str | None = None
    """The message with the approvers' buttons."""
    ask_rev: int = 0
    """The revision that message was last shown at."""
    kept_until: datetime | None = None
    """Set once its snapshots are kept longer than was asked for."""
    remind_at: datetime | None = None
    """When people are asked about them."""
    warnings: tuple[str, ...] = ()
    """Facts that stood in no way but have to be seen."""
    tried: timedelta = timedelta()
    """How long its plan was asked for in vain; time in which no bot ran is none of it."""
    started_at: datetime | None = None
    """When it began to run, after whatever it had waited for."""
    receipt_gone: int = 0
    """Of how many snapshots its receipt says that they are deleted."""
    run_url: str = ""
    """The page of the pipeline's run that asked, where it gave one."""
    moved_by: RequestEvent | None = field(default=None, compare=False)
    """The edge that it took since it was read. In no column: once the row is written it has none."""

    @property
    def not_yet_going(self) -> bool:
        """Planned, and nothing may be sent before it is confirmed."""
        return self.state in (RequestState.PLANNED, RequestState.WAITING)

    def time_over(self, now: datetime) -> bool:
        """Whether the time in which it could be confirmed has passed."""
        return self.waits_until is not None and self.waits_until <= now

    @property
    def thread_ts(self) -> str | None:
        """The thread its messages stand in, because it was asked there; None where it has one of its own."""
        return self.place.thread_ts if self.reply_channel == self.place.channel_id else None

    @property
    def told_directly(self) -> bool:
        """Whether only its requester reads its messages."""
        at_its_place = self.reply_channel == self.place.channel_id
        return self.reply_channel == self.actor_id or (at_its_place and self.place.direct)

    @property
    def of_a_program(self) -> bool:
        """Whether a token asked: it has no direct messages, and no person reads what it is answered."""
        return token_name(self.actor_id) is not None

    @property
    def review_due(self) -> bool:
        return self.break_glass and self.reviewed_by is None

    @property
    def over(self) -> bool:
        return self.state in REQUEST.final

    @property
    def refused(self) -> bool:
        return self.state in (RequestState.DENIED, RequestState.DROPPED)

    @property
    def nothing_came_of_it(self) -> bool:
        """Whether it was refused, and nothing of it can be in the cloud."""
        return self.refused and self.rule != FROM_A_BACKUP

    @property
    def timed_out(self) -> bool:
        """It was not confirmed in time, so it can be asked for once more as it was."""
        return self.state is RequestState.DROPPED and self.rule in TIMED_OUT_RULES

    @property
    def counted_from(self) -> datetime:
        """When what it takes began: at the go, as the time until people said so is none of it; else when asked."""
        waited = self.approvals_needed or self.asks_first
        return (self.started_at if waited else None) or self.created_at

    @property
    def asks_first(self) -> bool:
        """Whether its plan, once it is there, waits for a go."""
        match self.order:
            case Quick(confirm=confirm):
                return confirm is not False or bool(self.warnings)
            case Restore(way=way):
                return way != "verify"
            case _:
                return False

    @property
    def keep_for(self) -> timedelta:
        return timedelta(days=self.order.keep_days or 0)

    @property
    def expires_at(self) -> datetime | None:
        """When its snapshots were to go; the bot deletes none by itself."""
        return self.kept_until or (self.created_at + self.keep_for if self.order.keep_days else None)


REMIND_BEFORE = timedelta(days=3)


def remind_time(request: Request, now: datetime) -> datetime | None:
    """Three days before the end, or after half of a time that is shorter than that; None where there is no end."""
    until = request.expires_at
    return None if until is None else max(until - REMIND_BEFORE, now + (until - now) / 2)


def moved(request: Request, event: RequestEvent) -> Request:
    """Raises WrongMove."""
    return replace(request, state=REQUEST.after(request.state, event), moved_by=event)


def planned_anew(request: Request, order: Order) -> Request:
    """Received once more, with another order."""
    return replace(moved(request, RequestEvent.CHANGE), order=order, rev=request.rev + 1, waits_until=None)


def agreed(request: Request, approvers: tuple[str, ...]) -> Request:
    """After one more person agreed; with the last one needed it runs."""
    enough = len(approvers) >= request.approvals_needed
    return replace(
        moved(request, RequestEvent.RUN if enough else RequestEvent.AGREE),
        approvers=approvers,
        rev=request.rev + 1,
        waits_until=None if enough else request.waits_until,
    )


def refused(request: Request, event: RequestEvent, rule: str, explanation: str, now: datetime) -> Request:
    """Denied or dropped, before anything of it was sent."""
    return replace(moved(request, event), rule=rule, explanation=explanation, rev=request.rev + 1, ended_at=now)


def following_items(request: Request, items: Collection[Item], now: datetime, *, done: bool) -> Request:
    """The request after its items moved: something to show, and finished once it is `done`. What the cloud deletes by
    itself needs no reminder.
    """
    waits = any(item.waits_its_turn for item in items)
    told = "" if request.state is RequestState.RUNNING and not waits else request.explanation
    after = replace(request, rev=request.rev + 1, to_send=True, explanation=told)
    if not done:
        return after
    return replace(
        moved(after, RequestEvent.FINISH),
        ended_at=now,
        remind_at=None if cloud_deletes(items) else request.remind_at,
    )
