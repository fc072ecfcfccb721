"""How soon people are told: what they wait for first, and Slack asked again soon after it did not answer."""

from __future__ import annotations

import itertools

import pytest

from bot.slack.ids import CONFIRM
from tests.e2e.conftest import World, request_id


async def test_a_post_that_slack_answers_with_500_is_tried_after_a_second_and_then_after_twice_as_long(
    world: World,
) -> None:
    world.slack.fault("status", method="chat.postMessage", times=3, status=500)
    request = await world.create("web-01-data")
    await world.slack.until(lambda: world.root(request) is not None)
    tried = [call["at"] for call in world.slack.api_calls("chat.postMessage")][:4]
    waited = [later - earlier for earlier, later in itertools.pairwise(tried)]
    assert waited == pytest.approx([1.0, 2.0, 4.0], abs=0.7)


@pytest.mark.parametrize("order", ["quick server=nowhere", "quick tag=tier:nothing", "quick disks=nobody"])
async def test_a_refused_quick_is_told_as_soon_as_it_is_refused(world: World, order: str) -> None:
    await world.say("status")
    await world.told("alice", "asked for no snapshot")
    outcome = await world.say(f"{order} project=payments-prod")
    request = request_id(outcome.text)
    await world.slack.until(lambda: (root := world.root(request)) is not None and "No " in root.text)
    root = world.root(request)
    assert root is not None
    posted, refused = [at for at, *_ in root.history][:2]
    assert refused - posted <= 4.0, f"refused after {refused - posted:.1f} s"


async def test_what_a_press_did_is_shown_at_once(world: World) -> None:
    outcome = await world.say("quick")
    request = request_id(outcome.text)
    await world.slack.until(lambda: CONFIRM in str(getattr(world.root(request), "blocks", "")))
    root = world.root(request)
    assert root is not None
    pressed = world.clock.now().timestamp()
    await world.slack.press("alice", root.channel, root.ts, CONFIRM)
    await world.slack.until(lambda: CONFIRM not in str(getattr(world.root(request), "blocks", "")))
    assert world.clock.now().timestamp() - pressed <= 4.0
