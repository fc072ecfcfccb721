"""A configuration is read whole or refused whole, with each fault in its place and no secret in any of them."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.domain.bindings import Binding
from bot.domain.projects import AccessKeyCredentials, AgencyCredentials, PasswordCredentials
from bot.domain.roles import Grant, Role
from bot.domain.shipping import ShipTo, SyslogAddress
from bot.domain.store_urls import PostgresUrl
from bot.domain.turns import Places
from bot.settings import CloudSettings, Settings, SettingsError, load_settings, load_store

ENVIRON = {"SLACK_BOT_TOKEN": "xoxb-hush", "SLACK_APP_TOKEN": "xapp-hush", "PAYMENTS_PASSWORD": "hush hush"}

BARE = "[slack]\n"
"""As little as a file may say."""

CREDENTIALS = """
[credentials.payments]
kind = "password"
domain = "ACME"
user = "snapshot-bot"
password = "env:PAYMENTS_PASSWORD"
"""
PROJECT = """
[projects.payments-prod]
project_id = "0123456789abcdef0123456789abcdef"
region = "ap-southeast-3"
credentials = "payments"
"""
VALID = CREDENTIALS + PROJECT
"""Its last line is line 11."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(text: str, environ: Mapping[str, str] = ENVIRON) -> Settings:
    Path("bot.toml").write_text(text, "utf-8")
    return load_settings(environ)


def problems(text: str, environ: Mapping[str, str] = ENVIRON) -> list[str]:
    Path("bot.toml").write_text(text, "utf-8")
    with pytest.raises(SettingsError) as caught:
        load_settings(environ)
    return [str(problem) for problem in caught.value.problems]


def test_names_are_normalised_and_an_alias_is_referred_to_in_any_case(folder: Path) -> None:
    loaded = load(
        f'{VALID}\n[[grants]]\nsubject = "user:U0ALICE001"\nrole = "operator"\nproject = "Payments-PROD"\n'
        '[[bindings]]\nchannel = "C0PAYINC01"\nproject = "PAYMENTS-prod"\n'
        'disks = ["cafe\u0301-disk", "data-01\u200b"]\n'
    )
    assert [grant.project for grant in loaded.grants] == ["payments-prod"]
    assert [(one.project, one.disks) for one in loaded.bindings] == [("payments-prod", ("caf\u00e9-disk", "data-01"))]


@pytest.mark.parametrize("text", ["", "\n# later\n"])
def test_a_file_that_says_nothing_is_refused(folder: Path, text: str) -> None:
    assert problems(text) == ["bot.toml: The file says nothing. Write at least [credentials.NAME] and [projects.NAME]."]


def test_a_file_that_says_little_has_the_defaults_of_the_contract(folder: Path) -> None:
    loaded = load(BARE)
    assert (loaded.slack.command, loaded.slack.api_url) == ("/snapshot", "https://slack.com/api/")
    assert loaded.store == Path("snapshot-bot.db")
    assert loaded.cloud == CloudSettings(reconcile_s=60, busy_retry_s=10, busy_deadline_s=1_800, watch_s=86_400)
    assert (loaded.host, loaded.admin_host) == ("0.0.0.0", "127.0.0.1")
    assert (loaded.port, loaded.admin_port, loaded.log_format, loaded.log_level) == (3000, 9000, "console", "INFO")
    assert (loaded.credentials, loaded.projects, loaded.grants, loaded.bindings) == ({}, {}, (), ())


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("file:/var/log/audit.jsonl", Path("/var/log/audit.jsonl")),
        ("syslog+tls://logs.example.com", SyslogAddress("logs.example.com", 6514)),
        ("syslog+tls://[::1]:6515/", SyslogAddress("::1", 6515)),
    ],
)
def test_audit_rows_go_to_a_file_or_to_a_receiver_over_tls(folder: Path, written: str, read: ShipTo) -> None:
    assert load(f'{BARE}[audit]\nship = "{written}"\n').audit_ship == read
    assert load(BARE).audit_ship is None


def test_a_project_is_reached_where_its_region_is(folder: Path) -> None:
    project = load(VALID).projects["payments-prod"]
    assert project.evs_endpoint == "https://evs.ap-southeast-3.myhuaweicloud.com"
    assert project.ecs_endpoint == "https://ecs.ap-southeast-3.myhuaweicloud.com"
    assert project.iam_endpoint == "https://iam.ap-southeast-3.myhuaweicloud.com"
    assert (project.channels, project.approvals, project.daily_limit, project.native_retention) == ((), 0, None, False)
    assert project.places == Places(400, 200)
    assert (project.restore, project.verify_days, project.verify_gib) == (False, None, 1024)


def test_ireland_has_the_european_domain(folder: Path) -> None:
    project = load(VALID.replace("ap-southeast-3", "eu-west-101")).projects["payments-prod"]
    assert project.evs_endpoint == "https://evs.eu-west-101.myhuaweicloud.eu"
    assert project.ecs_endpoint == "https://ecs.eu-west-101.myhuaweicloud.eu"


@pytest.mark.parametrize(
    ("lines", "ecs"),
    [
        ('evs_endpoint = "https://evs.cloud.example/v"', "https://ecs.cloud.example/v"),
        ('evs_endpoint = "https://gateway.example"', "https://gateway.example"),
        ('evs_endpoint = "http://127.0.0.1:8080/"', "http://127.0.0.1:8080"),
        (
            'evs_endpoint = "https://evs.a.example"\necs_endpoint = "https://servers.example/"',
            "https://servers.example",
        ),
        ('ecs_endpoint = "http://127.0.0.1:8081"', "http://127.0.0.1:8081"),
    ],
)
def test_servers_are_asked_where_the_file_says_or_beside_evs(folder: Path, lines: str, ecs: str) -> None:
    assert load(f"{VALID}{lines}\n").projects["payments-prod"].ecs_endpoint == ecs


