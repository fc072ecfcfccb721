"""report:{home}: closes the gap between what the rows say and what people were shown, within Slack's budgets.

A message is state, not an event: the root message of a request is edited until it shows the last revision. Only what
deserves a notification is a message of its own in the thread: accepted, a failure, the receipt. A message whose
sending was cut off by a crash may stand twice; none is ever missing, and each says nothing but the truth of its time.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.errors import GONE_AGAIN, REFUSED, CannotPost, MessageFixed, MessageGone, MessageRefused, SlackBusy
from bot.domain.orders import Quick
from bot.domain.requests import Item, ItemState, Request, RequestState
from bot.interfaces import Clock, Replies, Saying, Store
from bot.workflow.notifying import who_may_approve

log = logging.getLogger(__name__)

EDIT_EVERY = timedelta(seconds=3)
"""At most one edit of a message in that time (Slack's design guidance on progress)."""

PROGRESS_EVERY = timedelta(seconds=9)
"""An edit that only moves percentages waits longer, so that an end rarely has to wait for the pause after one."""

POST_EVERY = timedelta(seconds=1)
"""chat.postMessage: about one message a second and channel."""

EDITS_A_MINUTE = 50
"""chat.update is Tier 3, shared by the whole workspace; progress leaves a share of it to final states."""

EDITS_LEFT_TO_ENDS = 15

ASK_AGAIN_S = 0.05
"""How soon the budget is looked at again while all that stands in the way is under way."""

EDITS = ("edit", "ask_edit", "receipt_edit")
"""The sayings that are chat.update; all others are new messages."""

REFUSED_AGAIN = timedelta(minutes=5)
"""How long a message that Slack refused is put aside; a newer revision of it may be accepted."""

ASK_SETTLED = -1
"""The revision of a message whose buttons were taken off; it is never edited again."""


class EditBudget:
    """chat.update calls of the last minute, of every channel, and those under way."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._answered: deque[datetime] = deque()
        self._under_way = 0
        self._resting_until: datetime | None = None

    def rest(self, seconds: float) -> None:
        """Slack asks for a pause: the limit is one for the whole workspace, so it is one pause for every channel."""
        until = self._clock.now() + timedelta(seconds=seconds)
        self._resting_until = max(until, self._resting_until or until)

    def wait_s(self, *, final: bool) -> float:
        """Seconds until an edit may be made; 0.0 for now."""
        now = self._clock.now()
        if self._resting_until and now < self._resting_until:
            return (self._resting_until - now).total_seconds()
        while self._answered and now - self._answered[0] >= timedelta(minutes=1):
            self._answered.popleft()
        allowed = EDITS_A_MINUTE if final else EDITS_A_MINUTE - EDITS_LEFT_TO_ENDS
        above = len(self._answered) + self._under_way - allowed
        if above < 0:
            return 0.0
        if above >= len(self._answered):
            return ASK_AGAIN_S
        return max((self._answered[above] + timedelta(minutes=1) - now).total_seconds(), ASK_AGAIN_S)

    @contextmanager
    def one(self) -> Iterator[None]:
        """One edit: it takes its room before it leaves, so that two channels never take the same, and gives it back a
        minute after its answer, by which time Slack has surely counted it."""
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            self._answered.append(self._clock.now())


def next_saying(request: Request, items: Sequence[Item]) -> Saying | None:
    """The most important thing still to be told of a request, or None. Pure; the rows remember what was said."""
    if request.refused and request.root_ts is None:
        return None if request.receipt_ts else Saying("refusal", request, (), items)
    if request.state is RequestState.RECEIVED and not _has_placeholder(request):
        return None
    if request.root_ts is None:
        return Saying("root", request, items, items)
    stale = request.shown_rev < request.rev
    if request.state is RequestState.FINISHED or request.refused:
        if stale:
            return Saying("edit", request, items, items)
        if _ask_is_stale(request):
            return Saying("ask_edit", request, items, items)
        if request.receipt_ts is None:
            return Saying("receipt", request, items, items)
        if request.receipt_gone < gone_of(items):
            return Saying("receipt_edit", request, items, items)
        return None
    if request.state in (RequestState.RECEIVED, RequestState.PLANNED):
        return Saying("edit", request, items, items) if stale else None
    if request.approvals_needed and request.ask_ts is None:
        return Saying("ask", request, items, items)
    if _ask_is_stale(request):
        return Saying("ask_edit", request, items, items)
    if request.state is RequestState.WAITING:
        return Saying("edit", request, items, items) if stale else None
    accepted = [item for item in items if item.accepted and not item.accepted_told]
    sending = [item for item in items if item.state in (ItemState.PLANNED, ItemState.SUBMITTING) and not item.cause]
    if accepted and not sending:
        return Saying("accepted", request, accepted, items)
    failures = [item for item in items if item.ended and item.state is not ItemState.AVAILABLE]
    if untold := [item for item in failures if not item.failure_told]:
        return Saying("failure", request, untold, items)
    return Saying("edit", request, items, items) if stale else None


def gone_of(items: Sequence[Item]) -> int:
    return sum(item.gone for item in items)


def _has_placeholder(request: Request) -> bool:
    """A quick backup that its person may have shows its message before its plan is known."""
    return isinstance(request.order, Quick) and request.project is not None


def _ask_is_stale(request: Request) -> bool:
    """Whether the message with the buttons shows an older count, or buttons that nobody needs any more."""
    if request.ask_ts is None or request.ask_rev == ASK_SETTLED:
        return False
    return request.state is not RequestState.WAITING or request.ask_rev < request.rev


class Reporter:
    """Speaks in one channel at a time; every channel has its own duty, and all share the budget for edits."""

    def __init__(self, store: Store, replies: Replies, clock: Clock, budget: EditBudget) -> None:
        self._store = store
        self._replies = replies
        self._clock = clock
        self._budget = budget
        self._quiet_until: dict[str, datetime] = {}
        """Until when Slack asked to post nothing there."""
        self._post_from: dict[str, datetime] = {}
        self._aside: dict[str, datetime] = {}
        self._misplaced: set[str] = set()
        """Requests of which Slack would not take a message where it was to stand; memory only."""
        self._ask_shown_at: dict[str, datetime] = {}
        self._shown: dict[str, tuple[object, ...]] = {}
        """The states each open request was last shown with; memory only, a restart just edits once too early."""

    async def __call__(self, home: str) -> float | None:
        if (busy_s := self._seconds_until(self._quiet_until.get(home))) > 0:
            return busy_s
        waits: list[float] = []
        for request, items in _ends_first(await self._store.unsaid(home)):
            saying = next_saying(request, items)
            if saying is None:
                await self._store.all_said(request)
                if request.ended_at:
                    self._shown.pop(request.id, None)
                    self._aside.pop(request.id, None)
                    self._ask_shown_at.pop(request.id, None)
                    self._misplaced.discard(request.id)
                continue
            wait_s = max(self._must_wait(saying, home), self._seconds_until(self._aside.get(request.id)))
            if wait_s > 0:
                waits.append(wait_s)
                continue
            if saying.kind == "ask" and request.told_directly and request.state is RequestState.WAITING:
                # Written down before it is said: whoever may approve does not read along here.
                await self._store.tell_directly(request.id, await who_may_approve(self._store, request))
            if saying.kind in ("ask", "ask_edit") and request.state is RequestState.WAITING:
                saying = replace(saying, called=await who_may_approve(self._store, request))
            with self._budget.one() if saying.kind in EDITS else nullcontext():
                groups = await self._store.groups_of(request.id) if isinstance(request.order, Quick) else ()
                return await self._say(replace(saying, leaders=await self._leaders(items), groups=groups), home)
        return min(waits) if waits else None

    def _seconds_until(self, at: datetime | None) -> float:
        return max((at - self._clock.now()).total_seconds(), 0.0) if at else 0.0

    async def _leaders(self, items: Sequence[Item]) -> dict[str, Request]:
        joined = {item.joined_to for item in items if item.joined_to}
        found = [(item_id, await self._store.item(item_id)) for item_id in sorted(joined)]
        return {item_id: pair[1] for item_id, pair in found if pair}

    def _must_wait(self, saying: Saying, home: str) -> float:
        """A new message waits for the pause after the last one in its channel, an edit for its own pause and budget."""
        if saying.kind == "refusal":
            return 0.0
        if saying.kind not in EDITS:
            return self._seconds_until(self._post_from.get(home))
        now, request = self._clock.now(), saying.request
        if saying.kind == "ask_edit":
            shown_at = self._ask_shown_at.get(request.id)
            pause = (EDIT_EVERY - (now - shown_at)).total_seconds() if shown_at else 0.0
            return max(pause, self._budget.wait_s(final=True))
        final = request.ended_at is not None
        if saying.all_items and self._shown.get(request.id) == ():
            return self._budget.wait_s(final=True)  # the plan takes its placeholder's place at once
        only_progress = self._shown.get(request.id) == _states(saying.all_items)
        apart = PROGRESS_EVERY if only_progress else EDIT_EVERY
        pause = (apart - (now - request.edited_at)).total_seconds() if request.edited_at else 0.0
        return max(pause, self._budget.wait_s(final=final))

    async def _say(self, saying: Saying, home: str) -> float | None:
        """Say one thing, write down that it was said, and come back for the next one after a polite pause."""
        try:
            posted = await self._replies.say(saying)
        except CannotPost as exc:
            return await self._move_home(saying, exc)
        except MessageFixed:
            return await self._after_closing(saying)
        except MessageGone:
            return await self._after_deletion(saying)
        except MessageRefused:
            return await self._after_refusal(saying)
        except SlackBusy as exc:
            if saying.kind in EDITS:
                self._budget.rest(exc.retry_after)
                return 0.0  # new messages go on
            self._quiet_until[home] = self._clock.now() + timedelta(seconds=exc.retry_after)
            return exc.retry_after
        now = self._clock.now()
        request = saying.request
        if saying.kind in ("root", "edit"):
            self._shown[request.id] = _states(saying.all_items)
        match saying.kind:
            case "root":
                assert posted is not None
                shown = replace(
                    request, root_channel=posted.channel, root_ts=posted.ts, shown_rev=request.rev, edited_at=now
                )
                if posted.astray:
                    log.info("a thread is gone", extra={"request": request.id})
                    shown = replace(shown, place=replace(request.place, thread_ts=None))
                await self._store.showed(shown)
            case "edit":
                await self._store.showed(replace(request, shown_rev=request.rev, edited_at=now))
                return 0.0
            case "ask":
                assert posted is not None
                self._ask_shown_at[request.id] = now
                await self._store.showed(replace(request, ask_ts=posted.ts, ask_rev=request.rev))
            case "ask_edit":
                return await self._ask_edited(request)
            case "accepted":
                await self._store.showed(request, accepted=[item.id for item in saying.items])
            case "failure":
                await self._store.showed(request, failures=[item.id for item in saying.items])
            case "receipt" | "refusal":
                told = replace(request, receipt_ts=posted.ts if posted else "told")
                await self._store.showed(replace(told, receipt_gone=gone_of(saying.all_items)))
            case "receipt_edit":
                return await self._receipt_settled(saying)
            case "moved" | "break_glass" | "ask_directly" | "reminder" | "record":
                pass
        if saying.kind == "refusal":
            return 0.0
        self._post_from[home] = now + POST_EVERY
        return 0.0

    async def _ask_edited(self, request: Request) -> float | None:
        self._ask_shown_at[request.id] = self._clock.now()
        waits = request.state is RequestState.WAITING
        await self._store.showed(replace(request, ask_rev=request.rev if waits else ASK_SETTLED))
        return 0.0

    async def _receipt_settled(self, saying: Saying) -> float | None:
        """It says what is deleted, or can't be made to."""
        await self._store.showed(replace(saying.request, receipt_gone=gone_of(saying.all_items)))
        return 0.0

    async def _after_closing(self, saying: Saying) -> float | None:
        """Where messages may not be edited a new one tells the end, and none the progress: it would be one after the
        other.
        """
        request = saying.request
        if saying.kind == "edit" and request.ended_at is None:
            await self._store.showed(replace(request, shown_rev=request.rev, edited_at=self._clock.now()))
            return 0.0
        return await self._after_deletion(saying)

    async def _after_deletion(self, saying: Saying) -> float | None:
        """Someone deleted the message that was to be edited or replied to: a new one takes its place, so that the end
        still has somewhere to stand.
        """
        request = saying.request
        if saying.kind == "ask_edit":
            await self._store.showed(replace(request, ask_rev=ASK_SETTLED))
            return 0.0
        if saying.kind == "receipt_edit":
            return await self._receipt_settled(saying)
        if saying.kind == "edit" and request.receipt_ts is not None:
            # All was told long ago; whoever took the message away is not told it again.
            await self._store.showed(replace(request, shown_rev=request.rev))
            return 0.0
        if saying.kind == "edit":
            return await self._begin_anew(request)
        if request.thread_ts:
            log.info("a thread is gone", extra={"request": request.id})
            await self._store.move_home(replace(request, place=replace(request.place, thread_ts=None)))
            return 0.0
        if request.root_ts is None or (request.home != request.actor_id and self._again(request)):
            return await self._move_home(saying, CannotPost("The message is gone.", GONE_AGAIN))
        return await self._begin_anew(request)

    async def _begin_anew(self, request: Request) -> float | None:
        await self._store.showed(replace(request, root_ts=None, root_channel=None, shown_rev=0))
        return 0.0

    async def _after_refusal(self, saying: Saying) -> float | None:
        """Whatever is wrong with this one message, the others in the channel are not made to wait for it. What is
        refused once more is said another way; directly it is tried until it is taken.
        """
        request = saying.request
        if saying.kind == "ask_edit":
            # What it shows is old, and a press on it is judged by the rows all the same.
            return await self._ask_edited(request)
        if saying.kind == "receipt_edit":
            return await self._receipt_settled(saying)
        if self._again(request):
            self._misplaced.discard(request.id)
            if saying.kind == "edit":
                return await self._begin_anew(request)
            if request.home != request.actor_id:
                return await self._move_home(saying, CannotPost("Slack refuses the message.", REFUSED))
        self._aside[request.id] = self._clock.now() + REFUSED_AGAIN
        return 0.0

    def _again(self, request: Request) -> bool:
        """Whether something of this request had no place before."""
        before = request.id in self._misplaced
        self._misplaced.add(request.id)
        return before

    async def _move_home(self, saying: Saying, exc: CannotPost) -> float | None:
        """The bot may not post there: say so where only the person sees it, and go on in a direct message."""
        request = saying.request
        if request.home == request.actor_id:
            log.error("nobody can be told how a request ended", extra={"request": request.id, "reason": exc.reason})
            await self._store.all_said(request)
            return 60.0
        log.info("the bot may not post there", extra={"request": request.id, "reason": exc.reason})
        try:
            await self._replies.say(replace(saying, kind="moved", why=exc.reason))
        except (CannotPost, MessageRefused, SlackBusy):
            log.info("the person could not be told in the channel", extra={"request": request.id})
        self._misplaced.discard(request.id)
        self._aside.pop(request.id, None)
        await self._store.move_home(replace(request, home=request.actor_id))
        return 0.0


def _states(items: Sequence[Item]) -> tuple[object, ...]:
    return tuple((item.state, item.cause) for item in items)


def _ends_first(pending: Sequence[tuple[Request, list[Item]]]) -> list[tuple[Request, list[Item]]]:
    """Refusals and ends before progress, and first messages before edits, each in the order they were asked."""

    def rank(entry: tuple[Request, list[Item]]) -> int:
        request = entry[0]
        if request.refused:
            return 0
        if request.root_ts is None:
            return 1
        return 2 if request.state is RequestState.FINISHED else 3

    return sorted(pending, key=rank)
