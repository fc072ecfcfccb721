"""This machine's clock, held against those of Slack and of the cloud."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from bot.checks.findings import Page
from bot.domain.projects import PasswordCredentials
from bot.ports.clock import Clock
from bot.settings import Settings

ODD = timedelta(seconds=60)
SLACK_ALLOWS = timedelta(minutes=5)
"""Between the moment of a signature and its arrival (Slack, Verifying requests)."""

CLOUD_ALLOWS = timedelta(minutes=15)
"""For `X-Sdk-Date` (API Signing Guide)."""


SLACK = "Slack"


class Clocks:
    """How far each host's clock is ahead of this machine's, by the Date of its answers, which has whole seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.ahead: dict[str, timedelta] = {}

    def heard(self, host: str, date: str) -> None:
        try:
            self.told_by(host, parsedate_to_datetime(date))
        except (TypeError, ValueError, OverflowError):
            return

    def told_by(self, host: str, date: datetime) -> None:
        ahead = date - self._clock.now()
        self.ahead[host] = min(ahead, self.ahead.get(host, ahead), key=abs)

    def told(self, page: Page, settings: Settings) -> None:
        """One line for all that agree, and one for each that does not."""
        signs = any(not isinstance(one, PasswordCredentials) for one in settings.credentials.values())
        allowed = {SLACK: SLACK_ALLOWS if settings.slack.app_token is None else None}
        odd = {host: ahead for host, ahead in self.ahead.items() if abs(ahead) > ODD}
        for host, ahead in odd.items():
            _differs(page, host, ahead, allowed.get(host, CLOUD_ALLOWS if signs else None))
        if agree := [host for host in self.ahead if host not in odd]:
            page.ok("clock", "clock", f"this machine's is within a minute of that of {_listed(sorted(agree))}")


def _differs(page: Page, host: str, ahead: timedelta, limit: timedelta | None) -> None:
    seconds = round(abs(ahead).total_seconds())
    found = f"this machine's is {seconds} s {'behind' if ahead > timedelta() else 'ahead of'} that of {host}"
    todo = "Set it, and have it kept by a time service (NTP)."
    if limit is not None and abs(ahead) > limit:
        minutes = round(limit.total_seconds() / 60)
        page.failed("clock", "clock", f"{found}; signatures count for {minutes} minutes", todo)
    else:
        page.warning("clock", "clock", found, todo)


def _listed(hosts: Iterable[str]) -> str:
    *first, last = hosts
    return f"{', '.join(first)} and {last}" if first else last
