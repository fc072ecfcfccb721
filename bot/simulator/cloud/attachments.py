"""Plugging disks into servers and out, as a person does it in the console: the cloud's API for it is not here.

A system disk is unplugged from a server that is stopped, so it is stopped first, and started with its disk again.
Source: EVS user guide, Detaching a System Disk, Rolling Back Data from a Snapshot.
"""

from datetime import datetime, timedelta

from bot.simulator.cloud.resources import Attachment, Change, Disk, Server
from bot.simulator.cloud.world import CloudWorld

SECONDS = 2.0
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def attach(world: CloudWorld, disk: Disk, now: datetime, *, seconds: float = SECONDS) -> None:
    """Plug a disk into the server that it belongs to. Raises ValueError."""
    if disk.status_at(now) != "available":
        raise ValueError(f"{disk.name} is {disk.status_at(now)}: only a disk that is available can be attached.")
    server = home_of(world, disk)
    if server is None:
        raise ValueError(f"There is no server that {disk.name} could be attached to.")
    before = next((one.device for one in disk.attachments if one.server_id == server.id), "")
    attachment = Attachment(server.id, before or _free_device(world, server, now))
    attachment.since = now
    disk.attachments = [attachment]
    disk.change = Change("attaching", now, now + timedelta(seconds=seconds), "in-use")
    if _is_system_disk(disk, attachment):
        server.status = "ACTIVE"


def detach(world: CloudWorld, disk: Disk, now: datetime) -> None:
    """Unplug a disk from every server. Raises ValueError."""
    if disk.status_at(now) != "in-use":
        raise ValueError(f"{disk.name} is {disk.status_at(now)}: only a disk that is in use can be detached.")
    ends_at = now + timedelta(seconds=SECONDS)
    for attachment in disk.attachments_at(now):
        attachment.until = ends_at
        if attachment.server_id in world.servers and _is_system_disk(disk, attachment):
            world.servers[attachment.server_id].status = "SHUTOFF"
    disk.change = Change("detaching", now, ends_at, "available")


def home_of(world: CloudWorld, disk: Disk) -> Server | None:
    """The server that a disk belongs to: where it is or was, else that of the disk it is a copy of, or any."""
    for attachment in disk.attachments:
        if attachment.server_id in world.servers:
            return world.servers[attachment.server_id]
    if (origin := world.snapshots.get(disk.snapshot_id)) is not None and origin.volume_id in world.disks:
        return home_of(world, world.disks[origin.volume_id])
    beside = [one for one in world.servers.values() if one.project_id == disk.project_id]
    return min(beside, key=lambda one: (one.availability_zone != disk.availability_zone, one.name), default=None)


def _is_system_disk(disk: Disk, attachment: Attachment) -> bool:
    return disk.bootable and attachment.device == "/dev/vda"


def _free_device(world: CloudWorld, server: Server, now: datetime) -> str:
    taken = {
        attachment.device
        for disk in world.disks.values()
        for attachment in disk.attachments_at(now)
        if attachment.server_id == server.id
    }
    return next(name for letter in LETTERS[1:] if (name := f"/dev/vd{letter}") not in taken)
