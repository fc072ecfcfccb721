"""The replicas that run on a database, as the server sees them."""

from __future__ import annotations

from collections.abc import Sequence

from bot.store.postgres.connection import ERRORS, cannot_open, connect

NAMED = "snapshot-bot jobs"
"""The `application_name` of the connection that each replica's engine holds for as long as it runs."""

_PLACES = """
select distinct coalesce(host(client_addr), 'this machine') as place from pg_stat_activity
where datname = current_database() and application_name = $1
"""


async def places_of_bots(url: str) -> Sequence[str]:
    """The addresses from which bots are connected. Raises StoreFailed."""
    try:
        connection = await connect(url)
        try:
            return [row["place"] for row in await connection.fetch(_PLACES, NAMED)]
        finally:
            await connection.close()
    except (ValueError, *ERRORS) as exc:
        raise cannot_open(exc, url) from exc
