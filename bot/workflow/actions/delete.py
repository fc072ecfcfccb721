"""Asking that restore points be let go, and agreeing to it: judged by who asks, from where, and once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from bot.domain import sentences
from bot.domain.access import approvals_to_delete, decide
from bot.domain.actors import Actor
from bot.domain.audit import AuditEntry, Decided, by_grant, of_request
from bot.domain.deletions import AGREE_MINUTES, SAFETY, Deletion, claims, deletable, named, still_kept
from bot.domain.denials import Denied
from bot.domain.items import Item
from bot.domain.orders import overwrites
from bot.domain.projects import Project
from bot.domain.requests import Request
from bot.domain.results import Told
from bot.domain.roles import Action
from bot.domain.transitions import DELETION, DeletionEvent, DeletionState
from bot.ports.audit import Audit
from bot.ports.clock import Clock
from bot.ports.deletions import Deletions
from bot.ports.grants import Grants
from bot.workflow.gate import Admitted, Gate, Verb

DELETED_ALREADY = "These are deleted already, or are about to be."
DECIDED_ALREADY = "This is settled already; the thread says what became of it."
KEEPS = "which still keeps it."
_OWN_ASKING = "You asked for this yourself; somebody else has to agree."

_DELETE = Verb(Action.DELETE, "delete", "I know no restore point {} that you may delete.")


@dataclass(frozen=True, slots=True)
class Doomed:
    """Items whose snapshots would be deleted. `asked_by`: another person asked for it, and this would be agreement.
    `missing`: how many others have to agree after it. `staying`: sentences about what the id names and is kept.
    """

    admitted: Admitted
    items: Sequence[Item]
    asked_by: str
    missing: int
    staying: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Meant:
    """The meaning of an id: what others asked to delete, what can be let go, and the ids of what can be given up."""

    admitted: Admitted
    others: Sequence[Deletion]
    wanted: Sequence[Item]
    joined: Sequence[str]


class Rows(Audit, Deletions, Grants, Protocol):
    """The roles of the store that this asks for."""


@dataclass(frozen=True, slots=True)
class Deleting:
    """Deletions that people ask for. `channel` None: from where there is no place; the place of the request counts."""

    store: Rows
    gate: Gate
    projects: Mapping[str, Project]
    clock: Clock

    async def delete(
        self, actor: Actor, channel: str | None, any_id: str, *, only: Collection[str] | None = None
    ) -> Told:
        """Ask to let go everything a request made, or one snapshot of it; or agree to another person's asking. What the
        request joined it gives up at once. `only`: ids of the items that may go by it, where they were named before.

        It is agreement only to what the id names: the request's own id, to all that others asked for of it.
        """
        meant = await self._meant(actor, channel, any_id, only)
        if isinstance(meant, Told):
            return meant
        if meant.others:
            return await self._agree(actor, meant.admitted, meant.others)
        told = [await self._let_go(actor, meant.admitted, meant.joined)] if meant.joined else []
        if meant.wanted:
            told.append(await self._ask(actor, meant.admitted, meant.wanted, any_id))
        return Told(" ".join(one.sentence for one in told), done=any(one.done for one in told))

    async def doomed(self, actor: Actor, channel: str, any_id: str) -> Doomed | Told:
        """Items that `delete` would let go for good; where there are none, its answer. What deletes nothing is done."""
        meant = await self._meant(actor, channel, any_id, None)
        if isinstance(meant, Told):
            return meant
        admitted, needed = meant.admitted, self._needed(meant.admitted.request)
        if meant.others:
            ids = {one.item_id for one in meant.others if actor.user_id not in one.agreed_by}
            if not ids:
                return await self._agree(actor, admitted, meant.others)
            going = [item for item in admitted.items if item.id in ids]
            return Doomed(admitted, going, meant.others[0].asked_by, max(needed - 1, 0))
        go, staying = await self._parted(actor, admitted, meant.wanted)
        rows = await self.store.deletions(admitted.request.id)
        before = {one.item_id for one in rows if one.state is not DeletionState.KEPT}
        if fresh := [item for item in go if item.id not in before]:
            return Doomed(admitted, fresh, "", needed, staying)
        told = [await self._let_go(actor, admitted, meant.joined)] if meant.joined else []
        told += [await self._asked_before(actor, admitted, [item.id for item in go])] if go else []
        sentences = [*(one.sentence for one in told), *staying]
        return Told(" ".join(sentences), done=any(one.done for one in told))

    async def _meant(
        self, actor: Actor, channel: str | None, any_id: str, only: Collection[str] | None
    ) -> _Meant | Told:
        async def action_of(request: Request) -> Action:
            return Action.APPROVE if await self._left_to(actor, request, any_id) else Action.DELETE

        def named_by(item_id: str, *ids: str | None) -> bool:
            return any_id in (item_id, *ids) and (only is None or item_id in only)

        admitted = await self.gate.admits(actor, channel, any_id, _DELETE, action_of=action_of)
        if isinstance(admitted, Told):
            return admitted
        request, items = admitted.request, admitted.items
        others = await self._left_to(actor, request, any_id)
        others = [one for one in others if only is None or one.item_id in only]
        wanted = [item for item in deletable(items) if named_by(item.id, request.id, item.snapshot_id)]
        joined = [item.id for item in claims(items) if any_id in (request.id, item.id)]
        if not others and not wanted and not joined:
            sentence = _why_nothing([item for item in items if any_id in (request.id, item.id, item.snapshot_id)])
            return await self.gate.refuse(actor, admitted, "nothing-to-delete", sentence)
        return _Meant(admitted, others, wanted, joined)

    async def agree(self, actor: Actor, channel: str | None, request_id: str, asking: int) -> Told:
        """The button: agree to exactly what its message names, if that still waits."""
        admitted = await self.gate.admits(actor, channel, request_id, replace(_DELETE, action=Action.APPROVE))
        if isinstance(admitted, Told):
            return admitted
        rows = [one for one in await self.store.deletions(admitted.request.id) if one.asking == asking]
        asked = [one for one in rows if one.state is DeletionState.ASKED]
        if not asked:
            return await self.gate.refuse(actor, admitted, "settled-before", DECIDED_ALREADY)
        if asked[0].asked_by == actor.user_id:
            return await self.gate.refuse(actor, admitted, "own-request", _OWN_ASKING)
        return await self._agree(actor, admitted, asked)

    async def _left_to(self, actor: Actor, request: Request, any_id: str) -> list[Deletion]:
        """Deletions that others asked for of what the id names, and that wait for one more to agree."""
        return [
            one
            for one in await self.store.deletions(request.id)
            if one.state is DeletionState.ASKED
            and any_id in (request.id, one.item_id, one.snapshot_id)
            and one.asked_by != actor.user_id
        ]

    async def _let_go(self, actor: Actor, admitted: Admitted, item_ids: Sequence[str]) -> Told:
        """Gives up what the request joined. That deletes nothing, so no other person has to agree to it."""
        request = admitted.request
        entry = by_grant(deletion_entry(actor, request, "allowed", "gave-up-joined", len(item_ids)), admitted.grant)
        gone = await self.store.let_go(request.id, item_ids, [entry])
        if not gone:
            sentence = "Somebody gave these up a moment before you."
            return await self.gate.refuse(actor, admitted, "settled-before", sentence)
        what = named([item.disk.label for item in gone])
        return Told(
            f"Request {request.id} no longer keeps {what}. Nothing is deleted by that: what made a snapshot is what it "
            "can be deleted by, once nobody else keeps it.",
            done=True,
        )

    async def _ask(self, actor: Actor, admitted: Admitted, wanted: Sequence[Item], any_id: str) -> Told:
        go, staying = await self._parted(actor, admitted, wanted)
        asked = [await self._ask_for(actor, admitted, go, any_id)] if go else []
        return Told(" ".join([*(one.sentence for one in asked), *staying]), done=any(one.done for one in asked))

    async def _parted(
        self, actor: Actor, admitted: Admitted, wanted: Sequence[Item]
    ) -> tuple[Sequence[Item], Sequence[str]]:
        """The items that may go, and why the rest stays; that is written down."""
        request = admitted.request
        keepers = still_kept(await self.store.sharing(request.id), self.clock.now())
        stay = [item for item in wanted if item.snapshot_id in keepers]
        staying = [
            await self._why_it_stays(actor, admitted.place, item, keepers[item.snapshot_id or ""]) for item in stay
        ]
        if stay:
            await self.store.audit([deletion_entry(actor, request, "denied", "kept-by-another-request", len(stay))])
        return [item for item in wanted if item.snapshot_id not in keepers], staying

    async def _ask_for(self, actor: Actor, admitted: Admitted, wanted: Sequence[Item], any_id: str) -> Told:
        request = admitted.request
        needed, now = self._needed(request), self.clock.now()
        rows = [
            Deletion(
                item.id,
                request.id,
                item.project,
                item.snapshot_id or "",
                item.disk.id,
                item.disk.label,
                DELETION.after(None, DeletionEvent.ASK if needed else DeletionEvent.GO),
                actor.user_id,
                admitted.place,
                now,
                agreed_at=None if needed else now,
            )
            for item in wanted
        ]
        entry = by_grant(deletion_entry(actor, request, "allowed", "granted", len(rows)), admitted.grant)
        fresh = await self.store.ask_deletion(rows, [entry])
        if not fresh:
            return await self._asked_before(actor, admitted, [row.item_id for row in rows])
        what = named([one.label for one in fresh])
        if needed:
            safety = f"{SAFETY} " if overwrites(request.order) else ""
            others = "Another person who may approve has" if needed == 1 else f"{needed} others who may approve have"
            where = "that I send them" if request.told_directly else "in the thread"
            return Told(
                f"{safety}{others} to agree within {AGREE_MINUTES} minutes to delete {what}: by the button {where}, "
                f"or by typing `delete {any_id}` too.",
                done=True,
            )
        return Told(f"Deleting {what}; the thread says when they are gone.", done=True)

    async def _asked_before(self, actor: Actor, admitted: Admitted, wanted: Collection[str]) -> Told:
        waiting = any(
            one.state is DeletionState.ASKED and one.item_id in wanted
            for one in await self.store.deletions(admitted.request.id)
        )
        if waiting:
            return await self.gate.refuse(actor, admitted, "own-request", _OWN_ASKING)
        sentence = DELETED_ALREADY
        return await self.gate.refuse(actor, admitted, "asked-before", sentence)

    async def _why_it_stays(self, actor: Actor, channel: str, item: Item, keeper: Request) -> str:
        """Names the other request to a person who may see it."""
        alias = keeper.project or ""
        grants = await self.store.grants_for(actor)
        seen = decide(actor, Action.VIEW, alias, self.projects.get(alias), channel, grants, self.clock.now())
        kept_by = f"Kept: the snapshot of {sentences.quoted(item.disk.label)} is also a restore point of"
        if isinstance(seen, Denied):
            return f"{kept_by} another request, {KEEPS}"
        return f"{kept_by} request {keeper.id}, {KEEPS} To give that up: `delete {keeper.id}`."

    async def _agree(self, actor: Actor, admitted: Admitted, asked: Sequence[Deletion]) -> Told:
        request = admitted.request
        fresh = [one for one in asked if actor.user_id not in one.agreed_by]
        if not fresh:
            return await self.gate.refuse(actor, admitted, "agreed-before", "You agreed to this already.")
        needed = self._needed(request)
        entry = by_grant(deletion_entry(actor, request, "allowed", "agreed-to-delete", len(fresh)), admitted.grant)
        moved = await self.store.agree_to_deletion(fresh, actor.user_id, needed, [entry])
        if not moved:
            return await self.gate.refuse(actor, admitted, "settled-before", DECIDED_ALREADY)
        what = named([one.label for one in moved])
        missing = max(needed - len(one.agreed_by) for one in moved)
        if missing <= 0:
            return Told(f"You agreed, so I delete {what} now.", done=True)
        more = "1 more person has" if missing == 1 else f"{missing} more people have"
        return Told(f"You agreed to delete {what}; {more} to agree.", done=True)

    def _needed(self, request: Request) -> int:
        return approvals_to_delete(request.order, self.projects.get(request.project or ""))


def _why_nothing(meant: Sequence[Item]) -> str:
    if any(not item.ended for item in meant):
        return "It is still being made. What has begun in the cloud can be deleted once it is finished; ask again then."
    if any(item.gone for item in meant):
        return DELETED_ALREADY
    return "Nothing of that was made by this request, so there is nothing of it to delete."


def deletion_entry(actor: Actor, request: Request, outcome: Decided, rule: str, count: int) -> AuditEntry:
    return of_request(actor, _DELETE.name, request, outcome, rule, snapshots=count)
