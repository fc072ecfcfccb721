"""What is shipped: the wheel, the source it can be built from again, and the commands that come out of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.message import Message
from email.parser import HeaderParser
from importlib import metadata as installed
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.test_main import COMMANDS

ROOT = Path(__file__).parent.parent
INSTALL = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")


def build(kind: str, source: Path, to: Path) -> Path:
    """As pip does it without isolation, and so without a network."""
    to.mkdir(exist_ok=True)
    program = f"import sys; from hatchling.build import build_{kind} as build; print(build(sys.argv[1]))"
    said = subprocess.run([sys.executable, "-c", program, to], cwd=source, capture_output=True, text=True, check=True)
    return to / said.stdout.split()[-1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    return zipfile.ZipFile(build("wheel", ROOT, tmp_path_factory.mktemp("wheel")))


def metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return HeaderParser().parsestr(wheel.read(name).decode())


def contents(wheel: zipfile.ZipFile) -> dict[str, bytes]:
    return {name: wheel.read(name) for name in wheel.namelist()}


def test_the_wheel_holds_the_package_the_manifest_and_the_mark_that_it_is_typed(wheel: zipfile.ZipFile) -> None:
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    files = {path for path in (ROOT / "bot").rglob("*") if path.is_file() and path.suffix != ".pyc"}
    assert names == {*(path.relative_to(ROOT).as_posix() for path in files), "bot/manifest.yml"}
    assert "bot/py.typed" in names
    assert wheel.read("bot/manifest.yml") == (ROOT / "manifest.yml").read_bytes()


def test_the_wheel_says_what_it_is(wheel: zipfile.ZipFile) -> None:
    found = metadata(wheel)
    assert (found["Name"], found["License-Expression"]) == ("snapshot-bot", "MIT")
    assert {"Typing :: Typed", "Programming Language :: Python :: 3 :: Only"} <= {*found.get_all("Classifier", [])}
    assert {"fast", "postgres"} <= {*found.get_all("Provides-Extra", [])}
    assert any(name.endswith("/licenses/LICENSE") for name in wheel.namelist())


def test_the_wheel_that_is_built_of_the_shipped_source_is_the_same(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    with tarfile.open(build("sdist", ROOT, tmp_path / "sdist")) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.glob("snapshot_bot-*")
    assert {"LICENSE", "README.md", "manifest.yml", "docs", "tests"} <= {path.name for path in source.iterdir()}
    with zipfile.ZipFile(build("wheel", source, tmp_path / "again")) as again:
        assert contents(again) == contents(wheel)


def test_the_manifest_is_printed_by_the_bot_that_is_installed(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path)
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from bot.__main__ import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "manifest"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert said.stdout == (ROOT / "manifest.yml").read_text(encoding="utf-8")


# --- what it runs on --------------------------------------------------------------------------------------------------


EXTRAS = ("fast", "postgres")
PINS = (ROOT / "docs" / "examples" / "constraints.txt").read_text(encoding="utf-8")
PINNED: dict[str, Version] = {
    canonicalize_name(name): Version(version) for name, version in re.findall(r"^([\w.-]+)==(\S+)", PINS, re.MULTILINE)
}

LICENCES = {
    "MIT": {"MIT", "MIT License", "MIT License (MIT)"},
    "BSD-2-Clause": {"BSD-2-Clause"},
    "BSD-3-Clause": {"BSD-3-Clause"},
    "ISC": {"ISC", "ISC License", "ISC License (ISCL)"},
    "Apache-2.0": {"Apache-2.0", "Apache 2.0", "Apache License, Version 2.0"},
    "PSF-2.0": {"PSF-2.0"},
    "the public domain": {"Public Domain"},
    "MPL-2.0": {"MPL-2.0"},
}
"""Those of its parts, and how their authors write them. MPL-2.0 asks for the source of what is changed alone."""


def parts(*extras: str) -> dict[str, list[Requirement]]:
    """What is installed with the bot, by name: what each of them requires of others, the bot's own first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    own = [*project["dependencies"], *(text for extra in extras for text in project["optional-dependencies"][extra])]
    found = {"snapshot-bot": [Requirement(text) for text in own]}
    left = list(found["snapshot-bot"])
    while left:
        one = left.pop()
        environments = [{"extra": extra} for extra in (*one.extras, "")]
        needs = [Requirement(text) for text in installed.requires(one.name) or []]
        here = [need for need in needs if not need.marker or any(map(need.marker.evaluate, environments))]
        known = found.setdefault(canonicalize_name(one.name), [])
        new = [need for need in here if need not in known]
        known += new
        left += new
    return found