@pytest.mark.parametrize("written", ["cn-north-4_sub", "cn-north-4_my_own", "cn-north-4_", "CN-North-4_Sub"])
def test_a_projects_name_in_place_of_a_region_is_refused_with_the_region_it_means(folder: Path, written: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        load(VALID.replace("ap-southeast-3", written))
    (problem,) = refusal.value.problems
    assert "the name of a project, not of a region" in problem.sentence
    assert 'region = "cn-north-4"' in problem.sentence


@pytest.mark.parametrize(
    "written", ["_sub", "cn north 4", "cn–north–4", "cn-north-4.", "-cn", "EU-DE", "cn-north-4\u200b", ""]
)
def test_a_region_has_lower_case_letters_digits_and_dashes(folder: Path, written: str) -> None:
    with pytest.raises(SettingsError, match="lower-case letters, digits and dashes"):
        load(VALID.replace("ap-southeast-3", written))


ON_THE_CONSOLE = "ecm/?region={}&locale=en-us#/evs/manager/volumelist/detail?volumeid=d%2F1"


@pytest.mark.parametrize(
    ("region", "line", "page"),
    [
        ("ap-southeast-3", "", f"https://console-intl.huaweicloud.com/{ON_THE_CONSOLE.format('ap-southeast-3')}"),
        ("cn-north-4", "", f"https://console.huaweicloud.com/{ON_THE_CONSOLE.format('cn-north-4')}"),
        ("eu-west-101", "", None),
        ("ap-southeast-3", 'console_url = ""', None),
        (
            "eu-west-101",
            'console_url = "https://c.example.eu/{region}#{disk_id}"',
            "https://c.example.eu/eu-west-101#d%2F1",
        ),
    ],
)
def test_the_console_is_where_the_region_or_the_file_says(
    folder: Path, region: str, line: str, page: str | None
) -> None:
    project = load(f"{VALID.replace('ap-southeast-3', region)}\n{line}\n").projects["payments-prod"]
    assert project.console_page("d/1") == page


def test_every_key_of_a_project_is_read(folder: Path) -> None:
    more = """
enterprise_project_id = "0"
evs_endpoint = "http://127.0.0.1:8080/"
iam_endpoint = "http://[::1]:8080"
channels = ["C0PAYINC01", "G1"]
approvals = 2
daily_limit = 50
at_once = 3
native_retention = true
restore = true
verify_days = 7
verify_gib = 200
"""
    project = load(VALID + more).projects["payments-prod"]
    assert (project.evs_endpoint, project.iam_endpoint) == ("http://127.0.0.1:8080", "http://[::1]:8080")
    assert (project.enterprise_project_id, project.channels) == ("0", ("C0PAYINC01", "G1"))
    assert (project.approvals, project.daily_limit, project.native_retention) == (2, 50, True)
    assert project.places == Places(3, 1)
    assert (project.restore, project.verify_days, project.verify_gib) == (True, 7, 200)


def test_secrets_come_from_variables_and_from_files_without_their_last_line_break(folder: Path) -> None:
    (folder / "sk").write_text("a se cret\n\n")
    text = """
[credentials.shop]
kind = "access_key"
access_key = "env:SHOP_AK"
secret_key = "file:sk"
[credentials.vm]
kind = "agency"
metadata_url = "http://127.0.0.1:9"
[credentials.other-vm]
kind = "agency"
"""
    assert load(CREDENTIALS + text, {**ENVIRON, "SHOP_AK": "AKAKAKAK"}).credentials == {
        "payments": PasswordCredentials("payments", "ACME", "snapshot-bot", SecretStr("hush hush")),
        "shop": AccessKeyCredentials("shop", SecretStr("AKAKAKAK"), SecretStr("a se cret\n")),
        "vm": AgencyCredentials("vm", "http://127.0.0.1:9"),
        "other-vm": AgencyCredentials("other-vm", "http://169.254.169.254"),
    }


def test_grants_name_users_groups_and_everyone(folder: Path) -> None:
    text = """
[[grants]]
subject = "user:U0ALICE001"
role = "operator"
project = "payments-prod"
expires = 2020-12-31T00:00:00Z
[[grants]]
subject = "group:S1"
role = "approver"
project = "*"
[[grants]]
subject = "everyone"
role = "viewer"
project = "*"
"""
    assert load(VALID + text).grants == (
        Grant("user", "U0ALICE001", Role.OPERATOR, "payments-prod", datetime(2020, 12, 31, tzinfo=UTC)),
        Grant("group", "S1", Role.APPROVER, "*"),
        Grant("everyone", "", Role.VIEWER, "*"),
    )


def test_bindings_hold_one_selector_each(folder: Path) -> None:
    text = """
[[bindings]]
channel = "C1"
project = "payments-prod"
server = "web-01"
keep_days = 7
confirm = false
reason = "deploy"
[[bindings]]
channel = "C1"
project = "payments-prod"
disks = ["a", "b"]
"""
    assert load(VALID + text).bindings == (
        Binding("C1", "payments-prod", server="web-01", keep_days=7, confirm=False, reason="deploy"),
        Binding("C1", "payments-prod", disks=("a", "b")),
    )


def test_the_environment_is_read(folder: Path) -> None:
    environ = {
        **ENVIRON,
        "SLACK_SIGNING_SECRET": "sign-sign",
        "SLACK_API_URL": "http://localhost:8089/api",
        "BOT_STORE": "sqlite:////var/lib/x.db",
        "HOST": "::1",
        "PORT": "0",
        "ADMIN_HOST": "metrics.internal",
        "ADMIN_PORT": "9001",
        "LOG_FORMAT": "JSON",
        "LOG_LEVEL": "debug",
    }
    loaded = load('[store]\nurl = "sqlite:///here.db"', environ)
    assert loaded.slack.api_url == "http://localhost:8089/api/"
    assert loaded.slack.signing_secret == SecretStr("sign-sign")
    assert loaded.store == Path("/var/lib/x.db")
    assert (loaded.host, loaded.admin_host) == ("::1", "metrics.internal")
    assert (loaded.port, loaded.admin_port, loaded.log_format, loaded.log_level) == (0, 9001, "json", "DEBUG")


def test_an_argument_names_the_file_before_the_variable_does(folder: Path) -> None:
    Path("one.toml").write_text('[store]\nurl = "sqlite:///one.db"')
    Path("two.toml").write_text('[store]\nurl = "sqlite:///two.db"')
    environ = {**ENVIRON, "BOT_CONFIG": "two.toml"}
    assert load_settings(environ).store == Path("two.db")
    assert load_settings(environ, Path("one.toml")).store == Path("one.db")


NOT_FOR_THE_STORE = """
[slack]
comand = "/snap"
[credentials.payments]
kind = "password"
password = "env:NOT_SET"
[bindings]
[audit]
[audit]
"""


@pytest.mark.parametrize(
    ("text", "environ", "path"),
    [
        (None, {}, "snapshot-bot.db"),
        (None, {"BOT_STORE": "sqlite:////var/lib/x.db"}, "/var/lib/x.db"),
        ('[store]\nurl = "sqlite:///here.db"' + NOT_FOR_THE_STORE, {}, "here.db"),
        (NOT_FOR_THE_STORE, {"PORT": "x", "SLACK_BOT_TOKEN": "xapp-", "LOG_LEVEL": "loud"}, "snapshot-bot.db"),
        ("this is not TOML", {"BOT_STORE": "sqlite:///there.db"}, "there.db"),
        ('[store]\nurl = "sqlite:///here.db"', {"BOT_STORE": "sqlite:///there.db"}, "there.db"),
    ],
)
def test_the_store_alone_needs_no_token_no_secret_and_no_other_table(
    folder: Path, text: str | None, environ: dict[str, str], path: str
) -> None:
    if text is not None:
        Path("bot.toml").write_text(text, "utf-8")
    assert load_store(environ).store == Path(path)


@pytest.mark.parametrize(
    ("text", "environ", "told"),
    [
        (None, {"BOT_CONFIG": "other.toml"}, "other.toml: There is no such file"),
        (None, {"BOT_STORE": "x.db"}, "environment, BOT_STORE: Write sqlite:///snapshot-bot.db"),
        ("this is not TOML", {}, "bot.toml line 1: This is not TOML"),
        ('[store]\nurl = "mysql://x"', {}, "[store] url: Write sqlite:///snapshot-bot.db"),
    ],
)
def test_a_store_that_is_not_known_is_told(folder: Path, text: str | None, environ: dict[str, str], told: str) -> None:
    if text is not None:
        Path("bot.toml").write_text(text, "utf-8")
    with pytest.raises(SettingsError) as caught:
        load_store(environ)
    assert told in str(caught.value)


def test_rights_are_read_without_the_secrets_and_their_own_faults_are_told(folder: Path) -> None:
    Path("bot.toml").write_text(VALID, "utf-8")
    known = load_store({}, rights=True)
    assert list(known.projects) == ["payments-prod"]
    Path("bot.toml").write_text(VALID + '[[grants]]\nsubject = "bob"\nrole = "king"\nproject = "nope"', "utf-8")
    with pytest.raises(SettingsError) as caught:
        load_store({}, rights=True)
    assert len(caught.value.problems) == 3
    assert load_store({}).projects == {}


def test_no_secret_shows_in_the_repr_and_each_is_told_to_who_asks(folder: Path) -> None:
    loaded = load(VALID)
    assert "hush" not in repr(loaded)
    assert loaded.secrets() == ("xoxb-hush", "xapp-hush", "hush hush")


WITH_PASSWORD = "postgresql://bot:h%40sh-hush@db.internal:5432/snapshots?sslmode=require"
WITHOUT = "postgresql://bot@db.internal:5432/snapshots"


@pytest.mark.parametrize("url", [WITH_PASSWORD, WITHOUT, "postgres:///snapshots?host=/run/postgresql", f"{WITHOUT}x"])
def test_replicas_share_a_database(folder: Path, url: str) -> None:
    for loaded in (load(f'[store]\nurl = "{url}"\n{VALID}'), load(VALID, {**ENVIRON, "BOT_STORE": url})):
        assert isinstance(loaded.store, PostgresUrl)
        assert loaded.store.url.get_secret_value() == url
    assert load_store({"BOT_STORE": url}).store == loaded.store


def test_the_password_of_the_database_is_hidden_and_told_to_who_asks(folder: Path) -> None:
    loaded = load(VALID, {**ENVIRON, "BOT_STORE": WITH_PASSWORD, "PGPASSWORD": "another one"})
    assert loaded.secrets()[-1] == "h@sh-hush"
    assert "sh-hush" not in repr(loaded) + str(loaded.store)
    assert str(loaded.store) == WITHOUT
    loaded = load(VALID, {**ENVIRON, "BOT_STORE": WITHOUT, "PGPASSWORD": "another one"})
    assert loaded.secrets()[-1] == "another one"
    assert "another" not in repr(loaded)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+asyncpg://db/x",
        "postgresql:db",
        "postgresql://db:port/x",
        "postgresql://a,b:0/x",
        "postgresql://db/x y",
        "postgresql://db/a/b",
        "postgresql://[::1/x",
    ],
)
def test_what_is_no_url_of_a_database_is_refused(folder: Path, url: str) -> None:
    sentence = "This is no URL of PostgreSQL. Write postgresql://USER@HOST/DATABASE."
    assert problems(BARE, {**ENVIRON, "BOT_STORE": url}) == [f"environment, BOT_STORE: {sentence}"]


