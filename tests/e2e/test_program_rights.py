"""A token's rights end where people's begin: whatever it is granted, by whatever road it asks, and as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from bot.domain.access import decide
from bot.domain.actors import AccountKind, Actor, token_id
from bot.domain.denials import Denied
from bot.domain.orders import Restore
from bot.domain.roles import Action, Grant, Role
from bot.ports.lookups import Filters
from bot.simulator.setting import Setting
from bot.slack.ids import CANCEL, CONFIRM
from bot.store.script import Script, insert
from tests.e2e.conftest import CHANNEL, FastClock, World, press_when_asked
from tests.e2e.test_programs import CHANNEL_ID, PROJECT, READER, Api, configured, opened, planned_message, problem

TOKEN_MAY = {Action.VIEW, Action.CREATE, Action.CANCEL}
PERSONS_ONLY = sorted(set(Action) - TOKEN_MAY)


@pytest.fixture
async def world(setting: tuple[Setting, FastClock]) -> AsyncIterator[World]:
    async with opened(setting) as world:
        yield world


def _granted(role: Role) -> Script[None]:
    """A grant as a hand may write it into the store."""
    yield insert(
        "access_grant",
        {
            "subject_kind": "token",
            "subject_id": "deploy",
            "role": role,
            "project": "*",
            "expires_at": None,
            "source": "slack",
        },
    )


@pytest.mark.parametrize("action", PERSONS_ONLY)
@pytest.mark.parametrize("role", Role)
def test_no_grant_lets_a_token_do_what_only_people_may(action: Action, role: Role, world: World) -> None:
    """Each action there is but three, so that one that is added later is not a token's either."""
    assert world.bot is not None
    actor = Actor(token_id("deploy"), AccountKind.TOKEN)
    projects: Any = world.bot.api and world.bot.api.programs.projects
    grant = Grant("token", "deploy", role, "*")
    denied = decide(actor, action, PROJECT, projects[PROJECT], CHANNEL_ID, [grant], world.clock.now())
    assert isinstance(denied, Denied)
    assert denied.rule == "token-may-not"


VERBS = (
    "approve",
    "deny",
    "grant",
    "revoke",
    "delete",
    "restore",
    "bind",
    "confirm",
    "cancel",
    "keep",
    "verify",
    "review",
)


async def test_no_road_of_the_entry_leads_to_what_only_people_may(world: World) -> None:
    """With the rights of an admin in the rows, which no command gives to a token."""
    assert world.bot is not None
    await world.bot.store._database.run(_granted, Role.ADMIN)
    api = await configured(world, "approvals = 1")
    request = (await api.ask(disks=["web-01-data"])).json()["id"]
    await world.slack.until(lambda: (root := world.root(request)) is not None and "agree" in root.text)
    for verb in VERBS:
        asked = await api.ask(f"verb-{verb}", verb=verb, disks=["web-01-data"])
        assert problem(asked) == (422, "invalid"), verb
        for method in ("POST", "PUT", "PATCH", "DELETE", "GET"):
            told = await api.call(method, f"/requests/{request}/{verb}", {"id": request}, key="k")
            assert problem(told) == (404, "no-such-path"), (method, verb)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        override = {"X-HTTP-Method-Override": "DELETE", "X-Original-URL": f"/api/v1/requests/{request}/approve"}
        told = await api.call(method, f"/requests/{request}", {"state": "running"}, key="k", headers=override)
        assert problem(told) == (405, "method-not-allowed")
    for field in (
        "break_glass",
        "again_of",
        "approvers",
        "actor",
        "actor_id",
        "user_id",
        "place",
        "state",
        "confirmed",
    ):
        told = await api.ask(f"field-{field}", disks=["web-01-data"], **{field: PROJECT})
        assert problem(told) == (422, "invalid"), field
    # Its name is no person's anywhere else: Slack delivers no id with a colon.
    assert (await api.call("GET", f"/requests/{request}")).json()["state"] == "waiting"
    assert world.cloud.calls("create_snapshot") == []


