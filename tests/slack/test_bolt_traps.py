"""What Bolt 1.30 would do wrong by itself, and what the two entries do instead."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlencode

import aiohttp
import pytest
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from bot.clock import SystemClock
from bot.domain.actors import AccountKind, Actor
from bot.domain.requests import Place
from bot.domain.results import Accepted
from bot.simulator.setting import Setting
from bot.slack.background_tasks import BackgroundTasks
from bot.slack.bolt import build_bolt
from bot.slack.client.scopes import SCOPES
from bot.slack.command_road import CommandRoad
from bot.slack.http.request_url import HttpEntry, read_request
from bot.slack.listeners.commands import CommandListeners
from bot.slack.listeners.deferred_replies import DeferredReplyJob
from bot.slack.listeners.errors import ErrorListener
from bot.slack.listeners.events import LastListeners
from bot.slack.listeners.queries import Queries
from bot.slack.origin import Origin
from bot.slack.payloads import Identity, SlashCommand, read
from bot.slack.unexpected import Unexpected
from bot.slack.views.message import Message
from bot.workflow.intake import Delivery
from tests.builders import a_request
from tests.e2e.conftest import FastClock, World

RECORDED = Path(__file__).parents[1] / "data" / "slack-payloads"
FORM = "application/x-www-form-urlencoded"
SECRET = "a-signing-secret"
TOKEN = "xoxb-the-bots-own-token"


def recorded(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))


HARBOR = recorded("api/auth.test")["bot"]


def command_form(text: str) -> str:
    """The form body of `/snapshot TEXT`, with the fields as Slack sends them."""
    return urlencode({**recorded("slash_command.form")["fields"], "text": text})


# --- the parts that Bolt calls ----------------------------------------------------------------------------------------


class StubPeople:
    """Knows nobody, or everybody."""

    def __init__(self, account: AccountKind | None = None) -> None:
        self._account = account

    def known(self, user_id: str) -> Actor | None:
        return Actor(user_id, self._account) if self._account else None

    async def look_up(self, user_id: str) -> Actor:
        return Actor(user_id, AccountKind.MEMBER)


class StubReception:
    """Takes everything, or fails in the way given."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.texts: list[str] = []

    async def depends_on_who_asks(self, order: object, channel: str) -> bool:
        return False

    async def create(self, delivery: Delivery, order: object) -> Accepted:
        self.texts.append(delivery.text)
        if self.failure:
            raise self.failure
        return Accepted(a_request("r-00000001", place=Place("T1", "C1")), checked=True)


class StubReplies:
    """Remembers what was answered in private."""

    def __init__(self) -> None:
        self.answers: list[str] = []
        self.answered = asyncio.Event()

    async def tell(
        self, _user: str, _url: str | None, _channel: str, message: Message, _thread: str | None = None
    ) -> None:
        self.answers.append(message["text"])
        self.answered.set()


class StubUrls:
    def keep(self, _request: str, _url: str) -> None:
        pass


class StubForms:
    """Fails right after an acknowledgement."""

    def open_for_command(self, _sent: SlashCommand, _order: Any) -> None:
        raise RuntimeError("a bug right after the acknowledgement")


@dataclass
class Parts:
    app: AsyncApp
    road: CommandRoad
    intake: StubReception
    replies: StubReplies
    tasks: BackgroundTasks


