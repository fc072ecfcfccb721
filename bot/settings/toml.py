"""TOML text becomes tables, and the line of every key: tomllib tells values, but keeps no lines."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bot.settings.configuration_errors import ConfigurationError

KeyPath = tuple[str | int, ...]

_AT_LINE = re.compile(r" \(at line (\d+), column \d+\)$")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_ONE_LINE_PAIR = re.compile(r"\s*[^\s\[#][^=]*=")
_CLOSERS = ("]", "}", '"""', "'''")


@dataclass(frozen=True, slots=True)
class Document:
    """A file as read. `lines` knows tables and keys; a key inside a value stands where the value begins."""

    source: str
    tables: dict[str, Any]
    lines: dict[KeyPath, int] = field(default_factory=dict)

    def problem(self, path: KeyPath, sentence: str) -> ConfigurationError:
        """A problem at a key, or at what holds it where the key itself is missing."""
        known = next((path[:end] for end in range(len(path), 0, -1) if path[:end] in self.lines), None)
        return ConfigurationError(self.source, self.lines[known] if known else None, place_name(path), sentence)


def place_name(path: KeyPath) -> str:
    """`[projects.web] channels #2`: the table as its header has it, then the key, then the entry, counted from 1."""
    words = [_shown(part) for part in path]
    if len(path) > 1 and isinstance(path[1], int):
        return " ".join([f"[[{words[0]}]]", *words[1:]])
    depth = 2 if path[:1] in {("projects",), ("credentials",), ("tokens",)} else 1
    return " ".join([f"[{'.'.join(words[:depth])}]", *words[depth:]])


def _shown(part: str | int) -> str:
    if isinstance(part, int):
        return f"#{part + 1}"
    return part if _BARE_KEY.fullmatch(part) else json.dumps(part)


def parse(source: str, text: str, problems: list[ConfigurationError]) -> Document | None:
    """Read a file's text; what TOML refuses is added to `problems`.

    A table or key given twice is put aside, so that the rest is still looked at. None where nothing can be read.
    """
    lines = text.split("\n")
    # Each round but the last puts a line aside.
    for _ in range(len(lines) + 1):
        try:
            tables = tomllib.loads("\n".join(lines))
            return Document(source, tables, lines_by_key("\n".join(lines)))
        except tomllib.TOMLDecodeError as refusal:
            number, reason = _line_and_reason(refusal, len(lines))
            repeated = _put_aside_repeated(source, lines, number, reason)
            problems.append(repeated or _unreadable(source, number, reason))
            if repeated is None:
                return None
        except (ValueError, RecursionError):
            problems.append(
                ConfigurationError(source, None, "", "A number has too many digits, or lists are nested too deeply.")
            )
            return None
    return None


def _line_and_reason(refusal: tomllib.TOMLDecodeError, last: int) -> tuple[int, str]:
    found = _AT_LINE.search(str(refusal))
    reason = _AT_LINE.sub("", str(refusal)).removesuffix(" (at end of document)")
    return (int(found[1]) if found else last), reason


def _unreadable(source: str, number: int, reason: str) -> ConfigurationError:
    return ConfigurationError(source, number, "", f"This is not TOML: {reason}. The rest of the file was not checked.")


def _put_aside_repeated(source: str, lines: list[str], number: int, reason: str) -> ConfigurationError | None:
    """Blank a table or a pair in one line that TOML refuses as a repetition; None for anything else."""
    line = lines[number - 1]
    if reason.startswith("Cannot declare") and line.lstrip().startswith("["):
        problem = _repeated_table(source, lines, number)
        after = (at for at in range(number, len(lines)) if lines[at].lstrip().startswith("["))
        end = next(after, len(lines))
    elif reason.startswith("Cannot overwrite") and _ONE_LINE_PAIR.match(line) and _is_toml(line):
        problem = _repeated_pair(source, lines, number)
        end = number
    else:
        return None
    lines[number - 1 : end] = [""] * (end - number + 1)
    return problem


def _repeated_table(source: str, lines: list[str], number: int) -> ConfigurationError:
    path = _opened(_keys(lines[number - 1]), {}, is_entry=False)
    first = lines_by_key("\n".join(lines[: number - 1])).get(path)
    where = f", first in line {first}" if first else ""
    fix = "Give one of the two another name" if len(path) > 1 else "Put their keys together under one"
    return ConfigurationError(source, number, place_name(path), f"This table stands in the file twice{where}. {fix}.")


def _repeated_pair(source: str, lines: list[str], number: int) -> ConfigurationError:
    keys = _keys(lines[number - 1])
    before = lines_by_key("\n".join(lines[: number - 1]))
    ending_alike = [path for path in before if path[-len(keys) :] == keys]
    # The pair repeats one of the table it stands in, which is the last one before it.
    path = max(ending_alike, key=before.__getitem__, default=keys)
    where = f", first in line {before[path]}" if path in before else ""
    return ConfigurationError(source, number, place_name(path), f"This key stands here twice{where}. Keep one.")


def lines_by_key(text: str) -> dict[KeyPath, int]:
    """The line of every table, pair and nested key of a text that is TOML."""
    lines: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for number, statement in _statements(text):
        if statement.lstrip().startswith("["):
            table = _opened(_keys(statement), counts, is_entry=statement.lstrip().startswith("[["))
            below = {table[:end] for end in range(1, len(table) + 1)}
        else:
            below = set(_paths_in(tomllib.loads(statement), table))
        for path in below:
            lines.setdefault(path, number)
    return lines


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Headers and pairs with the line they begin in. A statement is the fewest lines that can be read alone."""
    pending: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not pending and (not line.strip() or line.lstrip().startswith("#")):
            continue
        pending.append(line)
        # Reading again after every line would be slow for a long list, and only a closer can end one.
        is_over = len(pending) == 1 or any(closer in line for closer in _CLOSERS)
        if is_over and _is_toml("\n".join(pending)):
            yield number - len(pending) + 1, "\n".join(pending)
            pending = []


def _is_toml(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _keys(statement: str) -> KeyPath:
    """The dotted key of a header or of a pair with a plain value."""
    keys: list[str] = []
    inner: Any = tomllib.loads(statement)
    while inner and isinstance(inner, dict | list):
        if isinstance(inner, list):
            inner = inner[0]
        else:
            ((key, inner),) = inner.items()
            keys.append(key)
    return tuple(keys)


def _opened(keys: KeyPath, counts: dict[KeyPath, int], *, is_entry: bool) -> KeyPath:
    """The full path of a header: a list of tables is entered at its last entry, `[[…]]` begins a new one."""
    path: KeyPath = ()
    for depth, key in enumerate(keys, start=1):
        path = (*path, key)
        if is_entry and depth == len(keys):
            counts[path] = counts.get(path, 0) + 1
        if path in counts:
            path = (*path, counts[path] - 1)
    return path


def _paths_in(value: object, base: KeyPath) -> Iterator[KeyPath]:
    pairs: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield (*base, key)
        yield from _paths_in(inner, (*base, key))
