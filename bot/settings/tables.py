"""The shape of bot.toml. The examples of a field are TOML, for the sentence that says what to write instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    SecretStr,
)
from pydantic import ValidationInfo as Info
from pydantic_core import PydanticKnownError

from bot.domain.normalise import caseless
from bot.domain.projects import AT_ONCE
from bot.domain.restoring.new_disks import DISK_GIB
from bot.domain.roles import ROLE_NAMES, TOKEN_ROLES, Role
from bot.domain.shipping import ShipTo
from bot.domain.snapshots import RETENTION_DAYS
from bot.domain.store_urls import StoreUrl
from bot.settings import checks
from bot.settings.configuration_errors import InvalidValue, nearest
from bot.settings.toml import place_name


@dataclass(frozen=True, slots=True)
class Around:
    """Names that a field may refer to: variables, and those that the same file declares."""

    environ: Mapping[str, str]
    credentials: Sequence[str]
    projects: Sequence[str]


def _between(low: float, high: float) -> AfterValidator:
    def check(value: float) -> float:
        if not low <= value <= high:
            raise InvalidValue(f"Write a number from {low:,} to {high:,}; here stands {value:,.10g}.")
        return value

    return AfterValidator(check)


def _from_text(read: Callable[[str], Any]) -> BeforeValidator:
    """Leaves what is not text to the type's own check, which says so."""
    return BeforeValidator(lambda value: read(value) if isinstance(value, str) else value)


def _store_url(value: object) -> StoreUrl:
    if not isinstance(value, str):
        raise PydanticKnownError("string_type")
    return checks.store_url(value)


def _ship_to(value: object) -> ShipTo | object:
    return checks.ship_to(value) if isinstance(value, str) else value


def _readable_file(value: object) -> object:
    return checks.readable_file(value) if isinstance(value, str) else value


def _around(info: Info) -> Around:
    assert isinstance(info.context, Around)
    return info.context


def _resolve_secret(value: object, info: Info) -> object:
    return checks.secret(value, _around(info).environ) if isinstance(value, str) else value


def _known_credentials(name: str, info: Info) -> str:
    known = _around(info).credentials
    if name not in known:
        raise InvalidValue(f"There is no {place_name(('credentials', name))}. {nearest(name, known)}")
    return name


def _known_project(alias: str, info: Info) -> str:
    known = _around(info).projects
    if caseless(alias) not in known:
        raise InvalidValue(f"There is no {place_name(('projects', alias))}. {nearest(alias, known)}")
    return caseless(alias)


def _known_project_or_all(alias: str, info: Info) -> str:
    return alias if alias == "*" else _known_project(alias, info)


def _role(text: str) -> Role:
    if text not in ROLE_NAMES:
        raise InvalidValue(f"There is no such role. {nearest(text, [*Role])}")
    return Role(text)


def _some(values: list[str]) -> list[str]:
    if not values:
        raise InvalidValue("The list is empty. Write at least one entry, or leave the line out.")
    return values


Secret = Annotated[SecretStr, BeforeValidator(_resolve_secret)]
Text = Annotated[str, AfterValidator(checks.filled)]
Alias = Annotated[str, AfterValidator(checks.alias)]
TokenName = Annotated[str, AfterValidator(checks.token_name)]
Channel = Annotated[str, AfterValidator(checks.channel)]
Endpoint = Annotated[str, AfterValidator(checks.endpoint)]
ConsoleUrl = Annotated[str, AfterValidator(checks.console_url)]


