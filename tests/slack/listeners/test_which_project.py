"""What a person presses below the question which project is meant: the order once more, on a real store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from bot.domain.actors import Actor
from bot.domain.orders import Create, Quick, Selector
from bot.domain.requests import Place, Request
from bot.domain.results import Refused
from bot.slack.background_tasks import BackgroundTasks
from bot.slack.client.poster import ResponseUrls
from bot.slack.ids import IN_PROJECT
from bot.slack.listeners.actions import Actions, Button
from bot.slack.listeners.which_project import WhichProject
from bot.slack.payloads import BlockAction, read
from bot.slack.unexpected import Unexpected
from bot.slack.views.message import Message
from bot.store.script import Script, sql
from bot.store.sqlite.database import SqliteDatabase
from bot.store.store import Store
from bot.workflow.actions.ask_project import ProjectQuestions
from bot.workflow.form_sessions import FormSessions
from bot.workflow.intake import Delivery, Intake
from tests.block_kit import checked_message
from tests.builders import FakeClock, a_grant, a_project, an_actor

ORDER = Quick((Selector("server", "web-01"),), keep_days=7, reason="disk is full, and Bob's on call")
PLACE = Place("T1", "C1", "1700000000.000100")
PROJECTS = ("payments", "shop", "vault")
MINE = [a_grant("U1", project="payments"), a_grant("U1", project="shop")]


class People:
    def known(self, user_id: str) -> Actor:
        return an_actor(user_id)


class Nothing:
    def answered_by(self, _kind: str, _answerer: object) -> None:
        pass


class Slack:
    """Everything that is told."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[Message] = asyncio.Queue()

    async def tell(self, _user: str, _url: str | None, _channel: str, message: Message, _thread: str | None) -> None:
        self.told.put_nowait(message)


@dataclass
class Stage:
    store: Store
    database: SqliteDatabase
    slack: Slack
    urls: ResponseUrls
    which: WhichProject
    actions: Actions
    at_ack: list[int] = field(default_factory=list)

    async def ask(self, order: Create | Quick = ORDER, candidates: Sequence[str] = PROJECTS[:2]) -> Message:
        refused = Refused("Which project?", "no-project-chosen", candidates=tuple(candidates))
        delivery = Delivery("command:1", "U1", PLACE, "quick server=web-01")
        return checked_message(await self.which.ask(refused, delivery, order, "https://hooks/1"))

    async def press(self, value: str, user: str = "U1") -> Message:
        """Answers what the person is told."""

        async def ack() -> None:
            self.at_ack.append(len(await self.requests()))

        pressed: dict[str, Any] = {"trigger_id": f"{len(self.at_ack)}.1", "user": {"id": user}, "channel": {"id": "C2"}}
        pressed |= {"actions": [{"value": value}], "container": {"is_ephemeral": True}}
        await self.actions.on_button(IN_PROJECT, ack, read(BlockAction, pressed))  # type: ignore[arg-type]  # as much as is called
        async with asyncio.timeout(20):
            return checked_message(await self.slack.told.get())

    async def requests(self) -> list[Request]:
        def ids() -> Script[list[str]]:
            return [row["id"] for row in (yield sql("select id from request order by created_at, id"))]

        return [found[0] for one in await self.database.read(ids) if (found := await self.store.request(one))]

    async def trail(self) -> list[tuple[str, str, str]]:
        """What was decided."""
        rows = [row for row in await self.store.audit_page(0) if row["outcome"] != "done"]
        return [(row["actor"], row["outcome"], row["rule"]) for row in rows]


@pytest.fixture
async def stage(store: Store, database: SqliteDatabase, clock: FakeClock) -> Stage:
    await store.configured_grants(MINE)
    numbers = iter(range(1, 100))
    projects = {alias: a_project(alias) for alias in PROJECTS}
    intake = Intake(store, People(), projects, clock, lambda: f"r-{next(numbers)}", 100)  # type: ignore[arg-type]  # as much as is asked
    sessions = FormSessions(store, clock, lambda: f"f-{next(numbers)}")
    slack, urls = Slack(), ResponseUrls(clock)
    tasks = BackgroundTasks(Unexpected("/snapshot", lambda: "e-1"))
    front: Any = SimpleNamespace(
        command="/snapshot", people=People(), urls=urls, replies=slack, tasks=tasks, deferred=Nothing()
    )
    which = WhichProject(front, ProjectQuestions(store, intake, sessions))
    actions = Actions(front, store, sessions, {IN_PROJECT: Button(which.answer)}, {})
    return Stage(store, database, slack, urls, which, actions)


def values(message: Message) -> dict[str, str]:
    """What can be chosen, and what it brings back."""
    (actions,) = [block for block in message["blocks"] if block["type"] == "actions"]
    elements = actions["elements"]
    shown = elements[0]["options"] if elements[0]["type"] == "static_select" else elements
    return {one["text"]["text"]: one["value"] for one in shown}


