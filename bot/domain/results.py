"""The answers of a use case to the person who asked."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.requests import Request


@dataclass(frozen=True, slots=True)
class Told:
    """The answer to the one who pressed or typed; `done` says whether anything changed."""

    sentence: str
    done: bool


@dataclass(frozen=True, slots=True)
class Accepted:
    """Allowed and recorded. `checked` is False where who may do this is still to be looked up; `approvals` is how many
    others have to agree first. `repeated`: it was recorded when it was delivered before.
    """

    request: Request
    checked: bool
    approvals: int = 0
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """Not allowed, or not clear enough to be allowed; nothing was created. `alias` is the project it was about.

    `candidates`: only the project is missing, and the person may use each of these.
    """

    sentence: str
    rule: str = ""
    alias: str = ""
    candidates: tuple[str, ...] = ()


Answer = Accepted | Refused


@dataclass(frozen=True, slots=True)
class NothingFound:
    """Nothing of that kind that this person may see; what exists and is closed to them answers alike."""

    sentence: str
