"""The payloads Slack sends, shaped as the recorded ones in tests/data/slack-payloads."""

from __future__ import annotations

import copy
from typing import Any

from bot.simulator.workspace.messages import Message
from bot.simulator.workspace.state import State
from bot.simulator.workspace.views import View
from bot.simulator.workspace.world import Channel, Person

VERIFICATION = "legacyverificationtoken0"


def enterprise(state: State) -> dict[str, str] | None:
    """The organisation that the workspace belongs to, if it does; the app is installed in the workspace alone."""
    world = state.world
    return {"id": world.enterprise_id, "name": world.enterprise_name} if world.enterprise_id else None


def slash_command(state: State, person: Person, channel: Channel, command: str, text: str) -> dict[str, str]:
    """Form fields; in Socket Mode the same mapping is the payload."""
    above = enterprise(state)
    named = {"enterprise_id": above["id"], "enterprise_name": above["name"]} if above else {}
    return {
        **named,
        "token": VERIFICATION,
        "team_id": state.world.team_id,
        "team_domain": state.world.team_domain,
        "channel_id": channel.id,
        "channel_name": channel_name(channel),
        "user_id": person.id,
        "user_name": person.name,
        "command": command,
        "text": text,
        "api_app_id": state.world.app.id,
        "is_enterprise_install": "false",
        "response_url": state.url + state.response_urls.make(person.id, channel.id),
        "trigger_id": state.triggers.make(person.id, channel.id),
    }


def channel_name(channel: Channel) -> str:
    """Private conversations come with a placeholder name."""
    if channel.im_with:
        return "directmessage"
    return "privategroup" if channel.is_private else channel.name


def action(state: State, block_id: str, element: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    """One entry of `actions`: the element as sent, and what was chosen."""
    names = ("text", "value", "style", "confirm", "placeholder")
    kept: dict[str, Any] = {name: copy.deepcopy(element[name]) for name in names if name in element}
    return {
        "type": element["type"],
        "action_id": element.get("action_id", ""),
        "block_id": block_id,
        **kept,
        **{key: item for key, item in value.items() if key != "type"},
        "action_ts": f"{state.clock():.6f}",
    }


def message_actions(
    state: State, person: Person, channel: Channel, message: Message, shown: dict[str, Any], acted: dict[str, Any]
) -> dict[str, Any]:
    """A click in a message, with what all its elements hold; an ephemeral one comes without the message itself."""
    values = state.entered.of(person.id, message, shown.get("blocks", []))
    payload = {
        **_head(state, person, "block_actions"),
        "container": container(message),
        "trigger_id": state.triggers.make(person.id, channel.id),
        **_where(state, channel),
        "state": {"values": copy.deepcopy(values)},
        "response_url": state.url + state.response_urls.make(person.id, channel.id, message.ts),
        "actions": [acted],
    }
    if not message.ephemeral_to:
        payload["message"] = shown
    return payload


def view_actions(state: State, person: Person, view: View, acted: dict[str, Any]) -> dict[str, Any]:
    """A click in a modal or in Home: no channel, no response_url."""
    return {
        **_head(state, person, "block_actions"),
        "container": {"type": "view", "view_id": view.id},
        "trigger_id": state.triggers.make(person.id, view.channel, view.id),
        **_team(state),
        "view": state.views.as_json(view),
        "actions": [acted],
    }


def view_submission(state: State, person: Person, view: View) -> dict[str, Any]:
    """A submitted modal, with a response URL for each conversation select that asks for one."""
    urls = []
    for block, element in view.inputs():
        chosen = view.values[block["block_id"]][element["action_id"]]
        target = chosen.get("selected_conversation") or chosen.get("selected_channel")
        if element.get("response_url_enabled") and target:
            path = state.response_urls.make(person.id, target)
            urls.append(
                {
                    "block_id": block["block_id"],
                    "action_id": element["action_id"],
                    "channel_id": target,
                    "response_url": state.url + path,
                }
            )
    return {
        **_head(state, person, "view_submission"),
        "trigger_id": state.triggers.make(person.id, view.channel, view.id),
        **_team(state),
        "view": state.views.as_json(view),
        "response_urls": urls,
    }


def view_closed(state: State, person: Person, view: View, *, cleared: bool) -> dict[str, Any]:
    """A modal left without submitting; what was typed is not included."""
    return {
        **_head(state, person, "view_closed"),
        **_team(state),
        "view": state.views.as_json(view, with_state=False),
        "is_cleared": cleared,
    }


def suggestion(state: State, person: Person, block_id: str, action_id: str, query: str) -> dict[str, Any]:
    """An options request, still without its surface (a view, or a channel and a message)."""
    return {
        **_head(state, person, "block_suggestion"),
        "action_id": action_id,
        "block_id": block_id,
        "value": query,
        **_team(state),
    }


def global_shortcut(state: State, person: Person, callback_id: str) -> dict[str, Any]:
    """A global shortcut: a trigger id, no channel, no response_url."""
    return {
        "type": "shortcut",
        "token": VERIFICATION,
        "action_ts": f"{state.clock():.6f}",
        "team": {"id": state.world.team_id, "domain": state.world.team_domain},
        "user": {"id": person.id, "username": person.name, "team_id": person.team_id},
        "is_enterprise_install": False,
        "enterprise": enterprise(state),
        "callback_id": callback_id,
        "trigger_id": state.triggers.make(person.id),
    }


def message_shortcut(
    state: State, person: Person, channel: Channel, message: Message, callback_id: str
) -> dict[str, Any]:
    """A message shortcut: the message in full, and a reply path."""
    payload = global_shortcut(state, person, callback_id)
    payload["user"]["name"] = person.name
    return {
        **payload,
        "type": "message_action",
        "channel": {"id": channel.id, "name": channel_name(channel)},
        "trigger_id": state.triggers.make(person.id, channel.id),
        "response_url": state.url + state.response_urls.make(person.id, channel.id, message.ts),
        "message_ts": message.ts,
        "message": state.messages.as_json(message),
    }


def container(message: Message) -> dict[str, Any]:
    """Where in a channel a click happened."""
    shown: dict[str, Any] = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel,
        "is_ephemeral": message.ephemeral_to is not None,
    }
    if message.thread_ts:
        shown["thread_ts"] = message.thread_ts
    return shown


def _head(state: State, person: Person, kind: str) -> dict[str, Any]:
    user = {"id": person.id, "username": person.name, "name": person.name, "team_id": person.team_id}
    return {"type": kind, "user": user, "api_app_id": state.world.app.id, "token": VERIFICATION}


def _team(state: State) -> dict[str, Any]:
    team = {"id": state.world.team_id, "domain": state.world.team_domain}
    return {"team": team, "enterprise": enterprise(state), "is_enterprise_install": False}


def _where(state: State, channel: Channel) -> dict[str, Any]:
    return {**_team(state), "channel": {"id": channel.id, "name": channel_name(channel)}}
