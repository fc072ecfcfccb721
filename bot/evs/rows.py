"""Rows of lists, one by one: what a row holds in no form that can be read spoils neither it nor its neighbours."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

log = logging.getLogger("bot.evs")

REMEMBERED = 1_000
"""Rows already told of, a project; after that many the memory starts anew."""

_LOGGED_ID = re.compile(r"[0-9A-Za-z\-]{1,64}", re.ASCII)

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Rows(Generic[Model]):
    """`read` can be used, with odd fields left at their defaults and named in `unread` where the model has that.
    `aside` cannot: they lack an id.
    """

    read: list[Model]
    aside: list[Any]

    @property
    def received(self) -> int:
        return len(self.read) + len(self.aside)


class RowReader:
    """Reads rows, and logs each that is odd once: its id and the names of the fields, nothing of what they hold."""

    def __init__(self, project: str) -> None:
        self._project = project
        self._told: set[tuple[str, str, tuple[str, ...]]] = set()

    def rows(self, model: type[Model], listing: str, values: Iterable[Any]) -> Rows[Model]:
        read: list[Model] = []
        aside: list[Any] = []
        for value in values:
            row = self.row(model, listing, value)
            if row is None:
                aside.append(value)
            else:
                read.append(row)
        return Rows(read, aside)

    def row(self, model: type[Model], listing: str, value: Any) -> Model | None:
        """The row, or None when not even its id can be read."""
        if not isinstance(value, Mapping):
            self._tell(listing, None, ("row",))
            return None
        sent = {key: part for key, part in value.items() if key != "unread"}
        try:
            return model.model_validate(sent)
        except ValidationError as exc:
            odd = {str(error["loc"][0]) for error in exc.errors(include_url=False, include_input=False)}
        self._tell(listing, sent.get("id"), tuple(sorted(odd)))
        if "id" in odd:
            return None
        rest = {key: part for key, part in sent.items() if key not in odd}
        return model.model_validate({**rest, "unread": frozenset(odd)})

    def _tell(self, listing: str, row_id: object, fields: tuple[str, ...]) -> None:
        shown = row_id if isinstance(row_id, str) and _LOGGED_ID.fullmatch(row_id) else "?"
        if (key := (listing, shown, fields)) in self._told:
            return
        if len(self._told) >= REMEMBERED:
            self._told.clear()
        self._told.add(key)
        facts = {"project": self._project, "listing": listing, "row": shown, "fields": ", ".join(fields)}
        log.warning("a row of the cloud's list cannot be read in full; the others go on", extra=facts)