SMALL_TABLES = [
    ('[slack]\ncomand = "/x"', "line 2, [slack] comand: There is no such key. Did you mean command?"),
    ('[slack]\nzzz = "/x"', "line 2, [slack] zzz: There is no such key. Known here: command, offer_channels."),
    (
        '[slack]\nbot_token = "xoxb-hush"',
        "line 2, [slack] bot_token: This stands in the environment, not in the file. Set SLACK_BOT_TOKEN.",
    ),
    (
        '[slack]\ncommand = "snap"',
        "line 2, [slack] command: A command is / and at most 31 lower-case letters, digits, - or _: /snapshot.",
    ),
    ("[project.web]\na = 1", "line 1, [project]: There is no such table. Did you mean projects?"),
    ("slack = 3", "line 1, [slack]: Write this as a table of its own; here stands a whole number."),
    ("projects = []", "line 1, [projects]: Write this as a table of its own; here stands a list."),
    ("grants = true", "line 1, [grants]: Write a list in brackets; here stands true or false."),
    ("grants = [1]", "line 1, [[grants]] #1: Write this as a table of its own; here stands a whole number."),
    (
        '[store]\nurl = "postgresql://me:hush@db"',
        "line 2, [store] url: This is no URL of PostgreSQL. Write postgresql://USER@HOST/DATABASE.",
    ),
    (
        '[store]\nurl = "snapshot-bot.db"',
        (
            "line 2, [store] url: Write sqlite:///snapshot-bot.db (relative) "
            "or sqlite:////var/lib/snapshot-bot.db (absolute), or postgresql://USER@HOST/DATABASE for several replicas."
        ),
    ),
    (
        '[store]\nurl = "sqlite:///:memory:"',
        "line 2, [store] url: A store in memory loses what people asked for. Write sqlite:///snapshot-bot.db.",
    ),
    (
        "[store]\nurl = 1",
        'line 2, [store] url: Write text in quotes, such as "sqlite:///snapshot-bot.db"; here stands a whole number.',
    ),
    (
        "[limits]\nopen_requests = 0",
        "line 2, [limits] open_requests: Write a number from 1 to 100,000; here stands 0.",
    ),
    (
        '[cloud]\nwatch_hours = "24"',
        "line 2, [cloud] watch_hours: Write a number, such as 24; here stands text.",
    ),
    ("[cloud]\nwatch_hours = nan", "line 2, [cloud] watch_hours: Write a finite number, such as 24."),
    (
        "[cloud]\nwatch_hours = 0",
        "line 2, [cloud] watch_hours: Write a number from 0.01 to 720; here stands 0.",
    ),
    *[
        (
            f'[audit]\nship = "{one}"',
            (
                'line 2, [audit] ship: Write "file:/var/log/snapshot-bot/audit.jsonl", an absolute path, or '
                '"syslog+tls://logs.example.com:6514".'
            ),
        )
        for one in ("audit.jsonl", "file:audit.jsonl", "file://host/x", "syslog://logs:514", "syslog+tls://a/b")
    ],
    (
        '[audit]\nship_ca = "nowhere.pem"',
        "line 2, [audit] ship_ca: There is no file nowhere.pem. Write the absolute path of one.",
    ),
    (
        '[credentials.vm]\nkind = "agenci"',
        'line 1, [credentials.vm]: Write kind = "password", "access_key" or "agency".',
    ),
    (
        "[credentials]\nvm = 1",
        "line 2, [credentials.vm]: Write this as a table of its own; here stands a whole number.",
    ),
    (
        '[credentials.vm]\nkind = "agency"\nmetadata_url = "http://10.0.0.1"',
        (
            "line 3, [credentials.vm] metadata_url: Temporary keys come from loopback or a link-local address only. "
            "Write http://169.254.169.254."
        ),
    ),
]


