"""Looks that need no simulator: the disk, the clock, names of regions, threads that hang."""

from __future__ import annotations

import asyncio
import threading
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from bot.checks import configuration
from bot.checks.clocks import SLACK, Clocks
from bot.checks.findings import Page
from bot.checks.store_place import LEAST_BYTES, LOW_BYTES, OVER_THE_NETWORK, looked_at
from bot.checks.threads import LeftBehind
from bot.checks.tokens import BREAKS
from bot.settings import Settings, load_settings
from bot.slack.client.scopes import SCOPES
from bot.store.database import StoreFacts
from bot.store.sqlite.facts import file_system_of
from tests.builders import NOON, FakeClock

GIB = 1024**3


def told(page: Page) -> list[str]:
    return [f"{one.state}: {one.found}. {one.todo}" for one in page.findings]


def of_store(facts: StoreFacts) -> list[str]:
    page = Page("store")
    looked_at(page, Path("/srv/store.db"), facts)
    return told(page)


# --- the store's place ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (StoreFacts(left=LEAST_BYTES - 1), "failed: 15 MiB are left on /srv, too little to start. Make room."),
        (
            StoreFacts(left=LOW_BYTES - 1),
            "warning: 511 MiB are left on /srv. Make room: on a full disk nothing is begun",
        ),
        (StoreFacts(left=3 * GIB, file_system="ext4"), "ok: 3.0 GiB are left on /srv"),
        (StoreFacts(left=GIB, file_system="nfs4"), "warning: /srv: it is a file system over the network (nfs4)"),
        (
            StoreFacts(is_there=True, missing=("0002-more",)),
            "warning: /srv/store.db: an earlier version made it; the next start adds 0002-more. Copy it before",
        ),
        (StoreFacts(is_there=True), "ok: /srv/store.db can be read and written, and has this version's tables"),
    ],
)
def test_room_file_system_and_version_are_told(facts: StoreFacts, line: str) -> None:
    assert [one for one in of_store(facts) if one.startswith(line)], of_store(facts)


MOUNTS = """\
21 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
22 21 0:20 / /srv/a\\040b rw,relatime shared:1 - nfs4 host:/x rw
23 21 0:21 / /srv/a\\040b/tmp rw - tmpfs tmpfs rw
odd line
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/srv", "ext4"),
        ("/srv/a b/c", "nfs4"),
        ("/srv/a b", "nfs4"),
        ("/srv/a b/tmp/x", "tmpfs"),
        ("/srv/a bc", "ext4"),
    ],
)
def test_the_file_system_is_that_of_the_nearest_mount(folder: str, kind: str) -> None:
    assert file_system_of(Path(folder), MOUNTS) == kind
    assert file_system_of(Path(folder), "") == ""
    assert (kind in OVER_THE_NETWORK) == (kind == "nfs4")


# --- the clock --------------------------------------------------------------------------------------------------------


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "bot.toml").write_text(
        '[credentials.shop]\nkind = "access_key"\naccess_key = "env:KEY"\nsecret_key = "env:KEY"\n'
        '[projects.web]\nproject_id = "0123456789abcdef0123456789abcdef"\nregion = "cn-nort-4"\ncredentials = "shop"\n'
    )
    tokens = {"SLACK_BOT_TOKEN": "xoxb-1234", "SLACK_SIGNING_SECRET": "a" * 32, "KEY": "a-key-of-nothing"}
    return load_settings(tokens, tmp_path / "bot.toml")


@pytest.mark.parametrize(
    ("slack_s", "cloud_s", "states"),
    [
        (1, -59, ["ok"]),
        (-61, 3, ["warning", "ok"]),
        (301, 3, ["failed", "ok"]),
        (0, 301, ["warning", "ok"]),
        (0, -901, ["failed", "ok"]),
        (301, 901, ["failed", "failed"]),
    ],
)
def test_a_clock_is_wrong_where_signatures_do_not_bear_it(
    settings: Settings, slack_s: int, cloud_s: int, states: list[str]
) -> None:
    clocks, page = Clocks(FakeClock()), Page("machine")
    clocks.heard(SLACK, _date(slack_s))
    clocks.heard("evs.example", _date(cloud_s))
    clocks.told(page, settings)
    assert [str(one.state) for one in page.findings] == states


def test_a_date_that_is_none_tells_nothing_and_a_late_answer_does_not_make_a_clock_wrong(settings: Settings) -> None:
    clocks, page = Clocks(FakeClock()), Page("machine")
    for date in ("", "yesterday", "Sat, 99 Nov 2026 00:00:00 GMT"):
        clocks.heard(SLACK, date)
    clocks.told(page, settings)
    assert page.findings == []
    clocks.heard(SLACK, _date(-70))
    clocks.heard(SLACK, _date(-1))
    clocks.told(page, settings)
    assert [str(one.state) for one in page.findings] == ["ok"]


def _date(ahead_s: int) -> str:
    at: datetime = NOON + timedelta(seconds=ahead_s)
    return format_datetime(at, usegmt=True)


# --- the rest ---------------------------------------------------------------------------------------------------------


def test_a_region_that_no_sdk_knows_is_told_with_the_one_that_was_meant(settings: Settings) -> None:
    page = Page("configuration")
    configuration.read(page, settings)
    assert told(page)[1:] == [
        "warning: cn-nort-4 is none of the regions that Huawei Cloud's SDK knows. Did you mean cn-north-4?"
    ]


def test_each_scope_of_the_manifest_is_told_with_what_it_breaks() -> None:
    assert BREAKS.keys() == set(SCOPES)


def test_no_exit_waits_for_work_that_hangs() -> None:
    never = threading.Event()

    async def look() -> str:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(LeftBehind())
        assert await asyncio.to_thread(lambda: 1) == 1
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 / 0)
        try:
            async with asyncio.timeout(0.05):
                await asyncio.to_thread(never.wait)
        except TimeoutError:
            return "over"
        return "never"

    assert asyncio.run(look()) == "over"
    never.set()


async def test_what_gives_no_answer_in_time_is_told_and_what_was_noted_before_stands() -> None:
    page = Page("Slack")

    async def look() -> None:
        page.ok("bot token", "bot token", "it is there")
        await asyncio.Event().wait()

    await page.within(0.01, "Slack", "Slack", look())
    assert [(str(one.state), one.found) for one in page.findings] == [
        ("ok", "it is there"),
        ("failed", "no answer within 0.01 s"),
    ]
