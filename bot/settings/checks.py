"""Text from the file or the environment becomes a value, or `InvalidValue` says what to write instead."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

from bot.domain.hosts import is_loopback
from bot.domain.normalise import entered
from bot.domain.options import REASON_CHARACTERS
from bot.domain.shipping import ShipTo, SyslogAddress
from bot.domain.store_urls import PostgresUrl, StoreUrl
from bot.settings.configuration_errors import InvalidValue

_HOST = re.compile(r"(?=.{1,253}\Z)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.|\Z))+")
_NUMBERS = re.compile(r"[0-9.]+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SYSLOG_TLS = 6514
"""The port that RFC 5425 names."""


def _matching(pattern: str, sentence: str) -> Callable[[str], str]:
    """A check that all of a text is of a pattern; the sentence says what to write instead."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise InvalidValue(sentence)
        return text

    return check


alias = _matching(
    r"[a-z0-9][a-z0-9-]{0,39}", "An alias is at most 40 lower-case letters, digits and dashes, such as payments-prod."
)
channel = _matching(
    r"[CGD][A-Z0-9]{1,30}", "Write a channel's id, not its name: it begins with C, G or D, such as C0PAYINC01."
)
command = _matching(
    r"/[a-z0-9_-]{1,31}", "A command is / and at most 31 lower-case letters, digits, - or _: /snapshot."
)
channel_pattern = _matching(
    r"(?=.*[a-z0-9])[a-z0-9_*-]{1,80}",
    "Write a channel's name without the hash, * for any letters: inc-*. Not * alone.",
)
enterprise_project = _matching(
    r"0|[0-9a-f-]{32,36}", 'Write the enterprise project\'s id (a UUID), or "0" for the default one.'
)
_NAME = r"[a-z0-9][a-z0-9-]{0,39}"
subject = _matching(
    rf"user:[UW][A-Z0-9]{{1,30}}|group:S[A-Z0-9]{{1,30}}|token:{_NAME}|everyone",
    'Write "user:U…", "group:S…" or "everyone": ids as Slack has them, not names. Or "token:NAME", of [tokens.NAME].',
)
token_name = _matching(_NAME, "A token's name is at most 40 lower-case letters, digits and dashes, such as deploy.")
_project_id = _matching(
    r"[0-9a-fA-F]{32}",
    "A project id is 32 hex digits, as the console shows under My Credentials. An alias or a region is not one.",
)
_REGION = r"(?=.{1,64}\Z)[a-z0-9]+(-[a-z0-9]+)*"
_region = _matching(
    _REGION, "Write the region's id: lower-case letters, digits and dashes, as in addresses, such as ap-southeast-3."
)
_tag = _matching(
    r"[^:\s][^:]*:(?s:.*)", 'Write the tag\'s key and value with a colon between them, such as "tier:prod".'
)
_link = _matching(
    r"https://[^\s<>|\"'`@]+", 'Write an https:// address, such as https://console.example.com/evs?id={disk_id}, or "".'
)


def project_id(text: str) -> str:
    return _project_id(text).lower()


def region(text: str) -> str:
    """A project of a region is named `{region}_{suffix}`; addresses are made of the region alone."""
    named, underscore, _ = text.strip().lower().partition("_")
    if underscore and re.fullmatch(_REGION, named):
        raise InvalidValue(
            f'This is the name of a project, not of a region. Write region = "{named}"; which project of that region '
            "is meant, project_id says."
        )
    return _region(text)


def tag(text: str) -> str:
    return _tag(entered(text))


def reason(text: str) -> str:
    if len(text) > REASON_CHARACTERS:
        raise InvalidValue(f"A reason holds {REASON_CHARACTERS} characters; this one has {len(text)}.")
    return filled(text)


def filled(text: str) -> str:
    """Names are compared with what people type, so both are normalised alike."""
    if not (shown := entered(text)):
        raise InvalidValue("There is nothing between the quotes. Write a value, or leave the line out.")
    return shown


def endpoint(text: str) -> str:
    """An address without a slash at its end; `http://` on loopback only."""
    parts = _address(text)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise InvalidValue("http:// is accepted on loopback only (127.0.0.1, ::1, localhost). Write https://.")
    if "_" in (parts.hostname or ""):
        raise InvalidValue("A host's name has no _: addresses are made of the region, never of a project's name.")
    return text.rstrip("/")


def console_url(text: str) -> str:
    """With `{region}` and `{disk_id}` where they belong; empty for no links. What would end a link is refused."""
    if not text:
        return text
    _link(text)
    known = text.replace("{region}", "").replace("{disk_id}", "")
    if "{" in known or "}" in known:
        raise InvalidValue("In braces only {region} and {disk_id} are known.")
    return text


def ship_to(text: str) -> ShipTo:
    """`file:/absolute/path` or `syslog+tls://host:port`."""
    kind, _, rest = text.partition(":")
    if kind == "file" and rest.startswith("/") and not rest.startswith("//"):
        return Path(rest)
    if kind == "syslog+tls" and re.fullmatch(r"//[^/\s@]+/?", rest):
        parts = _address(f"https:{rest}")
        return SyslogAddress(parts.hostname or "", parts.port or _SYSLOG_TLS)
    raise InvalidValue(
        'Write "file:/var/log/snapshot-bot/audit.jsonl", an absolute path, or "syslog+tls://logs.example.com:6514".'
    )


def readable_file(text: str) -> Path:
    path = Path(text)
    if not path.is_absolute() or not path.is_file():
        raise InvalidValue(f"There is no file {text}. Write the absolute path of one.")
    return path


