"""Rights given, taken back and explained in Slack, by those who may, in the words people read."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.simulator.workspace.world import Group, Person
from bot.store.audit import GENESIS, first_broken
from tests.e2e.conftest import World
from tests.e2e.test_access import ALICES_GRANT, CLOSED, GUESTS, close_to, configure

EVERYWHERE = f'{ALICES_GRANT}\n[[grants]]\nsubject = "user:U0ALICE001"\nrole = "admin"\nproject = "*"\n'


async def asked(world: World, text: str, words: str, person: str = "alice", channel: str = "#inc-demo") -> str:
    """Type a command; answers what its author alone reads once it has these words."""
    before = {(message.channel, message.ts) for message in world.private(person)}
    outcome = await world.say(text, person, channel)
    assert outcome.error is None
    found: list[str] = []

    def seen() -> bool:
        new = [message for message in world.private(person) if (message.channel, message.ts) not in before]
        found[:] = [message.text for message in new if words in message.text]
        return bool(found)

    await world.slack.until(seen, 10)
    return found[-1]


async def trail(world: World) -> list[tuple[str, str, str, str, str]]:
    assert world.bot is not None
    rows = await world.bot.store.audit_page(0)
    assert first_broken(rows, GENESIS, 0) is None
    return [(row["actor"], row["action"], row["subject"], row["outcome"], row["rule"]) for row in rows]


async def rows_of(world: World, user_id: str) -> list[Any]:
    assert world.bot is not None
    return [grant for grant in await world.bot.store.every_grant() if grant.subject_id == user_id]


# --- granting ---------------------------------------------------------------------------------------------------------


async def test_a_granted_operator_creates_at_once_and_a_revoked_one_no_more(world: World) -> None:
    told = await asked(world, "grant @carol operator payments-prod for=8h", "is now operator")
    assert told.startswith("<@U0CAROL009> is now operator in payments-prod until ")
    root = await world.finished(await world.create("web-01-data", "carol"))
    assert "available" in root.text
    told = await asked(world, "revoke @carol payments-prod", "no longer")
    assert told == "<@U0CAROL009> is no longer operator in payments-prod."
    await asked(world, "create web-01-logs", "There is no project in which you may create", "carol")
    changes = [row for row in await trail(world) if row[1] in ("grant", "revoke") and row[0] != "bot.toml"]
    assert changes == [
        ("U0ALICE001", "grant", "payments-prod", "done", ""),
        ("U0ALICE001", "revoke", "payments-prod", "done", ""),
    ]
    assert world.slack_complaints() == []


async def test_a_group_is_granted_by_its_handle(world: World) -> None:
    await asked(world, "grant @db-admins approver payments-prod", "<!subteam^S0DBADMIN1> is now approver")
    (row,) = await rows_of(world, "S0DBADMIN1")
    assert (row.subject_kind, row.role, row.source) == ("group", "approver", "slack")


@pytest.mark.parametrize(
    ("person", "words", "rule"),
    [
        ("bob", "In payments-prod you may cancel, create, view, but not administer.", "action-not-granted"),
        ("carol", CLOSED, "no-grant"),
        ("gus", GUESTS, "standing-guest"),
    ],
)
async def test_whoever_is_no_admin_grants_nothing_and_the_denial_is_in_the_trail(
    world: World, person: str, words: str, rule: str
) -> None:
    told = await asked(world, "grant @carol admin payments-prod", words, person)
    assert "Nothing was changed." in told
    assert ("<@U0ALICE001> can change that." in told) == (rule == "action-not-granted")
    assert await rows_of(world, "U0CAROL009") == []
    assert [row[1:] for row in await trail(world) if row[3] == "denied"] == [
        ("administer", "payments-prod", "denied", rule)
    ]


async def test_an_admin_of_one_project_grants_neither_elsewhere_nor_everywhere(world: World) -> None:
    closed = await asked(world, "grant @carol viewer shop", "no project “shop” that you may use")
    nothing = await asked(world, "grant @carol viewer nowhere", "no project “nowhere” that you may use")
    assert closed.replace("shop", "ALIAS") == nothing.replace("nowhere", "ALIAS")
    await asked(world, "grant @carol viewer *", "Only an admin of every project")
    assert await rows_of(world, "U0CAROL009") == []


async def test_an_admin_of_every_project_grants_in_every_project(quiet_world: World) -> None:
    configure(quiet_world, ALICES_GRANT, EVERYWHERE)
    await quiet_world.start_bot()
    await asked(quiet_world, "grant @carol viewer *", "is now viewer in every project (*)")
    assert "shop" in await asked(quiet_world, "projects", "legacy:", "carol")


async def test_a_project_with_channels_is_administered_only_from_them(quiet_world: World) -> None:
    close_to(quiet_world, "C0OPS00001")
    await quiet_world.start_bot()
    await asked(quiet_world, "grant @carol viewer payments-prod", "can be used only from <#C0OPS00001>")
    await asked(quiet_world, "grant @carol viewer payments-prod", "is now viewer", channel="#ops")


async def test_a_grant_that_cannot_be_read_changes_nothing(world: World) -> None:
    outcome = await world.say("grant @carol boss payments-prod")
    assert "There is no role “boss”." in outcome.text
    assert "Nothing was created" not in outcome.text
    outcome = await world.say("grant @nobody-here operator payments-prod")
    assert "I can't tell who “@nobody-here” is." in outcome.text


@pytest.mark.parametrize(
    ("person", "words", "rule"),
    [
        ("U0GUEST003", "<@U0GUEST003> is a guest of this workspace.", "guest"),
        ("sam", "is a guest of this workspace.", "single-channel-guest"),
        ("eve", "is of another workspace.", "other-team"),
        ("strange", "is no member of this workspace.", "stranger"),
        ("otherbot", "is a bot or a workflow", "bot"),
        ("U0SNAPBOT1", "is a bot or a workflow", "bot"),
        ("USLACKBOT", "is a bot or a workflow", "bot"),
        ("gone", "is a deactivated account.", "deactivated"),
        ("U0NOBODY00", "“U0NOBODY00” is nobody Slack knows", "unknown"),
        ("W0NOBODY00", "“W0NOBODY00” is nobody Slack knows", "unknown"),
        ("S0NOGROUP0", "“S0NOGROUP0” is no user group of this workspace.", "unknown"),
        ("S0DISABLED", "is a disabled user group", "disabled"),
        ("S0EXTERNAL", "is a user group of another organisation.", "external"),
    ],
)
async def test_whoever_could_never_use_a_right_is_given_none(world: World, person: str, words: str, rule: str) -> None:
    groups, people = world.slack.world.groups, world.slack.world.people
    groups["S0DISABLED"] = Group("S0DISABLED", "old-team", users=["U0BOB00002"], date_delete=1767000001)
    groups["S0EXTERNAL"] = Group("S0EXTERNAL", "partners", users=["U0BOB00002"], is_external=True)
    people.setdefault("USLACKBOT", Person("USLACKBOT", "slackbot", "T0HARBOR01"))
    user = next((one.id for one in people.values() if person in (one.id, one.name)), person)
    subject = f"group:{user}" if user.startswith("S") else f"user:{user}"
    for typed in (f"grant {subject} admin payments-prod", f"grant {subject} viewer payments-prod for=8h"):
        told = await asked(world, typed, words)
        assert "A grant to them would never count. Nothing was changed." in told
    assert await rows_of(world, user) == []
    assert [row[1:] for row in await trail(world)][-2:] == [
        ("administer", "payments-prod", "denied", f"subject-{rule}")
    ] * 2


async def test_who_is_invited_is_granted_and_told_of_it(world: World) -> None:
    world.slack.world.person("carol").is_invited_user = True
    told = await asked(world, "grant @carol viewer payments-prod", "is now viewer")
    assert "They have not signed in yet; it counts once they have." in told


async def test_whoever_may_not_grant_learns_nothing_of_whom_they_named(world: World) -> None:
    told = {
        (await asked(world, f"grant user:{user} admin payments-prod", "may", "bob")).replace(user, "ID")
        for user in ("U0GUEST003", "U0CAROL009", "U0NOBODY00")
    }
    assert len(told) == 1
    assert "U0NOBODY00" not in str(world.slack.api_calls("users.info"))


@pytest.mark.parametrize("method", ["users.info", "usergroups.list"])
async def test_while_slack_does_not_say_who_that_is_nothing_is_granted(world: World, method: str) -> None:
    await world.say("help")
    await world.told("alice", "You may use")
    world.slack.fault("status", method=method, status=500)
    subject = "user:U0CAROL009" if method == "users.info" else "group:S0DBADMIN1"
    assert "Nothing was changed." in await asked(world, f"grant {subject} viewer payments-prod", "just now")
    assert (await trail(world))[-1][3:] == ("denied", "lookup-failed")
    await asked(world, f"grant {subject} viewer payments-prod", "is now viewer")


# --- revoking ---------------------------------------------------------------------------------------------------------


async def test_a_row_of_bot_toml_is_refused_with_the_name_of_the_file(world: World) -> None:
    await asked(
        world, "revoke @oncall payments-prod", "operator in payments-prod stands in bot.toml. Take it out there."
    )
    assert (await trail(world))[-1] == ("U0ALICE001", "administer", "payments-prod", "denied", "kept-by-file")
    root = await world.finished(await world.create("web-01-data", "bob"))
    assert "available" in root.text


async def test_what_stays_after_a_revocation_is_told(world: World) -> None:
    await asked(world, "grant @oncall viewer payments-prod", "is now viewer")
    told = await asked(world, "revoke @oncall payments-prod", "no longer viewer")
    assert "The role operator in payments-prod stands in bot.toml." in told


async def test_the_last_admin_stays(quiet_world: World) -> None:
    world = quiet_world
    await world.start_bot()
    await asked(world, "grant @bob admin payments-prod", "is now admin")
    await world.stop_bot()
    configure(world, f"[[grants]]                      # alice may do everything in payments-prod\n{ALICES_GRANT}", "")
    await world.start_bot()
    await asked(world, "revoke @bob payments-prod", "payments-prod would be left without an admin, now or once", "bob")
    assert [row.role for row in await rows_of(world, "U0BOB00002") if row.source == "slack"] == ["admin"]


# --- explaining -------------------------------------------------------------------------------------------------------


async def test_projects_names_role_source_and_channels_of_what_one_may_use(world: World) -> None:
    told = await asked(world, "projects", "payments-prod:", "bob")
    assert told.splitlines()[1] == (
        "payments-prod: operator through <!subteam^S0ONCALL02>, from bot.toml. Usable from any channel."
    )
    assert [line.split(":")[0] for line in told.splitlines()] == ["legacy", "payments-prod", "shop"]
    assert await asked(world, "projects", "You may use no project.", "carol")
    assert await asked(world, "projects", GUESTS, "gus")


async def test_access_of_oneself_says_what_why_why_not_and_whom_to_ask(world: World) -> None:
    told = await asked(world, "access project=payments-prod", "payments-prod:", "bob")
    assert told == (
        "payments-prod: You may cancel, create and view (operator through <!subteam^S0ONCALL02>, from bot.toml). "
        "Not administer, approve and delete. <@U0ALICE001> can change that."
    )
    assert "shop" not in await asked(world, "access", "payments-prod:")


async def test_access_to_a_closed_project_and_to_none_are_answered_alike(world: World) -> None:
    closed = await asked(world, "access project=shop", "no project “shop”")
    nothing = await asked(world, "access project=nowhere", "no project “nowhere”")
    assert closed.replace("shop", "ALIAS") == nothing.replace("nowhere", "ALIAS")
    assert "can change that" not in closed
    assert [row[1:4] for row in await trail(world)][-1] == ("view", "nowhere", "denied")


async def test_access_of_others_is_for_admins_of_that_project(world: World) -> None:
    told = await asked(world, "access @bob", "<@U0BOB00002>")
    assert told.startswith("payments-prod: <@U0BOB00002> may cancel, create and view")
    assert "shop" not in told
    assert "No grant names them in payments-prod." in await asked(world, "access @carol", "<@U0CAROL009>")
    assert "<!subteam^S0ONCALL02>: operator" in await asked(world, "access @oncall", "<!subteam^S0ONCALL02>")
    told = await asked(world, "access @gus", "<@U0GUEST003>")
    assert "may do nothing here. Guests of this workspace" in told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("access @alice", "Only an admin of a project may look at what others may do there"),
        ("access @alice project=payments-prod", "but not administer. <@U0ALICE001> can change that."),
        ("access @alice project=nowhere", "There is no project “nowhere” that you may use."),
    ],
)
async def test_whoever_is_no_admin_learns_nothing_about_others(world: World, text: str, words: str) -> None:
    told = await asked(world, text, words, "bob")
    assert "granted" not in told
    assert (await trail(world))[-1][:4:3] == ("U0BOB00002", "denied")


async def test_help_shows_granting_only_to_admins(world: World) -> None:
    assert "grant @someone operator payments-prod" in await asked(world, "help", "Snapshots of EVS disks")
    assert "grant @someone" not in await asked(world, "help", "Snapshots of EVS disks", "bob")


async def test_rights_are_about_slack_and_the_store_alone(world: World) -> None:
    await asked(world, "grant @carol viewer payments-prod", "is now viewer")
    await asked(world, "access @carol", "may view")
    assert world.cloud.calls() == []
    assert world.slack.messages("#inc-demo") == []
    assert world.slack_complaints() == []


async def test_slack_not_saying_who_somebody_is_refuses(world: World) -> None:
    world.slack.fault("error", method="users.info", times=4)
    await asked(world, "grant @carol viewer payments-prod", "Slack could not tell me who you are just now")
    assert await rows_of(world, "U0CAROL009") == []


async def test_a_grant_that_ends_is_written_down_once_also_after_restarts(world: World) -> None:
    await world.say("grant @carol viewer payments-prod for=10s")
    await world.told("alice", "viewer")
    assert world.bot is not None

    async def ends() -> list[dict[str, Any]]:
        assert world.bot is not None
        return [row for row in await world.bot.store.audit_page(0) if row["action"] == "expire"]

    assert await ends() == []
    async with asyncio.timeout(10):
        while not await ends():
            await asyncio.sleep(0.02)
    for _ in range(2):
        await world.stop_bot()
        await world.start_bot()
    (row,) = await ends()
    assert (row["actor"], row["subject"], row["outcome"]) == ("snapshot-bot", "payments-prod", "done")
    assert '"user:U0CAROL009"' in row["details_json"]
    await world.say("grant @carol viewer payments-prod for=1s")
    async with asyncio.timeout(10):
        while len(await ends()) < 2:
            await asyncio.sleep(0.02)


async def test_a_grant_that_ended_while_the_bot_slept_is_written_down_when_it_wakes(world: World) -> None:
    await world.say("grant @carol viewer payments-prod for=5s")
    await world.told("alice", "viewer")
    await world.stop_bot()
    await asyncio.sleep(0.6)
    bot = await world.start_bot()
    async with asyncio.timeout(10):
        while not [row for row in await bot.store.audit_page(0) if row["action"] == "expire"]:
            await asyncio.sleep(0.02)
