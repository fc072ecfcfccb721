"""Who may import whom, and who may ask for the time."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "bot").rglob("*.py"))

VALUES = {"bot.domain"}
EDGES = {"bot.slack", "bot.evs", "bot.store"}
NEEDS = {"bot.ports", *VALUES}
SHARED = {"bot.cache", "bot.retry"}
WIRED = {
    "bot.admin",
    "bot.supervision",
    "bot.settings",
    "bot.logs",
    "bot.clock",
    "bot.engine",
    "bot.workflow",
    *EDGES,
    *NEEDS,
}
MAY_IMPORT: dict[str, set[str]] = {
    "bot": set(),
    "bot.domain": set(),
    "bot.ports": VALUES,
    "bot.engine": NEEDS,
    "bot.cache": NEEDS,
    "bot.retry": NEEDS,
    "bot.workflow": {*SHARED, *NEEDS},
    "bot.slack": {"bot.workflow", *SHARED, *NEEDS},
    "bot.evs": {"bot.retry", *NEEDS},
    "bot.store": NEEDS,
    "bot.settings": VALUES,
    "bot.admin": {"bot.metrics"},
    "bot.metrics": set(),
    "bot.supervision": VALUES,
    "bot.logs": NEEDS,
    "bot.clock": NEEDS,
    "bot.simulator": set(),
    "bot.app": WIRED,
    "bot.cli": WIRED,
    "bot.cli_grants": {"bot.cli", *WIRED},
    "bot.cli_run": {"bot.app", "bot.cli", *WIRED},
    "bot.cli_demo": {"bot.app", "bot.cli", "bot.simulator", *WIRED},
    "bot.__main__": {"bot.cli", "bot.cli_demo", "bot.cli_grants", "bot.cli_run", *WIRED},
}
"""A part of the bot, and what it may import of the bot beside itself."""

DOMAIN_LIBRARIES = {"pydantic", "pydantic_core", *sys.stdlib_module_names}
LONGEST_MODULE, LONGEST_FUNCTION = 500, 40
"""In lines, with blank ones and docstrings; a function counts the functions inside it."""

ASKS_FOR_TIME = (
    ".datetime.now",
    ".datetime.utcnow",
    ".datetime.today",
    ".date.today",
    ".time.time",
    ".time.time_ns",
    ".time.sleep",
    ".asyncio.sleep",
)

KNOWS_SLACK = re.compile(r"(chat|users|views|conversations|usergroups)\.[a-z]+|\[?[CDGUWS]{1,4}\]?|hash_conflict")
"""Texts by which it is decided what only Slack's documentation tells: methods, errors, and how its ids begin."""


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def part(module: str) -> str:
    return ".".join(module.split(".")[:2])


