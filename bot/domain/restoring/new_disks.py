"""A disk that is made of a snapshot, and the room there is for it: the EVS API's own field names and limits.

Sources: EVS API Reference, Creating EVS Disks (v2.1), Querying Details of Tenant Quotas; SDK CreateVolumeOption.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from bot.domain.snapshots import fitted_name, legal_tags, stamp, within_bytes

DISK_TEXT_BYTES = 255
"""A disk's name and its description, in UTF-8 (Creating EVS Disks)."""

DISK_GIB = range(1, 32_769)
"""System disks begin at 1 GiB, data disks at 10 (Creating EVS Disks, `size`)."""

RATES_NEEDED: Mapping[str, tuple[str, ...]] = {"GPSSD2": ("iops", "throughput"), "ESSD2": ("iops",)}
"""Disk types of which speed is ordered as well (Creating EVS Disks, `iops`, `throughput`)."""

_TOKENS = uuid.UUID("5d1f0c2e-6f0b-5e0a-9a54-3b7d5c7e4f10")


class CreateDisk(BaseModel):
    """The `volume` object of POST /v2.1/{project_id}/cloudvolumes, for a disk made of a snapshot. `size` is in GiB.

    Zone, type and at least the size are the snapshot's. `server_id` is left out on purpose: the bot attaches nothing.
    A field left as None is not sent. Source: EVS API Reference, Creating EVS Disks (v2.1).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    snapshot_id: str = Field(min_length=1)
    availability_zone: str = Field(min_length=1)
    size: int
    volume_type: str = Field(min_length=1)
    name: str | None = None
    description: str | None = None
    tags: dict[str, str] | None = None
    enterprise_project_id: str | None = None
    iops: int | None = None
    throughput: int | None = None

    @field_validator("size")
    @classmethod
    def _size_is_in_range(cls, size: int) -> int:
        if size not in DISK_GIB:
            raise PydanticCustomError("size", "A disk has 1 to 32768 GiB; this says {got}.", {"got": size})
        return size

    @field_validator("name", "description")
    @classmethod
    def _text_fits(cls, text: str | None) -> str | None:
        if text is not None and len(text.encode()) > DISK_TEXT_BYTES:
            message = "The name and the description of a disk hold 255 bytes each; this one has {got}."
            raise PydanticCustomError("disk_text_too_long", message, {"got": len(text.encode())})
        return text

    @field_validator("tags")
    @classmethod
    def _tags_are_legal(cls, tags: dict[str, str] | None) -> dict[str, str] | None:
        return tags if tags is None else legal_tags(tags)

    @model_validator(mode="after")
    def _speed_is_ordered(self) -> CreateDisk:
        missing = [one for one in RATES_NEEDED.get(self.volume_type, ()) if getattr(self, one) is None]
        if missing:
            facts = {"type": self.volume_type, "missing": " and ".join(missing)}
            raise PydanticCustomError(
                "rates_missing", "A disk of type {type} can't be ordered without {missing}.", facts
            )
        return self

    def body(self) -> dict[str, Any]:
        """The JSON body. `create_for_volume_id` has the answer name the new disk (SDK CreateVolumeOption)."""
        return {"volume": {**self.model_dump(exclude_none=True), "metadata": {"create_for_volume_id": "true"}}}


def client_token(of: str) -> str:
    """The X-Client-Token of what an id stands for: a UUID, the same however often it is asked for.

    The cloud answers a second order with the same one within 8 hours as it answered the first.
    """
    return str(uuid.uuid5(_TOKENS, of))


def restored_name(disk_name: str, disk_id: str, taken_at: datetime) -> str:
    """`{disk}-restored-{yyyymmddThhmmZ}` within the limits of a snapshot's name, which a disk's are wider than."""
    return within_bytes(fitted_name((disk_name or disk_id, "restored", stamp(taken_at)), disk_id), DISK_TEXT_BYTES)


def _first(value: object) -> object:
    """The id of the one disk that was ordered, where the answer names it."""
    return value[0] if isinstance(value, list) and value and isinstance(value[0], str) else None


class DiskTicket(BaseModel):
    """The answer to an order of one disk: the job that makes it, and its id where the cloud told it."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    job_id: str
    disk_id: Annotated[str | None, BeforeValidator(_first), Field(alias="volume_ids")] = None


class Quota(BaseModel):
    """How much of one thing a project may have, and has. A `limit` of -1 is none."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    limit: int
    in_use: int = 0
    reserved: int = 0

    @property
    def room(self) -> int | None:
        """How much may still be made; None without a limit."""
        return None if self.limit < 0 else max(self.limit - self.in_use - self.reserved, 0)


class Quotas(BaseModel):
    """The `quota_set` of GET /v2/{project_id}/os-quota-sets/{project_id}?usage=True. `gigabytes` is of all disks.

    A quota that the answer does not tell is None. Whether standard snapshots count among `snapshots` is not documented.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    volumes: Quota | None = None
    gigabytes: Quota | None = None

    def lacking(self, *, disks: int, gib: int) -> str:
        """Which of the two does not suffice for so many more, as words; "" where both do, or are not told."""
        wanted = ((self.volumes, disks, "disks"), (self.gigabytes, gib, "GB of disks"))
        for quota, more, words in wanted:
            room = None if quota is None else quota.room
            if room is not None and room < more:
                return f"{more} {words}, and its quota leaves room for {room}"
        return ""
