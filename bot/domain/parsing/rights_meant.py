"""`grant` and `revoke` as they were meant, with what could be understood of the words: ready to be copied.

No right is given on a guess: what was not said stands in capitals, and what is written here is only shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bot.domain.granting import subject_of
from bot.domain.normalise import caseless
from bot.domain.parsing.arguments import option_of, tried
from bot.domain.parsing.words import COURTESIES, FILLERS, Word
from bot.domain.roles import ROLE_NAMES, Role

THE_ROLES = f"The roles are {', '.join(Role)}."

_TIME = re.compile(
    r"(?<![\w-])([0-9]{1,6})\s*(s|m|h|d|w|sec\w*|min\w*|hours?|hrs?|days?|weeks?)(?![\w-])", re.IGNORECASE
)
_AROUND = frozenset(("as", "for", "role", "project", "access", "right", "rights", "until", "him", "her", "them", "and"))
_NO_PROJECT = ROLE_NAMES | _AROUND | FILLERS | COURTESIES


@dataclass(frozen=True, slots=True)
class RightsMeant:
    """To whom, as what, where and for how long. `role` and `lasting` are "" where they were not said."""

    whom: str
    role: str
    project: str
    lasting: str

    @property
    def grant(self) -> str:
        lasting = f" for={self.lasting}" if self.lasting else ""
        return f"grant {self.whom} {self.role or 'ROLE'} {self.project}{lasting}"

    @property
    def revocation(self) -> str:
        return " ".join(filter(None, ["revoke", self.whom, self.role, self.project]))


def rights_meant(words: Sequence[Word]) -> RightsMeant:
    said = " ".join(_values(words))
    if time := _TIME.search(said):
        said = f"{said[: time.start()]} {said[time.end() :]}"
    left = said.replace("`", "").split()
    subjects = {word: subject for word in left if (subject := tried(subject_of, word, []))}
    others = [word for word in left if not (word in subjects or word.isdigit() or caseless(word) in _NO_PROJECT)]
    if not subjects:
        others = others[1:]  # the first of them is a name of the person, which counts for nothing
    return RightsMeant(
        whom=str(next(iter(subjects.values()), "@someone")),
        role=next((one for one in map(caseless, left) if one in ROLE_NAMES), ""),
        project=next(iter(others), "PROJECT"),
        lasting=_duration(time) if time else "",
    )


def which_grant(words: Sequence[Word]) -> str:
    """The sentence for a grant of which something is missing, or too much."""
    meant = rights_meant(words)
    perhaps = "" if meant.lasting else ", perhaps with `for=8h`"
    roles = "" if meant.role else f" {THE_ROLES}"
    return f"Say whom, as what and where: `{meant.grant}`{perhaps}.{roles}"


def which_revocation(words: Sequence[Word]) -> str:
    """The same for a right that is to be taken back."""
    meant = rights_meant(words)
    of_one = "" if meant.role else f", or of one role: `{replace(meant, role='ROLE').revocation}`"
    return f"Say from whom and where: `{meant.revocation}`{of_one}."


def _values(words: Iterable[Word]) -> Iterable[str]:
    """All that was typed, but for the keys of options."""
    for word in words:
        option = option_of(word)
        yield option.value if option else word.text


def _duration(time: re.Match[str]) -> str:
    count, unit = int(time[1]), time[2][0].lower()
    return f"{count * 7}d" if unit == "w" else f"{count}{unit}"
