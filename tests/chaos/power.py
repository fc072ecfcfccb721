"""A power cut: of what a process wrote to its store, the disk keeps what was synced and any part of the rest.

SQLite writes a transaction to the log, syncs it (`synchronous=FULL`), and only then counts its frames in the index that
its connections share in memory (`-shm`). So what stands in the log beyond the count may be lost, in any way; and so may
pages of the file that the log still holds, because the file is synced before the log begins anew.
Source: sqlite.org, WAL-mode File Format, sections 2.1 and 4; Powersafe Overwrite.
"""

from __future__ import annotations

import random
import shutil
import struct
from pathlib import Path

LOG_HEADER, FRAME_HEADER, SECTOR = 32, 24, 512


def suffixed(store: Path, suffix: str) -> Path:
    return store.with_name(store.name + suffix)


def copied(store: Path, to: Path) -> Path:
    """The files of a store whose process stands still."""
    to.mkdir()
    for suffix in ("", "-wal", "-shm"):
        if suffixed(store, suffix).exists():
            shutil.copyfile(suffixed(store, suffix), to / suffixed(store, suffix).name)
    return to / store.name


def cut(store: Path, rng: random.Random) -> str:
    """Take from a store without a process what a power cut may take; answers what that was, in words."""
    log, index = suffixed(store, "-wal"), suffixed(store, "-shm")
    if not log.exists() or log.stat().st_size <= LOG_HEADER or not index.exists():
        return "nothing: no log"
    page, frames = _counted(index.read_bytes())
    synced = LOG_HEADER + frames * (FRAME_HEADER + page)
    told = f"{frames} frames of {page} bytes are synced; {_lose(log, min(synced, log.stat().st_size), rng)}"
    if frames and rng.random() < 0.5:
        told += f"; {_tear(store, log.read_bytes(), frames, page, rng)} pages are torn"
    if rng.random() < 0.7:
        index.unlink()  # it is never synced, and no process reads that of another life
    else:
        index.write_bytes(rng.randbytes(index.stat().st_size))
    return told


def _counted(index: bytes) -> tuple[int, int]:
    """The size of a page, and how many frames of the log count. Its header stands there twice, written in turn."""
    known = [struct.unpack_from("=HI", index, at + 14) for at in (0, 48) if len(index) >= 96 and index[at + 12]]
    return max(known, key=lambda one: one[1], default=(4096, 0))


def _lose(log: Path, synced: int, rng: random.Random) -> str:
    """Of what is not synced: cut off, never written, or something else by the sector or by the bit."""
    content = bytearray(log.read_bytes())
    how = rng.choice(["cut", "cut", "sectors", "bits", "all of it", "nothing"])
    if how == "cut":
        del content[rng.randint(synced, min(len(content), synced + 20_000)) :]
    elif how == "all of it":
        del content[synced:]
    elif how == "bits":
        for _ in range(rng.randint(1, 20)):
            if len(content) > synced:
                content[min(len(content) - 1, synced + int(rng.expovariate(1 / 5_000)))] ^= 1 << rng.randrange(8)
    elif how == "sectors":
        for at in range(synced, min(len(content), synced + 40_000), SECTOR):
            if rng.random() < 0.5:
                lost = len(content[at : at + SECTOR])
                content[at : at + SECTOR] = rng.choice([bytes(lost), rng.randbytes(lost)])
    log.write_bytes(content)
    return f"lost of the rest: {how}"


def _tear(store: Path, log: bytes, frames: int, page: int, rng: random.Random) -> int:
    """Pages that the log holds may be half written in the file. Of the first page one sector is all that is ever read
    past the log, and sectors are written whole.
    """
    starts = [LOG_HEADER + number * (FRAME_HEADER + page) for number in range(frames)]
    held = sorted({struct.unpack_from(">I", log, at)[0] for at in starts if at + FRAME_HEADER <= len(log)} - {1})
    torn = rng.sample(held, min(len(held), 5))
    with store.open("r+b") as file:
        for number in torn:
            if number * page <= store.stat().st_size:
                file.seek((number - 1) * page + rng.randrange(page // SECTOR) * SECTOR)
                file.write(rng.randbytes(SECTOR))
    return len(torn)
