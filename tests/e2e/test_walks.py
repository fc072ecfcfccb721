"""Which functions of the bot a delivery passes, from Slack to its acknowledgement, and which a job to its POST."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

import bot
from bot.slack.ids import APPROVE, TRY_AGAIN
from tests.e2e.conftest import CHANNEL, World
from tests.e2e.test_approvals import Start, asked, press, start
from tests.e2e.test_forms import choose_disks, open_form
from tests.e2e.test_granting import asked as told
from tests.e2e.test_retrying import failed_once

__all__ = ["start"]

ROOT = Path(bot.__file__).parent
PAGE = ROOT.parent / "docs" / "architecture.md"

BEGINS = {"Socket._answer": "delivery", "EmbeddedEngine._call": "job"}
"""Where a walk begins, and what it is one of."""
LEFT_OUT = (
    "domain.",
    "slack.views.",
    "slack.payloads",
    "slack.ids",
    "clock",
    "cache",
    "retry",
    "metrics.",
    "store.handed_over",
    "store.database",
)
"""What calculates, reads, waits or measures on the way; `decide` alone is told of it."""

PROJECTS = ("payments-prod", "shop", "legacy")

FRAMES_OF_A_POST = ("Transport.send", "ProjectCalls._once", "ProjectCalls.ask", "EvsClient.create_standard_snapshot")

_walk: ContextVar[str] = ContextVar("walk", default="")


def _module(code: CodeType) -> str:
    """The dotted name below `bot`; "" for what is not the bot's own."""
    path = Path(code.co_filename)
    own = path.is_relative_to(ROOT) and "simulator" not in path.parts
    return ".".join(path.relative_to(ROOT).with_suffix("").parts) if own else ""


def _caller(frame: FrameType) -> str:
    """The package of the bot's own function that this was called by."""
    above = frame.f_back
    while above is not None and (not _module(above.f_code) or "<" in above.f_code.co_qualname):
        above = above.f_back
    return _module(above.f_code).rpartition(".")[0] if above else ""


@dataclass
class Watch:
    """The functions that are called from another package of the bot, in order, by the walk they belong to."""

    hops: dict[str, list[str]] = field(default_factory=dict)
    decisions: dict[str, int] = field(default_factory=dict)
    posts: set[tuple[str, ...]] = field(default_factory=set)
    """The functions of `bot/evs/` below each POST, the innermost first."""
    delivery: str = ""
    """The walk that waits for the store: a transaction runs on a thread that knows nothing of it."""

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        if event != "call":
            return
        code = frame.f_code
        if module := _module(code):
            self._passed(frame, module, code.co_qualname)
        elif code.co_qualname == "AsyncAck.__call__":
            self.delivery = ""
            _walk.set("")
        elif code.co_qualname == "AsyncClient.send" and frame.f_locals["request"].method == "POST":
            self.posts.add(tuple(_own_frames(frame)))

    def _passed(self, frame: FrameType, module: str, name: str) -> None:
        if name in BEGINS:
            kind = frame.f_locals["key"].partition(":")[0] if BEGINS[name] == "job" else BEGINS[name]
            _walk.set(kind)
            self.delivery = kind if kind == "delivery" else self.delivery
        in_transaction = threading.current_thread().name == "store"
        walk = self.delivery if in_transaction else _walk.get()
        if not walk:
            return
        if name == "decide":
            self.decisions[walk] = self.decisions.get(walk, 0) + 1
        elif in_transaction or _left_out(frame, module, name):
            return
        hops = self.hops.setdefault(walk, [])
        if name not in hops:
            hops.append(name)


def _left_out(frame: FrameType, module: str, name: str) -> bool:
    """Calculations, what is private or has no name, and what a package calls of its own."""
    last = name.rpartition(".")[2]
    private = last.startswith("_") and last != "__call__" and name not in BEGINS
    return private or "<" in name or module.startswith(LEFT_OUT) or module.rpartition(".")[0] == _caller(frame)


def _own_frames(frame: FrameType | None) -> Iterator[str]:
    while frame is not None:
        if _module(frame.f_code).startswith("evs."):
            yield frame.f_code.co_qualname
        frame = frame.f_back


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    sys.setprofile(watch)
    try:
        yield
    finally:
        sys.setprofile(None)


@pytest.fixture
def watch() -> Iterator[Watch]:
    """To be asked for before the world: the store's thread begins with the bot and is watched from its start."""
    watch = Watch()
    threading.setprofile(watch)
    yield watch
    threading.setprofile(None)


def hold(name: str, hops: list[str]) -> None:
    """The page tells this walk as it is. `GOLDEN_UPDATE=1` writes it anew."""
    page = PAGE.read_text(encoding="utf-8")
    begin = f"| {name} | "
    before, found, rest = page.partition(begin)
    assert found, f"{PAGE.name} has no walk of {name}"
    told, end, after = rest.partition(" |\n")
    walked = " → ".join(f"`{hop}`" for hop in hops)
    if os.environ.get("GOLDEN_UPDATE"):
        PAGE.write_text(f"{before}{begin}{walked}{end}{after}", encoding="utf-8")
        told = walked
    assert told == walked


async def known(world: World, person: str) -> None:
    """Slack has told who this is: the bot decides at once."""
    await world.say("access", person)
    await world.told(person, "payments-prod")


async def test_a_create_is_decided_once_at_each_hop_and_its_post_passes_four_functions(
    watch: Watch, quiet_world: World
) -> None:
    world = quiet_world
    await world.start_bot()
    await known(world, "alice")
    with watched(watch):
        request = await world.create("web-01-data keep=7")
        await world.finished(request)
    assert watch.decisions == {"delivery": 1, "plan": 1, "submit": 1}
    (frames,) = [frames for frames in watch.posts if frames[-1] == "EvsClient.create_standard_snapshot"]
    assert frames == FRAMES_OF_A_POST
    hold("`create`", watch.hops["delivery"])
    hold("job `plan`", watch.hops["plan"])
    hold("job `submit`", watch.hops["submit"])


async def test_a_form_that_is_sent_is_decided_once(watch: Watch, world: World) -> None:
    await world.say("")
    await open_form(world, "alice")
    await choose_disks(world, "alice", "web-01-data")
    with watched(watch):
        assert (await world.slack.submit("alice")).ok
    assert watch.decisions["delivery"] == 1
    hold("a form that is sent", watch.hops["delivery"])


async def test_a_button_that_is_pressed_is_decided_once(watch: Watch, start: Start) -> None:
    world = await start("approvals = 1")
    message = await asked(world, await world.create("web-01-data", "bob"))
    await known(world, "eng01")
    with watched(watch):
        await press(world, "eng01", message, APPROVE)
    assert watch.decisions["delivery"] == 1
    hold("the button of an approval", watch.hops["delivery"])


async def test_what_is_tried_again_is_decided_once(watch: Watch, world: World) -> None:
    _, receipt = await failed_once(world)
    with watched(watch):
        await world.slack.press("alice", CHANNEL, receipt.ts, TRY_AGAIN)
        await world.told("alice", "another try of 1 disk")
    assert watch.decisions["delivery"] == 1


async def test_a_form_for_a_binding_that_is_refused_is_decided_once_in_each_project(watch: Watch, world: World) -> None:
    await known(world, "bob")
    with watched(watch):
        await told(world, "bind", "Only an admin of a project may bind a channel to it.", "bob")
    assert sum(watch.decisions.values()) == len(PROJECTS)
