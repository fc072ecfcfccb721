"""Says it in Slack: posts, edits, and private words, with Slack's errors turned into the four the reporter knows."""

from __future__ import annotations

import logging
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.actors import in_slack
from bot.domain.consistency_groups import ConsistencyGroup
from bot.domain.errors import SHARED, CannotPost, MessageFixed, MessageGone, MessageRefused, SlackBusy
from bot.domain.items import Item
from bot.domain.projects import Project
from bot.domain.requests import Request
from bot.domain.restoring.restorations import Restoration
from bot.domain.transitions import RequestState
from bot.ports.clock import Clock
from bot.ports.messages import DirectMessage, Edit, NewMessage, OutboxMessage, Text
from bot.ports.meters import NO_ANSWER as NOT_ANSWERED
from bot.ports.meters import OK, Called, uncounted
from bot.ports.slack import Posted
from bot.retry import Tries
from bot.slack.client.backoff import Backoff
from bot.slack.client.channels import SlackChannels
from bot.slack.client.errors import NO_ANSWER, SlackFailure, failure_of, retry_seconds
from bot.slack.client.hosts import is_slacks
from bot.slack.client.limits import ChannelPace
from bot.slack.payloads import Answered, PostedMessage, Read, read
from bot.slack.views import buttons
from bot.slack.views.blocks import row
from bot.slack.views.message import Message, arranged
from bot.slack.views.mrkdwn import permalink
from bot.slack.views.mrkdwn import sentence as as_sentence
from bot.slack.views.notices import left_over
from bot.slack.views.outbox_messages import rendered
from bot.slack.views.post_mortem.post_mortem_view import post_mortem
from bot.workflow.call_budget import Budgets, Urgency

log = logging.getLogger(__name__)

_REFUSED = re.compile(r'"ok"\s*:\s*false')
"""In the body of a response URL's answer, which may have the status 200 all the same."""

_CANNOT_POST = frozenset(
    {
        "not_in_channel",
        "channel_not_found",
        "is_archived",
        "cannot_reply_to_message",
        "messages_tab_disabled",
        "cannot_dm_bot",
        "user_not_found",
        "user_not_in_channel",
        "user_disabled",
    }
)
_GONE = frozenset({"message_not_found", "is_inactive", "thread_not_found", "invalid_thread_ts"})
_FIXED = frozenset({"cant_update_message", "edit_window_closed"})
_APP_REFUSED = frozenset(
    {"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive", "missing_scope"}
)
"""Nothing is wrong with the message: it can be said once the app may speak again."""

_APP_REFUSED_SECONDS = 60.0

TELLING = Tries((1.0, 4.0), SlackBusy, longest_s=30.0)
"""For a private word that stands in no row: perhaps it says that what was pressed is not recorded."""

RESPONSE_URL_LIFE = timedelta(minutes=29)
RESPONSE_URL_USES = 5
"""Slack allows 5 posts within 30 minutes (Handling user interaction, response_url)."""

_RESPONSE_URLS_KEPT = 5_000


@dataclass(slots=True)
class _Url:
    url: str
    until: float
    left: int = RESPONSE_URL_USES


