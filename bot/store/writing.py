"""A row as the statement that adds it, so that its columns are named once."""

from __future__ import annotations

from functools import cache

from bot.store.script import Query, Row


def insert(table: str, row: Row, otherwise: str = "") -> Query:
    """`row` is by column, all of them named in code; `otherwise` begins with `on conflict` or `returning`."""
    return Query(_text(table, tuple(row), otherwise), row)


@cache  # one text for each place that adds rows
def _text(table: str, columns: tuple[str, ...], otherwise: str) -> str:
    values = ", ".join(f":{column}" for column in columns)
    return f"insert into {table} ({', '.join(columns)}) values ({values}) {otherwise}"
