"""`snapshot-bot audit …`: the trail read, checked, and handed over. They run beside a running bot."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.cli import BAD_USE, DONE, FAILED, complain, opened_store, say
from bot.domain.terminal_text import harmless, json_line
from bot.settings import StoreSettings
from bot.store.store import Store
from bot.store.trail.search import EVERY_ROW, Facts, Wanted, is_about, narrowed, request_of
from bot.store.upkeep.verification import Verification

_PAGE = 1_000
_NUMBERED = 500
_PROBLEMS = 100
"""Problems of a trail that are told one by one; another bot's trail has as many as it has rows."""

_HEAD = re.compile(r"(?:row\s+)?([0-9]{1,18})\s*[:,]\s*([0-9a-fA-F]{64})\.?")
_DAY = len("2026-11-23")


class BadDay(Exception):
    """A day that can't be read; the text is a sentence."""


def day(option: str, text: str | None) -> datetime | None:
    """The beginning of a day, in UTC. Raises BadDay."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None
    except ValueError:
        raise BadDay(f"{option} takes a day such as 2026-11-23, not {harmless(text or '')}.") from None


def end_of_day(option: str, text: str | None) -> datetime | None:
    """The moment behind a day; the last day that there is has none. Raises BadDay."""
    begins = day(option, text)
    with suppress(OverflowError):
        return begins + timedelta(days=1) if begins else None
    return None


async def export_audit(settings: StoreSettings, options: argparse.Namespace) -> int:
    """One JSON object a line, oldest first."""
    try:
        wanted = Wanted(day("--since", options.since), end_of_day("--until", options.until), options.project)
    except BadDay as exc:
        complain(str(exc))
        return BAD_USE
    if wanted.since and wanted.until and wanted.since >= wanted.until:
        complain(f"--since {options.since} is later than --until {options.until}: no day lies between them.")
        return BAD_USE
    async with opened_store(settings) as store:
        async for page in _of_disk(store, options.disk, wanted) if options.disk else pages(store, wanted):
            requests = await store.audit_requests(page)
            for row in page:
                if wanted.project is None or is_about(row, wanted.project):
                    print(json_line(exported(row, requests)))
    return DONE


async def _of_disk(store: Store, disk: str, wanted: Wanted) -> AsyncIterator[list[Facts]]:
    numbers = await store.audit_of_disk(disk)
    for start in range(0, len(numbers), _NUMBERED):
        yield await store.audit_rows(numbers[start : start + _NUMBERED], wanted)


def moment(at: Any) -> datetime | None:
    """None for what is no moment: the bot writes none, a hand may."""
    try:
        return datetime.fromtimestamp(at / 1000, UTC)
    except (TypeError, ValueError, ArithmeticError, OSError):
        return None


def exported(row: Facts, requests: dict[str, Facts]) -> Facts:
    """A row as it is read, with what stands of its request elsewhere; what a hand put there that can't be read is told
    as it stands.
    """
    found = {name: value.hex() if isinstance(value, bytes) else value for name, value in row.items() if name != "disk"}
    details = found.pop("details_json")
    with suppress(TypeError, ValueError, RecursionError):
        details = json.loads(details)
    at = moment(row["at"])
    whole = {**found, "at": at.isoformat(timespec="milliseconds") if at else found["at"], "details": details}
    request = requests.get(request_of(row) or "")
    return {**whole, "request": narrowed(request, row)} if request else whole


async def verify_audit(settings: StoreSettings, options: argparse.Namespace) -> int:
    """Every problem a line; a chain that is broken is the only one then."""
    heads = []
    if options.head is not None:
        found = _HEAD.fullmatch(options.head)
        if found is None:
            complain(f"--head takes ROW:HASH as it was posted, not {harmless(options.head)}.")
            return BAD_USE
        heads.append((int(found[1]), found[2].lower()))
    async with opened_store(settings) as store:
        verification = Verification(await store.witness(), heads)
        broken = None
        async for page in pages(store):
            if broken := verification.take(page):
                break
    problems = [broken] if broken else verification.missing()
    for problem in problems[:_PROBLEMS]:
        complain(f"The audit trail is broken: {harmless(problem)}.")
    if len(problems) > _PROBLEMS:
        complain(f"And {len(problems) - _PROBLEMS} more.")
    if problems:
        return FAILED
    say(f"The audit trail holds: {verification.seq} rows, head {verification.previous}.")
    for told in verification.restores:
        say(f"It goes on from a backup: {told}.")
    return DONE


async def pages(store: Store, wanted: Wanted = EVERY_ROW) -> AsyncIterator[list[Facts]]:
    """The trail, from its very first row, wherever that stands."""
    after: int | None = None
    while page := await store.audit_page(after, _PAGE, wanted):
        after = page[-1]["seq"]
        yield page
