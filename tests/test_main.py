"""The command itself: its help is there at once, every command is found, and its version is the one installed."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from bot.__main__ import _parser

ROOT = Path(__file__).parent.parent


def words(parser: argparse.ArgumentParser, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Each command, and each that stands below one."""
    yield before
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield from words(below, (*before, name))


COMMANDS = list(words(_parser()))

HELPED = """
import contextlib, io, sys
from bot.__main__ import main
for words in {commands}:
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()) as said:
        main([*words, "--help"])
    assert said.getvalue().startswith("usage: snapshot-bot"), words
print(*sorted({{name.split(".")[0] for name in sys.modules}} - {{*sys.stdlib_module_names}}))
print(*sorted(sys.modules.keys() & {{"asyncio", "sqlite3", "bot.cli", "bot.settings"}}))
"""


def test_no_help_waits_for_more_than_the_words_in_it() -> None:
    """Beside what an empty program loads, as an interpreter may by itself."""
    assert len(COMMANDS) > 20
    programs = (HELPED.format(commands=COMMANDS), "import sys; print(*{name.split('.')[0] for name in sys.modules})")
    said = [subprocess.run([sys.executable, "-c", one], capture_output=True, text=True, check=True) for one in programs]
    loaded, heavy = said[0].stdout.split("\n")[:2]
    assert {*loaded.split()} - {*said[1].stdout.split()} == {"bot"}
    assert heavy == ""


@pytest.mark.parametrize(
    "command", [[str(Path(sys.executable).parent / "snapshot-bot")], [sys.executable, "-m", "bot"]]
)
def test_its_version_is_the_one_that_is_installed(command: list[str]) -> None:
    said = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True, cwd=ROOT)
    assert said.stdout == f"snapshot-bot {metadata.version('snapshot-bot')}\n"
