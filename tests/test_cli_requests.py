"""`snapshot-bot requests cancel` and `retry`, on both stores, with no secret and no bot that runs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.clock import SystemClock
from bot.domain.audit import by_grant, of_request
from bot.domain.items import Item
from bot.domain.orders import Restore
from bot.domain.requests import Request
from bot.domain.transitions import ItemState, RequestState, RestorationState
from bot.ports.requests import Incoming
from bot.settings.checks import store_url
from bot.store.opening import database_at
from bot.store.store import Store
from tests.builders import NOON, FakeClock, a_disk, a_grant, a_request, a_restoration, an_actor, an_item
from tests.postgres import database_of, postgres_server
from tests.test_cli_grants import Run, Said, run

__all__ = ["postgres_server", "run"]

ID = "r-abcdefgh"
MINUTE = timedelta(minutes=1)
OnStore = Callable[[Callable[[Store], Awaitable[Any]]], Any]


@pytest.fixture(params=["sqlite", "postgres"])
def on_store(run: Run, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[OnStore]:
    """Do something with the store as the bot would."""
    with asyncio.Runner() as runner:
        made = database_of(request.getfixturevalue("postgres_server")) if request.param == "postgres" else None
        url = runner.run(made.__aenter__()) if made else "sqlite:///snapshot-bot.db"
        monkeypatch.setenv("BOT_STORE", url)

        def on_store(work: Callable[[Store], Awaitable[Any]]) -> Any:
            async def done() -> Any:
                database = database_at(store_url(url), SystemClock())
                await database.open()
                try:
                    return await work(Store(database, FakeClock()))
                finally:
                    await database.close()

            return asyncio.run(done())

        yield on_store
        if made:
            runner.run(made.__aexit__(None, None, None))


def asked(*states: ItemState, state: RequestState = RequestState.RUNNING, **fields: Any) -> Any:
    """A request with a disk in each of these states."""

    async def done(store: Store) -> None:
        received = a_request(ID, state=RequestState.RECEIVED)
        await store.take_in("d", "C1", None, lambda *_: Incoming(received))
        items = [an_item(number, one, request_id=ID) for number, one in enumerate(states, start=1)]
        await store.decide_plan(replace(received, state=state, **fields), items, [])
        await store.watched(items)  # which finishes it where all have ended

    return done


async def standing(store: Store) -> tuple[Request, list[Item]]:
    found = await store.find(ID)
    assert found is not None
    return found


async def retried(store: Store) -> list[Request]:
    return await store.tries_of(ID)


def requests(run: Run, *arguments: str) -> Said:
    return run(*arguments, verb="requests")


def trail(run: Run) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run("export", verb="audit").out.splitlines()]


# --- cancel -----------------------------------------------------------------------------------------------------------


def test_what_waits_is_called_back_whole_and_stands_in_the_trail_as_the_terminals(run: Run, on_store: OnStore) -> None:
    on_store(asked(ItemState.PLANNED, state=RequestState.WAITING, approvals_needed=1))
    said = requests(run, "cancel", ID)
    assert (said.code, said.out) == (0, "Cancelled. Nothing was created.\n")
    request, items = on_store(standing)
    assert (request.state, request.rule, request.to_send) == (RequestState.DROPPED, "cancelled", True)
    assert request.explanation == "An operator at the terminal cancelled it. Nothing was created."
    assert [item.state for item in items] == [ItemState.CANCELLED]
    (row,) = trail(run)
    assert (row["actor"], row["action"], row["subject"], row["outcome"]) == ("terminal", "cancel", ID, "allowed")
    assert row["details"]["requester"] == "U1"
    again = requests(run, "cancel", ID)
    assert (again.code, again.err) == (1, "This request has ended; nothing is left to cancel.\n")
    assert trail(run)[-1]["rule"] == "ended-before"
    assert run("verify", verb="audit").code == 0


def test_what_was_sent_goes_on_and_the_rest_is_called_back_by_the_id_of_a_disk(run: Run, on_store: OnStore) -> None:
    on_store(asked(ItemState.CREATING, ItemState.PLANNED))
    said = requests(run, "cancel", f"{ID}-2")
    assert (said.code, said.out.startswith("1 disk was not sent yet and cancelled.")) == (0, True)
    _, items = on_store(standing)
    assert [item.state for item in items] == [ItemState.CREATING, ItemState.CANCELLED]
    assert items[1].cause == "An operator at the terminal cancelled it before it was sent."
    late = requests(run, "cancel", ID)
    assert (late.code, late.err.startswith("Too late:")) == (1, True)


# --- retry ------------------------------------------------------------------------------------------------------------


def test_what_failed_is_tried_again_once_in_the_name_of_its_requester(run: Run, on_store: OnStore) -> None:
    on_store(asked(ItemState.AVAILABLE, ItemState.FAILED))
    said = requests(run, "retry", ID)
    (again,) = on_store(retried)
    assert (said.code, said.err) == (0, "")
    assert said.out == (
        f"On it: another try of 1 disk, request `{again.id}`. It runs once another person agrees. "
        "It is in the name of U1, and told where the first one is.\n"
    )
    assert (again.actor_id, again.state, again.project) == ("U1", RequestState.RECEIVED, "payments")
    assert (again.place, again.reply_channel) == (a_request().place, "C1")
    assert again.order.disks == (an_item(2).disk.id,)
    (row,) = trail(run)
    assert (row["actor"], row["action"], row["outcome"]) == ("terminal", "create", "allowed")
    assert (row["details"]["again_of"], row["details"]["requester"]) == (ID, "U1")
    twice = requests(run, "retry", ID)
    assert (twice.code, len(on_store(retried))) == (1, 1)
    assert twice.err.startswith(f"U1 tried that again already: request `{again.id}`.")


def test_where_nothing_failed_nothing_is_tried_again(run: Run, on_store: OnStore) -> None:
    on_store(asked(ItemState.AVAILABLE))
    said = requests(run, "retry", ID)
    assert (said.code, said.err) == (1, "Nothing of this request has failed in a way that another try could mend.\n")
    assert [row["rule"] for row in trail(run)] == ["nothing-failed"]


# --- both -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_an_id_of_nothing_a_project_that_is_in_no_file_and_no_id_are_told(
    run: Run, on_store: OnStore, verb: str
) -> None:
    on_store(asked(ItemState.PLANNED))
    nothing = requests(run, verb, "r-\x1b[2J")
    assert (nothing.code, nothing.err) == (1, "No request, item, job or snapshot has the id r-\\x1b[2J.\n")
    assert requests(run, verb).code == 2
    Path("bot.toml").write_text("")
    elsewhere = requests(run, verb, ID)
    assert elsewhere.code == 2
    assert elsewhere.err == "There is no project “payments” in bot.toml. Name the file that has it with --config.\n"
    assert on_store(standing)[0].state is RequestState.RUNNING
    assert trail(run) == []


def test_a_channel_in_which_the_project_may_not_be_used_any_more_holds_for_the_terminal_as_well(
    run: Run, on_store: OnStore
) -> None:
    on_store(asked(ItemState.PLANNED))
    text = Path("bot.toml").read_text()
    Path("bot.toml").write_text(text.replace("approvals = 1", 'channels = ["C0OTHER001"]'))
    said = requests(run, "cancel", ID)
    assert said.code == 1
    assert on_store(standing)[0].state is RequestState.RUNNING
    assert [row["outcome"] for row in trail(run)] == ["denied"]


def test_disks_that_come_back_are_listed_and_shown_with_every_id(run: Run, on_store: OnStore) -> None:
    async def done(store: Store) -> None:
        received = a_request(ID, state=RequestState.RECEIVED, order=Restore("r-one", "r-one", "new_disks"))
        await store.take_in("d", "C1", None, lambda *_: Incoming(received))
        made = a_restoration(1, request_id=ID, made_id="d15c-new", job_id="job-9", cause="It takes its time.")
        await store.decide_plan(replace(received, state=RequestState.RUNNING), [], [], restorations=[made])

    on_store(done)
    assert "disk-1 planned" in requests(run, "list").out
    shown = requests(run, "show", ID).out
    assert f"{ID}-r1  planned    disk-1" in shown
    assert "new_disks from snapshot snap-1  new disk d15c-new  job job-9" in shown
    assert "It takes its time." in shown


def test_a_roll_back_is_told_from_who_asked_to_how_it_ended(run: Run, on_store: OnStore) -> None:
    """Disks that were written over: one that came back, and one that was called off before anything of it began."""

    async def done(store: Store) -> None:
        order = Restore("r-one", "r-one", "overwrite", reason="a bad migration")
        received = a_request(ID, state=RequestState.RECEIVED, order=order)
        await store.take_in("d", "C1", None, lambda *_: Incoming(received))
        waits = replace(received, state=RequestState.WAITING, approvals_needed=2)
        safety = an_item(1, ItemState.AVAILABLE, request_id=ID, snapshot_id="safety-1", taken_at=NOON - MINUTE)
        restored = {"job_id": "job-9", "submitted_at": NOON, "ended_at": NOON + MINUTE}
        rows = [
            a_restoration(1, RestorationState.RESTORED, request_id=ID, way="overwrite", **restored),
            a_restoration(2, RestorationState.CANCELLED, request_id=ID, way="overwrite", ended_at=NOON + MINUTE),
        ]
        rows = [replace(rows[0], safety_item_id=safety.id), replace(rows[1], submitted_at=NOON)]
        await store.decide_plan(waits, [safety], [], restorations=rows)
        pressed = of_request(an_actor(), "create", waits, "allowed", "granted", hop="confirm")
        await store.audit([by_grant(pressed, a_grant())])
        await store.approve(ID, "U8", [])
        await store.approve(ID, "U9", [])

    on_store(done)
    shown = requests(run, "show", ID).out
    assert "confirmed by typing what is overwritten: U1, 2026-11-23 12:00:00 UTC" in shown
    assert "reason: a bad migration" in shown and "agreed: U8, U9 (2 needed)" in shown
    first, second = shown.split(f"  {ID}-r2  ")
    assert first.endswith(
        f"  {ID}-r1  restored   disk-1 ({a_disk('disk-1', 1).id})\n"
        "      overwrite from snapshot snap-1  job job-9\n"
        "      that snapshot: request r-one, taken 2026-11-23 12:00:00 UTC\n"
        "      safety snapshot safety-1, made 2026-11-23 11:59:00 UTC, available\n"
        "      begun 2026-11-23 12:00:00 UTC, ended 2026-11-23 12:01:00 UTC\n"
    )
    assert second.endswith("begun -, ended 2026-11-23 12:01:00 UTC\n")
