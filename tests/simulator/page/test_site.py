"""The page's own paths, asked over a real socket."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.simulator.bot_process import BotProcess
from bot.simulator.page import Site, read_story
from bot.simulator.page.troubles import TROUBLES
from bot.simulator.setting import Setting

STATIC = Path(__file__).parents[3] / "bot/simulator/page/static"
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


@pytest.fixture
async def setting(tmp_path: Path) -> AsyncIterator[Setting]:
    setting = Setting(tmp_path)
    bot = BotProcess(setting.environment, setting.workspace.notify)
    setting.workspace.add_routes(Site(setting, bot, read_story(STORY), explain, {"command": "/snapshot"}).routes())
    await setting.start()
    yield setting
    await setting.stop()


@pytest.fixture
async def http(setting: Setting) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=setting.workspace.url, trust_env=False) as client:
        yield client


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
    assert setting.workspace.state.faults.waiting == []
    assert setting.cloud.world.timing == timing
    assert (await http.post("/page/trouble", json={"trouble": "none"})).status_code == 400


async def test_a_thing_to_try_is_done_by_one_press(setting: Setting, http: httpx.AsyncClient) -> None:
    assert (await http.post("/page/try", json={"number": 0})).json() == {"ok": True}
    assert [message.text for message in setting.workspace.messages("#inc-demo")] == ["said in the story"]


async def test_the_bots_explanation_is_asked_with_ids(http: httpx.AsyncClient) -> None:
    asked = {"user": "carol", "action": "create", "project": "shop", "channel": "#ops"}
    answer = (await http.post("/page/explain", json=asked)).json()
    assert answer == {"ok": True, "allowed": False, "rule": "no-grant", "told": "U0CAROL009 create shop C0OPS00001"}


@pytest.mark.parametrize(
    ("story", "told"),
    [
        ({"things": [{"title": "x"}]}, "missing"),
        ({"opening": [{"jump": {}}]}, "a step is one of"),
        ({"opening": [{"bot": "dance"}]}, "a step is one of"),
        ({"opening": [{"trouble": "rain"}]}, "there is no trouble rain"),
        ({"said": [{"user": "alice"}]}, "what was said needs"),
        ([], "can't be read"),
    ],
)
def test_a_story_that_cannot_be_played_is_told(story: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_story(story)
