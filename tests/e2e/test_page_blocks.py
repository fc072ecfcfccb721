"""Every block and element of Block Kit on the page, used by a person in a browser, before an app that only listens."""

from __future__ import annotations

import asyncio
import importlib.util
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

if importlib.util.find_spec("selenium") is None:
    pytest.skip("selenium is not installed here (pip install -e '.[dev]')", allow_module_level=True)

import httpx
from selenium.webdriver import Chrome
from selenium.webdriver.common.keys import Keys
from slack_sdk import WebClient

from bot.simulator.bot_process import BotProcess
from bot.simulator.page import Site, read_story
from bot.simulator.setting import Setting
from tests.e2e.browser import NOT_HERE, PHONE, WIDE, Page, is_here

if not is_here():
    pytest.skip(NOT_HERE, allow_module_level=True)

ALICE, CHANNEL = "U0ALICE001", "C0INCDEMO1"
MESSAGE = "#messages .message"
FACE = {"command": "/snapshot", "go": "go", "hint": "", "shortcuts": []}


async def explain(user: str, action: str, project: str, channel: str) -> Mapping[str, Any]:
    return {"allowed": False, "rule": "no-grant", "lines": []}


async def trail(after: int | None) -> list[dict[str, Any]]:
    return []


async def others_end() -> None:
    """The browser keeps connections open, whose handlers wait."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for one in others:
        one.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class Stage:
    """A workspace with its page on a thread of its own. No app is connected: a click fails, and is in the journal."""

    def __init__(self, directory: Path) -> None:
        self.setting = Setting(directory, scopes=["chat:write", "commands", "files:read"])
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        bot = BotProcess(self.setting.environment, self.setting.workspace.notify)
        story = read_story({"channel": "#inc-demo"})
        site = Site(self.setting, bot, story, FACE, explain=explain, trail=trail)
        self.setting.workspace.add_routes(site.routes())
        self.run(self.setting.start())
        self.setting.workspace.ack_seconds = 0.2
        self.slack = WebClient(token=self.setting.workspace.bot_token, base_url=self.setting.workspace.api_url)

    def run(self, doing: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(doing, self._loop).result(10)

    def say(self, text: str, thread_ts: str | None = None) -> None:
        """As a person: an app may post only so often."""
        self.run(self.setting.workspace.say("bob", CHANNEL, text, thread_ts=thread_ts))

    def close(self) -> None:
        self.run(self.setting.stop())
        self.run(others_end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def clicks(self) -> list[dict[str, Any]]:
        journal = list(self.setting.workspace.journal)
        return [one["payload"] for one in journal if one["entry"] == "delivery" and one["name"] == "block_actions"]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("stage"))
    stage.slack.chat_postMessage(channel=CHANNEL, text="the first")
    yield stage
    stage.close()


@pytest.fixture(scope="module")
def shown(stage: Stage, chrome: Chrome) -> Iterator[Page]:
    page = Page(chrome, stage.setting.workspace.url)
    yield page
    page.leave()


@pytest.fixture
def page(shown: Page) -> Iterator[Page]:
    yield shown
    assert shown.complaints() == []


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


OPTIONS = [{"text": plain("7 days"), "value": "7d"}, {"text": plain("30 days"), "value": "30d"}]
RICH = {
    "type": "rich_text",
    "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "rich"}]}],
}
CELLS = [[{"type": "raw_text", "text": "disk"}], [{"type": "raw_text", "text": "vol-1"}]]
CARD = {
    "type": "card",
    "title": plain("a card"),
    "actions": [{"type": "button", "action_id": "c", "text": plain("In card")}],
}
PICTURE = {"type": "image", "image_url": "https://x.test/a.png", "alt_text": "a picture"}
CHOICES: list[dict[str, Any]] = [
    {"type": "static_select", "action_id": "keep", "options": OPTIONS},
    {"type": "users_select", "action_id": "who"},
    {"type": "channels_select", "action_id": "where"},
    {"type": "conversations_select", "action_id": "place"},
    {"type": "external_select", "action_id": "outside", "min_query_length": 0},
    {"type": "multi_static_select", "action_id": "keeps", "options": OPTIONS},
    {"type": "datepicker", "action_id": "day"},
    {"type": "timepicker", "action_id": "hour"},
    {"type": "datetimepicker", "action_id": "moment"},
    {"type": "checkboxes", "action_id": "boxes", "options": OPTIONS},
    {"type": "radio_buttons", "action_id": "radio", "options": OPTIONS},
    {"type": "overflow", "action_id": "more", "options": OPTIONS},
    {"type": "button", "action_id": "go", "text": plain("Go on")},
]
FIELDS: list[dict[str, Any]] = [
    {"type": "plain_text_input", "action_id": "why"},
    {"type": "email_text_input", "action_id": "mail"},
    {"type": "url_text_input", "action_id": "link"},
    {"type": "number_input", "action_id": "count", "is_decimal_allowed": False},
    {"type": "rich_text_input", "action_id": "story"},
    {"type": "file_input", "action_id": "files", "filetypes": ["csv"]},
]
INPUTS: list[dict[str, Any]] = [
    {"type": "input", "block_id": f"b-{one['action_id']}", "label": plain(one["action_id"]), "element": one}
    for one in FIELDS
]
BELOW = {
    "type": "context_actions",
    "elements": [
        {
            "type": "feedback_buttons",
            "action_id": "rate",
            "positive_button": {"text": plain("Good"), "value": "good"},
            "negative_button": {"text": plain("Bad"), "value": "bad"},
        },
        {"type": "icon_button", "action_id": "drop", "icon": "trash", "text": plain("Delete")},
    ],
}
EVERYWHERE: list[dict[str, Any]] = [
    {"type": "header", "text": plain("A header")},
    {"type": "section", "text": plain("A section"), "accessory": PICTURE},
    {"type": "context", "elements": [plain("A context"), PICTURE]},
    {"type": "divider"},
    PICTURE,
    {
        "type": "video",
        "title": plain("A video"),
        "alt_text": "x",
        "thumbnail_url": "https://x.test/a.png",
        "video_url": "https://x.test/a",
        "author_name": "Ann",
    },
    RICH,
    CARD,
    {"type": "actions", "block_id": "a", "elements": CHOICES},
    *INPUTS,
]
IN_MESSAGES: list[dict[str, Any]] = [
    BELOW,
    {"type": "markdown", "text": "**markdown**"},
    {"type": "table", "rows": CELLS},
    {"type": "data_table", "caption": "Data", "rows": CELLS},
    {"type": "carousel", "elements": [{**CARD, "title": plain("in a row"), "actions": []}]},
    {
        "type": "container",
        "title": plain("A container"),
        "is_collapsible": True,
        "default_collapsed": True,
        "child_blocks": [{"type": "section", "text": plain("folded away")}],
    },
    {"type": "task_card", "task_id": "1", "title": "A task", "status": "pending"},
]
WORDS = ("A header", "A section", "A context", "a picture", "A video", "Ann", "rich", "a card", "In card", "Go on")


def all_is_drawn(page: Page, place: str, words: tuple[str, ...]) -> None:
    text = page.text(place)
    assert [one for one in words if one not in text] == []
    assert "is not shown here" not in text and "a block of the type" not in text
    assert page.unnamed() == []


def test_every_block_and_element_is_drawn_in_a_message_and_used_there(stage: Stage, page: Page) -> None:
    stage.slack.chat_postMessage(channel=CHANNEL, text="all", blocks=[*EVERYWHERE, *IN_MESSAGES])
    page.open("alice", (WIDE[0], 2400))
    page.see(MESSAGE, "A container")
    all_is_drawn(page, MESSAGE, (*WORDS, "markdown", "vol-1", "Data", "in a row", "A container", "A task", "Good"))
    assert "folded away" not in page.text(MESSAGE)
    page.press(".block-container summary")
    page.see(MESSAGE, "folded away")
    page.type("[data-focus^='b-why/']", "an upgrade", Keys.TAB)
    page.press("[data-focus^='a/keep/']")
    page.press("[role='option']", "30 days")
    page.until(lambda: stage.clicks() or None)
    values = stage.clicks()[-1]["state"]["values"]
    assert (values["a"]["keep"]["selected_option"]["value"], values["b-why"]["why"]["value"]) == ("30d", "an upgrade")
    assert set(values["a"]) == {one["action_id"] for one in CHOICES if one["type"] not in ("overflow", "button")}
    before = len(stage.clicks())
    page.press("[data-focus$='/rate/bad']")
    page.until(lambda: len(stage.clicks()) > before or None)
    assert stage.clicks()[-1]["actions"][0]["value"] == "bad"
    page.open("alice", PHONE, dark=True)
    page.see(MESSAGE, "A container")
    assert page.script("return document.documentElement.scrollWidth") == PHONE[0]
    chosen = page.script("return document.querySelector(\"[data-focus^='a/keep/']\").value")
    assert chosen == "30 days", "what was chosen is there again after the page is opened anew"


def test_menus_and_fields_on_home_are_told_to_the_app(stage: Stage, page: Page) -> None:
    stage.slack.views_publish(user_id=ALICE, view={"type": "home", "blocks": EVERYWHERE})
    page.open("alice", (WIDE[0], 2400))
    page.press(".room", "Home")
    page.see("#home", "A header")
    all_is_drawn(page, "#home", WORDS)
    page.type("#home [data-focus^='b-why/']", "weekly", Keys.TAB)
    before = len(stage.clicks())
    page.press("#home [data-focus^='a/who/']")
    page.press("#home [role='option']", "@bob")
    page.until(lambda: len(stage.clicks()) > before or None)
    click = stage.clicks()[-1]
    values = click["view"]["state"]["values"]
    assert (click["container"]["type"], values["b-why"]["why"]["value"]) == ("view", "weekly")
    assert values["a"]["who"]["selected_user"] == "U0BOB00002"


def test_a_file_is_picked_in_a_form(stage: Stage, page: Page, tmp_path: Path) -> None:
    page.open("alice")
    trigger = stage.setting.workspace.state.triggers.make(ALICE, CHANNEL)
    view = {"type": "modal", "title": plain("All"), "submit": plain("Send"), "blocks": EVERYWHERE}
    stage.slack.views_open(trigger_id=trigger, view=view)
    page.see("dialog", "A header")
    all_is_drawn(page, "dialog", WORDS)
    for name in ("disks.exe", "disks.csv"):
        (tmp_path / name).write_text("id\nd-1\n", encoding="utf-8")
    page.type("dialog input[type='file']", str(tmp_path / "disks.exe"))
    page.see("dialog .error", "disks.exe is none of csv")
    page.type("dialog input[type='file']", str(tmp_path / "disks.csv"))
    page.see("dialog .files", "disks.csv, 7 B")
    form = stage.setting.workspace.view("alice")
    assert form is not None
    [file] = form.values["b-files"]["files"]["files"]
    assert (file["name"], file["size"], file["user"]) == ("disks.csv", 7, ALICE)
    page.keys(Keys.ESCAPE)


TO_END = "const l = document.getElementById('messages'); return l.scrollHeight - l.scrollTop - l.clientHeight"
READ_UP = "document.getElementById('messages').scrollTop = 0"
NEWER = "#messages-newer"


@pytest.mark.parametrize("size", [WIDE, PHONE])
def test_who_reads_further_up_is_told_of_what_is_new_and_who_writes_sees_the_end(
    stage: Stage, page: Page, size: tuple[int, int]
) -> None:
    stage.say("long ago\n" * 60)
    page.open("alice", size)
    page.until(lambda: page.script(TO_END) < 2 or None)
    stage.say(f"news at the end {size}")
    page.see(MESSAGE, f"news at the end {size}")
    assert page.script(TO_END) < 2 and not page.text(NEWER)
    page.script(READ_UP)
    page.until(lambda: page.script(TO_END) > 500 or None)
    stage.say("news below")
    page.see(NEWER, "New messages")
    assert page.script(TO_END) > 500
    page.press(NEWER)
    page.until(lambda: page.script(TO_END) < 2 or None)
    assert not page.text(NEWER)
    page.script(READ_UP)
    page.until(lambda: page.script(TO_END) > 500 or None)
    page.type("#message-box", "is it done?", Keys.ENTER)
    page.until(lambda: page.script(TO_END) < 2 or None)
    page.script(READ_UP)
    page.until(lambda: page.script(TO_END) > 500 or None)
    page.type("#message-box", "/snapshot list", Keys.ENTER)
    page.see("#note", "/snapshot")
    page.until(lambda: page.script(TO_END) < 2 or None)  # the note above pushes nothing out of sight


def press_why(stage: Stage, page: Page, message: str) -> None:
    before = len(stage.clicks())
    page.press(f"{message} [data-action='why']")
    page.until(lambda: len(stage.clicks()) > before or None)


def test_a_private_answer_to_a_press_in_a_thread_stands_in_that_thread(stage: Stage, page: Page) -> None:
    button = {"type": "button", "action_id": "why", "text": plain("Why?")}
    blocks = [{"type": "actions", "block_id": "a", "elements": [button]}]
    state = stage.setting.workspace.state
    channel = state.world.channel(CHANNEL)
    root = state.messages.add(channel, state.world.app.bot_user_id, "asked", blocks, from_app=True).ts
    stage.say("a reply", root)
    page.open("alice", PHONE)
    for place, words in (("#messages", "answered in the channel"), ("#replies", "answered in the thread")):
        press_why(stage, page, f"{place} .message[data-ts='{root}']")
        answer = {"text": words, "response_type": "ephemeral", "replace_original": False}
        path = state.response_urls.make(ALICE, CHANNEL, root)
        assert httpx.post(f"{stage.setting.workspace.url}{path}", json=answer, trust_env=False).status_code == 200
        page.see(f"{place} .message.only-me", words)
        page.press(f"{place} .message[data-ts='{root}'] .replies") if place == "#messages" else None
    assert "answered in the channel" not in page.text("#replies")
    page.press("#thread .cross")
    page.see(".message.only-me", "answered in the channel")
    assert "answered in the thread" not in page.text("#messages")


def test_what_only_one_person_sees_is_there_again_after_the_page_is_opened_anew(stage: Stage, page: Page) -> None:
    stage.slack.chat_postEphemeral(channel=CHANNEL, user=ALICE, text="for alice alone")
    page.open("alice")
    page.see(".message.only-me", "for alice alone")
    page.open("bob")
    assert "for alice alone" not in page.text("#messages")
    page.open("alice")
    page.see(".message.only-me", "for alice alone")
