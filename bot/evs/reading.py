"""Taking answers apart. Raises ValueError for another shape than the documented one."""

from __future__ import annotations

import json
from typing import Any


def json_in(body: bytes) -> Any:
    """The body as JSON, None when it is not."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def value_at(value: Any, key: str) -> Any:
    if not isinstance(value, dict) or key not in value:
        raise ValueError(f"no {key}")
    return value[key]


def rows_at(value: Any, key: str) -> list[Any]:
    rows = value_at(value, key)
    if not isinstance(rows, list):
        raise ValueError(f"{key} is no list")
    return rows


def count_at(value: dict[str, Any], key: str) -> int | None:
    count = value.get(key)
    return count if isinstance(count, int) and not isinstance(count, bool) else None


def another_page(value: dict[str, Any], key: str) -> bool | None:
    """Whether `volumes_links` and its like name a next page; None where nothing of the kind is told."""
    links = value.get(key)
    if not isinstance(links, list):
        return None
    return any(isinstance(link, dict) and link.get("rel") == "next" for link in links)