@pytest.mark.parametrize(("text", "problem"), SMALL_TABLES)
def test_a_fault_names_its_line_its_key_and_what_to_write(folder: Path, text: str, problem: str) -> None:
    assert problems(text) == [f"bot.toml {problem}"]


SECRETS = [
    ("hush", 'A secret may not stand in this file. Write "env:NAME" (a variable) or "file:PATH".'),
    ("file:", 'A secret may not stand in this file. Write "env:NAME" (a variable) or "file:PATH".'),
    ("env:NOT_THERE", "The variable NOT_THERE is not set or empty."),
    ("env:EMPTY", "The variable EMPTY is not set or empty."),
    ("env:hush!", "After env: comes a variable's name: letters, digits and _, such as env:PAYMENTS_PASSWORD."),
    ("file:nowhere", "The file 'nowhere' cannot be read: No such file or directory."),
    ("file:empty", "The file 'empty' is empty."),
    ("file:latin1", "The file 'latin1' is not UTF-8 text."),
    ("file:.", "The file '.' cannot be read: Is a directory."),
    ("file:\\u0000", "The file '\\x00' cannot be read: its path cannot be used."),
]


@pytest.mark.parametrize(("written", "sentence"), SECRETS)
def test_a_secret_is_followed_or_refused_without_being_shown(folder: Path, written: str, sentence: str) -> None:
    (folder / "empty").write_text("\n")
    (folder / "latin1").write_bytes(b"h\xfcsh")
    text = CREDENTIALS.replace("env:PAYMENTS_PASSWORD", written)
    place = "bot.toml line 6, [credentials.payments] password"
    assert problems(text, {**ENVIRON, "EMPTY": " "}) == [f"{place}: {sentence}"]


