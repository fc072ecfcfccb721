"""The documents say what the code does: links lead somewhere, examples work as typed, nothing stays undocumented."""

from __future__ import annotations

import argparse
import ast
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.__main__ import _parser
from bot.domain import log_lines
from bot.domain.options import CREATE_OPTIONS, OPTIONS_OF, QUICK_OPTIONS
from bot.domain.parsing.commands import KNOWN, read_command
from bot.domain.roles import MAY, Action
from bot.evs.error_sentences import DOCUMENTED
from bot.settings import load_settings
from bot.settings.environment import Environment
from bot.settings.tables import CREDENTIALS, TABLES, AuditTable, Table
from bot.slack.listeners import arrivals

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXT = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in DOCUMENTS}
EXAMPLES = sorted(path for path in (ROOT / "docs" / "examples").rglob("*") if path.is_file())
CODE = sorted(path for folder in ("bot", "tests") for path in (ROOT / folder).rglob("*.py"))
BOT = [path.read_text(encoding="utf-8") for path in CODE if path.is_relative_to(ROOT / "bot")]
WITHOUT_SIMULATORS = [
    path.read_text(encoding="utf-8")
    for path in CODE
    if path.is_relative_to(ROOT / "bot") and not path.is_relative_to(ROOT / "bot" / "simulator")
]
SAID = "\n".join(
    node.value
    for text in BOT
    for node in ast.walk(ast.parse(text))
    if isinstance(node, ast.Constant) and isinstance(node.value, str)
)
"""Every text in the code; of one with places to fill in, what stands between them."""
README_LINES = 60

_LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
_PATH = re.compile(r"`((?:bot|tests|docs|\.ci)/[\w./-]*)`")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def _anchors(text: str) -> set[str]:
    """As GitHub makes them: lower case, punctuation left out, dashes for spaces."""
    outside_code = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in _HEADING.findall(outside_code)}


