"""Where else a disk is that a project does not have. Asked only of projects in which the person may have it copied."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.domain.disks import disk_id_in
from bot.domain.errors import CloudError
from bot.domain.sentences import quoted
from bot.ports.cloud import Cloud

PROJECTS_ASKED = 4
WORDS_ASKED = 3
WITHIN_S = 2.0
"""It only adds to a refusal, which does not wait longer for it."""


async def found_elsewhere(cloud: Cloud, words: Sequence[str], aliases: Sequence[str]) -> list[str]:
    """A sentence for each of the first few words that is a disk's name in one of the first few projects: one filtered
    listing for each word and project. What can't be asked is not told of. Never raises CloudError.
    """
    names = [word for word in words if not disk_id_in(word)][:WORDS_ASKED]
    asked = [(name, alias) for name in names for alias in aliases[:PROJECTS_ASKED]]
    there = await asyncio.gather(*(_has(cloud, alias, name) for name, alias in asked))
    found: dict[str, list[str]] = {}
    for (name, alias), has in zip(asked, there, strict=True):
        if has:
            found.setdefault(name, []).append(f"`project={alias}`")
    return [f"{quoted(name)} is a disk of another project: add {' or '.join(one)}." for name, one in found.items()]


async def _has(cloud: Cloud, alias: str, name: str) -> bool:
    try:
        async with asyncio.timeout(WITHIN_S):
            return any(disk.name == name for disk in await cloud.project(alias).list_disks(name=name))
    except (CloudError, TimeoutError):
        return False
