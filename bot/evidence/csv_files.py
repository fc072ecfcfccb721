"""Tables that a spreadsheet opens without running anything, written row by row to files that have no name."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from io import TextIOWrapper
from pathlib import Path
from typing import IO, Any

from bot.domain.terminal_text import harmless
from bot.evidence.sections import Section

_FORMULAS = tuple("=+-@＝＋－＠")
"""A spreadsheet takes a cell that begins so for a formula."""


def cell(value: Any) -> str:
    """A value in one line; nothing in it acts, and a formula is text."""
    text = "" if value is None else harmless(str(value))
    return f"'{text}" if text.lstrip().startswith(_FORMULAS) else text


class Files:
    """The files of a pack while they grow. None of them has a name, so a process that is killed leaves none behind."""

    def __init__(self, sections: Sequence[Section], folder: Path, stack: ExitStack) -> None:
        self.counts = {section.file: 0 for section in sections}
        self._columns = {section.file: section.columns for section in sections}
        self._bytes: dict[str, IO[bytes]] = {}
        self._text: dict[str, TextIOWrapper] = {}
        for section in sections:
            raw: IO[bytes] = stack.enter_context(tempfile.TemporaryFile(dir=folder))  # noqa: SIM115  # it is one
            self._bytes[section.file] = raw
            self._text[section.file] = TextIOWrapper(raw, "utf-8", newline="")
            if section.columns:
                self._write(section.file, section.columns)

    def add(self, section: Section, values: Mapping[str, Any]) -> None:
        """A row of a table; columns that have no value stay empty."""
        self._write(section.file, [cell(values.get(column)) for column in self._columns[section.file]])
        self.counts[section.file] += 1

    def add_line(self, section: Section, line: str) -> None:
        self._text[section.file].write(f"{line}\n")
        self.counts[section.file] += 1

    def whole(self) -> Iterator[tuple[str, IO[bytes]]]:
        """Each file from its beginning."""
        for name, text in self._text.items():
            text.flush()
            raw = self._bytes[name]
            raw.seek(0)
            yield name, raw

    def _write(self, file: str, values: Sequence[str]) -> None:
        csv.writer(self._text[file], lineterminator="\n").writerow(values)