def imported(tree: ast.AST, path: Path) -> Iterator[str]:
    """Full names of all that is imported, at the top and inside functions alike."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *filter(None, [node.module])])
            yield from (f"bot.{alias.name}" if module == "bot" else module for alias in node.names)


def forbidden_imports(text: str, path: Path) -> list[str]:
    own = part(dotted(path))
    assert own in MAY_IMPORT, f"{own} is not in the picture: add it to MAY_IMPORT."
    others = {part(name) for name in imported(ast.parse(text), path) if part(name).split(".")[0] == "bot"} - {own}
    return sorted(others - MAY_IMPORT[own])


def times_asked(text: str) -> list[str]:
    """Names that read the time or sleep, called or handed on."""
    tree = ast.parse(text)
    named = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    pulled = {
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    return sorted(name for name in named | pulled if f".{name}".endswith(ASKS_FOR_TIME))


def slack_in(text: str) -> list[str]:
    """Texts that know Slack, where they are no documentation."""
    tree = ast.parse(text)
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    named = {
        id(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "TypeVar"
    }
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in told | named]
    return [one.value for one in texts if isinstance(one.value, str) and KNOWS_SLACK.fullmatch(one.value)]


def too_long(text: str) -> list[str]:
    functions = [one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    lines = [(one.name, (one.end_lineno or one.lineno) - one.lineno + 1) for one in functions]
    module = ["the module"] if text.count("\n") > LONGEST_MODULE else []
    return [*module, *(name for name, length in lines if length > LONGEST_FUNCTION)]


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_a_module_imports_only_what_its_part_may(path: Path) -> None:
    assert forbidden_imports(path.read_text("utf-8"), path) == []


@pytest.mark.parametrize("path", [path for path in MODULES if part(dotted(path)) == "bot.domain"], ids=dotted)
def test_the_domain_needs_only_the_standard_library_and_pydantic(path: Path) -> None:
    libraries = {name.split(".")[0] for name in imported(ast.parse(path.read_text("utf-8")), path)} - {"bot"}
    assert libraries - DOMAIN_LIBRARIES == set()


@pytest.mark.parametrize(
    "path", [path for path in MODULES if part(dotted(path)) not in ("bot.clock", "bot.simulator")], ids=dotted
)
def test_only_the_clock_knows_what_time_it_is(path: Path) -> None:
    assert times_asked(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "path", [path for path in MODULES if part(dotted(path)) in ("bot.domain", "bot.ports", "bot.workflow")], ids=dotted
)
def test_what_slacks_ids_and_methods_mean_is_known_in_slack_alone(path: Path) -> None:
    assert slack_in(path.read_text("utf-8")) == []


def test_no_listener_builds_a_view() -> None:
    listeners = (ROOT / "bot/slack/listeners").glob("*.py")
    assert [path.name for path in listeners if '"type": ' in path.read_text("utf-8")] == []


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if part(dotted(path)) != "bot.simulator"],  # it stands in for others, in long tables
    ids=dotted,
)
def test_no_module_and_no_function_is_too_long_to_read(path: Path) -> None:
    assert too_long(path.read_text("utf-8")) == []


def test_only_the_entrances_import_the_wiring() -> None:
    assert {own for own, others in MAY_IMPORT.items() if "bot.app" in others} == {"bot.cli_demo", "bot.cli_run"}


@pytest.mark.parametrize(
    ("module", "text", "forbidden"),
    [
        ("bot/domain/access.py", "import bot.ports", ["bot.ports"]),
        ("bot/domain/access.py", "from bot.domain.projects import Project", []),
        ("bot/engine.py", "from bot import store, domain", ["bot.store"]),
        ("bot/slack/views.py", "def late():\n    from bot.evs.client import EvsClient", ["bot.evs"]),
        ("bot/slack/views.py", "from . import payloads\nfrom ..store import rows", ["bot.store"]),
        ("bot/slack/__init__.py", "from .. import evs", ["bot.evs"]),
        ("bot/simulator/cloud/server.py", "from bot.domain.errors import BotError", ["bot.domain"]),
    ],
)
def test_the_picture_catches_what_it_forbids(module: str, text: str, forbidden: list[str]) -> None:
    assert forbidden_imports(text, ROOT / module) == forbidden


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("import datetime\ndatetime.datetime.now()", ["datetime.datetime.now"]),
        ("field(default_factory=datetime.utcnow)", ["datetime.utcnow"]),
        ("from asyncio import sleep", ["asyncio.sleep"]),
        ("self._clock.now(); await self._clock.sleep(1)", []),
    ],
)
def test_the_watch_on_time_sees_each_way_to_ask(text: str, asked: list[str]) -> None:
    assert times_asked(text) == asked


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("""channel.startswith(("D", "G"))""", ["D", "G"]),
        ("""if method == 'users.info': ask()""", ["users.info"]),
        ("""def ask():\n    'views.publish'""", []),
        ("""T = TypeVar('T'); S = TypeVar('S')""", []),
    ],
)
def test_the_watch_on_slack_sees_what_decides_and_no_documentation(text: str, found: list[str]) -> None:
    assert slack_in(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("x = 1\n" * LONGEST_MODULE, []),
        ("x = 1\n" * LONGEST_MODULE + "\n", ["the module"]),
        ("def short():\n" + "    x = 1\n" * (LONGEST_FUNCTION - 1), []),
        ("async def long():\n" + "\n" * (LONGEST_FUNCTION - 1) + "    return 1\n", ["long"]),
        ("class C:\n    def method(self):\n" + "        x = 1\n" * LONGEST_FUNCTION, ["method"]),
        ("def outer():\n    def inner():\n" + "        x = 1\n" * LONGEST_FUNCTION, ["outer", "inner"]),
    ],
)
def test_the_measure_sees_each_kind_of_length(text: str, found: list[str]) -> None:
    assert too_long(text) == found