IN_A_PROJECT = [
    ("approvals = 11", "approvals: Write a number from 0 to 10; here stands 11."),
    ("approvals = true", "approvals: Write a whole number, such as 0; here stands true or false."),
    ("approvals = 1.5", "approvals: Write a whole number, such as 0; here stands a number with a point."),
    ("daily_limit = 0", "daily_limit: Write a number from 1 to 100,000; here stands 0."),
    (
        "native_retention = 'no'",
        "native_retention: Write true or false, without quotes, such as false; here stands text.",
    ),
    ("verify_days = 0", "verify_days: Write a number from 1 to 365; here stands 0."),
    (
        "verify_days = 7",
        "verify_days: It needs restore = true beside it: a test disk is made of the snapshot, and deleted again.",
    ),
    ("verify_gib = 0", "verify_gib: Write a number from 1 to 32,768; here stands 0."),
    (
        'channels = "C1"',
        'channels: Write a list in brackets, such as ["C0PAYINC01"]; here stands text.',
    ),
    (
        "channels = [3]",
        'channels #1: Write text in quotes, such as ["C0PAYINC01"]; here stands a whole number.',
    ),
    (
        'channels = [\n "C1",\n "#inc",\n]',
        "channels #2: Write a channel's id, not its name: it begins with C, G or D, such as C0PAYINC01.",
    ),
    (
        'evs_endpoint = "http://evs.example.com"',
        "evs_endpoint: http:// is accepted on loopback only (127.0.0.1, ::1, localhost). Write https://.",
    ),
    (
        'evs_endpoint = "http://127.0.0.1.example.com"',
        "evs_endpoint: http:// is accepted on loopback only (127.0.0.1, ::1, localhost). Write https://.",
    ),
    (
        'iam_endpoint = "iam.example.com"',
        "iam_endpoint: This is not an address. Write one such as https://evs.ap-southeast-3.myhuaweicloud.com.",
    ),
    (
        'iam_endpoint = "https://[iam"',
        "iam_endpoint: This is not an address. Write one such as https://evs.ap-southeast-3.myhuaweicloud.com.",
    ),
    (
        'ecs_endpoint = "http://ecs.example.com"',
        "ecs_endpoint: http:// is accepted on loopback only (127.0.0.1, ::1, localhost). Write https://.",
    ),
    (
        'evs_endpoint = "https://evs.cn-north-4_sub.myhuaweicloud.com"',
        "evs_endpoint: A host's name has no _: addresses are made of the region, never of a project's name.",
    ),
    (
        'iam_endpoint = "https://me:hush@iam.example.com"',
        "iam_endpoint: An address holds no user or password. Secrets have their own keys, under [credentials].",
    ),
    (
        'console_url = "https://c.example.com/{disk}"',
        "console_url: In braces only {region} and {disk_id} are known.",
    ),
    (
        'console_url = "http://c.example.com/{disk_id}"',
        'console_url: Write an https:// address, such as https://console.example.com/evs?id={disk_id}, or "".',
    ),
    (
        'console_url = "https://c.example.com/{disk_id}>|<!channel>"',
        'console_url: Write an https:// address, such as https://console.example.com/evs?id={disk_id}, or "".',
    ),
    (
        'enterprise_project_id = "default"',
        'enterprise_project_id: Write the enterprise project\'s id (a UUID), or "0" for the default one.',
    ),
]


@pytest.mark.parametrize(("line", "problem"), IN_A_PROJECT)
def test_a_fault_of_a_project_stands_under_its_alias(folder: Path, line: str, problem: str) -> None:
    assert problems(VALID + line) == [f"bot.toml line 12, [projects.payments-prod] {problem}"]


CHANGED_PROJECTS = [
    (
        "projects.payments-prod",
        "projects.Payments",
        (
            "line 8, [projects.Payments]: "
            "An alias is at most 40 lower-case letters, digits and dashes, such as payments-prod."
        ),
    ),
    (
        "projects.payments-prod",
        'projects."two words"',
        (
            'line 8, [projects."two words"]: '
            "An alias is at most 40 lower-case letters, digits and dashes, such as payments-prod."
        ),
    ),
    (
        "0123456789abcdef0123456789abcdef",
        "payments",
        (
            "line 9, [projects.payments-prod] project_id: A project id is 32 hex digits, as the console shows under "
            "My Credentials. An alias or a region is not one."
        ),
    ),
    (
        '"ap-southeast-3"',
        '"AP Southeast"',
        (
            "line 10, [projects.payments-prod] region: "
            "Write the region's id: lower-case letters, digits and dashes, as in addresses, such as ap-southeast-3."
        ),
    ),
    (
        'region = "ap-southeast-3"',
        "",
        'line 8, [projects.payments-prod] region: region is missing. Write region = "ap-southeast-3".',
    ),
    (
        'credentials = "payments"',
        'credentials = "paymnts"',
        "line 11, [projects.payments-prod] credentials: There is no [credentials.paymnts]. Did you mean payments?",
    ),
]


