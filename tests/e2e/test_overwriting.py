"""`restore ID overwrite`: a safety snapshot of each disk, another person, and then all roll-backs or none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from bot.simulator.cloud.resources import Attachment, Disk, Snapshot
from bot.simulator.workspace import Message
from bot.slack.ids import APPROVE, CONFIRM, TYPE_TO_CONFIRM
from tests.e2e import test_new_disks
from tests.e2e.conftest import CHANNEL, World
from tests.e2e.test_new_disks import Start, asked, backed_up, receipt, start  # noqa: F401  # a fixture
from tests.e2e.test_tampering import press

ONE = "spare-disk"
SEVERAL = ("spare-disk", "web-01-data", "web-01-logs")


def disk(world: World, name: str) -> Disk:
    found: Disk = next(one for one in world.cloud.world.disks.values() if one.name == name)
    return found


def snapshots_of(world: World, name: str) -> list[Snapshot]:
    """The oldest first."""
    of = [one for one in world.cloud.world.snapshots.values() if one.volume_id == disk(world, name).id]
    return sorted(of, key=lambda one: one.created_at)


def roll_backs(world: World) -> list[dict[str, Any]]:
    return [call for call in world.cloud.calls("rollback_snapshot") if call["status"] == 202]


async def planned(world: World, text: str, person: str = "alice") -> tuple[str, Message]:
    return await test_new_disks.planned(world, text, person, "nothing is overwritten yet")


async def typed(world: World, root: Message, words: str, person: str = "alice") -> Any:
    await world.slack.press(person, CHANNEL, root.ts, TYPE_TO_CONFIRM)
    await world.slack.until(lambda: world.slack.view(person) is not None, 10)
    view = world.slack.view(person)
    ((block, element),) = view.inputs()
    await world.slack.type_in_view(person, block["block_id"], element["action_id"], words)
    return await world.slack.submit(person)


async def agreed(world: World, request: str, person: str = "eng01") -> None:
    await world.slack.until(lambda: bool(world.replies(request, "ask")), 20)
    await world.slack.press(person, CHANNEL, world.replies(request, "ask")[0].ts, APPROVE)


async def going(world: World, source: str, words: str, person: str = "alice") -> str:
    """A roll-back that is planned, confirmed and agreed to."""
    request, root = await planned(world, f"restore {source} overwrite", person)
    await typed(world, root, words, person)
    await agreed(world, request)
    return request


def detached(world: World, names: Sequence[str] = SEVERAL) -> None:
    for name in names:
        disk(world, name).attachments.clear()
        disk(world, name).status = "available"


async def all_backed_up(world: World) -> str:
    source = await backed_up(world, " ".join(SEVERAL))
    detached(world)
    return source


async def test_a_disk_goes_back_after_its_safety_snapshot_and_another_s_word(start: Start) -> None:  # noqa: F811
    world = await start()
    source = await backed_up(world)
    (old,) = snapshots_of(world, ONE)
    request, root = await planned(world, f"restore {source} overwrite reason=drill")
    assert world.cloud.calls("rollback_snapshot") == []
    await typed(world, root, ONE)
    await world.slack.until(lambda: bool(world.replies(request, "ask")), 20)
    assert len(snapshots_of(world, ONE)) == 1
    await agreed(world, request)
    told = await receipt(world, request, 60)
    _, safety = snapshots_of(world, ONE)
    assert disk(world, ONE).rolled_back_to == old.id
    assert len(world.cloud.calls("rollback_snapshot")) == 1
    assert safety.tags["snapshot-bot-request"] == f"{request}-1"
    assert safety.id in told.text
    order = [one["operation"] for one in world.cloud.calls() if one["method"] == "POST"]
    assert order.index("rollback_snapshot") > len(order) - 1 - order[::-1].index("create_snapshot")
    assert world.slack_complaints() == []


async def test_several_disks_go_back_together(start: Start) -> None:  # noqa: F811
    world = await start()
    source = await all_backed_up(world)
    old = {name: snapshots_of(world, name)[0].id for name in SEVERAL}
    request, root = await planned(world, f"restore {source} overwrite")
    await typed(world, root, "3 disks")
    await agreed(world, request)
    await receipt(world, request, 60)
    assert {name: disk(world, name).rolled_back_to for name in SEVERAL} == old
    assert len(roll_backs(world)) == 3


async def test_the_way_back_from_the_way_back(start: Start) -> None:  # noqa: F811
    world = await start()
    source = await backed_up(world)
    first = await going(world, source, ONE)
    await receipt(world, first, 60)
    _, safety = snapshots_of(world, ONE)
    second = await going(world, first, ONE)
    await receipt(world, second, 60)
    assert disk(world, ONE).rolled_back_to == safety.id


async def test_an_attached_disk_is_refused_with_its_server(start: Start) -> None:  # noqa: F811
    world = await start()
    source = await backed_up(world, "web-01-data")
    await world.say(f"restore {source} overwrite")
    await world.refused("alice", "It is attached to server “web-01”")
    assert world.cloud.calls("rollback_snapshot") == []


@pytest.mark.parametrize("words", ["", "spare", "web-01-data", "yes"])
async def test_other_words_begin_nothing(start: Start, words: str) -> None:  # noqa: F811
    world = await start()
    source = await backed_up(world)
    request, root = await planned(world, f"restore {source} overwrite")
    await typed(world, root, words)
    await press(world, "alice", CONFIRM, request)  # no such button is shown; a person with a script sends it
    await world.told("alice", "So far nothing is touched")
    assert world.replies(request, "ask") == []
    assert len(snapshots_of(world, ONE)) == 1


async def test_its_requester_can_t_agree(start: Start) -> None:  # noqa: F811
    world = await start()
    source = await backed_up(world)
    request, root = await planned(world, f"restore {source} overwrite")
    await typed(world, root, ONE)
    await agreed(world, request, "alice")
    await world.told("alice", "You asked for this yourself")
    assert world.cloud.calls("rollback_snapshot") == []
    assert len(snapshots_of(world, ONE)) == 1


async def test_nobody_types_for_another_and_agrees_to_it(start: Start) -> None:  # noqa: F811
    world = await start()
    source = await backed_up(world, person="bob")
    request, root = await planned(world, f"restore {source} overwrite", "bob")
    await world.slack.press("alice", CHANNEL, root.ts, TYPE_TO_CONFIRM)
    await world.told("alice", "who asked for it, can type what is overwritten")
    await press(world, "alice", CONFIRM, request)
    await press(world, "alice", APPROVE, request)
    await world.told("alice", "This request does not wait for approval: it is planned.")
    assert len(snapshots_of(world, ONE)) == 1


async def test_where_a_safety_snapshot_fails_nothing_is_overwritten(start: Start) -> None:  # noqa: F811
    world = await start()
    source = await all_backed_up(world)
    request, root = await planned(world, f"restore {source} overwrite")
    world.cloud.fault("create_snapshot", "job_fail", volume_id=disk(world, "web-01-logs").id)
    await typed(world, root, "3 disks")
    await agreed(world, request)
    told = await receipt(world, request, 60)
    assert world.cloud.calls("rollback_snapshot") == []
    assert "Nothing was overwritten" in told.text


def plug_in(world: World, name: str) -> None:
    plugged = disk(world, name)
    plugged.attachments.append(Attachment(next(iter(world.cloud.world.servers)), "/dev/vdz"))
    plugged.status = "in-use"


async def test_a_disk_that_is_attached_before_it_is_agreed_to_calls_all_off(start: Start) -> None:  # noqa: F811
    world = await start()
    source = await all_backed_up(world)
    request, root = await planned(world, f"restore {source} overwrite")
    await typed(world, root, "3 disks")
    plug_in(world, "web-01-data")
    await agreed(world, request)
    told = await receipt(world, request, 60)
    assert "“web-01-data” was attached to server" in told.text
    assert "Nothing was overwritten" in told.text
    assert world.cloud.calls("rollback_snapshot") == []


async def test_what_is_written_while_its_safety_snapshot_is_made_is_not_overwritten(start: Start) -> None:  # noqa: F811
    """Detached again, nothing would tell that it holds what no snapshot does."""
    world = await start()
    source = await backed_up(world)
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 90.0
    request = await going(world, source, ONE)
    await world.until(lambda: len(snapshots_of(world, ONE)) == 2, 20)
    plug_in(world, ONE)
    await world.slack.until(lambda: "was attached to server" in getattr(world.root(request), "text", ""), 60)
    detached(world, (ONE,))
    told = await receipt(world, request, 60)
    assert "Nothing was overwritten" in told.text
    assert world.cloud.calls("rollback_snapshot") == []


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "502_after", "500_before", "hang", "html", "429", "503"])
async def test_a_roll_back_whose_answer_is_lost_is_not_sent_twice_for_one_disk(
    start: Start,  # noqa: F811
    kind: str,
) -> None:
    world = await start()
    source = await all_backed_up(world)
    old = {name: snapshots_of(world, name)[0].id for name in SEVERAL}
    request, root = await planned(world, f"restore {source} overwrite")
    world.cloud.fault("rollback_snapshot", kind)
    await typed(world, root, "3 disks")
    await agreed(world, request)
    await receipt(world, request, 90)
    assert {name: disk(world, name).rolled_back_to for name in SEVERAL} == old
    done = [call for call in world.cloud.calls("rollback_snapshot") if call["status"] == 202]
    assert len(done) <= 3


async def test_a_refused_first_roll_back_calls_all_off(start: Start) -> None:  # noqa: F811
    world = await start()
    source = await all_backed_up(world)
    request, root = await planned(world, f"restore {source} overwrite")
    world.cloud.fault("rollback_snapshot", "attached_meanwhile")
    await typed(world, root, "3 disks")
    await agreed(world, request)
    told = await receipt(world, request, 60)
    assert roll_backs(world) == []
    assert "Nothing was overwritten" in told.text


async def test_a_failed_roll_back_is_told_with_what_to_do(start: Start) -> None:  # noqa: F811
    world = await start()
    source = await backed_up(world)
    world.cloud.fault("rollback_snapshot", "job_fail")
    request = await going(world, source, ONE)
    told = await receipt(world, request, 60)
    assert "could not roll it back" in told.text


@pytest.mark.parametrize("after", ["create_snapshot", "rollback_snapshot"])
async def test_a_bot_that_is_away_in_between_goes_on(start: Start, after: str) -> None:  # noqa: F811
    world = await start()
    source = await all_backed_up(world)
    old = {name: snapshots_of(world, name)[0].id for name in SEVERAL}
    before = len(world.cloud.calls(after))
    request, root = await planned(world, f"restore {source} overwrite")
    await typed(world, root, "3 disks")
    await agreed(world, request)
    await world.until(lambda: len(world.cloud.calls(after)) > before, 30)
    await world.stop_bot()
    await world.start_bot()
    await receipt(world, request, 90)
    assert {name: disk(world, name).rolled_back_to for name in SEVERAL} == old


async def test_a_cancel_before_the_safety_snapshots_are_there_calls_it_off(start: Start) -> None:  # noqa: F811
    world = await start()
    source = await backed_up(world)
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 60.0
    request = await going(world, source, ONE)
    await world.until(lambda: len(snapshots_of(world, ONE)) == 2, 20)
    await world.say(f"cancel {request}")
    await world.told("alice", "Called off: 1 disk does not come back.")
    await receipt(world, request, 60)
    assert world.cloud.calls("rollback_snapshot") == []
