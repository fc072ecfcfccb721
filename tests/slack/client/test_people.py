"""Who somebody is: asked of Slack over a real socket, believed for a short time, dropped at Slack's word."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.actors import AccountKind, Actor
from bot.domain.errors import LookupFailed
from bot.simulator.workspace import WorkspaceSimulator
from bot.slack.client.people import SlackPeople
from tests.builders import FakeClock

ALICE, BOB, GUEST = "U0ALICE001", "U0BOB00002", "U0GUEST003"
ONCALL = "S0ONCALL02"


@pytest.fixture
async def people(slack: WorkspaceSimulator, clock: FakeClock) -> AsyncIterator[SlackPeople]:
    async with aiohttp.ClientSession() as http:
        client = AsyncWebClient(slack.bot_token, base_url=slack.api_url, session=http, retry_handlers=[])
        yield SlackPeople(client, "T0HARBOR01", clock)


def asked(slack: WorkspaceSimulator) -> list[str]:
    return [call["method"] for call in slack.api_calls()]


async def test_a_member_comes_with_their_groups(people: SlackPeople) -> None:
    bob = await people.look_up(BOB)
    assert (bob.account, ONCALL in bob.user_groups) == (AccountKind.MEMBER, True)
    assert people.known(BOB) == bob


async def test_nobody_is_known_before_slack_was_asked(people: SlackPeople) -> None:
    assert people.known(ALICE) is None
    await people.look_up(BOB)
    assert people.known(ALICE) is None


async def test_an_account_is_believed_for_a_minute_and_groups_for_five(
    people: SlackPeople, slack: WorkspaceSimulator, clock: FakeClock
) -> None:
    await people.look_up(BOB)
    clock.pass_(seconds=59)
    await people.look_up(BOB)
    assert asked(slack) == ["users.info", "usergroups.list"]
    clock.pass_(seconds=1)
    assert people.known(BOB) is None
    await people.look_up(BOB)
    assert asked(slack) == ["users.info", "usergroups.list", "users.info"]
    clock.pass_(minutes=4)
    await people.look_up(BOB)
    assert asked(slack)[-2:] == ["users.info", "usergroups.list"]


async def test_a_change_drops_what_was_believed_at_once(people: SlackPeople) -> None:
    await people.look_up(BOB)
    people.forget_user(BOB)
    assert people.known(BOB) is None
    await people.look_up(BOB)
    people.forget_user_groups()
    assert people.known(BOB) is None


async def test_an_answer_from_before_a_change_is_not_kept(people: SlackPeople, slack: WorkspaceSimulator) -> None:
    slack.fault("latency", method="users.info", seconds=0.05)
    looking = asyncio.create_task(people.look_up(BOB))
    await slack.until(lambda: True)
    await asyncio.sleep(0.01)
    people.forget_user(BOB)
    await looking
    assert people.known(BOB) is None


async def test_many_who_ask_at_once_cost_one_question(people: SlackPeople, slack: WorkspaceSimulator) -> None:
    await asyncio.gather(*(people.look_up(BOB) for _ in range(20)))
    assert sorted(asked(slack)) == ["usergroups.list", "users.info"]


@pytest.mark.parametrize("kind", ["status", "malformed", "ratelimited"])
@pytest.mark.parametrize("method", ["users.info", "usergroups.list"])
async def test_a_look_up_that_fails_refuses(
    people: SlackPeople, slack: WorkspaceSimulator, kind: str, method: str
) -> None:
    options = {"status": {"status": 500}, "ratelimited": {"retry_after": 1}}.get(kind, {})
    slack.fault(kind, method=method, **options)
    with pytest.raises(LookupFailed, match="refused to act for you"):
        await people.look_up(BOB)
    assert people.known(BOB) is None
    assert (await people.look_up(BOB)).account is AccountKind.MEMBER


async def test_someone_slack_does_not_know_is_refused(people: SlackPeople) -> None:
    with pytest.raises(LookupFailed):
        await people.look_up("U0NOBODY00")


async def test_a_guest_is_told_apart_without_asking_for_groups(people: SlackPeople, slack: WorkspaceSimulator) -> None:
    assert await people.look_up(GUEST) == Actor(GUEST, AccountKind.GUEST)
    assert asked(slack) == ["users.info"]


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_set_makes_nobody_believed_for_longer_than_a_minute(
    people: SlackPeople, slack: WorkspaceSimulator, clock: FakeClock, hours: int
) -> None:
    await people.look_up(BOB)
    clock.step(hours=hours)
    assert people.known(BOB) is not None
    slack.world.person(BOB).deleted = True
    clock.pass_(seconds=61)
    assert people.known(BOB) is None
    assert (await people.look_up(BOB)).account is not AccountKind.MEMBER