def parts(*, intake: StubReception | None = None, bot: Mapping[str, Any] = HARBOR) -> Parts:
    origin = Origin(read(Identity, bot))
    app = build_bolt(AsyncWebClient(base_url="http://127.0.0.1:1/api/"), TOKEN, SECRET, origin)
    unexpected = Unexpected("/snapshot", lambda: "e-00000001")
    intake, replies, tasks = intake or StubReception(), StubReplies(), BackgroundTasks(unexpected)
    clock = SystemClock()
    deferred = DeferredReplyJob(None, replies, clock, unexpected)  # type: ignore[arg-type]  # nothing is owed here
    front: Any = SimpleNamespace(
        command="/snapshot", people=StubPeople(), urls=StubUrls(), deferred=deferred, clock=clock
    )
    cases, forms, unasked = cast(Any, SimpleNamespace(intake=intake)), cast(Any, StubForms()), cast(Any, None)
    commands = CommandListeners(
        front, cases, Queries(front, cases, unasked), forms, actions=unasked, which_project=unasked
    )
    errors = ErrorListener(unexpected, replies, tasks)  # type: ignore[arg-type]  # as much as is told
    errors.register(app)
    LastListeners().register(app)
    road = CommandRoad("/snapshot", origin, commands.on_command, errors.on_error)
    return Parts(app, road, intake, replies, tasks)


@dataclass
class Answer:
    status: int
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Client:
    """Slack's side of the request URL."""

    def __init__(self, http: aiohttp.ClientSession, port: int) -> None:
        self._http = http
        self._url = f"http://127.0.0.1:{port}/slack/events"

    async def post(
        self, body: str, content_type: str = FORM, *, secret: str = SECRET, at: str | None = None, signed: bool = True
    ) -> Answer:
        timestamp = str(int(time.time())) if at is None else at
        headers = {"Content-Type": content_type}
        if signed:
            signature = SignatureVerifier(secret).generate_signature(timestamp=timestamp, body=body)
            headers |= {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signature or ""}
        async with self._http.post(self._url, data=body.encode(), headers=headers) as answer:
            return Answer(answer.status, await answer.text())


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[Parts], Awaitable[Client]]]:
    """Put an app behind a real port."""
    entries: list[HttpEntry] = []
    tasks: list[BackgroundTasks] = []
    async with aiohttp.ClientSession() as http:

        async def start(made: Parts) -> Client:
            entry = HttpEntry(made.app, made.road, SECRET, 0, "127.0.0.1")
            await entry.start()
            entries.append(entry)
            tasks.append(made.tasks)
            return Client(http, entry.port)

        yield start
        for task in tasks:
            await task.stop()
        for entry in entries:
            await entry.stop()


@pytest.fixture
async def http_world(tmp_path: Path) -> AsyncIterator[World]:
    """The whole bot behind a request URL."""
    clock = FastClock()
    setting = Setting(tmp_path, scopes=SCOPES, now=clock.now)
    await setting.start()
    world = World(setting, clock, socket_mode=False)
    await world.start_bot()
    yield world
    await world.stop_bot()
    await setting.stop()


Serve = Callable[[Parts], Awaitable[Client]]


# --- 1. the word `payload` --------------------------------------------------------------------------------------------


def test_bolt_alone_reads_a_form_that_contains_the_word_payload_as_empty() -> None:
    assert AsyncBoltRequest(body=command_form("create payload-archive-db")).body == {}


@pytest.mark.parametrize("text", ["create payload-archive-db", "create x reason=payload=y", 'create "payload"'])
def test_a_form_that_contains_the_word_payload_is_read_whole(text: str) -> None:
    request = read_request(command_form(text), {"content-type": FORM}, "")
    assert request.body == {**recorded("slash_command.form")["fields"], "text": text}
    assert request.context.user_id == "U0ALICE001"
    assert request.context.channel_id == "C0OPS00001"
    assert request.context.team_id == "T0HARBOR01"


def test_a_form_field_called_payload_is_still_read_as_an_interaction() -> None:
    pressed = recorded("block_actions.message")
    request = read_request(urlencode({"payload": json.dumps(pressed)}), {"content-type": FORM}, "")
    assert request.body == pressed


async def test_a_disk_called_payload_is_backed_up_over_http(http_world: World) -> None:
    request = await http_world.create("payload-archive-db")
    root = await http_world.finished(request)
    (made,) = http_world.cloud.snapshots()
    assert made["volume_id"] == "d15c0000-0006-4000-8000-000000000006"
    assert made["id"] in root.text
    assert "payload-archive-db" in root.text
    assert "all available" in root.text


