"""A card in a channel that is made or renamed for an incident: what `quick` does there, or how to bind it.

Off unless `offer_channels` is configured. The bot joins only public channels, reads no message in them, and posts once.
Source: Slack, channel_created, channel_rename; conversations.join.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Protocol

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_sdk.errors import SlackApiError

from bot.domain.errors import CannotPost, MessageRefused, SlackBusy
from bot.domain.projects import Project
from bot.ports.audit import Audit
from bot.ports.grants import Bindings
from bot.slack.client.errors import NO_ANSWER, failure_of
from bot.slack.front import Front
from bot.slack.listeners.reading import reads
from bot.slack.payloads import ChannelChange
from bot.slack.views.channel_card_view import channel_card

log = logging.getLogger(__name__)

ONCE = timedelta(days=36_500)

PAUSES_S = (5.0, 15.0, 60.0, 300.0)
"""How long is waited after each attempt that Slack was too busy for; after the last, the next rename counts anew."""


class Rows(Audit, Bindings, Protocol):
    """The roles of the store that this asks for."""


@dataclass(frozen=True, slots=True)
class ChannelCardListeners:
    """`pattern` is what a channel's name has to match, such as `inc-*`; None: nothing is offered."""

    front: Front
    pattern: str | None
    store: Rows
    projects: Mapping[str, Project]

    def register(self, app: AsyncApp) -> None:
        app.event("channel_created")(reads(ChannelChange, self.on_channel))
        app.event("channel_rename")(reads(ChannelChange, self.on_channel))

    async def on_channel(self, ack: AsyncAck, change: ChannelChange) -> None:
        channel_id, name = change.channel, change.name
        self.front.changes.of_channel(channel_id)
        if self.pattern is None or not channel_id or not fnmatchcase(name, self.pattern):
            return
        chore = f"channel_card:{channel_id}"
        # Marked first: a card that a crash swallows is no loss, one that comes twice is a nuisance.
        if await self.store.chore_taken(chore, self.front.clock.now() + ONCE):
            self.front.tasks.start(self._post_card(channel_id, chore))

    async def _post_card(self, channel_id: str, chore: str) -> None:
        for pause in PAUSES_S:
            wait = await self._attempt(channel_id)
            if wait is None:
                return
            wait = max(wait, pause)
            # The mark outlasts the pause by as much again: a stop of the bot meanwhile leaves one that ends.
            await self.store.chore_done(chore, self.front.clock.now() + timedelta(seconds=2 * wait))
            await self.front.clock.sleep(wait)
            await self.store.chore_done(chore, self.front.clock.now() + ONCE)
        await self.store.chore_done(chore, self.front.clock.now())

    async def _attempt(self, channel_id: str) -> float | None:
        """Seconds until it may be tried again; None once there is nothing more to do."""
        try:
            if await self.front.channels.shared(channel_id):
                return None
            await self.front.client.conversations_join(channel=channel_id)
        except SlackApiError as exc:
            failure = failure_of(exc)
            log.info("the bot may not join", extra={"channel": channel_id, "error": failure.error})
            return (failure.retry_after or 0.0) if failure.passes else None
        except SlackBusy as exc:
            return exc.retry_after
        except NO_ANSWER:
            log.info("slack did not answer when the bot joined", extra={"channel": channel_id})
            return 0.0
        card = channel_card(self.front.command, await self.store.bindings(channel_id), self.projects)
        try:
            await self.front.replies.post_card(channel_id, card)
        except SlackBusy as exc:
            log.info("an offer could not be posted", extra={"channel": channel_id})
            return None if exc.maybe_done else exc.retry_after
        except (CannotPost, MessageRefused):
            log.info("an offer could not be posted", extra={"channel": channel_id})
        return None
