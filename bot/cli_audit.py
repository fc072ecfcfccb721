"""`snapshot-bot audit …`: the trail read, checked, and handed over. They run beside a running bot."""

from __future__ import annotations

import argparse
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.cli import BAD_USE, DONE, FAILED, complain, opened_store, say
from bot.clock import SystemClock
from bot.domain.matching import KINDS
from bot.domain.terminal_text import harmless, json_line
from bot.evidence.pack import INDEX, written
from bot.evidence.sections import EXCEPTIONS, RAW
from bot.settings import StoreSettings
from bot.store.store import Store
from bot.store.trail.search import EVERY_ROW, Facts, Wanted, details_of, exported, is_about, moment
from bot.store.upkeep.verification import Verification

_PAGE = 1_000
_NUMBERED = 500
_PROBLEMS = 100
"""Problems of a trail that are told one by one; another bot's trail has as many as it has rows."""

_HEAD = re.compile(r"(?:row\s+)?([0-9]{1,18})\s*[:,]\s*([0-9a-fA-F]{64})\.?")


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


async def write_evidence(settings: StoreSettings, options: argparse.Namespace) -> int:
    """A pack for an auditor, in one file."""
    target, today = Path(options.out), SystemClock().now()
    try:
        since, until = day("--from", options.since), end_of_day("--to", options.until)
    except BadDay as exc:
        complain(str(exc))
        return BAD_USE
    if since is None or until is None or since >= until:
        complain(f"--from {harmless(options.since)} is later than --to {harmless(options.until)}: no day lies between.")
        return BAD_USE
    if until - timedelta(days=1) > today:
        complain(f"--to {harmless(options.until)} is not there yet. The last day is today, {today:%Y-%m-%d} (UTC).")
        return BAD_USE
    days = f"{since:%Y-%m-%d}", f"{until - timedelta(days=1):%Y-%m-%d}"
    async with opened_store(settings) as store:
        summary = await written(store, since, until, days, target)
    rows, exceptions = summary.counts[RAW.file], summary.counts[EXCEPTIONS.file]
    say(f"{target} holds {rows:,} rows of {days[0]} to {days[1]}, with {exceptions:,} exceptions. See {INDEX} in it.")
    for problem in summary.problems[:_PROBLEMS]:
        complain(f"The audit trail is broken, which the pack says too: {harmless(problem)}.")
    return FAILED if summary.problems else DONE


async def show_match(settings: StoreSettings, options: argparse.Namespace) -> int:
    """The last match of each project: 1 where it found a difference."""
    async with opened_store(settings) as store:
        rows = await store.last_matches()
    for row in rows:
        details, at = details_of(row), moment(row["at"])
        if row["outcome"] == "done":
            when = f"{at:%Y-%m-%d %H:%M} UTC" if at else "?"
            held, found = details.get("snapshots"), details.get("findings")
            say(f"{row['subject']}: matched {when}, {held} snapshots in the cloud, {found} differences.")
        else:
            say(f"  {details.get('project')}: {row['subject']}: {KINDS.get(row['rule'], row['rule'])}.")
    if not rows:
        say("Nothing was matched yet.")
    return FAILED if any(row["outcome"] == "failed" for row in rows) else DONE


async def _of_disk(store: Store, disk: str, wanted: Wanted) -> AsyncIterator[list[Facts]]:
    numbers = await store.audit_of_disk(disk)
    for start in range(0, len(numbers), _NUMBERED):
        yield await store.audit_rows(numbers[start : start + _NUMBERED], wanted)


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
    while page := await store.audit_read(after, _PAGE, wanted):
        after = page[-1]["seq"]
        yield page
