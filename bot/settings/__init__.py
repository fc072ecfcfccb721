"""Settings: the one reader of the environment, and of bot.toml."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from pydantic import SecretStr

from bot.domain.bindings import Binding
from bot.domain.projects import AccessKeyCredentials, AgencyCredentials, Credentials, PasswordCredentials, Project
from bot.domain.roles import Grant, SubjectKind
from bot.domain.shipping import ShipTo
from bot.domain.store_urls import PostgresUrl, StoreUrl
from bot.settings import checks
from bot.settings.configfile import read_config, read_grants, read_rights, read_secret_files, read_store_url
from bot.settings.configuration_errors import ConfigurationError, InvalidValue, SettingsError
from bot.settings.environment import Environment, LogFormat, LogLevel, read_environment, read_store
from bot.settings.tables import (
    AccessKeyTable,
    AgencyTable,
    BindingTable,
    CloudTable,
    ConfigFile,
    GrantTable,
    PasswordTable,
    ProjectTable,
    StoreTable,
)

__all__ = [
    "CloudSettings",
    "Fault",
    "LogFormat",
    "LogLevel",
    "Settings",
    "SettingsError",
    "SlackSettings",
    "StoreSettings",
    "load_grants",
    "load_settings",
    "load_store",
    "secret_files",
]


@dataclass(frozen=True, slots=True)
class SlackSettings:
    """`api_url` ends with a slash. With `app_token` the bot uses Socket Mode, else HTTP and `signing_secret`.

    `offer_channels` is the pattern of new channels' names that get a card; None: none does.
    """

    command: str
    offer_channels: str | None
    bot_token: SecretStr | None
    app_token: SecretStr | None
    signing_secret: SecretStr | None
    api_url: str


@dataclass(frozen=True, slots=True)
class CloudSettings:
    """How patient the bot is with the cloud; all in seconds, whatever unit bot.toml has.

    `reconcile_s`: how long to look for a snapshot after an uncertain create. `busy_retry_s`: first wait for a busy
    disk, doubling to 60. `busy_deadline_s`: then the item has failed. `watch_s`: then a running job is unknown.
    """

    reconcile_s: float
    busy_retry_s: float
    busy_deadline_s: float
    watch_s: float


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Where programs may ask; port 0 is any free one."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything configured, checked. `store`: a file may be relative to the working directory.

    `audit_channel`: where the head of the audit trail is posted daily. `audit_match_days`: how often rows are held
    against the cloud; 0: never. `audit_ship`: where rows are handed to, and
    `audit_ship_ca` whose certificates count there, if not those that the machine knows. `open_requests`: of one person
    at a time.
    `api`: None, programs have no entry. `tokens` are what they show there, by name.

    `port` and `admin_port` may be 0, for any free one. `credentials` are by name, `projects` by alias; each project's
    `credentials` is a key of the former. No secret shows in the repr.
    """

    config_path: Path
    slack: SlackSettings
    store: StoreUrl
    cloud: CloudSettings
    open_requests: int
    audit_channel: str | None
    audit_match_days: int
    audit_ship: ShipTo | None
    audit_ship_ca: Path | None
    api: ApiSettings | None
    tokens: dict[str, SecretStr]
    credentials: dict[str, Credentials]
    projects: dict[str, Project]
    grants: tuple[Grant, ...]
    bindings: tuple[Binding, ...]
    host: str
    port: int
    admin_host: str
    admin_port: int
    log_format: LogFormat
    log_level: LogLevel

    def secrets(self) -> tuple[str, ...]:
        """Every configured secret in the clear, for what must recognise and hide them."""
        slack = [self.slack.bot_token, self.slack.app_token, self.slack.signing_secret]
        cloud = [secret for credentials in self.credentials.values() for secret in _secrets_of(credentials)]
        store = self.store.secrets() if isinstance(self.store, PostgresUrl) else []
        every = [*slack, *cloud, *store, *self.tokens.values()]
        return tuple(secret.get_secret_value() for secret in every if secret is not None)


def _secrets_of(credentials: Credentials) -> list[SecretStr | None]:
    match credentials:
        case PasswordCredentials():
            return [credentials.password]
        case AccessKeyCredentials():
            return [credentials.access_key, credentials.secret_key, credentials.security_token]
        case AgencyCredentials():
            return []


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """For commands that look at the store alone. `projects` and `grants` are those of bot.toml, where asked for."""

    store: StoreUrl
    projects: dict[str, Project]
    grants: tuple[Grant, ...]


def load_settings(environ: Mapping[str, str], config: Path | None = None) -> Settings:
    """Read the configuration once: `config`, else BOT_CONFIG, else bot.toml, and the variables.

    Raises SettingsError, and nothing else, with every problem at once.
    """
    path = _config_path(environ, config)
    problems: list[ConfigurationError] = []
    file = read_config(path, environ, problems)
    environment = read_environment(environ, problems)
    if file is None or environment is None or problems:
        raise SettingsError(problems)
    return _settings(path, file, environment)


def load_store(environ: Mapping[str, str], config: Path | None = None, *, rights: bool = False) -> StoreSettings:
    """Where the store is: BOT_STORE, else what the file says, else the default; no secret, no token, and no other table
    is looked at. With `rights` the projects and grants of the file are read as well. A file that was not named may be
    missing. Raises SettingsError.
    """
    problems: list[ConfigurationError] = []
    path, store = _config_path(environ, config), read_store(environ, problems)
    named = config is not None or bool(environ.get("BOT_CONFIG"))
    there = named or path.exists()
    if store is None and not problems:
        url = read_store_url(path, problems) if there else None
        try:
            store = checks.store_url(url) if url else StoreTable().url
        except InvalidValue as invalid:
            problems.append(ConfigurationError(str(path), None, "[store] url", str(invalid)))
    file = read_rights(path, problems) if rights and there and not problems else None
    if store is None or problems:
        raise SettingsError(problems)
    projects = {alias: _project(alias, table) for alias, table in file.projects.items()} if file else {}
    return StoreSettings(store, projects, tuple(_grant(table) for table in file.grants) if file else ())


