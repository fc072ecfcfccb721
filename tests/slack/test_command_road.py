"""The road of the slash command answers as Bolt's dispatch would, over both ways in, and takes nothing else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from slack_bolt.request.async_request import AsyncBoltRequest

from bot.slack.command_road import CommandRoad
from bot.slack.listeners.reading import reads
from bot.slack.payloads import SlashCommand, is_command
from tests.e2e.conftest import CHANNEL, World
from tests.slack.test_bolt_traps import (
    FORM,
    HARBOR,
    Parts,
    Serve,
    StubReception,
    command_form,
    http_world,
    parts,
    recorded,
    serve,
)

__all__ = ["http_world", "serve"]

OF_AN_APP = {**HARBOR, "app_id": "A0SNAPAPP1"}
OF_AN_ORGANISATION = {**HARBOR, "team_id": "T0ANCHOR01", "is_enterprise_install": True, "enterprise_id": "E0GRIDORG1"}
FROM_THERE = {"enterprise_id": "E0GRIDORG1", "is_enterprise_install": "true"}


class ClosedRoad(CommandRoad):
    """Takes nothing: whatever is delivered comes to Bolt."""

    def takes(self, body: dict[str, Any]) -> bool:
        return False


def by_bolt(made: Parts) -> Parts:
    """The same parts with the command registered with Bolt, as all the rest is."""
    made.app.command("/snapshot")(reads(SlashCommand, made.road._on_command))
    made.road.__class__ = ClosedRoad
    return made


def fields(**changed: Any) -> dict[str, Any]:
    """Of a `create`; None leaves one out."""
    form = {**recorded("slash_command.form")["fields"], "text": "create orders-db", **changed}
    return {name: value for name, value in form.items() if value is not None}


BROKEN = "the store is on fire"
SENT: list[tuple[str, dict[str, Any], Mapping[str, Any]]] = [
    ("a create", fields(), HARBOR),
    ("a create in another script", fields(text="create “größer” reason=“vor dem Upgrade”"), HARBOR),
    ("the word payload", fields(text="create payload-archive-db reason=payload=y"), HARBOR),
    ("no text at all", fields(text=None), HARBOR),
    ("a question", fields(text="status"), HARBOR),
    ("no command", fields(text="creat orders-db"), HARBOR),
    ("an error after the acknowledgement", fields(text=""), HARBOR),
    ("an error before it", fields(text=f"create x reason={BROKEN!r}"), HARBOR),
    ("without its person", fields(user_id=None), HARBOR),
    ("without a trigger", fields(trigger_id=""), HARBOR),
    ("without a channel", fields(channel_id=None), HARBOR),
    ("without a way back", fields(response_url=None), HARBOR),
    ("for another workspace", fields(team_id="T0OTHER001"), HARBOR),
    ("for no workspace", fields(team_id=None), HARBOR),
    ("for another app", fields(api_app_id="A0OTHER001"), OF_AN_APP),
    ("for this app", fields(api_app_id="A0SNAPAPP1"), OF_AN_APP),
    ("for the organisation", fields(team_id="T0OTHER001", **FROM_THERE), OF_AN_ORGANISATION),
    ("for another organisation", fields(**{**FROM_THERE, "enterprise_id": "E0OTHER001"}), OF_AN_ORGANISATION),
    ("an organisation's, of one workspace", fields(**FROM_THERE), HARBOR),
    ("another command", fields(command="/other"), HARBOR),
    ("another case", fields(command="/Snapshot"), HARBOR),
    ("a look at the certificate", fields(ssl_check="1"), HARBOR),
]
ODD: list[tuple[str, dict[str, Any], Mapping[str, Any]]] = [
    ("text that is none", fields(text=["create"]), HARBOR),
    ("a person that is a number", fields(user_id=7), HARBOR),
    ("a workspace that is a list", fields(team_id=["T0HARBOR01"]), HARBOR),
    ("a command that is a list", fields(command=["/snapshot"]), HARBOR),
]
"""What only JSON can say."""


class Reception(StubReception):
    """Fails for what says so."""

    async def create(self, delivery: Any, order: Any) -> Any:
        self.failure = RuntimeError(BROKEN) if BROKEN in delivery.text else None
        return await super().create(delivery, order)


async def done(made: Parts) -> tuple[list[str], list[str]]:
    """What came to the intake, and what was said after the acknowledgement."""
    await asyncio.gather(*made.tasks._tasks)
    return made.intake.texts, made.replies.answers


async def over_a_socket(made: Parts, body: dict[str, Any]) -> tuple[Any, ...]:
    if made.road.takes(body):
        answer = await made.road.answer(body)
    else:
        answer = await made.app.async_dispatch(AsyncBoltRequest(mode="socket_mode", body=body))
    return answer.status, answer.body, answer.headers


@pytest.mark.parametrize(("body", "identity"), [one[1:] for one in SENT + ODD], ids=[one[0] for one in SENT + ODD])
async def test_over_socket_mode_the_road_answers_as_bolt_does(
    body: dict[str, Any], identity: Mapping[str, Any]
) -> None:
    ours, bolts = parts(intake=Reception(), bot=identity), by_bolt(parts(intake=Reception(), bot=identity))
    assert await over_a_socket(ours, dict(body)) == await over_a_socket(bolts, dict(body))
    assert await done(ours) == await done(bolts)


@pytest.mark.parametrize(("body", "identity"), [one[1:] for one in SENT], ids=[one[0] for one in SENT])
async def test_over_http_the_road_answers_as_bolt_does(
    serve: Serve, body: dict[str, Any], identity: Mapping[str, Any]
) -> None:
    ours, bolts = parts(intake=Reception(), bot=identity), by_bolt(parts(intake=Reception(), bot=identity))
    answers = [await (await serve(one)).post(urlencode(body)) for one in (ours, bolts)]
    assert answers[0] == answers[1]
    assert await done(ours) == await done(bolts)


def test_the_payloads_that_are_compared_are_of_both_kinds() -> None:
    taken = {name for name, body, _ in SENT + ODD if is_command(body, "/snapshot")}
    others = {"another command", "another case", "a look at the certificate"}
    assert {name for name, *_ in SENT + ODD} - taken == others | {"a command that is a list"}


@pytest.mark.parametrize(
    "how",
    [
        {"signed": False},
        {"secret": "another secret"},
        {"at": str(int(time.time()) - 3_600)},
        {"at": str(int(time.time()) + 3_600)},
        {"at": "soon"},
    ],
    ids=["unsigned", "another secret", "stale", "from the future", "no moment"],
)
async def test_a_command_that_slack_did_not_sign_just_now_comes_to_no_road(serve: Serve, how: dict[str, Any]) -> None:
    made = parts()
    assert (await (await serve(made)).post(command_form("create orders-db"), **how)).status == 401
    assert made.intake.texts == []


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("", FORM, 401),
        ("&&&=", FORM, 401),
        ("command=%2Fsnapshot", FORM, 401),
        ("command=%2Fsnapshot&team_id=T0HARBOR01", FORM, 200),
        ("{", "application/json", 400),
        ("[" * 50_000, "application/json", 400),
        (command_form("create orders-db"), "application/json", 400),
        ("payload=" + "%7B" * 10, FORM, 400),
    ],
)
async def test_a_body_that_is_none_reaches_no_listener(serve: Serve, body: str, content_type: str, status: int) -> None:
    made = parts()
    assert (await (await serve(made)).post(body, content_type)).status == status
    assert made.intake.texts == []


async def test_a_command_that_slack_delivers_twice_over_http_acts_once(http_world: World) -> None:
    http_world.slack.fault("duplicate_delivery", method="/snapshot")
    await http_world.finished(await http_world.create("web-01-data"))
    assert len(http_world.cloud.snapshots()) == 1
    assert sum("Receipt: 1 of 1" in one.text for one in http_world.slack.messages(CHANNEL)) == 1
