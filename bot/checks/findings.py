"""A finding: what was tried, what was found, what to do. And a page, on which those of one area are noted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from bot.domain.terminal_text import harmless

CHECKS: Mapping[str, str] = {
    "configuration": "`bot.toml` and the environment are read as `run` reads them",
    "region": "`region` is looked for among those that Huawei Cloud's SDK names; nothing is asked",
    "secret file": "the mode of each file that a secret is read from, and of the folders above it",
    "admin": "the grants of `bot.toml` and of the store are read, and Slack is asked who their admins are",
    "clock": "the `Date` of each answer is held against this machine's clock",
    "store": "the mode of the store and of its folder; its tables are read, and no lock is taken",
    "disk": "the room on the disk of the store, and its kind of file system",
    "Slack": "whether Slack answers at all",
    "bot token": "`auth.test` and `bots.info`",
    "scope": "the scopes that Slack tells with the answer to `auth.test`, held against those of `manifest.yml`",
    "app token": "`apps.connections.open` is asked for the address of a connection, and none is opened",
    "signing secret": "its form alone: whether it is this app's shows with the first delivery",
    "channel": "`conversations.info` of each channel that `bot.toml` names",
    "person": "`users.info` of each person that it names, and of each admin in the store",
    "user group": "`usergroups.list`",
    "cloud": "whether the cloud answers at all",
    "credential": "one list of disks with its token or signature; once it is refused, nothing more is sent with it",
    "project": "IAM is asked once which projects a credential may use, and how they are called",
    "standard snapshots": "one row of the list of standard snapshots",
    "right": "one call that only reads for each; an id or a tag that can't exist where there is nothing to "
    "read; for the rights of `restore = true` an order that can't be carried out",
}
"""Everything that is looked at, in the order in which one depends on another; and how that changes nothing."""


class State(StrEnum):
    FAILED = "failed"
    WARNING = "warning"
    OK = "ok"


@dataclass(frozen=True, slots=True)
class Finding:
    """`check` is one of CHECKS. `tried` is what it was about, `found` a part of a sentence, `todo` whole ones or ""."""

    state: State
    area: str
    check: str
    tried: str
    found: str
    todo: str = ""


@dataclass(slots=True)
class Page:
    """Notes about one area: `configuration`, `machine`, `store`, `Slack`, or a project's alias."""

    area: str
    findings: list[Finding] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    """Looks that could not be taken because of what was found."""

    def failed(self, check: str, tried: str, found: str, todo: str) -> None:
        self._note(State.FAILED, check, tried, found, todo)

    def warning(self, check: str, tried: str, found: str, todo: str) -> None:
        self._note(State.WARNING, check, tried, found, todo)

    def ok(self, check: str, tried: str, found: str) -> None:
        self._note(State.OK, check, tried, found, "")

    def not_tried(self, *what: str) -> None:
        self.waiting.extend(what)

    async def within(self, seconds: float, check: str, tried: str, work: Awaitable[None]) -> None:
        """Wait that long for a look to end; what it noted before stands."""
        try:
            async with asyncio.timeout(seconds):
                await work
        except TimeoutError:
            self.failed(
                check, tried, f"no answer within {seconds:g} s", "Try again; look at the network and at proxies."
            )

    def _note(self, state: State, check: str, tried: str, found: str, todo: str) -> None:
        assert check in CHECKS
        told = (" ".join(harmless(text).split()) for text in (tried, found, todo))
        self.findings.append(Finding(state, self.area, check, *told))


@dataclass(frozen=True, slots=True)
class Report:
    """Findings, those to act on first, and in each state in the order of dependence."""

    findings: Sequence[Finding]
    waiting: Sequence[str]

    @property
    def well(self) -> bool:
        return not self.count(State.FAILED)

    def count(self, state: State) -> int:
        return sum(finding.state is state for finding in self.findings)


def report_of(pages: Iterable[Page]) -> Report:
    pages = list(pages)
    return Report(list(_in_order(pages)), [_waiting(page) for page in pages if page.waiting])


def _waiting(page: Page) -> str:
    what = ", ".join(dict.fromkeys(page.waiting))
    return f"{page.area} ({what})" if page.area != "configuration" else what


def _in_order(pages: Sequence[Page]) -> Iterator[Finding]:
    checks = list(CHECKS)
    for state in State:
        for page in pages:
            here = [finding for finding in page.findings if finding.state is state]
            yield from sorted(here, key=lambda one: (checks.index(one.check), one.tried))
