"""Programs at the bot's HTTP entry: asked and told as people are, over real sockets, against both simulators."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
import yaml

from bot.api import problems
from bot.simulator.setting import Setting
from bot.simulator.workspace import Message
from tests.e2e.conftest import FastClock, World

DEPLOY, READER, STRANGER = "deploy-token-of-32-characters-or-more", "reader-token-of-32-characters-or-more", "x" * 40
CONFIG = """
[api]
listen = "127.0.0.1:0"

[tokens.deploy]
secret = "env:DEPLOY_TOKEN"

[tokens.reader]
secret = "env:READER_TOKEN"

[tokens.nothing]
secret = "env:NOTHING_TOKEN"

[[grants]]
subject = "token:deploy"
role = "operator"
project = "payments-prod"

[[grants]]
subject = "token:reader"
role = "viewer"
project = "payments-prod"
"""
SECRETS = {"DEPLOY_TOKEN": DEPLOY, "READER_TOKEN": READER, "NOTHING_TOKEN": STRANGER}
PROJECT, CHANNEL_ID = "payments-prod", "C0INCDEMO1"


class Api:
    """One token's way to the bot."""

    def __init__(self, world: World, token: str = DEPLOY) -> None:
        assert world.bot is not None
        assert world.bot.api is not None
        self.url = f"http://127.0.0.1:{world.bot.api.port}"
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def call(self, method: str, path: str, body: Any = None, *, key: str = "", **more: Any) -> httpx.Response:
        headers = {**self._headers, **({"Idempotency-Key": key} if key else {}), **more.pop("headers", {})}
        if body is not None:
            more["json"] = body
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=30) as client:
            return await client.request(method, f"/api/v1{path}", headers=headers, **more)

    async def ask(self, key: str = "run-1", **fields: Any) -> httpx.Response:
        return await self.call("POST", "/requests", {"channel": CHANNEL_ID, **fields}, key=key)

    async def ended(self, request_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = {"outcome": "pending"}
        async with asyncio.timeout(30):
            while answer["outcome"] == "pending":
                response = await self.call("GET", f"/requests/{request_id}?wait=60")
                assert response.status_code == 200, response.text
                answer = response.json()
        return answer


@asynccontextmanager
async def opened(setting: tuple[Setting, FastClock], config: str = CONFIG) -> AsyncIterator[World]:
    """A bot with an entry for programs."""
    world = World(*setting)
    file = world.setting.directory / "bot.toml"
    file.write_text(file.read_text() + config)
    world.environment = dict(SECRETS)
    await world.start_bot()
    yield world
    await world.stop_bot()


@pytest.fixture
async def world(setting: tuple[Setting, FastClock]) -> AsyncIterator[World]:
    async with opened(setting) as world:
        yield world


async def configured(world: World, lines: str) -> Api:
    """Started again with these lines in the table of its project."""
    file, table = world.setting.directory / "bot.toml", "[projects.payments-prod]"
    file.write_text(file.read_text().replace(table, f"{table}\n{lines}", 1))
    await world.stop_bot()
    await world.start_bot()
    return Api(world)


async def planned_message(world: World, request: str) -> Message:
    """Its message, once it says that it waits for a press."""

    def waits() -> bool:
        root = world.root(request)
        return root is not None and "Nothing has been created" in root.text

    await world.slack.until(waits)
    root = world.root(request)
    assert root is not None
    return root


def fail_next(world: World) -> None:
    world.cloud.fault("create_snapshot", "job_fail", error_code="EVS.2040", fail_reason="The key is not enabled")


def problem(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["Content-Type"].startswith("application/problem+json"), response.text
    told = response.json()
    assert told["status"] == response.status_code
    assert told["type"] == f"urn:snapshot-bot:rule:{told['rule']}"
    assert told["detail"]
    return response.status_code, told["rule"]


async def test_a_program_asks_and_people_read_it_as_asked_by_its_token(world: World) -> None:
    api = Api(world)
    response = await api.ask(
        disks=["web-01-data", "web-01-logs"], keep=7, reason="deploy 4711", run_url="https://ci.example/runs/4711"
    )
    assert response.status_code == 201, response.text
    request = response.json()["id"]
    assert response.headers["Location"] == f"/api/v1/requests/{request}"
    ended = await api.ended(request)
    assert ended["outcome"] == "available"
    assert ended["asked_by"] == "token:deploy"
    assert ended["ended_at"] is not None
    at_the_cloud = {snapshot["id"] for snapshot in world.cloud.snapshots()}
    assert {disk["snapshot_id"] for disk in ended["disks"]} <= at_the_cloud
    assert [disk["disk_name"] for disk in ended["disks"]] == ["web-01-data", "web-01-logs"]
    root = await world.finished(request)
    assert "the token `deploy` (<https://ci.example/runs/4711|its run>)" in root.text
    assert "deploy 4711" in root.text
    assert root.ts.replace(".", "") in (await api.ended(request))["message"]
    assert world.slack_complaints() == []


async def test_a_quick_of_a_program_runs_at_once_and_waits_only_where_it_says_so(world: World) -> None:
    api = Api(world)
    at_once = await api.ask("a", verb="quick", server="web-01")
    assert (await api.ended(at_once.json()["id"]))["outcome"] == "available"
    waits = (await api.ask("b", verb="quick", server="web-01", confirm=True)).json()["id"]
    await planned_message(world, waits)
    pending = (await api.call("GET", f"/requests/{waits}")).json()
    assert (pending["outcome"], pending["state"]) == ("pending", "planned")
    await world.say(f"cancel {waits}")
    assert (await api.ended(waits))["outcome"] == "refused"


async def test_a_key_acts_once_also_at_the_same_instant_and_after_a_restart(world: World) -> None:
    api = Api(world)
    answers = await asyncio.gather(*[api.ask("one", disks=["web-01-data"]) for _ in range(8)])
    assert sorted(one.status_code for one in answers) == [200] * 7 + [201]
    (request,) = {one.json()["id"] for one in answers}
    await api.ended(request)
    await world.stop_bot()
    await world.start_bot()
    api = Api(world)
    again = await api.ask("one", disks=["web-01-data"])
    assert (again.status_code, again.json()["id"], again.json()["outcome"]) == (200, request, "available")
    assert len(world.cloud.calls("create_snapshot")) == 1
    assert problem(await api.ask("one", disks=["web-01-logs"])) == (422, "idempotency-key-used")
    assert problem(await api.ask("one", disks=["web-01-data"], channel="C0OTHER001")) == (422, "idempotency-key-used")
    # Another token's key of the same letters is another key.
    assert problem(await Api(world, READER).ask("one", disks=["web-01-data"])) == (403, "action-not-granted")


async def test_what_was_refused_may_be_asked_again_under_the_same_key(world: World) -> None:
    reader = Api(world, READER)
    assert problem(await reader.ask("k", project=PROJECT, disks=["web-01-data"])) == (403, "action-not-granted")
    await world.say("grant token:reader operator payments-prod")
    await world.told("alice", "the token reader is now operator")
    assert (await reader.ask("k", project=PROJECT, disks=["web-01-data"])).status_code == 201


async def test_tokens_are_refused_alike_and_see_only_what_is_open_to_them(world: World) -> None:
    for token in ("", "wrong", DEPLOY[:-1], f"{DEPLOY}x"):
        refused = await Api(world, token).ask(disks=["web-01-data"])
        assert problem(refused) == (401, "unknown-token")
        assert refused.headers["WWW-Authenticate"] == "Bearer"
    request = (await Api(world).ask(disks=["web-01-data"])).json()["id"]
    assert (await Api(world, READER).call("GET", f"/requests/{request}")).status_code == 200
    nothing = Api(world, STRANGER)
    closed = await nothing.call("GET", f"/requests/{request}")
    missing = await nothing.call("GET", "/requests/r-00000000")
    assert problem(closed) == problem(missing) == (404, "unknown-id")
    assert closed.text.replace(request, "ID") == missing.text.replace("r-00000000", "ID")
    unknown = await nothing.ask("n", project="no-such", disks=["web-01-data"])
    shut = await nothing.ask("m", project=PROJECT, disks=["web-01-data"])
    assert problem(shut)[0] == problem(unknown)[0] == 403
    assert shut.json()["detail"].replace(PROJECT, "P") == unknown.json()["detail"].replace("no-such", "P")


REFUSALS: list[tuple[dict[str, Any], str]] = [
    ({"disks": []}, "disks"),
    ({"disks": ["a"] * 21}, "disks"),
    ({"disks": ["web-01-data"], "keep": 0}, "keep"),
    ({"disks": ["web-01-data"], "keep": "soon"}, "keep"),
    ({"disks": ["web-01-data"], "reason": "r" * 301}, "reason"),
    ({"disks": ["web-01-data"], "name": "n" * 65}, "name"),
    ({"disks": ["web-01-data"], "tags": {"snapshot-bot-request": "x"}}, "tags"),
    ({"disks": ["web-01-data"], "tags": {"a:b": "x"}}, "tags"),
    ({"disks": ["web-01-data"], "channel": "#inc-demo"}, "channel"),
    ({"disks": ["web-01-data"], "run_url": "javascript:alert(1)"}, "run_url"),
    ({"disks": ["web-01-data"], "run_url": "https://user:secret@ci.example/1"}, "run_url"),
    ({"disks": ["web-01-data"], "break_glass": PROJECT}, "break_glass"),
    ({"disks": ["\u200b"]}, "disks.0"),
    ({"verb": "quick", "tag": "tier=prod"}, "tag.0"),
    ({"verb": "quick", "instant_access": True}, "instant_access"),
]


@pytest.mark.parametrize(("fields", "place"), REFUSALS)
async def test_a_field_that_is_wrong_is_named(world: World, fields: dict[str, Any], place: str) -> None:
    response = await Api(world).ask(**fields)
    assert problem(response) == (422, "invalid")
    assert [one["field"] for one in response.json()["errors"]] == [place]


async def test_what_is_no_request_at_all_is_a_problem_too(world: World) -> None:
    api = Api(world)
    json_type = {"Content-Type": "application/json"}
    assert problem(await api.ask("", disks=["web-01-data"])) == (400, "no-idempotency-key")
    assert problem(await api.call("POST", "/requests", key="k", content="{", headers=json_type)) == (400, "unreadable")
    assert problem(await api.call("POST", "/requests", key="k", content="[" * 60_000, headers=json_type))[0] == 400
    assert problem(await api.call("POST", "/requests", key="k", content="disks=a")) == (415, "unreadable")
    assert problem(await api.call("POST", "/requests", key="k", content=b" " * 70_000, headers=json_type))[0] == 413
    assert problem(await api.call("POST", "/requests", [], key="k")) == (422, "invalid")
    assert problem(await api.call("POST", "/requests", {"verb": "delete"}, key="k")) == (422, "invalid")
    assert problem(await api.call("GET", "/nothing")) == (404, "no-such-path")
    assert problem(await api.call("DELETE", "/requests/r-1")) == (405, "method-not-allowed")
    assert problem(await api.call("GET", "/requests/r-1?wait=-1")) == (400, "invalid")
    unplaced = await api.call("POST", "/requests", {"disks": ["web-01-data"]}, key="k")
    assert problem(unplaced) == (422, "no-channel")


async def test_a_failed_disk_is_told_with_its_cause(world: World) -> None:
    fail_next(world)
    api = Api(world)
    ended = await api.ended((await api.ask(disks=["web-01-data"])).json()["id"])
    assert ended["outcome"] == "failed"
    assert [disk["state"] for disk in ended["disks"]] == ["failed"]
    assert ended["disks"][0]["cause"]


async def test_people_approve_what_a_program_asked_for_and_it_never_does_itself(world: World) -> None:
    api = await configured(world, "approvals = 1")
    request = (await api.ask(disks=["web-01-data"])).json()["id"]
    await world.slack.until(lambda: (root := world.root(request)) is not None and "agree" in root.text)
    assert (await api.call("GET", f"/requests/{request}")).json()["state"] == "waiting"
    await world.say(f"approve {request}")
    assert (await api.ended(request))["outcome"] == "available"
    await world.say("grant token:deploy approver payments-prod")
    await world.told("alice", "A token may be viewer or operator")
    assert world.bot is not None
    assert "token-role" in [row["rule"] for row in await world.bot.store.audit_page(None)]


async def test_the_document_describes_what_is_sent_and_answered(world: World) -> None:
    api = Api(world)
    document = (await api.call("GET", "/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    asked = await api.ask(disks=["web-01-data"])
    schema = {**document["components"]["schemas"]["Request"], "components": document["components"]}
    jsonschema.validate(asked.json(), schema)
    jsonschema.validate(await api.ended(asked.json()["id"]), schema)
    refusal = await api.ask("2", disks=[])
    jsonschema.validate(refusal.json(), document["components"]["schemas"]["Problem"])


FIRING = {
    "version": "4",
    "groupKey": '{}:{alertname="DiskErrors"}',
    "status": "firing",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "DiskErrors", "server": "web-01"},
            "annotations": {"summary": "I/O errors"},
            "startsAt": "2026-11-23T02:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "fingerprint": "c0ffee",
        }
    ],
}


async def test_an_alert_plans_a_quick_that_waits_for_a_press(world: World) -> None:
    api = Api(world)
    path = f"/alerts?channel={CHANNEL_ID}&server_label=server"
    planned = await api.call("POST", path, FIRING)
    assert planned.status_code == 201, planned.text
    repeated = await api.call("POST", path, FIRING)
    assert (repeated.status_code, repeated.json()["id"]) == (200, planned.json()["id"])
    request = planned.json()["id"]
    await world.slack.until(
        lambda: (root := world.root(request)) is not None and "Nothing has been created" in root.text
    )
    root = world.root(request)
    assert root is not None
    assert "Alert DiskErrors: I/O errors" in root.text
    resolved = json.loads(json.dumps(FIRING).replace('"firing"', '"resolved"'))
    assert (await api.call("POST", path, resolved)).json()["outcome"] == "ignored"
    assert problem(await api.call("POST", "/alerts?chanel=C1", FIRING)) == (422, "invalid")
    assert problem(await api.call("POST", path, {"alerts": []})) == (422, "invalid")
    assert world.cloud.calls("create_snapshot") == []


# --- snapshot-bot request ---------------------------------------------------------------------------------------------


async def command(world: World, *words: str, url: str = "", **environment: str) -> tuple[int, str, str]:
    """Run it as a step of a pipeline does: a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bot", "request", *words),
        cwd=Path(__file__).parents[2],
        env={
            "PATH": os.environ["PATH"],
            "BOT_URL": url or Api(world).url,
            "BOT_TOKEN": DEPLOY,
            "HTTP_PROXY": "http://127.0.0.1:9",
            **environment,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert "Traceback" not in err.decode()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_the_exit_code_says_how_it_ended(world: World) -> None:
    here = ("--channel", CHANNEL_ID)
    code, out, _ = await command(world, "create", "web-01-data", *here, "--wait", CI_JOB_URL="https://ci.example/j/1")
    assert code == 0, out
    assert "web-01-data  available" in out
    fail_next(world)
    code, out, _ = await command(world, "create", "web-01-logs", *here, "--wait")
    assert code == 1, out
    assert "web-01-logs  failed" in out
    code, _, err = await command(world, "create", "web-01-data", *here, BOT_TOKEN=STRANGER)
    assert (code, "no project" in err.lower() or "may use" in err) == (1, True), err
    code, _, err = await command(world, "create", "web-01-data", *here, "--keep", "soon")
    assert (code, "keep" in err) == (2, True), err
    code, _, err = await command(world, "create", "web-01-data", *here, BOT_URL="http://bot.example")
    assert (code, "https://" in err) == (2, True), err
    code, _, err = await command(world, "quick", *here, "--server", "web-01", "--confirm", "--wait", "--timeout", "1s")
    assert (code, "still running" in err) == (3, True), err
    code, _, err = await command(world, "create", "x", *here, "--timeout", "1s", url="http://127.0.0.1:9")
    assert (code, "No bot answers" in err) == (4, True), err
    code, out, _ = await command(world, "create", "web-01-data", *here, "--wait", "--json", "--key", "same")
    assert (code, json.loads(out)["outcome"]) == (0, "available")


DOCUMENT = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")


def steps() -> list[tuple[str, str]]:
    """The commands of the document's examples, by the service that runs them; each example has five lines at most."""
    found = []
    for name, kind, text in re.findall(r"\*\*([A-Za-z ]+)\*\*\n\n```(sh|yaml)\n(.*?)```", DOCUMENT, re.DOTALL):
        assert len(text.splitlines()) <= 5, name
        typed = re.findall(r"^snapshot-bot request [^\n]*", text, re.MULTILINE)
        commands = typed if kind == "sh" else _of_yaml(yaml.safe_load(text))
        found.append((name, "\n".join(commands)))
    return found


def _of_yaml(job: Any) -> list[str]:
    if isinstance(job, list):
        return [str(step["run"]) for step in job]
    return [str(line) for one in job.values() for line in one["script"]]


@pytest.mark.parametrize(("service", "script"), steps(), ids=[name for name, _ in steps()])
async def test_the_examples_of_the_document_work(world: World, service: str, script: str, tmp_path: Path) -> None:
    await configured(world, f'api_channel = "{CHANNEL_ID}"')
    shim = tmp_path / "snapshot-bot"
    shim.write_text(f'#!/bin/sh\ncd {shlex.quote(str(Path(__file__).parents[2]))}\nexec {sys.executable} -m bot "$@"\n')
    shim.chmod(0o755)
    process = await asyncio.create_subprocess_exec(
        *("sh", "-e", "-c", script),
        env={
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "BOT_URL": Api(world).url,
            "BOT_TOKEN": DEPLOY,
            "GITHUB_RUN_ID": "17",
            "CI_JOB_ID": "18",
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, (service, said.decode())
    assert "web-01-data  available" in said.decode()


def test_the_document_names_the_rules_that_programs_get() -> None:
    own = {value for name, value in vars(problems).items() if name.isupper() and isinstance(value, str)}
    assert {"unknown-token", "no-idempotency-key"} < own
    assert [rule for rule in sorted(own) if f"`{rule}`" not in DOCUMENT] == []
