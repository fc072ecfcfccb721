"""With the rights that the guide gives, and no others, the bot makes backups and reads what it made."""

from datetime import timedelta

import pytest

from tests.e2e.conftest import World
from tests.e2e.test_proofs import RESTORES, configured, nothing_is_left, rows
from tests.e2e.test_quick import confirmed, ended, planned, posts, quick_snapshots
from tests.fakes.cloud_rights import policy

__all__ = ["quick_snapshots"]


@pytest.mark.parametrize(("version", "made"), [("1.1", "single snapshots"), ("5.0", "one group")])
async def test_a_backup_of_a_server_needs_no_more_than_the_guide_gives(world: World, version: str, made: str) -> None:
    user = world.cloud.world.users[0]
    user.actions, user.denied_actions = policy(version), policy(effect="Deny")
    _, receipt = await ended(world, await confirmed(world))
    snapshots = list(world.cloud.world.snapshots.values())
    assert len(snapshots) == 3
    assert len({one.group_id for one in snapshots} - {""}) == (1 if made == "one group" else 0)
    assert posts(world)[1] == (0 if made == "one group" else 3)
    assert all(one.id in receipt.text for one in snapshots)
    _, plan = await planned(world, "tag=app:orders")
    assert "orders-db-wal" in plan.text
    single = await world.create("spare-disk")
    assert "available" in (await world.finished(single)).text


@pytest.mark.parametrize("version", ["1.1", "5.0"])
async def test_a_proof_needs_no_more_than_the_guide_adds(
    quiet_world: World, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, user = quiet_world, quiet_world.cloud.world.users[0]
    user.actions = policy(version, restoring=True)
    await world.start_bot()
    await ended(world, await confirmed(world))
    await world.stop_bot()
    configured(world, RESTORES)
    monkeypatch.setattr("bot.workflow.jobs.verify_points.BEGINS_AFTER", timedelta())
    await world.start_bot()
    assert [row.state for row in await rows(world)] == ["restored"] * 3
    await nothing_is_left(world)
    refused = {call["operation"] for call in world.cloud.journal if call["status"] == 403}
    assert refused <= {"list_groups"}, "for which a policy of actions has no name"
