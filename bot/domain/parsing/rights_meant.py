"""`grant` and `revoke` as they were meant, with what could be understood of the words: ready to be copied.

No right is given on a guess: what was not said stands in capitals, and what is written here is only shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from bot.domain.granting import subject_of
from bot.domain.normalise import caseless
from bot.domain.parsing.arguments import option_of
from bot.domain.parsing.words import COURTESIES, FILLERS, Word
from bot.domain.roles import Role

_TIME = re.compile(
    r"(?<![\w-])([0-9]{1,6})\s*(s|m|h|d|w|sec\w*|min\w*|hours?|hrs?|days?|weeks?)(?![\w-])", re.IGNORECASE
)
_ROLES = frozenset(role.value for role in Role)
_AROUND = frozenset(("as", "for", "role", "project", "access", "right", "rights", "until", "him", "her", "them", "and"))
_NO_PROJECT = _ROLES | _AROUND | FILLERS | COURTESIES


def rights_meant(verb: str, words: Sequence[Word]) -> str:
    """The command with whom, as what, where and for how long, in this order."""
    said = " ".join(_values(words))
    time = _TIME.search(said) if verb == "grant" else None
    if time:
        said = f"{said[: time.start()]} {said[time.end() :]}"
    left = said.replace("`", "").split()
    people = [word for word in left if _names_somebody(word)]
    roles = [one for one in map(caseless, left) if one in _ROLES]
    others = [word for word in left if word not in people and caseless(word) not in _NO_PROJECT]
    if not people:
        others = others[1:]  # the first of them is a name of who is meant, which counts for nothing
    roles = roles[:1] or (["ROLE"] if verb == "grant" else [])
    written = [verb, str(subject_of(people[0])) if people else "@someone", *roles, *(others[:1] or ["PROJECT"])]
    if time:
        written.append(f"for={_duration(time)}")
    return " ".join(written)


def _values(words: Iterable[Word]) -> Iterable[str]:
    for word in words:
        option = option_of(word)
        yield option.value if option else word.text


def _names_somebody(word: str) -> bool:
    try:
        subject_of(word)
    except ValueError:
        return False
    return True


def _duration(time: re.Match[str]) -> str:
    count, unit = int(time[1]), time[2][0].lower()
    return f"{count * 7}d" if unit == "w" else f"{count}{unit}"
