"""What leaves a listener is answered as its kind of delivery can be, told to the person, and logged once."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.background_tasks import BackgroundTasks
from bot.slack.bolt import build_bolt
from bot.slack.listeners.errors import PICKER, ErrorListener
from bot.slack.listeners.reading import reads
from bot.slack.origin import Origin
from bot.slack.payloads import Identity, Payload, Unreadable, read
from bot.slack.unexpected import Unexpected
from bot.slack.views.message import Message

RECORDED = Path(__file__).parents[2] / "data" / "slack-payloads"


def recorded(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))


class Ears:
    def __init__(self) -> None:
        self.heard: list[tuple[str, str | None, str, str]] = []
        self.takes_s = 0.0

    async def tell(self, user: str, url: str | None, channel: str, message: Message, _thread: str | None) -> None:
        await asyncio.sleep(self.takes_s)
        self.heard.append((user, url, channel, message["text"]))


class Failing:
    """An app whose listeners all fail, after they acknowledged or before."""

    def __init__(self, failure: Exception, *, after_ack: bool = False) -> None:
        self.ears = Ears()
        unexpected = Unexpected("/snapshot", lambda: "e-1")
        self.tasks = BackgroundTasks(unexpected)
        identity = read(Identity, recorded("api/auth.test")["bot"])
        self.app: AsyncApp = build_bolt(AsyncWebClient(), "xoxb-1", "secret", Origin(identity))
        ErrorListener(unexpected, self.ears, self.tasks).register(self.app)  # type: ignore[arg-type]  # as much as is told

        async def use(ack: AsyncAck, _: Payload) -> None:
            if after_ack:
                await ack()
            raise failure

        for route in (self.app.action, self.app.view, self.app.options, self.app.shortcut, self.app.event):
            route(re.compile(".*"))(reads(Payload, use))

    async def deliver(self, name: str) -> tuple[int, Any]:
        answer = await self.app.async_dispatch(AsyncBoltRequest(mode="socket_mode", body=recorded(name)))
        for task in list(self.tasks._tasks):
            await task
        return answer.status, json.loads(answer.body) if answer.body else None


BUG, LACKING = RuntimeError("the store is on fire"), Unreadable("BlockAction", "trigger_id")


@pytest.mark.parametrize("after_ack", [False, True])
@pytest.mark.parametrize(("failure", "words"), [(BUG, "reference e-1"), (LACKING, "can't read what Slack sent")])
async def test_a_button_is_acknowledged_and_its_person_told_whenever_it_failed(
    failure: Exception, words: str, after_ack: bool, caplog: pytest.LogCaptureFixture
) -> None:
    failing = Failing(failure, after_ack=after_ack)
    assert await failing.deliver("block_actions.message") == (200, None)
    ((user, url, channel, told),) = failing.ears.heard
    assert (user, channel) == ("U0ALICE001", "C0OPS00001")
    assert url is not None
    assert words in told
    assert "fire" not in told
    (logged,) = [record for record in caplog.records if record.levelname != "INFO"]
    assert bool(logged.exc_info) is (failure is BUG)


async def test_a_form_stays_open_with_the_words_beside_a_field() -> None:
    failing = Failing(BUG)
    status, answer = await failing.deliver("view_submission")
    assert (status, answer["response_action"], list(answer["errors"])) == (200, "errors", ["target"])
    assert "reference e-1" in answer["errors"]["target"]
    assert failing.ears.heard == []


async def test_a_form_that_was_taken_already_is_gone_and_its_person_told() -> None:
    failing = Failing(BUG, after_ack=True)
    assert await failing.deliver("view_submission") == (200, None)
    assert len(failing.ears.heard) == 1


async def test_a_picker_shows_a_sentence() -> None:
    status, answer = await Failing(BUG).deliver("block_suggestion.modal")
    assert (status, answer["options"][0]["text"]["text"]) == (200, PICKER)


async def test_a_mention_is_told_and_not_repeated() -> None:
    failing = Failing(BUG)
    assert (await failing.deliver("event.app_mention"))[0] == 200
    assert [(user, channel) for user, _, channel, _ in failing.ears.heard] == [("U0BOB00002", "C0OPS00001")]


async def test_a_mention_is_told_of_before_it_is_acknowledged() -> None:
    failing = Failing(BUG)
    failing.ears.takes_s = 0.2
    answer = await failing.app.async_dispatch(AsyncBoltRequest(mode="socket_mode", body=recorded("event.app_mention")))
    assert answer.status == 200
    assert len(failing.ears.heard) == 1
    assert not failing.tasks._tasks


async def test_slack_repeats_a_mention_of_which_nobody_could_be_told_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.slack.listeners.errors.TOLD_WITHIN_S", 0.1)
    failing = Failing(BUG)
    failing.ears.takes_s = 30.0
    assert (await failing.deliver("event.app_mention"))[0] == 500
    assert failing.ears.heard == []


@pytest.mark.parametrize(("failure", "status"), [(BUG, 500), (LACKING, 200)])
async def test_slack_repeats_an_event_that_failed_and_none_that_cannot_be_read(failure: Exception, status: int) -> None:
    failing = Failing(failure)
    assert (await failing.deliver("event.app_home_opened"))[0] == status
    assert failing.ears.heard == []


async def test_a_background_task_that_fails_is_logged_once_and_its_person_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tasks, told = BackgroundTasks(Unexpected("/snapshot", lambda: "e-1")), []

    async def work() -> None:
        raise BUG

    async def tell(words: str) -> None:
        told.append(words)

    tasks.start(work(), tell)
    (task,) = tasks._tasks
    await task
    assert ["reference e-1" in words for words in told] == [True]
    assert [vars(record)["reference"] for record in caplog.records] == ["e-1"]
