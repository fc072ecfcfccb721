"""Request signing with an access key, SDK-HMAC-SHA256. Pure: no I/O, no clock.

Source: Huawei Cloud API Request Signing Guide; `huaweicloudsdkcore.signer.signer.Signer`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import quote, unquote

import httpx
from pydantic import SecretStr

ALGORITHM = "SDK-HMAC-SHA256"

Scalar = str | int | bool
Query = Sequence[tuple[str, Scalar | Sequence[Scalar]]]


@dataclass(frozen=True, slots=True)
class Keys:
    """An access key, its secret, and the security token that belongs to temporary keys."""

    access: SecretStr
    secret: SecretStr
    security_token: SecretStr | None = None


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A request before it is signed. `host` has the port where the address has one; `body` is the bytes as sent."""

    method: str
    host: str
    path: str
    query: Query
    headers: Mapping[str, str]
    body: bytes


def canonical_query(query: Query) -> str:
    """The query as it is both signed and sent: sorted by name, values of one name sorted, all percent-encoded."""
    pairs: list[tuple[str, str]] = []
    for name, value in query:
        values = [value] if isinstance(value, str | int) else value
        pairs += [(name, _text(one)) for one in values]
    return "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in sorted(pairs))


def signed_header_names(headers: Iterable[str]) -> list[str]:
    """Every header takes part, except names with an underscore, which gateways drop."""
    return sorted(name.lower() for name in headers if "_" not in name)


def canonical_request(method: str, path: str, query: Query, headers: Mapping[str, str], body: bytes) -> str:
    """The text whose hash is signed. `headers` are those to sign, `Host` and `X-Sdk-Date` among them."""
    values = {name.lower(): value.strip() for name, value in headers.items()}
    names = signed_header_names(values)
    folder = "/".join(_encoded(segment) for segment in unquote(path).split("/"))
    return "\n".join(
        (
            method.upper(),
            folder if folder.endswith("/") else f"{folder}/",
            canonical_query(query),
            "".join(f"{name}:{values[name]}\n" for name in names),
            ";".join(names),
            _payload_hash(values, body),
        )
    )


def string_to_sign(date: str, canonical: str) -> str:
    """Algorithm, `X-Sdk-Date` and the canonical request's hash, one a line."""
    return f"{ALGORITHM}\n{date}\n{hashlib.sha256(canonical.encode()).hexdigest()}"


def signature(secret: str, text: str) -> str:
    """The HMAC of the string to sign, in hex; the secret itself is the key, nothing is derived from it."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def authorization(unsigned: Unsigned, keys: Keys) -> str:
    """The Authorization header. `unsigned.headers` must hold `X-Sdk-Date` (UTC, `YYYYMMDDTHHMMSSZ`)."""
    headers = {**unsigned.headers, "Host": unsigned.host}
    date = headers["X-Sdk-Date"]
    canonical = canonical_request(unsigned.method, unsigned.path, unsigned.query, headers, unsigned.body)
    proof = signature(keys.secret.get_secret_value(), string_to_sign(date, canonical))
    names = ";".join(signed_header_names(headers))
    return f"{ALGORITHM} Access={keys.access.get_secret_value()}, SignedHeaders={names}, Signature={proof}"


def sign(unsigned: Unsigned, keys: Keys, project_id: str, at: datetime) -> dict[str, str]:
    """The headers to add to a request so that the gateway knows who sends it. The cloud allows `at` 15 minutes."""
    added = {"X-Sdk-Date": at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ"), "X-Project-Id": project_id}
    if keys.security_token is not None:
        added["X-Security-Token"] = keys.security_token.get_secret_value()
    whole = replace(unsigned, headers={**unsigned.headers, **added})
    return {**added, "Authorization": authorization(whole, keys)}


def sign_request(request: httpx.Request, keys: Keys, project_id: str, at: datetime) -> None:
    """Sign a request whose body is at hand; of its headers Content-Type alone takes part."""
    url = request.url
    path = url.raw_path.partition(b"?")[0].decode("ascii")
    headers = {name: request.headers[name] for name in ("Content-Type",) if name in request.headers}
    host, query = request.headers["Host"], url.params.multi_items()
    unsigned = Unsigned(request.method, host, path, query, headers, request.content)
    request.headers.update(sign(unsigned, keys, project_id, at))


def _payload_hash(headers: Mapping[str, str], body: bytes) -> str:
    declared = headers.get("x-sdk-content-sha256")
    return declared if body and declared is not None else hashlib.sha256(body).hexdigest()


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _encoded(text: str) -> str:
    return quote(text, safe="~")
