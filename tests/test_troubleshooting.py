"""Every sentence that a person can read in an error stands in the pages on troubles, up to its first stop: there it is
searched for.

Sentences are taken from the source: all of a module that holds nothing but errors, and elsewhere what an error, a
denial or a complaint of the terminal is made of. What is filled in stands as dots.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from bot.domain import errors
from bot.evs.error_sentences import DOCUMENTED, known
from tests.test_docs import ROOT, TEXT

CLOUD, START, SLACK = "docs/troubleshoot-cloud.md", "docs/troubleshoot-start.md", "docs/troubleshoot.md"
API = "docs/api.md"
PAGES = (SLACK, START, CLOUD, API)

WHOLE: Mapping[str, str] = {
    **dict.fromkeys(("evs",), CLOUD),
    **dict.fromkeys(
        (
            *("settings", "supervision.py", "checks/clocks.py", "checks/configuration.py", "checks/looking.py"),
            *(
                "checks/rights.py",
                "checks/store_place.py",
                "checks/subjects.py",
                "checks/tokens.py",
            ),
            *("domain/hosts.py", "slack/client/health.py", "cli.py"),
            *("store/opening.py", "store/sqlite/place.py", "store/postgres/connection.py", "store/postgres/facts.py"),
            *("store/upkeep/verification.py", "store/audit.py"),
        ),
        START,
    ),
    **dict.fromkeys(
        (
            *("domain/denials.py", "domain/snapshots.py", "domain/forms.py", "domain/servers.py", "domain/granting.py"),
            *("domain/disks.py", "domain/selecting.py", "domain/quick.py", "workflow", "slack/listeners"),
            *("slack/unexpected.py", "slack/views/notices.py"),
        ),
        SLACK,
    ),
}
"""Modules and folders in which a sentence is an error by its place, and the page that has it."""

SAYING = {name for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, errors.BotError)}
SAYING |= {"Denied", "Refused", "complain", "_complain", "ArgumentTypeError", "ValueError", "PydanticCustomError"}
SAYING |= {"Problem"}
SAYING -= {"SlackBusy", "CannotPost", "MessageGone", "MessageFixed", "MessageRefused", "ViewStale", "ViewRefused"}
"""Calls whose text is for people, wherever they stand: of what Slack does not take the bot tells in other words."""

MARKS = 12
"""What is shorter is no sentence that anyone could look for."""

SEVERAL_CAUSES = ("APIGW.0301",)

_STOP = re.compile(r"[.;:?](?=\s|$)")
_NO_PROSE = re.compile(r"[\\(\[<]|(?:select|with|insert|begin|on conflict) ")
_WORD = re.compile(r"[^\W\d_]{2,}")


def text_of(node: ast.AST) -> str | None:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(str(one.value) if isinstance(one, ast.Constant) else "…" for one in parts)
        case _:
            return None


def key(sentence: str) -> str:
    """What is searched for: up to the first stop behind four words, without what is only filled in at either end."""
    text = " ".join(re.sub(r"[*`\\]|^:[a-z_]+: ", "", re.sub(r"\{[a-z_]*\}", "…", sentence)).split())
    stops = [found.start() for found in _STOP.finditer(text)]
    end = next((at for at in stops if len(text[:at].split()) >= 4), len(text))
    return re.sub(r"…[… ]*…", "…", text[:end]).strip(" .…:;?,")


def spoken(path: Path) -> Iterator[str]:
    """Texts of a module that read as a sentence: four words or more, none of SQL, of a log line or of a docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    silent = {id(part) for node in ast.walk(tree) for part in _silent(node)}
    for node in ast.walk(tree):
        text = text_of(node) if id(node) not in silent else None
        if text and " " in text and len(_WORD.findall(text)) >= 3 and not _NO_PROSE.match(text.strip()):
            yield text


