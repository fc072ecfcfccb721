"""One row that can't be read, as a later version may leave it: it is set aside and logged, and the others go on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest

from bot.domain.attempts import submitting
from bot.domain.bindings import Binding
from bot.domain.errors import StoreTooNew
from bot.domain.forms import Form
from bot.domain.granting import Subject
from bot.domain.items import ended, taken
from bot.domain.orders import Create
from bot.domain.requests import Place
from bot.domain.transitions import ItemState, RequestState
from bot.ports.forms import DeferredReply
from bot.ports.lookups import Filters
from bot.store.database import Database
from bot.store.script import Query, Script, sql
from bot.store.sqlite.database import SqliteDatabase
from bot.store.store import Store
from tests.builders import NOON, a_grant, a_request, an_actor, an_item
from tests.store.test_store import arriving, received, running

Spoil = Callable[..., Awaitable[None]]


@pytest.fixture
def spoil(database: Database) -> Spoil:
    """Write into a row what this version does not know."""

    def text(table: str, where: str, values: Mapping[str, object]) -> Query:
        changed = ", ".join(f"{name} = :{name}" for name in values)
        return sql(f"update {table} set {changed} where {where} returning 1 as one", **values)

    def into_a_file(table: str, where: str, values: Mapping[str, object]) -> Script[int]:
        yield sql(f"drop trigger if exists {table}_moves")
        return len((yield text(table, where, values)))

    def into_a_server(table: str, where: str, values: Mapping[str, object]) -> Script[int]:
        yield sql(f"drop trigger if exists {table}_moves on {table}")
        yield sql(f"alter table {table} drop constraint if exists {table}_state_check")
        return len((yield text(table, where, values)))

    async def write(table: str, where: str, **values: object) -> None:
        if isinstance(database, SqliteDatabase):
            await database.run(unchecked)
            assert await database.run(into_a_file, table, where, values) >= 1
            return
        kept = {
            name: NO_DATE if name in NUMBERS and isinstance(value, str) else value for name, value in values.items()
        }
        assert await database.run(into_a_server, table, where, kept) >= 1

    return write


def unchecked() -> Script[None]:
    yield sql("pragma ignore_check_constraints = on")


NO_DATE = 2**62
"""PostgreSQL keeps no word where a number belongs; there the number of a moment is one that no date has."""

NUMBERS = ("due_at", "remind_at", "since")


async def two_under_way(store: Store) -> None:
    for number, name in enumerate(("r-one", "r-two"), 1):
        item = taken(submitting(an_item(number, request_id=name), NOON), f"snap-{name}", "job")
        await running(store, item, request_id=name)


UNREADABLE_ITEMS = [
    {"state": "frozen"},
    {"disk_json": '{"id": "d", "colour": "red"}'},
    {"snapshot_json": "{"},
    {"due_at": "soon"},
]
UNREADABLE_REQUESTS = [
    {"state": "paused"},
    {"order_json": '{"disks": ["a"], "moon": 1}'},
    {"warnings_json": ""},
    {"created_at": 10**18},
]


@pytest.mark.parametrize("values", UNREADABLE_ITEMS)
async def test_an_item_that_cannot_be_read_leaves_the_others_watched_and_told(
    store: Store, spoil: Spoil, values: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    await two_under_way(store)
    await spoil("item", "request_id = 'r-one'", **values)
    left = await store.creating("payments")
    assert [item.request_id for item in left] == ["r-two"]
    assert await store.save(ended(left[0], ItemState.AVAILABLE, NOON))
    assert {request.id for request, *_ in await store.outbox("C1", ["r-one", "r-two"])} == {"r-one", "r-two"}
    await store.creating("payments")
    told = [vars(record) for record in caplog.records if "set aside" in record.getMessage()]
    assert [(one["table"], one["row"].split()[0]) for one in told] == [("item", "r-one-1")]
    assert "colour" not in caplog.text


@pytest.mark.parametrize("values", UNREADABLE_REQUESTS)
async def test_a_request_that_cannot_be_read_leaves_its_channel_its_voice(
    store: Store, spoil: Spoil, values: dict[str, object]
) -> None:
    await two_under_way(store)
    await spoil("request", "id = 'r-one'", **values)
    assert [request.id for request, *_ in await store.outbox("C1", ["r-one", "r-two"])] == ["r-two"]
    assert [request.id for request, _ in await store.recent(Filters())] == ["r-two"]
    assert [item.request_id for item in await store.creating("payments")] == ["r-one", "r-two"]
    for item in await store.creating("payments"):
        assert await store.save(ended(item, ItemState.AVAILABLE, NOON))
    assert [await store.request("r-one"), await store.find("snap-r-one"), await store.item("r-one-1")] == [None] * 3
    assert await store.jobs()


async def test_a_request_with_an_item_that_cannot_be_read_is_never_told_as_finished(store: Store, spoil: Spoil) -> None:
    await running(store, an_item(1), taken(submitting(an_item(2), NOON), "snap-2", "job"))
    await spoil("item", "id = 'r-one-1'", state="frozen")
    (second,) = await store.creating("payments")
    assert await store.save(ended(second, ItemState.AVAILABLE, NOON))
    found = await store.request("r-one")
    assert found is not None
    assert (found[0].state, [item.state for item in found[1]]) == (RequestState.RUNNING, [ItemState.AVAILABLE])
    await spoil("item", "id = 'r-one-1'", state="planned")
    found = await store.request("r-one")
    assert found is not None
    await store.save(ended(found[1][0], ItemState.CANCELLED, NOON))
    after = await store.request("r-one")
    assert after is not None
    assert after[0].state is RequestState.FINISHED


async def test_a_disk_copied_for_an_item_that_cannot_be_read_is_not_copied_a_second_time(
    store: Store, spoil: Spoil
) -> None:
    await running(store, taken(submitting(an_item(1), NOON), "snap-1", "job"))
    await spoil("item", "id = 'r-one-1'", disk_json="?")
    await running(store, an_item(1, request_id="r-two"), request_id="r-two")
    found = await store.item("r-two-1")
    assert found is not None
    assert await store.start(submitting(found[0], NOON), []) is None


async def test_what_follows_an_item_is_not_held_up_by_a_follower_that_cannot_be_read(
    store: Store, spoil: Spoil
) -> None:
    await running(store, taken(submitting(an_item(1), NOON), "snap-1", "job"))
    for name in ("r-two", "r-three"):
        await running(store, an_item(1, request_id=name), request_id=name)
        found = await store.item(f"{name}-1")
        assert found is not None
        assert await store.start(submitting(found[0], NOON), [])
    await spoil("item", "id = 'r-two-1'", disk_json="?")
    (leader,) = await store.creating("payments")
    assert await store.save(ended(leader, ItemState.AVAILABLE, NOON))
    third = await store.item("r-three-1")
    assert third is not None
    assert third[0].state is ItemState.AVAILABLE


UNREADABLE_DATES = [
    ("request", "id = 'r-one'", {"remind_at": "soon", "ended_at": 1}),
    ("request", "id = 'r-one'", {"state": "waiting", "waits_until": 10**18}),
    ("item", "request_id = 'r-one'", {"state": "planned", "due_at": "soon"}),
]


@pytest.mark.parametrize(("table", "where", "values"), UNREADABLE_DATES)
async def test_a_date_that_cannot_be_read_keeps_no_other_duty_from_being_found(
    store: Store, spoil: Spoil, table: str, where: str, values: dict[str, object]
) -> None:
    await two_under_way(store)
    await spoil(table, where, **values)
    assert {"watch:payments", "report:C1"} <= {key for key, _, _ in await store.jobs()}


async def test_a_restore_point_that_cannot_be_read_hides_no_other_of_its_disk(store: Store, spoil: Spoil) -> None:
    for name in ("r-one", "r-two"):
        made = ended(
            taken(submitting(an_item(1, request_id=name), NOON), f"snap-{name}", "job"), ItemState.AVAILABLE, NOON
        )
        await running(store, made, request_id=name)
    await spoil("item", "request_id = 'r-one'", snapshot_json="{")
    assert [item.id for item in await store.points_of([an_item(1)])] == ["r-two-1"]


async def test_another_try_that_cannot_be_read_hides_no_other(store: Store, spoil: Spoil) -> None:
    await running(store, an_item(1))
    for number in range(2):
        request = a_request(f"r-again-{number}", state=RequestState.RECEIVED)
        await store.take_in(f"again:r-one:{number}", "C1", an_actor(), arriving(request))
    await spoil("request", "id = 'r-again-0'", order_json="?")
    assert [one.id for one in await store.tries_of("r-one")] == ["r-again-1"]


async def test_a_grant_that_cannot_be_read_gives_nothing_and_takes_nothing_from_the_others(
    store: Store, spoil: Spoil
) -> None:
    await store.configured_grants([a_grant(), a_grant(role="admin")])
    await spoil("access_grant", "role = 'admin'", role="emperor")
    assert [str(grant.role) for grant in await store.grants_for(an_actor())] == ["operator"]
    assert [str(grant.role) for grant in await store.every_grant()] == ["operator"]


async def test_a_binding_a_notice_a_form_and_an_answer_that_cannot_be_read_are_set_aside(
    store: Store, spoil: Spoil
) -> None:
    await store.configured_bindings([Binding("C1", "payments", "web-01"), Binding("C1", "payments", "web-02")])
    await spoil("binding", "position = 0", selector_json="{")
    assert [binding.server for binding in await store.bindings("C1")] == ["web-02"]
    await store.open_form(Form("f1", "U1", Place("T1", "C1"), Create(("a",)), NOON))
    await spoil("form", "id = 'f1'", order_json="{}[")
    assert await store.form("f1") is None
    await store.take_deferred_reply(DeferredReply("e1", "command", "U1", "C1", None, {}, NOON))
    await spoil("deferred_reply", "id = 'e1'", payload_json="")
    assert await store.deferred_reply("e1") is None
    await received(store)
    await store.tell_directly("r-one", [Subject("user", "U8"), Subject("user", "U9")])
    await spoil("notice", "subject_id = 'U8'", since="then")
    assert [notice.subject.id for notice in await store.untold("r-one")] == ["U9"]


async def test_a_store_that_a_later_version_changed_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    def later() -> Script[None]:
        yield sql(
            "insert into _sqlite_migrations (migration_set, name, applied_at) "
            "values ('snapshot-bot', '9999-moon-phases', '2030-01-01')"
        )

    database = SqliteDatabase(tmp_path / "store.db")
    await database.open()
    await database.run(later)
    await database.close()
    with pytest.raises(StoreTooNew, match=r"later version.*9999-moon-phases"):
        await SqliteDatabase(tmp_path / "store.db").open()