def _block(document: str, language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", TEXT[document], re.DOTALL)
    assert found, f"{document} has no block of {language}"
    return found[1]


# --- links and paths --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TEXT)
def test_every_link_leads_somewhere(name: str) -> None:
    for target in _LINK.findall(TEXT[name]):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        led_to = ((ROOT / name).parent / path).resolve() if path else ROOT / name
        assert led_to.is_file() and led_to.is_relative_to(ROOT), target
        assert not anchor or anchor in _anchors(led_to.read_text(encoding="utf-8")), target


@pytest.mark.parametrize("name", TEXT)
def test_every_path_that_is_named_exists(name: str) -> None:
    assert [path for path in _PATH.findall(TEXT[name]) if not (ROOT / path).exists()] == []


def test_the_tests_are_run_by_one_command_wherever_it_stands() -> None:
    texts = [TEXT["README.md"], TEXT["docs/contributing.md"], (ROOT / ".ci" / "run").read_text(encoding="utf-8")]
    (commands,) = {tuple(re.findall(r"-m pytest(?: (?:-n|--dist) \w+){2}", text)) for text in texts}
    assert len(commands) == 1


def test_every_name_that_is_given_with_its_file_stands_in_it() -> None:
    given = re.findall(r"`(bot/[\w/]+\.py)` \(((?:`\w+`(?:, )?)+)\)", TEXT["docs/contributing.md"])
    assert len(given) > 5
    for path, names in given:
        text = (ROOT / path).read_text(encoding="utf-8")
        assert [name for name in re.findall(r"`(\w+)`", names) if not re.search(rf"\b{name}\b", text)] == [], path


def test_the_changelog_is_by_version_and_says_what_an_upgrade_takes() -> None:
    parts = re.split(r"^## ", TEXT["CHANGELOG.md"], flags=re.MULTILINE)[1:]
    heads = [part.partition("\n")[0] for part in parts]
    assert heads[0] == "Unreleased"
    versions = [re.fullmatch(r"(\d+)\.(\d+)\.(\d+) \(\d{4}-\d\d-\d\d\)", head) for head in heads[1:]]
    numbers = [tuple(map(int, found.groups())) if found else None for found in versions]
    assert None not in numbers and numbers == sorted(filter(None, numbers), reverse=True)
    assert all("**At the upgrade:**" in part for part in parts)


def test_own_code_is_as_long_as_is_said_where_a_library_is_not_taken() -> None:
    """About: it grows and shrinks."""
    rows = re.findall(r"\(`(bot/[\w/.]+)`\) \| ([\d,]+) \|", TEXT["docs/architecture.md"])
    assert len(rows) > 8
    for place, said in rows:
        files = [one for one in CODE if one.relative_to(ROOT).as_posix().startswith(place)]
        lines = sum(len(one.read_text(encoding="utf-8").splitlines()) for one in files)
        assert 0.6 < lines / int(said.replace(",", "")) < 1.6, (place, lines)


def test_the_readme_is_one_screen_and_leads_to_every_document() -> None:
    assert len(TEXT["README.md"].splitlines()) <= README_LINES
    assert {name for name in TEXT if name.startswith("docs/")} <= set(_LINK.findall(TEXT["README.md"]))


# --- commands and options ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", KNOWN)
def test_every_command_is_in_the_table_of_commands(word: str) -> None:
    assert re.search(rf"^\| (?:`[^`]*`, )?`{word}[ `]", TEXT["docs/use.md"], re.MULTILINE)


@pytest.mark.parametrize("option", sorted({*CREATE_OPTIONS, *QUICK_OPTIONS}))
def test_every_option_has_its_row(option: str) -> None:
    assert re.search(rf"^\| (?:`[^`]*`, )*`{option}=", TEXT["docs/use.md"], re.MULTILINE)


@pytest.mark.parametrize("verb", OPTIONS_OF)
def test_options_of_smaller_commands_stand_in_their_row(verb: str) -> None:
    if verb in ("create", "quick", "bind"):
        return  # these have tables of their own
    row = next(line for line in TEXT["docs/use.md"].splitlines() if line.startswith("|") and f"`{verb} " in line)
    assert [option for option in OPTIONS_OF[verb] if f"{option}=" not in row] == []


def test_the_commands_that_are_shown_for_slack_are_read_without_a_fault() -> None:
    shown = [
        line for text in TEXT.values() for line in re.findall(r"(?:^    |`)/snapshot\b([^`\n]*)", text, re.MULTILINE)
    ]
    assert len(shown) > 10
    for words in shown:
        read_command(words.replace("@bob", "<@U0BOB00002>").strip())


def _commands(parser: argparse.ArgumentParser, words: str = "snapshot-bot") -> Iterator[tuple[str, str]]:
    """Each command of the terminal, and each option that it takes; "" for the command itself."""
    verbs = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for name, below in (pair for verb in verbs for pair in verb.choices.items()):
        yield from _commands(below, f"{words} {name}")
    if not verbs:
        yield words, ""
        yield from ((words, action.option_strings[-1]) for action in parser._actions if action.option_strings)


@pytest.mark.parametrize(("words", "option"), [pair for pair in _commands(_parser()) if pair[1] != "--help"])
def test_every_command_of_the_terminal_is_documented_with_its_options(words: str, option: str) -> None:
    shown = [line for text in TEXT.values() for line in text.splitlines() if words in line]
    assert shown, words
    if option == "--config":
        assert "All but `demo`, `simulate`, `manifest`, `completion` and `request` take `--config FILE`." in TEXT[
            "docs/install.md"
        ].replace("\n", " ")
    elif option:
        assert any(option in line for line in shown), f"{words} {option}"


def test_the_commands_that_are_shown_are_read_by_the_bot() -> None:
    """What stands in a block of its own, with the words in capitals filled in; options in brackets are left out."""
    lines = [line for text in TEXT.values() for line in re.findall(r"^    (snapshot-bot .+)$", text, re.MULTILINE)]
    assert len(lines) > 10
    meant = {"SUBJECT": "user:U0ALICE001", "ROLE": "operator", "PROJECT": "web", "ACTION": "view"}
    for line in lines:
        words = shlex.split(re.sub(r"\[[^\]]*\]| > .*", "", line), comments=True)
        _parser().parse_args([meant.get(word, word) for word in words[1:]])


def test_the_table_of_roles_is_the_one_that_decides() -> None:
    rows = [line.strip("|").split("|") for line in TEXT["docs/policy.md"].splitlines() if line.startswith("| `")]
    shown = {row[0].strip(" `"): row[1:] for row in rows if len(row) == 1 + len(Action)}
    assert {
        role: {action for action, cell in zip(Action, cells, strict=True) if cell.strip() == "yes"}
        for role, cells in shown.items()
    } == {role.value: set(allowed) for role, allowed in MAY.items()}


# --- settings ---------------------------------------------------------------------------------------------------------


_CONFIGURED: dict[str, type[Table]] = {**TABLES, **CREDENTIALS, "audit": AuditTable}


@pytest.mark.parametrize(
    ("table", "key"), [(name, key) for name in _CONFIGURED for key in _CONFIGURED[name].model_fields]
)
def test_every_key_of_the_configuration_is_documented(table: str, key: str) -> None:
    text = TEXT["docs/install.md"] + TEXT["docs/api.md"]
    assert f"`{key}`" in text or re.search(rf"^{key} = ", text, re.MULTILINE), f"{table}: {key}"


def test_every_variable_of_the_environment_is_documented() -> None:
    read = ["BOT_CONFIG", *(field.alias for field in Environment.model_fields.values())]
    assert [name for name in read if f"`{name}`" not in TEXT["docs/install.md"]] == []


def test_the_configuration_that_is_shown_works_as_typed(tmp_path: Path) -> None:
    (tmp_path / "bot.toml").write_text(_block("docs/install.md", "toml"), encoding="utf-8")
    secrets = {"PAYMENTS_PASSWORD": "a-password", "SLACK_BOT_TOKEN": "xoxb-1234", "SLACK_APP_TOKEN": "xapp-1234"}
    settings = load_settings(secrets, tmp_path / "bot.toml")
    assert settings.projects["payments-prod"].channels == ("C0PAYINC01",)


# --- what people meet -------------------------------------------------------------------------------------------------


WRITES_LINE = {"log.info": 0, "_arrived": 0, "Outages": 2}
"""Functions that write a line at info, or keep its sentence, and which of their arguments it is."""

LINES = (
    *(log_lines.REQUEST_LINES, log_lines.ITEM_LINES, log_lines.GROUP_LINES, log_lines.DELETION_LINES),
    *(log_lines.DECIDED, log_lines.BY_RULE, log_lines.DONE, arrivals.USED),
)


def _lines_at_info() -> Iterator[str]:
    for table in LINES:
        yield from table.values()
    yield from (log_lines.PLANNED, log_lines.ITEM_FOUND, log_lines.GROUP_FOUND, log_lines.DELETE_SENT)
    for node in (node for text in WITHOUT_SIMULATORS for node in ast.walk(ast.parse(text))):
        parts: list[ast.AST] = []
        if isinstance(node, ast.Call) and (place := WRITES_LINE.get(ast.unparse(node.func))) is not None:
            parts = [*node.args[place : place + 1]]
        if isinstance(node, ast.Tuple) and node.elts and ast.unparse(node.elts[0]) == "logging.INFO":
            parts = [*node.elts[1:]]
        for one in (one for part in parts for one in ast.walk(part)):
            if isinstance(one, ast.Constant) and isinstance(one.value, str):
                yield one.value


def test_each_line_of_the_log_at_info_is_documented_and_no_other() -> None:
    table = TEXT["docs/operate.md"].partition("\n## Logs\n")[2].partition("| line |")[2].partition("\n\n")[0]
    named = {name for row in table.splitlines()[2:] for name in re.findall(r"`([^`]+)`", row.split("|")[1])}
    written = set(_lines_at_info())
    assert (written - named, named - written) == (set(), set())


def test_the_lines_of_the_log_that_are_explained_are_written_by_the_bot() -> None:
    table = TEXT["docs/troubleshoot.md"].partition("## Lines of the log")[2]
    cells = re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
    named = [name for cell in cells for name in re.findall("`(.+?)`", cell)]
    assert len(named) > 10
    assert [name for name in named if name.removesuffix(" …") not in SAID] == []


@pytest.mark.parametrize("name", [name for name in TEXT if name.startswith("docs/troubleshoot")] + ["docs/use.md"])
def test_what_people_read_is_quoted_as_the_bot_says_it(name: str) -> None:
    """In italics; dots stand for what is filled in."""
    text = re.sub(r"```.*?```|`[^`]*`", "", TEXT[name], flags=re.DOTALL)
    quoted = [found.replace("\n", " ") for found in re.findall(r"(?<![*\w])\*([A-Z…][^*|]+?)\*(?!\*)", text)]
    manifest = (ROOT / "manifest.yml").read_text(encoding="utf-8")
    parts = [part.strip() for words in quoted for part in words.split("…") if len(part.strip()) > 3]
    assert len(parts) > 3
    assert [part for part in parts if part not in SAID and part not in manifest] == []


def test_the_codes_that_are_explained_are_known() -> None:
    codes = re.findall(r"`((?:EVS|APIGW|IAM|Common|Ecs|Pdp)\.\d+)`", TEXT["docs/troubleshoot-cloud.md"])
    assert len(codes) > 5
    assert [code for code in codes if code not in DOCUMENTED] == []


def test_the_rights_that_are_asked_for_are_those_the_calls_need() -> None:
    """In both kinds of policy: identity policies call one action otherwise, and alone have names for groups."""
    policies = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", TEXT["docs/cloud-rights.md"], re.DOTALL)]
    asked, by_identity, restoring, denied = (
        {right for statement in policy["Statement"] for right in statement["Action"]} for policy in policies
    )
    calls = [path.read_text(encoding="utf-8") for path in (ROOT / "bot" / "evs").glob("*.py")]
    needed = {right for text in calls for right in re.findall(r'"((?:evs|ecs):\w+:\w+)"', text)}
    assert [policy["Version"] for policy in policies] == ["1.1", "5.0", "1.1", "1.1"]
    assert needed == {*asked, *restoring, "evs:snapshots:delete"}
    groups = {"evs:snapshotGroups:create", "evs:snapshotGroups:list"}
    assert by_identity == asked - {"ecs:cloudServers:list"} | {"ecs:cloudServers:listServersDetails"} | groups
    assert denied == restoring - {"evs:quotas:get"} | {"evs:snapshots:delete"} and not denied & asked


# --- nothing outside of the repository --------------------------------------------------------------------------------


_OUTSIDE = (
    re.compile(r"(?:slack-platform|evs-api|design)(?: reference|\.md)?,? (?:sections? )?§?[0-9]"),
    re.compile(r"(?:reference|design|contract), (?:sections? )?[0-9]"),
    re.compile(r"slack-platform reference|design section|evs-api|the contract allows"),
    re.compile(r"\.\./shared|/(?:work|tmp/\w+)(?=/)|(?<![\w.])/(?:home|root|Users)(?=/)"),
)


def _outside(text: str) -> list[str]:
    """What refers to a document that no clone has: by its title and number, by its path, or as a file of notes."""
    known = {part for name in TEXT for part in (name, Path(name).name)}
    named = [found for found in re.findall(r"\b[\w./-]+\.md\b", text) if found not in known]
    return named + [found[0] for pattern in _OUTSIDE for found in pattern.finditer(text)]


def test_nothing_refers_to_a_document_outside_of_the_repository() -> None:
    looked_at = {*DOCUMENTS, *CODE, *(ROOT / "tests" / "data").rglob("*.json"), *(ROOT / ".ci").iterdir(), *EXAMPLES}
    found = {path: _outside(path.read_text(encoding="utf-8")) for path in looked_at - {Path(__file__)}}
    assert {path.relative_to(ROOT).as_posix(): names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "text",
    [
        "Source: slack-platform reference, section 3",
        "(reference, section 8)",
        "design section 9",
        "see ../shared/x",
        "see design.md",
    ],
)
def test_the_watch_sees_what_is_outside(text: str) -> None:
    assert _outside(text)
