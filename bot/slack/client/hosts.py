"""Which addresses are Slack's own. What comes in a delivery is data, and a sender who could name an address in one
would have the bot call it, from inside the network it stands in.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_SLACK = ("slack.com", "slack-gov.com")
"""Response URLs are on hooks.slack.com, and on hooks.slack-gov.com for GovSlack."""

_PLAIN = re.compile(r"[!-\[\]-~]+")
"""Printable ASCII without space and backslash: what every parser of addresses reads alike."""


def is_slacks(url: str, api_url: str) -> bool:
    """Whether an address is Slack's, over https at its usual port, or at the very place where the Web API is."""
    if not _PLAIN.fullmatch(url):
        return False
    try:
        parts, api = urlsplit(url), urlsplit(api_url)
        there = (parts.scheme, parts.hostname, parts.port)
        at_the_api = there == (api.scheme, api.hostname, api.port)
    except ValueError:
        return False
    host = parts.hostname or ""
    if "@" in parts.netloc or not host:
        return False
    known = any(host == one or host.endswith(f".{one}") for one in _SLACK)
    return at_the_api or (known and parts.scheme == "https" and parts.port in (None, 443))
