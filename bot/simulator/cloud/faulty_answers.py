"""What the faults of the channel `answer` do to a call: before it runs, and to the answer on its way back.

Source: EVS API reference, error codes; devg-apisign, api-sign-errorcode; and what proxies do.
"""

import contextlib
import http
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.simulator.cloud import errors
from bot.simulator.cloud.attachments import attach
from bot.simulator.cloud.calls import Answer, Call
from bot.simulator.cloud.creation import new_snapshot
from bot.simulator.cloud.faults import Fault

HUGE_BYTES = 9 * 1024 * 1024
HTML = "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n</body>\r\n</html>\r\n"
IAM_OPERATIONS = frozenset(
    {
        "create_token", "list_projects", "list_auth_projects", "create_temporary_key", "list_versions", "show_version",
        "show_catalog", "show_token", "list_auth_domains", "show_project",
    }
)  # fmt: skip


def strike_before(fault: Fault, call: Call) -> None:
    """Let the fault happen before the call runs. Raises ApiError when the fault is a refusal."""
    options = fault.options
    match fault.kind:
        case "500_before":
            raise _failure(call, 500, options.get("code", "EVS.2001"), options.get("message", "submit job failed!"))
        case "503":
            raise _told_when(_failure(call, 503, "EVS.5503", "Service unavailable."), options)
        case "429":
            raise _told_when(_throttled(call), options)
        case "error" if not options.get("processed", False):
            raise _chosen_error(options)
        case "token_expired":
            for token in call.world.tokens.values():
                token.expires_at = min(token.expires_at, call.now)
        case "external_busy":
            _make_busy(fault, call)
        case "attached_meanwhile":
            _plug_in(call)
        case _:
            pass


def runs(fault: Fault | None) -> bool:
    """Whether the cloud gets to run a call that meets this fault."""
    if fault is None:
        return True
    match fault.kind:
        case "drop_before":
            return False
        case "hang" | "html" | "empty" | "truncated" | "huge":
            return bool(fault.options.get("processed", True))
        case _:
            return True


def what_is_sent(fault: Fault | None, answer: Answer, request_id: str) -> Answer | None:
    """The answer as the fault leaves it; None when the caller gets none at all."""
    if fault is None:
        return answer
    match fault.kind:
        case "drop_before" | "drop_after" | "hang":
            return None
        case "502_after":
            return _html(502, "502 Bad Gateway")
        case "504_after":
            return _html(504, "504 Gateway Time-out")
        case "html":
            return _html(200, "Sign in to the network")
        case "empty":
            return Answer(200, content=b"")
        case "truncated":
            payload = answer.payload()
            return Answer(answer.status, content=payload[: len(payload) // 2], headers=answer.headers)
        case "huge":
            return Answer(answer.status, content=answer.payload() + b" " * HUGE_BYTES, headers=answer.headers)
        case "error" if fault.options.get("processed", False):
            return refusal(_chosen_error(fault.options), request_id)
        case _:
            return answer


def refusal(error: errors.ApiError, request_id: str) -> Answer:
    """The answer that tells of a refusal."""
    return Answer(error.status, error.body(request_id), error.headers)


def _html(status: int, title: str) -> Answer:
    return Answer(status, content=HTML.format(title).encode(), content_type="text/html")


def _failure(call: Call, status: int, code: str, message: str) -> errors.ApiError:
    if call.operation in IAM_OPERATIONS:
        return errors.iam(status, http.HTTPStatus(status).phrase)
    return errors.evs(status, code, message)


def _throttled(call: Call) -> errors.ApiError:
    # Neither text names a real limit: none is published.
    if call.operation in IAM_OPERATIONS:
        message = "The throttling threshold has been reached. Threshold: 100 times per 60 seconds"
        return errors.ApiError(429, "IAM.0012", message, "iam-extended")
    message = "The throttling threshold has been reached: policy user over ratelimit,limit:100,time:1 minute"
    return errors.gateway(429, "APIGW.0308", message)


def _told_when(error: errors.ApiError, options: Mapping[str, Any]) -> errors.ApiError:
    if "retry_after" in options:
        error.headers["Retry-After"] = str(options["retry_after"])
    return error


def _chosen_error(options: Mapping[str, Any]) -> errors.ApiError:
    error = errors.ApiError(
        int(options.get("status", 400)),
        str(options.get("code", "EVS.5400")),
        str(options.get("message", "Malformed request body.")),
        options.get("shape", "evs"),
    )
    return _told_when(error, options)


def _plug_in(call: Call) -> None:
    """The disk is back at its server before the call runs; where there is none, the call goes on as if nothing was."""
    for volume_id in call.volume_ids & call.world.disks.keys():
        with contextlib.suppress(ValueError):
            attach(call.world, call.world.disks[volume_id], call.now, seconds=0)


def _make_busy(fault: Fault, call: Call) -> None:
    until = call.now + timedelta(seconds=fault.seconds(default=30))
    for volume_id in call.volume_ids & call.world.disks.keys():
        if fault.volume_id not in (None, volume_id):
            continue
        disk = call.world.disks[volume_id]
        disk.busy_until = until
        if fault.options.get("visible", False):
            snapshot = new_snapshot(call, disk, {"name": "autobk_snapshot_from_outside"})
            snapshot.snapshot_type = "auto"
            snapshot.ready_at, snapshot.duration_s = until, (until - call.now).total_seconds()