@pytest.mark.parametrize(("valid", "wrong", "problem"), CHANGED_PROJECTS)
def test_a_project_needs_what_it_needs(folder: Path, valid: str, wrong: str, problem: str) -> None:
    assert problems(VALID.replace(valid, wrong)) == [f"bot.toml {problem}"]


def a_grant(**changes: str) -> str:
    keys = {"subject": '"everyone"', "role": '"viewer"', "project": '"*"', **changes}
    return VALID + "\n".join(["[[grants]]", *(f"{key} = {value}" for key, value in keys.items())])


SUBJECT_SENTENCE = (
    'Write "user:U…", "group:S…" or "everyone": ids as Slack has them, not names. Or "token:NAME", of [tokens.NAME].'
)
GRANTS = [
    ({"subject": '"user:alice"'}, f"line 13, [[grants]] #1 subject: {SUBJECT_SENTENCE}"),
    ({"subject": '"user:S1"'}, f"line 13, [[grants]] #1 subject: {SUBJECT_SENTENCE}"),
    ({"subject": '"group:U1"'}, f"line 13, [[grants]] #1 subject: {SUBJECT_SENTENCE}"),
    (
        {"subject": '"token:deploy"', "role": '"operator"'},
        "line 13, [[grants]] #1 subject: There is no [tokens.deploy]. None is declared.",
    ),
    ({"role": '"opertor"'}, "line 14, [[grants]] #1 role: There is no such role. Did you mean operator?"),
    (
        {"role": "3"},
        'line 14, [[grants]] #1 role: Write text in quotes, such as "operator"; here stands a whole number.',
    ),
    (
        {"project": '"payments-prd"'},
        "line 15, [[grants]] #1 project: There is no [projects.payments-prd]. Did you mean payments-prod?",
    ),
    (
        {"expires": "2026-12-31T00:00:00"},
        "line 16, [[grants]] #1 expires: The time has no zone. Write Z after it for UTC, such as 2026-12-31T00:00:00Z.",
    ),
    (
        {"expires": "2026-12-31"},
        (
            "line 16, [[grants]] #1 expires: Write a date and a time, without quotes, such as 2026-12-31T00:00:00Z; "
            "here stands a date or a time alone."
        ),
    ),
]


@pytest.mark.parametrize(("changes", "problem"), GRANTS)
def test_a_grant_names_ids_a_role_and_a_project(folder: Path, changes: dict[str, str], problem: str) -> None:
    assert problems(a_grant(**changes)) == [f"bot.toml {problem}"]


def a_binding(*selectors: str, **changes: str) -> str:
    keys = {"channel": '"C1"', "project": '"payments-prod"', **changes}
    return VALID + "\n".join(["[[bindings]]", *(f"{key} = {value}" for key, value in keys.items()), *selectors])


EXACTLY_ONE = "line 12, [[bindings]] #1: Write exactly one of server, server_id, tag and disks."
BINDINGS = [
    (a_binding(), f"{EXACTLY_ONE} Here stands none."),
    (a_binding('server = "a"', 'tag = "a:b"'), f"{EXACTLY_ONE} Here stand server and tag."),
    (
        a_binding('server = "a"', channel='"#inc"'),
        (
            "line 13, [[bindings]] #1 channel: "
            "Write a channel's id, not its name: it begins with C, G or D, such as C0PAYINC01."
        ),
    ),
    (
        a_binding('server = "a"', project='"*"'),
        'line 14, [[bindings]] #1 project: There is no [projects."*"]. Known here: payments-prod.',
    ),
    (
        a_binding('server = " "'),
        "line 15, [[bindings]] #1 server: There is nothing between the quotes. Write a value, or leave the line out.",
    ),
    (
        a_binding('tag = "tier"'),
        'line 15, [[bindings]] #1 tag: Write the tag\'s key and value with a colon between them, such as "tier:prod".',
    ),
    (
        a_binding("disks = []"),
        "line 15, [[bindings]] #1 disks: The list is empty. Write at least one entry, or leave the line out.",
    ),
    (
        a_binding('server = "a"', keep_days="0"),
        "line 15, [[bindings]] #1 keep_days: Write a number from 1 to 65,536; here stands 0.",
    ),
    (
        a_binding('server = "a"', reason=f'"{"r" * 301}"'),
        "line 15, [[bindings]] #1 reason: A reason holds 300 characters; this one has 301.",
    ),
]


@pytest.mark.parametrize(("text", "problem"), BINDINGS)
def test_a_binding_names_a_channel_a_project_and_one_selector(folder: Path, text: str, problem: str) -> None:
    assert problems(text) == [f"bot.toml {problem}"]


def test_a_project_given_twice_is_told_with_both_lines(folder: Path) -> None:
    assert problems(VALID + PROJECT) == [
        (
            "bot.toml line 13, [projects.payments-prod]: "
            "This table stands in the file twice, first in line 8. Give one of the two another name."
        )
    ]


def test_a_key_given_twice_is_told_under_its_table_and_the_rest_is_still_checked(folder: Path) -> None:
    assert problems(VALID + 'credentials = "other"\napproval = 1') == [
        (
            "bot.toml line 12, [projects.payments-prod] credentials: "
            "This key stands here twice, first in line 11. Keep one."
        ),
        "bot.toml line 13, [projects.payments-prod] approval: There is no such key. Did you mean approvals?",
    ]


