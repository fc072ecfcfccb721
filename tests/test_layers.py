"""Who may import whom, who may ask for the time, and how large and how alike things may be."""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "bot").rglob("*.py"))
OWN = [path for path in MODULES if "simulator" not in path.parts]
"""Without what stands in for others: it has long tables, and copies their names."""

VALUES = {"bot.domain"}
EDGES = {"bot.slack", "bot.evs", "bot.store", "bot.api"}
NEEDS = {"bot.ports", *VALUES}
SHARED = {"bot.cache", "bot.connections", "bot.outages", "bot.retry"}
WIRED = {
    "bot.admin",
    "bot.supervision",
    "bot.settings",
    "bot.logs",
    "bot.clock",
    "bot.engine",
    "bot.identifiers",
    "bot.metrics",
    "bot.version",
    "bot.outages",
    "bot.receivers",
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
    "bot.connections": set(),
    "bot.outages": set(),
    "bot.workflow": {"bot.cache", "bot.retry", *NEEDS},
    "bot.api": {"bot.connections", "bot.workflow", *NEEDS},
    "bot.slack": {"bot.workflow", *SHARED, *NEEDS},
    "bot.evs": {"bot.outages", "bot.retry", *NEEDS},
    "bot.store": NEEDS,
    "bot.evidence": {"bot.domain", "bot.store"},
    "bot.receivers": {"bot.outages", *NEEDS},
    "bot.settings": VALUES,
    "bot.admin": {"bot.connections", *VALUES},
    "bot.metrics": NEEDS,
    "bot.supervision": VALUES,
    "bot.logs": NEEDS,
    "bot.identifiers": set(),
    "bot.version": set(),
    "bot.clock": NEEDS,
    "bot.simulator": set(),
    "bot.checks": {"bot.domain", "bot.evs", "bot.ports", "bot.settings", "bot.slack", "bot.store"},
    "bot.app": {"bot.app_jobs", *WIRED},
    "bot.app_jobs": WIRED,
    "bot.cli": WIRED,
    "bot.cli_audit": {"bot.cli", "bot.evidence", *WIRED},
    "bot.cli_check": {"bot.checks", "bot.cli", *WIRED},
    "bot.cli_completion": {"bot.cli"},
    "bot.cli_grants": {"bot.cli", *WIRED},
    "bot.cli_manifest": {"bot.cli", "bot.settings", "bot.slack"},
    "bot.cli_requests": {"bot.cli", *WIRED},
    "bot.cli_store": {"bot.cli", *WIRED},
    "bot.cli_pipeline": {"bot.cli", "bot.clock", *NEEDS},
    "bot.cli_run": {"bot.app", "bot.cli", *WIRED},
    "bot.cli_demo": {"bot.cli", "bot.cli_grants", "bot.simulator", *WIRED},
    "bot.__main__": {
        "bot.cli",
        "bot.cli_audit",
        "bot.cli_check",
        "bot.cli_completion",
        "bot.cli_demo",
        "bot.cli_grants",
        "bot.cli_manifest",
        "bot.cli_pipeline",
        "bot.cli_run",
        "bot.cli_requests",
        "bot.cli_store",
        *WIRED,
    },
}
"""A part of the bot, and what it may import of the bot beside itself."""

DOMAIN_LIBRARIES = {"pydantic", "pydantic_core", *sys.stdlib_module_names}
LONGEST_MODULE, LONGEST_FUNCTION = 500, 40
"""In lines, with blank ones and docstrings; a function counts the functions inside it."""
LONGEST_PORT = 120
MOST_FILES = defaultdict(lambda: 25, {"bot/domain": 40, "bot/store": 31})
"""In a directory; in these two each file is one thing, and they are found by its name."""
BROAD_AT_MOST = 0.05
"""Of all handlers of exceptions."""

ONE_THING = {"bot/domain", "bot/ports", "bot/store"}
"""A file of the same name in these is the value, what is asked of the store about it, and its rows."""
SAME_NAME = {
    "actors": "the value, and who is behind an id",
    "clock": "the port, and the machine's",
    "cloud": "the port, and the HTTP client behind it",
    "commands": "how they are read, and where they come in",
    "deferred_replies": "who answers, and their rows",
    "delete": "what is asked for, and the job that does it",
    "errors": "each edge makes its own into those of the domain; the listener tells of faults of the bot",
    "facts": "of a store, and how each database tells them",
    "hosts": "which are named in texts, and which are Slack's",
    "modals": "what comes back from them, and how they are opened",
    "restorations": "the value, what is asked of the store about it, and its rows",
    "connection": "to a file, and to a server",
    "database": "what the store asks of one, and each that answers",
    "reading": "of what the cloud answers, Slack delivers, the store holds",
    "restore_points": "the question, and the answer as people see it",
    "rows": "of the cloud's lists, and of the store",
    "schema": "of each database, in its own words",
    "servers": "the value, the cloud's lists, and the names that are kept",
}
"""Where else the layer is the difference, and what each is."""

