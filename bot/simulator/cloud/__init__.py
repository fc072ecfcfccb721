"""A simulated Huawei Cloud on two loopback ports: EVS with standard snapshots, IAM and the metadata service on one, ECS
on the other.

It knows nothing of the bot and shares no code with it: the wire is what both have in common.
"""

from bot.simulator.cloud.default_world import default_world
from bot.simulator.cloud.resources import Attachment, Disk, Job, Server, Snapshot, SnapshotGroup
from bot.simulator.cloud.server import CloudSimulator
from bot.simulator.cloud.world import AccessKey, Agency, CloudWorld, Project, Switches, Timing, User

__all__ = [
    "AccessKey",
    "Agency",
    "Attachment",
    "CloudSimulator",
    "CloudWorld",
    "Disk",
    "Job",
    "Project",
    "Server",
    "Snapshot",
    "SnapshotGroup",
    "Switches",
    "Timing",
    "User",
    "default_world",
]