def test_one_cloud_project_has_one_alias(folder: Path) -> None:
    assert problems(VALID + PROJECT.replace("payments-prod", "pay").replace("abcdef", "ABCDEF")) == [
        "bot.toml line 14, [projects.pay] project_id: This is the project of payments-prod (line 8). Keep one alias."
    ]


def test_one_project_id_in_two_regions_is_two_projects(folder: Path) -> None:
    other = PROJECT.replace("payments-prod", "pay").replace("ap-southeast-3", "ap-southeast-1")
    assert set(load(VALID + other).projects) == {"payments-prod", "pay"}


def test_a_file_that_is_not_toml_is_told_with_its_line(folder: Path) -> None:
    assert problems("[slack]\ncommand = /snapshot") == [
        "bot.toml line 2: This is not TOML: Invalid value. The rest of the file was not checked."
    ]


@pytest.mark.parametrize(("text", "line"), [('\n[slack]\nx = """', 3), ("[a]\nb = 1\n[a.b]", 3)])
def test_an_end_too_early_and_a_table_in_the_way_are_told_too(folder: Path, text: str, line: int) -> None:
    (problem,) = problems(text)
    assert problem.startswith(f"bot.toml line {line}: This is not TOML: ")


@pytest.mark.parametrize("text", ["x = 1" + "0" * 5_000, "x = " + "[" * 5_000])
def test_a_file_that_exhausts_the_reader_is_refused(folder: Path, text: str) -> None:
    assert problems(text) == ["bot.toml: A number has too many digits, or lists are nested too deeply."]


