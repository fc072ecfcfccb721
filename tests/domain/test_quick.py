"""The plan of a quick backup: pure, and for any disks every disk exactly once."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import CommandError
from bot.domain.orders import Quick, Selector, as_typed
from bot.domain.parsing.commands import Bind, parse_command
from bot.domain.quick import LEFT_OUT, NO_GROUPS, Marks, described_as, legal_tag_value, plan_quick, quick_items
from bot.domain.selecting import read_servers, read_tags_of_disks, select
from bot.domain.servers import NameMatch, Server, called
from bot.domain.snapshots import Disk, Snapshot
from bot.domain.transitions import GroupState, ItemState
from tests.builders import NOON, a_disk, a_request

MARKS = Marks("inc-42", "C1", None, None)
ORDER = Quick((Selector("server", "web-01"),), reason="INC-42")


def attached(number: int, server: str = "web-01", zone: str = "az-a", **fields: Any) -> Disk:
    attachments = [{"server_id": f"id-{server}", "server_name": server, "device": "/dev/vda"}]
    return a_disk(f"disk-{number}", number, **{"attachments": attachments, "availability_zone": zone, **fields})


def servers(*names: str) -> dict[str, NameMatch]:
    """What ECS says of these names, in a project with five servers."""
    names_there = {"id-web-01": "web-01", "id-db-01": "db-01", "id-twin": "twin", "id-2": "TWIN", "id-twin-a": "twin-a"}
    there = [Server(id=server_id, name=name) for server_id, name in names_there.items()]
    return {name: NameMatch(called(name, there)) for name in names}


def of(disk: Disk, status: str = "available", number: int = 1) -> Snapshot:
    return Snapshot(id=f"snap-{disk.id}-{number}", volume_id=disk.id, status=status)


def test_disks_of_one_server_and_zone_go_together() -> None:
    disks = [attached(1), attached(2), attached(3, zone="az-b"), attached(4, "db-01"), a_disk("loose", 5)]
    plan = plan_quick(disks, [], groups_available=True)
    assert [[disk.name for disk in cluster.disks] for cluster in plan.clusters] == [["disk-1", "disk-2"]]
    assert [disk.name for disk in plan.singles] == ["disk-3", "disk-4", "loose"]


def test_a_disk_of_two_servers_stands_alone() -> None:
    shared = a_disk("shared", 9, attachments=[{"server_id": "a"}, {"server_id": "b"}])
    plan = plan_quick([attached(1), attached(2), shared], [], groups_available=True)
    assert [disk.name for disk in plan.singles] == ["shared"]


@pytest.mark.parametrize(("count", "sizes"), [(64, [64]), (65, [64]), (66, [64, 2]), (130, [64, 64, 2])])
def test_a_group_holds_sixty_four(count: int, sizes: list[int]) -> None:
    plan = plan_quick([attached(number) for number in range(count)], [], groups_available=True)
    assert [len(cluster.disks) for cluster in plan.clusters] == sizes
    assert len(plan.copied) == count


def test_what_stands_in_the_way_is_said_of_each_disk() -> None:
    full, broken, busy, ours = attached(1), attached(2, status="error"), attached(3), attached(4)
    snapshots = [of(full, number=number) for number in range(256)] + [of(busy, "creating"), of(ours, "creating")]
    plan = plan_quick(
        [full, broken, busy, ours, attached(5), attached(6)], snapshots, groups_available=True, ours=[ours.id]
    )
    assert "256 snapshots" in plan.left_out[full.id]
    assert "“error”" in plan.left_out[broken.id]
    assert "waits its turn" in plan.notes[busy.id]
    assert "joins" in plan.notes[ours.id]
    assert [disk.id for disk in plan.singles] == [busy.id, ours.id]
    assert [len(cluster.disks) for cluster in plan.clusters] == [2]


@pytest.mark.parametrize(
    ("fields", "counts"),
    [
        ({}, True),
        ({"snapshot_type": "user", "category": "standard"}, True),
        ({"snapshot_type": "auto"}, False),
        ({"snapshot_type": "copy"}, False),
        ({"category": "flash"}, False),
        ({"category": "legacy"}, False),
    ],
)
def test_only_standard_snapshots_made_by_hand_count_towards_the_limit(fields: dict[str, str], counts: bool) -> None:
    disk = attached(1)
    many = [of(disk, number=number).model_copy(update=fields) for number in range(256)]
    plan = plan_quick([disk], many, groups_available=True)
    assert (disk.id in plan.left_out) == counts


def test_without_groups_each_goes_alone_and_the_split_is_written_down() -> None:
    disks = [attached(1), attached(2)]
    plan = plan_quick(disks, [], groups_available=False)
    items, (group,) = quick_items(a_request(order=ORDER), "payments", disks, plan, MARKS, NOON)
    assert (group.state, group.cause) == (GroupState.SPLIT, NO_GROUPS)
    assert [item.consistency_group_id for item in items] == [None, None]


DISK = st.builds(
    lambda number, name, server, zone, status: replace_disk(number, name, server, zone, status),
    st.integers(1, 400),
    st.text(max_size=80),
    st.sampled_from(["", "web-01", "db-01"]),
    st.sampled_from(["az-a", "az-b"]),
    st.sampled_from(["in-use", "available", "error", "attaching"]),
)


def replace_disk(number: int, name: str, server: str, zone: str, status: str) -> Disk:
    disk = attached(number, server, zone, status=status) if server else a_disk("x", number, status=status)
    return disk.model_copy(update={"name": name})


@given(st.lists(DISK, unique_by=lambda disk: disk.id, max_size=90), st.booleans(), st.text(max_size=80))
def test_for_any_disks_each_is_there_once_and_all_that_is_sent_is_legal(
    disks: list[Disk], groups_available: bool, channel: str
) -> None:
    plan = plan_quick(disks, [], groups_available=groups_available)
    assert sorted([disk.id for disk in plan.copied] + list(plan.left_out)) == sorted(disk.id for disk in disks)
    marks = replace(MARKS, channel=channel)
    items, groups = quick_items(a_request(order=ORDER), "payments", disks, plan, marks, NOON)
    assert [item.disk.id for item in items] == [disk.id for disk in disks]
    names = [item.snapshot.name or "" for item in items]
    assert all(0 < len(name) <= 64 for name in names)
    assert all(len(item.snapshot.description or "") <= 85 for item in items)
    for item in items:
        assert (item.state is ItemState.CANCELLED) == (item.disk.id in plan.left_out) == (item.code == LEFT_OUT)
    members = [item for item in items if item.consistency_group_id]
    for group in groups:
        mine = {item.disk.id for item in members if item.consistency_group_id == group.id}
        assert mine == (set(group.asked.volume_ids) if plan.grouped else set())


@given(st.text(max_size=300))
def test_who_and_why_always_fit(reason: str) -> None:
    assert len(described_as("U0ALICE001", reason)) <= 85
    assert re.fullmatch(r"[A-Za-z0-9_.\-\u4e00-\u9fff]{0,43}", legal_tag_value(reason))


def test_long_names_that_begin_alike_stay_apart() -> None:
    disks = [attached(number).model_copy(update={"name": "x" * 60 + str(number)}) for number in range(1, 30)]
    plan = plan_quick(disks, [], groups_available=True)
    items, _ = quick_items(a_request(order=ORDER), "payments", disks, plan, MARKS, NOON)
    assert len({item.snapshot.name for item in items}) == len(disks)
    assert all((item.snapshot.name or "").endswith("-20261123T1200Z") for item in items)


# --- which disks are meant --------------------------------------------------------------------------------------------


def test_disks_and_groups_of_one_name_stay_apart() -> None:
    twins = [attached(1, zone="az-a"), attached(2, zone="az-a"), attached(3, zone="az-b"), attached(4, zone="az-b")]
    disks = [*twins, a_disk("scratch", 5), a_disk("scratch", 6)]
    plan = plan_quick(disks, [], groups_available=True)
    items, groups = quick_items(a_request(order=ORDER), "payments", disks, plan, MARKS, NOON)
    assert len({item.snapshot.name for item in items}) == 6
    assert [group.asked.name for group in groups] == [
        "inc-42-web-01-g1-20261123T1200Z",
        "inc-42-web-01-g2-20261123T1200Z",
    ]


def test_selectors_add_up_and_each_disk_counts_once() -> None:
    disks = [attached(1), attached(2), attached(3, "db-01")]
    selectors = [Selector("server", "WEB-01"), Selector("disk", "disk-2"), Selector("disk", "disk-3")]
    chosen = select(selectors, disks, {}, servers("WEB-01"))
    assert [disk.name for disk in chosen.disks] == ["disk-1", "disk-2", "disk-3"]


def test_every_fault_of_a_selection_is_told_at_once() -> None:
    twins = [attached(1, "twin"), attached(2, "TWIN")]
    selectors = [Selector("server", "Twin"), Selector("server", "none"), Selector("tag", "a:b"), Selector("disk", "c")]
    chosen = select(selectors, twins, {}, servers("Twin", "none"))
    assert chosen.disks == ()
    assert [problem.split(".")[0].split(" is the name")[0] for problem in chosen.problems] == [
        "“Twin”",
        "No server “none” is in this project",
        "No disk has the tag “a:b”",
        "No disk named “c” is in this project",
    ]


def test_of_a_binding_what_fits_nothing_any_more_is_a_warning_unless_nothing_is_left() -> None:
    disks = [attached(1), attached(2)]
    stale = [Selector("tag", "a:b"), Selector("server_id", "gone"), Selector("disk", a_disk("x", 9).id)]
    web = servers("web-01")
    chosen = select([Selector("server", "web-01"), *stale], disks, {}, web, bound=True)
    assert (chosen.disks, chosen.problems, len(chosen.warnings)) == (tuple(disks), (), 3)
    assert select([Selector("server", "web-01"), *stale], disks, {}, web).warnings == ()
    nothing = select(stale, disks, {}, {}, bound=True)
    assert (len(nothing.problems), nothing.warnings) == (3, ())


def test_a_disk_of_which_nobody_can_read_where_it_hangs_is_a_warning_to_who_names_a_server() -> None:
    odd = a_disk("odd", 9, unread=frozenset({"attachments"}))
    disks = [attached(1), odd]
    chosen = select([Selector("server", "web-01")], disks, {}, servers("web-01"))
    assert [disk.name for disk in chosen.disks] == ["disk-1"]
    (warning,) = chosen.warnings
    assert f"disks={odd.id}" in warning
    assert select([Selector("server", "web-01"), Selector("disk", "odd")], disks, {}, servers("web-01")).warnings == ()
    assert select([Selector("disk", "disk-1")], disks, {}, {}).warnings == ()


def test_what_a_binding_names_twice_over_stays_a_question() -> None:
    disks = [attached(1), attached(2, "twin-a"), a_disk("twin", 3), a_disk("twin", 4)]
    chosen = select([Selector("server", "web-01"), Selector("disk", "twin")], disks, {}, servers("web-01"), bound=True)
    assert chosen.disks == ()
    assert "“twin” fits 2 disks" in chosen.problems[0]


# --- the words --------------------------------------------------------------------------------------------------------


def test_a_quick_backup_is_read() -> None:
    order = parse_command(
        "quick server=web-01 server=db-01 tag=tier:prod disks=a,b,a keep=7d confirm=no reason=“INC 42”"
    )
    assert order == Quick(
        (
            Selector("server", "web-01"),
            Selector("server", "db-01"),
            Selector("tag", "tier:prod"),
            Selector("disk", "a"),
            Selector("disk", "b"),
        ),
        keep_days=7,
        reason="INC 42",
        confirm=False,
    )
    assert isinstance(order, Quick)
    assert parse_command(as_typed(order)) == order


def test_a_binding_is_read() -> None:
    assert parse_command("bind server_id=abc project=p keep=3") == Bind(
        (Selector("server_id", "abc"),), project="p", keep_days=3
    )


def test_servers_and_tags_are_listed_with_commas_and_an_id_is_known_by_its_shape() -> None:
    server_id = "77777777-0001-4000-8000-000000000001"
    assert read_servers(f" web-01,{server_id.upper()} ,web-01,, 77777777-0001") == (
        Selector("server", "web-01"),
        Selector("server_id", server_id),
        Selector("server", "77777777-0001"),
    )
    assert read_tags_of_disks("tier:prod, app") == (Selector("tag", "tier:prod"), Selector("tag", "app"))
    assert read_servers(" , ") == read_tags_of_disks("") == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("quick web-01", "For a server: `quick server=web-01`."),
        ("quick disks=,", "`disks=` is empty"),
        ("quick confirm=perhaps", "neither yes nor no"),
        ("quick name=x", "There is no option “name”"),
        ("quick keep=1 keep=2", "given twice"),
    ],
)
def test_what_cannot_be_read_says_how_to_write_it(text: str, words: str) -> None:
    with pytest.raises(CommandError, match=re.escape(words)):
        parse_command(text)


def test_only_an_available_standard_snapshot_spares_a_disk_its_full_copy() -> None:
    disks = [attached(number) for number in range(1, 5)]
    known = [of(disks[0]), of(disks[1], "error"), of(disks[2]).model_copy(update={"category": "flash"})]
    plan = plan_quick(disks, known, groups_available=True)
    items, _ = quick_items(a_request(order=ORDER), "payments", disks, plan, MARKS, NOON)
    assert [item.disk.copied_before for item in items] == [True, False, False, False]
