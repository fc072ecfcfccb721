"""The variables of the environment, read in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import SecretStr

from bot.settings import checks
from bot.settings.faults import ConfigurationError, InvalidValue

T = TypeVar("T")
LogFormat = Literal["console", "json"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

_MISTAKEN: Mapping[str, tuple[tuple[str, ...], str]] = {
    "SLACK_BOT_TOKEN": (("xapp-", "xoxp-"), "This is another kind of token. The bot token begins with xoxb-."),
    "SLACK_APP_TOKEN": (("xoxb-", "xoxp-", "xoxe"), "This is another kind of token. The app token begins with xapp-."),
}
"""Beginnings of the tokens that are commonly put into the wrong variable."""


@dataclass(frozen=True, slots=True)
class Environment:
    """`store` is None where BOT_STORE is not set."""

    bot_token: SecretStr | None
    app_token: SecretStr | None
    signing_secret: SecretStr | None
    api_url: str
    store: Path | None
    host: str
    port: int
    admin_host: str
    admin_port: int
    log_format: LogFormat
    log_level: LogLevel


def read_environment(environ: Mapping[str, str], faults: list[ConfigurationError]) -> Environment:
    """Read every variable. What is wrong is added to `faults`, and its default stands in for it."""
    read = _Reader(environ, faults)
    environment = Environment(
        bot_token=read.secret("SLACK_BOT_TOKEN"),
        app_token=read.secret("SLACK_APP_TOKEN"),
        signing_secret=read.secret("SLACK_SIGNING_SECRET"),
        api_url=read.value("SLACK_API_URL", "https://slack.com/api/", _api_url),
        store=read.value("BOT_STORE", "", _store),
        host=read.value("HOST", "0.0.0.0", _host),
        port=read.value("PORT", "3000", _port),
        admin_host=read.value("ADMIN_HOST", "127.0.0.1", _host),
        admin_port=read.value("ADMIN_PORT", "9000", _port),
        log_format=read.value("LOG_FORMAT", "console", _log_format),
        log_level=read.value("LOG_LEVEL", "INFO", _log_level),
    )
    faults.extend(_absent(environment))
    return environment


def read_store(environ: Mapping[str, str], faults: list[ConfigurationError]) -> Path | None:
    """BOT_STORE alone; None where it is not set."""
    return _Reader(environ, faults).value("BOT_STORE", "", _store)


def _store(url: str) -> Path | None:
    return checks.store_path(url) if url else None


def _absent(environment: Environment) -> list[ConfigurationError]:
    faults = []
    if environment.bot_token is None:
        faults.append(_fault("SLACK_BOT_TOKEN", "It is not set. Slack shows it under OAuth & Permissions (xoxb-…)."))
    if environment.app_token is None and environment.signing_secret is None:
        sentence = "Neither is set. Set the app token (xapp-…) for Socket Mode, or the signing secret for HTTP."
        faults.append(_fault("SLACK_APP_TOKEN or SLACK_SIGNING_SECRET", sentence))
    return faults


def _fault(name: str, sentence: str) -> ConfigurationError:
    return ConfigurationError("environment", None, name, sentence)


@dataclass(frozen=True, slots=True)
class _Reader:
    environ: Mapping[str, str]
    faults: list[ConfigurationError]

    def secret(self, name: str) -> SecretStr | None:
        value = self.environ.get(name, "").strip()
        prefixes, sentence = _MISTAKEN.get(name, ((), ""))
        if prefixes and value.startswith(prefixes):
            self.faults.append(_fault(name, sentence))
        elif value:
            try:
                checks.long_enough(value)
            except InvalidValue as unfit:
                self.faults.append(_fault(name, str(unfit)))
        return SecretStr(value) if value else None

    def value(self, name: str, default: str, convert: Callable[[str], T]) -> T:
        try:
            return convert(self.environ.get(name, "").strip() or default)
        except InvalidValue as unfit:
            self.faults.append(_fault(name, str(unfit)))
            return convert(default)


def _api_url(text: str) -> str:
    return checks.endpoint(text) + "/"


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65_535):
        raise InvalidValue("Write a port: a whole number up to 65535, or 0 for any free one.")
    return int(text)


def _host(text: str) -> str:
    if not checks.is_host(text):
        raise InvalidValue(
            "Write an address of this machine to listen on, without a port: 127.0.0.1, ::1, 0.0.0.0 or a name."
        )
    return text


def _log_format(text: str) -> LogFormat:
    match text.lower():
        case "console" | "json" as known:
            return known
        case _:
            raise InvalidValue("Write console or json.")


def _log_level(text: str) -> LogLevel:
    match text.upper():
        case "DEBUG" | "INFO" | "WARNING" | "ERROR" as known:
            return known
        case _:
            raise InvalidValue("Write DEBUG, INFO, WARNING or ERROR.")