class Table(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class SlackTable(Table):
    command: Annotated[str, AfterValidator(checks.command)] = Field("/snapshot", examples=['"/snapshot"'])
    offer_channels: Annotated[str, AfterValidator(checks.channel_pattern)] | None = Field(None, examples=['"inc-*"'])


class StoreTable(Table):
    url: Annotated[StoreUrl, PlainValidator(_store_url)] = Field(
        Path("snapshot-bot.db"), examples=['"sqlite:///snapshot-bot.db"']
    )


class CloudTable(Table):
    reconcile_seconds: Annotated[float, _between(0.01, 3_600)] = Field(60, examples=["60"])
    busy_retry_seconds: Annotated[float, _between(0.01, 60)] = Field(10, examples=["10"])
    busy_deadline_minutes: Annotated[float, _between(0.01, 1_440)] = Field(30, examples=["30"])
    watch_hours: Annotated[float, _between(0.01, 720)] = Field(24, examples=["24"])


class LimitsTable(Table):
    open_requests: Annotated[int, _between(1, 100_000)] = Field(100, examples=["100"])


class AuditTable(Table):
    channel: Channel | None = Field(None, examples=['"C0SECURITY"'])
    ship: Annotated[ShipTo, BeforeValidator(_ship_to)] | None = Field(
        None, examples=['"file:/var/log/snapshot-bot/audit.jsonl"']
    )
    match_days: Annotated[int, _between(0, 90)] = Field(7, examples=["7"])
    ship_ca: Annotated[Path, BeforeValidator(_readable_file)] | None = Field(None, examples=['"/etc/ssl/log-ca.pem"'])


def _listen(value: object) -> tuple[str, int]:
    if not isinstance(value, str):
        raise PydanticKnownError("string_type")
    return checks.listen(value)


class ApiTable(Table):
    listen: Annotated[tuple[str, int], PlainValidator(_listen)] = Field(examples=['"127.0.0.1:8080"'])


class TokenTable(Table):
    secret: Annotated[Secret, AfterValidator(checks.token_secret)] = Field(examples=['"env:DEPLOY_TOKEN"'])


class PasswordTable(Table):
    kind: Literal["password"]
    domain: Text = Field(examples=['"ACME"'])
    user: Text = Field(examples=['"snapshot-bot"'])
    password: Secret = Field(examples=['"env:PAYMENTS_PASSWORD"'])


class AccessKeyTable(Table):
    kind: Literal["access_key"]
    access_key: Secret = Field(examples=['"env:SHOP_AK"'])
    secret_key: Secret = Field(examples=['"file:/run/secrets/shop_sk"'])
    security_token: Secret | None = Field(None, examples=['"env:SHOP_SECURITY_TOKEN"'])


class AgencyTable(Table):
    kind: Literal["agency"]
    metadata_url: Annotated[str, AfterValidator(checks.metadata_address)] = Field(
        "http://169.254.169.254", examples=['"http://169.254.169.254"']
    )


def _where_restored(days: int, info: Info) -> int:
    if not info.data.get("restore"):
        raise InvalidValue("It needs restore = true beside it: a test disk is made of the snapshot, and deleted again.")
    return days


class ProjectTable(Table):
    project_id: Annotated[str, AfterValidator(checks.project_id)] = Field(
        examples=['"0123456789abcdef0123456789abcdef"']
    )
    region: Annotated[str, AfterValidator(checks.region)] = Field(examples=['"ap-southeast-3"'])
    credentials: Annotated[str, AfterValidator(_known_credentials)] = Field(examples=['"payments"'])
    enterprise_project_id: Annotated[str, AfterValidator(checks.enterprise_project)] | None = Field(
        None, examples=['"0"']
    )
    evs_endpoint: Endpoint | None = Field(None, examples=['"https://evs.ap-southeast-3.myhuaweicloud.com"'])
    ecs_endpoint: Endpoint | None = Field(None, examples=['"https://ecs.ap-southeast-3.myhuaweicloud.com"'])
    iam_endpoint: Endpoint | None = Field(None, examples=['"https://iam.ap-southeast-3.myhuaweicloud.com"'])
    console_url: ConsoleUrl | None = Field(None, examples=['"https://console.example.com/evs?id={disk_id}"'])
    channels: list[Channel] = Field([], examples=['["C0PAYINC01"]'])
    api_channel: Channel | None = Field(None, examples=['"C0PAYINC01"'])
    approvals: Annotated[int, _between(0, 10)] = Field(0, examples=["0"])
    break_glass: bool = Field(False, examples=["false"])
    notify_approvers: bool = Field(False, examples=["false"])
    daily_limit: Annotated[int, _between(1, 100_000)] | None = Field(None, examples=["50"])
    at_once: Annotated[int, _between(1, 100_000)] = Field(AT_ONCE, examples=["400"])
    at_once_each: Annotated[int, _between(1, 100_000)] | None = Field(None, examples=["200"])
    native_retention: bool = Field(False, examples=["false"])
    external_channels: bool = Field(False, examples=["false"])
    restore: bool = Field(False, examples=["false"])
    verify_days: Annotated[int, _between(1, 365), AfterValidator(_where_restored)] | None = Field(None, examples=["7"])
    verify_gib: Annotated[int, _between(DISK_GIB[0], DISK_GIB[-1])] = Field(1024, examples=["1024"])


def _token_may(role: Role, info: Info) -> Role:
    subject = str(info.data.get("subject", ""))
    if subject.startswith("token:") and role not in TOKEN_ROLES:
        raise InvalidValue(f"A token may be {' or '.join(TOKEN_ROLES)} and nothing more.")
    return role


class GrantTable(Table):
    subject: Annotated[str, AfterValidator(checks.subject)] = Field(examples=['"user:U0ALICE001"'])
    role: Annotated[Role, _from_text(_role), AfterValidator(_token_may)] = Field(examples=['"operator"'])
    project: Annotated[str, AfterValidator(_known_project_or_all)] = Field(examples=['"payments-prod"'])
    expires: AwareDatetime | None = Field(None, examples=["2026-12-31T00:00:00Z"])


class BindingTable(Table):
    channel: Channel = Field(examples=['"C0PAYINC01"'])
    project: Annotated[str, AfterValidator(_known_project)] = Field(examples=['"payments-prod"'])
    server: Text | None = Field(None, examples=['"web-01"'])
    server_id: Text | None = Field(None, examples=['"5c3d0f52-…"'])
    tag: Annotated[str, AfterValidator(checks.tag)] | None = Field(None, examples=['"tier:prod"'])
    disks: Annotated[list[Text], AfterValidator(_some)] | None = Field(None, examples=['["web-01-data"]'])
    keep_days: Annotated[int, _between(RETENTION_DAYS[0], RETENTION_DAYS[-1])] | None = Field(None, examples=["7"])
    confirm: bool = Field(True, examples=["true"])
    reason: Annotated[str, AfterValidator(checks.reason)] | None = Field(None, examples=['"incident backup"'])


CredentialsTable = Annotated[PasswordTable | AccessKeyTable | AgencyTable, Field(discriminator="kind")]


class ConfigFile(Table):
    slack: SlackTable = SlackTable()
    store: StoreTable = StoreTable()
    cloud: CloudTable = CloudTable()
    limits: LimitsTable = LimitsTable()
    audit: AuditTable = AuditTable()
    api: ApiTable | None = None
    tokens: dict[TokenName, TokenTable] = {}
    credentials: dict[Text, CredentialsTable] = {}
    projects: dict[Alias, ProjectTable] = {}
    grants: list[GrantTable] = []
    bindings: list[BindingTable] = []


CREDENTIALS: Mapping[str, type[Table]] = {
    "password": PasswordTable,
    "access_key": AccessKeyTable,
    "agency": AgencyTable,
}
"""Credential tables by their `kind`."""

TABLES: Mapping[str, type[Table]] = {
    "slack": SlackTable,
    "store": StoreTable,
    "cloud": CloudTable,
    "limits": LimitsTable,
    "api": ApiTable,
    "tokens": TokenTable,
    "projects": ProjectTable,
    "grants": GrantTable,
    "bindings": BindingTable,
}

SELECTORS = ("server", "server_id", "tag", "disks")
"""A binding has exactly one of them."""
