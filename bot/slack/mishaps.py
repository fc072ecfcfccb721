"""What nobody foresaw: logged once, under a reference that the person is given as well."""

from __future__ import annotations

import logging

log = logging.getLogger(__name__)


def went_wrong(reference: str, what: str, advice: str) -> str:
    """Log the exception that is being handled, and give the sentence for whoever waits; never the exception's text."""
    log.exception(what, extra={"reference": reference})
    return f"Something went wrong on my side (reference {reference}). {advice}"