# --- 2. and 5. exceptions ---------------------------------------------------------------------------------------------


async def test_an_exception_after_the_acknowledgement_keeps_it_and_is_told_by_response_url(serve: Serve) -> None:
    made = parts()
    client = await serve(made)
    answer = await client.post(command_form(""))
    assert (answer.status, answer.text) == (200, "")
    await asyncio.wait_for(made.replies.answered.wait(), 2)
    (told,) = made.replies.answers
    assert "reference e-00000001" in told


async def test_an_exception_before_the_acknowledgement_is_a_sentence_with_a_reference(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    client = await serve(parts(intake=StubReception(RuntimeError("the store is on fire"))))
    answer = await client.post(command_form("create orders-db"))
    assert answer.status == 200
    assert answer.json["response_type"] == "ephemeral"
    assert "reference e-00000001" in answer.json["text"]
    assert "/snapshot status" in answer.json["text"]
    assert "on fire" not in answer.text
    assert "Traceback" not in answer.text
    (logged,) = [record for record in caplog.records if getattr(record, "reference", "") == "e-00000001"]
    assert logged.exc_info is not None


async def test_an_exception_over_socket_mode_is_acknowledged_too() -> None:
    made = parts(intake=StubReception(RuntimeError("the store is on fire")))
    body = {**recorded("slash_command.form")["fields"], "text": "create orders-db"}
    assert made.road.takes(body)
    answer = await made.road.answer(body)
    assert answer.status == 200
    assert "reference e-00000001" in json.loads(answer.body)["text"]


# --- 6. what nobody handles -------------------------------------------------------------------------------------------

INTERACTIONS = [
    "block_actions.message",
    "block_actions.ephemeral",
    "block_actions.external_user",
    "block_actions.home",
    "block_actions.modal",
    "block_actions.thread_message",
    "shortcut.global",
    "shortcut.message_action",
    "shortcut.message_action.in_thread",
    "view_submission",
    "view_closed",
]


@pytest.mark.parametrize("name", INTERACTIONS)
async def test_an_interaction_that_nobody_handles_is_acknowledged_without_words(serve: Serve, name: str) -> None:
    client = await serve(parts())
    answer = await client.post(urlencode({"payload": json.dumps(recorded(name))}))
    assert (answer.status, answer.text) == (200, "")


@pytest.mark.parametrize("name", ["block_suggestion.message", "block_suggestion.modal"])
async def test_a_question_for_options_that_nobody_answers_gets_none(serve: Serve, name: str) -> None:
    client = await serve(parts())
    answer = await client.post(urlencode({"payload": json.dumps(recorded(name))}))
    assert (answer.status, answer.json) == (200, {"options": []})


EVENTS = [
    "event.app_home_opened",
    "event.app_home_opened.first_visit",
    "event.app_mention",
    "event.app_mention.external_user",
    "event.app_mention.in_thread",
    "event.member_left_channel",
    "event.message.im",
    "event.tokens_revoked",
    "event.user_change.deactivated",
    "event.subteam_members_changed",
]


@pytest.mark.parametrize("name", EVENTS)
async def test_an_event_that_nobody_handles_is_acknowledged(serve: Serve, name: str) -> None:
    client = await serve(parts())
    answer = await client.post(json.dumps(recorded(name)), "application/json")
    assert answer.status == 200


# --- 7. what is no event ----------------------------------------------------------------------------------------------


async def deliver(world: World, mode: str, body: dict[str, Any]) -> int:
    """Brought to the bot as Slack does it; answers the status, 0 where a socket was not answered."""
    sim: Any = world.slack
    delivery = await sim.deliverer._deliver("events_api", str(body.get("type")), body)
    return int(delivery.status or 0) if mode == "http" else 200 if delivery.ok else 0


@pytest.fixture(params=["http", "socket"])
async def world_of(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[World, str]]:
    clock = FastClock()
    setting = Setting(tmp_path, scopes=SCOPES, now=clock.now)
    await setting.start()
    world = World(setting, clock, socket_mode=request.param == "socket")
    await world.start_bot()
    yield world, request.param
    await world.stop_bot()
    await setting.stop()


async def test_too_many_events_are_one_warning_and_what_was_believed_is_asked_again(
    world_of: tuple[World, str], caplog: pytest.LogCaptureFixture
) -> None:
    world, mode = world_of
    await world.finished(await world.create("web-01-data"))
    assert "One moment" not in (await world.say("status")).text
    asked = len(world.slack.api_calls("users.info")), len(world.slack.api_calls("usergroups.list"))
    for _ in range(2):
        assert await deliver(world, mode, recorded("event.app_rate_limited")) == 200
    warnings = [one for one in caplog.records if one.levelname == "WARNING" and hasattr(one, "minute")]
    assert [one.minute for one in warnings] == ["2026-01-01T00:01Z"]
    await world.say("status")
    async with asyncio.timeout(5):
        while len(world.slack.api_calls("usergroups.list")) == asked[1]:
            await asyncio.sleep(0.01)
    assert len(world.slack.api_calls("users.info")) == asked[0] + 1


@pytest.mark.parametrize("minute", [None, "soon", 10**30, -1e300, {}, [1], float("nan")])
async def test_whatever_minute_slack_names_it_is_acknowledged(world_of: tuple[World, str], minute: Any) -> None:
    world, mode = world_of
    body = {**recorded("event.app_rate_limited"), "minute_rate_limited": minute}
    assert await deliver(world, mode, body) == 200


@pytest.mark.parametrize("kind", ["app_requested", "something_of_2027", "", "A" * 5_000])
async def test_a_delivery_of_a_kind_that_nobody_knows_is_acknowledged_without_a_hint(
    world_of: tuple[World, str], kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    world, mode = world_of
    assert await deliver(world, mode, {"type": kind, "team_id": "T0HARBOR01", "token": "legacy"}) == 200
    assert [one for one in caplog.records if one.levelname in ("WARNING", "ERROR")] == []


async def test_too_many_events_are_told_by_slack_alone(serve: Serve) -> None:
    client = await serve(parts())
    body = json.dumps(recorded("event.app_rate_limited"))
    assert (await client.post(body, "application/json", secret="another secret")).status == 401


# --- the OAuth trap ---------------------------------------------------------------------------------------------------


async def test_a_client_id_in_the_environment_does_not_turn_the_bot_into_an_oauth_app(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_CLIENT_ID", "1.2")
    monkeypatch.setenv("SLACK_CLIENT_SECRET", "somebody-elses")
    made = parts()
    assert made.app.oauth_flow is None
    client = await serve(made)
    assert (await client.post(command_form("create orders-db"))).status == 200
    assert made.intake.texts == ["create orders-db"]


async def test_listeners_get_the_bots_own_token_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_BOT_TOKEN"):
        monkeypatch.setenv(name, "somebody-elses")
    origin = Origin(read(Identity, HARBOR))
    app = build_bolt(AsyncWebClient(), TOKEN, SECRET, origin)
    tokens: list[str | None] = []

    async def remember(context: AsyncBoltContext, client: AsyncWebClient) -> None:
        tokens.extend([context.bot_token, client.token])

    app.event("app_mention")(remember)
    request = AsyncBoltRequest(mode="socket_mode", body=recorded("event.app_mention"))
    assert (await app.async_dispatch(request)).status == 200
    assert tokens == [TOKEN, TOKEN]


async def test_the_whole_bot_answers_with_a_client_id_in_its_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_CLIENT_ID", "1.2")
    monkeypatch.setenv("SLACK_CLIENT_SECRET", "somebody-elses")
    clock = FastClock()
    setting = Setting(tmp_path, scopes=SCOPES, now=clock.now)
    await setting.start()
    world = World(setting, clock, socket_mode=False)
    try:
        await world.start_bot()
        outcome = await world.say("help")
        assert outcome.error is None
        assert "One moment" in outcome.text
    finally:
        await world.stop_bot()
        await setting.stop()


# --- who may post at all ----------------------------------------------------------------------------------------------


async def test_a_well_signed_command_is_taken(serve: Serve) -> None:
    made = parts()
    client = await serve(made)
    answer = await client.post(command_form("create orders-db"))
    assert answer.status == 200
    assert "r-00000001" in answer.json["text"]
    assert made.intake.texts == ["create orders-db"]


async def test_the_recorded_signature_is_the_one_that_is_checked() -> None:
    vector = recorded("request_signing.vector")
    verifier = SignatureVerifier(vector["signing_secret"])
    timestamp = vector["headers"]["X-Slack-Request-Timestamp"]
    signature = verifier.generate_signature(timestamp=timestamp, body=vector["raw_body"])
    assert signature == vector["headers"]["X-Slack-Signature"]


@pytest.mark.parametrize("text", ["create orders-db", "create payload-archive-db"])
async def test_a_bad_signature_is_refused_and_nothing_is_done(serve: Serve, text: str) -> None:
    made = parts()
    client = await serve(made)
    answer = await client.post(command_form(text), secret="another secret")
    assert answer.status == 401
    assert made.intake.texts == []


async def test_a_missing_signature_is_refused(serve: Serve) -> None:
    made = parts()
    client = await serve(made)
    assert (await client.post(command_form("create orders-db"), signed=False)).status == 401
    assert made.intake.texts == []


@pytest.mark.parametrize("age_s", [301, 3600, -301])
async def test_a_stale_timestamp_is_refused_though_well_signed(serve: Serve, age_s: int) -> None:
    made = parts()
    client = await serve(made)
    answer = await client.post(command_form("create orders-db"), at=str(int(time.time()) - age_s))
    assert answer.status == 401
    assert made.intake.texts == []


@pytest.mark.parametrize(
    "timestamp",
    ["soon", "", "1.5", "-1", "1e9", "²", "١٢٣", "9" * 400, "9" * 5_000],
    ids=["a word", "nothing", "a fraction", "negative", "an exponent", "a superscript", "arabic", "400 digits", "5000"],
)
async def test_a_timestamp_that_is_no_moment_is_refused_and_no_error_of_the_server(
    serve: Serve, timestamp: str
) -> None:
    made = parts()
    client = await serve(made)
    assert (await client.post(command_form("create orders-db"), at=timestamp)).status == 401
    assert made.intake.texts == []


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("{not json", "application/json"),
        ("[1, 2]", "application/json"),
        ('"text"', "application/json"),
        ("payload=%7Bnot+json", FORM),
        ("payload=%5B1%5D", FORM),
        ('{"enterprise": 5, "team": 5, "event": 5, "authorizations": [5]}', "application/json"),
        ('{"a":' * 100_000, "application/json"),
        ("", "application/json"),
    ],
    ids=["broken", "a list", "a text", "a broken payload", "a list as payload", "odd types", "deep", "empty"],
)
async def test_a_body_that_is_no_delivery_is_refused_and_no_error_of_the_server(
    serve: Serve, body: str, content_type: str
) -> None:
    client = await serve(parts())
    answer = await client.post(body, content_type, secret="another secret")
    assert answer.status in (400, 401)


async def test_the_url_verification_is_answered(serve: Serve) -> None:
    client = await serve(parts())
    body = json.dumps({"token": "x", "challenge": "c-4711", "type": "url_verification"})
    answer = await client.post(body, "application/json")
    assert (answer.status, answer.json) == (200, {"challenge": "c-4711"})


@pytest.mark.parametrize("signed", [True, False])
async def test_the_ssl_check_is_answered(serve: Serve, signed: bool) -> None:
    client = await serve(parts())
    answer = await client.post("ssl_check=1&token=legacyverificationtoken0", signed=signed)
    assert (answer.status, answer.text) == (200, "")
