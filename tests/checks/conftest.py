"""A bot that is well set up against both simulators, for a check to find what is wrong once something is."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.checks.findings import Report, State
from bot.checks.looking import look, refused
from bot.checks.shown import as_text
from bot.clock import SystemClock
from bot.settings import SettingsError, load_settings
from bot.simulator.setting import Setting
from bot.slack.client.scopes import SCOPES

CONFIG = """\
[audit]
channel = "C0OPS00001"

[credentials.payments]
kind = "password"
domain = "ACME"
user = "snapshot-bot"
password = "env:SIM_IAM_PASSWORD"

[credentials.shop]
kind = "access_key"
access_key = "env:SIM_ACCESS_KEY"
secret_key = "file:{folder}/secret-key"

[projects.payments-prod]
project_id = "0123456789abcdef0123456789abcdef"
region = "ap-southeast-3"
credentials = "payments"
evs_endpoint = "{cloud}"
ecs_endpoint = "{servers}"
iam_endpoint = "{cloud}"
channels = ["C0INCDEMO1"]

[projects.shop]
project_id = "5a0b5a0b5a0b5a0b5a0b5a0b5a0b5a0b"
region = "ap-southeast-3"
credentials = "shop"
evs_endpoint = "{cloud}"
ecs_endpoint = "{servers}"
iam_endpoint = "{cloud}"

[[grants]]
subject = "user:U0ALICE001"
role = "admin"
project = "*"

[[grants]]
subject = "group:S0ONCALL02"
role = "operator"
project = "payments-prod"

[[bindings]]
channel = "C0INCDEMO1"
project = "payments-prod"
server = "web-01"
"""


@dataclass
class Scene:
    """`config` and `environment` are the bot's; `ahead`: how far the clocks of Slack and the cloud are."""

    folder: Path
    setting: Setting
    environment: dict[str, str]
    ahead: Callable[[timedelta], None]
    config: str = ""
    after: list[Callable[[], object]] = field(default_factory=list)

    @property
    def cloud(self) -> Any:
        return self.setting.cloud

    @property
    def slack(self) -> Any:
        return self.setting.workspace

    def over_http(self) -> None:
        self.environment["SLACK_SIGNING_SECRET"] = self.slack.signing_secret
        del self.environment["SLACK_APP_TOKEN"]

    def secrets(self) -> list[str]:
        names = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET", "SIM_IAM_PASSWORD", "SIM_ACCESS_KEY")
        kept = (self.folder / "secret-key").read_text()
        return [kept, *(value for name in names if len(value := self.environment.get(name, "")) >= 8)]

    def files(self) -> dict[str, tuple[int, int, bytes]]:
        """Each file with its mode, the moment of its last change, and its bytes; bot.toml is written by the test."""
        found = [path for path in self.folder.rglob("*") if path.is_file() and path.name != "bot.toml"]
        return {
            str(path): (path.stat().st_mode, path.stat().st_mtime_ns, path.read_bytes())
            for path in found
            if not path.name.endswith("-shm")  # of a store that is open elsewhere: readers are counted in it
        }

    async def checked(self) -> Report:
        (self.folder / "bot.toml").write_text(self.config, "utf-8")
        try:
            settings = load_settings(self.environment)
        except SettingsError as exc:
            return refused(exc)
        return await look(settings, SystemClock())

    def lines(self, report: Report) -> list[str]:
        """Those that are not ok, and the last ones; what differs from run to run is named."""
        text = [line for line in as_text(report, str, width=None, coloured=False) if not line.startswith(State.OK)]
        return [self._settled(line) for line in text if line]

    def _settled(self, line: str) -> str:
        line = line.replace(str(self.folder), "FOLDER")
        line = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", line)
        line = re.sub(r"process \d+", "process PID", line)
        line = re.sub(r"is (\d+) s (behind|ahead of)", r"is SECONDS \2", line)
        return re.sub(r"\s{2,}", "  ", line)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """With the modes that a folder of a service has."""
    umask = os.umask(0o022)
    tmp_path.chmod(0o755)
    yield tmp_path
    os.umask(umask)


@pytest.fixture
async def scene(folder: Path) -> AsyncIterator[Scene]:
    """Everything is well."""
    offset = timedelta()

    def now() -> datetime:
        return datetime.now(UTC) + offset

    def ahead(by: timedelta) -> None:
        nonlocal offset
        offset = by

    setting = Setting(folder, scopes=SCOPES, now=now)
    await setting.start()
    environment = setting.environment()
    secret = folder / "secret-key"
    secret.write_text(environment.pop("SIM_SECRET_KEY"))
    secret.chmod(0o600)
    config = CONFIG.format(folder=folder, cloud=setting.cloud.url, servers=setting.cloud.ecs_url)
    made = Scene(folder, setting, environment, ahead, config)
    yield made
    for undo in made.after:
        undone = undo()
        if inspect.isawaitable(undone):
            await undone
    await setting.stop()
