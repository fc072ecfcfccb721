"""Who and what there is: people, channels, user groups and the app.

The default world is invented, in the shapes of Slack's identifiers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

Record = TypeVar("Record", "Person", "Channel", "Group")


@dataclass
class Person:
    """An account. Flags not given are false, as in Slack's user object; `enterprise_teams` are the workspaces it is a
    member of in an Enterprise organisation.
    """

    id: str
    name: str
    team_id: str = ""
    real_name: str = ""
    is_admin: bool = False
    is_owner: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_bot: bool = False
    is_stranger: bool = False
    is_invited_user: bool = False
    deleted: bool = False
    enterprise_id: str = ""
    enterprise_teams: list[str] = field(default_factory=list)
    email: str = ""
    tz: str = "Etc/UTC"
    updated: int = 1767000000


@dataclass
class Channel:
    """A conversation; a direct message with the app has `im_with` set to the person's id."""

    id: str
    name: str
    is_private: bool = False
    is_archived: bool = False
    is_ext_shared: bool = False
    members: list[str] = field(default_factory=list)
    im_with: str = ""


@dataclass
class Group:
    """A user group, such as @db-admins."""

    id: str
    handle: str
    name: str = ""
    users: list[str] = field(default_factory=list)
    date_delete: int = 0
    date_update: int = 1767000000
    is_external: bool = False


@dataclass
class App:
    """The one installed app and its bot user."""

    id: str = "A0SNAPAPP1"
    name: str = "Snapshot Bot"
    bot_user_id: str = "U0SNAPBOT1"
    bot_id: str = "B0SNAPBOT1"
    bot_name: str = "snapshot-bot"


@dataclass
class WorkspaceWorld:
    """A workspace at rest. The simulator changes it in place."""

    team_id: str = "T0HARBOR01"
    team_domain: str = "harbor-eng"
    team_name: str = "Harbor Engineering"
    enterprise_id: str = ""
    enterprise_name: str = ""
    app: App = field(default_factory=App)
    people: dict[str, Person] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)

    def __post_init__(self) -> None:
        bot = self.app
        if bot.bot_user_id not in self.people:
            self.people[bot.bot_user_id] = Person(
                bot.bot_user_id, bot.bot_name, self.team_id, real_name=bot.name, is_bot=True
            )

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> WorkspaceWorld:
        """Read a world from parsed JSON.

        Keys: `team_id`, `team_domain`, `team_name`, `enterprise_id`, `enterprise_name`, `app` (an object), and
        `people`, `channels`, `groups`, each a list of objects with the fields of the classes here. Members may be
        ids or names of listed people.

        Raises:
            ValueError: every problem, one a line.
        """
        problems: list[str] = []
        unknown = set(source) - {item.name for item in fields(cls)}
        problems += [f"unknown key: {key}" for key in sorted(unknown)]
        named = ("team_id", "team_domain", "team_name", "enterprise_id", "enterprise_name")
        team = {key: source[key] for key in named if key in source}
        app_source = source.get("app", {})
        app = App()
        if isinstance(app_source, Mapping):
            wrong = set(app_source) - {item.name for item in fields(App)}
            problems += [f"app: unknown key: {key}" for key in sorted(wrong)]
            app = App(**{key: str(value) for key, value in app_source.items() if key not in wrong})
        else:
            problems.append("app: must be an object")
        people = _records(Person, source, "people", ("id", "name"), problems)
        channels = _records(Channel, source, "channels", ("id", "name"), problems)
        groups = _records(Group, source, "groups", ("id", "handle"), problems)
        world = cls(
            app=app,
            people={person.id: person for person in people},
            channels={channel.id: channel for channel in channels},
            groups={group.id: group for group in groups},
            **team,
        )
        for person in world.people.values():
            person.team_id = person.team_id or world.team_id
        for channel in channels:
            channel.members = world._member_ids(channel.members, f"channel {channel.id}", problems)
        for group in groups:
            group.users = world._member_ids(group.users, f"group {group.id}", problems)
        if problems:
            raise ValueError("The workspace world has problems:\n" + "\n".join(f"- {line}" for line in problems))
        return world

    def person(self, ref: str) -> Person:
        """Find a person by id or name, with or without @. Raises KeyError."""
        wanted = ref.removeprefix("@")
        if wanted in self.people:
            return self.people[wanted]
        for person in self.people.values():
            if person.name == wanted:
                return person
        raise KeyError(f"nobody in this workspace is called {ref}")

    def channel(self, ref: str) -> Channel:
        """Find a channel by id or name, with or without #. Raises KeyError."""
        wanted = ref.removeprefix("#")
        if wanted in self.channels:
            return self.channels[wanted]
        for channel in self.channels.values():
            if channel.name == wanted:
                return channel
        raise KeyError(f"there is no channel {ref} in this workspace")

    def group(self, ref: str) -> Group:
        """Find a user group by id or handle, with or without @. Raises KeyError."""
        wanted = ref.removeprefix("@")
        if wanted in self.groups:
            return self.groups[wanted]
        for group in self.groups.values():
            if group.handle == wanted:
                return group
        raise KeyError(f"there is no user group {ref} in this workspace")

    def direct_message(self, person: Person) -> Channel:
        """The conversation between the app and one person, made when first needed."""
        channel_id = "D" + person.id[1:]
        if channel_id not in self.channels:
            self.channels[channel_id] = Channel(
                channel_id,
                f"dm-{person.name}",
                is_private=True,
                members=[person.id, self.app.bot_user_id],
                im_with=person.id,
            )
        return self.channels[channel_id]

    def bot_is_in(self, channel: Channel) -> bool:
        return self.app.bot_user_id in channel.members

    def is_external(self, person: Person) -> bool:
        return person.team_id != self.team_id

    def may_see(self, person: Person, channel: Channel) -> bool:
        """Members see their channels; full members of the workspace see public ones too."""
        if person.deleted:
            return False
        if person.id in channel.members:
            return True
        guest = person.is_restricted or person.is_ultra_restricted
        return not (channel.is_private or guest or self.is_external(person))

    def _member_ids(self, refs: list[str], where: str, problems: list[str]) -> list[str]:
        ids = []
        for ref in refs:
            try:
                ids.append(self.person(str(ref)).id)
            except KeyError:
                problems.append(f"{where}: nobody is called {ref}")
        return ids


