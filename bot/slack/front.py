"""The front towards Slack: what its listeners share, made before anything is listened to."""

from __future__ import annotations

from dataclasses import dataclass

from slack_sdk.web.async_client import AsyncWebClient

from bot.ports.clock import Clock
from bot.slack.background_tasks import BackgroundTasks
from bot.slack.changes import Changes
from bot.slack.client.channels import SlackChannels
from bot.slack.client.people import SlackPeople
from bot.slack.client.poster import ResponseUrls, SlackReplies
from bot.slack.listeners.deferred_replies import DeferredReplyJob
from bot.slack.origin import Origin
from bot.slack.payloads import Identity
from bot.slack.unexpected import Unexpected


@dataclass(frozen=True, slots=True)
class Front:
    """`command` is the slash command people type."""

    command: str
    origin: Origin
    client: AsyncWebClient
    people: SlackPeople
    channels: SlackChannels
    changes: Changes
    urls: ResponseUrls
    replies: SlackReplies
    unexpected: Unexpected
    tasks: BackgroundTasks
    deferred: DeferredReplyJob
    clock: Clock

    @property
    def identity(self) -> Identity:
        """The bot as Slack knows it."""
        return self.origin.identity
