from __future__ import annotations

import pytest

from bot.simulator.workspace import WorkspaceWorld, default_world


def test_a_person_is_found_by_id_name_or_mention() -> None:
    world = default_world()
    assert world.person("U0BOB00002") is world.person("bob") is world.person("@bob")


def test_the_demo_channel_holds_every_member_and_the_app_but_nobody_from_outside() -> None:
    world = default_world()
    members = {world.people[member].name for member in world.channel("#inc-demo").members}
    assert {"alice", "bob", "carol", "gus", "sam", "eng01", "eng20", "snapshot-bot"} <= members
    assert members.isdisjoint({"eve", "strange", "gone", "otherbot"})


def test_a_world_is_read_from_a_dict_with_members_by_name() -> None:
    world = WorkspaceWorld.from_dict(
        {
            "team_id": "T1",
            "people": [{"id": "U1", "name": "ann"}],
            "channels": [{"id": "C1", "name": "ops", "members": ["ann", "snapshot-bot"]}],
            "groups": [{"id": "S1", "handle": "dba", "users": ["@ann"]}],
        }
    )
    assert world.channel("#ops").members == ["U1", "U0SNAPBOT1"]
    assert (world.group("@dba").users, world.person("ann").team_id) == (["U1"], "T1")


def test_every_problem_of_a_world_is_listed_at_once() -> None:
    with pytest.raises(ValueError) as caught:
        WorkspaceWorld.from_dict(
            {
                "colour": "red",
                "people": [{"id": "U1"}, {"id": "U2", "name": "bo", "is_admin": "yes"}],
                "channels": [{"id": "C1", "name": "ops", "members": ["nobody"]}],
                "groups": {},
            }
        )
    assert str(caught.value).splitlines()[1:] == [
        "- unknown key: colour",
        "- people[0]: missing name",
        "- people[1]: is_admin must be bool",
        "- groups: must be a list",
        "- channel C1: nobody is called nobody",
    ]


def test_a_guest_sees_only_the_channels_they_are_in() -> None:
    world = default_world()
    guest, member = world.person("sam"), world.person("carol")
    assert not world.may_see(guest, world.channel("random"))
    assert world.may_see(guest, world.channel("inc-demo"))
    assert world.may_see(member, world.channel("ops"))
    assert not world.may_see(member, world.channel("db-oncall"))
