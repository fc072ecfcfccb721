"""Each command that a document shows is run, in a folder with the guide's own bot.toml, beside simulators and a bot.

A command is a line of an indented block. What a document shows in capitals is filled in from one table; brackets around
what may be left out are opened. What can't be run here is listed with the reason, and looked at otherwise.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import shlex
import signal
import sys
import tomllib
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from bot.__main__ import _parser
from tests.e2e.street import Street, a_street
from tests.ports import free_port
from tests.postgres import MISSING, database_of, programs
from tests.test_docs import ROOT, TEXT, _block

ENDS_WITHIN_S = 60.0

OUTPUTS = ("failed ", "The configuration has", "select ", "/snapshot ")
"""Beginnings of blocks that are no commands: words of the bot, a question to a database, what is typed in Slack."""

FILLED_IN: Mapping[str, str] = {
    "SUBJECT": "user:U0CAROL003",
    "ROLE": "operator",
    "PROJECT": "payments-prod",
    "ALIAS": "payments-prod",
    "ACTION": "create",
    "C": "C0PAYINC01",
    "S": "S0ONCALL02",
    "YYYY-MM-DD": datetime.now(UTC).date().isoformat(),
}
"""`ID`, `SEQ:HASH`, `FILE` and the address of a database are filled in by what is there."""

FILES: Mapping[str, str] = {"grants import": "rights.toml"}
"""What FILE is, by the command; else the copy of a store."""

ALONE = ("snapshot-bot store restore", "snapshot-bot store copy")
"""Commands that are refused while a bot runs."""

BY_ANOTHER_TEST: Mapping[str, str] = {
    "snapshot-bot demo": "tests/e2e/test_demo.py",
    "snapshot-bot simulate": "tests/e2e/test_demo.py",
    "snapshot-bot run": "tests/e2e/test_demo.py",
}
"""Those that go on until they are stopped, and the test that starts and stops them."""

NOT_HERE: Mapping[str, str] = {
    "python3 -m venv": "it installs what it is run in; CI does it with .ci/run",
    "bash .ci/run": "it runs this test",
    ".venv/bin/": "a developer's tools: they run this test, or go on for hours",
    "pip install": "it installs what it is run in",
    "pipx install": "it installs for a person; tests/test_packages.py builds what is installed, and looks inside",
    "uv tool install": "the same",
    "install -": "it changes the machine; tests/test_examples.py reads what is installed",
    "systemctl ": "it changes the machine; systemd's own analyser reads the unit in tests/test_examples.py",
    "docker ": "it needs an engine; tests/e2e/test_confined.py runs the bot as the image does",
    "kubectl ": "it needs a cluster; tests/test_examples.py holds the objects against Kubernetes' schemas",
    "/opt/snapshot-bot/bin/": "it installs for the machine, as .ci/run does in a folder of its own",
}
"""By its beginning: why it is not run. The modules, paths and extras that it names have to be there all the same."""


# --- what is shown ----------------------------------------------------------------------------------------------------


def blocks(text: str) -> list[list[str]]:
    """The indented blocks outside of fences, each after an empty line; a line that ends in a backslash goes on."""
    found: list[list[str]] = []
    above, inside = "", False
    for line in re.sub(r"```.*?```", "words", text, flags=re.DOTALL).replace("\\\n", "").splitlines():
        shown = line.startswith("    ") and (inside or not above)
        if shown and not inside:
            found.append([])
        if shown:
            found[-1].append(line.strip())
        above, inside = line.strip(), shown or (inside and not line.strip())
    return found


def commands(name: str) -> list[str]:
    """Without the words behind a #."""
    lines = [line for block in blocks(TEXT[name]) if not block[0].startswith(OUTPUTS) for line in block]
    return [text for line in lines if (text := re.sub(r"(?:^|\s+)# .*", "", line))]


SHOWN = {name: found for name in TEXT if (found := commands(name))}


def reason_not_to_run(command: str) -> str | None:
    return next((why for start, why in {**BY_ANOTHER_TEST, **NOT_HERE}.items() if command.startswith(start)), None)


def test_every_document_that_shows_commands_is_known() -> None:
    assert {"README.md", "docs/install.md", "docs/operate.md", "docs/policy.md", "docs/store.md"} <= SHOWN.keys()
    assert sum(map(len, SHOWN.values())) > 30


