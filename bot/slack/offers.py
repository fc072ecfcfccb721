"""A card in a channel that is made or renamed for an incident: what `quick` does there, or how to bind it.

Off unless `offer_channels` is configured. The bot joins only public channels, reads no message in them, and posts once.
Source: Slack, channel_created, channel_rename; conversations.join.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any

import aiohttp
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.errors import CannotPost, MessageRefused, SlackBusy
from bot.interfaces import Clock, Store
from bot.slack.blocks import button, buttons
from bot.slack.channels import SlackChannels
from bot.slack.controls import BIND, NEW_SNAPSHOT
from bot.slack.errands import Errands
from bot.slack.failures import failure_of
from bot.slack.message import Message, arranged
from bot.slack.replies import SlackReplies
from bot.slack.text import code

log = logging.getLogger(__name__)

ONCE = timedelta(days=36_500)


class OfferListeners:
    """`pattern` is what a channel's name has to match, such as `inc-*`; None: nothing is offered."""

    def __init__(
        self,
        *,
        pattern: str | None,
        command: str,
        store: Store,
        client: AsyncWebClient,
        channels: SlackChannels,
        replies: SlackReplies,
        errands: Errands,
        clock: Clock,
    ) -> None:
        self._pattern = pattern
        self._command = command
        self._store = store
        self._client = client
        self._channels = channels
        self._replies = replies
        self._errands = errands
        self._clock = clock

    def register(self, app: AsyncApp) -> None:
        app.event("channel_created")(self.on_channel)
        app.event("channel_rename")(self.on_channel)

    async def on_channel(self, event: dict[str, Any]) -> None:
        channel = event.get("channel")
        facts = channel if isinstance(channel, dict) else {}
        channel_id, name = str(facts.get("id") or ""), str(facts.get("name") or "")
        if self._pattern is None or not channel_id or not fnmatchcase(name, self._pattern):
            return
        self._channels.forget(channel_id)
        chore = f"offer:{channel_id}"
        if await self._store.chore_due(chore) is None:
            # Marked first: a card that a crash swallows is nobody's loss, one that comes twice is a nuisance.
            await self._store.chore_done(chore, self._clock.now() + ONCE)
            self._errands.send(self._offer(channel_id))

    async def _offer(self, channel_id: str) -> None:
        if await self._channels.shared(channel_id):
            return
        try:
            await self._client.conversations_join(channel=channel_id)
        except SlackApiError as exc:
            log.info("the bot may not join", extra={"channel": channel_id, "error": failure_of(exc).error})
            return
        except (aiohttp.ClientError, TimeoutError, OSError):
            log.info("slack did not answer when the bot joined", extra={"channel": channel_id})
            return
        bound = bool(await self._store.bindings(channel_id))
        try:
            await self._replies.post_card(channel_id, offer_card(self._command, bound=bound))
        except (CannotPost, MessageRefused, SlackBusy):
            log.info("an offer could not be posted", extra={"channel": channel_id})


def offer_card(command: str, *, bound: bool) -> Message:
    """Names no project and no disk: whoever may see them is told when they ask."""
    head = f":camera_with_flash: *An incident?* {code(f'{command} quick')} snapshots every disk it touches, plan first."
    if bound:
        return arranged([head, "This channel is bound already: nothing more has to be typed."])
    how = (
        f"Nothing is bound here yet: name a server, {code(f'{command} quick server=web-01')}, "
        "or let an admin of its project bind this channel."
    )
    message = arranged([head, how])
    pressed = [button(BIND, "Bind This Channel…", "bind"), button(NEW_SNAPSHOT, "Choose Disks", "pick")]
    message["blocks"].append(buttons(pressed, "offer"))
    return message
