"""The page's own paths, asked over a real socket."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest

from bot.simulator.bot_process import BotProcess
from bot.simulator.cloud import Timing
from bot.simulator.cloud.default_world import PAYMENTS
from bot.simulator.page import Site, read_story
from bot.simulator.page.plans import Asked, Plans
from bot.simulator.page.story import CommandFailed, Player
from bot.simulator.page.troubles import TROUBLES, Troubles
from bot.simulator.setting import Setting

STATIC = Path(__file__).parents[3] / "bot/simulator/page/static"
FACE = {"command": "/snapshot", "go": "go"}
ASKED = {"user": "alice", "channel": "#inc-demo", "text": "/snapshot quick"}
STORY = {
    "channel": "#inc-demo",
    "told": "It is 3 a.m.",
    "people": [{"user": "alice", "role": "admin"}],
    "things": [
        {
            "title": "Say it",
            "told": "Bob says it.",
            "user": "bob",
            "channel": "#inc-demo",
            "steps": [{"say": {"user": "bob", "channel": "#inc-demo", "text": "said in the story"}}],
        }
    ],
}


async def explain(user: str, action: str, project: str, channel: str) -> Mapping[str, Any]:
    return {"allowed": False, "rule": "no-grant", "told": f"{user} {action} {project} {channel}"}


async def trail(after: int | None) -> list[dict[str, Any]]:
    return [{"seq": number, "actor": "U0ALICE001"} for number in (1, 2, 3) if number > (after or 0)]


@pytest.fixture
async def setting(tmp_path: Path) -> AsyncIterator[Setting]:
    setting = Setting(tmp_path)
    bot = BotProcess(setting.environment, setting.workspace.notify)
    site = Site(setting, bot, read_story(STORY), FACE, explain=explain, trail=trail)
    setting.workspace.add_routes(site.routes())
    await setting.start()
    yield setting
    await setting.stop()


@pytest.fixture
async def http(setting: Setting) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=setting.workspace.url, trust_env=False) as client:
        yield client


async def logged_in(setting: Setting) -> httpx.AsyncClient:
    """A client of the cloud with a token for payments-prod."""
    client = httpx.AsyncClient(base_url=setting.cloud.url, trust_env=False)
    user = {"name": "snapshot-bot", "domain": {"name": "ACME"}, "password": "sim-password-not-a-secret"}
    identity = {"methods": ["password"], "password": {"user": user}}
    body = {"auth": {"identity": identity, "scope": {"project": {"id": PAYMENTS}}}}
    answer = await client.post("/v3/auth/tokens", json=body)
    client.headers["X-Auth-Token"] = answer.headers["X-Subject-Token"]
    return client


class Reader:
    """One reader of the stream, who keeps what is told."""

    def __init__(self, http: httpx.AsyncClient, viewer: str) -> None:
        self.seen: dict[str, Any] = {}
        self._reading = asyncio.create_task(self._read(http, viewer))

    async def _read(self, http: httpx.AsyncClient, viewer: str) -> None:
        async with http.stream("GET", "/page/stream", params={"viewer": viewer}) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    self.seen |= json.loads(line.removeprefix("data: "))

    async def until(self, text: str, *, there: bool = True) -> None:
        async with asyncio.timeout(10):
            while (text in json.dumps(self.seen)) != there:
                await asyncio.sleep(0.01)

    async def leave(self) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)


async def test_the_page_asks_for_nothing_from_elsewhere_and_may_run_nothing_else(http: httpx.AsyncClient) -> None:
    for name in ["", *(f"page/{file.name}" for file in STATIC.iterdir())]:
        answer = await http.get(f"/{name}")
        assert answer.status_code == 200, name
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'") and "unsafe" not in policy
        assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)[\w.]+", answer.text) == [], name
    assert (await http.get("/page/nothing.js")).status_code == 404


def test_no_text_of_others_can_become_markup() -> None:
    scripts = "".join(file.read_text("utf-8") for file in STATIC.glob("*.js"))
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", scripts) == []


def test_no_function_of_the_page_is_too_long_to_read() -> None:
    for file in STATIC.glob("*.js"):
        lines = file.read_text("utf-8").splitlines()
        starts = [
            number
            for number, line in enumerate(lines)
            if re.match(r"(?:export )?(?:async )?function|  \w+\(.*\) \{$", line)
        ]
        for start in starts:
            indent = lines[start][: len(lines[start]) - len(lines[start].lstrip())]
            end = next(number for number in range(start, len(lines)) if lines[number] == f"{indent}}}")
            assert end - start < 40, f"{file.name}: {lines[start]}"
        assert len(lines) < 250, file.name


async def test_another_sites_page_may_not_ask(http: httpx.AsyncClient) -> None:
    order = {"user": "alice", "channel": "#inc-demo", "text": "hello"}
    for headers in ({"Origin": "https://example.com"}, {"Host": "evil.example.com"}):
        assert (await http.post("/_control/say", json=order, headers=headers)).status_code == 403
    own = {"Origin": str(http.base_url).rstrip("/")}
    assert (await http.post("/_control/say", json=order, headers=own)).status_code == 200


async def test_each_reader_sees_what_that_person_may_see(setting: Setting, http: httpx.AsyncClient) -> None:
    alice, gus = Reader(http, "alice"), Reader(http, "gus")
    await setting.workspace.say("alice", "#inc-demo", "for all of the channel")
    await setting.workspace.say("alice", "#db-oncall", "in private")
    await alice.until("in private")
    await gus.until("for all of the channel")
    assert "in private" not in json.dumps(gus.seen) and "db-oncall" not in json.dumps(gus.seen)
    message = setting.workspace.messages("#inc-demo")[0]
    await setting.workspace.edit("alice", "#inc-demo", message.ts, "said better")
    await gus.until("said better")
    await alice.leave()
    await gus.leave()


async def test_every_trouble_can_be_switched_on_and_leaves_nothing(setting: Setting, http: httpx.AsyncClient) -> None:
    timing = setting.cloud.world.timing
    for on in (True, False):
        for trouble in TROUBLES:
            answer = await http.post("/page/trouble", json={"trouble": trouble.id, "on": on})
            assert answer.json() == {"ok": True}, trouble.id
        if on:
            assert {fault["kind"] for fault in setting.cloud.waiting_faults()} >= {"429", "job_fail", "external_busy"}
            assert setting.cloud.world.timing != timing
    assert [fault for fault in setting.cloud.waiting_faults() if fault["times"] > 1] == []
    assert {project.quotas.volumes for project in setting.cloud.world.projects} == {400}
    assert setting.workspace.state.faults.waiting == []
    assert setting.cloud.world.timing == timing
    assert (await http.post("/page/trouble", json={"trouble": "none"})).status_code == 400


async def test_what_happens_once_waits_for_its_call_whatever_is_switched_meanwhile(
    setting: Setting, http: httpx.AsyncClient
) -> None:
    await http.post("/page/trouble", json={"trouble": "attached-meanwhile"})
    for on in (True, False):
        await http.post("/page/trouble", json={"trouble": "failing-roll-backs", "on": on})
    assert [(one["kind"], one["times"]) for one in setting.cloud.waiting_faults()] == [("attached_meanwhile", 1)]
    reader = Reader(http, "alice")
    await reader.until("attached-meanwhile")
    assert [one["id"] for one in reader.seen["troubles"] if one["waits"]] == ["attached-meanwhile"]
    await reader.leave()


async def test_a_full_quota_counts_the_disks_that_there_are(setting: Setting, http: httpx.AsyncClient) -> None:
    await http.post("/page/trouble", json={"trouble": "full-quota", "on": True})
    projects = setting.cloud.world.projects
    assert {one.project_id: one.quotas.volumes for one in projects} == dict(setting.cloud.disks_by_project())


async def test_a_disk_is_unplugged_rolled_back_and_copied_before_the_eyes_of_a_reader(
    setting: Setting, http: httpx.AsyncClient
) -> None:
    setting.cloud.world.timing = Timing(min_seconds=0.3, max_seconds=0.3)
    disk, reader = setting.cloud.world.disk("web-01-data"), Reader(http, "alice")
    cloud = await logged_in(setting)
    await reader.until("web-01-data")

    async def until(name: str, value: Any, disk_id: str = disk.id) -> None:
        async with asyncio.timeout(10):
            while (reader.seen.get(f"disk/{disk_id}") or {}).get(name) != value:
                await asyncio.sleep(0.01)

    order = {"snapshot": {"volume_id": disk.id}}
    made = (await cloud.post(f"/v5/{PAYMENTS}/snapshots", json=order)).json()["snapshot_id"]
    setting.cloud.settle()
    at = setting.cloud.world.snapshots[made].created_at.timestamp()
    assert (await http.post("/page/plug", json={"disk": disk.id, "attached": False})).json() == {"ok": True}
    again = await http.post("/page/plug", json={"disk": disk.id, "attached": False})
    assert (again.status_code, again.json()["error"]) == (
        400,
        "web-01-data is detaching: only a disk that is in use can be detached.",
    )
    await until("detached", True)
    assert reader.seen[f"disk/{disk.id}"]["belongs"] == "web-01"
    await http.post("/page/trouble", json={"trouble": "failing-roll-backs", "on": True})
    path = f"/v5/{PAYMENTS}/snapshots/{made}/rollback"
    await cloud.post(path, json={"rollback": {"volume_id": disk.id}})
    await until("rolled_back", {"to": at, "how": "error_rollbacking"})
    await http.post("/page/trouble", json={"trouble": "failing-roll-backs", "on": False})
    await cloud.post(path, json={"rollback": {"volume_id": disk.id}})
    await until("rolled_back", {"to": at, "how": "available"})
    zone = {"availability_zone": disk.availability_zone, "volume_type": disk.volume_type, "size": disk.size_gb}
    wanted = {"snapshot_id": made, "metadata": {"create_for_volume_id": "true"}, **zone}
    [copy] = (await cloud.post(f"/v2.1/{PAYMENTS}/cloudvolumes", json={"volume": wanted})).json()["volume_ids"]
    await until("origin", {"disk": "web-01-data", "at": at}, copy)
    await http.post("/page/plug", json={"disk": disk.id, "attached": True})
    await until("status", "in-use")
    await cloud.aclose()
    await reader.leave()


async def test_a_thing_to_try_is_done_by_one_press(setting: Setting, http: httpx.AsyncClient) -> None:
    assert (await http.post("/page/try", json={"number": 0})).json() == {"ok": True}
    assert [message.text for message in setting.workspace.messages("#inc-demo")] == ["said in the story"]


class Planner:
    """Stands for the bot where it is told of commands and presses: each command is answered by a plan."""

    def __init__(self, setting: Setting, http: httpx.AsyncClient) -> None:
        http.headers["Authorization"] = f"Bearer {setting.workspace.bot_token}"
        self.pressed: list[str] = []
        self._http, self._made, self._sockets = http, 0, aiohttp.ClientSession()
        self._setting = setting
        self._hearing = asyncio.create_task(self._hear())

    async def post(self, request: str, user: str, action: str = "go") -> str:
        """A message with a button that stands out."""
        go = {"type": "button", "action_id": action, "style": "primary", "value": request}
        rows = [{"type": "actions", "elements": [{**go, "text": {"type": "plain_text", "text": "Go"}}]}]
        body = {"channel": "C0INCDEMO1", "text": f"a plan\n<@{user}> · request {request}", "blocks": rows}
        answer = (await self._http.post("/api/chat.postMessage", json=body)).json()
        return str(answer["ts"])

    async def end(self, ts: str) -> None:
        await self._http.post("/api/chat.update", json={"channel": "C0INCDEMO1", "ts": ts, "text": "done"})

    async def _hear(self) -> None:
        app = {"Authorization": f"Bearer {self._setting.workspace.app_token}"}
        address = (await self._http.post("/api/apps.connections.open", headers=app)).json()["url"]
        async with self._sockets.ws_connect(address) as socket:
            async for frame in socket:
                told = frame.json()
                if "envelope_id" in told:
                    await socket.send_json({"envelope_id": told["envelope_id"]})
                if told["type"] == "slash_commands":
                    self._made += 1
                    await self.post(f"r-{self._made}", told["payload"]["user_id"])
                if told["type"] == "interactive":
                    self.pressed += [one["value"] for one in told["payload"]["actions"]]

    async def leave(self) -> None:
        self._hearing.cancel()
        await asyncio.gather(self._hearing, return_exceptions=True)
        await self._sockets.close()


async def test_a_story_presses_the_plan_of_its_own_command_and_no_other_button(
    setting: Setting, http: httpx.AsyncClient
) -> None:
    plans, bot = Plans(setting.workspace, "go"), BotProcess(setting.environment, setting.workspace.notify)
    player, planner = Player(setting, bot, Troubles(setting.cloud, setting.workspace), plans), Planner(setting, http)
    await setting.workspace.wait_for_bot()
    await planner.post("r-before", "U0ALICE001")
    await player.play([{"command": ASKED}])
    await planner.post("r-again", "U0ALICE001", "try_again")
    await planner.post("r-of-bob", "U0BOB00002", "approve")
    assert await player.play([{"press": ASKED}]) == ""
    assert planner.pressed == ["r-1"]
    first = await plans.waiting(Asked(**ASKED))
    assert first is not None
    await planner.end(first.message.ts)
    assert "a new one was asked for" in await player.play([{"press": ASKED}])
    assert planner.pressed == ["r-1", "r-2"]
    await planner.leave()


async def test_where_no_plan_comes_of_it_nothing_is_pressed(
    setting: Setting, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans, bot = Plans(setting.workspace, "another"), BotProcess(setting.environment, setting.workspace.notify)
    player, planner = Player(setting, bot, Troubles(setting.cloud, setting.workspace), plans), Planner(setting, http)
    await setting.workspace.wait_for_bot()
    monkeypatch.setattr("bot.simulator.page.plans.OVERDUE_SECONDS", 0.3)
    with pytest.raises(LookupError, match="nothing is pressed"):
        await player.play([{"press": ASKED}])
    assert planner.pressed == []
    await planner.leave()
    await setting.workspace.drop_sockets()
    with pytest.raises(CommandFailed, match="the bot is killed"):
        await player.play([{"press": ASKED}])


async def test_the_bots_explanation_is_asked_with_ids(http: httpx.AsyncClient) -> None:
    asked = {"user": "carol", "action": "create", "project": "shop", "channel": "#ops"}
    answer = (await http.post("/page/explain", json=asked)).json()
    assert answer == {"ok": True, "allowed": False, "rule": "no-grant", "told": "U0CAROL009 create shop C0OPS00001"}


async def test_rows_of_the_audit_trail_come_behind_those_that_are_there(http: httpx.AsyncClient) -> None:
    async def numbers(after: int | None) -> list[int]:
        return [one["seq"] for one in (await http.post("/page/trail", json={"after": after})).json()["rows"]]

    assert (await numbers(None), await numbers(2), await numbers(3)) == ([1, 2, 3], [3], [])


async def test_a_thing_that_needs_a_snapshot_does_nothing_while_there_is_none(setting: Setting) -> None:
    said = {"user": "bob", "channel": "#inc-demo", "text": "/snapshot restore {snapshot of web-01-data}"}
    steps: list[dict[str, Any]] = [{"plug": {"disk": "web-01-data", "attached": False}}, {"command": said}]
    bot = BotProcess(setting.environment, setting.workspace.notify)
    player = Player(setting, bot, Troubles(setting.cloud, setting.workspace), Plans(setting.workspace, "go"))
    disk = setting.cloud.world.disk("web-01-data")
    with pytest.raises(LookupError, match="There is no snapshot of web-01-data yet: back it up first"):
        await player.play(steps)
    assert setting.cloud.status_of(disk) == "in-use"
    cloud = await logged_in(setting)
    made = (await cloud.post(f"/v5/{PAYMENTS}/snapshots", json={"snapshot": {"volume_id": disk.id}})).json()
    setting.cloud.settle()
    with pytest.raises(CommandFailed, match="the bot is killed"):
        await player.play(steps)
    assert setting.cloud.status_of(disk) == "available"
    [typed] = [one for one in setting.workspace.journal if one["entry"] == "delivery"]
    assert typed["payload"]["text"] == f"restore {made['snapshot_id']}"
    await player.play([{"plug": {"disk": "web-01-data"}}])
    assert setting.cloud.status_of(disk) == "in-use"
    await cloud.aclose()


async def test_half_way_is_when_a_copy_of_the_steps_is_in_the_making_and_no_other(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting.cloud.world.timing.min_seconds = setting.cloud.world.timing.max_seconds = 3600.0
    bot = BotProcess(setting.environment, setting.workspace.notify)
    troubles, plans = Troubles(setting.cloud, setting.workspace), Plans(setting.workspace, "go")
    player = Player(setting, bot, troubles, plans)
    cloud = await logged_in(setting)

    async def copy(disk: str) -> None:
        body = {"snapshot": {"volume_id": setting.cloud.world.disk(disk).id}}
        assert (await cloud.post(f"/v5/{PAYMENTS}/snapshots", json=body)).status_code == 202

    await copy("web-01-data")
    monkeypatch.setattr("bot.simulator.page.story.OVERDUE_SECONDS", 0.3)
    with pytest.raises(LookupError, match="was asked for no snapshot"):
        await player.play([{"until": "creating"}])
    await player.play([{"until": "ended"}])
    monkeypatch.undo()
    playing = asyncio.create_task(player.play([{"until": "creating"}]))
    await asyncio.sleep(0)
    await copy("orders-db")
    await asyncio.wait_for(playing, 10)
    await cloud.aclose()


@pytest.mark.parametrize(
    ("story", "told"),
    [
        ({"things": [{"title": "x"}]}, "missing"),
        ({"opening": [{"jump": {}}]}, "a step is one of"),
        ({"opening": [{"press": {"user": "alice", "channel": "#inc-demo"}}]}, "a step is one of"),
        ({"opening": [{"bot": "dance"}]}, "a step is one of"),
        ({"opening": [{"trouble": "rain"}]}, "there is no trouble rain"),
        ({"said": [{"user": "alice"}]}, "what was said needs"),
        ([], "can't be read"),
    ],
)
def test_a_story_that_cannot_be_played_is_told(story: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_story(story)
