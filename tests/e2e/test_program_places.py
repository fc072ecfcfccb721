"""Requests of programs that can't be told where they were to be, or whose token is taken away meanwhile."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import pytest

from bot.simulator.setting import Setting
from bot.slack.ids import APPROVE, CONFIRM
from tests.e2e.conftest import CHANNEL, FastClock, World
from tests.e2e.test_programs import CHANNEL_ID, Api, configured, opened, planned_message, problem

ARCHIVED = "C0ARCHIVE6"
CLOSED = {
    "archived": ARCHIVED,
    "no member": "C0RANDOM04",
    "private": "C0SECRET05",
    "shared": "C0SHARED03",
    "none": "C0NOSUCH01",
}


@pytest.fixture
async def world(setting: tuple[Setting, FastClock]) -> AsyncIterator[World]:
    async with opened(setting) as world:
        yield world


def troubles(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.message for one in caplog.records if one.levelno >= logging.WARNING]


async def asked_in(api: Api, channel: str) -> str:
    asked = await api.ask(disks=["web-01-data"], channel=channel)
    assert asked.status_code == 201, asked.text
    return str(asked.json()["id"])


async def test_what_is_refused_when_it_is_planned_is_told_where_it_was_to_be(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    api = Api(world)
    request = (await api.ask(disks=["no-such-disk"])).json()["id"]
    ended = await api.ended(request)
    assert (ended["outcome"], ended["rule"], ended["channel"]) == ("refused", "disks", CHANNEL_ID)
    root = await world.finished(request)
    assert "No disk named “no-such-disk” is in payments-prod." in root.text
    assert "the token `deploy`" in root.text
    assert troubles(caplog) == []


@pytest.mark.parametrize("channel", CLOSED.values(), ids=CLOSED.keys())
async def test_where_the_bot_may_not_post_the_channel_of_the_project_is_told(
    world: World, channel: str, caplog: pytest.LogCaptureFixture
) -> None:
    api = await configured(world, f'api_channel = "{CHANNEL_ID}"')
    request = await asked_in(api, channel)
    assert (await api.ended(request))["outcome"] == "available"
    root = await world.finished(request)
    shown = (await api.call("GET", f"/requests/{request}")).json()
    assert shown["channel"] == CHANNEL_ID
    assert root.ts.replace(".", "") in shown["message"]
    assert troubles(caplog) == []


async def test_a_channel_that_is_archived_in_the_middle_leaves_the_end_to_the_channel_of_the_project(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 30.0
    api = await configured(world, 'api_channel = "C0OPS00001"')
    request = await asked_in(api, CHANNEL_ID)
    await world.slack.until(lambda: world.root(request) is not None)
    await world.slack.archive(CHANNEL)
    ended = await api.ended(request)
    root = await world.finished(request, "#ops")
    assert (ended["outcome"], "all available" in root.text) == ("available", True)
    assert troubles(caplog) == []


async def test_where_nobody_can_be_told_the_program_is_and_one_line_says_so(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    api = Api(world)
    request = await asked_in(api, ARCHIVED)
    ended = await api.ended(request)
    assert (ended["outcome"], ended["channel"], ended["message"]) == ("available", ARCHIVED, "")
    await world.until(lambda: bool(troubles(caplog)))
    assert troubles(caplog) == ["nobody can be told how a request ended"]


async def test_those_who_may_approve_are_asked_directly_where_no_channel_takes_it(world: World) -> None:
    api = await configured(world, "approvals = 1")
    request = await asked_in(api, ARCHIVED)
    direct = world.slack.world.person("alice").id.replace("U", "D", 1)

    def asked() -> list[str]:
        there = world.slack.messages(direct) if direct in world.slack.world.channels else []
        return [one.ts for one in there if APPROVE in str(one.blocks)]

    await world.slack.until(lambda: bool(asked()))
    await world.slack.press("alice", direct, asked()[0], APPROVE)
    ended = await api.ended(request)
    assert ended["outcome"] == "available"
    assert world.slack_complaints() == []


# --- the token is taken out -------------------------------------------------------------------------------------------


async def without_the_token(world: World) -> None:
    """`deploy` and its grants are taken out of bot.toml, and the bot is started again."""
    await world.stop_bot()
    file = world.setting.directory / "bot.toml"
    text = file.read_text().replace('[tokens.deploy]\nsecret = "env:DEPLOY_TOKEN"\n', "")
    grant = '[[grants]]\nsubject = "token:deploy"\nrole = "operator"\nproject = "payments-prod"\n'
    assert grant in text
    file.write_text(text.replace(grant, ""))
    await world.start_bot()


async def test_what_waits_for_approval_of_a_token_that_is_gone_is_sent_by_nobody(world: World) -> None:
    api = await configured(world, "approvals = 1")
    request = await asked_in(api, CHANNEL_ID)
    await world.slack.until(lambda: (root := world.root(request)) is not None and "agree" in root.text)
    await without_the_token(world)
    assert problem(await Api(world).call("GET", f"/requests/{request}")) == (401, "unknown-token")
    await world.say(f"approve {request}")
    root = await world.finished(request)
    assert "bot.toml has no such token any more, so nothing is done for it" in root.text
    assert world.cloud.calls("create_snapshot") == []


async def test_what_runs_for_a_token_that_is_gone_is_followed_to_its_end(world: World) -> None:
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 40.0
    api = Api(world)
    request = await asked_in(api, CHANNEL_ID)
    await world.until(lambda: len(world.cloud.calls("create_snapshot")) == 1)
    await without_the_token(world)
    root = await world.finished(request)
    assert "all available" in root.text
    assert len(world.cloud.calls("create_snapshot")) == 1


async def test_a_plan_of_a_token_that_is_gone_runs_for_nobody(world: World) -> None:
    api = Api(world)
    request = (await api.ask(verb="quick", server="web-01", confirm=True)).json()["id"]
    await planned_message(world, request)
    await without_the_token(world)
    root = world.root(request)
    assert root is not None
    await world.slack.press("alice", CHANNEL, root.ts, CONFIRM)
    root = await world.finished(request)
    assert "bot.toml has no such token any more" in root.text
    assert world.cloud.calls("create_snapshot") == []
