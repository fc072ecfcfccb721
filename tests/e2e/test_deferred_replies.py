"""What was acknowledged is answered, also by the next life of a bot that was killed before it had decided."""

from __future__ import annotations

import asyncio
import signal

import pytest

from bot.clock import SystemClock
from bot.domain.roles import Role
from bot.domain.transitions import RequestState
from bot.simulator.workspace import Message
from bot.simulator.workspace.tickets import Triggers
from bot.slack.ids import APPROVE, DENY
from bot.store.sqlite.database import SqliteDatabase
from bot.store.store import Store
from tests.e2e.street import Street
from tests.e2e.test_approvals import APPROVERS
from tests.e2e.test_crash import street

__all__ = ["street"]

CHANNEL = "#inc-demo"


@pytest.fixture
async def waiting(street: Street) -> tuple[str, Message]:
    """A request of bob's that waits for somebody to agree, and its message with the buttons."""
    file = street.setting.directory / "bot.toml"
    text = file.read_text().replace("[projects.payments-prod]", "[projects.payments-prod]\napprovals = 1", 1)
    file.write_text(text + APPROVERS)
    await street.start()
    outcome = await street.slack.command("bob", CHANNEL, "create web-01-data")
    assert outcome.error is None
    (found,) = await street.requests()
    await street.slack.until(lambda: bool(street.messages(found[0], "ask")), 20)
    return found[0].id, street.messages(found[0], "ask")[0]


async def killed_while_slack_is_asked(street: Street) -> None:
    """Its acknowledgement is out; who somebody is, it does not know yet."""
    await asyncio.sleep(0.3)  # as long as it would take to decide, were Slack not that slow
    await street.bot.signal(signal.SIGKILL)


def slack_is_slow(street: Street) -> None:
    street.slack.fault("latency", method="users.info", seconds=2)


def private(street: Street, person: str) -> list[Message]:
    user = street.slack.world.person(person).id
    return [one for one in street.slack.messages(CHANNEL, viewer=user) if one.ephemeral_to == user]


async def told(street: Street, person: str, words: str) -> Message:
    await street.slack.until(lambda: any(words in one.text for one in private(street, person)), 20)
    (found,) = [one for one in private(street, person) if words in one.text]
    return found


async def trail(street: Street, action: str, actor: str) -> list[tuple[str, str]]:
    database = SqliteDatabase(street.setting.directory / "snapshot-bot.db")
    await database.open()
    try:
        rows = await Store(database, SystemClock()).audit_page(0)
    finally:
        await database.close()
    return [(row["outcome"], row["rule"]) for row in rows if (row["action"], row["actor"]) == (action, actor)]


async def grants_of(street: Street, user_id: str) -> list[Role]:
    database = SqliteDatabase(street.setting.directory / "snapshot-bot.db")
    await database.open()
    try:
        every = await Store(database, SystemClock()).every_grant()
    finally:
        await database.close()
    return [grant.role for grant in every if grant.subject_id == user_id]


async def test_an_approval_that_was_acknowledged_counts_once_after_a_kill(
    street: Street, waiting: tuple[str, Message]
) -> None:
    request_id, ask = waiting
    slack_is_slow(street)
    assert (await street.slack.press("eng01", CHANNEL, ask.ts, APPROVE)).ok
    await killed_while_slack_is_asked(street)
    assert (await street.requests())[0][0].state is RequestState.WAITING
    await street.start()
    await told(street, "eng01", "and it began.")
    ((request, _),) = await street.until_all_is_said(timeout=30)
    assert (request.id, request.state) == (request_id, RequestState.FINISHED)
    assert len(street.cloud.calls("create_snapshot")) == 1
    assert await trail(street, "approve", "U0ENG00001") == [("allowed", "granted")]


async def test_a_form_that_could_not_open_before_a_kill_is_asked_to_be_opened_again(
    street: Street, waiting: tuple[str, Message]
) -> None:
    _, ask = waiting
    slack_is_slow(street)
    assert (await street.slack.press("eng01", CHANNEL, ask.ts, DENY)).ok
    await killed_while_slack_is_asked(street)
    await street.start()
    await told(street, "eng01", "I was interrupted before I could open the form. Please press again.")
    assert (await street.slack.press("eng01", CHANNEL, ask.ts, DENY)).ok
    await street.slack.until(lambda: street.slack.view("eng01") is not None)


