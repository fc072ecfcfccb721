"""Where the rows are kept, as it is configured: a path, or a database that replicas share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class PostgresUrl:
    """`url` as libpq takes it. As text it is without its password, and fit for people.

    `other_password`: the one that the environment holds, which counts where the URL has none.
    """

    url: SecretStr
    other_password: SecretStr | None = field(default=None)

    def __str__(self) -> str:
        parts = urlsplit(self.url.get_secret_value())
        user, at, host = parts.netloc.rpartition("@")
        return f"{parts.scheme}://{user.partition(':')[0]}{at}{host}{parts.path}"

    def secrets(self) -> list[SecretStr | None]:
        password = urlsplit(self.url.get_secret_value()).password
        return [SecretStr(unquote(password)) if password else self.other_password]


StoreUrl = Path | PostgresUrl
"""A path is one of a SQLite file."""
