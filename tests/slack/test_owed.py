"""An answer that is owed: decided once, said until it is heard, and not acted on when it is too old."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import SlackBusy
from bot.interfaces import Errand
from bot.slack import answers
from bot.slack.owed import TOO_LATE, InHand, OwedAnswers, Reply
from bot.store.database import SqliteDatabase
from bot.store.store import SqliteStore
from tests.builders import NOON, FakeClock

ERRAND = Errand("command:1", "command", "U1", "C1", None, {"text": "grant …"}, NOON)


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
    def __init__(self, store: SqliteStore, clock: FakeClock) -> None:
        self.store, self.clock, self.ears = store, clock, Ears()
        self.decided = 0
        self.owed = self.another_life()

    def another_life(self) -> OwedAnswers:
        self.owed = OwedAnswers(self.store, self.ears, self.clock)  # type: ignore[arg-type]  # as much as is needed
        self.owed.answered_by("command", self._decide)
        return self.owed

    async def _decide(self, _errand: Errand, in_hand: InHand) -> Reply:
        self.decided += 1
        return Reply(answers.told("Done."), acted=True)


@pytest.fixture
async def owing(tmp_path: Path) -> AsyncIterator[Owing]:
    clock = FakeClock()
    database = SqliteDatabase(tmp_path / "store.db")
    await database.open()
    yield Owing(SqliteStore(database, clock), clock)
    await database.close()


async def test_it_is_decided_and_said_once_by_the_response_url(owing: Owing) -> None:
    await owing.owed.take(ERRAND, InHand("https://hooks/1"))
    await owing.owed.take(ERRAND, InHand("https://hooks/1"))
    assert await owing.owed("command:1") is None
    assert await owing.owed("command:1") is None
    assert (owing.decided, owing.ears.heard) == (1, [("https://hooks/1", "Done.")])


async def test_while_slack_is_busy_it_is_said_again_and_not_decided_again(owing: Owing) -> None:
    owing.ears.busy = 2
    await owing.owed.take(ERRAND, InHand())
    assert [await owing.owed("command:1") for _ in range(3)] == [3.0, 3.0, None]
    assert (owing.decided, owing.ears.heard) == (1, [(None, "Done.")])


async def test_the_next_life_has_no_response_url_and_answers_all_the_same(owing: Owing) -> None:
    await owing.owed.take(ERRAND, InHand("https://hooks/1"))
    assert await owing.another_life()("command:1") is None
    assert owing.ears.heard == [(None, "Done.")]


async def test_what_was_asked_too_long_ago_is_not_acted_on_any_more(owing: Owing) -> None:
    await owing.owed.take(ERRAND, InHand())
    owing.clock.pass_(hours=TOO_LATE.total_seconds() / 3600)
    assert await owing.another_life()("command:1") is None
    assert owing.decided == 0
    assert "it is too long ago to act on it now" in owing.ears.heard[0][1]
    assert await owing.store.duties() == []
