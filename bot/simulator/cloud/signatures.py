"""SDK-HMAC-SHA256 as a server checks it: everything is rebuilt from the request that arrived.

Source: devg-apisign, api-sign-0001; the rules of huaweicloudsdkcore's Signer, which clients follow.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote, unquote_plus

ALGORITHM = "SDK-HMAC-SHA256"
_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} Access=(?P<access>[^,\s]+), ?SignedHeaders=(?P<headers>[^,\s]+), ?Signature=(?P<signature>[0-9a-f]+)"
)


@dataclass(frozen=True)
class Authorization:
    """The three parts of the Authorization header."""

    access: str
    signed_headers: tuple[str, ...]
    signature: str


def parse_authorization(header: str) -> Authorization | None:
    """Read an Authorization header; None when it is not one of this algorithm."""
    match = _AUTHORIZATION.fullmatch(header.strip())
    if match is None:
        return None
    return Authorization(match["access"], tuple(match["headers"].split(";")), match["signature"])


def signed_at(headers: Mapping[str, str]) -> datetime | None:
    """The moment in X-Sdk-Date; None when it is missing or malformed."""
    try:
        return datetime.strptime(headers.get("X-Sdk-Date", ""), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def canonical_request(
    method: str, target: str, headers: Mapping[str, str], signed_headers: tuple[str, ...], body: bytes
) -> str:
    """The six parts that are signed. `target` is path and query as on the request line.

    `headers` must find names in any case. A signed header that did not arrive counts as empty, so the check fails.
    """
    path, _, query = target.partition("?")
    lines = [f"{name}:{headers.get(name, '').strip()}\n" for name in signed_headers]
    payload = hashlib.sha256(body).hexdigest()
    if body:
        payload = headers.get("X-Sdk-Content-Sha256", payload)
    parts = (method.upper(), _canonical_path(path), _canonical_query(query))
    return "\n".join((*parts, "".join(lines), ";".join(signed_headers), payload))


def signature(secret: str, date: str, canonical: str) -> str:
    """The signature in lower-case hexadecimal; the secret is the key as it is, with no derivation."""
    text = f"{ALGORITHM}\n{date}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def _encode(text: str) -> str:
    return quote(text, safe="-_.~")


def _canonical_path(path: str) -> str:
    encoded = "/".join(_encode(segment) for segment in unquote(path).split("/"))
    return encoded if encoded.endswith("/") else encoded + "/"


def _canonical_query(query: str) -> str:
    pairs = []
    for pair in query.split("&"):
        if pair:
            name, _, value = pair.partition("=")
            pairs.append((unquote_plus(name), unquote_plus(value)))
    return "&".join(f"{_encode(name)}={_encode(value)}" for name, value in sorted(pairs))
