"""Which token a program shows: compared in constant time, and each of them, so that no answer tells how near it was."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from pydantic import SecretStr

from bot.api.problems import UNKNOWN_TOKEN, Problem

_BEARER = "bearer "


@dataclass(frozen=True, slots=True)
class Tokens:
    """`secrets` are those of bot.toml, by name."""

    secrets: Mapping[str, SecretStr]
    _digests: Mapping[str, bytes] = field(init=False)

    def __post_init__(self) -> None:
        digests = {name: _digest(secret.get_secret_value().strip()) for name, secret in self.secrets.items()}
        object.__setattr__(self, "_digests", digests)

    def name(self, authorizations: Sequence[str]) -> str:
        """The name of the token in the one `Authorization` header. Raises Problem (401), also where there are several:
        a proxy may have looked at another one than this.
        """
        authorization = authorizations[0] if len(authorizations) == 1 else ""
        shown = authorization[len(_BEARER) :].strip() if authorization[: len(_BEARER)].lower() == _BEARER else ""
        digest, found = _digest(shown), ""
        for name, known in self._digests.items():
            if hmac.compare_digest(digest, known):
                found = name
        if not found:
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                UNKNOWN_TOKEN,
                "Send the header Authorization: Bearer with a token that stands under [tokens] in bot.toml.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return found


def _digest(text: str) -> bytes:
    """Of one length, whatever the text's is."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
