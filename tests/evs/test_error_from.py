"""Whatever comes back ends in one tree, with a sentence for people."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import (
    CloudError,
    CloudRefused,
    CloudUnavailable,
    CredentialRefused,
    DiskBusy,
    NoSnapshot,
    NotFound,
    NotOffered,
    Throttled,
)
from bot.evs.error_sentences import DOCUMENTED
from bot.evs.errors import error_from

REFUSED: dict[str, int] = {
    **dict.fromkeys(("EVS.2045", "EVS.2043", "EVS.1047", "EVS.5400", "EVS.1002", "EVS.2068"), 400),
    **dict.fromkeys(("EVS.2089", "EVS.1062", "EVS.1061", "EVS.2059", "EVS.2040", "EVS.2041"), 400),
    **dict.fromkeys(("EVS.0001", "Common.0018", "EVS.1013", "EVS.1052", "EVS.1070", "EVS.2108"), 400),
    **dict.fromkeys(("EVS.1023", "EVS.2142", "EVS.1024", "EVS.1039", "EVS.1040", "EVS.1041"), 400),
    **dict.fromkeys(("EVS.2218", "EVS.2219", "EVS.2220", "EVS.2223"), 400),
    **dict.fromkeys(("EVS.2054", "EVS.2096", "EVS.1010", "EVS.1003", "EVS.1004", "EVS.1034", "EVS.1042"), 400),
    **dict.fromkeys(("EVS.1016", "EVS.1043", "EVS.2071", "EVS.2072", "EVS.1046", "EVS.2130"), 400),
    **dict.fromkeys(("EVS.2055", "EVS.2143"), 401),
    **dict.fromkeys(("EVS.0003", "EVS.1027", "EVS.2056", "EVS.5403", "EVS.2144", "EVS.2145"), 403),
    **dict.fromkeys(("APIGW.0302", "APIGW.0304", "APIGW.0306", "APIGW.0310", "APIGW.0401"), 403),
    **dict.fromkeys(("APIGW.0402", "APIGW.0404", "APIGW.0801", "APIGW.0802"), 403),
    **dict.fromkeys(("Ecs.0003", "Pdp.0001"), 403),
    "Ecs.0005": 400,
    "EVS.2019": 500,
    "EVS.5413": 413,
    "APIGW.0103": 404,
    "APIGW.0201": 413,
}
CREDENTIAL = {
    **dict.fromkeys(("EVS.0002", "Common.0013"), 400),
    **dict.fromkeys(("EVS.5401", "APIGW.0301", "APIGW.0307", "APIGW.0303", "APIGW.0305", "APIGW.0311"), 401),
    **dict.fromkeys(("IAM.0061", "IAM.0062", "IAM.0080", "IAM.0081", "IAM.0082", "IAM.0083"), 403),
    **dict.fromkeys(("IAM.1105", "IAM.1108", "IAM.0007", "IAM.0011", "IAM.0072", "IAM.0073"), 400),
}
UNAVAILABLE = {
    **dict.fromkeys(("EVS.2001", "EVS.2002", "EVS.2005", "EVS.2010", "EVS.2013", "EVS.2014", "EVS.2023"), 500),
    **dict.fromkeys(("EVS.5500", "APIGW.0601", "APIGW.0605", "APIGW.0606", "APIGW.0608", "APIGW.0609"), 500),
    **dict.fromkeys(("APIGW.0610", "APIGW.0611", "APIGW.0612", "APIGW.0705"), 502),
    **dict.fromkeys(("EVS.5503", "APIGW.0613"), 503),
    **dict.fromkeys(("Ecs.0000", "Ecs.0002", "Ecs.1000"), 500),
    **dict.fromkeys(("EVS.2221", "EVS.2222"), 400),
}
EXPECTED: dict[str, tuple[int, type[CloudError]]] = {
    **{code: (status, CloudRefused) for code, status in REFUSED.items()},
    **{code: (status, CredentialRefused) for code, status in CREDENTIAL.items()},
    **{code: (status, CloudUnavailable) for code, status in UNAVAILABLE.items()},
    "EVS.2409": (409, DiskBusy),
    **dict.fromkeys(("EVS.1012", "EVS.2093"), (400, NoSnapshot)),
    "EVS.5404": (404, NotFound),
    **dict.fromkeys(("Ecs.0114", "Ecs.0614"), (404, NotFound)),
    "Common.0011": (400, NotFound),
    "APIGW.0101": (404, NotOffered),
    "APIGW.0308": (429, Throttled),
    "IAM.0012": (429, Throttled),
}


def _evs(code: Any, message: str = "said by EVS") -> bytes:
    return json.dumps({"error": {"code": code, "message": message}}).encode()


def test_the_table_below_covers_every_documented_code() -> None:
    assert set(EXPECTED) == set(DOCUMENTED)


@pytest.mark.parametrize(("code", "status", "kind"), [(code, *rest) for code, rest in EXPECTED.items()])
def test_every_documented_code_has_its_kind_and_its_words(code: str, status: int, kind: type[CloudError]) -> None:
    error = error_from(status, {}, _evs(code), writes=True)
    assert type(error) is kind
    assert (error.code, error.status) == (code, status)
    assert error.sentence.endswith(f" ({code}).")
    assert len(error.sentence) > 40
    assert error.maybe_done == (kind is CloudUnavailable)


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("evs:snapshots:create", "EVS refused the request as it stands; for a snapshot"),
        ("evs:snapshots:rollback", "EVS refused the roll-back as it stands; the disk has to be available"),
        ("evs:volumes:create", "EVS refused to make the disk as it was ordered. It says “said by EVS”"),
        ("evs:volumes:delete", "EVS refused to delete the disk as it stands; a yearly/monthly one"),
    ],
)
def test_one_code_is_told_by_what_was_asked(action: str, words: str) -> None:
    assert error_from(400, {}, _evs("EVS.5400"), writes=True, action=action).sentence.startswith(words)


EDGE = "Request body is invalid. Disks in an edge availability zone have no standard snapshots."


@pytest.mark.parametrize(
    ("code", "message", "kind", "words"),
    [
        ("EVS.2108", EDGE, NoSnapshot, "This disk can't have a standard snapshot, because it is in an edge"),
        ("EVS.9999", EDGE, NoSnapshot, "This disk can't have a standard snapshot"),
        (
            "EVS.2108",
            "The volume is mounted twice.",
            CloudRefused,
            "EVS makes no snapshot of this disk as it was asked",
        ),
        (
            "EVS.2108",
            "Unknown field: volume_id.",
            CloudRefused,
            "EVS could not read what the bot sent; this is a fault",
        ),
        ("EVS.2068", EDGE, CloudRefused, "The disk is locked by another service"),
    ],
)
def test_what_is_said_of_the_disk_is_no_fault_of_the_bot(code: str, message: str, kind: type, words: str) -> None:
    error = error_from(400, {}, _evs(code, message), writes=True, action="evs:snapshots:create")
    assert type(error) is kind and error.sentence.startswith(words)


def test_a_group_with_a_disk_of_an_edge_zone_is_no_fault_of_the_bot_either() -> None:
    assert type(error_from(400, {}, _evs("EVS.2108", EDGE), writes=True)) is NoSnapshot
    assert "fault of the bot" in error_from(400, {}, _evs("EVS.2108", "No disks: volume_ids."), writes=True).sentence


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": "EVS.2144", "message": "frozen"}},
        {"badRequest": {"code": "EVS.2144", "message": "frozen"}},
        {"itemNotFound": {"message": "frozen", "code": "EVS.2144"}},
        {"error_code": "EVS.2144", "error_msg": "frozen", "request_id": "r"},
        {"error_msg": "frozen", "error_code": "EVS.2144"},
        {"errorCode": "EVS.2144", "errorMsg": "frozen"},
        {"code": "EVS.2144", "message": "frozen"},
        {"a": {"b": {"c": {"code": "EVS.2144", "message": None}}}},
        {"error": {"code": "EVS.2144"}},
    ],
)
def test_every_documented_shape_is_read(body: Any) -> None:
    assert error_from(403, {}, json.dumps(body).encode()).sentence == (
        "The cloud account is frozen and its resources cannot be used: "
        "someone who looks after billing has to act (EVS.2144)."
    )


def test_the_outer_pair_goes_before_an_inner_one() -> None:
    body = {"error": {"code": "EVS.5404", "message": "inner"}, "error_code": "EVS.2409", "error_msg": "outer"}
    assert error_from(400, {}, json.dumps(body).encode()).code == "EVS.2409"


def test_a_number_as_code_becomes_text_and_is_told_as_a_status() -> None:
    error = error_from(400, {}, b'{"badRequest": {"code": 400, "message": "size is wrong"}}')
    assert (error.code, error.sentence) == ("400", "The cloud refused the request. It says “size is wrong” (HTTP 400).")


def test_a_message_without_a_code_is_quoted() -> None:
    error = error_from(400, {}, b'{"badRequest": {"message": "size is wrong"}}')
    assert "“size is wrong”" in error.sentence


@pytest.mark.parametrize("status", [400, 409])
def test_a_busy_disk_is_busy_whichever_status_it_comes_with(status: int) -> None:
    assert type(error_from(status, {}, _evs("EVS.2409"))) is DiskBusy


@pytest.mark.parametrize(
    "body", [b"", b'{"itemNotFound": {"message": "gone", "code": 404}}', _evs("EVS.5404"), _evs("EVS.9404")]
)
def test_a_404_of_evs_is_not_found(body: bytes) -> None:
    assert type(error_from(404, {}, body)) is NotFound


def test_a_404_page_of_something_else_is_not_taken_for_a_missing_disk() -> None:
    error = error_from(404, {}, b"<html>no such page</html>")
    assert type(error) is CloudRefused
    assert "Something other than EVS answered" in error.sentence


@pytest.mark.parametrize("body", [b"", b"<html>502</html>", b'{"error": {"code": "EVS.', b"\xff\xfe\x00", b"[1]", b"3"])
def test_an_unreadable_5xx_leaves_open_whether_a_create_was_done(body: bytes) -> None:
    error = error_from(502, {}, body, writes=True)
    assert (type(error), error.maybe_done, error.code) == (CloudUnavailable, True, "502")
    assert error.sentence == "The cloud had an error of its own; it usually passes (HTTP 502)."


@pytest.mark.parametrize("code", ["EVS.5400", "EVS.5404", "APIGW.0201", "APIGW.0101"])
def test_a_refusal_that_comes_with_a_5xx_is_not_believed(code: str) -> None:
    error = error_from(504, {}, _evs(code), writes=True)
    assert (type(error), error.maybe_done) == (CloudUnavailable, True)


def test_reading_leaves_nothing_open() -> None:
    assert not error_from(502, {}, b"").maybe_done


def test_older_gateways_with_other_prefixes_are_understood() -> None:
    for code in ("APIG.0308", "APIC.0308"):
        error = error_from(400, {}, json.dumps({"error_code": code, "error_msg": ""}).encode())
        assert (type(error), error.code) == (Throttled, code)


def test_a_missing_permission_is_named() -> None:
    error = error_from(403, {}, _evs("EVS.5403"), action="evs:snapshots:create")
    assert error.sentence == (
        "The cloud does not let the bot do this: "
        "an administrator has to give its cloud user the permission evs:snapshots:create (EVS.5403)."
    )


def test_an_unknown_evs_code_is_explained_in_the_clouds_own_words() -> None:
    error = error_from(400, {}, _evs("EVS.9999", "volume \x00is\n\tupside\u202e down"))
    assert error.sentence == "The cloud refused the request. It says “volume is upside down” (EVS.9999)."


def test_a_long_message_is_cut_at_200_characters() -> None:
    quoted = error_from(400, {}, _evs("EVS.9999", "word " * 100)).sentence.split("“")[1].split("”")[0]
    assert len(quoted) == 200
    assert quoted.endswith("…")


def test_a_gateways_message_is_never_quoted() -> None:
    message = "Incorrect IAM authentication information: verify aksk signature fail,canonicalRequest:GET|/v5|"
    for code in ("APIGW.0301", "APIG.0301", "APIGW.9999", "IAM.9999"):
        for status in (400, 401, 403):
            assert "aksk" not in error_from(status, {}, _evs(code, message)).sentence


def test_what_looks_like_a_token_is_not_quoted() -> None:
    sentence = error_from(400, {}, _evs("EVS.9999", f"bad token MII{'x' * 60} sent with AK7")).sentence
    assert "MII" not in sentence
    assert "bad token … sent" in sentence
    assert "AK7" not in error_from(400, {}, _evs("EVS.9999", "sent with AK7"), hidden=["AK7"]).sentence


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": "Thu, 15 Jan 2026 12:00:30 GMT", "DATE": "Thu, 15 Jan 2026 12:00:00 GMT"}, 30.0),
        ({"Retry-After": "99999"}, 3600.0),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_honoured_where_it_makes_sense(headers: dict[str, str], seconds: float | None) -> None:
    error = error_from(429, headers, b"")
    assert isinstance(error, Throttled)
    assert (error.retry_after, error.maybe_done) == (seconds, False)


def test_the_request_id_is_kept_from_header_or_body() -> None:
    assert error_from(500, {"x-request-id": "abc-1"}, b"").request_id == "abc-1"
    assert (
        error_from(500, {}, b'{"error_code": "APIGW.0601", "error_msg": "", "request_id": "abc-2"}').request_id
        == "abc-2"
    )
    assert error_from(500, {"X-Request-Id": "a b\n" * 99}, b"").request_id == ""


def test_a_redirect_is_not_followed_but_told() -> None:
    assert "evs_endpoint" in error_from(302, {"Location": "http://elsewhere"}, b"").sentence


def test_deep_nesting_ends() -> None:
    assert error_from(400, {}, b'{"a":' * 100_000 + b"1" + b"}" * 100_000).code == "400"
    assert error_from(400, {}, b'{"a":' * 30 + _evs("EVS.5404") + b"}" * 30).code == "400"


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["code", "message", "error", "error_code", "error_msg", "errorCode", "request_id"]), inner
        )
    ),
)


@given(
    status=st.integers(100, 599),
    headers=st.dictionaries(st.sampled_from(["Retry-After", "Date", "X-Request-Id"]), st.text()),
    body=st.binary() | JSON_VALUES.map(lambda value: json.dumps(value).encode()),
    writes=st.booleans(),
)
def test_nothing_breaks_it(status: int, headers: dict[str, str], body: bytes, writes: bool) -> None:
    error = error_from(status, headers, body, writes=writes)
    assert error.sentence.isprintable()
    assert len(error.sentence) < 500
    assert error.maybe_done in (False, writes)
