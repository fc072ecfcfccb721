"""Both simulators side by side, and the configuration that points a bot at them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.simulator.bot_config import config_text
from bot.simulator.cloud import CloudSimulator, CloudWorld
from bot.simulator.workspace import WorkspaceSimulator, WorkspaceWorld

_CONFIG = """\
# Points the bot at the two simulators. Everything in it is invented.
[cloud]
reconcile_seconds = {reconcile_seconds}
busy_retry_seconds = {busy_retry_seconds}

[credentials.payments]
kind = "password"
domain = "ACME"
user = "snapshot-bot"
password = "env:SIM_IAM_PASSWORD"

[credentials.shop]
kind = "access_key"
access_key = "env:SIM_ACCESS_KEY"
secret_key = "env:SIM_SECRET_KEY"

[projects.payments-prod]
project_id = "0123456789abcdef0123456789abcdef"
region = "ap-southeast-3"
credentials = "payments"
evs_endpoint = "{cloud}"
ecs_endpoint = "{servers}"
iam_endpoint = "{cloud}"
console_url = ""                # nothing simulated has a page in a console

[projects.shop]
project_id = "5a0b5a0b5a0b5a0b5a0b5a0b5a0b5a0b"
region = "ap-southeast-3"
credentials = "shop"
evs_endpoint = "{cloud}"
ecs_endpoint = "{servers}"
iam_endpoint = "{cloud}"
console_url = ""

[projects.legacy]
project_id = "1e9ac71e9ac71e9ac71e9ac71e9ac700"
region = "eu-west-0"
credentials = "payments"
evs_endpoint = "{cloud}"
ecs_endpoint = "{servers}"
iam_endpoint = "{cloud}"
console_url = ""

[[grants]]                      # alice may do everything in payments-prod
subject = "user:U0ALICE001"
role = "admin"
project = "payments-prod"

[[grants]]                      # the group @oncall (bob) may snapshot there
subject = "group:S0ONCALL02"
role = "operator"
project = "payments-prod"

[[grants]]                      # bob may snapshot in two more projects
subject = "user:U0BOB00002"
role = "operator"
project = "shop"

[[grants]]
subject = "user:U0BOB00002"
role = "operator"
project = "legacy"

[[bindings]]                    # what #inc-demo is about
channel = "C0INCDEMO1"
project = "payments-prod"
server = "web-01"
"""


PARTS = frozenset({"bot", "cloud", "story", "workspace"})
"""Of a described world."""


class PortTaken(Exception):
    """A simulator can't listen where it was told to."""

    def __init__(self, port: int, why: OSError) -> None:
        super().__init__(port, why)
        self.port = port
        self.why = why


class Setting:
    """A cloud and a workspace on loopback ports. `directory` takes the bot's configuration and store.

    What the app is granted: `manifest`, as Slack reads one, or `scopes` with everything else allowed.
    """

    def __init__(
        self,
        directory: Path,
        *,
        scopes: Iterable[str] | None = None,
        manifest: Mapping[str, Any] | None = None,
        world: Mapping[str, Any] | None = None,
        reconcile_seconds: float = 60,
        busy_retry_seconds: float = 10,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        world = world or {}
        cloud_world = CloudWorld.from_dict(world["cloud"]) if "cloud" in world else None
        slack_world = WorkspaceWorld.from_dict(world["workspace"]) if "workspace" in world else None
        self.directory = directory
        self.cloud = CloudSimulator(cloud_world, now=now)
        self.workspace = WorkspaceSimulator(slack_world, scopes=scopes, manifest=manifest, now=now)
        self._described = world.get("bot")
        self._patience = {"reconcile_seconds": reconcile_seconds, "busy_retry_seconds": busy_retry_seconds}

    async def start(self, *, slack_port: int = 0, cloud_port: int = 0) -> None:
        """Raises PortTaken, with neither of them started."""
        for simulator, port in ((self.cloud, cloud_port), (self.workspace, slack_port)):
            try:
                await simulator.start(port)
            except OSError as exc:
                await self.stop()
                raise PortTaken(port, exc) from None
        (self.directory / "bot.toml").write_text(self._config(), encoding="utf-8")

    async def stop(self) -> None:
        await self.workspace.stop()
        await self.cloud.stop()

    def _config(self) -> str:
        addresses = {"cloud": self.cloud.url, "servers": self.cloud.ecs_url}
        if self._described is None:
            return _CONFIG.format(**addresses, **self._patience)
        return config_text({"cloud": self._patience, **self._described}, **addresses)

    def environment(self, *, socket_mode: bool = True) -> dict[str, str]:
        """The variables that point `snapshot-bot run` here."""
        slack = {"SLACK_APP_TOKEN": self.workspace.app_token} if socket_mode else {}
        return {
            "SLACK_API_URL": self.workspace.api_url,
            "SLACK_BOT_TOKEN": self.workspace.bot_token,
            **slack,
            "SLACK_SIGNING_SECRET": self.workspace.signing_secret,
            "BOT_CONFIG": str(self.directory / "bot.toml"),
            "BOT_STORE": f"sqlite:///{self.directory / 'snapshot-bot.db'}",
            "SIM_IAM_PASSWORD": "sim-password-not-a-secret",
            "SIM_ACCESS_KEY": "SIMAK000000000000001",
            "SIM_SECRET_KEY": "sim-sk-not-a-secret-000000000000000000001",
        }


def read_world(path: Path) -> dict[str, Any]:
    """A world file: JSON with `cloud`, `workspace`, `bot` (the tables of its bot.toml) and `story`, each optional.

    Raises ValueError with what is wrong.
    """
    try:
        world = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise ValueError(f"{path} can't be read as JSON: {exc}") from None
    if not isinstance(world, dict) or set(world) - PARTS:
        raise ValueError(f"{path} should hold an object with the keys {', '.join(sorted(PARTS))}, and no others.")
    return world
