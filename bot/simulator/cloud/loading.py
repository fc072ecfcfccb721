"""Plain JSON values to dataclasses, collecting every problem instead of stopping at the first."""

import types
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

PLAIN = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def build(cls: type[Any], value: object, where: str, problems: list[str]) -> Any:
    """Make a dataclass from an object with its field names; None, and new problems, when that can't be done."""
    if not isinstance(value, dict):
        problems.append(f"{where} must be an object")
        return None
    before = len(problems)
    hints = get_type_hints(cls)
    settable = {field.name: field for field in fields(cls) if field.init}
    problems += [f"{where}.{name} is unknown" for name in value if name not in settable]
    arguments = {}
    for name, field in settable.items():
        if name in value:
            arguments[name] = _read(hints[name], value[name], f"{where}.{name}", problems)
        elif field.default is MISSING and field.default_factory is MISSING:
            problems.append(f"{where}.{name} is missing")
    return cls(**arguments) if len(problems) == before else None


def build_list(cls: type[Any], value: object, where: str, problems: list[str]) -> list[Any]:
    """Make a list of dataclasses; entries with problems are left out."""
    if not isinstance(value, list):
        problems.append(f"{where} must be a list")
        return []
    made = [build(cls, entry, f"{where}[{index}]", problems) for index, entry in enumerate(value)]
    return [entry for entry in made if entry is not None]


def _read(hint: Any, value: object, where: str, problems: list[str]) -> Any:
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        if value is None:
            return None
        [hint] = [choice for choice in get_args(hint) if choice is not types.NoneType]
        return _read(hint, value, where, problems)
    if origin is Literal:
        if value not in get_args(hint):
            problems.append(f"{where} must be one of {', '.join(map(str, get_args(hint)))}")
        return value
    if origin is list:
        [inner] = get_args(hint)
        if is_dataclass(inner):
            assert isinstance(inner, type)
            return build_list(inner, value, where, problems)
        if isinstance(value, list) and all(isinstance(entry, inner) for entry in value):
            return list(value)
        problems.append(f"{where} must be a list of {PLAIN[inner]}")
        return None
    if origin is dict:
        if isinstance(value, dict) and all(isinstance(part, str) for pair in value.items() for part in pair):
            return dict(value)
        problems.append(f"{where} must be an object of texts")
        return None
    if is_dataclass(hint):
        assert isinstance(hint, type)
        return build(hint, value, where, problems)
    if hint is datetime:
        return _read_time(value, where, problems)
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        problems.append(f"{where} must be {PLAIN[hint]}")
        return None
    return value


def _read_time(value: object, where: str, problems: list[str]) -> datetime | None:
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        problems.append(f"{where} must be a time with its zone, such as 2026-01-05T09:00:00+00:00")
        return None
    return moment
