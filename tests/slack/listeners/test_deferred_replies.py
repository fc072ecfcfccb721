"""An answer that is owed: decided once, said until it is heard, and not acted on when it is too old."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import SlackBusy, StoreFailed
from bot.ports.forms import DeferredReply
from bot.slack.listeners.deferred_replies import TOO_LATE, UNHEARD, DeferredReplyJob, InHand, Reply
from bot.slack.unexpected import Unexpected
from bot.slack.views import responses
from bot.store.sqlite.database import SqliteDatabase
from bot.store.store import Store
from tests.builders import NOON, FakeClock

ERRAND = DeferredReply("command:1", "command", "U1", "C1", None, {"text": "grant …"}, NOON)


class Ears:
    """Says it, once Slack is no longer busy."""

    def __init__(self) -> None:
        self.busy = 0
        self.heard: list[tuple[str | None, str]] = []

    async def answer(self, _user: str, url: str | None, _channel: str, message: Any, _thread: str | None) -> None:
        if self.busy:
            self.busy -= 1
            raise SlackBusy("Slack asks to wait.", retry_after=3.0)
        self.heard.append((url, message["text"]))


class Owing:
    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.clock, self.ears = store, clock, Ears()
        self.decided = 0
        self.acted = True
        self.deferred = self.another_life()

    def another_life(self) -> DeferredReplyJob:
        self.deferred = DeferredReplyJob(self.store, self.ears, self.clock, Unexpected("/snapshot", lambda: "e-1"))  # type: ignore[arg-type]  # as much as is needed
        self.deferred.answered_by("command", self._decide)
        return self.deferred

    async def _decide(self, _errand: DeferredReply, in_hand: InHand) -> Reply:
        self.decided += 1
        return Reply(responses.told("Done."), acted=self.acted)


@pytest.fixture
async def owing(tmp_path: Path) -> AsyncIterator[Owing]:
    clock = FakeClock()
    database = SqliteDatabase(tmp_path / "store.db")
    await database.open()
    yield Owing(Store(database, clock), clock)
    await database.close()


async def test_it_is_decided_and_said_once_by_the_response_url(owing: Owing) -> None:
    await owing.deferred.take(ERRAND, InHand("https://hooks/1"))
    await owing.deferred.take(ERRAND, InHand("https://hooks/1"))
    assert await owing.deferred("command:1") is None
    assert await owing.deferred("command:1") is None
    assert (owing.decided, owing.ears.heard) == (1, [("https://hooks/1", "Done.")])


async def test_while_slack_is_busy_it_is_said_again_and_not_decided_again(owing: Owing) -> None:
    owing.ears.busy = 2
    await owing.deferred.take(ERRAND, InHand())
    assert [await owing.deferred("command:1") for _ in range(3)] == [3.0, 3.0, None]
    assert (owing.decided, owing.ears.heard) == (1, [(None, "Done.")])


async def test_the_next_life_has_no_response_url_and_answers_all_the_same(owing: Owing) -> None:
    await owing.deferred.take(ERRAND, InHand("https://hooks/1"))
    assert await owing.another_life()("command:1") is None
    assert owing.ears.heard == [(None, "Done.")]


async def test_what_was_asked_too_long_ago_is_not_acted_on_any_more(owing: Owing) -> None:
    await owing.deferred.take(ERRAND, InHand())
    owing.clock.pass_(hours=TOO_LATE.total_seconds() / 3600)
    assert await owing.another_life()("command:1") is None
    assert owing.decided == 0
    assert "it is too long ago to act on it now" in owing.ears.heard[0][1]
    assert await owing.store.jobs() == []
    rows = await owing.store.audit_page(0)
    assert [(row["actor"], row["outcome"], row["rule"]) for row in rows] == [(ERRAND.user_id, "denied", "too-late")]


async def test_an_answer_is_tried_to_be_said_for_two_hours_in_each_life_while_slack_is_busy(owing: Owing) -> None:
    owing.ears.busy = 10
    await owing.deferred.take(ERRAND, InHand())
    owing.clock.pass_(hours=TOO_LATE.total_seconds() / 3600)
    assert await owing.another_life()("command:1") == 3.0
    owing.clock.pass_(hours=UNHEARD.total_seconds() / 3600)
    assert await owing.deferred("command:1") is None
    assert await owing.store.jobs() == []


async def test_a_delivery_repeated_while_the_first_is_answered_is_no_failure(
    owing: Owing, monkeypatch: pytest.MonkeyPatch
) -> None:
    await owing.deferred.take(ERRAND, InHand())
    take = owing.store.take_deferred_reply

    async def answered_meanwhile(deferred_reply: DeferredReply) -> bool:
        await owing.deferred(deferred_reply.id)
        return await take(deferred_reply)

    monkeypatch.setattr(owing.store, "take_deferred_reply", answered_meanwhile)
    await owing.deferred.take(ERRAND, InHand())
    assert owing.decided == 1


CLAIMING = replace(ERRAND, claim="mention:C1:1")
EDITED = replace(CLAIMING, id="command:2")


async def test_what_a_refusal_claimed_is_free_for_the_next_try(owing: Owing) -> None:
    owing.acted = False
    await owing.deferred.take(CLAIMING, InHand())
    await owing.deferred("command:1")
    await owing.deferred.take(EDITED, InHand())
    again = await owing.store.deferred_reply("command:2")
    assert again is not None
    assert not again.late


@pytest.mark.parametrize("repeated", [False, True])
async def test_what_an_earlier_life_claimed_stays_claimed_as_it_may_have_acted(owing: Owing, repeated: bool) -> None:
    await owing.deferred.take(CLAIMING, InHand())
    owing.acted = False  # nothing is left to do
    later = owing.another_life()
    if repeated:
        await later.take(CLAIMING, InHand())
    await later("command:1")
    await later.take(EDITED, InHand())
    again = await owing.store.deferred_reply("command:2")
    assert again is not None
    assert again.late


async def test_what_was_written_down_is_done_once_the_store_can_be_written_and_not_told_to_come_to_nothing(
    owing: Owing,
) -> None:
    full = True

    async def decide(_errand: DeferredReply, in_hand: InHand) -> Reply:
        if full:
            raise StoreFailed("The disk is full.")
        return Reply(responses.told("Done."), acted=True)

    owing.deferred.answered_by("command", decide)
    await owing.deferred.take(ERRAND, InHand())
    with pytest.raises(StoreFailed):
        await owing.deferred("command:1")
    assert owing.ears.heard == []
    full = False
    assert await owing.deferred("command:1") is None
    assert owing.ears.heard == [(None, "Done.")]


async def test_what_cannot_be_answered_is_told_with_a_reference_and_is_over(
    owing: Owing, caplog: pytest.LogCaptureFixture
) -> None:
    """As after an update that knows no more what an older one wrote down."""
    await owing.deferred.take(replace(ERRAND, kind="action"), InHand())
    with caplog.at_level(logging.ERROR):
        assert await owing.deferred("command:1") is None
    assert [vars(record)["reference"] for record in caplog.records] == ["e-1"]
    assert "Something went wrong on my side (reference e-1)" in owing.ears.heard[0][1]
    assert await owing.store.jobs() == []
