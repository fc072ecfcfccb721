"""How soon people are told: what they wait for first, and Slack asked again soon after it did not answer."""

from __future__ import annotations

import asyncio
import itertools
from types import SimpleNamespace
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.ids import CONFIRM
from tests.e2e.conftest import World, part, request_id

AS_OUTSIDE = pytest.mark.parametrize("speed", [1.0], ids=["as outside"])
"""Where seconds are counted: what a busy machine takes longer is not multiplied."""


@pytest.fixture
def word_after() -> None:
    """The cloud's silence is told as soon as it is in production."""


async def test_a_post_that_slack_answers_with_500_is_tried_after_a_second_and_then_after_twice_as_long(
    world: World,
) -> None:
    world.slack.fault("status", method="chat.postMessage", times=3, status=500)
    request = await world.create("web-01-data")
    await world.slack.until(lambda: world.root(request) is not None)
    tried = [call["at"] for call in world.slack.api_calls("chat.postMessage")][:4]
    waited = [later - earlier for earlier, later in itertools.pairwise(tried)]
    assert waited == pytest.approx([1.0, 2.0, 4.0], abs=0.7)


@AS_OUTSIDE
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


@AS_OUTSIDE
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


@AS_OUTSIDE
@pytest.mark.parametrize("order", ["create web-01-data", "quick server=web-01"])
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("hang", "The cloud has not answered yet."),
        ("drop_before", "The cloud can't be reached right now."),
        ("429", "The cloud answers, but asks for fewer calls, so I go slower."),
    ],
)
async def test_a_cloud_that_keeps_it_waiting_is_told_within_five_seconds(
    world: World, order: str, kind: str, words: str
) -> None:
    world.cloud.fault("list_volumes", kind, times=40)
    begun = world.clock.now().timestamp()
    request = request_id((await world.say(order)).text)
    await world.slack.until(lambda: words in getattr(world.root(request), "text", ""))
    assert world.clock.now().timestamp() - begun <= 6.0
    root = world.root(request)
    assert root is not None
    assert f"{words} I keep trying until <!date^" in root.text
    world.cloud.clear_faults()
    if order.startswith("quick"):
        await world.slack.until(lambda: CONFIRM in str(getattr(world.root(request), "blocks", "")), 30)
        await world.say(f"cancel {request}")
    else:
        assert "all available" in (await world.finished(request, timeout=40)).text
        assert len([one for one in world.slack.messages("#inc-demo") if part(one) == (request, "status")]) == 1


@AS_OUTSIDE
async def test_a_create_that_gets_no_answer_is_told_within_five_seconds(world: World) -> None:
    world.cloud.fault("create_snapshot", "hang")
    request = await world.create("web-01-data")
    await world.slack.until(lambda: "does not answer right now" in getattr(world.root(request), "text", ""))
    root = world.root(request)
    assert root is not None
    posted, told = [at for at, *_ in root.history][:2]
    assert told - posted <= 6.0


class Failing:
    """In the place of Slack's client: one request's messages fail, the others are said."""

    def __init__(self, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.how, self.marks, self.tried = how, list[str](), 0
        self._call = AsyncWebClient.api_call
        monkeypatch.setattr(AsyncWebClient, "api_call", lambda client, *args, **named: self(client, *args, **named))

    async def __call__(self, client: AsyncWebClient, method: str, **named: Any) -> Any:
        told = str(named.get("json"))
        if not (method.startswith("chat.") and any(mark in told for mark in self.marks)):
            return await self._call(client, method, **named)
        self.tried += 1
        if self.how == "500":
            failed: Any = SlackApiError  # it has no types
            raise failed("", SimpleNamespace(status_code=500, data={}, headers={}))
        if self.how == "hang":
            await asyncio.sleep(0.5)
            raise TimeoutError
        answer: Any = await self._call(client, method, **named)
        del answer.data["ts"]
        return answer


@pytest.mark.parametrize("how", ["500", "hang", "no ts"])
async def test_a_request_whose_first_message_slack_fails_over_keeps_no_other_of_its_channel_waiting(
    world: World, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slack = Failing(how, monkeypatch)
    first = await world.create("web-01-data")
    slack.marks.append(first)
    await world.finished(await world.create("web-01-logs"), timeout=15)
    tried = slack.tried
    await world.clock.sleep(30)
    assert 1 <= slack.tried <= 7, "it is tried after 1 s, 2 s, 4 s …"
    assert tried >= 1
    slack.marks.clear()
    assert "all available" in (await world.finished(first, timeout=15)).text


async def test_a_thread_that_slack_fails_over_keeps_no_other_of_its_channel_waiting(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 10.0
    slack = Failing("500", monkeypatch)
    first = await world.create("web-01-data")
    await world.slack.until(lambda: bool(world.replies(first, "accepted")))
    root = world.root(first)
    assert root is not None
    slack.marks.append(root.ts)
    await world.finished(await world.create("web-01-logs"), timeout=10)
    slack.marks.clear()
    await world.finished(first, timeout=15)
    assert len(world.replies(first, "receipt")) == 1
