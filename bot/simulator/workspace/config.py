"""What the installed app may do: granted scopes and subscribed events, as its manifest says.

Source: docs.slack.dev, reference/app-manifest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT_SCOPES = (
    "app_mentions:read",
    "channels:read",
    "chat:write",
    "commands",
    "groups:read",
    "usergroups:read",
    "users:read",
)
EVENT_SCOPES = {
    "app_mention": ("app_mentions:read",),
    "user_change": ("users:read",),
    "subteam_members_changed": ("usergroups:read",),
    "subteam_updated": ("usergroups:read",),
    "member_joined_channel": ("channels:read", "groups:read"),
    "member_left_channel": ("channels:read", "groups:read"),
    "channel_archive": ("channels:read",),
    "channel_created": ("channels:read",),
    "channel_rename": ("channels:read",),
    "group_archive": ("groups:read",),
    "message.channels": ("channels:history",),
    "message.groups": ("groups:history",),
    "message.im": ("im:history",),
    "app_home_opened": (),
    "tokens_revoked": (),
}


@dataclass(frozen=True)
class AppConfig:
    """Granted scopes; `events` and `commands` are None where every one of them counts as registered."""

    scopes: tuple[str, ...] = DEFAULT_SCOPES
    events: frozenset[str] | None = None
    commands: Mapping[str, bool] | None = None
    shortcuts: frozenset[str] | None = None
    interactive: bool = True
    home_tab: bool = True

    @classmethod
    def read(
        cls, manifest: Mapping[str, Any] | None, scopes: Iterable[str] | None, events: Iterable[str] | None
    ) -> AppConfig:
        """Take the manifest's word; `scopes` and `events` override it."""
        chosen = tuple(scopes) if scopes is not None else None
        subscribed = frozenset(events) if events is not None else None
        if manifest is None:
            return cls(scopes=DEFAULT_SCOPES if chosen is None else chosen, events=subscribed)
        features, settings = manifest.get("features", {}), manifest.get("settings", {})
        granted = manifest.get("oauth_config", {}).get("scopes", {}).get("bot", [])
        listed = settings.get("event_subscriptions", {}).get("bot_events", [])
        return cls(
            scopes=tuple(granted) if chosen is None else chosen,
            events=frozenset(listed) if subscribed is None else subscribed,
            commands={
                item["command"]: bool(item.get("should_escape", False)) for item in features.get("slash_commands", [])
            },
            shortcuts=frozenset(item["callback_id"] for item in features.get("shortcuts", [])),
            interactive=bool(settings.get("interactivity", {}).get("is_enabled", False)),
            home_tab=bool(features.get("app_home", {}).get("home_tab_enabled", False)),
        )

    def has_command(self, command: str) -> bool:
        return "commands" in self.scopes and (self.commands is None or command in self.commands)

    def escapes(self, command: str) -> bool:
        return self.commands is None or self.commands.get(command, False)

    def gets_event(self, name: str) -> bool:
        needed = EVENT_SCOPES.get(name, ())
        granted = not needed or any(scope in self.scopes for scope in needed)
        return granted and (self.events is None or name in self.events)
