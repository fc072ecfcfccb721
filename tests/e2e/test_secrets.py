"""Recognisable secrets go in, everything that can go wrong does, and nothing that comes out may hold one of them.

The bot is a process of its own, as talkative as it can be. What came out is everything it wrote to its log, said or
answered in Slack, and left in its store, byte by byte.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.clock import SystemClock
from bot.ports.lookups import Filters
from bot.simulator.setting import Setting
from bot.simulator.workspace import CommandOutcome, Message, delivery
from bot.simulator.workspace.sockets import Sockets
from bot.simulator.workspace.tickets import ResponseUrls
from bot.slack.client.scopes import SCOPES
from bot.store.sqlite.database import SqliteDatabase
from bot.store.store import Store
from tests.e2e.street import BotProcess

# The word in the middle of each is what is looked for: letters and digits look the same however the rest is escaped.
BOT_TOKEN = "xoxb-1200045678-SeedBotTokenQ7fK2"
APP_TOKEN = "xapp-1-A0SNAPAPP1-SeedAppTokenW8gL3"
SIGNING_SECRET = "SeedSigningSecretE9hM4"
PASSWORD = 'p"w\\+/=&%<ö> SeedPasswordR1jN5'
ACCESS_KEY = "SEEDACCESSKEYT2KP"
SECRET_KEY = "SeedSecretKeyY3mQ6+/plus"
SECURITY_TOKEN = "gQpj+/SeedSecurityTokenU4nR7=="
WORDS = {
    "bot token": "SeedBotTokenQ7fK2",
    "app token": "SeedAppTokenW8gL3",
    "signing secret": SIGNING_SECRET,
    "password": "SeedPasswordR1jN5",
    "access key": ACCESS_KEY,
    "secret key": "SeedSecretKeyY3mQ6",
    "security token": "SeedSecurityTokenU4nR7",
}
SIGNATURES = re.compile(rb"(?i)signature[\"'=: ]{1,6}(?:v0=)?[0-9a-f]{32}|v0=[0-9a-f]{32}")

VM = """
[credentials.vm]
kind = "agency"
metadata_url = "{cloud}"
"""


@dataclass
class HandedOut:
    """Secrets that the simulators make up while they run."""

    response_urls: list[str] = field(default_factory=list)
    socket_addresses: list[str] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)


@dataclass
class Hearing:
    """Everything said in Slack: every message in every rendering, and every acknowledgement."""

    said: list[str] = field(default_factory=list)

    def on_change(self, message: Message, kind: str) -> None:
        self.said.append(json.dumps(asdict(message), ensure_ascii=False, default=str))


@dataclass
class Stage:
    """Both simulators with the seeded secrets, and a bot outside that is given them."""

    setting: Setting
    bot: BotProcess
    hearing: Hearing
    handed_out: HandedOut

    @property
    def cloud(self) -> Any:
        return self.setting.cloud

    @property
    def slack(self) -> Any:
        return self.setting.workspace

    async def start(self) -> None:
        await self.bot.start()
        if "SLACK_APP_TOKEN" not in self.bot.environment:
            found = await self.written(r'listening for slack over HTTP.*?port"?[=:] ?(\d+)')
            self.slack.request_url = f"http://127.0.0.1:{found[1]}/slack/events"
        await self.slack.wait_for_bot(timeout=20)

    async def say(self, text: str, person: str = "alice", channel: str = "#inc-demo") -> CommandOutcome:
        outcome: CommandOutcome = await self.slack.command(person, channel, text)
        self.hearing.said.append(json.dumps([outcome.ack, outcome.text, outcome.error], ensure_ascii=False))
        return outcome

    async def written(self, pattern: str, timeout: float = 20) -> re.Match[str]:
        """Wait for a line in the bot's log."""
        async with asyncio.timeout(timeout):
            while not (found := re.search(pattern, self.bot.text())):
                await asyncio.sleep(0.05)
        return found

    async def all_ended(self, timeout: float = 30) -> dict[str, str]:
        """Wait until every request ended; answers the state of each request and item."""
        database = SqliteDatabase(self.setting.directory / "snapshot-bot.db")
        await database.open()
        try:
            async with asyncio.timeout(timeout):
                while True:
                    found = await Store(database, SystemClock()).recent(Filters(limit=1_000))
                    if all(request.ended_at for request, _ in found):
                        break
                    await asyncio.sleep(0.1)
        finally:
            await database.close()
        return {
            **{request.text.split()[1]: str(request.state) for request, _ in found},
            **{item.disk.name: str(item.state) for _, items in found for item in items},
        }

    def came_out(self) -> dict[str, bytes]:
        """All that may hold no secret, by where it was found."""
        files = {
            f"{file.name}, byte by byte": file.read_bytes()
            for file in self.setting.directory.iterdir()
            if file.name not in ("bot.toml", "snapshot-bot.db.lock")
        }
        spoken = {"what was said in Slack": "\n".join(self.hearing.said).encode()}
        journal = {"what Slack was sent": json.dumps(self.slack.journal, ensure_ascii=False, default=str).encode()}
        return {**files, **spoken, **journal}

    def secrets(self) -> dict[str, str]:
        temporary = [key for key in self.cloud.world.access_keys if key.security_token and key.access != ACCESS_KEY]
        return {
            **WORDS,
            **{f"IAM token {number}": token for number, token in enumerate(self.cloud.world.tokens)},
            **{f"agency access key {number}": key.access for number, key in enumerate(temporary)},
            **{f"agency secret key {number}": key.secret for number, key in enumerate(temporary)},
            **{f"agency security token {number}": key.security_token for number, key in enumerate(temporary)},
            **{f"response URL {number}": url for number, url in enumerate(self.handed_out.response_urls)},
            **{f"socket address {number}": url for number, url in enumerate(self.handed_out.socket_addresses)},
            **{f"signature {number}": text for number, text in enumerate(self.handed_out.signatures)},
        }


