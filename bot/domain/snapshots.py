"""The EVS API's snapshot, volume and task: its own field names, checked against its own limits.

Sources: EVS API Reference, CreateSnapshotV5 (request), ListSnapshotsDetailsV5 and ShowSnapshotV5 (answers),
evs_04_0054 (jobs), cloudvolumes/detail (disks).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, field_validator
from pydantic_core import PydanticCustomError

from bot.domain.normalise import visible
from bot.domain.sentences import without_mentions

NAME_CHARACTERS = 64
DESCRIPTION_CHARACTERS = 85
TAGS_PER_SNAPSHOT = 20
RETENTION_DAYS = range(1, 65_537)
"""Days for which `retention_days` is defined (SDK 3.1.219 only; sent where a project says so)."""

REQUEST_TAG = "snapshot-bot-request"
"""The bot's own tag: its value is the item's id, and how a lost answer is found again."""

TEST_TAG = "snapshot-bot-test"
"""On a disk that is deleted once it is there: it was made to see whether it can be."""

DISKS_PER_GROUP = 64
"""Source: EVS User Guide, Creating a Snapshot Consistency Group."""

GROUP_TEXT_BYTES = 255
"""A group's name and its description, in UTF-8 (CreateSnapshotGroup)."""

COPYABLE_STATES = frozenset({"available", "in-use"})
"""Disk states in which a snapshot can be made (EVS User Guide, Creating a Snapshot: Prerequisites)."""

WITHOUT_INSTANT_ACCESS = frozenset({"SATA", "SAS"})
"""Disk types that offer no Instant Snapshot Restore (CreateSnapshotV5, `instant_access`)."""

_TAG_KEY = re.compile(r"[A-Za-z0-9_\-\u4e00-\u9fff]{1,36}")
_TAG_VALUE = re.compile(r"[A-Za-z0-9_.\-\u4e00-\u9fff]{0,43}")
OF_CLOUD_BACKUP = "autobk_snapshot_"
"""How the names of Cloud Backup's snapshots begin."""


def legal_tags(tags: dict[str, str]) -> dict[str, str]:
    """The same rules for a snapshot and for a group. Source: EVS API Reference, CreateSnapshotV5, `tags`."""
    for key, value in tags.items():
        if not _TAG_KEY.fullmatch(key):
            message = "The tag key “{key}” is not allowed: 1 to 36 letters, digits, _ or -."
            raise PydanticCustomError("tag_key", message, {"key": key[:60].replace("`", "ˋ")})
        if not _TAG_VALUE.fullmatch(value):
            message = "The value of tag “{key}” is not allowed: at most 43 letters, digits, _, - or a dot."
            raise PydanticCustomError("tag_value", message, {"key": key})
    if len(tags) > TAGS_PER_SNAPSHOT:
        message = "A snapshot holds 20 tags, the bot's own included; this would be {got}."
        raise PydanticCustomError("tags_too_many", message, {"got": len(tags)})
    return tags


class CreateStandardSnapshot(BaseModel):
    """The `snapshot` object of POST /v5/{project_id}/snapshots. Lengths are in characters.

    A field left as None is not sent. Source: EVS API Reference, CreateSnapshotV5, table 4.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    volume_id: str
    name: str | None = None
    description: str | None = None
    tags: dict[str, str] | None = None
    enterprise_project_id: str | None = None
    instant_access: bool | None = None
    incremental: bool | None = None
    retention_days: int | None = None

    @field_validator("name")
    @classmethod
    def _name_fits(cls, name: str | None) -> str | None:
        if name is None:
            return None
        if not name.strip():
            raise PydanticCustomError("name_empty", "A snapshot name needs at least one character.")
        if len(name) > NAME_CHARACTERS:
            message = "A snapshot name holds 64 characters; this one has {got}."
            raise PydanticCustomError("name_too_long", message, {"got": len(name)})
        if name.startswith(OF_CLOUD_BACKUP):
            message = "Names that begin with autobk_snapshot_ belong to Cloud Backup; choose another."
            raise PydanticCustomError("name_reserved", message)
        return name

    @field_validator("description")
    @classmethod
    def _description_fits(cls, description: str | None) -> str | None:
        if description is not None and len(description) > DESCRIPTION_CHARACTERS:
            message = "A description holds 85 characters; this one has {got}."
            raise PydanticCustomError("description_too_long", message, {"got": len(description)})
        return description

    @field_validator("tags")
    @classmethod
    def _tags_are_legal(cls, tags: dict[str, str] | None) -> dict[str, str] | None:
        return tags if tags is None else legal_tags(tags)

    @field_validator("retention_days")
    @classmethod
    def _retention_is_in_range(cls, days: int | None) -> int | None:
        if days is not None and days not in RETENTION_DAYS:
            message = "A snapshot can be kept for 1 to 65536 days; this says {got}."
            raise PydanticCustomError("retention_days", message, {"got": days})
        return days

    def body(self) -> dict[str, Any]:
        """The JSON body, nothing in it that was not asked for."""
        return {"snapshot": self.model_dump(exclude_none=True)}


class CreateSnapshotGroup(BaseModel):
    """The `snapshot_group` object of POST /v5/{project_id}/snapshot-groups. With `server_id` all disks must be
    attached to that server. A field left as None is not sent. Source: SDK CreateSnapshotGroupOption.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    volume_ids: tuple[str, ...]
    server_id: str | None = None
    name: str | None = None
    description: str | None = None
    tags: dict[str, str] | None = None
    enterprise_project_id: str | None = None

    @field_validator("name", "description")
    @classmethod
    def _text_fits(cls, text: str | None) -> str | None:
        if text is not None and len(text.encode()) > GROUP_TEXT_BYTES:
            message = "The name and the description of a group hold 255 bytes each; this one has {got}."
            raise PydanticCustomError("group_text_too_long", message, {"got": len(text.encode())})
        return text

    @field_validator("tags")
    @classmethod
    def _tags_are_legal(cls, tags: dict[str, str] | None) -> dict[str, str] | None:
        return tags if tags is None else legal_tags(tags)

    def body(self) -> dict[str, Any]:
        """The JSON body, nothing in it that was not asked for."""
        return {"snapshot_group": self.model_dump(mode="json", exclude_none=True)}


