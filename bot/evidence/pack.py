"""The pack as one zip: the same rows make the same bytes, and it has its name once it is whole and on the disk."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from bot.evidence import sections as of
from bot.evidence.collecting import Collected
from bot.evidence.csv_files import Files
from bot.evidence.page import Summary, page
from bot.store.sqlite.backup import on_disk, partial_file, told_kindly
from bot.store.store import Store
from bot.store.trail.search import Facts
from bot.store.upkeep.verification import Verification

PAGE = 1_000
INDEX = "index.html"
_BEGINNING = (1980, 1, 1, 0, 0, 0)
"""The date of each file in it: a zip knows none earlier."""

_MODE = 0o600 << 16


async def written(store: Store, since: datetime, until: datetime, days: tuple[str, str], target: Path) -> Summary:
    """Write the pack of a period, `until` being the moment behind it, to a file that is not there yet, with mode 0600.

    Raises StoreFailed, and leaves nothing behind then.
    """
    with told_kindly(target), partial_file(target) as partial, ExitStack() as stack:
        files = Files((*of.TABLES, of.RAW), target.parent, stack)
        collected, verification = Collected(since, until, files), Verification(await store.witness())
        problems = await _walked(store, collected, verification)
        collected.end(problems)
        seq, head = verification.witness.seq, verification.previous
        summary = Summary(*days, seq, head, problems, verification.restores, files.counts)
        _zip(partial, files, summary, collected)
        on_disk(partial)
        partial.rename(target)
        on_disk(target.parent)
    return summary


async def _walked(store: Store, collected: Collected, verification: Verification) -> list[str]:
    """The problems of the trail; a chain that is broken is the only one then. Rows that are written meanwhile count for
    the next pack.
    """
    broken: str | None = None
    after: int | None = None
    while rows := await store.audit_read(after, PAGE):
        after = rows[-1]["seq"]
        rows = [row for row in rows if row["seq"] <= verification.witness.seq]
        broken = broken or verification.take(rows)
        requests = await store.audit_requests([row for row in rows if collected.within(row)])
        for row in rows:
            collected.take(row, requests)
    return [broken] if broken else verification.missing()


def _zip(partial: Path, files: Files, summary: Summary, collected: Collected) -> None:
    sums: dict[str, str] = {}
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as pack:
        for name, content in _contents(files, summary, collected):
            sums[name] = _added(pack, name, content)
        listed = "".join(f"{sums[name]}  {name}\n" for name in sorted(sums))
        _added(pack, of.CHECKSUMS.file, io.BytesIO(listed.encode()))


def _contents(files: Files, summary: Summary, collected: Collected) -> Iterator[tuple[str, IO[bytes]]]:
    yield INDEX, io.BytesIO(page(summary).encode())
    yield from files.whole()
    yield of.CHAIN.file, io.BytesIO((json.dumps(_chain(summary, collected), indent=2) + "\n").encode())


def _added(pack: zipfile.ZipFile, name: str, content: IO[bytes]) -> str:
    """The SHA-256 of what was added."""
    entry = zipfile.ZipInfo(name, _BEGINNING)
    entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, _MODE, 3
    entry.file_size = content.seek(0, io.SEEK_END)
    content.seek(0)
    digest = hashlib.file_digest(content, "sha256")  # type: ignore[arg-type]  # it reads it as any file
    content.seek(0)
    with pack.open(entry, "w") as target:
        shutil.copyfileobj(content, target, 1 << 20)
    return digest.hexdigest()


def _chain(summary: Summary, collected: Collected) -> Facts:
    return {
        "from": summary.first_day,
        "to": summary.last_day,
        "head": {"seq": summary.seq, "hash": summary.head},
        "whole": not summary.problems,
        "problems": list(summary.problems),
        "restored": list(summary.restores),
        "period": {"first": _place(collected.first), "last": _place(collected.last)},
    }


def _place(row: Mapping[str, Any] | None) -> Facts | None:
    return {name: row[name] for name in ("seq", "previous_hash", "hash")} if row else None