async def test_people_cancel_confirm_and_delete_what_a_token_asked_for(world: World) -> None:
    api = Api(world)
    called_back = (await api.ask("a", verb="quick", server="web-01", confirm=True)).json()["id"]
    root = await planned_message(world, called_back)
    await world.slack.press("alice", CHANNEL, root.ts, CANCEL)
    ended = await api.ended(called_back)
    assert (ended["outcome"], ended["rule"]) == ("refused", "cancelled")
    assert "cancelled it" in ended["detail"]
    assert "\ue000" not in ended["detail"]
    wanted = (await api.ask("b", verb="quick", server="web-01", confirm=True)).json()["id"]
    root = await planned_message(world, wanted)
    await world.slack.press("alice", CHANNEL, root.ts, CONFIRM)
    assert (await api.ended(wanted))["outcome"] == "available"
    made = await api.ended((await api.ask("c", disks=["web-01-data"])).json()["id"])
    await press_when_asked(world.slack, made["id"], "alice", CHANNEL)
    await world.until(lambda: bool(world.cloud.calls("delete_snapshot")))
    async with asyncio.timeout(20):
        while (gone := (await api.call("GET", f"/requests/{made['id']}")).json())["disks"][0]["deleted_at"] is None:
            await asyncio.sleep(0.05)
    assert gone["outcome"] == "available"
    assert world.slack_complaints() == []


async def test_an_approver_who_denies_is_read_by_the_program(world: World) -> None:
    api = await configured(world, "approvals = 1")
    request = (await api.ask(disks=["web-01-data"])).json()["id"]
    await world.slack.until(lambda: (root := world.root(request)) is not None and "agree" in root.text)
    await world.say(f"deny {request} reason=not-today")
    ended = await api.ended(request)
    assert (ended["outcome"], ended["rule"]) == ("refused", "denied-by-approver")
    assert "not-today" in ended["detail"]
    assert world.cloud.calls("create_snapshot") == []


async def test_the_limits_of_a_token_are_its_own(world: World) -> None:
    """One token at its limits leaves people, and other tokens, theirs."""
    file = world.setting.directory / "bot.toml"
    file.write_text(f"{file.read_text()}\n[limits]\nopen_requests = 2\n")
    grants = '[[grants]]\nsubject = "token:reader"\nrole = "operator"\nproject = "payments-prod"\n'
    file.write_text(f"{file.read_text()}\n{grants}")
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 60.0
    api = await configured(world, "daily_limit = 3")
    names = ("web-01-data", "web-01-logs", "web-01-system")
    first = [await api.ask(f"k{number}", disks=[name]) for number, name in enumerate(names)]
    assert [one.status_code for one in first[:2]] == [201, 201]
    assert problem(first[2]) == (429, "open-requests")
    other = await Api(world, READER).ask("k0", disks=["orders-db"])
    assert other.status_code == 201
    request = await world.create("orders-db-wal")
    for one in (first[0], first[1]):
        assert (await api.ended(one.json()["id"]))["outcome"] == "available"
    await world.finished(request)
    over = await api.ask("k9", disks=["web-01-system", "orders-db"])
    ended = await api.ended(over.json()["id"])
    assert (ended["outcome"], ended["rule"]) == ("refused", "daily-limit"), ended


async def test_what_is_counted_names_no_token_and_no_word_of_it(world: World) -> None:
    api = Api(world)
    request = (await api.ask(disks=["web-01-data"], reason="a-secret-reason")).json()["id"]
    await world.finished(request)
    await api.ask("2", disks=["web-01-data"], project="no-such-project")
    assert world.bot is not None
    async with httpx.AsyncClient(trust_env=False) as http:
        metrics = (await http.get(f"http://127.0.0.1:{world.bot.admin.port}/metrics")).text
    for word in ("token:deploy", "deploy-token", "a-secret-reason", "no-such-project", request):
        assert word not in metrics
    rows = await world.bot.store.audit_page(None)
    own = [row for row in rows if "deploy" in row["actor"]]
    assert {row["actor"] for row in own} == {"token:deploy"}
    assert {(row["action"], row["outcome"]) for row in own} == {("create", "allowed"), ("create", "denied")}


async def test_what_people_restore_is_no_request_that_a_program_sees(world: World) -> None:
    api = await configured(world, "restore = true")
    made = await api.ended((await api.ask(disks=["web-01-data"])).json()["id"])
    await world.say(f"restore {made['id']}")
    assert world.bot is not None
    restores: list[str] = []
    async with asyncio.timeout(20):
        while not restores:
            every = await world.bot.store.recent(Filters(limit=10))
            restores = [request.id for request, _ in every if isinstance(request.order, Restore)]
            await asyncio.sleep(0.05)
    assert problem(await api.call("GET", f"/requests/{restores[0]}")) == (404, "unknown-id")
    assert (await api.call("GET", f"/requests/{made['id']}")).status_code == 200