def test_commands_stand_in_blocks_that_are_run() -> None:
    """Fences hold answers as well: those of examples and of pipelines are run by tests of their own."""
    fenced = {name for name, text in TEXT.items() if re.search(r"^```(?:console|sh|shell|bash)$", text, re.MULTILINE)}
    assert fenced <= {"docs/policy-examples.md", "docs/api.md"}


def test_blocks_that_go_on_and_comments_are_read() -> None:
    text = (
        "Words\n\n    one \\\n        more   # said\n\n    # alone\n\nwords\n    none\n```\n    none\n```\n\n    two\n"
    )
    assert blocks(text) == [["one         more   # said", "# alone"], ["two"]]


@pytest.mark.parametrize(
    "command", sorted({one for shown in SHOWN.values() for one in shown if reason_not_to_run(one)})
)
def test_what_is_not_run_here_names_what_is_there(command: str) -> None:
    if file := next((file for start, file in BY_ANOTHER_TEST.items() if command.startswith(start)), ""):
        words = shlex.split(re.sub(r"\[[^\]]*\]", "", command))
        assert f'"{words[1]}"' in (ROOT / file).read_text(encoding="utf-8")
        _parser().parse_args(words[1:])
    known = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert [one for extra in re.findall(r"\[([\w,]+)\]", command) for one in extra.split(",") if one not in known] == []
    paths = re.findall(r"(?:^|\s)((?:tests|docs|\.ci)/[\w/.-]*)", command)
    paths += [f"{name.replace('.', '/')}/__main__.py" for name in re.findall(r"-m (tests\.\w+)", command)]
    assert [path for path in paths if not (ROOT / path).exists()] == []


# --- where they are run -----------------------------------------------------------------------------------------------


@dataclass
class Guide:
    """The folder of a person who follows a document; a bot runs in it but for the commands that need it stopped."""

    street: Street
    folder: Path
    environment: dict[str, str]
    admin_port: int
    database: str = ""

    async def run(self, command: str) -> tuple[int, str]:
        words = f"{command} "
        environment, folder = dict(self.environment), self.folder
        if words.startswith("snapshot-bot store copy --to sqlite:"):
            environment["BOT_STORE"] = self.database
            folder = self.folder / "moved"
            folder.mkdir()
        await (self.stop() if words.startswith(ALONE) else self.start())
        shell = await asyncio.create_subprocess_shell(
            command, cwd=folder, env=environment, stdin=PIPE, stdout=PIPE, stderr=STDOUT
        )
        async with asyncio.timeout(ENDS_WITHIN_S):
            said, _ = await shell.communicate()
        assert shell.returncode is not None
        return shell.returncode, said.decode()

    async def start(self) -> None:
        """Unless it runs."""
        if (process := self.street.bot.process) is not None and process.returncode is None:
            return
        await self.street.start()
        async with asyncio.timeout(ENDS_WITHIN_S), httpx.AsyncClient(trust_env=False) as http:
            while True:
                with suppress(httpx.TransportError):
                    if (await http.get(f"http://127.0.0.1:{self.admin_port}/readyz")).status_code == 200:
                        return
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        process = self.street.bot.process
        if process is not None and process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await process.wait()

    async def asked(self, command: str) -> str:
        """The id of a request that ended; of one that waits, or failed, where the command is for such."""
        waits = " cancel " in command
        typed = "quick disks=web-01-data" if waits else "create web-01-data reason=guide"
        if " retry " in command:
            self.street.cloud.fault("create_snapshot", "error", status=400, code="EVS.1055", message="quota")
        request = await self.street.say_until_taken(typed, "#pay-inc", random.Random(0))
        await self.street.until_items(request, lambda item: item.ended != waits)
        return request

    def on_the_server(self, database: str) -> None:
        """PostgreSQL's own programs find the server, and a database of a document's name is this test's alone."""
        self.database = database
        if parts := urlsplit(database) if database else None:
            self.environment |= {
                "PGHOST": str(parts.hostname),
                "PGPORT": str(parts.port),
                "PGUSER": str(parts.username),
                "PGPASSWORD": str(parts.password),
                "PATH": f"{self.environment['PATH']}:{programs() or ''}",
            }

    async def head(self, store: str) -> str:
        """The head of the trail in a store, as it is posted."""
        code, said = await self.run(f"BOT_STORE={store} snapshot-bot audit verify")
        found = re.search(r"([0-9]+) rows, head ([0-9a-f]{64})", said)
        assert code == 0 and found, said
        return f"{found[1]}:{found[2]}"

    async def filled(self, command: str) -> str:
        """Ready to be typed."""
        told = re.sub(r"\[([^\]]*)\]", r"\1", command).replace("127.0.0.1:9000", f"127.0.0.1:{self.admin_port}")
        copy = next((file for verb, file in FILES.items() if verb in told), "copy.db")
        told = re.sub(r"\bFILE\b", copy, told)
        told = told.replace("sqlite:////var/lib/snapshot-bot/snapshot-bot.db", self.environment["BOT_STORE"])
        told = re.sub(r"postgresql://[\w.@/-]+", lambda _: self.database, told)
        told = re.sub(r"(?<=^createdb )(.*) snapshots$", rf"\1 {urlsplit(self.database).path[1:]}_2", told)
        if "SEQ:HASH" in told:
            store = re.match(r"BOT_STORE=(\S+)", told)
            told = told.replace("SEQ:HASH", await self.head(store[1] if store else self.environment["BOT_STORE"]))
        if re.search(r"\bID\b", told):
            told = re.sub(r"\bID\b", await self.asked(command), told)
        return re.sub(r"(?<![\w/:-])([A-Z][A-Z-]*)(?![\w:=-])", lambda found: FILLED_IN.get(found[1], found[1]), told)


