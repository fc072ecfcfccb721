from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient

from bot.simulator.workspace import NotAllowedInSlack, WorkspaceSimulator


def saying(app: AsyncApp, *args: Any, **answer: Any) -> list[dict[str, Any]]:
    """Let the app acknowledge /snapshot with this answer; returns the commands it gets."""
    seen: list[dict[str, Any]] = []

    async def listener(ack: AsyncAck, command: dict[str, Any]) -> None:
        seen.append(command)
        await ack(*args, **answer)

    app.command("/snapshot")(listener)
    return seen


async def test_a_command_reaches_the_app_by_socket_and_its_text_only_the_person(
    sim: WorkspaceSimulator, bot: AsyncApp
) -> None:
    seen = saying(bot, "Working on it")
    outcome = await sim.command("alice", "#ops", "list")
    assert (outcome.ok, outcome.error, outcome.text) == (True, None, "Working on it")
    assert (seen[0]["user_id"], seen[0]["channel_name"], seen[0]["text"]) == ("U0ALICE001", "ops", "list")
    assert outcome.delivery["to"] == "socket:1"
    assert sim.messages("#ops") == []
    assert [message.text for message in sim.messages("#ops", viewer="alice")] == ["Working on it"]
    assert sim.messages("#ops", viewer="bob") == []


async def test_a_command_reaches_the_app_over_signed_http(sim: WorkspaceSimulator, http_bot: AsyncApp) -> None:
    seen = saying(http_bot, text="Here you go", response_type="ephemeral")
    outcome = await sim.command("bob", "#inc-demo", "create DISK")
    assert (outcome.text, outcome.delivery["to"], outcome.delivery["status"]) == ("Here you go", "http", 200)
    assert seen[0]["trigger_id"]


@pytest.mark.parametrize("fault", ["bad_signature", "stale_signature"])
async def test_a_wrong_signature_is_a_failed_dispatch(sim: WorkspaceSimulator, http_bot: AsyncApp, fault: str) -> None:
    saying(http_bot, "never")
    sim.fault(fault)
    outcome = await sim.command("bob", "#ops", "list")
    assert outcome.error == '/snapshot failed with the error "dispatch_failed"'
    assert outcome.delivery["status"] == 401


async def test_an_empty_acknowledgement_shows_nothing(sim: WorkspaceSimulator, bot: AsyncApp) -> None:
    saying(bot)
    outcome = await sim.command("alice", "#ops", "list")
    assert (outcome.ok, outcome.text, sim.messages("#ops", viewer="alice")) == (True, "", [])


async def test_an_answer_in_the_channel_also_shows_what_was_typed(sim: WorkspaceSimulator, bot: AsyncApp) -> None:
    saying(bot, text="Two snapshots", response_type="in_channel")
    await sim.command("alice", "#ops", "list <!channel-ish> @bob")
    assert [(message.user, message.text) for message in sim.messages("#ops")] == [
        ("U0ALICE001", "/snapshot list &lt;!channel-ish&gt; <@U0BOB00002>"),
        ("U0SNAPBOT1", "Two snapshots"),
    ]


async def test_blocks_slack_would_refuse_are_an_error_for_the_person_and_in_the_journal(
    sim: WorkspaceSimulator, bot: AsyncApp
) -> None:
    saying(bot, text="x", blocks=[{"type": "header", "text": {"type": "plain_text", "text": "h" * 151}}])
    outcome = await sim.command("alice", "#ops", "list")
    assert outcome.error == '/snapshot failed with the error "invalid_blocks"'
    assert [entry["errors"] for entry in sim.journal if entry["entry"] == "validation"] == [
        ["must be less than 151 characters [json-pointer:/blocks/0/text/text]"]
    ]


async def test_without_an_app_a_command_fails_at_once(sim: WorkspaceSimulator) -> None:
    outcome = await sim.command("alice", "#ops", "list")
    assert outcome.error == '/snapshot failed with the error "dispatch_failed"'
    assert outcome.delivery["to"] == "nowhere"


async def test_three_real_seconds_without_an_acknowledgement_are_a_timeout(
    sim: WorkspaceSimulator, bot: AsyncApp
) -> None:
    finish = asyncio.Event()

    @bot.command("/snapshot")
    async def slow(ack: AsyncAck) -> None:
        await finish.wait()
        await ack("too late")

    outcome = await sim.command("alice", "#ops", "list")
    finish.set()
    assert outcome.error == '/snapshot failed with the error "operation_timeout"'
    assert 2990 < outcome.latency_ms < 4000
    assert sim.messages("#ops", viewer="alice") == []


async def test_a_lost_acknowledgement_is_a_timeout_though_the_app_answered(
    sim: WorkspaceSimulator, bot: AsyncApp
) -> None:
    seen = saying(bot, "fine")
    sim.ack_seconds = 0.1
    sim.fault("lose_ack", method="/snapshot")
    lost = await sim.command("alice", "#ops", "list")
    kept = await sim.command("alice", "#ops", "list")
    assert (lost.error, kept.error) == ('/snapshot failed with the error "operation_timeout"', None)
    assert len(seen) == 2


