"""Problems of the configuration: all at once, each with its place."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.domain.errors import BotError
from bot.domain.terminal_text import harmless


class InvalidValue(ValueError):
    """A value that cannot be used. The text says why and what to write instead; it never holds a secret."""


@dataclass(frozen=True, slots=True)
class ConfigurationError:
    """`source` is the file's path or `environment`, `line` counts from 1, `place` is a key path such as
    `[projects.payments-prod] approvals`, or a variable's name."""

    source: str
    line: int | None
    place: str
    sentence: str

    @property
    def where(self) -> str:
        file = self.source if self.line is None else f"{self.source} line {self.line}"
        return f"{file}, {self.place}" if self.place else file

    def __str__(self) -> str:
        return f"{self.where}: {self.sentence}"


class SettingsError(BotError):
    """The configuration cannot be used. One line a problem, the file's in the order of its lines."""

    def __init__(self, problems: Iterable[ConfigurationError]) -> None:
        self.problems = tuple(
            sorted(problems, key=lambda problem: (problem.source == "environment", problem.line or 0))
        )
        many = "1 fault" if len(self.problems) == 1 else f"{len(self.problems)} faults"
        super().__init__(
            "\n".join([f"The configuration has {many}:", *(f"  {harmless(str(problem))}" for problem in self.problems)])
        )


def nearest(word: str, known: Sequence[str]) -> str:
    """The end of a sentence about an unknown word: the one that was probably meant, else what there is."""
    if close := difflib.get_close_matches(word, known, n=1):
        return f"Did you mean {close[0]}?"
    return f"Known here: {', '.join(known)}." if known else "None is declared."
