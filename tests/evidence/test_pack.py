"""An evidence pack says what the trail says, on both stores, and is the same bytes each time."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import stat
import zipfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.audit import AuditEntry, by_grant, denied, noticed_gone, of_request, restoration_ended
from bot.domain.errors import StoreFailed
from bot.domain.transitions import RestorationState
from bot.evidence.csv_files import cell
from bot.evidence.pack import INDEX, written
from bot.evidence.page import Summary
from bot.evidence.sections import ASKED, SECTIONS, TABLES
from bot.store.database import Database
from bot.store.script import Script, sql
from bot.store.sqlite.database import SqliteDatabase
from bot.store.store import Store
from tests.builders import NOON, FakeClock, a_grant, a_request, a_restoration, an_actor, an_item
from tests.postgres import store_on
from tests.store.test_trail_search import asked

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
SINCE, UNTIL = NOON.replace(hour=0), NOON.replace(hour=0) + DAY
FORMULA = '=HYPERLINK("http://example.com";"x")'


@pytest.fixture(params=["sqlite", "postgres"])
async def database(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    if request.param == "postgres":
        async with store_on(request.getfixturevalue("postgres_server")) as database:
            yield database
    else:
        file = SqliteDatabase(tmp_path / "store.db")
        await file.open()
        yield file
        await file.close()


@pytest.fixture
async def store(database: Database) -> Store:
    """U1 and U5 may on the day before; on the day U5 may no more and U6 may, and r-one and r-two run, one of them by
    break-glass; a day later that is reviewed.
    """
    clock = FakeClock(NOON - DAY)
    store = Store(database, clock)
    ending = a_grant("U7", expires_at=NOON - timedelta(hours=13))
    await store.configured_grants([a_grant("U1"), a_grant("U5"), ending])
    clock.pass_(days=1)
    await store.configured_grants([a_grant("U1"), a_grant("U6", "approver"), ending])
    await asked(store, "r-one", "payments", 7, 8, reason=FORMULA)
    agreed = by_grant(of_request(an_actor("U6"), "approve", a_request("r-one"), "allowed", "granted"), a_grant("U6"))
    await store.approve("r-one", "U6", [agreed])
    for name in ("r-two", "r-three"):
        await asked(store, name, "payments", 7, reason="the disk is on fire", break_glass=True)
    await store.audit(
        [denied("U9", "create", "payments", "no-grant"), denied("x", "approve", "r-x", "approval-timeout")]
    )
    await store.audit([AuditEntry("U1", "bind", "C1", "done", "granted", {"project": "payments"})])
    clock.pass_(days=1)
    await store.review("r-two", "U6", [of_request(an_actor("U6"), "review", a_request("r-two"), "allowed", "reviewed")])
    return store


async def pack(store: Store, target: Path) -> tuple[Summary, zipfile.ZipFile]:
    summary = await written(store, SINCE, UNTIL, ("2026-11-23", "2026-11-23"), target)
    return summary, zipfile.ZipFile(target)


def table(found: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(found.read(name).decode())))


async def test_rights_stand_as_they_were_at_the_first_and_the_last_moment(store: Store, tmp_path: Path) -> None:
    _, found = await pack(store, tmp_path / "pack.zip")
    before, after = ([row["subject"] for row in table(found, f"grants-at-{when}.csv")] for when in ("start", "end"))
    assert (before, after) == (["user:U1", "user:U5"], ["user:U1", "user:U6"])
    changes = [(row["change"], row["subject"], row["actor"]) for row in table(found, "grant-changes.csv")]
    assert changes == [("revoke", "user:U5", "bot.toml"), ("grant", "user:U6", "bot.toml")]


async def test_a_decision_comes_with_its_grant_its_reason_and_its_disk(store: Store, tmp_path: Path) -> None:
    _, found = await pack(store, tmp_path / "pack.zip")
    (sent,) = [row for row in table(found, "decisions.csv") if row["subject"] == "r-one-7"]
    assert (sent["requester"], sent["grant"]) == ("U1", "user:U1 operator payments (bot.toml)")
    assert (sent["disk"], sent["project"], sent["outcome"]) == ("disk-7", "payments", "allowed")
    assert sent["reason"] == f"'{FORMULA}"
    (approval,) = [row for row in table(found, "approvals.csv") if row["subject"] == "r-one"]
    assert (approval["actor"], approval["requester"]) == ("U6", "U1")
    assert [row["snapshot"] for row in table(found, "snapshots.csv")] == ["snap-7", "snap-8", "snap-7", "snap-7"]


async def test_what_ran_without_approval_is_an_exception_until_it_is_reviewed(store: Store, tmp_path: Path) -> None:
    _, found = await pack(store, tmp_path / "pack.zip")
    glass = {row["request"]: row["reviewed_by"] for row in table(found, "break-glass.csv")}
    assert glass == {"r-two": "U6", "r-three": ""}
    kinds = [(row["kind"], row["request"]) for row in table(found, "exceptions.csv")]
    assert kinds == [("denial", ""), ("not answered in time", "r-x"), ("break-glass without review", "r-three")]


async def test_each_proof_stands_there_and_each_point_says_when_it_was_proven_last(
    database: Database, tmp_path: Path
) -> None:
    store = Store(database, FakeClock(NOON))
    await asked(store, "r-one", "payments", 7, 8, 9)
    proven = a_restoration(7, RestorationState.RESTORED, way="verify", submitted_at=NOON, proven_at=NOON + MINUTE)
    failed = a_restoration(8, RestorationState.FAILED, way="verify", code="EVS.2072")
    back = a_restoration(9, RestorationState.RESTORED, made_id="disk-new")
    await store.audit([restoration_ended(one) for one in (proven, failed, back)])
    await store.audit([noticed_gone(an_item(9, request_id="r-one", project="payments", snapshot_id="snap-9"))])
    _, found = await pack(store, tmp_path / "pack.zip")
    rows = [(row["snapshot"], row["outcome"], row["seconds"]) for row in table(found, "restore-proofs.csv")]
    assert rows == [("snap-7", "done", "60"), ("snap-8", "failed", "")]
    points = [(row["snapshot"], row["proven_at"] != "") for row in table(found, "restore-points-at-end.csv")]
    assert points == [("snap-7", True), ("snap-8", False)]
    (restored,) = table(found, "restorations.csv")
    assert (restored["snapshot"], restored["made"], restored["outcome"]) == ("snap-9", "disk-new", "done")
    assert [row["kind"] for row in table(found, "exceptions.csv")] == ["failure"]


async def test_what_nothing_was_found_of_is_said_in_a_sentence(store: Store, tmp_path: Path) -> None:
    _, found = await pack(store, tmp_path / "pack.zip")
    assert table(found, "restore-proofs.csv") == []
    assert "No restore was proven in the period" in found.read(INDEX).decode()


async def test_the_same_rows_make_the_same_bytes_and_each_file_is_what_its_sum_says(
    store: Store, tmp_path: Path
) -> None:
    summary, found = await pack(store, tmp_path / "one.zip")
    await pack(store, tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    assert stat.S_IMODE((tmp_path / "one.zip").stat().st_mode) == 0o600
    listed = (line.split("  ") for line in found.read("SHA256SUMS").decode().splitlines())
    sums = {name: digest for digest, name in listed}
    assert sums == {name: hashlib.sha256(found.read(name)).hexdigest() for name in found.namelist()[:-1]}
    assert set(found.namelist()) == {INDEX, *(section.file for section in SECTIONS)}
    chain = json.loads(found.read("chain.json"))
    assert chain["whole"] and chain["head"] == {"seq": summary.seq, "hash": summary.head}
    lines = [json.loads(line) for line in found.read("audit.jsonl").decode().splitlines()]
    assert chain["period"]["first"]["hash"] == lines[0]["hash"] == lines[1]["previous_hash"]
    assert len(lines) == summary.counts["audit.jsonl"] == chain["period"]["last"]["seq"] - lines[0]["seq"] + 1


async def test_the_page_holds_everything_it_needs_and_names_each_file(store: Store, tmp_path: Path) -> None:
    _, found = await pack(store, tmp_path / "pack.zip")
    html = found.read(INDEX).decode()
    assert not re.search(r"(src|href)=|<script|url\(|@import", html)
    assert all(f"<code>{section.file}</code>" in html for section in SECTIONS)
    assert all(name in ASKED for section in SECTIONS for name in (*section.soc2, *section.iso))
    assert "Yes: its hash chain" in html


async def test_a_broken_trail_is_said_in_the_pack(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "store.db")
    await database.open()
    store = Store(database, FakeClock())
    await store.audit([AuditEntry("<script>", "view", "payments", "allowed")] * 3)

    def cut() -> Script[None]:
        yield sql("drop trigger audit_is_never_cut")
        yield sql("delete from audit where seq = 2")

    await database.run(cut)
    summary, found = await pack(store, tmp_path / "pack.zip")
    assert summary.problems == ["row 2 is missing: row 3 stands in its place"]
    assert "row 2 is missing" in found.read(INDEX).decode()
    assert [row["kind"] for row in table(found, "exceptions.csv")] == ["audit trail"]
    await database.close()


async def test_a_file_that_is_there_stays_and_nothing_is_left_behind(store: Store, tmp_path: Path) -> None:
    target = tmp_path / "out" / "pack.zip"
    target.parent.mkdir()
    await pack(store, target)
    before = target.read_bytes()
    with pytest.raises(StoreFailed, match="is there already and stays as it is"):
        await pack(store, target)
    assert target.read_bytes() == before
    assert [one.name for one in target.parent.iterdir()] == ["pack.zip"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(1)", "  =1", "＝1"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert cell(text) == f"'{text}"
    assert cell("a=1\nb\t\x1b[2J") == "a=1\\nb\\t\\x1b[2J"
    assert (cell(None), cell(7)) == ("", "7")


def test_each_table_has_columns_and_each_name_is_there_once() -> None:
    assert all(section.columns for section in TABLES)
    assert len({section.file for section in SECTIONS}) == len(SECTIONS)
