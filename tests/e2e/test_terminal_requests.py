"""What an operator does at the terminal, beside a running bot, shows in the request's message within half a minute."""

from __future__ import annotations

from tests.e2e.conftest import World, request_id
from tests.e2e.street import BotProcess
from tests.e2e.test_approvals import Start, asked, start

__all__ = ["start"]

BOB = "<@U0BOB00002>"


async def at_the_terminal(world: World, *arguments: str) -> tuple[int, str]:
    """With the place of the store alone: no token, no secret of a cloud."""
    names = ("BOT_CONFIG", "BOT_STORE")
    environment = {name: value for name, value in world.setting.environment().items() if name in names}
    terminal = BotProcess(environment, world.setting.directory / "terminal.log")
    return await terminal.run("requests", *arguments)


async def test_what_waits_for_approval_is_called_back_and_its_message_says_by_whom(start: Start) -> None:
    world = await start("approvals = 1")
    request = await world.create("web-01-data", "bob")
    await asked(world, request)
    assert await at_the_terminal(world, "cancel", request) == (0, "Cancelled. Nothing was created.\n")
    root = await world.finished(request)
    assert "nothing was created" in root.text
    (receipt,) = world.replies(request, "receipt")
    assert "An operator at the terminal cancelled it." in receipt.text
    assert world.cloud.calls("create_snapshot") == []
    assert world.slack_complaints() == []


async def test_what_failed_is_tried_again_by_the_running_bot_under_the_rights_of_its_requester(start: Start) -> None:
    world = await start("")
    world.cloud.fault("create_snapshot", "error", status=400, code="EVS.1055", message="quota")
    first = await world.create("web-01-data", "bob")
    assert "failed" in (await world.finished(first)).text
    code, said = await at_the_terminal(world, "retry", first)
    assert (code, "in the name of U0BOB00002" in said) == (0, True)
    again = request_id(said)
    root = await world.finished(again)
    assert "all available" in root.text
    assert BOB in root.text
    assert len(world.cloud.snapshots()) == 1

    world.cloud.fault("create_snapshot", "error", status=400, code="EVS.1055", message="quota")
    await world.say("grant @carol operator payments-prod")
    await world.told("alice", "is now operator")
    second = await world.create("web-01-logs project=payments-prod", "carol")
    await world.finished(second)
    await world.say("revoke @carol operator payments-prod")
    await world.told("alice", "is no longer operator")
    code, said = await at_the_terminal(world, "retry", second)
    assert code == 0, "what its requester may do by then is asked when it is planned"
    await world.told("carol", "There is no project “payments-prod” that you may use.")
    assert len(world.cloud.snapshots()) == 1
    assert world.slack_complaints() == []
