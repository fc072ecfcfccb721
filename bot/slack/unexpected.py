"""Unexpected errors: logged once, under a reference that the person is given as well."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from bot.domain.errors import StoreFailed

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Unexpected:
    """`command` is the slash command people type."""

    command: str
    new_reference: Callable[[], str]

    def report_unexpected(self, error: Exception, what: str) -> str:
        """Log it, and give the sentence for the person who waits; never the exception's text.

        Where nothing can be written down there is nothing to look for: what was asked was undone.
        """
        reference = self.new_reference()
        log.error(what, exc_info=error, extra={"reference": reference})
        if isinstance(error, StoreFailed):
            return (
                "I can't write anything down just now: the bot's own disk is full, or does not answer. What you asked "
                "was not recorded, and nothing will come of it. Ask again in a minute; if it stays like this, tell the "
                f"people who run the bot this reference: {reference}."
            )
        return (
            f"Something went wrong on my side (reference {reference}). Ask {self.command} status what became of it "
            "before you repeat it, and tell the people who run the bot this reference."
        )
