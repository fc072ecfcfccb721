"""Docstrings begin with the thing or the verb, and say who a person is; comments as well."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(path for path in (ROOT / "bot").rglob("*.py") if "simulator" not in path.parts)

ROUNDABOUT = re.compile(r"What\b")
UNNAMED = re.compile(r"(?<!@)\b(?:somebody|nobody|whoever|someone)\b", re.IGNORECASE)
"""Say the requester, an approver, an admin, a person. `@someone` is a word of the commands, as they are typed."""


def prose(source: str) -> Iterator[tuple[int, str, bool]]:
    """Each docstring, of a field as well, and each comment: its line, its text, and whether it is a docstring."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value, True
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string, False


def offences(source: str) -> list[str]:
    """The places that break the rule, each with its line."""
    found = []
    for line, text, is_docstring in prose(source):
        if is_docstring and ROUNDABOUT.match(text.lstrip()):
            found.append(f"{line}: begins with What")
        found += [f"{line + text.count(chr(10), 0, word.start())}: {word[0]}" for word in UNNAMED.finditer(text)]
    return found


def test_prose_of_the_bot_names_things_and_people() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{one}" for path in SOURCES for one in offences(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("source", "broken"),
    [
        ('"""What a module is."""\n', ["1: begins with What"]),
        ('def f():\n    """What it does."""\n', ["2: begins with What"]),
        ('class C:\n    """\n    What it holds.\n    """\n', ["2: begins with What"]),
        ('LIMIT = 3\n"""What is left."""\n', ["2: begins with What"]),
        ('"""Two lines,\nof which Somebody\'s is the second."""\n', ["2: Somebody"]),
        ("x = 1  # nobody waits, whoever asks\n", ["1: nobody", "1: whoever"]),
        ("# As someone said,\n# and someone else.\n", ["1: someone", "2: someone"]),
    ],
)
def test_a_broken_snippet_is_found(source: str, broken: list[str]) -> None:
    assert offences(source) == broken


@pytest.mark.parametrize(
    "source",
    [
        '"""Whatever is left; what a person sees."""\n',
        'HEARD = "What? Nobody agreed, and somebody has to."\n',
        '"""`grant @someone-or-group ROLE PROJECT`"""\n',
        "# What follows is a comment, of the requester's words.\n",
    ],
)
def test_sentences_for_people_and_other_words_stay(source: str) -> None:
    assert offences(source) == []