class ResponseUrls:
    """The reply paths of recent commands, in memory only: a response URL is a capability and is never written down."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._urls: OrderedDict[str, _Url] = OrderedDict()

    def keep(self, request_id: str, url: str) -> None:
        self._urls[request_id] = _Url(url, self._clock.monotonic() + RESPONSE_URL_LIFE.total_seconds())
        while len(self._urls) > _RESPONSE_URLS_KEPT:
            self._urls.popitem(last=False)

    def hand_over(self, form_id: str, request_id: str) -> None:
        """The form's response URL is the request's now."""
        if kept := self._urls.pop(form_id, None):
            self._urls[request_id] = kept

    def take(self, request_id: str) -> str | None:
        kept = self._urls.get(request_id)
        if kept is None or kept.left == 0 or self._clock.monotonic() >= kept.until:
            self._urls.pop(request_id, None)
            return None
        kept.left -= 1
        return kept.url


@dataclass(frozen=True, slots=True)
class SlackReplies:
    """Implements `bot.ports.slack.Replies`."""

    client: AsyncWebClient
    http: aiohttp.ClientSession
    urls: ResponseUrls
    channels: SlackChannels
    projects: Mapping[str, Project]
    command: str
    team_url: str
    bot_user_id: str
    clock: Clock
    budgets: Budgets
    called: Called = uncounted
    _backoff: Backoff = field(default_factory=Backoff, init=False)
    _pace: ChannelPace = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_pace", ChannelPace(self.clock))

    async def say(self, outgoing: OutboxMessage) -> Posted | None:
        """Answers where a new message stands, None for edits and private words.

        For a new message or an edit its caller has taken room in the budget; all else that is said takes its own here.
        Raises CannotPost, MessageGone, MessageRefused or SlackBusy.
        """
        request = outgoing.request
        if outgoing.called and not await self._may_call(request):
            outgoing = replace(outgoing, called=())
        if isinstance(outgoing, DirectMessage):
            await self._say_directly(outgoing)
            return None
        first = isinstance(outgoing, NewMessage) and outgoing.text is Text.STATUS
        channel = request.reply_channel if first else request.status_channel
        if channel is None:
            raise CannotPost("The request has no message.", "no_message")
        await self._keep_from_strangers(request, channel)
        message = self.rendered(outgoing)
        if isinstance(outgoing, Edit):
            await self._edit(channel, outgoing.ts, message)
            return None
        thread = request.thread_ts if first else request.thread_ts or request.status_ts
        return await self._post(channel, message, thread, _metadata(outgoing), anywhere=first)

    async def _say_directly(self, outgoing: DirectMessage) -> None:
        message, request = self.rendered(outgoing), outgoing.request
        match outgoing.text:
            case Text.REFUSAL:
                await self._whisper(request, message)
            case Text.MOVED:
                if not await self.respond(self.urls.take(request.id), message):
                    raise CannotPost("No way to tell them in the channel.", "no_response_url")
            case _:
                await self._post_in_turn(Urgency.AWAITED, outgoing.to, message, metadata=_metadata(outgoing))

    def rendered(self, outgoing: OutboxMessage) -> Message:
        """With what is known of its project."""
        project = self.projects.get(outgoing.request.project or "")
        now = self.clock.now()
        return rendered(outgoing, self.command, self.team_url, now, project, bot_user_id=self.bot_user_id)

    def post_mortem(
        self,
        request: Request,
        items: Sequence[Item],
        groups: Sequence[ConsistencyGroup],
        restorations: Sequence[Restoration],
    ) -> Message:
        return post_mortem(request, items, groups, self.projects.get(request.project or ""), restorations)

    async def _may_call(self, request: Request) -> bool:
        """Whether those who may approve are mentioned: where the project says so, and only colleagues read along.
        Raises SlackBusy.
        """
        project = self.projects.get(request.project or "")
        return bool(project and project.notify_approvers) and not await self.channels.shared(request.reply_channel)

    async def _keep_from_strangers(self, request: Request, channel: str) -> None:
        """Asked before each message and each edit: a channel can become shared at any time. Raises CannotPost, and
        SlackBusy while Slack can't say: what is said a little later is no leak.
        """
        project = self.projects.get(request.project or "")
        if channel == request.actor_id or (project and project.external_channels):
            return
        if await self.channels.shared(channel):
            raise CannotPost("People of another organisation read along there.", SHARED)

    async def replace_left_over(self, request: Request, channel: str, ts: str) -> None:
        """Let a message of a request that is none of those it goes on with say which one counts."""
        counts = request.status_ts
        if request.status_channel != channel or counts is None or ts in (counts, request.ask_ts):
            return
        if request.state is RequestState.WAITING and request.ask_ts is None:
            return  # the one with the buttons may be this one, and is not written down yet
        try:
            message = left_over(request, permalink(self.team_url, channel, counts))
            async with self.budgets.edits.one(Urgency.PROGRESS):
                await self._edit(channel, ts, message)
        except (CannotPost, MessageGone, MessageRefused, SlackBusy):
            log.info("a message that was left over stands as it was", extra={"request": request.id})

    async def announce(self, channel: str, sentence: str) -> None:
        await self._post_in_turn(Urgency.PROGRESS, channel, arranged([as_sentence(sentence)]))

    async def post_card(self, channel: str, message: Message) -> None:
        """A message that belongs to no request. Raises CannotPost, MessageRefused or SlackBusy."""
        await self._post_in_turn(Urgency.PROGRESS, channel, message)

    async def say_in_thread(self, request: Request, sentences: Sequence[str], *, asking: int | None = None) -> bool:
        """Below the request's message; directly to its person where there is none, or none may be answered. A button
        is for others, so it stands only where they read along.
        """
        message = arranged([as_sentence(one) for one in sentences])
        shown = message if asking is None or request.told_directly else _with_agree(message, request.id, asking)
        try:
            if request.status_channel is None:
                raise CannotPost("The request has no message.", "no_message")
            await self._keep_from_strangers(request, request.status_channel)
            thread_ts = request.thread_ts or request.status_ts
            await self._post_in_turn(Urgency.END, request.status_channel, shown, thread_ts)
        except (CannotPost, MessageGone):
            await self._post_in_turn(Urgency.END, request.actor_id, message)
            return False
        return not request.told_directly

    async def ask_to_agree(self, user_id: str, request_id: str, sentences: Sequence[str], asking: int) -> None:
        message = arranged([as_sentence(one) for one in sentences])
        await self._post_in_turn(Urgency.AWAITED, user_id, _with_agree(message, request_id, asking))

    async def respond(self, url: str | None, message: Mapping[str, Any], *, replace: bool = False) -> bool:
        """Answer by response URL, to the person alone. False where there is none, it does not work, or is not Slack's.

        With `replace` it takes the place of the private message whose button was pressed.
        """
        if url is None:
            return False
        if not is_slacks(url, self.client.base_url):
            log.warning("a response url that is not slack's was not called")
            return False
        body = {"response_type": "ephemeral", "replace_original": replace, **message}
        began, outcome = self.clock.monotonic(), NOT_ANSWERED
        try:
            async with self.http.post(url, json=body, proxy=self.client.proxy, allow_redirects=False) as response:
                outcome = str(response.status)
                if outcome == "200":
                    outcome = "refused" if _REFUSED.search(await response.text()) else OK
                if response.status == 429:
                    wait = retry_seconds(response.headers.get("Retry-After"))
                    raise SlackBusy("Slack asks to wait.", retry_after=wait or 1.0)
                return outcome == OK
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False
        finally:
            self.called("response_url", outcome, self.clock.monotonic() - began)

    async def tell(
        self, user_id: str, url: str | None, channel: str, message: Message, thread_ts: str | None = None
    ) -> None:
        """A private word to the person who pressed or typed: by response URL, else where they did, else directly."""
        try:
            await TELLING.run(self.clock, lambda: self.answer(user_id, url, channel, message, thread_ts))
        except SlackBusy:
            log.warning("a private word could not be said", extra={"user": user_id})

    async def answer(
        self, user_id: str, url: str | None, channel: str, message: Message, thread_ts: str | None = None
    ) -> None:
        """The same, for a caller that can wait and say it again. Raises SlackBusy."""
        to = {"channel": channel, "user": user_id}
        if thread_ts:
            to["thread_ts"] = thread_ts
        try:
            await self._say_alone(url, to, message)
        except (CannotPost, MessageGone, MessageRefused):
            log.warning("a private word could not be said", extra={"user": user_id})

    # --- ways ---------------------------------------------------------------------------------------------------------

    async def _whisper(self, request: Request, message: Message) -> None:
        """Where the person is looking, to them alone: response URL, else an ephemeral message, else a direct one."""
        to: dict[str, Any] = {"channel": request.place.channel_id, "user": request.actor_id}
        if request.place.thread_ts:
            to["thread_ts"] = request.place.thread_ts
        await self._say_alone(self.urls.take(request.id), to, message)

    async def _say_alone(self, url: str | None, to: Mapping[str, Any], message: Message) -> None:
        """`to` has `user`, and `channel` where there is one to say it in."""
        if await self.respond(url, message):
            return
        try:
            if not to["channel"]:
                raise CannotPost("There is no channel.", "no_channel")
            await self._call("chat.postEphemeral", {**to, **message}, Answered)
        except (CannotPost, MessageGone, MessageRefused):
            await self._post_in_turn(Urgency.AWAITED, to["user"], message)

    async def _post_in_turn(
        self,
        urgency: Urgency,
        channel: str,
        message: Message,
        thread_ts: str | None = None,
        *,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Raises NoRoom, which is SlackBusy, where all posts of the minute are made."""
        async with self.budgets.posts.one(urgency):
            await self._post(channel, message, thread_ts, metadata)

    async def _post(
        self,
        channel: str,
        message: Message,
        thread_ts: str | None,
        metadata: dict[str, Any] | None,
        *,
        anywhere: bool = False,
    ) -> Posted:
        """A reply to a thread that is gone is put at the top level, and only what Slack's answer lacks says so. A loose
        reply is taken back, and MessageGone raised; what may stand `anywhere` stays.
        """
        arguments: dict[str, Any] = {"channel": channel, "unfurl_links": False, "unfurl_media": False, **message}
        if thread_ts:
            arguments["thread_ts"] = thread_ts
        if metadata:
            arguments["metadata"] = metadata
        await self._pace.turn(channel)
        posted = await self._call("chat.postMessage", arguments, PostedMessage)
        astray = bool(thread_ts) and posted.at_the_top
        if astray and not anywhere:
            await self.take_back(Posted(posted.channel, posted.ts))
            raise MessageGone("The thread is gone.")
        return Posted(posted.channel, posted.ts, astray)

    async def _edit(self, channel: str, ts: str, message: Message) -> None:
        await self._call("chat.update", {"channel": channel, "ts": ts, **message}, Answered)

    async def take_back(self, posted: Posted) -> None:
        try:
            await self._call("chat.delete", {"channel": posted.channel, "ts": posted.ts}, Answered)
        except (CannotPost, MessageGone, MessageRefused, SlackBusy):
            log.warning("a message that does not belong there stands in the channel", extra={"channel": posted.channel})

    async def _call(self, method: str, arguments: dict[str, Any], model: type[Read]) -> Read:
        if any(not in_slack(str(arguments.get(to, ""))) for to in ("channel", "user")):
            raise CannotPost("A program reads no messages.", "token")
        to = _what(method, arguments)
        try:
            answer = read(model, (await self.client.api_call(method, json=arguments)).data)
        except SlackApiError as exc:
            error = self._error_from(exc, method, to)
            if isinstance(error, MessageRefused) and "blocks" in arguments:
                # The words matter more than their arrangement: `text` alone tells all.
                bare = {key: value for key, value in arguments.items() if key != "blocks"}
                return await self._call(method, bare, model)
            raise error from None
        except NO_ANSWER:
            log.info("slack did not answer", extra={"method": method})
            raise SlackBusy("Slack did not answer.", retry_after=self._backoff.failed(to), maybe_done=True) from None
        self._backoff.answered(to)
        return answer

    def _error_from(
        self, exc: SlackApiError, method: str, to: str
    ) -> CannotPost | MessageGone | MessageRefused | SlackBusy:
        failure = failure_of(exc)
        if failure.asks_to_wait:
            wait = self._backoff.failed(to, failure.retry_after)
            log.info("slack asks to wait", extra={"method": method, "seconds": wait})
            return SlackBusy("Slack asks to wait.", retry_after=wait)
        error = _refusal(failure, method)
        if error is not None:
            self._backoff.answered(to)
            return error
        log.info("slack gave no usable answer", extra={"method": method, "status": failure.status})
        wait = self._backoff.failed(to, failure.retry_after)
        return SlackBusy("Slack did not answer.", retry_after=wait, maybe_done=True)


