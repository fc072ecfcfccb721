"""Rows in a file: whole lines, whatever happens to the file between two batches."""

from __future__ import annotations

import json
import logging
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import ReceiverAway
from bot.outages import Outages
from bot.receivers.json_lines import JsonLinesFile


def row(seq: int) -> dict[str, Any]:
    return {"seq": seq, "at": "2026-11-23T12:00:00.000+00:00", "outcome": "done", "actor": "data\x1b[2J\u202e"}


def receiver(path: Path) -> JsonLinesFile:
    return JsonLinesFile(path, Outages(logging.getLogger("tests"), "away", "back"))


def numbers(path: Path) -> list[int]:
    return [json.loads(line)["seq"] for line in path.read_text().splitlines()]


async def test_rows_are_lines_that_hide_nothing_in_a_file_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    await receiver(path).take([row(1), row(2)])
    await receiver(path).take([row(3)])
    assert numbers(path) == [1, 2, 3]
    assert path.read_bytes().decode().replace("\n", "").isprintable()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_file_that_was_rotated_is_opened_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "audit.jsonl"
    rows = receiver(path)
    await rows.take([row(1)])
    path.rename(tmp_path / "audit.jsonl.1")
    await rows.take([row(2)])
    assert (numbers(tmp_path / "audit.jsonl.1"), numbers(path)) == ([1], [2])
    assert caplog.records == []


async def test_a_file_that_was_cut_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "audit.jsonl"
    rows = receiver(path)
    await rows.take([row(1), row(2)])
    os.truncate(path, 0)
    await rows.take([row(3)])
    await rows.take([row(4)])
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "was cut: rows are missing in it" in caplog.text
    assert numbers(path) == [3, 4]


async def test_half_a_line_that_a_crash_left_is_ended(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_text('{"seq": 1}\n{"se')
    await receiver(path).take([row(2)])
    assert json.loads(path.read_text().splitlines()[-1])["seq"] == 2


@pytest.mark.parametrize("place", ["nowhere/audit.jsonl", "folder", "pipe"])
async def test_what_can_be_no_file_is_away_and_told_once(
    tmp_path: Path, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    rows = receiver(tmp_path / place)
    for _ in range(2):
        with pytest.raises(ReceiverAway, match="can't be written"):
            await rows.take([row(1)])
    assert [record.message for record in caplog.records] == ["away"]


async def test_a_disk_without_room_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "audit.jsonl"
    rows = receiver(path)
    await rows.take([row(1)])
    written = os.write

    def full(file: int, data: bytes) -> int:
        if len(data) < 10:
            raise OSError(28, "No space left on device")
        return written(file, bytes(data)[: len(data) // 2])

    with monkeypatch.context() as disk:
        disk.setattr(os, "write", full)
        with pytest.raises(ReceiverAway, match="No space left"):
            await rows.take([row(2)])
    assert numbers(path) == [1]
    await rows.take([row(2)])
    assert numbers(path) == [1, 2]
