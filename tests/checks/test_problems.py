"""Each thing that can be wrong, with the lines that tell it: over real sockets, in simulators and in real files."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import socket
import sqlite3
import stat
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.checks.findings import CHECKS
from bot.checks.shown import as_json
from bot.store.sqlite.database import SqliteDatabase
from tests.checks.conftest import Scene
from tests.ports import free_port

Break = Callable[[Scene], Any]

READS = {
    *("auth.test", "bots.info", "apps.connections.open"),
    *("conversations.info", "users.info", "usergroups.list"),
}
"""Methods of Slack that change nothing."""


def configured(old: str, new: str) -> Break:
    def change(scene: Scene) -> None:
        assert old in scene.config
        scene.config = scene.config.replace(old, new)

    return change


def environment(**values: str) -> Break:
    return lambda scene: scene.environment.update(values)


def slack_says(error: str, method: str) -> Break:
    return lambda scene: scene.slack.fault("error", method=method, error=error, times=9)


def without_scope(scope: str) -> Break:
    def change(scene: Scene) -> None:
        state = scene.slack.state
        state.config = replace(state.config, scopes=tuple(one for one in state.config.scopes if one != scope))

    return change


def with_scope(scope: str) -> Break:
    def change(scene: Scene) -> None:
        state = scene.slack.state
        state.config = replace(state.config, scopes=(*state.config.scopes, scope))

    return change


def person(**flags: Any) -> Break:
    def change(scene: Scene) -> None:
        for name, value in flags.items():
            setattr(scene.slack.world.people["U0ALICE001"], name, value)

    return change


def user_group(**fields: Any) -> Break:
    def change(scene: Scene) -> None:
        for name, value in fields.items():
            setattr(scene.slack.world.groups["S0ONCALL02"], name, value)

    return change


def cloud(**switches: Any) -> Break:
    def change(scene: Scene) -> None:
        for name, value in switches.items():
            setattr(scene.cloud.world.switches, name, value)

    return change


def strikes(operation: str, kind: str, **options: Any) -> Break:
    return lambda scene: scene.cloud.fault(operation, kind, times=99, **options)


def mode(name: str, bits: int) -> Break:
    def change(scene: Scene) -> None:
        path = scene.folder / name
        path.touch()
        path.chmod(bits)
        for above in path.parents:  # pytest keeps its folders closed to others
            before = stat.S_IMODE(above.stat().st_mode)
            if not before & stat.S_IXOTH and above.owner() == path.owner():
                scene.after.append(partial(above.chmod, before))
                above.chmod(before | stat.S_IXOTH)

    return change


def store(url: str) -> Break:
    return lambda scene: scene.environment.update(BOT_STORE=f"sqlite:///{scene.folder}/{url}")


def store_that_is(write: Callable[[Path], object]) -> Break:
    return lambda scene: write(scene.folder / "snapshot-bot.db")


async def a_store(scene: Scene) -> Path:
    database = SqliteDatabase(scene.folder / "snapshot-bot.db")
    await database.open()
    await database.close()
    return scene.folder / "snapshot-bot.db"


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("create table bookmark (url text)")
        db.commit()


async def locked(scene: Scene) -> None:
    """By another process: of its own locks the kernel tells none to a process."""
    held = (
        "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('begin immediate'); print('', flush=True)"
    )
    path = await a_store(scene)
    other = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", f"{held}; sys.stdin.read()", str(path)), stdin=PIPE, stdout=PIPE
    )
    assert other.stdout is not None
    await other.stdout.readline()

    async def end() -> None:
        other.kill()
        await other.communicate()

    scene.after.append(end)


async def later(scene: Scene) -> None:
    with closing(sqlite3.connect(await a_store(scene))) as db:
        db.execute("insert into _sqlite_migrations values (99, 'snapshot-bot', '0099-from-the-future', '')")
        db.commit()


async def open_to_all(scene: Scene) -> None:
    (await a_store(scene)).chmod(0o644)


def another_app(scene: Scene) -> None:
    scene.slack.state.app_token = "xapp-1-A0OTHERAPP-0123456789012-abcdef"
    scene.environment["SLACK_APP_TOKEN"] = scene.slack.app_token


def no_connections(scene: Scene) -> None:
    scene.slack.state.app_token_scopes = ()


def left_channel(scene: Scene) -> None:
    scene.slack.world.channels["C0INCDEMO1"].members.remove("U0SNAPBOT1")


def archived(scene: Scene) -> None:
    scene.slack.world.channels["C0INCDEMO1"].is_archived = True


def odd_signing_secret(scene: Scene) -> None:
    scene.over_http()
    scene.environment["SLACK_SIGNING_SECRET"] = "not-a-signing-secret"


def set_clock(minutes: float, *, http: bool = False) -> Break:
    def change(scene: Scene) -> None:
        scene.ahead(timedelta(minutes=minutes))
        if http:
            scene.over_http()

    return change


def wrong_secret_key(scene: Scene) -> None:
    (scene.folder / "secret-key").write_text("another-secret-key-0000000000000000000001")


def project_closed(scene: Scene) -> None:
    next(one for one in scene.cloud.world.users if one.name == "snapshot-bot").projects = ["shop"]


def in_region(region: str) -> Break:
    def change(scene: Scene) -> None:
        scene.cloud.world.project("payments-prod").iam_name = f"{region}_sub"

    return change


def without_standard_snapshots(scene: Scene) -> None:
    scene.cloud.world.project("payments-prod").v5_offered = False


def without_groups(scene: Scene) -> None:
    scene.cloud.world.project("payments-prod").groups_offered = False


def closed_right(action: str) -> Break:
    return cloud(denied_actions=[action])


def closed_where_restored(action: str) -> Break:
    def change(scene: Scene) -> None:
        scene.config = scene.config.replace("[projects.shop]\n", "[projects.shop]\nrestore = true\n")
        closed_right(action)(scene)

    return change


def silent(scene: Scene) -> None:
    """A port at which connections are taken and nothing is said."""
    listener = socket.create_server(("127.0.0.1", 0))
    scene.after.append(listener.close)
    scene.environment["SLACK_API_URL"] = f"http://127.0.0.1:{listener.getsockname()[1]}/api/"


def closed_port(scene: Scene) -> None:
    scene.config = scene.config.replace(scene.cloud.url, f"http://127.0.0.1:{free_port()}")


WEB = 'region = "ap-southeast-3"\ncredentials = "payments"'
PROBLEMS: dict[str, Break] = {
    # the configuration
    "bot.toml is not there": environment(BOT_CONFIG="nowhere.toml"),
    "bot.toml says nothing": lambda scene: setattr(scene, "config", ""),
    "bot.toml has an unknown key": configured("channels = [", "chanels = ["),
    "a secret is not set": environment(SIM_IAM_PASSWORD=""),
    "a secret is too short": environment(SIM_IAM_PASSWORD="short"),
    "no token of Slack": environment(SLACK_BOT_TOKEN=""),
    "the token of the other kind": environment(SLACK_BOT_TOKEN="xapp-1-A0SNAPAPP1-0-0"),
    "a project's name where a region belongs": configured(WEB, WEB.replace("ap-southeast-3", "cn-north-4_sub")),
    "no project": lambda scene: setattr(scene, "config", "[slack]\n"),
    "a secret that everyone may read": mode("secret-key", 0o644),
    "a configuration that everyone may change": mode("bot.toml", 0o646),
    "a project without an admin": configured('project = "*"', 'project = "shop"'),
    # the store
    "the store's folder is missing": store("nowhere/store.db"),
    "the store is a folder": store_that_is(Path.mkdir),
    "the store is no database": store_that_is(lambda path: path.write_text("no database at all " * 99)),
    "the store is another program's": store_that_is(foreign),
    "the store is locked": locked,
    "the store is of a later version": later,
    "others may read the store": open_to_all,
    # Slack
    "Slack refuses connections": lambda scene: scene.environment.update(
        SLACK_API_URL=f"http://127.0.0.1:{free_port()}/api/"
    ),
    "Slack's name is not known": environment(SLACK_API_URL="https://slack.invalid/api/"),
    "Slack has an error": lambda scene: scene.slack.fault("status", times=99, status=503),
    "something else than Slack answers": lambda scene: scene.slack.fault("malformed", times=99),
    "a bot token that Slack does not know": environment(SLACK_BOT_TOKEN="xoxb-not-the-bots"),
    "a bot token that was revoked": lambda scene: setattr(scene.slack.state, "token_revoked", True),
    "an app that was removed": slack_says("account_inactive", "auth.test"),
    "a bot token that has expired": slack_says("token_expired", "auth.test"),
    "a bot token refused otherwise": slack_says("ekm_access_denied", "auth.test"),
    "an app token that Slack does not know": environment(SLACK_APP_TOKEN="xapp-not-the-bots"),
    "an app token without connections:write": no_connections,
    "an app token of another app": another_app,
    "a signing secret that is none": odd_signing_secret,
    **{
        f"the scope {scope} is missing": without_scope(scope)
        for scope in (
            "app_mentions:read",
            "channels:join",
            "channels:read",
            "chat:write",
            "commands",
            "groups:read",
            "usergroups:read",
            "users:read",
        )
    },
    "a scope too many": with_scope("channels:history"),
    "an unknown channel": configured('channel = "C0OPS00001"', 'channel = "C0NOWHERE9"'),
    "a channel that the bot is not in": left_channel,
    "a channel that is archived": archived,
    "an unknown person": configured("user:U0ALICE001", "user:U0NOBODY99"),
    "a last admin who was deactivated": person(deleted=True),
    "a last admin who is a guest": person(is_restricted=True),
    "an unknown user group": configured("group:S0ONCALL02", "group:S0NOWHERE9"),
    "a user group that is disabled": user_group(date_delete=1767000000),
    "a user group with nobody in it": user_group(users=[]),
    "a user group of another organisation": user_group(is_external=True),
    "Slack asks to wait": lambda scene: scene.slack.fault("ratelimited", method="users.info", times=9),
    "Slack asks to wait for channels": lambda scene: scene.slack.fault(
        "ratelimited", method="conversations.info", times=9
    ),
    # the clock
    "a clock that is two minutes off": set_clock(2),
    "a clock too far off for Slack's signatures": set_clock(-7, http=True),
    "a clock too far off for the cloud's signatures": set_clock(20),
    # the cloud
    "a wrong password": environment(SIM_IAM_PASSWORD="another-password"),
    **{
        f"IAM refuses: {why}": cloud(iam_refuses=why)
        for why in (
            "locked",
            "disabled",
            "console_only",
            "password_expired",
            "private_region",
            "throttled",
        )
    },
    "an unknown access key": environment(SIM_ACCESS_KEY="SIMAK000000000000009"),
    "a wrong secret key": wrong_secret_key,
    "an access key that has expired": cloud(key_refused_with="IAM.1105"),
    "a project that is closed to the user": project_closed,
    "a project id that the cloud does not know": configured("5a0b5a0b5a0b5a0b5a0b5a0b5a0b5a0b", "5a0b" + "0" * 28),
    "the project of another region": in_region("cn-north-4"),
    "the cloud refuses connections": closed_port,
    "the cloud's name is not known": lambda scene: setattr(
        scene, "config", scene.config.replace(scene.cloud.url, "https://evs.cn-nort-4.invalid")
    ),
    "a page of a proxy answers": strikes("list_volumes", "html"),
    "the cloud has an error": strikes("list_volumes", "503"),
    "the cloud asks for fewer calls": strikes("list_volumes", "429"),
    "a frozen account": strikes(
        "list_volumes",
        "error",
        status=403,
        code="EVS.2144",
        message="Your account is frozen and resources cannot be used.",
    ),
    "no standard snapshots in the region": without_standard_snapshots,
    "no consistency groups in the region": without_groups,
    **{
        f"the right {action} is closed": closed_right(action)
        for action in (
            "evs:volumes:list",
            "evs:volumes:get",
            "evs:snapshots:list",
            "evs:snapshots:get",
            "evs:volumeTags:get",
            "ecs:cloudServers:list",
            "evs:snapshotGroups:list",
            "evs:volumes:create",
        )
    },
    **{
        f"the right {action} is closed, and a project restores": closed_where_restored(action)
        for action in (
            "evs:volumes:create",
            "evs:volumes:delete",
            "evs:snapshots:rollback",
            "evs:volumeTags:get",
            "evs:quotas:get",
        )
    },
}
"""Well over thirty things that can be wrong."""


GOLDEN = Path(__file__).parents[1] / "golden" / "check" / "lines.json"
"""The lines of each. `GOLDEN_UPDATE=1 pytest -n 0` rewrites them; the diff is read."""


async def test_where_all_is_well_no_line_says_otherwise(scene: Scene) -> None:
    report = await scene.checked()
    assert scene.lines(report) == [f"All is well: {len(report.findings)} ok."]
    assert report.well


async def test_the_rights_of_restoring_are_tried_with_what_can_not_be_done(scene: Scene) -> None:
    scene.config = scene.config.replace("[projects.shop]\n", "[projects.shop]\nrestore = true\n")
    shop = scene.cloud.world.project("shop").project_id
    disks = {disk_id: (disk.status, disk.change) for disk_id, disk in scene.cloud.world.disks.items()}
    report = await scene.checked()
    assert report.well
    tried = {
        call["operation"]: (call["status"], shop in call["path"])
        for call in scene.cloud.journal
        if call["operation"] in ("create_volume", "delete_volume", "rollback_snapshot", "show_quotas")
    }
    assert tried == {
        "create_volume": (400, True),
        "delete_volume": (404, True),
        "rollback_snapshot": (404, True),
        "show_quotas": (200, True),
    }
    assert disks == {disk_id: (disk.status, disk.change) for disk_id, disk in scene.cloud.world.disks.items()}
    assert scene.cloud.world.snapshots == {}


@pytest.mark.parametrize("problem", PROBLEMS)
async def test_a_problem_is_told_with_what_to_do_and_nothing_is_changed_to_find_it(scene: Scene, problem: str) -> None:
    broken = PROBLEMS[problem](scene)
    if inspect.isawaitable(broken):
        await broken
    before = scene.files()
    report = await scene.checked()
    lines = scene.lines(report)
    assert told(problem, lines) == lines
    writes = ("create_s", "create_g", "create_v", "delete", "update", "rollback")
    tried = [call["status"] for call in scene.cloud.journal if call["operation"].startswith(writes)]
    assert all(status in (400, 403, 404) for status in tried) if "restores" in problem else tried == []
    assert {call["method"] for call in scene.slack.api_calls()} <= READS
    assert scene.files() == before
    shown = as_json(report, str, "0", Path("bot.toml"))
    assert [secret for secret in scene.secrets() if secret in shown] == []
    assert {finding.check for finding in report.findings} <= CHECKS.keys()


def told(problem: str, lines: list[str]) -> list[str]:
    golden: dict[str, list[str]] = json.loads(GOLDEN.read_text("utf-8")) if GOLDEN.exists() else {}
    if os.environ.get("GOLDEN_UPDATE"):
        golden = {name: golden[name] for name in PROBLEMS if name in golden} | {problem: lines}
        GOLDEN.write_text(json.dumps(golden, indent=2, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")
    return golden[problem]


def test_every_problem_has_its_lines_and_there_are_many() -> None:
    assert json.loads(GOLDEN.read_text("utf-8")).keys() == PROBLEMS.keys()
    assert len(PROBLEMS) > 30


async def test_iam_is_asked_for_the_projects_of_a_credential_once(scene: Scene) -> None:
    project = scene.config[scene.config.index("[projects.shop]") : scene.config.index("[[grants]]")]
    another = project.replace("shop]", "more]", 1).replace("5a0b5a0b5a0b5a0b5a0b5a0b5a0b5a0b", "1" * 32)
    scene.config = scene.config.replace("[[grants]]", f"{another}\n[[grants]]", 1)
    report = await scene.checked()
    assert len(scene.cloud.calls("list_auth_projects")) == 2
    assert [one.found for one in report.findings if one.check == "project" and one.area == "more"]


@pytest.mark.parametrize("refused", ["SIM_ACCESS_KEY", "secret-key", "SIM_IAM_PASSWORD"])
async def test_a_wrong_key_is_tried_once_however_many_projects_have_it(scene: Scene, refused: str) -> None:
    if refused == "secret-key":
        wrong_secret_key(scene)
    else:
        scene.environment[refused] = "SIMAK000000000000009"
    project = scene.config[scene.config.index("[projects.shop]") : scene.config.index("[[grants]]")]
    for number in range(8):
        another = project.replace("shop]", f"more-{number}]").replace(
            "5a0b5a0b5a0b5a0b5a0b5a0b5a0b5a0b", f"{number:032x}"
        )
        scene.config = scene.config.replace("[[grants]]", f"{another}\n[[grants]]", 1)
        if refused == "SIM_IAM_PASSWORD":
            scene.config = scene.config.replace('credentials = "shop"', 'credentials = "payments"')
    report = await scene.checked()
    kept = [one for one in scene.cloud.journal if one["status"] == 401]
    assert len(kept) == 1
    assert sum("it is refused as in" in one.found for one in report.findings) >= 8