def written_forms(secret: str) -> set[bytes]:
    """A secret as it stands, in hexadecimal, and in Base64 wherever in a longer text it begins; all in lower case."""
    raw = secret.encode()
    forms = {raw, raw.hex().encode()}
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + raw).rstrip(b"=")
        end = -1 if (before + len(raw)) % 3 else None
        inner = whole[(0, 2, 3)[before] : end]
        forms |= {inner, inner.translate(bytes.maketrans(b"+/", b"-_"))}
    return {form.lower() for form in forms}


def leaks(secrets: dict[str, str], outputs: dict[str, bytes]) -> list[str]:
    found = []
    for where, content in outputs.items():
        searched = content.lower()
        for name, secret in secrets.items():
            for form in written_forms(secret):
                if (at := searched.find(form)) >= 0:
                    around = content[max(at - 160, 0) : at + len(form) + 40]
                    found.append(f"{name} in {where}: …{around!r}…")
        if shown := SIGNATURES.search(content):
            found.append(f"a signature in {where}: {shown[0]!r}")
    return found


@asynccontextmanager
async def a_stage(directory: Path, monkeypatch: pytest.MonkeyPatch, **environment: str) -> AsyncIterator[Stage]:
    setting = Setting(directory, scopes=SCOPES, reconcile_seconds=1, busy_retry_seconds=0.2)
    state, world = setting.workspace.state, setting.cloud.world
    state.bot_token, state.app_token, state.signing_secret = BOT_TOKEN, APP_TOKEN, SIGNING_SECRET
    world.users[0].password = PASSWORD
    key = world.access_keys[0]
    key.access, key.secret, key.security_token = ACCESS_KEY, SECRET_KEY, SECURITY_TOKEN
    world.project("legacy").v5_offered = True
    world.timing.min_seconds, world.timing.max_seconds = 0.1, 0.5
    handed_out = HandedOut()
    _overhear(monkeypatch, handed_out)
    await setting.start()
    _point_at_all_three_kinds_of_credentials(directory / "bot.toml", setting.cloud.url)
    hearing = Hearing()
    setting.workspace.on_change(hearing.on_change)
    given = {
        **setting.environment(socket_mode=environment.pop("transport", "socket") == "socket"),
        "ADMIN_PORT": "0",
        "PORT": "0",
        "SIM_IAM_PASSWORD": PASSWORD,
        "SIM_ACCESS_KEY": ACCESS_KEY,
        "SIM_SECRET_KEY": SECRET_KEY,
        "SIM_SECURITY_TOKEN": SECURITY_TOKEN,
        **environment,
    }
    process = BotProcess(given, directory / "bot.log")
    try:
        yield Stage(setting, process, hearing, handed_out)
    finally:
        await process.make_sure_it_ended()
        await setting.stop()


