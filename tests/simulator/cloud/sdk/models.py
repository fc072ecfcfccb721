"""Holds the simulated cloud's answers against the models of the official SDK: fields known, values of their types."""

import importlib
import json
import re
from typing import Any

PLAIN: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "object": (object,),
}

UNDOCUMENTED = {("JobEntities", "snapshot_id"), ("JobEntities", "snapshot_group_id")}
"""What the job of a snapshot holds is told nowhere; the simulator names the snapshot, and no client may need it."""


def odd_fields(answer: Any) -> list[str]:
    """What a model of the SDK does not know in the raw answer that it was made of, or knows as another type."""
    if not answer.raw_content:
        return []
    found: list[str] = []
    _object(type(answer), json.loads(answer.raw_content), "", found)
    return found


def _object(model: Any, value: Any, where: str, found: list[str]) -> None:
    if not isinstance(value, dict):
        found.append(f"{where}: {model.__name__} wanted, not {value!r}")
        return
    fields = {wire: model.openapi_types[name] for name, wire in model.attribute_map.items()}
    for name, part in value.items():
        if (model.__name__, name) in UNDOCUMENTED:
            continue
        if name not in fields:
            found.append(f"{where}.{name}: unknown to {model.__name__}")
        elif part is not None:
            _value(model, fields[name], part, f"{where}.{name}", found)


def _value(model: Any, kind: str, value: Any, where: str, found: list[str]) -> None:
    if kind in PLAIN:
        if not isinstance(value, PLAIN[kind]) or (isinstance(value, bool) and kind in ("int", "float")):
            found.append(f"{where}: {kind} wanted, not {value!r}")
    elif inner := re.fullmatch(r"list\[(.+)\]", kind):
        if not isinstance(value, list):
            found.append(f"{where}: {kind} wanted, not {value!r}")
            return
        for index, part in enumerate(value):
            _value(model, inner[1], part, f"{where}[{index}]", found)
    elif inner := re.fullmatch(r"dict\(str, (.+)\)", kind):
        if not isinstance(value, dict):
            found.append(f"{where}: {kind} wanted, not {value!r}")
            return
        for name, part in value.items():
            _value(model, inner[1], part, f"{where}.{name}", found)
    else:
        package = importlib.import_module(model.__module__.rsplit(".", 1)[0])
        _object(getattr(package, kind), value, where, found)
