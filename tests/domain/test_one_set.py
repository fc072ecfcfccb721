"""When the disks of one server are one consistent set, and why not."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.one_set import Apart, servers_apart
from bot.domain.orders import Create
from bot.domain.quick import plan_quick, quick_items
from bot.domain.snapshots import Disk, Snapshot
from tests.builders import NOON, a_request, an_item
from tests.domain.test_quick import MARKS, ORDER, attached, of


def apart(disks: list[Disk], *snapshots: Snapshot, groups: bool = True, ours: tuple[str, ...] = ()) -> list[Apart]:
    plan = plan_quick(disks, snapshots, groups_available=groups, ours=ours)
    items, sets = quick_items(a_request(order=ORDER), "payments", disks, plan, MARKS, NOON)
    return servers_apart(items, sets, ORDER)


def why(disks: list[Disk], *snapshots: Snapshot) -> list[str]:
    return [one.why for one in apart(disks, *snapshots)]


def test_disks_of_one_group_and_of_different_servers_need_no_word() -> None:
    assert why([attached(1), attached(2), attached(3, "db-01"), attached(4, "db-02")]) == []


def test_two_zones_are_never_one_set() -> None:
    told = "they are in 2 zones (az-a, az-b), and a consistency group is of one"
    assert why([attached(1), attached(2, zone="az-b")]) == [told]
    assert why([attached(n, zone="az-a" if n < 3 else "az-b") for n in range(1, 5)]) == [told]


def test_sixty_five_disks_are_not_one_set() -> None:
    (told,) = why([attached(number) for number in range(66)])
    assert told == "a consistency group holds 64 disks at most"


def test_a_busy_disk_and_one_of_several_servers_leave_the_set() -> None:
    disks = [attached(1), attached(2), attached(3)]
    assert why(disks, of(disks[2], "creating")) == ["another snapshot of 1 of them is being created outside the bot"]
    both = [{"server_id": "id-web-01", "server_name": "web-01"}, {"server_id": "id-db-01", "server_name": "db-01"}]
    assert why([*disks[:2], attached(3, attachments=both)]) == ["1 of them had to be copied alone"]


def test_disks_that_joined_are_another_requests_to_tell() -> None:
    disks = [attached(1), attached(2), attached(3)]
    (mixed,) = apart(disks, ours=(disks[0].id,))
    assert mixed.why == "1 of them joined another request, which was copying already" and not mixed.all_joined
    (joined,) = apart(disks, ours=tuple(disk.id for disk in disks))
    assert joined.all_joined
    rows = [replace(an_item(n), disk=replace(an_item(n).disk, server="web-01"), joined_to="r-two-1") for n in (1, 2)]
    assert [one.all_joined for one in servers_apart(rows, [], ORDER)] == [True]


def test_a_split_group_tells_for_itself_only_where_nothing_else_parts_its_disks() -> None:
    assert apart([attached(1), attached(2)], groups=False) == []
    four = [attached(n, zone="az-a" if n < 3 else "az-b") for n in range(1, 5)]
    assert len(apart(four, groups=False)) == 1


def test_a_create_copies_each_disk_by_itself() -> None:
    items = [replace(an_item(n), disk=replace(an_item(n).disk, server="web-01")) for n in (1, 2)]
    (one,) = servers_apart(items, [], Create(("a", "b")))
    assert one.why == "`create` copies each disk by itself; `quick` takes those in one zone together"
