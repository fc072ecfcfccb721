"""A simulated Huawei Cloud on two loopback ports: EVS with standard snapshots, IAM and the metadata service on one, ECS
on the other.

It knows nothing of the bot and shares no code with it: the wire is what both have in common. The official SDK and
OpenStack's run against it in the tests.

What differs from the real cloud, beside what each module says of itself:
- Nothing is stored: a roll-back takes its time and shows its states, and no bytes change. Snapshot policies make none.
- EVS has no QoS, retype, transfer, change of billing or enlarging of many disks; ECS and IAM have what reads servers,
  projects and tokens; every other path is one that is not published (404 APIGW.0101).
- EVS and IAM share an address, so the versions at its root are IAM's.
- Where sources disagree or say nothing, `Switches` chooses; where an error's code is told nowhere, the module says so.
- Rights are names of actions, of a user or the agency; conditions and resources of policies are not looked at.
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