def secret_files(settings: Settings) -> list[tuple[str, Path]]:
    """Each secret that stands in a file: its place in bot.toml, and the file."""
    return read_secret_files(settings.config_path)


def _config_path(environ: Mapping[str, str], config: Path | None) -> Path:
    return config or Path(environ.get("BOT_CONFIG") or "bot.toml")


def load_grants(path: Path, projects: Collection[str]) -> list[Grant]:
    """Read a file of grants for projects of these aliases. Raises SettingsError with every problem at once."""
    problems: list[ConfigurationError] = []
    tables = read_grants(path, projects, problems)
    if problems:
        raise SettingsError(problems)
    return [_grant(table) for table in tables]


def _settings(path: Path, file: ConfigFile, environment: Environment) -> Settings:
    return Settings(
        config_path=path,
        slack=SlackSettings(
            command=file.slack.command,
            offer_channels=file.slack.offer_channels,
            bot_token=environment.bot_token,
            app_token=environment.app_token,
            signing_secret=environment.signing_secret,
            api_url=environment.api_url,
        ),
        store=_store(environment.store or file.store.url, environment),
        cloud=_cloud(file.cloud),
        open_requests=file.limits.open_requests,
        audit_channel=file.audit.channel,
        audit_match_days=file.audit.match_days,
        audit_ship=file.audit.ship,
        audit_ship_ca=file.audit.ship_ca,
        api=None if file.api is None else ApiSettings(*file.api.listen),
        tokens={name: table.secret for name, table in file.tokens.items()},
        credentials={name: _credentials(name, table) for name, table in file.credentials.items()},
        projects={alias: _project(alias, table) for alias, table in file.projects.items()},
        grants=tuple(_grant(table) for table in file.grants),
        bindings=tuple(_binding(table) for table in file.bindings),
        host=environment.host,
        port=environment.port,
        admin_host=environment.admin_host,
        admin_port=environment.admin_port,
        log_format=environment.log_format,
        log_level=environment.log_level,
    )


def _store(store: StoreUrl, environment: Environment) -> StoreUrl:
    return store if isinstance(store, Path) else replace(store, other_password=environment.store_password)


def _cloud(table: CloudTable) -> CloudSettings:
    return CloudSettings(
        reconcile_s=table.reconcile_seconds,
        busy_retry_s=table.busy_retry_seconds,
        busy_deadline_s=table.busy_deadline_minutes * 60,
        watch_s=table.watch_hours * 3_600,
    )


def _credentials(name: str, table: PasswordTable | AccessKeyTable | AgencyTable) -> Credentials:
    match table:
        case PasswordTable():
            return PasswordCredentials(name, table.domain, table.user, table.password)
        case AccessKeyTable():
            return AccessKeyCredentials(name, table.access_key, table.secret_key, table.security_token)
        case AgencyTable():
            return AgencyCredentials(name, table.metadata_url)


def _project(alias: str, table: ProjectTable) -> Project:
    """Fills in what the file leaves out; all else has one name in both."""
    filled_in = {
        "evs_endpoint": table.evs_endpoint or _default_endpoint("evs", table.region),
        "ecs_endpoint": table.ecs_endpoint or _servers_beside(table.evs_endpoint, table.region),
        "iam_endpoint": table.iam_endpoint or _default_endpoint("iam", table.region),
        "console_url": _console_url(table),
        "channels": tuple(table.channels),
        "api_channel": table.api_channel or "",
    }
    return Project(alias=alias, **{**dict(table), **filled_in})


def _console_url(table: ProjectTable) -> str:
    """The international console's page of a disk, unless the file says another, or "" for none.

    Patterns seen in public programs; Huawei Cloud documents none, and Europe and partners have hosts of their own.
    """
    if table.console_url is not None:
        return table.console_url.replace("{region}", table.region)
    if _in_ireland(table.region):
        return ""
    host = "console.huaweicloud.com" if table.region.startswith("cn-") else "console-intl.huaweicloud.com"
    return f"https://{host}/ecm/?region={table.region}&locale=en-us#/evs/manager/volumelist/detail?volumeid={{disk_id}}"


def _default_endpoint(service: str, region: str) -> str:
    """Source: Huawei Cloud SDK and Terraform provider; Ireland (eu-west-1…) has the European domain."""
    domain = "myhuaweicloud.eu" if _in_ireland(region) else "myhuaweicloud.com"
    return f"https://{service}.{region}.{domain}"


def _servers_beside(evs_endpoint: str | None, region: str) -> str:
    """Where ECS is when the file does not say: by EVS's own name beside it (`evs.` becomes `ecs.`); any other address
    is taken for a gateway to both. So nothing is ever sent to a host that the file does not lead to.
    """
    if evs_endpoint is None:
        return _default_endpoint("ecs", region)
    scheme, _, rest = evs_endpoint.partition("://")
    return f"{scheme}://ecs.{rest.removeprefix('evs.')}" if rest.startswith("evs.") else evs_endpoint


def _in_ireland(region: str) -> bool:
    return region.startswith("eu-west-1")


def _grant(table: GrantTable) -> Grant:
    kind, _, subject_id = table.subject.partition(":")
    return Grant(cast(SubjectKind, kind), subject_id, table.role, table.project, table.expires)


def _binding(table: BindingTable) -> Binding:
    return Binding(**{**dict(table), "disks": tuple(table.disks or ())})
