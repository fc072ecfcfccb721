"""What a person may let go wrong from the page: switches that stay on, and things that happen once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from bot.simulator.cloud import CloudSimulator
from bot.simulator.workspace import WorkspaceSimulator

ALWAYS = 1_000_000


@dataclass(frozen=True)
class Trouble:
    """`cloud`: the fault of each call while it is on, as (operation, kind, options); `slack`: the same of Slack."""

    id: str
    label: str
    told: str
    switch: bool = True
    cloud: tuple[str, str, dict[str, Any]] | None = None
    slack: tuple[str, dict[str, Any]] | None = None


TROUBLES = (
    Trouble(
        "busy-disk",
        "Disks are busy",
        "Another tool is snapshotting the disk: each order is refused while this is on.",
        cloud=("any", "external_busy", {"seconds": 4}),
    ),
    Trouble(
        "too-many-calls",
        "The cloud answers 429",
        "Every call meets the throttling limit.",
        cloud=("any", "429", {"retry_after": 2}),
    ),
    Trouble(
        "lost-answer",
        "The next answer is lost",
        "The cloud does what the next order says, be it a snapshot, a roll-back, a disk or a deletion, and the "
        "connection breaks before it answers.",
        switch=False,
        cloud=("order", "drop_after", {}),
    ),
    Trouble(
        "slow-jobs",
        "Snapshots are slow",
        "A snapshot that is begun now takes about a minute; so do a roll-back and a new disk.",
    ),
    Trouble(
        "failing-jobs",
        "Snapshots fail",
        "A snapshot that is begun now ends as failed; so do a roll-back and a new disk.",
        cloud=("any", "job_fail", {}),
    ),
    Trouble(
        "failing-roll-backs",
        "Roll-backs fail",
        "A roll-back that is begun now leaves its disk as error_rollbacking. It may be tried again.",
        cloud=("rollback_snapshot", "job_fail", {}),
    ),
    Trouble(
        "attached-meanwhile",
        "The disk is attached again",
        "Another person is quicker: the next roll-back or deletion finds its disk in use.",
        switch=False,
        cloud=("any", "attached_meanwhile", {}),
    ),
    Trouble("full-quota", "No room for a disk", "Each project has as many disks as it may have; no other can be made."),
    Trouble(
        "expired-token",
        "The token expires",
        "The cloud forgets the bot's token, as it does once a day.",
        switch=False,
        cloud=("any", "token_expired", {}),
    ),
    Trouble("no-api", "The region has no snapshots", "Every region answers that there is no such API."),
    Trouble(
        "slack-limits",
        "The workspace answers 429",
        "Messages and edits meet its limits and have to wait.",
        slack=("ratelimited", {"retry_after": 3}),
    ),
    Trouble(
        "dead-socket",
        "The connection breaks",
        "Every socket between the bot and the workspace closes without a goodbye.",
        switch=False,
    ),
)
BY_ID = {trouble.id: trouble for trouble in TROUBLES}
SLACK_METHODS = ("chat.postMessage", "chat.update")


class Troubles:
    """Which switches are on, and what that means for both simulators."""

    def __init__(self, cloud: CloudSimulator, workspace: WorkspaceSimulator) -> None:
        self._cloud, self._workspace = cloud, workspace
        self._on: set[str] = set()
        self._timing = cloud.world.timing
        self._rooms = {one.project_id: one.quotas.volumes for one in cloud.world.projects}
        self._apis = {one.project_id: (one.v5_offered, one.groups_offered) for one in cloud.world.projects}
        self._special: dict[str, Callable[[bool], Awaitable[None]]] = {
            "slow-jobs": self._slow_jobs,
            "no-api": self._no_api,
            "dead-socket": self._dead_socket,
            "full-quota": self._full_quota,
        }

    def shown(self) -> list[dict[str, Any]]:
        waiting = {
            (one["operation"], one["kind"]) for one in self._cloud.waiting_faults() if one["times"] < ALWAYS // 2
        }
        return [
            {
                "id": one.id,
                "label": one.label,
                "told": one.told,
                "switch": one.switch,
                "on": one.id in self._on,
                "waits": not one.switch and one.cloud is not None and one.cloud[:2] in waiting,
            }
            for one in TROUBLES
        ]

    async def turn(self, trouble_id: str, *, on: bool) -> None:
        """Turn a switch, or let the thing happen. Raises KeyError."""
        trouble = BY_ID[trouble_id]
        if trouble.switch:
            (self._on.add if on else self._on.discard)(trouble_id)
        if trouble_id in self._special:
            await self._special[trouble_id](on)
        elif trouble.switch:
            self._again()
        elif trouble.cloud is not None:
            operation, kind, options = trouble.cloud
            self._cloud.fault(operation, kind, **options)
        self._workspace.state.wake()

    def _again(self) -> None:
        """The waiting faults, made anew from what is on: no queue can take one of them back."""
        once = [one for one in self._cloud.waiting_faults() if one["times"] < ALWAYS // 2]
        self._cloud.clear_faults()
        for one in once:
            self._cloud.fault(one["operation"], one["kind"], volume_id=one["volume_id"], **one["options"])
        slack = self._workspace.state.faults
        slack.waiting = [one for one in slack.waiting if one.times < ALWAYS // 2]
        for trouble in TROUBLES:
            if trouble.id in self._on and trouble.cloud is not None:
                operation, kind, options = trouble.cloud
                self._cloud.fault(operation, kind, times=ALWAYS, **options)
            if trouble.id in self._on and trouble.slack is not None:
                kind, options = trouble.slack
                for method in SLACK_METHODS:
                    self._workspace.fault(kind, method=method, times=ALWAYS, **options)

    async def _slow_jobs(self, on: bool) -> None:
        slow = replace(self._timing, min_seconds=50.0, max_seconds=70.0)
        self._cloud.world.timing = slow if on else self._timing

    async def _no_api(self, on: bool) -> None:
        for project in self._cloud.world.projects:
            project.v5_offered, project.groups_offered = (False, False) if on else self._apis[project.project_id]

    async def _dead_socket(self, on: bool) -> None:
        await self._workspace.drop_sockets()

    async def _full_quota(self, on: bool) -> None:
        in_use = self._cloud.disks_by_project()
        for project in self._cloud.world.projects:
            project.quotas.volumes = in_use[project.project_id] if on else self._rooms[project.project_id]
