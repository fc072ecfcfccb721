"""The statements of a store, as a database hears them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import GeneratorType
from typing import Any, TypeVar

from bot.store.script import Query, Script
from bot.store.store import Store

T = TypeVar("T")


@dataclass(frozen=True)
class Statement:
    text: str
    params: Mapping[str, Any]
    asked_by: str


@dataclass
class Heard:
    """The statements that a database ran, and in which lines of the store they stand."""

    statements: dict[tuple[str, str], Statement] = field(default_factory=dict)
    lines: set[tuple[str, int]] = field(default_factory=set)

    def over(self, script: Script[T]) -> Script[T]:
        try:
            step = next(script)
            while True:
                if isinstance(step, Query):
                    self._note(script, step)
                step = script.send((yield step))
        except StopIteration as stop:
            result: T = stop.value
            return result

    def _note(self, script: Script[Any], query: Query) -> None:
        inner: Any = script
        while isinstance(inner.gi_yieldfrom, GeneratorType):
            inner = inner.gi_yieldfrom
        file = Path(inner.gi_code.co_filename)
        self.lines.add((file.name, inner.gi_frame.f_lineno))
        asked_by = f"{file.stem}.{inner.gi_code.co_name}"
        self.statements.setdefault((query.sql, repr(query.params)), Statement(query.sql, query.params, asked_by))


class Hearing:
    """Stands before the class of a database, and hears what is asked of it."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.heard = Heard()

    async def run(self, script: Callable[..., Script[T]], *args: Any, **named: Any) -> T:
        ran: T = await super().run(lambda: self.heard.over(script(*args, **named)))  # type: ignore[misc]  # the database
        return ran

    async def run_first(self, script: Callable[..., Script[T]], *args: Any, **named: Any) -> T:
        ran: T = await super().run_first(lambda: self.heard.over(script(*args, **named)))  # type: ignore[misc]  # too
        return ran

    async def read(self, script: Callable[..., Script[T]], *args: Any, **named: Any) -> T:
        read: T = await super().read(lambda: self.heard.over(script(*args, **named)))  # type: ignore[misc]  # too
        return read

    def run_behind(self, script: Callable[..., Script[None]], *args: Any, **named: Any) -> None:
        super().run_behind(lambda: self.heard.over(script(*args, **named)))  # type: ignore[misc]  # too


@dataclass
class Called:
    """A store that remembers by which names it was called."""

    store: Store
    names: set[str] = field(default_factory=set)

    def __getattr__(self, name: str) -> Any:
        self.names.add(name)
        return getattr(self.store, name)