def _overhear(monkeypatch: pytest.MonkeyPatch, handed_out: HandedOut) -> None:
    make_url, make_ticket, make_signature = ResponseUrls.make, Sockets.ticket, delivery.sign

    def url(self: ResponseUrls, user: str, channel: str, source_ts: str = "") -> str:
        path = make_url(self, user, channel, source_ts)
        handed_out.response_urls.append(path.rpartition("/")[2])
        return path

    def ticket(self: Sockets) -> str:
        path = make_ticket(self)
        handed_out.socket_addresses.append(path.partition("ticket=")[2].partition("&")[0])
        return path

    def sign(secret: str, timestamp: str, body: bytes) -> dict[str, str]:
        headers = make_signature(secret, timestamp, body)
        handed_out.signatures.append(headers["X-Slack-Signature"].removeprefix("v0="))
        return headers

    monkeypatch.setattr(ResponseUrls, "make", url)
    monkeypatch.setattr(Sockets, "ticket", ticket)
    monkeypatch.setattr(delivery, "sign", sign)


def _point_at_all_three_kinds_of_credentials(file: Path, cloud: str) -> None:
    text = file.read_text(encoding="utf-8")
    text = text.replace(
        'secret_key = "env:SIM_SECRET_KEY"',
        'secret_key = "env:SIM_SECRET_KEY"\nsecurity_token = "env:SIM_SECURITY_TOKEN"' + VM.format(cloud=cloud),
    )
    before, marker, legacy = text.partition("[projects.legacy]")
    file.write_text(before + marker + legacy.replace('"payments"', '"vm"', 1), encoding="utf-8")


# --- a bad day --------------------------------------------------------------------------------------------------------


async def _what_goes_well(stage: Stage) -> None:
    assert (await stage.say('create web-01-data reason="kernel upgrade"')).ok
    assert (await stage.say("create catalogue project=shop", "bob")).ok
    assert (await stage.say("create old-data project=legacy", "bob")).ok
    for text in ("status", "list", "help", "create", "nonsense 'quoted"):
        await stage.say(text)
    states = await stage.all_ended()
    assert [states[name] for name in ("web-01-data", "catalogue", "old-data")] == ["available"] * 3
    await stage.slack.until(lambda: sum('"receipt"' in text for text in stage.hearing.said) >= 3, 15)


async def _what_is_refused(stage: Stage) -> None:
    for person in ("carol", "gus", "sam"):
        await stage.say("create orders-db project=payments-prod", person)
        await stage.say("status", person)
    await stage.say("create no-such-disk scratch edge-cache broken-index")
    if stage.slack.request_url:
        for kind in ("bad_signature", "stale_signature"):
            stage.slack.fault(kind, method="/snapshot")
            assert not (await stage.say("create web-01-logs")).ok
    else:
        await stage.slack.disconnect_sockets()
        await stage.slack.wait_for_bot(timeout=20)
    await stage.all_ended()


async def _what_the_cloud_does_wrong(stage: Stage) -> None:
    """Some of its errors quote what the call carried, as gateways do."""
    echo = "Not good enough: " + " ".join(stage.cloud.world.tokens)
    signed = f"Get secretKey failed,ak:{ACCESS_KEY},err:{SECURITY_TOKEN} signature={'0123456789abcdef' * 4}"
    trouble: dict[str, tuple[str, dict[str, Any]]] = {
        "orders-db": ("drop_after", {}),
        "orders-db-wal": ("502_after", {}),
        "payload-archive-db": ("html", {"processed": True}),
        "cold-store": ("truncated", {}),
        "spare-disk": ("500_before", {"message": echo}),
        "web-01-logs": ("error", {"status": 400, "code": "EVS.5400", "message": echo}),
        "web-01-system": ("error", {"status": 403, "code": "EVS.5403", "message": echo, "shape": "gateway"}),
        "vault-data": ("job_fail", {}),
    }
    for name, (kind, options) in trouble.items():
        stage.cloud.fault("create_snapshot", kind, volume_id=stage.cloud.world.disk(name).id, **options)
        # Several channels, because Slack takes one message a second in each.
        assert (await stage.say(f"create {name} project=payments-prod", channel="#db-oncall")).ok
    states = await stage.all_ended()
    for name in ("orders-db", "orders-db-wal", "payload-archive-db", "cold-store", "spare-disk"):
        assert states[name] == "available", f"{name} ended {states[name]}"
    assert [states[name] for name in ("web-01-logs", "web-01-system", "vault-data")] == ["failed"] * 3
    for kind in ("html", "drop_before", "empty"):
        stage.cloud.fault("list_volumes", kind)
    stage.cloud.fault("list_volumes", "token_expired")
    stage.cloud.fault("list_snapshots", "500_before", message=echo)
    assert (await stage.say("create web-01-data project=payments-prod", channel="#db-oncall")).ok
    refused = {"status": 400, "code": "EVS.5400", "message": signed}
    stage.cloud.fault("create_snapshot", "error", volume_id=stage.cloud.world.disk("catalogue").id, **refused)
    assert (await stage.say("create catalogue project=shop", "bob", "#db-oncall")).ok
    await stage.all_ended()