def within_bytes(text: str, most: int = GROUP_TEXT_BYTES) -> str:
    """As much of a text as fits, whole characters only."""
    return text.encode()[:most].decode(errors="ignore")


class GroupTicket(BaseModel):
    """The answer to the creation of a group: its id, and the job that fills it. Source: SDK CreateSnapshotGroup."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    job_id: str
    snapshot_group_id: str


class SnapshotTicket(BaseModel):
    """The 202 answer to a create: the snapshot exists by name only, the job fills it. Source: CreateSnapshotV5."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    job_id: str
    snapshot_id: str


def _utc(value: object) -> object:
    """EVS writes UTC without a zone (`2026-01-15T08:30:00.123456`), jobs with a Z; empty means not yet."""
    if not isinstance(value, str):
        return value
    if not value:
        return None
    try:
        read = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return None
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def _percent(value: object) -> object:
    """`"100%"` in the v2 example, no v5 sample is known: with and without the sign, parts of a percent and empty are
    all read.
    """
    if isinstance(value, str):
        value = value.strip().rstrip("%").strip()
    if not isinstance(value, str | int | float):
        return value
    try:
        return min(max(int(float(value)), 0), 100)
    except (ValueError, OverflowError):
        return None


def _object(value: object) -> object:
    """An object on snapshots and disks; a list of pairs in the calls for tags, so that is read here too."""
    if value is None:
        return {}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return {pair["key"]: pair.get("value", "") for pair in value if isinstance(pair, Mapping) and "key" in pair}
    return value


def _mapping(value: object) -> object:
    return value if isinstance(value, Mapping) else {}


def _rate(value: object) -> object:
    """`{"total_val": 3000, …}` on disks whose speed is ordered; elsewhere absent."""
    told = value.get("total_val") if isinstance(value, Mapping) else value
    return told if isinstance(told, int) and not isinstance(told, bool) else None


def _text(value: object) -> object:
    return without_mentions(value) if isinstance(value, str) else "" if value is None else value


def _number(value: object) -> object:
    return 0 if value is None else value


def _rows(value: object) -> object:
    return () if value is None else value


UtcTime = Annotated[datetime | None, BeforeValidator(_utc)]
Percent = Annotated[int | None, BeforeValidator(_percent)]
Text = Annotated[str, BeforeValidator(_text)]
Tags = Annotated[dict[str, Any], BeforeValidator(_object)]
Rate = Annotated[int | None, BeforeValidator(_rate)]


class _Tagged(BaseModel):
    """The fields that rows of snapshots and of groups share. Unknown fields are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    name: Text = ""
    status: Text = ""
    created_at: UtcTime = None
    tags: Tags = {}
    unread: frozenset[str] = frozenset()
    """Fields that the cloud's row had in no form that can be read; they stand at their defaults."""

    @property
    def request_tag(self) -> str | None:
        """The item or group that it was made for, if the bot asked for it."""
        value = self.tags.get(REQUEST_TAG)
        return value if isinstance(value, str) else None


