"""The journal: what was asked of the cloud and how it answered, without anybody's secrets."""

from collections.abc import Mapping
from typing import Any

from bot.simulator.cloud.calls import Answer, Call

REDACTED = "***"
SECRET_KEYS = frozenset({"password", "passcode", "secret", "token", "securitytoken", "id_token"})


def entry(call: Call, answer: Answer | None, *, code: str | None, fault: str | None, processed: bool) -> dict[str, Any]:
    """One line of the journal. `status` is None when the caller got no answer.

    `processed` says that the cloud did what was asked, whatever the caller was told.
    """
    path = call.target.partition("?")[0]
    iam = call.params.get("project_id") is None
    return {
        "at": call.now.isoformat(),
        "method": call.method,
        "path": path,
        "query": dict(call.query),
        "body": without_secrets(call.body) if iam else call.body,
        "status": None if answer is None else answer.status,
        "operation": call.operation,
        "project_id": call.params.get("project_id"),
        "volume_ids": sorted(call.volume_ids),
        "auth": None if call.principal is None else call.principal.by,
        "user": None if call.principal is None else call.principal.user,
        "error_code": code,
        "fault": fault,
        "processed": processed,
        "request_id": call.request_id,
    }


def without_secrets(value: Any) -> Any:
    """A copy in which secrets are starred out; the methods of IAM that share their names keep their details."""
    if isinstance(value, list):
        return [without_secrets(part) for part in value]
    if not isinstance(value, Mapping):
        return value
    return {name: _kept(name, part) for name, part in value.items()}


def _kept(name: str, part: Any) -> Any:
    if name == "secret" or (name in SECRET_KEYS and not isinstance(part, Mapping)):
        return REDACTED
    if name == "token":
        return {inner: value if inner == "duration_seconds" else REDACTED for inner, value in part.items()}
    return without_secrets(part)