async def _what_slack_does_wrong(stage: Stage) -> None:
    stage.slack.fault("error", method="users.info")
    await stage.say("create web-01-data project=payments-prod", "eng01")
    stage.slack.fault("status", method="response_url", times=2)
    await stage.say("create orders-db project=payments-prod", "eng02")
    for kind in ("malformed", "reset_after", "status", "ratelimited"):
        stage.slack.fault(kind, method="chat.postMessage")
    assert (await stage.say("create web-01-data project=payments-prod", channel="#ops")).ok
    assert (await stage.say("create web-01-data project=payments-prod", channel="#random")).ok
    stage.slack.fault("lose_ack", method="/snapshot")
    stage.slack.ack_seconds = 0.5
    await stage.say("create web-01-data project=payments-prod", channel="#ops")
    stage.slack.ack_seconds = 3.0
    await stage.all_ended()


async def _keys_that_stop_working(stage: Stage) -> None:
    stage.cloud.world.users[0].password = "changed meanwhile"
    stage.cloud.world.access_keys[0].secret = "changed meanwhile"
    stage.cloud.world.agency = None
    stage.cloud.fault("list_volumes", "token_expired")
    await stage.say("create web-01-data project=payments-prod")
    await stage.say("create catalogue project=shop", "bob")
    await stage.say("create old-data project=legacy", "bob")
    await stage.written(r"(?s)(credential refused by the cloud.*){2}")
    await stage.all_ended()
    await stage.slack.revoke_token()
    await stage.say("create web-01-data project=payments-prod", "eng03")
    await stage.say("create web-01-data project=payments-prod")
    await stage.all_ended()


@pytest.mark.parametrize(("transport", "log_format"), [("socket", "console"), ("http", "json")])
async def test_no_secret_comes_out_on_a_bad_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, transport: str, log_format: str
) -> None:
    found: dict[str, str] = {}
    async with a_stage(tmp_path, monkeypatch, transport=transport, LOG_FORMAT=log_format, LOG_LEVEL="DEBUG") as stage:
        await stage.start()
        for what_happens in (
            _what_goes_well,
            _what_is_refused,
            _what_the_cloud_does_wrong,
            _what_slack_does_wrong,
            _keys_that_stop_working,
        ):
            await what_happens(stage)
            outputs = stage.came_out()
            assert "snapshot-bot.db-wal, byte by byte" in outputs, "the store should be looked at while it is open"
            found = dict.fromkeys(leaks(stage.secrets(), outputs), what_happens.__name__) | found
        assert await stage.bot.signal(signal.SIGTERM) == 0
        found = dict.fromkeys(leaks(stage.secrets(), stage.came_out()), "it ended") | found
        names = set(stage.secrets())
        assert {"IAM token 0", "agency security token 0", "response URL 9"} <= names
        assert ("socket address 1" if transport == "socket" else "signature 9") in names
        assert "debug" in stage.bot.text(), "it should be at its most talkative"
    assert not found, "\n".join(f"after {what}: {leak}" for leak, what in list(found.items())[:20])