class Snapshot(_Tagged):
    """One row of GET /v5/{project_id}/snapshots/detail. `size` is in GiB, `progress` in percent.

    Source: EVS API Reference, ListSnapshotsDetailsV5; SDK SnapshotDetailV5.
    """

    volume_id: Text = ""
    availability_zone: Text = ""
    size: int | None = None
    progress: Percent = None
    incremental: bool | None = None
    snapshot_group_id: str | None = None
    snapshot_type: Text = ""
    category: Text = ""

    @property
    def by_hand(self) -> bool:
        """A standard snapshot that was made by hand: only these count towards a disk's limit. Cloud Backup's own are
        `auto`, copies from elsewhere `copy`; `flash` and legacy ones are no standard snapshots.
        """
        return self.snapshot_type in ("", "user") and self.category in ("", "standard")


class SnapshotGroup(_Tagged):
    """One row of GET /v5/{project_id}/snapshot-groups/detail. It lists no members; they carry its id.

    Source: SDK SnapshotGroupDetail.
    """


class Job(BaseModel):
    """GET /v1/{project_id}/jobs/{job_id}. Anything but SUCCESS and FAIL is pending. Source: EVS API Reference,
    evs_04_0054. What `entities` holds for a snapshot job is not documented, so only the disk of a new one is read.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    status: Text
    error_code: Text = ""
    fail_reason: Text = ""
    entities: Annotated[dict[str, Any], BeforeValidator(_mapping)] = {}

    @property
    def disk_id(self) -> str | None:
        """The disk that a createVolume job makes, once the cloud tells it."""
        told = self.entities.get("volume_id")
        return told if isinstance(told, str) and told else None

    @property
    def ended(self) -> Literal["success", "fail"] | None:
        match self.status:
            case "SUCCESS":
                return "success"
            case "FAIL":
                return "fail"
            case _:
                return None

    @property
    def failure(self) -> str:
        """Why it failed, as a sentence."""
        return f"The cloud could not create it: {self._reason}."

    @property
    def not_rolled_back(self) -> str:
        """The same of a roll-back."""
        return f"The cloud could not roll it back: {self._reason}."

    @property
    def _reason(self) -> str:
        said = " ".join(self.fail_reason.split())[:200]
        code = f" ({self.error_code})" if self.error_code else ""
        return f"{said or 'no reason given'}{code}"


class Attachment(BaseModel):
    """Where a disk hangs. Its `host_name` is left out: it is the physical host, or null. `server_name` is ECS's to
    tell, and empty until it did. Source: cloudvolumes/detail, `attachments`.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    server_id: Text = ""
    server_name: str = ""
    device: Text = ""


class Disk(BaseModel):
    """One volume of GET /v2/{project_id}/cloudvolumes/detail. `size` is in GiB, `throughput` in MiB/s; `snapshot_id` is
    the snapshot that it was made of.

    Source: huaweicloudDocs/evs, Querying Details About All Disks (v2).
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    name: Text = ""
    status: Text = ""
    size: Annotated[int, BeforeValidator(_number)] = 0
    volume_type: Text = ""
    availability_zone: Text = ""
    attachments: Annotated[tuple[Attachment, ...], BeforeValidator(_rows)] = ()
    tags: Tags = {}
    snapshot_id: Text = ""
    updated_at: UtcTime = None
    iops: Rate = None
    throughput: Rate = None
    unread: frozenset[str] = frozenset()

    @property
    def server(self) -> str:
        """The name of the server it is attached to, or its id where no name is known; empty when not attached."""
        return next((one.server_name or one.server_id for one in self.attachments), "")

    @property
    def label(self) -> str:
        return self.name or self.id


def stamp(at: datetime) -> str:
    """A moment as it stands in a snapshot's name: `20261123T2059Z`."""
    return at.astimezone(UTC).strftime("%Y%m%dT%H%MZ")


def mark_of(disk_id: str) -> str:
    """Six digits drawn from an id, to keep names apart."""
    return hashlib.sha256(disk_id.encode()).hexdigest()[:6]


def fitted_name(parts: tuple[str, ...], disk_id: str) -> str:
    """Join the parts with dashes within 64 characters; the middle gives way, a time stamp at the end stays.

    What is cut is replaced by six digits drawn from the disk's id, so two disks with one long prefix keep two names.
    Characters that can't be seen in a name are left out. A beginning that belongs to Cloud Backup gets another word
    before it.
    """
    whole = visible("-".join(part for part in parts if part))
    if whole.startswith(OF_CLOUD_BACKUP):
        return fitted_name(("disk", *parts), disk_id)
    if len(whole) <= NAME_CHARACTERS:
        return whole
    mark = mark_of(disk_id)
    tail_room = 14
    tail = parts[-1] if len(parts) > 1 and len(parts[-1]) <= tail_room else ""
    ending = "-".join(part for part in (mark, tail) if part)
    head = visible("-".join(part for part in (parts[:-1] if tail else parts) if part))
    return f"{head[: NAME_CHARACTERS - len(ending) - 1].rstrip('-')}-{ending}"
