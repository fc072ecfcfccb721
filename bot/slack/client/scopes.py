"""The scopes of the Slack app: exactly those the code uses. `manifest.yml` says the same, held to it by a test."""

SCOPES = (
    "app_mentions:read",
    "channels:join",
    "channels:read",
    "chat:write",
    "commands",
    "groups:read",
    "usergroups:read",
    "users:read",
)
EVENTS = (
    "app_home_opened",
    "app_mention",
    "channel_created",
    "channel_rename",
    "subteam_members_changed",
    "subteam_updated",
    "user_change",
)
