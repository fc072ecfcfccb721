"""What Slack makes of text a person types when a command has `should_escape: true`.

Source: docs.slack.dev, interactivity/implementing-slash-commands (Escape channels, users, and links).
"""

from __future__ import annotations

import re

from bot.simulator.workspace.world import WorkspaceWorld

_TOKEN = re.compile(
    r"(?P<known><[@#][A-Z0-9]+(?:\|[^>]*)?>)"
    r"|(?P<url>https?://[^\s<>]+)"
    r"|(?<![\w@])@(?P<who>[\w.-]*\w)"
    r"|(?<![\w#])#(?P<where>[\w-]+)"
    r"|(?P<sign>[&<>])"
)
_SIGNS = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_BROADCASTS = ("here", "channel", "everyone")


def escape_typed(text: str, world: WorkspaceWorld, *, named: bool = True) -> str:
    """Mentions become `<@U…|name>`, `<#C…|name>`, `<!subteam^S…|@handle>`; links get angle brackets; & < > entities.

    Commands are `named`; in messages a person is `<@U…>` alone. Mentions by id, as autocompletion makes them, stay.
    """

    def replaced(match: re.Match[str]) -> str:
        if match["known"]:
            return match["known"]
        if match["url"]:
            return f"<{match['url'].replace('&', '&amp;')}>"
        if match["sign"]:
            return _SIGNS[match["sign"]]
        return _mention(match["who"], world, named=named) if match["who"] else _channel(match["where"], world)

    return _TOKEN.sub(replaced, text)


def _mention(name: str, world: WorkspaceWorld, *, named: bool) -> str:
    if name in _BROADCASTS:
        return f"<!{name}>"
    for person in world.people.values():
        if person.name == name:
            return f"<@{person.id}|{name}>" if named else f"<@{person.id}>"
    for group in world.groups.values():
        if group.handle == name:
            return f"<!subteam^{group.id}|@{name}>"
    return f"@{name}"


def _channel(name: str, world: WorkspaceWorld) -> str:
    for channel in world.channels.values():
        if channel.name == name and not channel.im_with:
            return f"<#{channel.id}|{'' if channel.is_private else name}>"
    return f"#{name}"
