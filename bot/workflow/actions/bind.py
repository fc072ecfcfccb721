"""`bind` and `unbind`: what `quick` means in a channel, said by an admin of the project and written in the trail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.domain.access import Reach, decide
from bot.domain.actors import Actor
from bot.domain.audit import of_binding, read_entry
from bot.domain.bindings import Binding
from bot.domain.denials import (
    Denied,
    account_refused,
    no_place_to_bind,
    which_project_to_bind,
    who_can_help,
)
from bot.domain.granting import EVERY_PROJECT, may_administer
from bot.domain.orders import Selector
from bot.domain.parsing.commands import Bind
from bot.domain.projects import Project
from bot.domain.requests import Place
from bot.domain.results import Told
from bot.domain.roles import Action
from bot.domain.selecting import selectors_of
from bot.ports.audit import Audit
from bot.ports.clock import Clock
from bot.ports.grants import Bindings, Grants, Rebound

_NOT_YOURS = "This channel means something already that you may not change. Ask the people who run the snapshot bot."


class Rows(Audit, Bindings, Grants, Protocol):
    """The roles of the store that this asks for."""


@dataclass(frozen=True, slots=True)
class ChannelBindings:
    """Makes no cloud call."""

    store: Rows
    projects: Mapping[str, Project]
    clock: Clock

    async def bind(self, actor: Actor, place: Place, asked: Bind) -> Told:
        """Makes the channel mean exactly this; what was bound by command before is replaced, by an admin of both."""
        channel, alias = place.channel_id, await self._project(actor, place, asked.project)
        if isinstance(alias, Denied):
            return _refused(alias.explanation)
        before = await self._bound(channel)
        if await self._closed(actor, "bind", channel, before):
            return _refused(_NOT_YOURS)
        if not asked.selectors:
            await self.store.audit([of_binding(actor.user_id, "bind", channel, alias, "nothing-named")])
            return _refused("Say what: `bind server=web-01`, `bind tag=tier:prod` or `bind disks=a,b`.")
        bindings = [_row(channel, alias, asked, part) for part in _parts(asked.selectors)]
        entry = of_binding(actor.user_id, "bind", channel, alias, "granted", "done")
        match await self.store.bind(channel, bindings, [entry], over=before):
            case "done":
                return Told(f"From now on, `quick` in this channel means {told_bindings(bindings)}.", done=True)
            case why:
                return await self._kept(actor, "bind", channel, alias, why)

    async def unbind(self, actor: Actor, channel: str) -> Told:
        # Said to all alike, so that it tells no person what is bound where.
        nothing = _refused("I know of nothing that you may unbind here.")
        before = await self._bound(channel)
        if not before:
            await self.store.audit([of_binding(actor.user_id, "unbind", channel, "", "nothing-bound")])
            return nothing
        if await self._closed(actor, "unbind", channel, before):
            return nothing
        entry = of_binding(actor.user_id, "unbind", channel, before[0], "granted", "done")
        match await self.store.bind(channel, [], [entry], over=before):
            case "done":
                return Told("This channel is bound to nothing now; `quick` asks what is meant.", done=True)
            case why:
                return await self._kept(actor, "unbind", channel, before[0], why)

    async def _bound(self, channel: str) -> Sequence[str]:
        """The projects the channel is bound to."""
        return [project for project, _ in await self.store.bound_to(channel)]

    async def _closed(self, actor: Actor, action: str, channel: str, bound: Sequence[str]) -> bool:
        """Whether the channel means a project that this person does not administer. A person who may not change it does
        not hear its name; that is in the trail alone. One that is no longer configured is left to the admins of all.
        """
        if refused := account_refused(actor):
            await self.store.audit([of_binding(actor.user_id, action, channel, "", refused.rule)])
            return True
        grants, now = await self.store.grants_for(actor), self.clock.now()
        for alias in bound:
            asked = alias if alias in self.projects else EVERY_PROJECT
            decision = may_administer(actor, asked, self.projects.get(alias), channel, grants, now)
            if isinstance(decision, Denied):
                await self.store.audit([of_binding(actor.user_id, action, channel, alias, decision.rule)])
                return True
        return False

    async def _kept(self, actor: Actor, action: str, channel: str, alias: str, why: Rebound) -> Told:
        await self.store.audit([of_binding(actor.user_id, action, channel, alias, why)])
        if why == "settled-before":
            return _refused("Somebody changed what this channel means a moment before you. Look at it, then try again.")
        return _refused("This channel is bound in bot.toml; that file has to be changed.")

    async def may_bind(self, actor: Actor, place: Place) -> Sequence[str]:
        """The projects to which this person may bind this channel."""
        return () if place.direct else await self._where(actor, Action.ADMINISTER, place.channel_id)

    async def bindable(self, actor: Actor, place: Place) -> Sequence[str] | Told:
        """The same, asked before the form opens, which shows them: a reading; or why it does not open."""
        channel, bindable = place.channel_id, await self._administered(actor, place)
        if isinstance(bindable, Denied):
            return _refused(bindable.explanation)
        if await self._closed(actor, "bind", channel, await self._bound(channel)):
            return _refused(_NOT_YOURS)
        self.store.note([read_entry(actor.user_id, "bind-form", bindable, channel)])
        return bindable

    async def usable(self, actor: Actor, channel: str) -> Sequence[str]:
        """The projects in which this person may make snapshots from here."""
        return await self._where(actor, Action.CREATE, channel)

    async def _where(self, actor: Actor, action: Action, channel: str) -> Sequence[str]:
        if account_refused(actor):
            return ()
        grants, now = await self.store.grants_for(actor), self.clock.now()
        return Reach(actor, action, self.projects, channel, grants, now).usable()

    async def _project(self, actor: Actor, place: Place, named: str | None) -> str | Denied:
        """The project, named or the only one; or why not, written down."""
        if not named:
            found = await self._administered(actor, place)
            if isinstance(found, Denied):
                return found
            if len(found) == 1:
                return found[0]
            question = which_project_to_bind(found)
            await self.store.audit([of_binding(actor.user_id, "bind", place.channel_id, "", question.rule, "asked")])
            return question
        if refused := await self._refused_anywhere(actor, place, named):
            return refused
        grants, now = await self.store.grants_for(actor), self.clock.now()
        project = self.projects.get(named)
        decision = decide(actor, Action.ADMINISTER, named, project, place.channel_id, grants, now)
        if not isinstance(decision, Denied):
            return named
        return who_can_help(await self._denied(actor, place, named, decision), await self.store.helpers(named))

    async def _administered(self, actor: Actor, place: Place) -> Sequence[str] | Denied:
        """The projects to which this person may bind this channel; or why to none, written down."""
        if refused := await self._refused_anywhere(actor, place):
            return refused
        found = await self.may_bind(actor, place)
        return found or await self._denied(actor, place, "", which_project_to_bind(found))

    async def _refused_anywhere(self, actor: Actor, place: Place, named: str = "") -> Denied | None:
        refused = account_refused(actor) or (no_place_to_bind() if place.direct else None)
        return await self._denied(actor, place, named, refused) if refused else None

    async def _denied(self, actor: Actor, place: Place, alias: str, why: Denied) -> Denied:
        await self.store.audit([of_binding(actor.user_id, "bind", place.channel_id, alias, why.rule)])
        return why


def _refused(sentence: str) -> Told:
    return Told(f"{sentence} Nothing was changed.", done=False)


def told_bindings(bindings: Sequence[Binding]) -> str:
    """The meaning of `quick`, in words."""
    first = bindings[0]
    what = ", ".join(selector.shown for selector in selectors_of(bindings))
    kept = f", kept {first.keep_days} days" if first.keep_days else ""
    asks = "it shows its plan first" if any(one.confirm for one in bindings) else "it runs at once"
    return f"{what} in {first.project}{kept}; {asks}"


def _parts(selectors: Sequence[Selector]) -> list[tuple[Selector, ...]]:
    """A row for each selector; the disks share one."""
    disks = tuple(one for one in selectors if one.kind == "disk")
    return [(one,) for one in selectors if one.kind != "disk"] + ([disks] if disks else [])


def _row(channel: str, alias: str, asked: Bind, part: tuple[Selector, ...]) -> Binding:
    kind = part[0].kind
    named = {kind: part[0].value} if kind != "disk" else {}
    return Binding(
        channel,
        alias,
        named.get("server"),
        named.get("server_id"),
        named.get("tag"),
        tuple(one.value for one in part) if kind == "disk" else (),
        asked.keep_days,
        asked.confirm is not False,
        asked.reason,
    )
