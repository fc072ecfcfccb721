"""Slack's word that people, groups or channels changed: what was believed of them is forgotten, on every replica.

Each event comes to one of them. The others hear of it where they can be told, and believe no longer than the ages in
`bot/slack/client/people.py` and `channels.py` say where they can't.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.slack.client.channels import SlackChannels
from bot.slack.client.people import SlackPeople

_GROUPS, _EVERYTHING = "groups", "everything"


@dataclass(slots=True)
class Changes:
    """`pass_on` tells other replicas, whose `heard` is called with it."""

    people: SlackPeople
    channels: SlackChannels
    pass_on: Callable[[str], None] = lambda news: None

    def of_user(self, user_id: str) -> None:
        self._tell(f"user {user_id}")

    def of_channel(self, channel_id: str) -> None:
        self._tell(f"channel {channel_id}")

    def of_user_groups(self) -> None:
        self._tell(_GROUPS)

    def of_anything(self) -> None:
        """Events were held back."""
        self._tell(_EVERYTHING)

    def heard(self, news: str) -> None:
        """News that only a later version knows of may be of anything."""
        match news.split():
            case ["user", user_id]:
                self.people.forget_user(user_id)
            case ["channel", channel_id]:
                self.channels.forget(channel_id)
            case ["groups"]:
                self.people.forget_user_groups()
            case _:
                self.people.forget_everything()
                self.channels.forget_everything()

    def _tell(self, news: str) -> None:
        self.heard(news)
        self.pass_on(news)
