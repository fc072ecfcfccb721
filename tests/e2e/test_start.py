"""A start that can't be: one sentence, exit code 2, and no traceback, whatever is wrong."""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.simulator.setting import PortTaken, Setting
from tests.e2e.test_demo import said

CONFIG = """
[credentials.vm]
kind = "agency"

[projects.web]
project_id = "0123456789abcdef0123456789abcdef"
region = "ap-southeast-3"
credentials = "vm"
"""


@pytest.fixture
def taken() -> Iterator[int]:
    """A port at which another process listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        yield other.getsockname()[1]


async def bot(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "BOT_"))}
    tokens = {
        "SLACK_BOT_TOKEN": "xoxb-1234",
        "SLACK_APP_TOKEN": "xapp-1234",
        "SLACK_API_URL": "http://127.0.0.1:9/api/",
        "ADMIN_PORT": "0",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *arguments),
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**inherited, "PYTHONPATH": str(Path(__file__).parents[2]), **tokens, **environment},
    )
    return await said(process)


STORES: dict[str, str] = {
    "nowhere/store.db": "its folder does not exist. Make it",
    "bot.toml/store.db": "a part of its path is no folder",
    "folder": "it is a folder",
    "text.db": "it is no SQLite database",
    "locked.db": "another process keeps it locked",
}


@pytest.mark.parametrize("store", STORES)
async def test_a_store_that_can_t_be_opened_is_one_sentence(tmp_path: Path, store: str) -> None:
    (tmp_path / "bot.toml").write_text(CONFIG)
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.db").write_text("no database at all " * 100)
    with closing(sqlite3.connect(tmp_path / "locked.db")) as other:
        other.execute("create table x (y)")
        other.execute("begin exclusive")
        code, text = await bot(tmp_path, "run", BOT_STORE=f"sqlite:///{store}")
    assert (code, text.count("\n"), "Traceback" in text) == (2, 1, False), text
    assert text.startswith(f"The store {store} can't be opened: ")
    assert STORES[store] in text


@pytest.mark.parametrize("how", ["small", "read-only"])
async def test_a_disk_that_takes_no_store_is_one_sentence(tmp_path: Path, how: str) -> None:
    (tmp_path / "bot.toml").write_text(CONFIG)
    libc = ctypes.CDLL(None, use_errno=True)
    (tmp_path / "disk").mkdir()
    place, read_only = str(tmp_path / "disk").encode(), 1 if how == "read-only" else 0
    if libc.mount(b"tmpfs", place, b"tmpfs", read_only, b"size=2m"):
        pytest.skip("only root mounts a disk")
    try:
        code, text = await bot(tmp_path, "run", BOT_STORE="sqlite:///disk/store.db")
    finally:
        libc.umount2(place, 2)
    assert (code, text.count("\n")) == (2, 1), text
    words = {"small": "its disk is full, or nearly so (", "read-only": "its disk is read-only. Mount it for writing"}
    assert f"The store disk/store.db can't be opened: {words[how]}" in text


async def test_a_server_of_the_store_that_is_away_is_no_bad_configuration(tmp_path: Path) -> None:
    (tmp_path / "bot.toml").write_text(CONFIG)
    code, text = await bot(tmp_path, "run", BOT_STORE="postgresql://bot:hush-hush@127.0.0.1:9/store")
    assert (code, text) == (1, "PostgreSQL at 127.0.0.1:9 can't be reached.\n")


async def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path, taken: int) -> None:
    (tmp_path / "bot.toml").write_text(CONFIG)
    code, text = await bot(tmp_path, "run", ADMIN_PORT=str(taken))
    assert (code, "Traceback" in text) == (2, False)
    assert f"Nothing can listen at 127.0.0.1:{taken}: another process does." in text
    assert "(ADMIN_HOST, ADMIN_PORT)" in text
    world = f"127.0.0.1:{taken}: another process does."
    for arguments in (("demo", "--once", "--port"), ("simulate", "--slack-port"), ("simulate", "--cloud-port")):
        code, text = await bot(tmp_path, *arguments, str(taken))
        assert (code, text.count("\n")) == (2, 1), text
        assert world in text and arguments[-1] in text


async def test_a_simulation_that_can_t_begin_leaves_nothing_behind(tmp_path: Path, taken: int) -> None:
    setting = Setting(tmp_path)
    with pytest.raises(PortTaken):
        await setting.start(slack_port=taken)
    await setting.start()
    await setting.stop()


async def test_a_file_that_says_nothing_is_no_configuration(tmp_path: Path) -> None:
    (tmp_path / "bot.toml").write_text("# later\n\n")
    code, text = await bot(tmp_path, "run")
    assert (code, "Traceback" in text) == (2, False)
    assert "bot.toml: The file says nothing." in text


async def test_the_version_is_told(tmp_path: Path) -> None:
    code, text = await bot(tmp_path, "--version")
    assert code == 0
    assert text.startswith("snapshot-bot 0.")
