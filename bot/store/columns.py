"""The columns of a table beside the fields that they hold: each pair is named once, for writing and for reading."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bot.store.script import Row, from_ms, span_from, span_ms, to_ms

as_json = json.JSONEncoder(ensure_ascii=False).encode
"""Text in it stays as it is. `json.dumps` makes an encoder for each such text, which takes longer than a row's text."""


@dataclass(frozen=True, slots=True)
class Column:
    """The column that a field stands in, and how one becomes the other."""

    name: str
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def words(name: str) -> Column:
    """A tuple, as a list in JSON."""
    return Column(name, as_json, lambda text: tuple(json.loads(text)))


@dataclass(frozen=True, slots=True)
class Columns:
    """Fields by how they are written: `same` as they are, `others` each in its own way; `began` is a moment that is
    always there. A span's column ends in `_ms`, the others are named as their field is.
    """

    same: tuple[str, ...]
    flags: tuple[str, ...] = ()
    began: tuple[str, ...] = ()
    moments: tuple[str, ...] = ()
    spans: tuple[str, ...] = ()
    others: Mapping[str, Column] = field(default_factory=dict)
    _by_field: dict[str, Column] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._by_field.update({name: Column(name, int, bool) for name in self.flags})
        self._by_field.update({name: Column(name, to_ms, _moment) for name in self.began})
        self._by_field.update({name: Column(name, to_ms, from_ms) for name in self.moments})
        self._by_field.update({name: Column(f"{name}_ms", span_ms, span_from) for name in self.spans})
        self._by_field.update(self.others)

    def row(self, value: Any) -> dict[str, Any]:
        written = {name: getattr(value, name) for name in self.same}
        for name, column in self._by_field.items():
            written[column.name] = column.write(getattr(value, name))
        return written

    def fields(self, row: Row) -> dict[str, Any]:
        read = {name: row[name] for name in self.same}
        for name, column in self._by_field.items():
            read[name] = column.read(row[column.name])
        return read


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
