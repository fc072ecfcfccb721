"""The small checks that Block Kit's rules are made of, each in Slack's wording."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any


class Problems:
    """Violations so far, as `<message> [json-pointer:<pointer>]`."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, message: str, pointer: str) -> None:
        self.lines.append(f"{message} [json-pointer:{pointer}]")


def require(source: dict[str, Any], keys: Collection[str], where: str, problems: Problems) -> bool:
    """Whether all the keys are there; those that are not are reported."""
    missing = [key for key in keys if source.get(key) is None]
    for key in missing:
        problems.add(f"missing required field: {key}", where)
    return not missing


def extra_keys(source: dict[str, Any], known: Collection[str], where: str, problems: Problems) -> None:
    for key in source:
        if key not in known:
            problems.add(f"invalid additional property: {key}", where)


def check_length(value: Any, most: int, where: str, problems: Problems, least: int = 0) -> bool:
    """Whether the value is a string of the right length."""
    if not isinstance(value, str):
        problems.add("must be a string", where)
        return False
    if len(value) > most:
        problems.add(f"must be less than {most + 1} characters", where)
        return False
    if len(value) < least:
        problems.add(f"must be more than {least - 1} characters", where)
        return False
    return True


def check_text(text: Any, where: str, problems: Problems, *, most: int, plain: bool = False) -> None:
    """A text object; a wrong length is preceded by Slack's remark about the parent."""
    if not isinstance(text, dict):
        problems.add("must be an object", where)
        return
    if not require(text, ("type", "text"), where, problems):
        return
    allowed = ("plain_text",) if plain else ("plain_text", "mrkdwn")
    if text["type"] not in allowed:
        problems.add(f"unsupported type: {text['type']}", f"{where}/type")
        return
    flags = ("emoji",) if text["type"] == "plain_text" else ("verbatim",)
    extra_keys(text, ("type", "text", *flags), where, problems)
    inner = Problems()
    if not check_length(text["text"], most, f"{where}/text", inner, least=1):
        if not plain:
            problems.add("failed to match all allowed schemas", where)
        problems.lines += inner.lines


def check_image(source: dict[str, Any], where: str, problems: Problems) -> None:
    if source.get("image_url") is None and source.get("slack_file") is None:
        problems.add("missing required field: image_url", where)
    elif source.get("image_url") is not None:
        check_length(source["image_url"], 3000, f"{where}/image_url", problems, least=1)
    if require(source, ("alt_text",), where, problems):
        check_length(source["alt_text"], 2000, f"{where}/alt_text", problems, least=1)


def object_list(
    value: Any, where: str, problems: Problems, *, least: int = 0, most: int | None = None
) -> list[tuple[int, dict[str, Any]]]:
    """The objects of a list with their places; wrong counts and wrong items are reported."""
    if not isinstance(value, list):
        problems.add("must be an array", where)
        return []
    if most is not None and len(value) > most:
        problems.add(f"no more than {most} items allowed", where)
    if len(value) < least:
        problems.add(f"must provide at least {least} items", where)
    for index, item in enumerate(value):
        if not isinstance(item, dict):
            problems.add("must be an object", f"{where}/{index}")
    return [(index, item) for index, item in enumerate(value) if isinstance(item, dict)]
