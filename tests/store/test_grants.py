"""Grants in the store: found by their key, changed with their audit rows or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.actors import AccountKind
from bot.domain.audit import AuditEntry
from bot.domain.denials import MENTIONED_ADMINS
from bot.domain.granting import Subject
from bot.domain.roles import Grant
from bot.ports.grants import Revision, Rights
from bot.store.store import Store
from tests.builders import NOON, a_grant, an_actor

BOB = Subject("user", "U2")
ENTRY = AuditEntry("U1", "grant", "payments", "done")


async def revise(store: Store, *added: Grant, removed: Sequence[Grant] = (), project: str = "payments") -> Rights:
    """Change Bob's grants; answers what the decision was shown."""
    shown: list[Rights] = []

    def decide(rights: Rights) -> Revision:
        shown.append(rights)
        return Revision("", [ENTRY], added=added, removed=removed)

    await store.revise_grants(an_actor("U1", AccountKind.MEMBER, "S1"), BOB, project, decide)
    return shown[0]


async def test_a_change_is_shown_who_asks_whom_it_is_about_and_every_admin_there(store: Store) -> None:
    mine, of_my_group, bobs = a_grant("U1"), a_grant("S1", kind="group"), a_grant("U2", "viewer")
    here, everywhere, elsewhere = a_grant("U7", "admin"), a_grant("U8", "admin", "*"), a_grant("U9", "admin", "shop")
    await store.configured_grants([mine, of_my_group, bobs, here, everywhere, elsewhere, a_grant("U3")])
    rights = await revise(store)
    assert set(rights.held) == {mine, of_my_group}
    assert list(rights.theirs) == [bobs]
    assert set(rights.admins) == {here, everywhere}
    assert set((await revise(store, project="*")).admins) == {here, everywhere, elsewhere}


async def test_whom_to_ask_are_a_few_of_those_who_are_admins_there_now(store: Store) -> None:
    later = NOON + timedelta(hours=1)
    await store.configured_grants(
        [
            a_grant("U1", "admin", expires_at=NOON),
            a_grant("U2", "admin", expires_at=later),
            a_grant("U3", "admin", expires_at=later + timedelta(hours=1)),
            a_grant("S4", "admin", kind="group"),
            a_grant("", "admin", kind="everyone"),
            a_grant("U5", "approver"),
            a_grant("U6", "admin", "shop"),
            a_grant("U7", "admin", "*"),
        ]
    )
    await revise(store, replace(a_grant("S4", "admin", kind="group"), source="slack"))

    async def named(project: str) -> list[str]:
        return [grant.subject_id for grant in await store.helpers(project)]

    assert await named("payments") == ["S4", "U3", "U2"]
    assert await named("shop") == ["U6", "U7"]
    assert await named("nowhere") == await named("*") == ["U7"]


async def test_of_many_admins_only_as_many_are_read_as_are_named(store: Store) -> None:
    await store.configured_grants([a_grant(f"U{number}", "admin") for number in range(50)])
    assert len(await store.helpers("payments")) == MENTIONED_ADMINS


async def test_who_may_approve_in_a_project_is_found_among_its_own_and_those_of_every_project(
    store: Store,
) -> None:
    theirs = [a_grant("U1", "approver"), a_grant("U2", "admin"), a_grant("S3", "approver", "*", kind="group")]
    others = [a_grant("U4"), a_grant("U5", "approver", "shop"), a_grant("U6", "approver", expires_at=NOON)]
    await store.configured_grants([*theirs, *others])
    assert set(await store.approver_grants("payments")) == set(theirs)


async def test_rows_are_added_and_removed_with_their_audit_row(store: Store) -> None:
    given = a_grant("U2", expires_at=NOON)
    await revise(store, given)
    await revise(store, a_grant("U2"))
    assert await store.grants_of(BOB) == [a_grant("U2")]
    await revise(store, removed=[given])
    assert await store.grants_of(BOB) == []
    assert len(await store.audit_page(0)) == 3


async def test_only_the_row_of_that_source_is_removed(store: Store) -> None:
    await store.configured_grants([a_grant("U2")])
    slack = Grant("user", "U2", a_grant().role, "payments", None, "slack")
    await revise(store, slack)
    await revise(store, removed=[slack])
    assert await store.grants_of(BOB) == [a_grant("U2")]


async def test_a_change_that_fails_leaves_neither_rows_nor_trail(store: Store) -> None:
    def fails(_: Rights) -> Revision:
        return Revision("", [ENTRY], added=[a_grant("U2"), None])  # type: ignore[list-item]  # a bug, on purpose

    with pytest.raises(AttributeError):
        await store.revise_grants(None, BOB, "payments", fails)
    assert await store.grants_of(BOB) == []
    assert await store.audit_page(0) == []


async def test_a_source_is_changed_by_itself(store: Store) -> None:
    row = Grant("user", "U2", a_grant().role, "payments", None, "file:rights.toml")
    await store.revise_source("file:rights.toml", lambda rights: Revision("", added=[row]))
    await store.configured_grants([a_grant("U2")])
    shown: list[Rights] = []

    def look(rights: Rights) -> Revision:
        shown.append(rights)
        return Revision("")

    await store.revise_source("file:rights.toml", look)
    assert list(shown[0].theirs) == [row] == await store.grants_from("file:rights.toml")


async def test_the_end_of_a_grant_is_written_down_once(store: Store) -> None:
    later = NOON + timedelta(hours=1)
    ended, ending = a_grant("U1", expires_at=NOON), a_grant("U2", expires_at=later)
    await store.configured_grants([ended, ending, a_grant("U3")])
    told: list[Grant] = []

    def tell(grant: Grant) -> AuditEntry:
        told.append(grant)
        return ENTRY

    for _ in range(2):
        assert await store.expire_grants(tell) == later
    assert told == [ended]
