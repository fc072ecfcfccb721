"""Every answer that is not a success becomes one of `bot.domain.errors`. Pure, and never raises itself.

Sources: EVS API Reference, Error Codes; API Signing Guide, Error Codes; the parse order is that of
`huaweicloudsdkcore.exceptions.exception_handler.DefaultExceptionHandler`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from bot.domain import errors
from bot.evs.error_sentences import GATEWAY_CAUSES, Kind, Known, at_ecs, known, of_the_disk
from bot.evs.reading import json_in

QUOTED_CHARACTERS = 200
LONGEST_RETRY_AFTER_S = 3600.0
_DEEPEST = 8
_PAIRS = (("error_code", "error_msg"), ("errorCode", "errorMsg"), ("code", "message"))
_CODE = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
_LONG_RUN = re.compile(r"[A-Za-z0-9+/=_.:;\-]{40,}")
"""Nothing that explains an error is this long without a space; tokens, signatures and secrets are."""
_PLAIN_WORD = re.compile(r"[A-Za-z][a-z']{0,15}[.,:;!?]?|[A-Z]{2,4}|[0-9]{1,4}|…[.,:;!?]?")
_REFUSALS: Mapping[Kind, type[errors.CloudRefused]] = {
    Kind.REFUSED: errors.CloudRefused,
    Kind.PERMISSION: errors.CloudRefused,
    Kind.BUSY: errors.DiskBusy,
    Kind.NOT_FOUND: errors.NotFound,
    Kind.NO_SNAPSHOT: errors.NoSnapshot,
    Kind.NOT_OFFERED: errors.NotOffered,
}
_NEVER_QUOTED = ("APIGW.", "APIG.", "APIC.", "IAM.")


@dataclass(frozen=True, slots=True)
class _Refusal:
    code: str
    message: str
    request_id: str


def error_from(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    writes: bool = False,
    action: str = "",
    hidden: Sequence[str] = (),
    service: str = "evs",
) -> errors.CloudError:
    """Read any answer that is not a success.

    `writes`: the call changes something, so an error of the server's own leaves open whether it did. `action` is the
    IAM permission the call needs, named when it is missing. `hidden` are texts that must not be quoted.
    Source: EVS API Reference, Error Codes.
    """
    value = json_in(body)
    refusal = _refusal(status, headers, value, hidden)
    meaning = _meaning(status, refusal.code, action, page=value is None and bool(body.strip()))
    if status == 400 and writes:
        meaning = of_the_disk(refusal.code, refusal.message, action) or meaning
    if service == "ecs":
        meaning = at_ecs(meaning)
    facts: dict[str, Any] = {"status": status, "code": refusal.code, "request_id": refusal.request_id}
    sentence = _sentence(meaning, refusal, action)
    match meaning.kind:
        case Kind.THROTTLED:
            return errors.Throttled(sentence, retry_after=_retry_after(headers), **facts)
        case Kind.UNAVAILABLE:
            return errors.CloudUnavailable(sentence, maybe_done=writes, **facts)
        case Kind.CREDENTIAL:
            refused = errors.CredentialRefused(sentence, **facts)
            refused.reason = _closer(refusal.message) or meaning.words
            return refused
        case kind:
            return _REFUSALS[kind](sentence, **facts)


def _closer(message: str) -> str:
    """One code of the gateway has several causes; its message, which is never quoted, tells them apart."""
    return next((words for mark, words in GATEWAY_CAUSES if mark in message), "")


def plain_words_of(body: bytes, hidden: Sequence[str]) -> str:
    """Words of an answer, for a log: ordinary words alone, everything that may be a name, a key or an id left out."""
    words = _quotable(_code_and_message(json_in(body))[1], hidden).split()
    return " ".join(word if _PLAIN_WORD.fullmatch(word) else "…" for word in words)


def credential_reason(code: str) -> str:
    """Why a credential was refused, as the end of "… was refused, because"; empty for a code that tells nothing."""
    meaning = known(code)
    return meaning.words if meaning is not None and meaning.kind is Kind.CREDENTIAL else ""


def in_brackets(code: str) -> str:
    """`(EVS.2409)`, or `(HTTP 502)` where the status is all there is."""
    return f"(HTTP {code})" if code.isdigit() else f"({code})"


def _refusal(status: int, headers: Mapping[str, str], value: Any, hidden: Sequence[str]) -> _Refusal:
    code, message = _code_and_message(value)
    request_id = _header(headers, "x-request-id") or _text_at(value, "request_id")
    return _Refusal(code or str(status), _quotable(message, hidden), request_id if _CODE.fullmatch(request_id) else "")


def _code_and_message(value: Any) -> tuple[str, str]:
    """Each is empty where the answer has none."""
    return _pair(value, _DEEPEST) or _message_alone(value, _DEEPEST) or ("", "")


def _meaning(status: int, code: str, action: str, *, page: bool) -> Known:
    """`page`: the body is no JSON."""
    documented = known(code, action)
    if status == 429:
        return Known(Kind.THROTTLED, "The cloud asks for fewer calls; the bot waits and tries again")
    if documented is not None and not _overruled(status, code, documented):
        return documented
    if status >= 500:
        return Known(Kind.UNAVAILABLE, "The cloud had an error of its own; it usually passes")
    if status == 401:
        return Known(Kind.CREDENTIAL, "the cloud did not accept it")
    if status == 408:
        return Known(Kind.UNAVAILABLE, "The cloud waited too long for the bot's request")
    if status < 400:
        words = (
            "The cloud's address answered, but not as EVS does: the people who run the bot have to check evs_endpoint"
        )
        return Known(Kind.UNAVAILABLE, words)
    if page or status == 407:
        words = "Something other than EVS answered: the people who run the bot have to check evs_endpoint and proxies"
        return Known(Kind.REFUSED, words)
    if status == 403:
        return Known(Kind.PERMISSION, "The cloud does not let the bot do this", quote=True)
    if status == 404:
        return Known(Kind.NOT_FOUND, "The cloud has no such thing here: check the id and the project", quote=True)
    return Known(Kind.REFUSED, "The cloud refused the request", quote=True)


def _overruled(status: int, code: str, documented: Known) -> bool:
    """A 5xx leaves open what happened, whatever code it carries, but for the refusals known to come with one."""
    passing = {Kind.BUSY, Kind.UNAVAILABLE, Kind.THROTTLED, Kind.CREDENTIAL}
    return status >= 500 and code != "EVS.2019" and documented.kind not in passing


def _sentence(meaning: Known, refusal: _Refusal, action: str) -> str:
    words = meaning.words
    if meaning.kind is Kind.CREDENTIAL:
        words = f"The cloud refused the bot's own credentials, because {words}"
    if meaning.kind is Kind.PERMISSION:
        missing = f" the permission {action}" if action else " the right"
        words = f"{words}: an administrator has to give its cloud user{missing}"
    if meaning.quote and refusal.message and not refusal.code.startswith(_NEVER_QUOTED):
        words = f"{words}. It says “{refusal.message}”"
    return f"{words} {in_brackets(refusal.code)}."


def _pair(value: Any, depth: int) -> tuple[str, str] | None:
    if not isinstance(value, dict) or depth == 0:
        return None
    for code_key, message_key in _PAIRS:
        if message_key in value and (code := _code(value.get(code_key))):
            return code, _message(value[message_key])
    inner = (found for part in value.values() if (found := _pair(part, depth - 1)))
    return next(inner, None) or _code_alone(value)


def _code_alone(value: dict[str, Any]) -> tuple[str, str] | None:
    return next(((code, "") for key, _ in _PAIRS if (code := _code(value.get(key)))), None)


def _message_alone(value: Any, depth: int) -> tuple[str, str] | None:
    if not isinstance(value, dict) or depth == 0:
        return None
    for _, key in _PAIRS:
        if isinstance(value.get(key), str):
            return "", value[key]
    return next((found for part in value.values() if (found := _message_alone(part, depth - 1))), None)


def _code(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return ""
    if isinstance(value, int) and abs(value) > 10**9:
        return ""
    text = str(value).strip()
    return text if _CODE.fullmatch(text) and not _LONG_RUN.fullmatch(text) else ""


def _message(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _quotable(message: str, hidden: Sequence[str]) -> str:
    for secret in filter(None, hidden):
        message = message.replace(secret, "…")
    one_line = " ".join("".join(c if c.isprintable() else " " for c in message[:8000]).split())
    clean = _LONG_RUN.sub("…", one_line)
    return clean if len(clean) <= QUOTED_CHARACTERS else f"{clean[: QUOTED_CHARACTERS - 1]}…"


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for key, value in headers.items() if key.lower() == name), "")


def _text_at(value: Any, key: str) -> str:
    return _message(value.get(key)) if isinstance(value, dict) else ""


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """In seconds. A date counts from the answer's own Date, so no clock has to agree with the cloud's."""
    text = _header(headers, "retry-after").strip()
    if re.fullmatch(r"[0-9]{1,9}", text, re.ASCII):
        return min(float(text), LONGEST_RETRY_AFTER_S)
    try:
        until, since = parsedate_to_datetime(text), parsedate_to_datetime(_header(headers, "date"))
        return min(max((until - since).total_seconds(), 0.0), LONGEST_RETRY_AFTER_S)
    except (TypeError, ValueError, OverflowError):
        return None