def guides_config(street: Street) -> str:
    """bot.toml as the guide shows it, with the addresses of the simulators."""
    cloud = street.cloud
    there = f'evs_endpoint = "{cloud.url}"\necs_endpoint = "{cloud.ecs_url}"\niam_endpoint = "{cloud.url}"\n'
    shown = _block("docs/install.md", "toml")
    assert shown.count('credentials = "payments"\n') == 1
    return shown.replace('credentials = "payments"\n', f'credentials = "payments"\n{there}')


def furnish(street: Street) -> None:
    """The channels that the guide names."""
    world = street.slack.world
    demo = world.channels["C0INCDEMO1"]
    for channel, name in {"C0PAYINC01": "pay-inc", "C0SECURITY": "security"}.items():
        world.channels[channel] = replace(demo, id=channel, name=name, members=list(demo.members))


@asynccontextmanager
async def a_guide(folder: Path) -> AsyncIterator[Guide]:
    port = free_port()
    async with a_street(folder, ADMIN_PORT=str(port)) as street:
        furnish(street)
        (folder / "bot.toml").write_text(guides_config(street), "utf-8")
        (folder / "rights.toml").write_text(
            '[[grants]]\nsubject = "group:S0ONCALL02"\nrole = "viewer"\nproject = "payments-prod"\n', "utf-8"
        )
        programs_of_it = folder / "bin"
        programs_of_it.mkdir()
        (programs_of_it / "snapshot-bot").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m bot "$@"\n')
        (programs_of_it / "snapshot-bot").chmod(0o755)
        street.bot.environment = {
            **street.bot.environment,
            "PAYMENTS_PASSWORD": street.setting.environment()["SIM_IAM_PASSWORD"],
        }
        environment = {
            **street.bot.environment,
            "PATH": f"{programs_of_it}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "NO_PROXY": "*",
        }
        guide = Guide(street, folder, environment, port)
        await guide.start()
        yield guide
        await guide.stop()


# --- and that they do what is said ------------------------------------------------------------------------------------


RUN = {name: found for name in SHOWN if (found := [one for one in SHOWN[name] if not reason_not_to_run(one)])}


@pytest.mark.parametrize("name", RUN)
async def test_every_command_of_a_document_works(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    on_a_server = [one for one in RUN[name] if "postgresql:" in one or "createdb" in one]
    server = request.getfixturevalue("postgres_server") if on_a_server and programs() is not None else ""
    failed = []
    async with a_guide(tmp_path) as guide, database_there(server) as database:
        guide.on_the_server(database)
        for command in RUN[name]:
            if not server and (command in on_a_server or "store copy" in command):
                print(f"not run: {command}: {MISSING}")
                continue
            typed = await guide.filled(command)
            code, said = await guide.run(typed)
            if code != 0:
                failed.append(f"{command}\n  as {typed}\n  ended with {code}:\n{said[-2000:]}")
            assert "Traceback" not in said, said
    assert not failed, "\n".join(failed)


@asynccontextmanager
async def database_there(server: str) -> AsyncIterator[str]:
    """The URL of an empty database, or nothing where there is no server."""
    if not server:
        yield ""
        return
    async with database_of(server) as url:
        yield url
