"""report:{reply_channel}: closes the gap between what the rows say and what people were shown, within Slack's budgets.

A message is state, not an event: the root message of a request is edited until it shows the last revision. Only what
deserves a notification is a message of its own in the thread: accepted, a failure, the receipt. A message whose
sending was cut off by a crash may stand twice; none is ever missing, and each says nothing but the truth of its time.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import timedelta
from enum import IntEnum
from typing import Protocol

from bot.domain.errors import GONE_AGAIN, REFUSED, CannotPost, MessageFixed, MessageGone, MessageRefused, SlackBusy
from bot.domain.items import Item
from bot.domain.orders import Quick
from bot.domain.requests import Request
from bot.domain.transitions import RequestState
from bot.ports.clock import Clock
from bot.ports.grants import Grants
from bot.ports.items import Items
from bot.ports.outbox import DirectMessage, Edit, NewMessage, Outbox, OutboxMessage, Posted, Text
from bot.ports.requests import Requests
from bot.ports.slack import Replies
from bot.workflow.jobs.due_messages import ASK_DECIDED, due_messages, gone_of, rank
from bot.workflow.jobs.notify import who_may_approve

log = logging.getLogger(__name__)

EDIT_EVERY = timedelta(seconds=3)
"""At most one edit of a message in that time (Slack's design guidance on progress)."""

PROGRESS_EVERY = timedelta(seconds=9)
"""An edit that only moves percentages waits longer, so that an end rarely has to wait for the pause after one."""

POST_EVERY = timedelta(seconds=1)
"""chat.postMessage: about one message a second and channel."""

EDITS_A_MINUTE = 50
"""chat.update is Tier 3, shared by the whole workspace."""


class Urgency(IntEnum):
    """Whom an edit matters to: each leaves a share of the minute's edits to those above it."""

    PROGRESS = 30
    """For a person who may be watching."""

    END = 42
    """It is over; where that is not told by a message of its own, it is told by this edit."""

    AWAITED = EDITS_A_MINUTE
    """For a person who waits at the message: for the plan they asked for, the refusal, or what their press did."""


ASK_AGAIN_S = 0.05
"""How soon the budget is looked at again while all that stands in the way is under way."""

REFUSED_AGAIN = timedelta(minutes=5)
"""How long a message that Slack refused is put aside; a newer revision of it may be accepted."""


class EditBudget:
    """chat.update calls of the last minute, of every channel, and those under way."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answered: deque[float] = deque()
        self._under_way = 0
        self._resting_until = 0.0

    def rest(self, seconds: float) -> None:
        """Slack asks for a pause: the limit is one for the whole workspace, so it is one pause for every channel."""
        self._resting_until = max(self._clock.monotonic() + seconds, self._resting_until)

    def wait_s(self, urgency: Urgency) -> float:
        """Seconds until an edit may be made; 0.0 for now."""
        now = self._clock.monotonic()
        if now < self._resting_until:
            return self._resting_until - now
        while self._answered and now - self._answered[0] >= 60.0:
            self._answered.popleft()
        above = len(self._answered) + self._under_way - urgency
        if above < 0:
            return 0.0
        if above >= len(self._answered):
            return ASK_AGAIN_S
        return max(self._answered[above] + 60.0 - now, ASK_AGAIN_S)

    @contextmanager
    def one(self) -> Iterator[None]:
        """One edit: it takes its room before it leaves, so that two channels never take the same, and gives it back a
        minute after its answer, by which time Slack has surely counted it."""
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            self._answered.append(self._clock.monotonic())


class Rows(Grants, Items, Outbox, Requests, Protocol):
    """The roles of the store that this asks for."""


class Reporter:
    """Speaks in one channel at a time; every channel has its own job, and all share the budget for edits."""

    def __init__(self, store: Rows, replies: Replies, clock: Clock, budget: EditBudget) -> None:
        self._store = store
        self._replies = replies
        self._clock = clock
        self._budget = budget
        self._quiet_until: dict[str, float] = {}
        """Until when Slack asked to post nothing there."""
        self._post_from: dict[str, float] = {}
        self._aside: dict[_Key, float] = {}
        self._unanswered: set[str] = set()
        """Requests over whose last message Slack failed: they come after the others, as the next may take long too."""
        self._misplaced: set[str] = set()
        """Requests of which Slack would not take a message where it was to stand; memory only."""
        self._ask_shown_at: dict[str, float] = {}
        self._posted_at: dict[str, float] = {}
        self._edited_at: dict[str, float] = {}
        self._shown: dict[str, tuple[object, ...]] = {}
        """The states each open request was last shown with. All of this is memory: a restart edits once too early."""
        self._unwritten: dict[str, Callable[[], Awaitable[None]]] = {}
        """Messages sent while that could not be written down; it is, before anything else is sent to that channel."""

    async def __call__(self, reply_channel: str) -> float | None:
        if reply_channel in self._unwritten:
            await self._write_down(reply_channel, self._unwritten[reply_channel])
        if (busy_s := self._seconds_until(self._quiet_until.get(reply_channel))) > 0:
            return busy_s
        waits: list[float] = []
        due: list[OutboxMessage] = []
        for request, items in await self._store.outbox(reply_channel):
            if found := due_messages(request, items):
                due += found
            else:
                await self._store.mark_all_sent(request)
                self._forget_if_over(request)
        edited_first: set[str] = set()
        for outgoing in sorted(due, key=lambda one: (one.request.id in self._unanswered, rank(one))):
            if _is_new(outgoing, Text.RECEIPT) and outgoing.request.id in edited_first:
                continue
            wait_s = max(
                self._must_wait(outgoing, reply_channel),
                self._seconds_until(self._aside.get(_key(outgoing))),
            )
            if wait_s <= 0:
                return await self._say_whole(outgoing, reply_channel)
            soon = wait_s <= EDIT_EVERY.total_seconds()
            if isinstance(outgoing, Edit) and soon and self._budget.wait_s(Urgency.END) <= 0:
                edited_first.add(outgoing.request.id)
            waits.append(wait_s)
        return min(waits) if waits else None

    async def _say_whole(self, outgoing: OutboxMessage, reply_channel: str) -> float | None:
        """With what only the rows know."""
        request = outgoing.request
        if _is_new(outgoing, Text.ASK) and request.told_directly and request.state is RequestState.WAITING:
            # Written down before it is said: an approver does not read along here.
            await self._store.tell_directly(request.id, await who_may_approve(self._store, request))
        if outgoing.text is Text.ASK and request.state is RequestState.WAITING:
            outgoing = replace(outgoing, called=await who_may_approve(self._store, request))
        with self._budget.one() if isinstance(outgoing, Edit) else nullcontext():
            groups = await self._store.groups_of(request.id) if isinstance(request.order, Quick) else ()
            leaders = await self._leaders(outgoing.all_items)
            return await self._say(replace(outgoing, leaders=leaders, groups=groups), reply_channel)

    def _forget_if_over(self, request: Request) -> None:
        if request.ended_at:
            for kept in (self._shown, self._ask_shown_at, self._posted_at, self._edited_at):
                kept.pop(request.id, None)
            self._take_up(request)

    def _take_up(self, request: Request) -> None:
        """Nothing of it is set aside any more."""
        self._misplaced.discard(request.id)
        self._unanswered.discard(request.id)
        self._aside = {key: until for key, until in self._aside.items() if key[0] != request.id}

    def _seconds_until(self, moment: float | None) -> float:
        return 0.0 if moment is None else max(moment - self._clock.monotonic(), 0.0)

    async def _leaders(self, items: Sequence[Item]) -> dict[str, Request]:
        joined = {item.joined_to for item in items if item.joined_to}
        found = [(item_id, await self._store.item(item_id)) for item_id in sorted(joined)]
        return {item_id: pair[1] for item_id, pair in found if pair}

    def _must_wait(self, outgoing: OutboxMessage, reply_channel: str) -> float:
        """A new message waits for the pause after the last one in its channel, an edit for its own pause and budget."""
        if isinstance(outgoing, DirectMessage):
            return 0.0
        if isinstance(outgoing, NewMessage):
            return self._seconds_until(self._post_from.get(reply_channel))
        if outgoing.text is Text.ASK:
            pause = self._since(self._ask_shown_at.get(outgoing.request.id), EDIT_EVERY)
            urgency = Urgency.AWAITED
        else:
            pause, urgency = self._pause_and_urgency(outgoing)
        return max(pause, self._budget.wait_s(urgency))

    def _pause_and_urgency(self, outgoing: OutboxMessage) -> tuple[float, Urgency]:
        """An edit that shows more than progress waits for no message that was just posted, only for the last edit."""
        request = outgoing.request
        before, edited_at = self._shown.get(request.id), self._last_edit(request)
        if request.state is RequestState.FINISHED:
            return self._since(edited_at, EDIT_EVERY), Urgency.END
        unplanned = request.state is RequestState.RECEIVED
        if request.refused or request.not_yet_going or unplanned or (before and before[0] is not request.state):
            return self._since(edited_at, EDIT_EVERY), Urgency.AWAITED
        only_progress = before == _shown_of(request, outgoing.all_items)
        last = edited_at if edited_at is not None else self._posted_at.get(request.id)
        return self._since(last, PROGRESS_EVERY if only_progress else EDIT_EVERY), Urgency.PROGRESS

    def _last_edit(self, request: Request) -> float | None:
        """The row knows of edits in an earlier life."""
        if request.id in self._edited_at or request.id in self._posted_at or request.edited_at is None:
            return self._edited_at.get(request.id)
        ago_s = (self._clock.now() - request.edited_at).total_seconds()
        return self._clock.monotonic() - ago_s if ago_s >= 0 else None

    def _since(self, moment: float | None, pause: timedelta) -> float:
        """Seconds that are left of a pause after that moment."""
        return 0.0 if moment is None else moment + pause.total_seconds() - self._clock.monotonic()

    async def _say(self, outgoing: OutboxMessage, reply_channel: str) -> float | None:
        """Say one thing, write down that it was said, and come back for the next one after a polite pause."""
        try:
            posted = await self._replies.say(outgoing)
        except CannotPost as exc:
            return await self._move_reply_channel(outgoing, exc)
        except MessageFixed:
            return await self._after_closing(outgoing)
        except MessageGone:
            return await self._after_deletion(outgoing)
        except MessageRefused:
            return await self._after_refusal(outgoing)
        except SlackBusy as exc:
            return self._after_no_answer(outgoing, exc, reply_channel)
        self._remember(outgoing, reply_channel)
        await self._write_down(reply_channel, lambda: self._said(outgoing, posted))
        return 0.0

    def _after_no_answer(self, outgoing: OutboxMessage, exc: SlackBusy, reply_channel: str) -> float:
        """Where Slack failed over this message, it alone waits: it may be the only one in trouble. Where Slack asks to
        wait, it counts edits for the whole workspace, and new messages by their channel.
        """
        until = self._clock.monotonic() + exc.retry_after
        if exc.maybe_done:
            self._aside[_key(outgoing)] = until
            self._unanswered.add(outgoing.request.id)
            return 0.0
        if not isinstance(outgoing, Edit):
            self._quiet_until[reply_channel] = until
            return exc.retry_after
        self._budget.rest(exc.retry_after)
        return 0.0

    def _remember(self, outgoing: OutboxMessage, reply_channel: str) -> None:
        now, request = self._clock.monotonic(), outgoing.request
        self._unanswered.discard(request.id)
        if outgoing.text is Text.STATUS:
            at = self._edited_at if isinstance(outgoing, Edit) else self._posted_at
            at[request.id] = now
            self._shown[request.id] = _shown_of(request, outgoing.all_items)
        elif outgoing.text is Text.ASK:
            self._ask_shown_at[request.id] = now
        if isinstance(outgoing, NewMessage):
            self._post_from[reply_channel] = now + POST_EVERY.total_seconds()

    async def _write_down(self, reply_channel: str, write: Callable[[], Awaitable[None]]) -> None:
        """Said again it would stand twice, so it is kept until the store takes it."""
        self._unwritten[reply_channel] = write
        await write()
        del self._unwritten[reply_channel]

    async def _said(self, outgoing: OutboxMessage, posted: Posted | None) -> None:
        request, now = outgoing.request, self._clock.now()
        match outgoing:
            case Edit(text=Text.STATUS):
                await self._store.mark_sent(replace(request, shown_rev=request.rev, edited_at=now))
            case Edit(text=Text.ASK):
                await self._ask_edited(request)
            case Edit(text=Text.RECEIPT):
                await self._receipt_up_to_date(outgoing)
            case NewMessage(text=Text.STATUS):
                assert posted is not None
                shown = replace(
                    request, status_channel=posted.channel, status_ts=posted.ts, shown_rev=request.rev, edited_at=now
                )
                if posted.astray:
                    log.info("a thread is gone", extra={"request": request.id})
                    shown = replace(shown, place=replace(request.place, thread_ts=None))
                await self._store.mark_sent(shown)
            case NewMessage(text=Text.ASK):
                assert posted is not None
                await self._store.mark_sent(replace(request, ask_ts=posted.ts, ask_rev=request.rev))
            case NewMessage(text=Text.ACCEPTED):
                await self._store.mark_sent(request, accepted=[item.id for item in outgoing.items])
            case NewMessage(text=Text.FAILURE):
                await self._store.mark_sent(request, failures=[item.id for item in outgoing.items])
            case NewMessage(text=Text.RECEIPT) | DirectMessage(text=Text.REFUSAL):
                told = replace(request, receipt_ts=posted.ts if posted else "told")
                await self._store.mark_sent(replace(told, receipt_gone=gone_of(outgoing.all_items)))
            case _:
                raise AssertionError("no message of the reporter's")

    async def _ask_edited(self, request: Request) -> None:
        waits = request.state is RequestState.WAITING
        await self._store.mark_sent(replace(request, ask_rev=request.rev if waits else ASK_DECIDED))

    async def _receipt_up_to_date(self, outgoing: OutboxMessage) -> None:
        """It says what is deleted, or can't be made to."""
        await self._store.mark_sent(replace(outgoing.request, receipt_gone=gone_of(outgoing.all_items)))

    async def _after_closing(self, outgoing: OutboxMessage) -> float | None:
        """Where messages may not be edited a new one tells the end, and none the progress: it would be one after the
        other.
        """
        request = outgoing.request
        if _is_edit(outgoing, Text.STATUS) and request.ended_at is None:
            await self._store.mark_sent(replace(request, shown_rev=request.rev, edited_at=self._clock.now()))
            return 0.0
        return await self._after_deletion(outgoing)

    async def _after_deletion(self, outgoing: OutboxMessage) -> float | None:
        """The message that was to be edited or replied to was deleted: a new one takes its place, so that the end
        still has somewhere to stand.
        """
        request = outgoing.request
        if _is_edit(outgoing, Text.ASK):
            await self._store.mark_sent(replace(request, ask_rev=ASK_DECIDED))
            return 0.0
        if _is_edit(outgoing, Text.RECEIPT):
            await self._receipt_up_to_date(outgoing)
            return 0.0
        if _is_edit(outgoing, Text.STATUS) and request.receipt_ts is not None:
            # All was told long ago; a person who took the message away is not told it again.
            await self._store.mark_sent(replace(request, shown_rev=request.rev))
            return 0.0
        if _is_edit(outgoing, Text.STATUS):
            return await self._begin_anew(request)
        if request.thread_ts:
            log.info("a thread is gone", extra={"request": request.id})
            await self._store.move_reply_channel(replace(request, place=replace(request.place, thread_ts=None)))
            return 0.0
        if request.status_ts is None or (request.reply_channel != request.actor_id and self._again(request)):
            return await self._move_reply_channel(outgoing, CannotPost("The message is gone.", GONE_AGAIN))
        return await self._begin_anew(request)

    async def _begin_anew(self, request: Request) -> float | None:
        await self._store.mark_sent(replace(request, status_ts=None, status_channel=None, shown_rev=0))
        return 0.0

    async def _after_refusal(self, outgoing: OutboxMessage) -> float | None:
        """Whatever is wrong with this one message, the others in the channel are not made to wait for it. What is
        refused once more is said another way; directly it is tried until it is taken.
        """
        request = outgoing.request
        if _is_edit(outgoing, Text.ASK):
            # What it shows is old, and a press on it is judged by the rows all the same.
            self._ask_shown_at[request.id] = self._clock.monotonic()
            await self._ask_edited(request)
            return 0.0
        if _is_edit(outgoing, Text.RECEIPT):
            await self._receipt_up_to_date(outgoing)
            return 0.0
        if self._again(request):
            self._misplaced.discard(request.id)
            if _is_edit(outgoing, Text.STATUS):
                return await self._begin_anew(request)
            if request.reply_channel != request.actor_id:
                return await self._move_reply_channel(outgoing, CannotPost("Slack refuses the message.", REFUSED))
        self._aside[_key(outgoing)] = self._clock.monotonic() + REFUSED_AGAIN.total_seconds()
        return 0.0

    def _again(self, request: Request) -> bool:
        """Whether something of this request had no place before."""
        before = request.id in self._misplaced
        self._misplaced.add(request.id)
        return before

    async def _move_reply_channel(self, outgoing: OutboxMessage, exc: CannotPost) -> float | None:
        """The bot may not post there: say so where only the person sees it, and go on in a direct message."""
        request = outgoing.request
        if request.reply_channel == request.actor_id:
            log.error("nobody can be told how a request ended", extra={"request": request.id, "reason": exc.reason})
            await self._store.mark_all_sent(request)
            return 60.0
        log.info("the bot may not post there", extra={"request": request.id, "reason": exc.reason})
        try:
            await self._replies.say(_moved(outgoing, exc.reason))
        except (CannotPost, MessageRefused, SlackBusy):
            log.info("the person could not be told in the channel", extra={"request": request.id})
        self._take_up(request)
        await self._store.move_reply_channel(replace(request, reply_channel=request.actor_id))
        return 0.0


def _shown_of(request: Request, items: Sequence[Item]) -> tuple[object, ...]:
    """The facts of a request that are more than progress."""
    return (request.state, *((item.state, item.cause) for item in items))


_Key = tuple[str, type[OutboxMessage], Text]
"""One message of a request: its posting and its edits are put aside each for itself."""


def _key(outgoing: OutboxMessage) -> _Key:
    return outgoing.request.id, type(outgoing), outgoing.text


def _is_new(outgoing: OutboxMessage, text: Text) -> bool:
    return isinstance(outgoing, NewMessage) and outgoing.text is text


def _is_edit(outgoing: OutboxMessage, text: Text) -> bool:
    return isinstance(outgoing, Edit) and outgoing.text is text


def _moved(outgoing: OutboxMessage, why: str) -> DirectMessage:
    request = outgoing.request
    return DirectMessage(Text.MOVED, request, outgoing.items, outgoing.all_items, to=request.actor_id, why=why)