NO_REQUEST_YET = {
    "bind": "a channel is bound: there is no request",
    "delete": "which other request may be named to the actor",
    "fill_form": "which projects and disks are offered; what is sent goes to the intake",
    "grant": "rights are given: there is no request",
}
"""Actions that decide beside the gate, and about what."""

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
    """Full names of all that is imported, of modules or of what is in them, at the top and inside functions alike."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            yield from (".".join([*base, *filter(None, [node.module]), alias.name]) for alias in node.names)


def forbidden_imports(text: str, path: Path) -> list[str]:
    own = part(dotted(path))
    assert own in MAY_IMPORT, f"{own} is not in the picture: add it to MAY_IMPORT."
    others = {part(name) for name in imported(ast.parse(text), path) if part(name).split(".")[0] == "bot"} - {own}
    return sorted(others - MAY_IMPORT[own])


Graph = Mapping[str, set[str]]


def graph_of(texts: Mapping[Path, str]) -> Graph:
    """The modules that each module imports."""
    known = {dotted(path) for path in texts}

    def module(name: str) -> str:
        while name and name not in known:
            name = name.rpartition(".")[0]
        return name

    return {
        dotted(path): {found for name in imported(ast.parse(text), path) if (found := module(name)) not in ("", "bot")}
        for path, text in texts.items()
    }


def reached(graph: Graph, starts: Iterable[str]) -> set[str]:
    """Whatever is imported by these, and by what they import."""
    found: set[str] = set()
    left = [other for start in starts for other in graph[start]]
    while left:
        if (one := left.pop()) not in found:
            found.add(one)
            left.extend(graph[one])
    return found


def circles(graph: Graph) -> list[str]:
    """The modules that import themselves by way of others."""
    return sorted(module for module in graph if module in reached(graph, [module]))


def strangers(graph: Graph) -> set[str]:
    """What the cloud's client and the jobs know of the other side, and what both know beside ports and values."""
    evs = {module for module in graph if module.startswith("bot.evs.")}
    jobs = {module for module in graph if module.startswith("bot.workflow.jobs.")}
    of_evs, of_jobs = reached(graph, evs), reached(graph, jobs)
    return (of_evs & jobs) | (of_jobs & evs) | {one for one in of_evs & of_jobs if part(one) not in NEEDS | SHARED}


def importers(graph: Graph, module: str) -> set[str]:
    return {part(one) for one, others in graph.items() if module in others}


def decides(text: str) -> bool:
    """Whether it takes `decide` from the domain."""
    tree = ast.parse(text)
    named = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    taken = {name for name in imported(tree, ROOT / "bot") if name.startswith("bot.domain.")}
    return any(name.endswith(".decide") for name in taken) or "access.decide" in named


def handlers(text: str) -> Iterator[tuple[bool, bool]]:
    """Of each handler of exceptions: whether it is broad, and whether a reason stands beside it."""
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ExceptHandler):
            caught = {part.id for part in ast.walk(node.type) if isinstance(part, ast.Name)} if node.type else {"all"}
            yield bool(caught & {"all", "Exception", "BaseException"}), ":  # " in lines[node.lineno - 1]


def same_names(paths: Iterable[Path]) -> set[str]:
    """Names that files of different layers share, beside those of one thing."""
    folders: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        if path.stem != "__init__":
            folders[path.stem].add(path.parent.relative_to(ROOT).as_posix())
    return {name for name, where in folders.items() if len(where) > 1 and not where <= ONE_THING}


def crowded(paths: Iterable[Path]) -> set[str]:
    files = Counter(path.parent.relative_to(ROOT).as_posix() for path in paths if path.stem != "__init__")
    return {folder for folder, count in files.items() if count > MOST_FILES[folder]}


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


