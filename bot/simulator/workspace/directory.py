"""The Web API's reading methods: people, groups, channels, the team.

Source: docs.slack.dev, reference/objects, and reference/methods: users.info, usergroups.*, conversations.*.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.simulator.workspace.arguments import Args, flag, invalid, page_of
from bot.simulator.workspace.errors import SlackRefusal
from bot.simulator.workspace.messages import SLACKBOT_ID
from bot.simulator.workspace.state import State
from bot.simulator.workspace.validation import check_message_blocks, check_view
from bot.simulator.workspace.world import Channel, Group, Person

_READ = ("channels:read", "groups:read", "im:read", "mpim:read")


class Directory:
    """Methods by name, with the scopes each accepts (any one)."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._world = state.world
        self.methods: dict[str, Callable[[Args], dict[str, Any]]] = {
            "users.info": self.users_info,
            "users.list": self.users_list,
            "users.lookupByEmail": self.users_lookup_by_email,
            "users.conversations": self.users_conversations,
            "usergroups.list": self.usergroups_list,
            "usergroups.users.list": self.usergroups_users_list,
            "conversations.info": self.conversations_info,
            "conversations.join": self.conversations_join,
            "conversations.members": self.conversations_members,
            "conversations.list": self.conversations_list,
            "conversations.open": self.conversations_open,
            "team.info": self.team_info,
            "bots.info": self.bots_info,
            "blocks.validate": self.blocks_validate,
        }
        self.scopes: dict[str, tuple[str, ...]] = {
            "users.info": ("users:read",),
            "users.list": ("users:read",),
            "users.lookupByEmail": ("users:read.email",),
            "bots.info": ("users:read",),
            "usergroups.list": ("usergroups:read",),
            "usergroups.users.list": ("usergroups:read",),
            "team.info": ("team:read",),
            "users.conversations": _READ,
            "conversations.info": _READ,
            "conversations.join": ("channels:join",),
            "conversations.members": _READ,
            "conversations.list": _READ,
            "conversations.open": ("im:write",),
        }

    def users_info(self, args: Args) -> dict[str, Any]:
        person = {SLACKBOT_ID: self._slackbot(), **self._world.people}.get(str(args["user"]))
        if person is None:
            raise SlackRefusal("user_not_found")
        return {"user": self._person_json(person)}

    def users_lookup_by_email(self, args: Args) -> dict[str, Any]:
        for person in self._world.people.values():
            if person.email and person.email.lower() == str(args["email"]).lower() and not person.deleted:
                return {"user": self._person_json(person)}
        raise SlackRefusal("users_not_found")

    def users_list(self, args: Args) -> dict[str, Any]:
        people = [person for person in self._world.people.values() if person.team_id == self._world.team_id]
        people.append(self._slackbot())
        page, cursor = page_of(people, args, most=1000)
        members = [self._person_json(person) for person in page]
        return {
            "members": members,
            "cache_ts": int(self._state.clock()),
            "response_metadata": {"next_cursor": cursor},
        }

    def usergroups_list(self, args: Args) -> dict[str, Any]:
        groups = [
            group for group in self._world.groups.values() if flag(args, "include_disabled") or not group.date_delete
        ]
        shown = [group_json(group, self._world.team_id) for group in groups]
        if flag(args, "include_users"):
            for group, entry in zip(groups, shown, strict=True):
                entry["users"] = list(group.users)
        return {"usergroups": shown}

    def usergroups_users_list(self, args: Args) -> dict[str, Any]:
        group = self._world.groups.get(str(args.get("usergroup", "")))
        if group is None or (group.date_delete and not flag(args, "include_disabled")):
            raise SlackRefusal("no_such_subteam")
        return {"users": list(group.users)}

    def conversations_info(self, args: Args) -> dict[str, Any]:
        return {"channel": self._channel_json(visible_channel(self._state, args, "read"))}

    def conversations_join(self, args: Args) -> dict[str, Any]:
        channel = self._world.channels.get(str(args.get("channel", "")))
        if channel is None or channel.is_private:
            raise SlackRefusal("channel_not_found" if channel is None else "method_not_supported_for_channel_type")
        if channel.is_archived:
            raise SlackRefusal("is_archived")
        already = self._world.bot_is_in(channel)
        if not already:
            channel.members.append(self._world.app.bot_user_id)
        joined = {"channel": self._channel_json(channel)}
        return {**joined, "warning": "already_in_channel"} if already else joined

    def conversations_members(self, args: Args) -> dict[str, Any]:
        channel = visible_channel(self._state, args, "read")
        page, cursor = page_of(channel.members, args, most=999)
        return {"members": page, "response_metadata": {"next_cursor": cursor}}

    def conversations_list(self, args: Args) -> dict[str, Any]:
        return self._channels(args, [channel for channel in self._world.channels.values() if self._findable(channel)])

    def users_conversations(self, args: Args) -> dict[str, Any]:
        user = str(args.get("user") or self._world.app.bot_user_id)
        mine = [channel for channel in self._world.channels.values() if user in channel.members]
        return self._channels(args, [channel for channel in mine if self._findable(channel)])

    def conversations_open(self, args: Args) -> dict[str, Any]:
        users = [ref for ref in str(args.get("users", "")).split(",") if ref]
        if not users:
            raise SlackRefusal("users_list_not_supplied")
        person = self._world.people.get(users[0])
        if users[0] == SLACKBOT_ID or (person is not None and person.is_bot):
            raise SlackRefusal("cannot_dm_bot")
        if person is None or len(users) > 1:
            raise SlackRefusal("user_not_found")
        existed = "D" + person.id[1:] in self._world.channels
        channel = self._world.direct_message(person)
        already = {"no_op": True, "already_open": True} if existed else {}
        return {**already, "channel": {"id": channel.id}}

    def team_info(self, args: Args) -> dict[str, Any]:
        world = self._world
        return {"team": {"id": world.team_id, "name": world.team_name, "domain": world.team_domain}}

    def bots_info(self, args: Args) -> dict[str, Any]:
        app = self._world.app
        if args.get("bot") not in (None, app.bot_id):
            raise SlackRefusal("bot_not_found")
        bot = {"id": app.bot_id, "deleted": False, "name": app.name, "updated": 1767200000}
        return {"bot": {**bot, "app_id": app.id, "user_id": app.bot_user_id}}

    def blocks_validate(self, args: Args) -> dict[str, Any]:
        """Needs no token; its errors are objects with a pointer into what was given."""
        given = [name for name in ("blocks", "message", "view") if args.get(name) is not None]
        if len(given) != 1:
            raise invalid("must provide exactly one of: blocks, message, view")
        kind = given[0]
        value = args[kind]
        if kind == "view":
            lines = check_view(value)
        elif kind == "message" and not isinstance(value, dict):
            lines = ["must be an object [json-pointer:]"]
        else:
            lines = check_message_blocks(value if kind == "blocks" else value.get("blocks") or [])
        if not lines:
            return {}
        errors = [_validation_error(line, "" if kind == "message" else f"/{kind}") for line in lines]
        raise SlackRefusal(f"invalid_{kind}", {"errors": errors})

    def _slackbot(self) -> Person:
        """Slack's own account, which every workspace has and which does not call itself a bot."""
        return Person(SLACKBOT_ID, "slackbot", self._world.team_id, "Slackbot")

    def _person_json(self, person: Person) -> dict[str, Any]:
        shown = user_json(person, self._world.team_id)
        if person.email and "users:read.email" in self._state.config.scopes:
            shown["profile"]["email"] = person.email
        return shown

    def _findable(self, channel: Channel) -> bool:
        return f"{_family(channel)}:read" in self._state.config.scopes and (
            not channel.is_private or self._world.bot_is_in(channel)
        )

    def _channels(self, args: Args, channels: list[Channel]) -> dict[str, Any]:
        kinds = {kind.strip() for kind in str(args.get("types") or "public_channel").split(",")}
        if not kinds <= {"public_channel", "private_channel", "im", "mpim"}:
            raise SlackRefusal("invalid_types")
        wanted = [
            channel
            for channel in channels
            if _kind(channel) in kinds and not (flag(args, "exclude_archived") and channel.is_archived)
        ]
        page, cursor = page_of(wanted, args, most=1000)
        shown = [self._channel_json(channel) for channel in page]
        return {"channels": shown, "response_metadata": {"next_cursor": cursor}}

    def _channel_json(self, channel: Channel) -> dict[str, Any]:
        world = self._world
        if channel.im_with:
            return {
                "id": channel.id,
                "created": 1766000000,
                "is_archived": False,
                "is_im": True,
                "is_org_shared": False,
                "context_team_id": world.team_id,
                "updated": 1767000000000,
                "user": channel.im_with,
                "is_user_deleted": world.people[channel.im_with].deleted,
                "is_open": True,
                "priority": 0,
            }
        partners = {world.people[member].team_id for member in channel.members if member in world.people}
        shared = sorted(partners | {world.team_id}) if channel.is_ext_shared else [world.team_id]
        connected: dict[str, Any] = {}
        if channel.is_ext_shared:
            others = [team for team in shared if team != world.team_id]
            connected = {"connected_team_ids": others, "conversation_host_id": world.team_id}
        return {
            **connected,
            "id": channel.id,
            "name": channel.name,
            "is_channel": True,
            "is_group": False,
            "is_im": False,
            "is_mpim": False,
            "is_private": channel.is_private,
            "created": 1766000000,
            "is_archived": channel.is_archived,
            "is_general": False,
            "unlinked": 0,
            "name_normalized": channel.name,
            "is_shared": channel.is_ext_shared,
            "is_frozen": False,
            "is_org_shared": False,
            "is_pending_ext_shared": False,
            "pending_shared": [],
            "context_team_id": world.team_id,
            "updated": 1767000000000,
            "parent_conversation": None,
            "creator": channel.members[0] if channel.members else "",
            "is_ext_shared": channel.is_ext_shared,
            "shared_team_ids": shared,
            "pending_connected_team_ids": [],
            "is_member": world.bot_is_in(channel),
            "topic": {"value": "", "creator": "", "last_set": 0},
            "purpose": {"value": "", "creator": "", "last_set": 0},
            "previous_names": [],
        }


