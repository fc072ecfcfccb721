"""Alertmanager repeats itself, groups alerts and says when they are over: a plan for each alert that is new."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest

from bot.simulator.setting import Setting
from tests.e2e.conftest import FastClock, World
from tests.e2e.test_programs import CHANNEL_ID, FIRING, Api, opened, planned_message, problem

PATH = f"/alerts?channel={CHANNEL_ID}&server_label=server"


@pytest.fixture
async def world(setting: tuple[Setting, FastClock]) -> AsyncIterator[World]:
    async with opened(setting) as world:
        yield world


def alert(server: str = "web-01", *, minute: int = 0, status: str = "firing", summary: str = "") -> dict[str, Any]:
    one: dict[str, Any] = json.loads(json.dumps(FIRING))["alerts"][0]
    one |= {"status": status, "startsAt": f"2026-11-23T02:{minute:02}:00Z"}
    one["labels"]["server"] = server
    one["annotations"]["summary"] = summary or "I/O errors"
    return one


def webhook(*alerts: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {**FIRING, "alerts": list(alerts), **fields}


async def ids(api: Api, sent: Sequence[dict[str, Any]], path: str = PATH) -> list[str]:
    answers = [await api.call("POST", path, one) for one in sent]
    assert all(one.status_code in (200, 201) for one in answers), [one.text for one in answers]
    return [one.json().get("id", one.json()["outcome"]) for one in answers]


async def test_a_repeat_in_other_words_is_the_same_and_an_alert_that_joins_is_new(world: World) -> None:
    api = Api(world)
    web, wal = alert(summary="17 errors"), alert("orders-db-01", minute=5)
    first, again, both, once_more, only_web, over = await ids(
        api,
        [
            webhook(web),
            webhook(alert(summary="18 errors")),
            webhook(web, wal),
            webhook(wal, web),
            webhook(web, {**wal, "status": "resolved"}),
            webhook({**web, "status": "resolved"}, {**wal, "status": "resolved"}),
        ],
    )
    assert first == again == only_web
    assert both == once_more != first
    assert over == "ignored"
    # What was over and fires again is new.
    assert (await ids(api, [webhook(alert(minute=30))])) != [first]


async def test_another_receiver_of_the_same_group_plans_for_itself(world: World) -> None:
    api = Api(world)
    here = await ids(api, [webhook(alert())])
    there = await ids(api, [webhook(alert())], f"/alerts?channel={CHANNEL_ID}&disks=web-01-data")
    assert here != there


async def test_what_people_read_of_an_alert_is_its_text_and_nothing_of_it_acts(world: World) -> None:
    summary = "<!channel> *bold* `code`\n> <https://evil.example|click> \u202eabc\u0000"
    (request,) = await ids(Api(world), [webhook(alert(summary=summary))])
    root = await planned_message(world, request)
    assert "&lt;!channel&gt;" in root.text
    assert "<https://evil" not in root.text
    assert "\u202e" not in root.text and "\u0000" not in root.text
    assert world.slack_complaints() == []


@pytest.mark.parametrize(
    "fields",
    [
        {"alerts": [alert(), {**alert(), "startsAt": "2026-11-23T02:00:00"}]},
        {"alerts": [{**alert(), "startsAt": "0001-01-01T00:00:00+14:00"}, alert()]},
        {"alerts": [{**alert(), "startsAt": "9999-12-31T23:59:59-14:00"}]},
        {"alerts": [{**alert(), "startsAt": 10**18}]},
        {"alerts": [{**alert(), "labels": {"server": "\ud800"}}]},
        {"alerts": [alert(f"web-{number}" * 20) for number in range(900)]},
        {"alerts": [{**alert(), "labels": {"server": ["a"]}}]},
        {"alerts": []},
        {"alerts": None},
        {"groupKey": "g" * 20_000},
        {"groupKey": "\ud800"},
        {"alerts": [alert(summary="\ud800")]},
        {"alerts": [{**alert(), "labels": {"server": "w" * 3_000}}]},
    ],
)
async def test_an_odd_webhook_is_taken_or_refused_and_never_a_fault(world: World, fields: dict[str, Any]) -> None:
    api = Api(world)
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        answer = await client.post(
            f"{api.url}/api/v1{PATH}",
            content=json.dumps({**FIRING, **fields}),
            headers={**api._headers, "Content-Type": "application/json"},
        )
    assert answer.status_code in (200, 201) or problem(answer) == (422, "invalid"), answer.text