def _silent(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Expr(value=ast.Constant() as docstring):
            yield docstring
        case ast.JoinedStr(values=parts):
            yield from parts
        case ast.Call(func=ast.Attribute(value=ast.Name(id="log")), args=[line, *_]):
            yield line
        case _:
            return


def told(path: Path) -> Iterator[str]:
    """What is given to a call that says something."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in SAYING:
            yield from (text for given in node.args if (text := text_of(given)) and " " in text.strip(" …"))


def _name(function: ast.expr) -> str:
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


NO_TROUBLE = frozenset(
    line.strip()
    for line in """
    this machine's is within a minute of that of
    none can be read by every user of this machine
    the cloud accepts it
    this region has them
    all that only read are open
    is not there yet, and can be made at the first start
    can be read and written, and has this version's tables
    the bot is in each that bot.toml names
    each whom a grant names is a full member
    each that a grant names is there
    each project has one who can act
    it has the right form
    all … of manifest.yml are there
    the store, Slack and the cloud
    the store's server
    files of secrets
    nothing was sent to it
    that snapshot: request …, taken
    by typing what is overwritten
    may do nothing here
    At most … disks a day (UTC)
    Creating needs the approval of … more
    in every project
    granted in Slack
    granted in the terminal
    of a project that is not configured
    Nothing was changed
    no reason given
    gives no reason
    verify aksk signature fail
    AK access failed to reach the limit
    Access=…, SignedHeaders=…, Signature=
    slack answers again
    slack takes the bot's token again
    a body is an object
    Slack refused the view (…)
    A newer view stands there
    Slack asks to wait
    One moment, I am looking it up
    an answer that was owed failed
    The cloud is creating
    does not have
    the rows after
    Slack opens connections with it
    In identity policies it is "ecs:cloudServers:listServersDetails"
    joined: made for another request
    found by its tag after a lost answer
    the role's own
    the local socket
    named with --head
    You denied it; the person who asked is told your reason
    Reviewed. The request's message says so
    You approved …, and it began
    bot for access
    You approved it; … more needed
    it shows its plan first
    it runs at once
    From now on, quick in this channel means
    This channel is bound to nothing now
    it to its end
    them to their end
    not sent yet and cancelled
    Cancelled. Nothing was created
    cancelled it. Nothing was created
    cancelled it before it was sent
    You confirmed …, and it began
    I am planning it anew
    I am looking at the snapshots
    safety snapshot of item
    from snapshot … job
    Press again, or type … restore
    Nothing was started
    in the thread
    You confirmed …. It runs once others agree, who are asked
    request …, … To give that up
    Deleting …; the thread says when they are gone
    1 more person has
    more people have
    You agreed to delete
    Another person who may approve has
    others who may approve have
    that I send them
    to agree within … minutes to delete
    You agreed, so I delete … now
    Kept for … more days
    is no longer … in
    in …. Nothing was changed
    added, … removed, … unchanged
    another try of
    the same once more
    It is in the name of …, and told where the first one is
    On it: …, request
    in this thread
    It runs once another person agrees
    It runs once others agree
    Head of the audit trail
    And … more were kept
    I ask those who may approve directly
    Look at it in the console
    no message of the reporter's
    The message is gone
    Slack refuses the message
    Nothing there yet
    list without filters shows the latest
    """.splitlines()
    if line.strip()
)
"""Said where all went well, parts of another sentence, or words that no person reads."""

SOURCES = [path for path in sorted((ROOT / "bot").rglob("*.py")) if "simulator" not in path.parts]


def _page(path: Path) -> str | None:
    inside = path.relative_to(ROOT / "bot").as_posix()
    return next((page for place, page in WHOLE.items() if inside == place or inside.startswith(f"{place}/")), None)


@cache
def sentences() -> Mapping[str, tuple[str, ...]]:
    """By the module that says them. Whole sentences of a check say what to do, and are no findings."""
    found = {}
    for path in SOURCES:
        module = path.relative_to(ROOT).as_posix()
        said = [*(spoken(path) if _page(path) else ()), *told(path)]
        if module.startswith("bot/checks/"):
            said = [text for text in said if not text.strip()[0].isupper() or text.startswith("Slack")]
        found[module] = tuple(dict.fromkeys(one for one in map(key, said) if len(one) > MARKS))
    return {module: said for module, said in found.items() if said}


@cache
def shown(page: str) -> str:
    text = " ".join(re.sub(r"[*`\\]", "", TEXT[page]).split())
    return re.sub(r"…[… ]*…", "…", text)


@pytest.mark.parametrize("module", sentences())
def test_every_sentence_of_an_error_stands_where_it_is_looked_for(module: str) -> None:
    page = _page(ROOT / module)
    there = " ".join(shown(one) for one in ([page] if page else PAGES))
    missing = [one for one in sentences()[module] if one not in NO_TROUBLE and one not in there]
    assert not missing, f"give each a row in {page or 'one of PAGES'}, or add it to NO_TROUBLE: {missing}"


def test_the_sentences_are_found_in_the_source() -> None:
    every = {one for said in sentences().values() for one in said}
    assert len(every) > 400
    assert {
        "In … you may …, but not",
        "its account is locked after too many wrong passwords",
        "There is no such file",
        "The loop of jobs has ended",
        "no snapshot is followed to its end",
        "Somebody settled this request a moment before you",
    } <= every


@pytest.mark.parametrize(
    ("sentence", "looked_for"),
    [
        ("There is no project {} that you may use. Check the alias.", "There is no project … that you may use"),
        ("EVS does not accept a tag: letters only", "EVS does not accept a tag"),
        ("It runs. No more than that is done", "It runs. No more than that is done"),
        ("… … (…) can't be used", "(…) can't be used"),
    ],
)
def test_what_is_looked_for_is_the_sentence_up_to_its_first_stop(sentence: str, looked_for: str) -> None:
    assert key(sentence) == looked_for


@pytest.mark.parametrize("code", sorted(DOCUMENTED))
def test_every_code_of_the_cloud_stands_beside_its_sentence(code: str) -> None:
    meaning = known(code)
    assert meaning is not None
    if meaning.quote or code in SEVERAL_CAUSES:
        assert f"`{code}`" in TEXT[CLOUD]
        return
    rows = [row for row in TEXT[CLOUD].splitlines() if f"`{code}`" in row]
    said = re.sub("frozen|suspended", "…", key(meaning.words))
    assert any(said in row for row in rows), said