def visible_channel(state: State, args: Args, right: str) -> Channel:
    """The channel, as far as the app may look. Raises SlackRefusal."""
    channel = state.world.channels.get(str(args["channel"]))
    if channel is None or (channel.is_private and not state.world.bot_is_in(channel)):
        raise SlackRefusal("channel_not_found")
    scope = f"{_family(channel)}:{right}"
    if scope not in state.config.scopes:
        raise SlackRefusal("missing_scope", {"needed": scope, "provided": ",".join(state.config.scopes)})
    if right == "history" and not state.world.bot_is_in(channel):
        raise SlackRefusal("not_in_channel")
    return channel


def _validation_error(line: str, above: str) -> dict[str, Any]:
    message, _, pointer = line.removesuffix("]").rpartition(" [json-pointer:")
    _, _, missing = message.partition("missing required field: ")
    facts = {"code": "missing_field", "field": missing} if missing else {"code": "invalid_value"}
    return {**facts, "message": message, "pointer": pointer.removeprefix(above) or "/"}


def user_json(person: Person, home_team: str) -> dict[str, Any]:
    """The user object; deactivated people and strangers lose most fields, as in the recorded answers."""
    real_name = person.real_name or person.name.capitalize()
    base: dict[str, Any] = {"id": person.id, "team_id": person.team_id, "name": person.name}
    if person.is_stranger:
        profile = {"real_name": real_name, "display_name": person.name, "team": person.team_id}
        return {**base, "real_name": real_name, "profile": profile, "is_stranger": True}
    if person.deleted:
        profile = {"real_name": real_name, "team": person.team_id}
        flags = {"is_bot": person.is_bot, "is_app_user": False, "updated": person.updated}
        return {**base, "deleted": True, "profile": profile, **flags}
    names = {
        "real_name": real_name,
        "real_name_normalized": real_name,
        "display_name": person.name,
        "display_name_normalized": person.name,
    }
    status = {"status_text": "", "status_emoji": "", "status_expiration": 0, "avatar_hash": "g0"}
    images = {f"image_{size}": f"https://example.com/{size}.png" for size in (24, 72)}
    shown: dict[str, Any] = {
        **base,
        "deleted": False,
        "color": "9f69e7",
        "real_name": real_name,
        "tz": person.tz,
        "tz_label": person.tz,
        "tz_offset": 0,
        "profile": {"title": "", "phone": "", **names, **status, **images, "team": person.team_id},
        "is_admin": person.is_admin,
        "is_owner": person.is_owner,
        "is_primary_owner": False,
        "is_restricted": person.is_restricted or person.is_ultra_restricted,
        "is_ultra_restricted": person.is_ultra_restricted,
        "is_bot": person.is_bot,
        "is_app_user": False,
        "updated": person.updated,
        "is_email_confirmed": True,
        "who_can_share_contact_card": "EVERYONE",
    }
    if person.team_id != home_team:
        shown["is_stranger"] = False
    if person.enterprise_id:
        shown["enterprise_user"] = {
            "id": person.id,
            "enterprise_id": person.enterprise_id,
            "teams": list(person.enterprise_teams),
        }
    if person.is_invited_user:
        shown["is_invited_user"] = True
    return shown


def group_json(group: Group, team_id: str) -> dict[str, Any]:
    """The user group object, without its `users`."""
    return {
        "id": group.id,
        "team_id": team_id,
        "is_usergroup": True,
        "is_subteam": True,
        "name": group.name or group.handle,
        "description": "",
        "handle": group.handle,
        "is_external": group.is_external,
        "date_create": 1766000000,
        "date_update": group.date_update,
        "date_delete": group.date_delete,
        "auto_type": None,
        "auto_provision": False,
        "enterprise_subteam_id": "",
        "created_by": "",
        "updated_by": "",
        "deleted_by": None,
        "prefs": {"channels": [], "groups": []},
        "user_count": len(group.users),
        "channel_count": 0,
    }


def _family(channel: Channel) -> str:
    if channel.im_with:
        return "im"
    return "groups" if channel.is_private else "channels"


def _kind(channel: Channel) -> str:
    return {"im": "im", "groups": "private_channel", "channels": "public_channel"}[_family(channel)]