# --- what people type -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("log_format", ["console", "json"])
async def test_what_people_type_is_not_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log_format: str
) -> None:
    typed = {
        "the reason": "TypedReasonI5oS8",
        "a name": "TypedNameO6pT9",
        "a description": "TypedDescriptionP7qU1",
        "a tag": "TypedTagA8rV2",
        "the name of a disk": "TypedDiskS9sW3",
        "a name that no disk has": "TypedNobodyD1tX4",
        "a mistake": "TypedMistakeF2uY5",
    }
    async with a_stage(tmp_path, monkeypatch, LOG_FORMAT=log_format, LOG_LEVEL="INFO") as stage:
        disk = stage.cloud.world.disk("web-01-data")
        stage.cloud.world.put_disk({"id": disk.id, "name": typed["the name of a disk"]})
        await stage.start()
        options = (
            f"name={typed['a name']} description={typed['a description']} "
            f"tags=tier:{typed['a tag']} reason={typed['the reason']}"
        )
        stage.cloud.fault("create_snapshot", "drop_after")
        assert (await stage.say(f"create {typed['the name of a disk']} {options}")).ok
        assert (await stage.say(f"create {typed['a name that no disk has']} {options}")).ok
        await stage.all_ended()
        stage.cloud.fault("create_snapshot", "job_fail")
        assert (await stage.say(f"create {typed['the name of a disk']} {options}")).ok
        await stage.say(f"create {typed['a name that no disk has']} {options}", "carol")
        await stage.say(f"create web-01-logs {typed['a mistake']}={typed['a mistake']}")
        await stage.say(f"status {typed['a mistake']}")
        await stage.say(f"list disk={typed['a mistake']}")
        stage.slack.fault("error", method="chat.postMessage")
        states = await stage.all_ended()
        assert states[typed["the name of a disk"]] in ("available", "failed")
        await stage.slack.until(lambda: any(typed["the reason"] in text for text in stage.hearing.said), 10)
        assert await stage.bot.signal(signal.SIGTERM) == 0
        assert "request finished" in stage.bot.text(), "it should say what it does"
        assert leaks(typed, {"the log": stage.bot.text().encode()}) == []


# --- configuration ----------------------------------------------------------------------------------------------------


def _in_file(old: str, new: str) -> Callable[[Path, dict[str, str]], None]:
    def change(file: Path, environment: dict[str, str]) -> None:
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def _in_environment(**values: str) -> Callable[[Path, dict[str, str]], None]:
    return lambda file, environment: environment.update(values)


ENV_PASSWORD = 'password = "env:SIM_IAM_PASSWORD"'
AWAY = "a password in the address of a store that is away"
"""It may come back by itself."""

MISTAKES = {
    "a literal password": _in_file(ENV_PASSWORD, "password = 'SeedPasswordR1jN5'"),
    "an unfinished string": _in_file(ENV_PASSWORD, 'password = "SeedPasswordR1jN5'),
    "a password without quotes": _in_file(ENV_PASSWORD, "password = SeedPasswordR1jN5"),
    "a list of passwords": _in_file(ENV_PASSWORD, 'password = ["SeedPasswordR1jN5"]'),
    "a password as a key": _in_file(ENV_PASSWORD, 'password = { SeedPasswordR1jN5 = "env:SIM_IAM_PASSWORD" }'),
    "a password in an address": _in_file('evs_endpoint = "http://', 'evs_endpoint = "http://me:SeedPasswordR1jN5@'),
    "tokens in each other's place": _in_environment(SLACK_BOT_TOKEN=APP_TOKEN, SLACK_APP_TOKEN=BOT_TOKEN),
    "a password in Slack's address": _in_environment(SLACK_API_URL="http://me:SeedPasswordR1jN5@127.0.0.1/api/"),
    AWAY: _in_environment(BOT_STORE="postgresql://me:SeedPasswordR1jN5@db/bot"),
    "a secret for a port": _in_environment(PORT=SIGNING_SECRET, LOG_FORMAT=SIGNING_SECRET, LOG_LEVEL=SIGNING_SECRET),
    "a wrong bot token": _in_environment(SLACK_BOT_TOKEN=f"{BOT_TOKEN}-of-yesterday"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
async def test_a_mistake_in_the_configuration_is_told_without_the_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mistake: str
) -> None:
    async with a_stage(tmp_path, monkeypatch, LOG_LEVEL="DEBUG") as stage:
        environment = dict(stage.bot.environment)
        MISTAKES[mistake](tmp_path / "bot.toml", environment)
        stage.bot.environment = environment
        code, said = await stage.bot.run("run")
        assert code == (1 if mistake == AWAY else 2)
        assert "Traceback" not in said
        assert leaks(stage.secrets(), {"what it wrote": said.encode()}) == []


# --- the search itself ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        b"so PASSword was xSeedPasswordR1jN5y",
        base64.b64encode(b"me:SeedPasswordR1jN5"),
        base64.b64encode(b"you:SeedPasswordR1jN5 "),
        base64.urlsafe_b64encode(b"other:SeedPasswordR1jN5?"),
        b"SeedPasswordR1jN5".hex().upper().encode(),
    ],
)
def test_the_search_finds_a_secret_however_it_is_written(written: bytes) -> None:
    assert leaks(WORDS, {"here": b"before " + written + b" after"})
