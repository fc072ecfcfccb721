"""Things that go wrong on demand: a queue of faults, and what each does to a call.

A fault belongs to a channel. One call uses up at most one fault of each channel, so a lost answer (`answer`) and a late
row in the lists (`visibility`) can meet in one create, while two faults of one channel wait for two calls.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.simulator.cloud.errors import SHAPES

OPERATIONS = frozenset(
    {
        "create_snapshot", "show_snapshot", "list_snapshots", "count_snapshots", "delete_snapshot",
        "update_snapshot", "create_snapshot_tags", "delete_snapshot_tags", "all_snapshot_tags", "rollback_snapshot",
        "create_group", "show_group", "list_groups", "count_groups", "update_group", "delete_group",
        "create_group_tags", "delete_group_tags", "all_group_tags", "list_chains", "count_chains",
        "create_policy", "list_policies", "count_policies", "show_policy", "update_policy", "delete_policy",
        "associate_policy", "disassociate_policy",
        "show_job", "list_volumes", "show_volume", "update_volume", "volumes_by_tags", "volume_tags",
        "change_volume_tags", "all_volume_tags", "create_volume", "delete_volume", "extend_volume",
        "unsubscribe_volumes", "show_quotas", "list_types", "list_zones",
        "create_old_snapshot", "list_old_snapshots", "show_old_snapshot", "update_old_snapshot", "delete_old_snapshot",
        "rollback_old_snapshot", "create_cinder_volume", "list_cinder_volumes", "show_cinder_volume",
        "update_cinder_volume", "delete_cinder_volume",
        "list_binned", "show_binned", "revert_binned", "delete_binned", "show_bin_policy", "update_bin_policy",
        "list_servers", "show_server", "list_servers_newer", "list_block_devices", "list_servers_native",
        "show_server_native",
        "list_versions", "show_version", "show_catalog", "show_token", "list_auth_domains", "show_project",
        "list_enterprise_projects", "show_caller", "assume_with_oidc",
        "create_token", "list_projects", "list_auth_projects", "create_temporary_key",
        "metadata_token", "metadata_key",
        "any", "order",
    }
)  # fmt: skip

_CREATES = frozenset({"create_snapshot", "create_group", "create_old_snapshot"})
_MAKES = _CREATES | {"create_volume", "create_cinder_volume"}
_LOCKED_OUT = frozenset({"rollback_snapshot", "rollback_old_snapshot", "delete_volume", "delete_cinder_volume"})
"""What a disk refuses while a snapshot of it is being made."""
_STARTS_A_JOB = _MAKES | _LOCKED_OUT | {"delete_snapshot", "delete_old_snapshot", "extend_volume"}
_SETS = {"any": OPERATIONS, "order": _STARTS_A_JOB}
"""Names for more than one operation: every one, and each that begins work."""


@dataclass(frozen=True)
class Kind:
    """A kind of fault: its channel, the options it takes, and the operations it fits (None: all)."""

    channel: str
    options: frozenset[str] = frozenset()
    fits: frozenset[str] | None = None


def _kind(channel: str, *options: str, fits: frozenset[str] | None = None) -> Kind:
    return Kind(channel, frozenset(options), fits)


KINDS: Mapping[str, Kind] = {
    "drop_before": _kind("answer"),
    "drop_after": _kind("answer"),
    "502_after": _kind("answer"),
    "504_after": _kind("answer"),
    "500_before": _kind("answer", "code", "message"),
    "503": _kind("answer", "retry_after"),
    "429": _kind("answer", "retry_after"),
    "slow": _kind("answer", "seconds"),
    "hang": _kind("answer", "processed"),
    "html": _kind("answer", "processed"),
    "empty": _kind("answer", "processed"),
    "truncated": _kind("answer", "processed"),
    "huge": _kind("answer", "processed"),
    "error": _kind("answer", "status", "code", "message", "shape", "processed", "retry_after"),
    "token_expired": _kind("answer"),
    "external_busy": _kind("answer", "seconds", "visible", fits=_CREATES | _LOCKED_OUT),
    "attached_meanwhile": _kind("answer", fits=_LOCKED_OUT),
    "job_fail": _kind("outcome", "error_code", "fail_reason", fits=_STARTS_A_JOB),
    "member_fail": _kind("outcome", "error_code", "fail_reason", "seconds", fits=frozenset({"create_group"})),
    "snapshot_error": _kind("outcome", fits=_CREATES),
    "slow_job": _kind("outcome", "seconds", fits=_STARTS_A_JOB),
    "stuck": _kind("outcome", fits=_STARTS_A_JOB),
    "job_unknown": _kind("job", fits=_STARTS_A_JOB | {"show_job"}),
    "delayed_visibility": _kind("visibility", "seconds", fits=_MAKES),
    "tag_late": _kind("tags", "seconds", fits=_MAKES),
}


@dataclass
class Fault:
    """One waiting fault; `times` counts down, and `volume_id` None matches every disk."""

    operation: str
    kind: str
    times: int = 1
    volume_id: str | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def seconds(self, default: float) -> float:
        """The option `seconds`."""
        return float(self.options.get("seconds", default))

    def matches(self, channel: str, operation: str, volume_ids: frozenset[str]) -> bool:
        """Whether this fault is for such a call."""
        kind = KINDS[self.kind]
        return (
            kind.channel == channel
            and operation in _SETS.get(self.operation, {self.operation})
            and (kind.fits is None or operation in kind.fits)
            and (self.volume_id is None or self.volume_id in volume_ids)
        )

    def problems(self) -> list[str]:
        """Why this fault could never happen; empty when it can."""
        found = []
        if self.operation not in OPERATIONS:
            found.append(f"there is no operation {self.operation}")
        kind = KINDS.get(self.kind)
        if kind is None:
            return [*found, f"there is no kind {self.kind}"]
        if kind.fits is not None and kind.fits.isdisjoint(_SETS.get(self.operation, {self.operation})):
            found.append(f"{self.kind} fits {', '.join(sorted(kind.fits))}, not {self.operation}")
        found += [f"{self.kind} takes no option {name}" for name in sorted(set(self.options) - kind.options)]
        if (shape := self.options.get("shape", "evs")) not in SHAPES:
            found.append(f"there is no shape {shape}")
        if self.kind == "member_fail" and self.volume_id is None:
            found.append("member_fail needs the volume_id of one member")
        if self.times < 1:
            found.append("times must be 1 or more")
        return found


class FaultQueue:
    """Waiting faults, oldest first."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Queue a fault. Raises ValueError for one that could never happen."""
        if problems := fault.problems():
            raise ValueError("; ".join(problems))
        self._waiting.append(fault)

    def take(self, channel: str, operation: str, volume_ids: frozenset[str]) -> Fault | None:
        """Use up and return the oldest fault that matches, or None."""
        for fault in self._waiting:
            if fault.matches(channel, operation, volume_ids):
                fault.times -= 1
                if fault.times == 0:
                    self._waiting.remove(fault)
                return fault
        return None

    def waiting(self) -> list[dict[str, Any]]:
        """The faults not used up yet."""
        return [
            {"operation": f.operation, "kind": f.kind, "times": f.times, "volume_id": f.volume_id, "options": f.options}
            for f in self._waiting
        ]

    def clear(self) -> None:
        """Forget every waiting fault."""
        self._waiting.clear()
