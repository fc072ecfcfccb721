"""The store: whether a bot could be started on it."""

from __future__ import annotations

from pathlib import Path

from bot.checks.findings import Page
from bot.domain.store_urls import StoreUrl
from bot.store.database import StoreFacts

LEAST_BYTES = 16 * 1024**2
"""A start writes 6 MiB of log, and SQLite a file or two beside it."""

LOW_BYTES = 512 * 1024**2

OVER_THE_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "ocfs2", "gpfs", "beegfs"}
    | {"fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.s3fs", "fuse.rclone", "fuse.obsfs", "fuse.juicefs"}
)
"""SQLite's log is shared memory, and its locks are the file system's (SQLite, Write-Ahead Logging)."""


def looked_at(page: Page, store: StoreUrl, facts: StoreFacts) -> None:
    file = str(store)
    _tables(page, file, facts)
    if isinstance(store, Path) and (facts.left or facts.file_system):
        _disk(page, store.absolute().parent, facts)
    if facts.open_to and not (facts.problem or facts.foreign):
        found = f"other users of this machine may read or change it (mode {0o600 | facts.open_to:03o})"
        page.warning("store", "store", f"{file}: {found}", f"Run: chmod 600 {file}")


def _tables(page: Page, file: str, facts: StoreFacts) -> None:
    def failed(found: str, todo: str) -> None:
        page.failed("store", "store", f"{file}: {found}", todo)

    if facts.problem:
        found, dot, todo = facts.problem.partition(". ")
        failed(found, f"{todo}." if dot else "Mend that, or name another one with BOT_STORE.")
    elif not facts.is_there:
        page.ok("store", "store", f"{file} is not there yet, and can be made at the first start")
    elif facts.held_by:
        failed(f"process {facts.held_by} keeps it locked", "End that one.")
    elif facts.foreign:
        failed("these are the tables of another program", "Name another file with BOT_STORE.")
    elif facts.later:
        found = f"a later version of the bot has changed it (its schema has {facts.later[-1]})"
        failed(found, "Start that version, or put back the copy that was made before the upgrade.")
    elif facts.missing:
        found = f"{file}: an earlier version made it; the next start adds {', '.join(facts.missing)}"
        page.warning("store", "store", found, "Copy it before you start this version: snapshot-bot store backup FILE")
    else:
        page.ok("store", "store", f"{file} can be read and written, and has this version's tables")


def _disk(page: Page, folder: Path, facts: StoreFacts) -> None:
    left = f"{facts.left / 1024**3:.1f} GiB" if facts.left >= 1024**3 else f"{facts.left // 1024**2} MiB"
    if facts.left < LEAST_BYTES:
        page.failed("disk", "its disk", f"{left} are left on {folder}, too little to start", "Make room.")
    elif facts.left < LOW_BYTES:
        page.warning(
            "disk", "its disk", f"{left} are left on {folder}", "Make room: on a full disk nothing is begun any more."
        )
    if facts.file_system in OVER_THE_NETWORK:
        found = (
            f"it is a file system over the network ({facts.file_system}), on which SQLite's locks and log are not safe"
        )
        page.warning("disk", "its disk", f"{folder}: {found}", "Put the store on a disk of this machine.")
    elif facts.left >= LOW_BYTES:
        page.ok("disk", "its disk", f"{left} are left on {folder}")
