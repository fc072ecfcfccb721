"""What a person hears who binds a channel and leaves open to which project, and what the trail says of it."""

from __future__ import annotations

import pytest

from bot.domain.orders import Selector
from bot.domain.parsing.commands import Bind
from bot.domain.requests import Place
from bot.store.store import Store
from bot.workflow.actions.bind import ChannelBindings
from tests.builders import FakeClock, a_grant, a_project, an_actor


@pytest.mark.parametrize(
    ("administered", "outcome", "told"),
    [
        (["payments", "shop"], "asked", "Which project? Say project=payments or project=shop."),
        ([], "denied", "Only an admin of a project may bind a channel to it."),
    ],
)
async def test_which_of_several_projects_is_a_question_and_no_denial(
    store: Store, clock: FakeClock, administered: list[str], outcome: str, told: str
) -> None:
    await store.configured_grants([a_grant("U1", "admin", alias) for alias in administered])
    bindings = ChannelBindings(store, {alias: a_project(alias) for alias in ("payments", "shop", "vault")}, clock)
    answer = await bindings.bind(an_actor(), Place("T1", "C1"), Bind((Selector("server", "web-01"),)))
    assert (answer.done, answer.sentence) == (False, f"{told} Nothing was changed.")
    rows = [row for row in await store.audit_page(0) if row["actor"] == "U1"]
    assert [(row["action"], row["outcome"], row["rule"]) for row in rows] == [("bind", outcome, "no-project-chosen")]
    assert await store.bindings("C1") == []
