"""The table of docs/operate.md names each line that the log has at info, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from bot.domain import log_lines
from bot.slack.listeners import arrivals

ROOT = Path(__file__).parent.parent
MODULES = [path for path in sorted((ROOT / "bot").rglob("*.py")) if "simulator" not in path.parts]

WRITERS = {"log.info": 0, "_arrived": 0, "Outages": 2}
"""Functions that write a line, or keep its sentence, and which of their arguments it is."""


def documented() -> set[str]:
    section = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8").partition("\n## Logs\n")[2]
    table = section.partition("| line |")[2].partition("\n\n")[0].splitlines()[2:]
    return {sentence for row in table for sentence in re.findall(r"`([^`]+)`", row.split("|")[1])}


def _texts(node: ast.AST) -> Iterator[str]:
    for one in ast.walk(node):
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value


def written() -> set[str]:
    found: set[str] = set()
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and (place := WRITERS.get(ast.unparse(node.func))) is not None:
                found |= {text for one in node.args[place : place + 1] for text in _texts(one)}
            if isinstance(node, ast.Tuple) and node.elts and ast.unparse(node.elts[0]) == "logging.INFO":
                found |= set(_texts(node))
    for name, table in vars(log_lines).items():
        if name.isupper() and not name.startswith("_") and name != "BEFORE_POST":
            found |= set(table.values()) if isinstance(table, Mapping) else {table}
    return found | set(arrivals.USED.values())


def test_each_line_at_info_is_documented_and_each_that_is_documented_is_written() -> None:
    assert (written() - documented(), documented() - written()) == (set(), set())
