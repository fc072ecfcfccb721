"""Which project a channel is tied to, and by which selectors."""

from __future__ import annotations

import json
from collections.abc import Sequence

from bot.domain.audit import AuditEntry
from bot.domain.bindings import Binding
from bot.domain.granting import BOT_TOML
from bot.ports.grants import Rebound
from bot.store.columns import as_json
from bot.store.reading import readable
from bot.store.script import Query, Row, Script, insert, sql
from bot.store.transactions import Transactions

BY_COMMAND = "slack"


def project_of(channel: str) -> Script[str | None]:
    """The project of the channel's first binding; None where it has none, or where its bindings disagree."""
    rows = yield sql("select distinct project from binding where channel_id = :channel", channel=channel)
    return rows[0]["project"] if len(rows) == 1 else None


def of_channel(channel: str) -> Script[list[Binding]]:
    """The bindings of a channel, in the order in which they were said."""
    rows = yield sql("select * from binding where channel_id = :channel order by position", channel=channel)
    return (yield from readable(rows, _binding, "binding"))


def in_project(project: str) -> Script[list[Binding]]:
    """The bindings of all channels to a project, those of one channel together."""
    text = "select * from binding where project = :project order by channel_id, position"
    return (yield from readable((yield sql(text, project=project)), _binding, "binding"))


def bound_to(channel: str) -> Script[list[tuple[str, int]]]:
    """The projects that a channel is bound to, each with how many of its rows can't be read; in their order."""
    rows = yield sql("select * from binding where channel_id = :channel order by position", channel=channel)
    unread = {row["project"]: 0 for row in rows}
    for row in rows:
        unread[row["project"]] += not (yield from readable([row], _binding, "binding"))
    return list(unread.items())


def _binding(row: Row) -> Binding:
    selector = json.loads(row["selector_json"])
    return Binding(
        row["channel_id"],
        row["project"],
        selector.get("server"),
        selector.get("server_id"),
        selector.get("tag"),
        tuple(selector.get("disks", ())),
        row["keep_days"],
        bool(row["confirm"]),
        row["reason"],
    )


def rebind(channel: str, bindings: Sequence[Binding], over: Sequence[str]) -> Script[Rebound]:
    """Replace what was bound by command, unless a file binds the channel, or it means other projects than `over`."""
    rows = yield sql("select project, source from binding where channel_id = :channel", channel=channel)
    if {row["project"] for row in rows} - set(over):
        return "settled-before"
    if any(row["source"] != BY_COMMAND for row in rows):
        return "kept-by-file"
    yield _without_commands(channel)
    yield from _add(BY_COMMAND, bindings)
    return "done"


def replace_source(source: str, bindings: Sequence[Binding]) -> Script[None]:
    """Make the rows of one source exactly these; a file overrules what was bound by command."""
    yield sql("delete from binding where source = :source", source=source)
    for channel in dict.fromkeys(binding.channel for binding in bindings):
        yield _without_commands(channel)
    yield from _add(source, bindings)


def _without_commands(channel: str) -> Query:
    return sql("delete from binding where channel_id = :channel and source = :mine", channel=channel, mine=BY_COMMAND)


def _add(source: str, bindings: Sequence[Binding]) -> Script[None]:
    for position, binding in enumerate(bindings):
        selector = {
            "server": binding.server,
            "server_id": binding.server_id,
            "tag": binding.tag,
            "disks": list(binding.disks),
        }
        row = {
            "channel_id": binding.channel,
            "position": position,
            "project": binding.project,
            "selector_json": as_json({key: value for key, value in selector.items() if value}),
            "keep_days": binding.keep_days,
            "confirm": int(binding.confirm),
            "reason": binding.reason,
            "source": source,
        }
        yield insert("binding", row)


class StoredBindings(Transactions):
    """Implements `bot.ports.grants.Bindings`, and the same for bot.toml."""

    async def bound_project(self, channel: str) -> str | None:
        return await self._database.read(project_of, channel)

    async def bindings(self, channel: str) -> list[Binding]:
        return await self._database.read(of_channel, channel)

    async def bound_to(self, channel: str) -> list[tuple[str, int]]:
        """The projects a channel is bound to, each with how many of its bindings can't be read."""
        return await self._database.read(bound_to, channel)

    async def bind(
        self, channel: str, bound: Sequence[Binding], entries: Sequence[AuditEntry], *, over: Sequence[str]
    ) -> Rebound:
        """Make what was bound by command in a channel exactly this, if it means these projects still (`over`)."""
        return await self._audited(
            lambda _: rebind(channel, bound, over), entries, done=lambda became: became == "done"
        )

    async def configured_bindings(self, configured: Sequence[Binding]) -> None:
        """Make the bindings of `bot.toml` exactly what the file says."""
        await self._database.run(replace_source, BOT_TOML, configured)
