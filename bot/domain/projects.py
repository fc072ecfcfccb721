"""Cloud projects under their aliases, and the credentials that open them."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from pydantic import SecretStr

from bot.domain.turns import Places

AT_ONCE = 400
"""Disks of a project in the making at once: the largest quick backup twice, as one person has half of it."""


@dataclass(frozen=True, slots=True)
class PasswordCredentials:
    """An IAM user: POST /v3/auth/tokens. `domain` is the account's name."""

    name: str
    domain: str
    user: str
    password: SecretStr


@dataclass(frozen=True, slots=True)
class AccessKeyCredentials:
    """AK/SK request signing. `security_token` belongs to temporary keys."""

    name: str
    access_key: SecretStr
    secret_key: SecretStr
    security_token: SecretStr | None = None


@dataclass(frozen=True, slots=True)
class AgencyCredentials:
    """Temporary keys from the server's metadata service. `metadata_url` is where that service answers."""

    name: str
    metadata_url: str = "http://169.254.169.254"


Credentials = PasswordCredentials | AccessKeyCredentials | AgencyCredentials


@dataclass(frozen=True, slots=True)
class Project:
    """A cloud project as people name it (`alias`) and as the cloud does (`project_id`, 32 hex digits).

    `channels`: Slack channel ids it may be used from, empty for any. `api_channel`: where requests of programs stand
    that name no channel. `approvals`: how many others must agree;
    `break_glass`: an operator may run without them, with a reason, and a person reviews it afterwards.
    `notify_approvers`: those who may approve are mentioned where a request waits for them.
    `daily_limit`: disks per person and UTC day, None for no limit. `native_retention`: send `retention_days`.
    `at_once`: disks in the making at once; `at_once_each`: of one person, None for half of them.
    `ecs_endpoint`: where names of servers are asked.
    `external_channels`: its names may be read in channels shared with another organisation.
    `restore`: snapshots may become disks again. `verify_days`: the newest restore point of each bound disk is proven so
    often, None for never; `verify_gib`: of disks up to this size.
    `console_url`: the console's page of a disk, with `{disk_id}` for its id; empty for no links.
    """

    alias: str
    project_id: str
    region: str
    credentials: str
    evs_endpoint: str
    ecs_endpoint: str
    iam_endpoint: str
    enterprise_project_id: str | None = None
    channels: tuple[str, ...] = ()
    api_channel: str = ""
    approvals: int = 0
    break_glass: bool = False
    notify_approvers: bool = False
    daily_limit: int | None = None
    at_once: int = AT_ONCE
    at_once_each: int | None = None
    native_retention: bool = False
    external_channels: bool = False
    restore: bool = False
    verify_days: int | None = None
    verify_gib: int = 1024
    console_url: str = ""

    @property
    def places(self) -> Places:
        return Places(self.at_once, self.at_once_each or max(self.at_once // 2, 1))

    def console_page(self, disk_id: str) -> str | None:
        return self.console_url.replace("{disk_id}", quote(disk_id, safe="")) or None
