"""Faults of the cloud and of Slack, drawn; each passes by itself."""

from __future__ import annotations

import random
from typing import Any

UNANSWERED = (
    *("drop_before", "drop_after", "drop_after", "502_after", "504_after", "500_before"),
    *("html", "empty", "truncated", "503", "429", "slow", "token_expired"),
)
READS = ("list_snapshots", "show_snapshot", "list_volumes", "show_job", "list_servers", "list_groups", "create_token")
CREATES = ("create_snapshot", "create_snapshot", "create_group")
TOLD = ("chat.postMessage", "chat.update", "chat.postEphemeral", "users.info", "response_url", "apps.connections.open")
DELIVERED = ("slash_commands", "interactive", "events_api")


def cloud_fault(rng: random.Random) -> dict[str, Any]:
    """The arguments of `CloudSimulator.fault`."""
    operation = rng.choice(CREATES)
    kinds: list[tuple[str, dict[str, Any]]] = [
        *[(rng.choice(UNANSWERED), {})] * 5,
        ("error", {"status": 409, "code": "EVS.2409", "message": "busy"}),
        ("external_busy", {"seconds": 1.5}),
        ("delayed_visibility", {"seconds": rng.choice([0.3, 1.2])}),
        ("tag_late", {"seconds": rng.choice([0.3, 1.2])}),
        (rng.choice(["job_fail", "snapshot_error"]), {}),
    ]
    kind, options = rng.choice(kinds)
    if rng.random() < 0.3:
        operation, kind, options = rng.choice(READS), rng.choice(UNANSWERED), {}
    if kind == "slow":
        options = {"seconds": rng.choice([0.4, 2.0])}
    if kind in ("429", "503"):
        options = {"retry_after": 1}
    return {"operation": operation, "kind": kind, "times": rng.choice([1, 1, 2]), **options}


def slack_fault(rng: random.Random) -> dict[str, Any]:
    """The arguments of `WorkspaceSimulator.fault`."""
    if rng.random() < 0.4:
        return {
            "kind": rng.choice(["duplicate_delivery", "duplicate_delivery", "lose_ack"]),
            "method": rng.choice(DELIVERED),
        }
    kinds: list[tuple[str, dict[str, Any]]] = [
        *[("reset_after", {})] * 3,
        ("malformed", {}),
        ("latency", {"seconds": rng.choice([0.5, 3.0])}),
        ("status", {"status": 503}),
        ("error", {"error": "internal_error"}),
        ("ratelimited", {"retry_after": 1}),
    ]
    kind, options = rng.choice(kinds)
    return {"kind": kind, "method": rng.choice(TOLD), "times": rng.choice([1, 1, 2]), **options}
