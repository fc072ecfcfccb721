"""What one person sees of the workspace, as values by key: a change is a key whose value is another one than before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bot.simulator.workspace import Channel, Message, Person, View, WorkspaceSimulator
from bot.simulator.workspace.values import Values

Document = dict[str, Any]


def workspace_document(workspace: WorkspaceSimulator, viewer: Person) -> Document:
    """Keys: team, people, groups, channels, view, home, and `message/CHANNEL/TS` for each message they may read."""
    world = workspace.world
    channels = [channel for channel in world.channels.values() if _is_shown(workspace, viewer, channel)]
    view, home = workspace.view(viewer.id), workspace.home(viewer.id)
    found: Document = {
        "team": {"name": world.team_name},
        "people": [_person(one, world.team_id) for one in world.people.values() if not one.deleted],
        "groups": [{"id": one.id, "handle": one.handle} for one in world.groups.values()],
        "channels": [_channel(one, viewer) for one in channels],
        "view": _view(workspace, view, len(workspace.views(viewer.id))) if view else None,
        "home": _view(workspace, home, 1) if home else None,
    }
    for channel in channels:
        for message in workspace.messages(channel.id, viewer=viewer.id):
            values = workspace.state.entered.of(viewer.id, message)
            found[f"message/{channel.id}/{message.ts}"] = _message(message, values)
    return found


def _is_shown(workspace: WorkspaceSimulator, viewer: Person, channel: Channel) -> bool:
    if channel.im_with:
        return channel.im_with == viewer.id
    return viewer.id in channel.members and workspace.world.may_see(viewer, channel)


def _person(person: Person, home_team: str) -> dict[str, Any]:
    kind = "bot" if person.is_bot else "member"
    if person.team_id != home_team:
        kind = "outsider"
    elif person.is_restricted or person.is_ultra_restricted:
        kind = "guest"
    return {"id": person.id, "name": person.name, "real_name": person.real_name or person.name, "kind": kind}


def _channel(channel: Channel, viewer: Person) -> dict[str, Any]:
    return {
        "id": channel.id,
        "name": channel.name,
        "private": channel.is_private,
        "archived": channel.is_archived,
        "shared": channel.is_ext_shared,
        "direct": bool(channel.im_with),
        "members": len(channel.members),
        "joined": viewer.id in channel.members,
    }


def _message(message: Message, values: Values) -> dict[str, Any]:
    return {
        "ts": message.ts,
        "channel": message.channel,
        "user": message.user,
        "text": message.text,
        "blocks": message.blocks,
        "thread": message.thread_ts,
        "mine": message.ephemeral_to is not None,
        "answers": message.answers if message.ephemeral_to else "",
        "app": message.from_app,
        "edits": message.edits,
        "values": values,
        "files": [{"name": one["name"], "size": one["size"]} for one in message.files],
    }


def _view(workspace: WorkspaceSimulator, view: View, depth: int) -> dict[str, Any]:
    return {**workspace.state.views.as_json(view), "errors": dict(view.errors), "depth": depth}


def changed(before: Document, after: Document) -> Iterator[tuple[str, Any]]:
    """Each key whose value is another one, and with None each that is gone."""
    for key, value in after.items():
        if key not in before or before[key] != value:
            yield key, value
    for key in before.keys() - after.keys():
        yield key, None