def test_a_file_that_cannot_be_read_is_told_with_the_rest(folder: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({**ENVIRON, "BOT_CONFIG": "nowhere.toml", "PORT": "x"})
    assert [str(problem) for problem in caught.value.problems] == [
        "nowhere.toml: There is no such file. Write one, or name another with --config or BOT_CONFIG.",
        "environment, PORT: Write a port: a whole number up to 65535, or 0 for any free one.",
    ]


def test_a_folder_and_foreign_text_are_no_configuration(folder: Path) -> None:
    (folder / "latin1.toml").write_bytes(b"# h\xfcsh")
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        load_settings(ENVIRON, folder)
    with pytest.raises(SettingsError, match="not UTF-8 text"):
        load_settings(ENVIRON, folder / "latin1.toml")


_TOO_SHORT = "A secret has at least 8 characters. Copy all of it, or have another one made."


@pytest.mark.parametrize("name", ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"])
def test_a_short_secret_of_slack_is_refused_by_its_name(folder: Path, name: str) -> None:
    assert problems(BARE, {**ENVIRON, name: "  ack-ack "}) == [f"environment, {name}: {_TOO_SHORT}"]


def test_a_short_secret_of_a_cloud_is_refused_by_its_place(folder: Path) -> None:
    Path("short").write_text("seven77\n")
    text = CREDENTIALS + '[credentials.shop]\nkind = "access_key"\naccess_key = "env:AK"\nsecret_key = "file:short"\n'
    told = problems(text, {**ENVIRON, "PAYMENTS_PASSWORD": "ack", "AK": "1234567"})
    assert [one.rpartition(": ")[2] for one in told] == [_TOO_SHORT] * 3
    for place in ("[credentials.payments] password", "[credentials.shop] access_key", "[credentials.shop] secret_key"):
        assert any(place in one for one in told), told
    assert "ack," not in str(told) and "1234567" not in str(told)


_NO_HOST = "Write an address of this machine to listen on, without a port: 127.0.0.1, ::1, 0.0.0.0 or a name."
VARIABLES = [
    ("HOST", "http://127.0.0.1", _NO_HOST),
    ("HOST", "127.0.0.1:3000", _NO_HOST),
    ("HOST", "10.0.0.300", _NO_HOST),
    ("ADMIN_HOST", "*", _NO_HOST),
    ("PORT", "65536", "Write a port: a whole number up to 65535, or 0 for any free one."),
    ("ADMIN_PORT", "-1", "Write a port: a whole number up to 65535, or 0 for any free one."),
    ("LOG_FORMAT", "xml", "Write console or json."),
    ("LOG_LEVEL", "loud", "Write DEBUG, INFO, WARNING or ERROR."),
    (
        "SLACK_API_URL",
        "http://slack.com/api/",
        "http:// is accepted on loopback only (127.0.0.1, ::1, localhost). Write https://.",
    ),
    (
        "BOT_STORE",
        "postgres://hush@db",
        "This is no URL of PostgreSQL. Write postgresql://USER@HOST/DATABASE.",
    ),
    ("SLACK_BOT_TOKEN", "xapp-hush", "This is another kind of token. The bot token begins with xoxb-."),
    ("SLACK_APP_TOKEN", "xoxb-hush", "This is another kind of token. The app token begins with xapp-."),
    ("SLACK_BOT_TOKEN", "", "It is not set. Slack shows it under OAuth & Permissions (xoxb-…)."),
]


@pytest.mark.parametrize(("name", "value", "sentence"), VARIABLES)
def test_a_fault_of_a_variable_names_it(folder: Path, name: str, value: str, sentence: str) -> None:
    assert problems(BARE, {**ENVIRON, name: value}) == [f"environment, {name}: {sentence}"]


def test_slack_needs_a_way_to_reach_the_bot(folder: Path) -> None:
    assert problems(BARE, {"SLACK_BOT_TOKEN": "xoxb-hush"}) == [
        (
            "environment, SLACK_APP_TOKEN or SLACK_SIGNING_SECRET: "
            "Neither is set. Set the app token (xapp-…) for Socket Mode, or the signing secret for HTTP."
        )
    ]


def test_every_fault_is_told_at_once_in_the_order_of_the_lines(folder: Path) -> None:
    text = (
        "[slack]\ncomand = 1\n"
        + VALID.replace("env:PAYMENTS_PASSWORD", "hush").replace('"payments"', '"pay"')
        + PROJECT
        + '[[grants]]\nsubject = "alice"\nrole = "boss"\nproject = "web"\n'
        + '[[bindings]]\nchannel = "inc"\nproject = "web"\n'
    )
    told = problems(text, {"PORT": "x"})
    places = [problem.partition(": ")[0] for problem in told]
    assert places == [
        "bot.toml line 2, [slack] comand",
        "bot.toml line 8, [credentials.payments] password",
        "bot.toml line 13, [projects.payments-prod] credentials",
        "bot.toml line 15, [projects.payments-prod]",
        "bot.toml line 20, [[grants]] #1 subject",
        "bot.toml line 21, [[grants]] #1 role",
        "bot.toml line 22, [[grants]] #1 project",
        "bot.toml line 23, [[bindings]] #1",
        "bot.toml line 24, [[bindings]] #1 channel",
        "bot.toml line 25, [[bindings]] #1 project",
        "environment, PORT",
        "environment, SLACK_BOT_TOKEN",
        "environment, SLACK_APP_TOKEN or SLACK_SIGNING_SECRET",
    ]


def test_the_error_reads_as_a_list_under_a_count(folder: Path) -> None:
    Path("bot.toml").write_text("[slack]\nx = 1")
    with pytest.raises(SettingsError) as caught:
        load_settings({**ENVIRON, "PORT": "x"})
    first, *rest = str(caught.value).splitlines()
    assert first == "The configuration has 2 faults:"
    assert rest == [f"  {problem}" for problem in caught.value.problems]


def test_no_secret_is_in_the_error_or_in_its_traceback(folder: Path) -> None:
    Path("bot.toml").write_text(
        CREDENTIALS.replace("env:PAYMENTS_PASSWORD", "hush")
        + '[credentials.shop]\nkind = "access_key"\naccess_key = "env:AK"\nsecret_key = ["hush"]\nsekret = "hush"\n'
    )
    environ = {"SLACK_BOT_TOKEN": "xapp-hush", "SLACK_APP_TOKEN": "xoxb-hush", "AK": "hush", "PORT": "hush"}
    with pytest.raises(SettingsError) as caught:
        load_settings(environ)
    assert "hush" not in "".join(traceback.format_exception(caught.value))


def test_keys_are_found_in_each_way_toml_lets_them_be_written(folder: Path) -> None:
    text = '''# a comment
slack.comand = 1
[projects]
web = { regio = "r", credentials = """
[not.a.header]
""" }
[ "projects" . 'other' ]  # another
"credential s" = [ [ 1 ],
  [ 2 ] ]
grants = 1
[cloud]
watch_hour = 1
'''
    places = {problem.partition(": ")[0] for problem in problems(text)}
    assert {
        "bot.toml line 2, [slack] comand",
        "bot.toml line 4, [projects.web] regio",
        "bot.toml line 4, [projects.web] credentials",
        "bot.toml line 4, [projects.web] region",
        'bot.toml line 8, [projects.other] "credential s"',
        "bot.toml line 10, [projects.other] grants",
        "bot.toml line 12, [cloud] watch_hour",
    } <= places


TABLES = ["slack", "store", "cloud", "credentials", "projects", "grants", "bindings", "web", "vm", "[key]"]
KEYS = ["command", "url", "watch_hours", "kind", "domain", "user", "password", "access_key", "project_id", "region"]
MORE_KEYS = ["channels", "approvals", "subject", "role", "project", "expires", "channel", "server", "disks", "tag"]
NAMES = st.sampled_from([*TABLES, *KEYS, *MORE_KEYS])
SCALARS = (
    st.text(st.characters(exclude_categories=["Cs", "Cc"]))
    | st.sampled_from(
        ["password", "agency", "env:X", "file:x", "user:U1", "*", "web", "viewer", "https://a", "http://["]
    )
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.booleans()
    | st.datetimes()
    | st.dates()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=20
)


def as_toml(value: Any) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{json.dumps(key)} = {as_toml(inner)}" for key, inner in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(as_toml, value)) + "]"
        case date():
            return value.isoformat()
        case str():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return str(value).lower()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables=st.dictionaries(NAMES, VALUES, max_size=6))
def test_no_tables_break_the_reader(folder: Path, tables: dict[str, Any]) -> None:
    text = "".join(f"{json.dumps(key)} = {as_toml(value)}\n" for key, value in tables.items())
    assert all("This is not TOML" not in problem for problem in problems(text, {}))


LINES = st.sampled_from(
    [
        *VALID.splitlines(),
        "[[grants]]",
        "[grants]",
        "[projects.web]",
        "[projects]",
        "x = [",
        "]",
        '"""',
        "a.b = 1",
        "[a.b]",
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(LINES | st.text(st.characters(exclude_categories=["Cs"])), max_size=12))
def test_no_text_breaks_the_reader(folder: Path, lines: list[str]) -> None:
    assert problems("\n".join(lines), {})
