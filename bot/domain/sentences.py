"""How a sentence for people holds words that are not the bot's own: mentions by id, and what was typed.

A sentence for people is plain text that is escaped when it is shown. A mention in it stands between two characters of
Unicode's private use area, which are taken out of whatever people type, so none can be typed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from bot.domain.actors import SCHEDULE, token_name

_OPEN, _CLOSE = "\ue000", "\ue001"
MENTION = re.compile(f"{_OPEN}([@#!~=])([^{_CLOSE}]*){_CLOSE}")
"""Its groups: `@` person, `#` channel or `!` user group, and the Slack id; or `~` a time of day, `=` with its day."""
BROKEN_MENTION = re.compile(f"{_OPEN}[^{_CLOSE}]*$")
"""One whose end was cut off."""


AT_TERMINAL = "terminal"
"""An operator who may run commands on the bot's machine, where else the id of a person stands."""


def person(actor_id: str) -> str:
    """A mention; an operator, the schedule and a token, which have none, in words."""
    if actor_id == AT_TERMINAL:
        return "An operator at the terminal"
    if actor_id == SCHEDULE:
        return "The schedule (verify_days)"
    token = token_name(actor_id)
    return f"{_OPEN}@{actor_id}{_CLOSE}" if token is None else f"the token {token}"


def channel(channel_id: str) -> str:
    return f"{_OPEN}#{channel_id}{_CLOSE}"


def user_group(group_id: str) -> str:
    return f"{_OPEN}!{group_id}{_CLOSE}"


def time_of_day(at: datetime) -> str:
    """Shown in the reader's own zone where that can be."""
    return _time("~", at)


def moment(at: datetime) -> str:
    """The same with its day."""
    return _time("=", at)


def _time(sign: str, at: datetime) -> str:
    return f"{_OPEN}{sign}{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}{_CLOSE}"


def without_mentions(typed: str) -> str:
    """Text from people, unable to mention anybody."""
    return typed.replace(_OPEN, "").replace(_CLOSE, "")


def quoted(typed: str, most: int = 64) -> str:
    """A person's words between quotes, in one line, unable to end or begin a code span."""
    shown = " ".join(without_mentions(typed).replace("`", "ˋ").split())
    return f"“{shown}”" if len(shown) <= most else f"“{shown[: most - 1]}…”"


def not_configured(alias: str) -> str:
    """Why nothing of a project can be looked at, and whose it is to mend."""
    return (
        f"bot.toml has no project {quoted(alias)} any more, so I can't look. Whoever runs the bot has to put it back, "
        "under any name."
    )


def as_words(sentence: str) -> str:
    """For a terminal: mentions as their ids, times in UTC."""
    return MENTION.sub(lambda found: found[2], sentence)


def listed(problems: Sequence[str], nothing: str = "Nothing was created.") -> str:
    """Every problem at once, and what was not done because of them."""
    if len(problems) == 1:
        return f"{problems[0]} {nothing}"
    return "\n".join([f"{len(problems)} things to mend. {nothing}", *(f"• {problem}" for problem in problems)])
