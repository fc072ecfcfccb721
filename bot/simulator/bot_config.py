"""The bot's configuration for a described world, as TOML: what the world says, and where both simulators are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any


def config_text(described: Mapping[str, Any], cloud: str, servers: str) -> str:
    """`described` has the tables of bot.toml. Projects get the simulators' addresses unless they name others."""
    here = {"evs_endpoint": cloud, "iam_endpoint": cloud, "ecs_endpoint": servers, "console_url": ""}
    projects = {alias: {**here, **project} for alias, project in described.get("projects", {}).items()}
    return "\n".join(_table((), {**described, "projects": projects})) + "\n"


def _table(path: tuple[str, ...], table: Mapping[str, Any]) -> Iterator[str]:
    """A table: its plain values first, then the tables and lists of tables in it."""
    inner = {key: value for key, value in table.items() if isinstance(value, Mapping) or _is_tables(value)}
    for key, value in table.items():
        if key not in inner:
            yield f"{json.dumps(key)} = {json.dumps(value, ensure_ascii=False)}"
    for key, value in inner.items():
        name = ".".join(json.dumps(part) for part in (*path, key))
        for one in [value] if isinstance(value, Mapping) else value:
            yield f"[{name}]" if isinstance(value, Mapping) else f"[[{name}]]"
            yield from _table((*path, key), one)


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) for one in value)
