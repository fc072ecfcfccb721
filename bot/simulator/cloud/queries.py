"""Reading list queries: paging, sorting, id lists and tags, with EVS's own refusals.

Source: EVS API reference, ListSnapshotsDetailsV5 and the v2 list of disks; error codes.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from bot.simulator.cloud import errors
from bot.simulator.cloud.calls import is_uuid

MAX_LIMIT = 1000
MAX_IDS = 60
ALL_ENTERPRISE_PROJECTS = "all_granted_eps"
Row = TypeVar("Row", bound=Mapping[str, Any])


def page(rows: Sequence[Row], query: Mapping[str, str], *, most: int = MAX_LIMIT) -> list[Row]:
    """Cut one page out of sorted rows: what follows the marker, then offset, then limit. `most`: a service may give
    fewer rows than it was asked for.
    """
    limit = whole_number(query, "limit", MAX_LIMIT)
    offset = whole_number(query, "offset", 0)
    if limit < 1:
        raise errors.evs(400, "EVS.5400", "limit param must be positive.")
    if limit > MAX_LIMIT:
        raise errors.evs(400, "EVS.2142", "limit must not be over 1000.")
    if offset < 0:
        raise errors.evs(400, "EVS.1023", "invalid offset!")
    rest = list(rows)
    if (marker := query.get("marker")) is not None:
        places = [index for index, row in enumerate(rest) if row["id"] == marker]
        if not is_uuid(marker) or not places:
            raise errors.evs(400, "EVS.1024", "invalid marker!")
        rest = rest[places[0] + 1 :]
    return rest[offset : offset + min(limit, most)]


def whole_number(query: Mapping[str, str], name: str, default: int) -> int:
    """A whole number from the query."""
    try:
        return int(query.get(name, default))
    except ValueError:
        raise errors.evs(400, "EVS.5400", f"{name} param must be an integer.") from None


def ordered(rows: Sequence[Row], query: Mapping[str, str], keys: Mapping[str, Callable[[Row], Any]]) -> list[Row]:
    """Sort rows, which come oldest first, by sort_key (created_at unless told) and sort_dir (desc unless told)."""
    sort_key, sort_dir = query.get("sort_key", "created_at"), query.get("sort_dir", "desc")
    if sort_key not in keys:
        raise errors.evs(400, "EVS.1039", "invalid sort_key!")
    if sort_dir not in ("asc", "desc"):
        raise errors.evs(400, "EVS.1040", "invalid sort_dir!")
    ascending = sorted(rows, key=keys[sort_key])
    return ascending if sort_dir == "asc" else ascending[::-1]


def name_matches(wanted: str | None, name: str, *, fuzzy: bool) -> bool:
    """Whether a row passes the name filter."""
    return wanted is None or wanted == name or (fuzzy and wanted in name)


def plain_ids(text: str) -> frozenset[str]:
    """The `ids` of the snapshot list: id1,id2."""
    return _at_most_60([part.strip() for part in text.split(",") if part.strip()])


def quoted_ids(text: str) -> frozenset[str]:
    """The `ids` of the disk list, which looks different: ['id1','id2']."""
    try:
        parts = json.loads(text.replace("'", '"'))
    except ValueError:
        parts = None
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise errors.evs(400, "EVS.5400", "Malformed request url.")
    return _at_most_60(parts)


def tags_wanted(text: str) -> dict[str, str]:
    """The `tags` filter, JSON in any documented form: a list of key and value, an object, a list of objects."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if isinstance(value, list):
        value = _merged(value)
    if not isinstance(value, dict) or not all(isinstance(part, str) for pair in value.items() for part in pair):
        raise errors.evs(400, "EVS.1062", "invalid tag!")
    return value


def _merged(entries: list[Any]) -> dict[str, Any] | None:
    """Each entry is an object of a key and a value, or, for policies, of the tag itself."""
    merged: dict[str, Any] = {}
    for entry in entries:
        match entry:
            case {"key": key, "value": value}:
                merged[key] = value
            case dict():
                merged |= entry
            case _:
                return None
    return merged


def passes(query: Mapping[str, str], row: Mapping[str, Any], *names: str) -> bool:
    """Whether the row has the wanted text in each of these fields; a missing filter lets everything pass."""
    return all(query.get(name, row[name]) == row[name] for name in names)


def in_enterprise_project(query: Mapping[str, str], enterprise_project_id: str) -> bool:
    """Whether a row passes the enterprise project filter."""
    wanted = query.get("enterprise_project_id", ALL_ENTERPRISE_PROJECTS)
    return wanted in (ALL_ENTERPRISE_PROJECTS, enterprise_project_id)


def tag_filter(query: Mapping[str, str]) -> Callable[[Mapping[str, str]], bool]:
    """Read the filters `tags` and `tag_key` into a test for the tags of a row."""
    wanted = tags_wanted(query["tags"]) if "tags" in query else {}
    keys = {query["tag_key"]} if "tag_key" in query else set()
    return lambda tags: keys <= tags.keys() and wanted.items() <= tags.items()


def _at_most_60(ids: list[str]) -> frozenset[str]:
    if len(ids) > MAX_IDS:
        raise errors.evs(400, "EVS.5400", "Malformed request url.")
    return frozenset(ids)
