"""What nobody foresaw: logged once, under a reference that the person is given as well."""

from __future__ import annotations

import logging
import sys

from bot.domain.errors import StoreFailed

log = logging.getLogger(__name__)


def went_wrong(reference: str, what: str, advice: str) -> str:
    """Log the exception that is being handled, and give the sentence for whoever waits; never the exception's text.

    Where nothing can be written down there is nothing to look for: what was asked was undone.
    """
    if isinstance(sys.exc_info()[1], StoreFailed):
        log.error(what, exc_info=True, extra={"reference": reference})
        return (
            "I can't write anything down just now: the bot's own disk is full, or does not answer. What you asked was "
            "not recorded, and nothing will come of it. Ask again in a minute; if it stays like this, tell the people "
            f"who run the bot this reference: {reference}."
        )
    log.exception(what, extra={"reference": reference})
    return f"Something went wrong on my side (reference {reference}). {advice}"
