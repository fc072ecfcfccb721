"""report:{reply_channel}: closes the gap between what the rows say and what people were shown, within Slack's budgets.

A message is state, not an event: the root message of a request is edited until it shows the last revision. Only what
deserves a notification is a message of its own in the thread: accepted, a failure, the receipt. A message whose
sending was cut off by a crash may stand twice; none is ever missing, and each says nothing but the truth of its time.

A request is read when it changed and when its turn has come. In between memory knows what waits of it; where there is
none, it is made anew from the rows.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from typing import Protocol

from bot.domain.errors import (
    GONE_AGAIN,
    REFUSED,
    CannotPost,
    MessageFixed,
    MessageGone,
    MessageRefused,
    NoRoom,
    SlackBusy,
)
from bot.domain.items import Item
from bot.domain.orders import Quick
from bot.domain.projects import Project
from bot.domain.requests import Request
from bot.domain.transitions import RequestState
from bot.ports.clock import Clock
from bot.ports.grants import Grants
from bot.ports.items import Items
from bot.ports.messages import DirectMessage, Edit, NewMessage, OutboxMessage, Text, Whole
from bot.ports.outbox import Outbox
from bot.ports.requests import Requests
from bot.ports.slack import ChannelReplies, Posted
from bot.workflow.call_budget import Budgets, Urgency
from bot.workflow.jobs.channel_queue import ChannelQueue, Waiting, Way, key_of
from bot.workflow.jobs.due_messages import ASK_DECIDED, due_messages, told
from bot.workflow.jobs.message_pauses import EDIT_EVERY, MessagePauses
from bot.workflow.jobs.notify import who_may_approve

log = logging.getLogger(__name__)

POST_EVERY = timedelta(seconds=1)
"""chat.postMessage: about one message a second and channel."""

REFUSED_AGAIN = timedelta(minutes=5)
"""How long a message that Slack refused is put aside; a newer revision of it may be accepted."""

_DIRECTLY = Way(DirectMessage, Urgency.AWAITED)

PAGE = 50
"""Requests that are read in one transaction."""


class Rows(Grants, Items, Outbox, Requests, Protocol):
    """The roles of the store that this asks for."""


class Reporter:
    """Speaks in one channel at a time; every channel has its own job, and all share the budgets for posts and edits."""

    def __init__(
        self,
        store: Rows,
        replies: ChannelReplies,
        clock: Clock,
        budgets: Budgets,
        changed: Callable[[str], Collection[str] | None],
        projects: Mapping[str, Project],
        *,
        lingers: bool = False,
    ) -> None:
        """`changed` tells which requests changed that a job was called for about, since it was asked last; None: the
        job comes from another replica, which may have spoken since. `lingers`: a channel is kept until the pause after
        its last message is over, as another replica would not know of it.
        """
        self._store = store
        self._replies = replies
        self._clock = clock
        self._budgets = budgets
        self._changed = changed
        self._projects = projects
        self._lingers = lingers
        self._pauses = MessagePauses(clock)
        self._queues: dict[str, ChannelQueue] = {}
        self._quiet_until: dict[str, float] = {}
        """Until when Slack asked to post nothing there."""
        self._post_from: dict[str, float] = {}
        self._unwritten: dict[str, Callable[[], Awaitable[None]]] = {}
        """Messages sent while that could not be written down; it is, before anything else is sent to that channel."""

    async def __call__(self, reply_channel: str) -> float | None:
        if reply_channel in self._unwritten:
            await self._write_down(reply_channel, self._unwritten[reply_channel])
        if (busy_s := self._seconds_until(self._quiet_until.get(reply_channel, 0.0))) > 0:
            self._budgets.leave(reply_channel)
            return busy_s
        queue = await self._queue(reply_channel)
        read = await self._read(queue, reply_channel)
        turn, wait_s = self._whose_turn(queue, reply_channel)
        if turn is not None:
            wait_s = await self._say_whole(turn, queue, reply_channel, read)
        if queue:
            return wait_s
        del self._queues[reply_channel]
        self._budgets.forget(reply_channel)
        return (self._seconds_until(self._post_from.pop(reply_channel, 0.0)) or None) if self._lingers else None

    # --- whose turn it is ---------------------------------------------------------------------------------------------

    async def _queue(self, reply_channel: str) -> ChannelQueue:
        changed = self._changed(f"report:{reply_channel}")
        if changed is None or reply_channel not in self._queues:
            to_send = await self._store.to_send(reply_channel)
            if changed is None:
                self._pauses.others_spoke(to_send)
            self._queues[reply_channel] = ChannelQueue(to_send)
        queue = self._queues[reply_channel]
        queue.unread.update(dict.fromkeys(changed or ()))
        return queue

    async def _read(self, queue: ChannelQueue, reply_channel: str) -> Mapping[str, Whole]:
        """Find out what is due of the requests that changed; answers those that were read last."""
        read: dict[str, Whole] = {}
        while page := list(islice(queue.unread, PAGE)):
            read = {whole[0].id: whole for whole in await self._store.outbox(reply_channel, page)}
            due = {request_id: due_messages(*whole) for request_id, whole in read.items()}
            silent = [whole[0] for request_id, whole in read.items() if not due[request_id]]
            if silent:
                await self._store.mark_all_sent(silent)
            for request in silent:
                self._forget_if_over(request)
            for request_id in page:
                queue.put(request_id, self._pauses.waiting(due.get(request_id, ())))
        return read

    def _whose_turn(self, queue: ChannelQueue, reply_channel: str) -> tuple[Waiting | None, float | None]:
        """The first message that may go now, and seconds until the next; None: nothing waits for a time."""
        now = self._clock.monotonic()
        queue.ripen(now)
        may_go, waits = [queue.first(_DIRECTLY)], [] if (at := queue.next_at()) is None else [at - now]
        if post_s := self._seconds_until(self._post_from.get(reply_channel, 0.0)):
            waits += [post_s]
        posts = {} if post_s else {urgency: self._first_post(queue, urgency, now) for urgency in Urgency}
        edits = {urgency: queue.first(Way(Edit, urgency)) for urgency in Urgency}
        for budget, firsts in ((self._budgets.posts, posts), (self._budgets.edits, edits)):
            first = {urgency: one for urgency, one in firsts.items() if one}
            budget.stand_in_line(reply_channel, {urgency: one.not_before for urgency, one in first.items()})
            for urgency, one in first.items():
                turn_s = budget.turn_s(reply_channel, urgency)
                may_go += [one if turn_s == 0 else None]
                waits += [] if turn_s is None else [turn_s]
        return min(filter(None, may_go), key=lambda one: one.order, default=None), min(waits, default=None)

    def _first_post(self, queue: ChannelQueue, urgency: Urgency, now: float) -> Waiting | None:
        """A receipt lets an edit of its request go before it that may go soon, and has room."""
        while post := queue.first(Way(NewMessage, urgency)):
            edits = queue.edits_of(post.key[0]) if post.key[2] is Text.RECEIPT else []
            soon = [one.not_before for one in edits if 0 < one.not_before - now <= EDIT_EVERY.total_seconds()]
            if not soon or self._budgets.edits.wait_s(Urgency.END) > 0:
                return post
            queue.put_off(post, min(soon))
        return None

    def _seconds_until(self, moment: float) -> float:
        return max(moment - self._clock.monotonic(), 0.0)

    def _forget_if_over(self, request: Request) -> None:
        if request.ended_at:
            self._pauses.forget(request.id)

    # --- saying it ----------------------------------------------------------------------------------------------------

    async def _say_whole(
        self, turn: Waiting, queue: ChannelQueue, reply_channel: str, read: Mapping[str, Whole]
    ) -> float | None:
        """As the rows stand, with what only they know. Whatever comes of it, the request is looked at again."""
        request_id = turn.key[0]
        found = [read[request_id]] if request_id in read else await self._store.outbox(reply_channel, [request_id])
        queue.unread[request_id] = None
        outgoing = next((one for whole in found for one in due_messages(*whole) if key_of(one) == turn.key), None)
        if outgoing is None:
            return 0.0
        outgoing = await self._with_called(outgoing)
        if turn.way == _DIRECTLY:
            self._budgets.leave(reply_channel)  # no other channel waits while this is said
            return await self._say(await self._with_others(outgoing), reply_channel)
        budget = self._budgets.edits if turn.way.kind is Edit else self._budgets.posts
        try:
            async with budget.one(turn.way.urgency, reply_channel):
                self._budgets.leave(reply_channel)
                return await self._say(await self._with_others(outgoing), reply_channel)
        except NoRoom:
            return 0.0  # others took it meanwhile; how long that lasts is known now

    async def _with_called(self, outgoing: OutboxMessage) -> OutboxMessage:
        request = outgoing.request
        if outgoing.text is not Text.ASK or request.state is not RequestState.WAITING:
            return outgoing
        called = await who_may_approve(self._store, request)
        if isinstance(outgoing, NewMessage) and request.told_directly:
            # Written down before it is said: an approver does not read along here.
            await self._store.tell_directly(request.id, called)
        return replace(outgoing, called=called)

    async def _with_others(self, outgoing: OutboxMessage) -> OutboxMessage:
        request = outgoing.request
        groups = await self._store.groups_of(request.id) if isinstance(request.order, Quick) else ()
        return replace(outgoing, leaders=await self._leaders(outgoing.all_items), groups=groups)

    async def _leaders(self, items: Sequence[Item]) -> dict[str, Request]:
        joined = {item.joined_to for item in items if item.joined_to}
        found = [(item_id, await self._store.item(item_id)) for item_id in sorted(joined)]
        return {item_id: pair[1] for item_id, pair in found if pair}

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
            return await self._after_no_answer(outgoing, exc, reply_channel)
        if posted and posted.astray:
            log.info("a thread is gone", extra={"request": outgoing.request.id})
        self._pauses.said(outgoing)
        if isinstance(outgoing, NewMessage):
            self._post_from[reply_channel] = self._clock.monotonic() + POST_EVERY.total_seconds()
        await self._write_down(reply_channel, lambda: self._said(outgoing, posted))
        return 0.0

    async def _write_down(self, reply_channel: str, write: Callable[[], Awaitable[None]]) -> None:
        """Said again it would stand twice, so it is kept until the store takes it."""
        self._unwritten[reply_channel] = write
        await write()
        del self._unwritten[reply_channel]

    async def _said(self, outgoing: OutboxMessage, posted: Posted | None = None) -> None:
        """With it goes that nothing else is due, if so."""
        request = told(outgoing, posted, self._clock.now())
        about = outgoing.ids
        counts = await self._store.mark_sent(
            request,
            outgoing.request,
            accepted=about if outgoing.text is Text.ACCEPTED else (),
            failures=about if outgoing.text is Text.FAILURE else (),
        )
        if not counts:
            log.warning("another replica spoke of a request meanwhile", extra={"request": request.id})
            if posted:
                await self._replies.take_back(posted)
        elif not request.to_send:
            self._forget_if_over(request)
            self._queues[outgoing.request.reply_channel].put(request.id, ())

    # --- where Slack won't --------------------------------------------------------------------------------------------

    async def _after_no_answer(self, outgoing: OutboxMessage, exc: SlackBusy, reply_channel: str) -> float:
        """Where Slack failed over this message, it alone waits: it may be the only one in trouble. Where Slack asks to
        wait, it counts edits for the whole workspace, and new messages by their channel.
        """
        if exc.maybe_done:
            self._pauses.unanswered(outgoing, exc.retry_after)
            return 0.0
        if not isinstance(outgoing, Edit):
            self._quiet_until[reply_channel] = self._clock.monotonic() + exc.retry_after
            return exc.retry_after
        await self._budgets.edits.rest(exc.retry_after)
        return 0.0

    async def _after_closing(self, outgoing: OutboxMessage) -> float | None:
        """Where messages may not be edited a new one tells the end, and none the progress: it would be one after the
        other.
        """
        if _is_edit(outgoing, Text.STATUS) and outgoing.request.ended_at is None:
            await self._said(outgoing)
            return 0.0
        return await self._after_deletion(outgoing)

    async def _after_deletion(self, outgoing: OutboxMessage) -> float | None:
        """The message that was to be edited or replied to was deleted: a new one takes its place, so that the end
        still has somewhere to stand.
        """
        request = outgoing.request
        if _is_edit(outgoing, Text.ASK):
            await self._store.mark_sent(replace(request, ask_rev=ASK_DECIDED), request)
            return 0.0
        if _is_edit(outgoing, Text.RECEIPT) or (_is_edit(outgoing, Text.STATUS) and request.receipt_ts is not None):
            # All was told long ago; a person who took the message away is not told it again.
            await self._said(outgoing)
            return 0.0
        if _is_edit(outgoing, Text.STATUS):
            return await self._begin_anew(request)
        if request.thread_ts:
            log.info("a thread is gone", extra={"request": request.id})
            at_the_top = replace(request, place=replace(request.place, thread_ts=None))
            await self._store.move_reply_channel(at_the_top, request)
            return 0.0
        if request.status_ts is None or (request.reply_channel != request.actor_id and self._pauses.again(request.id)):
            return await self._move_reply_channel(outgoing, CannotPost("The message is gone.", GONE_AGAIN))
        return await self._begin_anew(request)

    async def _begin_anew(self, request: Request) -> float | None:
        await self._store.mark_sent(replace(request, status_ts=None, status_channel=None, shown_rev=0), request)
        return 0.0

    async def _after_refusal(self, outgoing: OutboxMessage) -> float | None:
        """Whatever is wrong with this one message, the others in the channel are not made to wait for it. What is
        refused once more is said another way; directly it is tried until it is taken.
        """
        request = outgoing.request
        if _is_edit(outgoing, Text.ASK) or _is_edit(outgoing, Text.RECEIPT):
            # What it shows is old, and a press on it is judged by the rows all the same.
            self._pauses.said(outgoing)
            await self._said(outgoing)
            return 0.0
        if self._pauses.again(request.id):
            self._pauses.placed(request.id)
            if _is_edit(outgoing, Text.STATUS):
                return await self._begin_anew(request)
            if request.reply_channel != request.actor_id:
                return await self._move_reply_channel(outgoing, CannotPost("Slack refuses the message.", REFUSED))
        self._pauses.put_aside(outgoing, REFUSED_AGAIN.total_seconds())
        return 0.0

    async def _move_reply_channel(self, outgoing: OutboxMessage, exc: CannotPost) -> float | None:
        """The bot may not post there: say so where only the person sees it, and go on in a direct message; of a
        program in the channel of its project.
        """
        request = outgoing.request
        elsewhere = self._elsewhere(request)
        if elsewhere in ("", request.reply_channel):
            return await self._untold(request, exc)
        log.info("the bot may not post there", extra={"request": request.id, "reason": exc.reason})
        if not request.of_a_program:
            await self._say_moved(outgoing, exc)
        self._pauses.take_up(request.id)
        await self._store.move_reply_channel(replace(request, reply_channel=elsewhere), request)
        return 0.0

    def _elsewhere(self, request: Request) -> str:
        """Where else it is told; "" for nowhere."""
        if not request.of_a_program:
            return request.actor_id
        project = self._projects.get(request.project or "")
        return project.api_channel if project else ""

    async def _untold(self, request: Request, exc: CannotPost) -> float:
        """Those who may approve are asked all the same. Should more become of it, the channel is tried again."""
        facts = {"request": request.id, "reason": exc.reason}
        if request.over:
            log.error("nobody can be told how a request ended", extra=facts)
        else:
            log.info("the bot may not post there", extra=facts)
        if request.state is RequestState.WAITING:
            await self._store.tell_directly(request.id, await who_may_approve(self._store, request))
        await self._store.mark_all_sent([request])
        return 60.0

    async def _say_moved(self, outgoing: OutboxMessage, exc: CannotPost) -> None:
        try:
            await self._replies.say(_moved(outgoing, exc.reason))
        except (CannotPost, MessageRefused, SlackBusy):
            log.info("the person could not be told in the channel", extra={"request": outgoing.request.id})


def _is_edit(outgoing: OutboxMessage, text: Text) -> bool:
    return isinstance(outgoing, Edit) and outgoing.text is text


def _moved(outgoing: OutboxMessage, why: str) -> DirectMessage:
    request = outgoing.request
    return DirectMessage(Text.MOVED, request, outgoing.items, outgoing.all_items, to=request.actor_id, why=why)
