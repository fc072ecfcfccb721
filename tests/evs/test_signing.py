"""Signatures are held against vectors made with the vendor's own SDK."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.evs.signing import (
    Keys,
    Unsigned,
    authorization,
    canonical_query,
    canonical_request,
    sign,
    signature,
    string_to_sign,
)

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "signing-vectors.json").read_text("utf-8"))["vectors"]


def _unsigned(vector: dict[str, Any]) -> tuple[Unsigned, Keys]:
    request, given = vector["request"], vector["request"]["credentials"]
    headers = {name: value for name, value in vector["expected"]["headers"].items() if name != "Authorization"}
    body = (request["body"] or "").encode()
    query = [(name, value) for name, value in request["query"]]
    unsigned = Unsigned(request["method"], request["host"], request["path"], query, headers, body)
    return unsigned, Keys(SecretStr(given["ak"]), SecretStr(given["sk"]))


def test_there_are_29_vectors() -> None:
    assert len(VECTORS) == 29


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_every_vector_is_reproduced(vector: dict[str, Any]) -> None:
    expected = vector["expected"]
    unsigned, keys = _unsigned(vector)
    canonical = canonical_request(unsigned.method, unsigned.path, unsigned.query, unsigned.headers, unsigned.body)
    text = string_to_sign(unsigned.headers["X-Sdk-Date"], canonical)
    assert canonical == expected["canonical_request"]
    assert text == expected["string_to_sign"]
    assert signature(keys.secret.get_secret_value(), text) == expected["signature"]
    assert authorization(unsigned, keys) == expected["authorization"]
    assert canonical_query(unsigned.query) == expected["request_uri"].partition("?")[2]


def test_the_date_is_utc_whatever_the_zone() -> None:
    keys = Keys(SecretStr("AK"), SecretStr("SK"))
    unsigned = Unsigned("GET", "evs", "/v5", (), {}, b"")
    at = datetime(2026, 1, 15, 14, 30, tzinfo=timezone(timedelta(hours=6)))
    assert sign(unsigned, keys, "p", at)["X-Sdk-Date"] == "20260115T083000Z"


def test_a_security_token_is_sent_and_signed() -> None:
    keys = Keys(SecretStr("AK"), SecretStr("SK"), SecretStr("temporary"))
    added = sign(Unsigned("GET", "evs", "/v5", (), {}, b""), keys, "p", datetime(2026, 1, 15, tzinfo=UTC))
    assert added["X-Security-Token"] == "temporary"
    assert "SignedHeaders=host;x-project-id;x-sdk-date;x-security-token," in added["Authorization"]


def test_keys_do_not_show_themselves() -> None:
    assert "SK-of-mine" not in repr(Keys(SecretStr("AK"), SecretStr("SK-of-mine")))