async def test_a_duplicate_delivery_brings_the_same_command_twice(sim: WorkspaceSimulator, bot: AsyncApp) -> None:
    seen = saying(bot, "fine")
    sim.fault("duplicate_delivery")
    await sim.command("alice", "#ops", "list")
    await sim.until(lambda: len([entry for entry in sim.journal if entry["entry"] == "delivery"]) == 2)
    assert seen[0] == seen[1]
    assert [entry["duplicate"] for entry in sim.journal if entry["entry"] == "delivery"].count(True) == 1


async def test_typed_names_links_and_signs_arrive_escaped(sim: WorkspaceSimulator, bot: AsyncApp) -> None:
    seen = saying(bot)
    await sim.command("alice", "#ops", "share @bob #ops #db-oncall @db-admins https://x.test/?a=1&b=2 a<b & @nobody")
    assert seen[0]["text"] == (
        "share <@U0BOB00002|bob> <#C0OPS00001|ops> <#C0PRIVATE2|> <!subteam^S0DBADMIN1|@db-admins> "
        "<https://x.test/?a=1&amp;b=2> a&lt;b &amp; @nobody"
    )


@pytest.mark.parametrize(
    ("user", "channel", "why"),
    [
        ("gone", "#ops", "gone is deactivated"),
        ("eve", "#shared", "eve belongs to another organisation and cannot run commands here"),
        ("otherbot", "#ops", "otherbot is a bot"),
        ("carol", "#db-oncall", "carol is not in db-oncall"),
        ("alice", "#old-incident", "old-incident is archived"),
    ],
)
async def test_who_cannot_type_a_command_in_slack_cannot_here(
    sim: WorkspaceSimulator, bot: AsyncApp, user: str, channel: str, why: str
) -> None:
    seen = saying(bot)
    with pytest.raises(NotAllowedInSlack, match=why):
        await sim.command(user, channel, "list")
    assert seen == []


async def test_there_are_no_commands_in_threads(sim: WorkspaceSimulator) -> None:
    with pytest.raises(NotAllowedInSlack, match="/snapshot is not supported in threads"):
        await sim.command("alice", "#ops", "list", thread_ts="1.000001")


async def test_two_hundred_commands_at_once_are_all_answered(sim: WorkspaceSimulator, bot: AsyncApp) -> None:
    saying(bot, "fine")
    sim.ack_seconds = 20.0  # a busy machine is no impatient Slack
    outcomes = await asyncio.gather(*(sim.command(f"eng{n % 20 + 1:02d}", "#inc-demo", str(n)) for n in range(200)))
    assert {outcome.text for outcome in outcomes} == {"fine"}


async def test_a_command_that_the_manifest_does_not_have_is_not_sent() -> None:
    manifest = {"oauth_config": {"scopes": {"bot": ["commands"]}}, "features": {"slash_commands": []}}
    workspace = WorkspaceSimulator(manifest=manifest)
    outcome = await workspace.command("alice", "#ops", "list")
    assert (outcome.error, workspace.journal) == ("/snapshot is not a valid command.", [])


async def test_a_response_url_works_where_the_app_is_not_a_member(sim: WorkspaceSimulator, bot: AsyncApp) -> None:
    @bot.command("/snapshot")
    async def listener(ack: AsyncAck, respond: AsyncRespond) -> None:
        await ack()
        await respond("for you")
        await respond("for all", response_type="in_channel")

    await sim.command("alice", "#random", "list")
    await sim.until(lambda: len(sim.messages("#random", viewer="alice")) == 2)
    assert [message.text for message in sim.messages("#random")] == ["for all"]


async def test_a_response_url_takes_five_posts(sim: WorkspaceSimulator, bot: AsyncApp) -> None:
    statuses: list[int] = []

    @bot.command("/snapshot")
    async def listener(ack: AsyncAck, respond: AsyncRespond) -> None:
        await ack()
        for number in range(6):
            answer = await respond(f"{number}")
            statuses.append(answer.status_code)

    await sim.command("alice", "#ops", "list")
    await sim.until(lambda: len(statuses) == 6)
    assert statuses == [200] * 5 + [404]


async def test_a_response_url_dies_after_half_an_hour(
    sim: WorkspaceSimulator, bot: AsyncApp, wind: Callable[[float], None]
) -> None:
    replies: list[AsyncRespond] = []

    @bot.command("/snapshot")
    async def listener(ack: AsyncAck, respond: AsyncRespond) -> None:
        replies.append(respond)
        await ack()

    await sim.command("alice", "#ops", "list")
    wind(1801)
    answer = await replies[0]("late")
    assert (answer.status_code, answer.body) == (404, '{"ok": false, "error": "expired_url"}')


async def test_no_token_trigger_or_response_url_reaches_the_journal(
    sim: WorkspaceSimulator, bot: AsyncApp, client: AsyncWebClient
) -> None:
    seen = saying(bot, "fine")
    await sim.command("alice", "#ops", "list")
    await client.api_call("auth.test", params={"token": sim.bot_token})
    written = str(sim.journal)
    secrets = [sim.bot_token, sim.app_token, sim.signing_secret, seen[0]["trigger_id"], seen[0]["response_url"]]
    assert [secret for secret in secrets if secret in written] == []
