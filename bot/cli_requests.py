"""`snapshot-bot requests cancel` and `retry`: the gate that presses and commands pass, for an operator at the terminal.

Only rows change. A running bot looks them through each half minute; one that does not run goes on with them when it
starts.
"""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable

from bot.cli import BAD_USE, DONE, FAILED, complain, opened_as, say
from bot.clock import SystemClock
from bot.domain.actors import AccountKind, Actor
from bot.domain.errors import LookupFailed
from bot.domain.results import Told
from bot.domain.roles import Grant, Role
from bot.domain.sentences import AT_TERMINAL, as_words, quoted
from bot.domain.terminal_text import harmless
from bot.identifiers import new_id
from bot.settings import StoreSettings
from bot.store.store import Store
from bot.workflow.actions.cancel import Cancelling
from bot.workflow.actions.try_again import Retrying
from bot.workflow.gate import Gate
from bot.workflow.intake import Intake

OPERATOR = Actor(AT_TERMINAL, AccountKind.MEMBER, frozenset())
RIGHT = Grant("user", AT_TERMINAL, Role.OPERATOR, "*", source=AT_TERMINAL)
"""They may write the store, so they may do what an operator may in every project: under its approvals and ceilings."""

OPEN_REQUESTS = 100_000
"""As many as any bot.toml may allow a person: this is no person's press."""


class OperatorsStore(Store):
    """The store, as the gate asks it for the operator's rights."""

    async def grants_for(self, actor: Actor) -> list[Grant]:
        return [RIGHT] if actor == OPERATOR else await super().grants_for(actor)


class NoSlack:
    """People, where Slack is not asked."""

    def known(self, user_id: str) -> Actor | None:
        return None

    async def look_up(self, user_id: str) -> Actor:
        raise LookupFailed("Slack is not asked here.")


async def cancel(settings: StoreSettings, options: argparse.Namespace) -> int:
    async def cancelled(store: OperatorsStore, gate: Gate) -> Told:
        return await Cancelling(store, gate).cancel(OPERATOR, None, options.id)

    return await _done(settings, options.id, cancelled)


async def retry(settings: StoreSettings, options: argparse.Namespace) -> int:
    async def tried_again(store: OperatorsStore, gate: Gate) -> Told:
        intake = Intake(
            store, NoSlack(), settings.projects, gate.clock, lambda: new_id("r"), open_requests=OPEN_REQUESTS
        )
        return await Retrying(store, gate, intake).again_for_its_requester(OPERATOR, options.id)

    return await _done(settings, options.id, tried_again)


async def _done(settings: StoreSettings, any_id: str, verb: Callable[[OperatorsStore, Gate], Awaitable[Told]]) -> int:
    async with opened_as(OperatorsStore, settings) as store:
        found = await store.find(any_id)
        if found is None:
            complain(f"No request, item, job or snapshot has the id {harmless(any_id)}.")
            return FAILED
        alias = found[0].project
        if alias is not None and alias not in settings.projects:
            complain(f"There is no project {quoted(alias)} in bot.toml. Name the file that has it with --config.")
            return BAD_USE
        told = await verb(store, Gate(store, settings.projects, SystemClock()))
    (say if told.done else complain)(as_words(told.sentence))
    return DONE if told.done else FAILED