def too_long(text: str, longest: int = LONGEST_MODULE) -> list[str]:
    functions = [one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    lines = [(one.name, (one.end_lineno or one.lineno) - one.lineno + 1) for one in functions]
    module = ["the module"] if text.count("\n") > longest else []
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


@pytest.mark.parametrize("path", OWN, ids=dotted)
def test_no_module_and_no_function_is_too_long_to_read(path: Path) -> None:
    longest = LONGEST_PORT if part(dotted(path)) == "bot.ports" else LONGEST_MODULE
    assert too_long(path.read_text("utf-8"), longest) == []


TEXTS = {path: path.read_text("utf-8") for path in OWN}
GRAPH = graph_of(TEXTS)


def test_only_the_entrances_import_the_wiring() -> None:
    assert importers(GRAPH, "bot.app") == {"bot.cli_run"}


def test_the_picture_allows_nothing_below_the_entrances_that_no_module_does() -> None:
    used = {own: {part(other) for one in GRAPH if part(one) == own for other in GRAPH[one]} for own in MAY_IMPORT}
    layers = {"bot.domain", "bot.ports", "bot.workflow", *EDGES, "bot.settings", "bot.admin"}
    assert {own: MAY_IMPORT[own] - used[own] for own in layers if MAY_IMPORT[own] - used[own]} == {}


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles(GRAPH) == []


def test_the_cloud_and_the_jobs_know_nothing_of_each_other_but_the_ports() -> None:
    assert strangers(GRAPH) == set()


def test_what_is_done_to_a_request_is_decided_by_the_gate_alone() -> None:
    acting = [path for path in OWN if path.parent.name == "actions" or part(dotted(path)) == "bot.slack"]
    assert {path.stem for path in acting if decides(TEXTS[path])} == NO_REQUEST_YET.keys()


def test_few_handlers_are_broad_and_each_of_them_says_why() -> None:
    found = [(path, *one) for path, text in TEXTS.items() for one in handlers(text)]
    broad = [(path, reason) for path, is_broad, reason in found if is_broad]
    assert len(broad) <= BROAD_AT_MOST * len(found)
    assert [dotted(path) for path, reason in broad if not reason] == []


def test_files_have_names_of_their_own_where_the_layer_is_not_the_difference() -> None:
    assert same_names(OWN) == SAME_NAME.keys()


def test_no_directory_holds_more_files_than_a_reader_looks_through() -> None:
    assert crowded(OWN) == set()


# --- each rule finds what breaks it -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "text", "forbidden"),
    [
        ("bot/domain/access.py", "import bot.ports", ["bot.ports"]),
        ("bot/domain/access.py", "from bot.domain.projects import Project", []),
        ("bot/engine/embedded.py", "from bot import store, domain", ["bot.store"]),
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


def built(**texts: str) -> Graph:
    """Modules by their dotted names below `bot`, with underscores for dots."""
    return graph_of({ROOT / "bot" / f"{name.replace('__', '/')}.py": text for name, text in texts.items()})


def test_a_circle_is_found_however_long_it_is_and_wherever_it_is_imported() -> None:
    late = "def late():\n    from bot.domain.a import x"
    assert circles(built(domain__a="import bot.domain.b", domain__b="from bot.domain import c", domain__c=late)) == [
        "bot.domain.a",
        "bot.domain.b",
        "bot.domain.c",
    ]
    assert circles(built(domain__a="import bot.domain.b", domain__b="import json")) == []


@pytest.mark.parametrize(
    ("evs", "jobs", "between"),
    [
        ("from bot.workflow.jobs import submit", "", "bot.workflow.jobs.submit"),
        ("", "from bot.evs.client import EvsClient", "bot.evs.client"),
        ("import bot.logs", "from bot.logs import x", "bot.logs"),
    ],
)
def test_what_the_cloud_and_the_jobs_know_of_each_other_is_found(evs: str, jobs: str, between: str) -> None:
    assert between in strangers(built(evs__client=evs, workflow__jobs__submit=jobs, logs="", ports__cloud=""))


def test_who_imports_the_wiring_is_read_from_the_imports() -> None:
    assert importers(built(app="", engine="def late():\n    from bot.app import start"), "bot.app") == {"bot.engine"}


@pytest.mark.parametrize(
    "text",
    [
        "from bot.domain.access import Actor, decide",
        "from bot.domain.access import decide as may",
        "from bot.domain import access\naccess.decide(actor, action)",
    ],
)
def test_a_decision_beside_the_gate_is_found(text: str) -> None:
    assert decides(text)
    assert not decides("await self._gate.admits(actor, channel, one, VERB)")


@pytest.mark.parametrize(
    ("handler", "broad", "reason"),
    [
        ("except Exception:", True, False),
        ("except (OSError, BaseException) as exc:  # the last one who could tell", True, True),
        ("except:", True, False),
        ("except OSError:", False, False),
    ],
)
def test_a_broad_handler_and_its_reason_are_found(handler: str, broad: bool, reason: bool) -> None:
    assert list(handlers(f"try:\n    pass\n{handler}\n    pass")) == [(broad, reason)]


@pytest.mark.parametrize(
    ("paths", "same"),
    [
        (["bot/slack/views/plan.py", "bot/workflow/jobs/plan.py"], {"plan"}),
        (["bot/domain/plan.py", "bot/store/plan.py", "bot/ports/plan.py"], set()),
        (["bot/domain/plan.py", "bot/store/plan.py", "bot/evs/plan.py"], {"plan"}),
        (["bot/slack/__init__.py", "bot/evs/__init__.py"], set()),
    ],
)
def test_a_name_that_two_layers_share_is_found(paths: list[str], same: set[str]) -> None:
    assert same_names(ROOT / path for path in paths) == same


def test_a_crowded_directory_is_found() -> None:
    paths = [ROOT / "bot" / "evs" / f"part_{number}.py" for number in range(MOST_FILES["bot/evs"] + 1)]
    assert crowded(paths) == {"bot/evs"}
    assert crowded(paths[1:]) == set()


def test_a_long_port_is_found() -> None:
    assert too_long("x = 1\n" * (LONGEST_PORT + 1), LONGEST_PORT) == ["the module"]