async def test_what_is_owed_is_written_down_without_the_right_to_open_a_form(
    street: Street, waiting: tuple[str, Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, make = list[str](), Triggers.make

    def overheard(self: Triggers, user: str, channel: str = "", view_id: str = "") -> str:
        made.append(make(self, user, channel, view_id))
        return made[-1]

    monkeypatch.setattr(Triggers, "make", overheard)
    _, ask = waiting
    slack_is_slow(street)
    assert (await street.slack.press("eng01", CHANNEL, ask.ts, DENY)).ok
    await street.slack.command("eng01", CHANNEL, "access")
    await killed_while_slack_is_asked(street)
    stored = b"".join(file.read_bytes() for file in street.setting.directory.glob("snapshot-bot.db*"))
    assert b"action:" in stored
    assert len(made) == 2
    assert [trigger for trigger in made if trigger.encode() in stored] == []


async def test_a_grant_that_was_acknowledged_is_given_once_after_a_kill(street: Street) -> None:
    await street.start()
    slack_is_slow(street)
    outcome = await street.slack.command("alice", CHANNEL, "grant @carol viewer payments-prod")
    assert "One moment" in outcome.text
    await killed_while_slack_is_asked(street)
    assert await grants_of(street, "U0CAROL009") == []
    await street.start()
    await told(street, "alice", "is now viewer in payments-prod")
    assert await grants_of(street, "U0CAROL009") == [Role.VIEWER]
    assert await trail(street, "grant", "U0ALICE001") == [("done", "")]
    await street.bot.signal(signal.SIGKILL)
    await street.start()
    await asyncio.sleep(0.5)
    assert len([one for one in private(street, "alice") if "is now viewer" in one.text]) == 1


@pytest.mark.parametrize("lost", [False, True], ids=["acknowledged", "the acknowledgement was lost"])
async def test_a_mention_is_answered_after_a_kill_and_its_change_made_once(
    street: Street, waiting: tuple[str, Message], lost: bool
) -> None:
    """Slack repeats an event whose acknowledgement it did not get; what was written down by then counts."""
    request_id, ask = waiting
    if lost:
        street.slack.ack_seconds, street.slack.retry_factor = 0.5, 0.02
        street.slack.fault("lose_ack", method="app_mention")
    slack_is_slow(street)
    said = await street.slack.mention("eng01", CHANNEL, f"approve {request_id}", thread_ts=ask.thread_ts)
    assert said.ok is not lost
    await killed_while_slack_is_asked(street)
    await street.start()
    answer = await told(street, "eng01", "and it began.")
    assert answer.thread_ts == ask.thread_ts
    await street.until_all_is_said(timeout=30)
    assert await trail(street, "approve", "U0ENG00001") == [("allowed", "granted")]
    assert len(street.cloud.calls("create_snapshot")) == 1


async def test_a_mention_that_creates_is_recorded_after_a_kill(street: Street) -> None:
    await street.start()
    street.slack.fault("latency", method="chat.postEphemeral", seconds=2)
    assert (await street.slack.mention("alice", CHANNEL, "create web-01-data")).ok
    await street.bot.signal(signal.SIGKILL)
    await street.start()
    ((request, _),) = await street.until_all_is_said(timeout=30)
    assert request.state is RequestState.FINISHED
    assert len(street.cloud.calls("create_snapshot")) == 1


async def test_an_edit_that_created_something_is_told_so_after_a_kill(street: Street) -> None:
    """It is not taken for another edit of what was taken up before."""
    await street.start()
    said = (await street.slack.mention("alice", CHANNEL, "create web-01-data project=payments-prdo")).message
    await told(street, "alice", "payments-prdo")
    busy = street.slack.fault("ratelimited", method="chat.postEphemeral", retry_after=30)
    await street.slack.edit("alice", CHANNEL, said.ts, said.text.replace("prdo", "prod"))
    await street.slack.until(lambda: busy.times == 0, 20)
    await street.bot.signal(signal.SIGKILL)
    await street.start()
    await street.until_all_is_said(timeout=30)
    await told(street, "alice", "snapshot of `web-01-data`")
    assert [one.text for one in private(street, "alice") if "I took this message up" in one.text] == []
