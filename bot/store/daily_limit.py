"""How many disks of a day are taken: by whom, and in which project."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from bot.domain.requests import Item, Request
from bot.store.database import Script, sql, to_ms


def room_for(request: Request, items: Sequence[Item], room: int | None) -> Script[tuple[int, bool]]:
    """How many disks of its day are taken, and whether a request fits in beside them. It is none of them yet."""
    wanted = sum(not item.ended for item in items)  # those left out of a plan take no room
    if room is None or not wanted:
        return 0, True
    used = yield from used_on(request.created_at, request.actor_id, items[0].project)
    return used, used + wanted <= room


def used_on(day: datetime, actor_id: str, project: str) -> Script[int]:
    """Disks this person asked for in this project on the UTC day of that moment.

    A request counts on the day it was made, whenever it is settled. Left out are disks that were never sent, and plans
    that nobody has confirmed yet; what waits for other people to agree counts.
    """
    midnight = day.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = yield sql(
        "select count(*) as used from request join item on item.request_id = request.id "
        "where request.actor_id = :actor_id and request.created_at >= :midnight and request.created_at < :next "
        "and request.state <> 'planned' and item.project = :project and item.state <> 'cancelled'",
        actor_id=actor_id,
        midnight=to_ms(midnight),
        next=to_ms(midnight + timedelta(days=1)),
        project=project,
    )
    return int(rows[0]["used"])
