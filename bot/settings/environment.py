"""The variables of the environment, read in one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from bot.domain.store_urls import StoreUrl
from bot.settings import checks
from bot.settings.configuration_errors import ConfigurationError, InvalidValue

LogFormat = Literal["console", "json"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


def _not_another(beginnings: tuple[str, ...], sentence: str) -> BeforeValidator:
    """For the tokens that are commonly put into the wrong variable."""

    def check(value: str) -> str:
        if value.startswith(beginnings):
            raise InvalidValue(f"This is another kind of token. {sentence}")
        return value

    return BeforeValidator(check)


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


Secret = Annotated[SecretStr, BeforeValidator(checks.long_enough)]
BotToken = Annotated[Secret, _not_another(("xapp-", "xoxp-"), "The bot token begins with xoxb-.")]
AppToken = Annotated[Secret, _not_another(("xoxb-", "xoxp-", "xoxe"), "The app token begins with xapp-.")]
ApiUrl = Annotated[str, BeforeValidator(lambda text: checks.endpoint(text) + "/")]
Store = Annotated[StoreUrl, PlainValidator(checks.store_url)]
Host = Annotated[str, BeforeValidator(_host)]
Port = Annotated[int, BeforeValidator(_port)]


class Environment(BaseModel):
    """`store` is None where BOT_STORE is not set."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    bot_token: BotToken | None = Field(None, alias="SLACK_BOT_TOKEN")
    app_token: AppToken | None = Field(None, alias="SLACK_APP_TOKEN")
    signing_secret: Secret | None = Field(None, alias="SLACK_SIGNING_SECRET")
    api_url: ApiUrl = Field("https://slack.com/api/", alias="SLACK_API_URL")
    store: Store | None = Field(None, alias="BOT_STORE")
    store_password: SecretStr | None = Field(None, alias="PGPASSWORD")
    host: Host = Field("0.0.0.0", alias="HOST")
    port: Port = Field(3000, alias="PORT")
    admin_host: Host = Field("127.0.0.1", alias="ADMIN_HOST")
    admin_port: Port = Field(9000, alias="ADMIN_PORT")
    log_format: Annotated[LogFormat, BeforeValidator(str.lower)] = Field("console", alias="LOG_FORMAT")
    log_level: Annotated[LogLevel, BeforeValidator(str.upper)] = Field("INFO", alias="LOG_LEVEL")


def read_environment(environ: Mapping[str, str], problems: list[ConfigurationError]) -> Environment | None:
    """Read every variable; what is empty is not set. What is wrong is added to `problems`."""
    values = {name: text for name, value in environ.items() if (text := value.strip())}
    environment = None
    try:
        environment = Environment.model_validate(values)
    except ValidationError as refusal:
        problems.extend(_problem(str(error["loc"][0]), _sentence(error)) for error in refusal.errors())
    if "SLACK_BOT_TOKEN" not in values:
        problems.append(
            _problem("SLACK_BOT_TOKEN", "It is not set. Slack shows it under OAuth & Permissions (xoxb-…).")
        )
    if "SLACK_APP_TOKEN" not in values and "SLACK_SIGNING_SECRET" not in values:
        sentence = "Neither is set. Set the app token (xapp-…) for Socket Mode, or the signing secret for HTTP."
        problems.append(_problem("SLACK_APP_TOKEN or SLACK_SIGNING_SECRET", sentence))
    return environment


def read_store(environ: Mapping[str, str], problems: list[ConfigurationError]) -> StoreUrl | None:
    """BOT_STORE alone; None where it is not set."""
    url = environ.get("BOT_STORE", "").strip()
    try:
        return checks.store_url(url) if url else None
    except InvalidValue as invalid:
        problems.append(_problem("BOT_STORE", str(invalid)))
        return None


def _sentence(error: ErrorDetails) -> str:
    if error["type"] == "literal_error":
        return f"Write {error['ctx']['expected'].replace(chr(39), '')}."
    return str(error["ctx"]["error"])


def _problem(name: str, sentence: str) -> ConfigurationError:
    return ConfigurationError("environment", None, name, sentence)