def metadata_address(text: str) -> str:
    """Where temporary keys are fetched without proof of who answers: this machine or its own link, nothing else."""
    host = _address(text).hostname or ""
    if not (is_loopback(host) or _is_link_local(host)):
        raise InvalidValue(
            "Temporary keys come from loopback or a link-local address only. Write http://169.254.169.254."
        )
    return text.rstrip("/")


def _address(text: str) -> SplitResult:
    invalid = InvalidValue("This is not an address. Write one such as https://evs.ap-southeast-3.myhuaweicloud.com.")
    if any(character <= " " for character in text):
        raise invalid
    try:
        parts = urlsplit(text)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise invalid from None
    if parts.scheme not in ("http", "https") or not is_whole or parts.query or parts.fragment:
        raise invalid
    if parts.username is not None:
        raise InvalidValue("An address holds no user or password. Secrets have their own keys, under [credentials].")
    return parts


def is_host(text: str) -> bool:
    """An IP address, or a name as DNS allows it."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return bool(_HOST.fullmatch(text)) and not _NUMBERS.fullmatch(text)
    return True


def _is_link_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_link_local
    except ValueError:
        return False


def store_url(url: str) -> StoreUrl:
    """`sqlite:///rel` is relative to the working directory, `sqlite:////abs` is absolute; or a server's, for libpq."""
    if url.startswith(("postgresql:", "postgresql+", "postgres:")):
        return _postgres_url(url)
    path = url.removeprefix("sqlite:///")
    if path == url or not path.strip("/") or path.endswith("/") or set(path) & set("?#\0"):
        raise InvalidValue(
            "Write sqlite:///snapshot-bot.db (relative) or sqlite:////var/lib/snapshot-bot.db (absolute), "
            "or postgresql://USER@HOST/DATABASE for several replicas."
        )
    if path == ":memory:":
        raise InvalidValue("A store in memory loses what people asked for. Write sqlite:///snapshot-bot.db.")
    return Path(path)


def _postgres_url(url: str) -> PostgresUrl:
    invalid = InvalidValue("This is no URL of PostgreSQL. Write postgresql://USER@HOST/DATABASE.")
    if not url.startswith(("postgresql://", "postgres://")) or any(character <= " " for character in url):
        raise invalid
    try:
        parts = urlsplit(url)
        named = len(parts.path) > 1 and "/" not in parts.path[1:] and all(map(_is_port, _hosts(parts.netloc)))
    except ValueError:
        raise invalid from None
    if not named or parts.fragment:
        raise invalid
    return PostgresUrl(SecretStr(url))


def _hosts(netloc: str) -> list[str]:
    """Each with its port: several, of which one is the primary, are divided by commas."""
    return netloc.rpartition("@")[2].split(",")


def _is_port(host: str) -> bool:
    name, colon, port = host.rpartition(":")
    if not colon or name.startswith("[") != name.endswith("]"):
        return True
    return port.isascii() and port.isdigit() and 0 < int(port) <= 65_535


SECRET_CHARACTERS = 8
"""A shorter one protects nothing, and could not be hidden in the log without hiding other words."""


TOKEN_CHARACTERS = 32
"""Of a token that opens the bot to programs: so many are not guessed."""


def token_secret(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value().strip()) < TOKEN_CHARACTERS:
        raise InvalidValue(
            f"A token has at least {TOKEN_CHARACTERS} characters. Make one: python3 -c "
            "'import secrets; print(secrets.token_urlsafe(32))'."
        )
    return value


def listen(text: str) -> tuple[str, int]:
    """`HOST:PORT`, of this machine; an address of IPv6 stands in brackets."""
    host, colon, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if not colon or not is_host(bare) or not (port.isascii() and port.isdigit() and int(port) <= 65_535):
        raise InvalidValue('Write an address of this machine and a port to listen on, such as "127.0.0.1:8080".')
    return bare, int(port)


def long_enough(value: str) -> str:
    if len(value.strip()) < SECRET_CHARACTERS:
        raise InvalidValue(
            f"A secret has at least {SECRET_CHARACTERS} characters. Copy all of it, or have another one made."
        )
    return value


def secret(text: str, environ: Mapping[str, str]) -> SecretStr:
    """Follow `env:NAME` or `file:PATH`, relative to the working directory; a file's last line break is left out."""
    match text.partition(":"):
        case ("env", ":", name):
            return SecretStr(long_enough(_variable(name, environ)))
        case ("file", ":", path) if path:
            return SecretStr(long_enough(_file(path)))
        case _:
            raise InvalidValue('A secret may not stand in this file. Write "env:NAME" (a variable) or "file:PATH".')


def _variable(name: str, environ: Mapping[str, str]) -> str:
    if not _VARIABLE.fullmatch(name):
        raise InvalidValue("After env: comes a variable's name: letters, digits and _, such as env:PAYMENTS_PASSWORD.")
    value = environ.get(name, "")
    if not value.strip():
        raise InvalidValue(f"The variable {name} is not set or empty.")
    return value


def _file(path: str) -> str:
    try:
        value = Path(path).read_text("utf-8").removesuffix("\n")
    except UnicodeDecodeError:
        raise InvalidValue(f"The file {path!r} is not UTF-8 text.") from None
    except (OSError, ValueError) as refusal:
        why = refusal.strerror if isinstance(refusal, OSError) else "its path cannot be used"
        raise InvalidValue(f"The file {path!r} cannot be read: {why}.") from None
    if not value.strip():
        raise InvalidValue(f"The file {path!r} is empty.")
    return value