def _records(
    kind: type[Record], source: Mapping[str, Any], key: str, required: tuple[str, ...], problems: list[str]
) -> list[Record]:
    entries = source.get(key, [])
    if not isinstance(entries, list):
        problems.append(f"{key}: must be a list")
        return []
    known = {item.name: item for item in fields(kind)}
    records: list[Record] = []
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        where = f"{key}[{index}]"
        if not isinstance(entry, Mapping):
            problems.append(f"{where}: must be an object")
            continue
        wrong = [f"{where}: unknown key: {name}" for name in entry if name not in known]
        wrong += [f"{where}: missing {name}" for name in required if not entry.get(name)]
        for name, value in entry.items():
            if name in known and not _fits(str(known[name].type), value):
                wrong.append(f"{where}: {name} must be {known[name].type}")
        if str(entry.get("id")) in seen:
            wrong.append(f"{where}: the id {entry['id']} is used twice")
        seen.add(str(entry.get("id")))
        problems += wrong
        if not wrong:
            records.append(kind(**entry))
    return records


def _fits(declared: str, value: Any) -> bool:
    match declared:
        case "bool":
            return isinstance(value, bool)
        case "int":
            return isinstance(value, int) and not isinstance(value, bool)
        case "str":
            return isinstance(value, str)
        case _:
            return isinstance(value, list) and all(isinstance(item, str) for item in value)


def default_world() -> WorkspaceWorld:
    """The harbor-eng workspace: every class of person and channel that an app must tell apart."""
    home, partner = "T0HARBOR01", "T0PARTNER9"
    people = [
        Person("U0ALICE001", "alice", home, "Alice", is_admin=True),
        Person("U0BOB00002", "bob", home, "Bob"),
        Person("U0CAROL009", "carol", home, "Carol"),
        Person("U0GUEST003", "gus", home, "Gus", is_restricted=True),
        Person("U0SCG00004", "sam", home, "Sam", is_restricted=True, is_ultra_restricted=True),
        Person("U0EXTUSER5", "eve", partner, "Eve"),
        Person("U0GONE0006", "gone", home, "Gone", deleted=True),
        Person("U0STRANGE7", "strange", partner, "Strange", is_stranger=True),
        Person("U0OTHRBOT8", "otherbot", home, "Other Bot", is_bot=True),
    ]
    engineers = [
        Person(f"U0ENG{number:05d}", f"eng{number:02d}", home, f"Engineer {number}") for number in range(1, 21)
    ]
    bot, alice, bob, carol, gus, sam, eve = (
        "U0SNAPBOT1",
        "U0ALICE001",
        "U0BOB00002",
        "U0CAROL009",
        "U0GUEST003",
        "U0SCG00004",
        "U0EXTUSER5",
    )
    team = [alice, bob, carol, *(person.id for person in engineers)]
    channels = [
        Channel("C0OPS00001", "ops", members=[alice, bob, carol, gus, bot, "U0OTHRBOT8"]),
        Channel("C0PRIVATE2", "db-oncall", is_private=True, members=[alice, bob, bot]),
        Channel("C0SHARED03", "shared", is_ext_shared=True, members=[alice, bob, eve, bot]),
        Channel("C0RANDOM04", "random", members=list(team)),
        Channel("C0SECRET05", "leads", is_private=True, members=[alice]),
        Channel("C0ARCHIVE6", "old-incident", is_archived=True, members=[alice, bob, bot]),
        Channel("C0INCDEMO1", "inc-demo", members=[*team, gus, sam, bot]),
    ]
    groups = [
        Group("S0DBADMIN1", "db-admins", "DB admins", [alice, bob]),
        Group("S0ONCALL02", "oncall", "On call", [bob]),
    ]
    return WorkspaceWorld(
        people={person.id: person for person in [*people, *engineers]},
        channels={channel.id: channel for channel in channels},
        groups={group.id: group for group in groups},
    )