def test_every_part_is_pinned_within_its_range_with_a_hash() -> None:
    found = parts(*EXTRAS)
    assert found.keys() - {"snapshot-bot"} <= PINNED.keys()
    for one in found["snapshot-bot"]:
        assert one.specifier.contains(PINNED[canonicalize_name(one.name)]), one
    lines = [line for line in PINS.splitlines() if not line.startswith("#")]
    pins = " ".join(lines).replace("\\", "").split("--hash=sha256:")
    assert len(pins) > len(PINNED)
    assert all(re.fullmatch(r"[0-9a-f]{64}\s*([\w.-]+==\S+( ; .*)?)?\s*", pin) for pin in pins[1:])


def test_the_pins_name_no_host() -> None:
    assert not re.search(r"://|^-|\.(?:org|com|net|io)\b", PINS, re.MULTILINE)


def written(name: str) -> set[str]:
    """The licences of a part, as its author writes them in one of three places."""
    found = installed.metadata(name)
    classified = [
        text.rpartition(" :: ")[2] for text in found.get_all("Classifier", []) if text.startswith("License ::")
    ]
    text = found["License-Expression"] or found["License"] or " AND ".join(classified)
    return set(re.split(r" AND | OR ", text))


@pytest.mark.parametrize("name", sorted(parts(*EXTRAS)))
def test_each_part_has_a_licence_that_the_guide_names(name: str) -> None:
    said = {licence for licence, texts in LICENCES.items() if texts & written(name)}
    assert said, f"{name}: {written(name)}"
    assert [licence for licence in said if licence not in INSTALL] == []
    assert "MPL-2.0" not in said or name in INSTALL


@pytest.mark.parametrize("extras", [(), ("fast",), EXTRAS])
def test_the_number_of_parts_is_the_one_that_the_guide_tells(extras: tuple[str, ...]) -> None:
    named = " and ".join(f"`{extra}`" for extra in extras) or "nothing else"
    assert re.search(rf"^\| {named} \| {len(parts(*extras))} \|", INSTALL, re.MULTILINE)


# --- completion -------------------------------------------------------------------------------------------------------


def completion(shell: str) -> str:
    command = [sys.executable, "-m", "bot", "completion", shell]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_that_it_reads_with_every_command_in_it(shell: str) -> None:
    script = completion(shell)
    assert [name for words in COMMANDS for name in words if name not in script] == []
    if there := shutil.which(shell):
        subprocess.run([there, "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("snapshot-bot gr", {"grants"}),
        ("snapshot-bot store p", {"prune"}),
        ("snapshot-bot audit export --s", {"--since"}),
        ("snapshot-bot run --config bot.t", {"bot.toml"}),
    ],
)
def test_bash_completes_what_is_typed(typed: str, offered: set[str], tmp_path: Path) -> None:
    (tmp_path / "bot.toml").touch()
    words = " ".join(f"'{word}'" for word in typed.split(" "))
    program = f"""
        {completion("bash")}
        COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMP_LINE='{typed}'; COMP_POINT=${{#COMP_LINE}}
        entry=$(complete -p snapshot-bot); entry=${{entry##*-F }}
        "${{entry%% *}}" snapshot-bot "${{COMP_WORDS[COMP_CWORD]}}"; printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    said = subprocess.run(
        ["bash", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert set(said.stdout.split()) == offered