def _what(method: str, arguments: Mapping[str, Any]) -> str:
    """Which messages fail together: those of one thread, and edits of one message."""
    below = arguments.get("thread_ts") or arguments.get("ts") or ""
    return f"{method} {arguments.get('channel', '')} {below}"


def _refusal(failure: SlackFailure, method: str) -> CannotPost | MessageGone | MessageRefused | SlackBusy | None:
    """The meaning of Slack's code; None: it has none, and the next try may succeed."""
    error = failure.error
    if error in _FIXED:
        return MessageFixed("The message may not be edited.")
    if error in _GONE:
        return MessageGone("The message is gone.")
    if error in _CANNOT_POST or error.startswith("restricted_action"):
        return CannotPost("The bot may not post there.", error)
    if error in _APP_REFUSED:
        log.error("slack refuses the app", extra={"method": method, "error": error})
        return SlackBusy("Slack refuses the app.", retry_after=_APP_REFUSED_SECONDS)
    if failure.passes:
        return None
    facts = {"method": method, "error": error, "why": "; ".join(failure.messages)[:500]}
    log.error("slack refused a message", extra=facts)
    return MessageRefused(f"Slack refused the message ({error}).")


def _with_agree(message: Message, request_id: str, asking: int) -> Message:
    return {**message, "blocks": [*message["blocks"], row([buttons.agree(request_id, asking)], "agree")]}


def _metadata(outgoing: OutboxMessage) -> dict[str, Any]:
    """Lets auditors and later versions tell the bot's messages apart (Slack, Message metadata). No secrets in it."""
    return {
        "event_type": "snapshot_request",
        "event_payload": {"request": outgoing.request.id, "part": outgoing.text, "revision": outgoing.request.rev},
    }