async def test_the_order_is_given_once_more_with_its_project_and_recorded_before_it_is_acknowledged(
    stage: Stage,
) -> None:
    offered = values(await stage.ask())
    assert list(offered) == ["payments", "shop"]
    told = await stage.press(offered["shop"])
    (request,) = await stage.requests()
    assert stage.at_ack == [1]
    assert request.order == replace(ORDER, project="shop")
    assert (request.project, request.place, request.actor_id) == ("shop", PLACE, "U1")
    assert request.text == 'quick server=web-01 project=shop keep=7 reason="disk is full, and Bob\'s on call"'
    assert told["text"].startswith(":mag: Looking at the disks of server “web-01”.")
    assert stage.urls.take(request.id) == "https://hooks/1"
    assert await stage.trail() == [("U1", "allowed", "granted")]


async def test_the_same_answer_counts_once_and_another_is_another_order(stage: Stage) -> None:
    offered = values(await stage.ask())
    await asyncio.gather(stage.press(offered["shop"]), stage.press(offered["shop"]))
    again = await stage.press(offered["shop"])
    (request,) = await stage.requests()
    assert again["text"].startswith("You pressed this before, so it changed nothing now.")
    assert f"equest `{request.id}`" in again["text"]
    await stage.press(offered["payments"])
    assert [one.project for one in await stage.requests()] == ["shop", "payments"]


async def test_the_right_is_asked_when_it_is_pressed_and_may_come_back(stage: Stage) -> None:
    offered = values(await stage.ask())
    await stage.store.configured_grants(MINE[:1])
    told = await stage.press(offered["shop"])
    assert "There is no project “shop” that you may use." in told["text"]
    assert "project=shop" in told["text"] and await stage.requests() == []
    await stage.store.configured_grants(MINE)
    await stage.press(offered["shop"])
    assert [one.project for one in await stage.requests()] == ["shop"]
    assert await stage.trail() == [("U1", "denied", "no-grant"), ("U1", "allowed", "granted")]


async def test_an_answer_that_was_not_offered_is_decided_like_one_that_is_typed(stage: Stage) -> None:
    offered = json.loads(values(await stage.ask())["shop"])
    told = await stage.press(json.dumps({**offered, "project": "vault"}))
    assert "There is no project “vault” that you may use." in told["text"]
    assert (await stage.requests(), await stage.trail()) == ([], [("U1", "denied", "no-grant")])


async def test_the_question_of_somebody_else_is_not_answered(stage: Stage) -> None:
    offered = values(await stage.ask())
    await stage.store.configured_grants([*MINE, a_grant("U2", project="shop")])
    told = await stage.press(offered["shop"], "U2")
    assert "This question can't be answered any more." in told["text"]
    assert await stage.requests() == []
    assert ("U2", "denied", "form-tampered") in await stage.trail()


async def test_a_form_of_ones_own_is_no_question(stage: Stage) -> None:
    sessions = stage.which.questions.form_sessions
    form = sessions.begun("delete", "U1", PLACE, subject="quick server=web-01")
    await sessions.save(form)
    told = await stage.press(json.dumps({"question": form.id, "project": "shop"}))
    assert "This question can't be answered any more." in told["text"]
    assert (await stage.requests(), await stage.trail()) == ([], [("U1", "denied", "form-tampered")])


@pytest.mark.parametrize(
    "value",
    [
        "",
        "r-one",
        "[]",
        '{"question": "f-99", "project": "shop"}',
        '{"question": "f-1", "project": ""}',
        '{"question": "f-1", "project": 7}',
        json.dumps({"question": "f-1", "project": "shop" * 500}),
        "\ud800",
    ],
)
async def test_a_value_that_leads_nowhere_creates_nothing(stage: Stage, value: str) -> None:
    await stage.ask()
    told = await stage.press(value)
    assert "This question can't be answered any more." in told["text"]
    assert (await stage.requests(), await stage.trail()) == ([], [("U1", "denied", "form-unknown")])


async def test_more_than_five_are_chosen_from_a_list_and_more_than_it_holds_are_told_in_words(stage: Stage) -> None:
    many = [f"project-{number:03}" for number in range(101)]
    assert list(values(await stage.ask(candidates=many[:100]))) == many[:100]
    message = await stage.ask(candidates=many)
    assert [block for block in message["blocks"] if block["type"] == "actions"] == []
    assert "Which project?" in message["text"] and "/snapshot quick server=web-01" in message["text"]


async def test_an_order_too_long_to_be_typed_with_its_project_is_asked_back_in_words(stage: Stage) -> None:
    disks = Quick(tuple(Selector("disk", f"a-disk-with-a-long-name-{number:03}") for number in range(90)))
    message = await stage.ask(disks)
    assert [block for block in message["blocks"] if block["type"] == "actions"] == []


async def test_an_order_for_single_disks_comes_back_with_all_its_options(stage: Stage) -> None:
    order = Create(("orders-db", "a, b"), name="before", tags={"tier": "prod"}, keep_days=3, instant_access=True)
    await stage.press(values(await stage.ask(order))["payments"])
    (request,) = await stage.requests()
    assert request.order == replace(order, project="payments")
