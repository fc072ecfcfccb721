"""People who run the workspace: accounts, groups, channels, tokens and connections.

Source: docs.slack.dev, reference/events: user_change, subteam_updated, subteam_members_changed, channel_created, …
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from bot.simulator.workspace.delivery import Delivery
from bot.simulator.workspace.directory import group_json, user_json
from bot.simulator.workspace.forms import Forms
from bot.simulator.workspace.world import Channel, Person


class Admin(Forms):
    """Changes to the workspace, each with the events Slack sends for it."""

    async def set_user(self, user: str, **flags: Any) -> Delivery | None:
        """Change an account's fields and send user_change. Raises ValueError for a field there is not."""
        person = self.state.world.person(user)
        unknown = set(flags) - {item.name for item in fields(Person)} | ({"id"} & set(flags))
        if unknown:
            raise ValueError(f"a person has no changeable {', '.join(sorted(unknown))}")
        for name, value in flags.items():
            setattr(person, name, value)
        person.updated = int(self.state.clock())
        shown = user_json(person, self.state.world.team_id)
        event = {"type": "user_change", "user": shown, "cache_ts": person.updated, "event_ts": self._event_ts()}
        return await self.deliverer.event("user_change", event)

    async def deactivate(self, user: str) -> Delivery | None:
        """Deactivate an account; groups and channels keep naming it."""
        return await self.set_user(user, deleted=True)

    async def set_group_members(self, group: str, users: Iterable[str]) -> Delivery | None:
        """Replace a user group's members and send subteam_members_changed and subteam_updated."""
        found = self.state.world.group(group)
        members = [self.state.world.person(user).id for user in users]
        added = [user for user in members if user not in found.users]
        removed = [user for user in found.users if user not in members]
        before, found.users, found.date_update = found.date_update, members, int(self.state.clock())
        changed = {
            "type": "subteam_members_changed",
            "subteam_id": found.id,
            "team_id": self.state.world.team_id,
            "date_previous_update": before,
            "date_update": found.date_update,
            "added_users": added,
            "added_users_count": len(added),
            "removed_users": removed,
            "removed_users_count": len(removed),
            "event_ts": self._event_ts(),
        }
        first = await self.deliverer.event("subteam_members_changed", changed)
        subteam = {**group_json(found, self.state.world.team_id), "users": list(members)}
        updated = {"type": "subteam_updated", "subteam": subteam, "event_ts": self._event_ts()}
        return await self.deliverer.event("subteam_updated", updated) or first

    async def invite_bot(self, channel: str) -> Delivery | None:
        """Add the app to a channel."""
        place = self.state.world.channel(channel)
        if not self.state.world.bot_is_in(place):
            place.members.append(self.state.world.app.bot_user_id)
        return await self._membership("member_joined_channel", place)

    async def remove_bot(self, channel: str) -> Delivery | None:
        """Take the app out of a channel."""
        place = self.state.world.channel(channel)
        place.members = [member for member in place.members if member != self.state.world.app.bot_user_id]
        return await self._membership("member_left_channel", place)

    def join(self, user: str, channel: str) -> None:
        """Add a person to a channel."""
        person, place = self.state.world.person(user), self.state.world.channel(channel)
        if person.id not in place.members:
            place.members.append(person.id)

    async def create_channel(self, user: str, name: str, channel_id: str) -> Delivery | None:
        """A person makes a public channel; the app hears of it without being in it."""
        person = self.state.world.person(user)
        self.state.world.channels[channel_id] = Channel(channel_id, name, members=[person.id])
        made = {"id": channel_id, "name": name, "created": int(self.state.clock()), "creator": person.id}
        event = {"type": "channel_created", "channel": made, "event_ts": self._event_ts()}
        return await self.deliverer.event("channel_created", event)

    async def rename_channel(self, channel: str, name: str) -> Delivery | None:
        """Give a public channel another name."""
        place = self.state.world.channel(channel)
        place.name = name
        renamed = {"id": place.id, "name": name, "created": int(self.state.clock())}
        event = {"type": "channel_rename", "channel": renamed, "event_ts": self._event_ts()}
        return await self.deliverer.event("channel_rename", event)

    async def archive(self, channel: str, *, archived: bool = True) -> Delivery | None:
        """Archive a channel, or bring it back."""
        place = self.state.world.channel(channel)
        place.is_archived = archived
        kind = "group_archive" if place.is_private else "channel_archive"
        if not archived:
            return None
        return await self.deliverer.event(kind, {"type": kind, "channel": place.id, "event_ts": self._event_ts()})

    async def revoke_token(self) -> Delivery | None:
        """From now on every call answers token_revoked."""
        self.state.token_revoked = True
        tokens = {"oauth": [], "bot": [self.state.world.app.bot_user_id]}
        event = {"type": "tokens_revoked", "tokens": tokens, "event_ts": self._event_ts()}
        return await self.deliverer.event("tokens_revoked", event)

    async def _membership(self, kind: str, place: Channel) -> Delivery | None:
        event = {
            "type": kind,
            "user": self.state.world.app.bot_user_id,
            "channel": place.id,
            "channel_type": "G" if place.is_private else "C",
            "team": self.state.world.team_id,
            "event_ts": self._event_ts(),
        }
        return await self.deliverer.event(kind, event)

    def _event_ts(self) -> str:
        return f"{self.state.clock():.6f}"
