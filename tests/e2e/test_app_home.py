"""App Home: what one may use, one's own requests as they move, and what waits for oneself."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator

import pytest

from bot.domain.transitions import RequestEvent
from bot.simulator.workspace import NotAllowedInSlack
from bot.slack.ids import APPROVE, DENY, FROM_APP_HOME, NEW_SNAPSHOT, REVIEW
from bot.slack.views.small_modals import DENY_FORM
from tests.e2e.conftest import World
from tests.e2e.test_forms import open_form
from tests.e2e.test_granting import asked


async def opened(world: World, person: str) -> str:
    """Enter App Home; answers what stands there once it is shown anew."""
    home = world.slack.home(person)
    before = home.hash if home else ""
    delivery = await world.slack.open_home(person)
    assert delivery.ok
    await world.slack.until(lambda: bool(world.slack.home(person)) and world.slack.home(person).hash != before)
    return seen(world, person)


def seen(world: World, person: str) -> str:
    text: str = world.slack.render_view(person, home=True)
    return " ".join(text.split())


async def shows(world: World, person: str, words: str, timeout: float = 10) -> None:
    """Wait until App Home shows these words, without its being opened again."""
    await world.slack.until(lambda: words in seen(world, person).replace(" │ ", " "), timeout)


@pytest.fixture(params=["socket", "http"])
async def strict_world(quiet_world: World, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """payments-prod asks for the approval of one, and may be run without it; carol may approve there."""
    quiet_world.socket_mode = request.param == "socket"
    file = quiet_world.setting.directory / "bot.toml"
    text = file.read_text().replace(
        "[projects.payments-prod]", "[projects.payments-prod]\napprovals = 1\nbreak_glass = true"
    )
    text += '\n[[grants]]\nsubject = "user:U0CAROL009"\nrole = "approver"\nproject = "payments-prod"\n'
    file.write_text(text)
    await quiet_world.start_bot()
    yield quiet_world


async def test_home_shows_what_one_may_use_and_follows_a_request_to_its_end(either_world: World) -> None:
    world = either_world
    text = await opened(world, "bob")
    for words in ("*payments-prod* · operator through @oncall", "*shop* · operator", "*legacy* · operator"):
        assert words in text
    assert "Nothing yet. In a channel, `/snapshot create DISK` makes your first snapshot." in text
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 20.0
    request = await world.create("web-01-data project=payments-prod", person="bob")
    await shows(world, "bob", "running, 0 of 1 ended · *web-01-data* in payments-prod")
    await world.finished(request)
    await shows(world, "bob", "ended: 1 available · *web-01-data* in payments-prod")
    assert request in seen(world, "bob")
    assert "available" not in await opened(world, "alice")
    assert world.slack_complaints() == []


async def test_the_button_in_home_opens_the_form_without_a_place(either_world: World) -> None:
    world = either_world
    await opened(world, "alice")
    assert (await world.slack.press_in_view("alice", NEW_SNAPSHOT, home=True)).ok
    await open_form(world, "alice")
    assert "I report in a direct message to you." in world.slack.render_view("alice")


async def test_what_waits_for_approval_is_settled_from_home(strict_world: World) -> None:
    world = strict_world
    assert "Waiting for your approval" not in await opened(world, "carol")
    request = await world.create("web-01-data reason=INC-9", person="bob")
    await world.slack.until(lambda: world.root(request) is not None)
    assert "Waiting for your approval" not in await opened(world, "bob")
    text = await opened(world, "carol")
    assert "@bob asks for *web-01-data* in payments-prod. “INC-9”" in text
    assert "0 of 1 agreed" in text
    assert (await world.slack.press_in_view("carol", APPROVE, home=True)).ok
    root = await world.finished(request)
    assert "all available" in root.text
    await world.slack.until(lambda: "Waiting for your approval" not in seen(world, "carol"))
    assert world.slack.direct_messages("carol") == []
    assert world.slack_complaints() == []


async def test_a_denial_from_home_asks_for_its_reason(strict_world: World) -> None:
    world = strict_world
    request = await world.create("web-01-data", person="bob")
    await world.slack.until(lambda: world.root(request) is not None)
    await opened(world, "carol")
    await world.slack.press_in_view("carol", DENY, home=True)
    await world.slack.until(lambda: world.slack.view("carol") is not None)
    assert world.slack.view("carol").source["callback_id"] == DENY_FORM + FROM_APP_HOME
    assert (await world.slack.submit("carol", {"reason": {"reason": "not during the sale"}})).ok
    root = await world.finished(request)
    assert "denied, nothing was created" in root.text
    await world.slack.until(lambda: "Waiting for your approval" not in seen(world, "carol"))
    assert world.slack.direct_messages("carol") == []
    assert world.cloud.calls("create_snapshot") == []


async def test_what_ran_without_approval_is_reviewed_in_home_by_somebody_else(strict_world: World) -> None:
    world = strict_world
    text = "web-01-data break_glass=payments-prod reason=“the database is on fire”"
    request = await world.create(text, person="bob")
    await world.finished(request)
    assert "a review is due" not in await opened(world, "bob")
    assert "Ran without approval: a review is due" in await opened(world, "carol")
    assert (await world.slack.press_in_view("carol", REVIEW, home=True)).ok
    await world.slack.until(lambda: "a review is due" not in seen(world, "carol"))
    await world.slack.until(lambda: "reviewed by <@U0CAROL009>" in getattr(world.root(request), "text", ""))


async def test_an_approver_whose_right_is_gone_is_told_directly_and_nothing_runs(strict_world: World) -> None:
    world = strict_world
    request = await world.create("web-01-data", person="bob")
    await world.slack.until(lambda: world.root(request) is not None)
    file = world.setting.directory / "bot.toml"
    await opened(world, "carol")
    await world.stop_bot()
    file.write_text(file.read_text().replace("U0CAROL009", "U0NOBODY99"))
    await world.start_bot()
    await world.slack.press_in_view("carol", APPROVE, home=True)
    await world.slack.until(lambda: bool(world.slack.direct_messages("carol")))
    assert f"I know no request “{request}”" in world.slack.direct_messages("carol")[-1].text
    assert world.cloud.calls("create_snapshot") == []
    text = await opened(world, "carol")
    assert "No project yet." in text
    assert "Waiting for your approval" not in text


async def test_a_press_that_comes_too_late_is_told_directly_and_home_is_shown_as_it_is(strict_world: World) -> None:
    world = strict_world
    request = await world.create("web-01-data", person="bob")
    await world.slack.until(lambda: world.root(request) is not None)
    await opened(world, "carol")
    assert world.bot is not None
    assert await world.bot.store.refuse_waiting(request, RequestEvent.DROP, "cancelled", "Called back.", [])
    await world.slack.press_in_view("carol", APPROVE, home=True)
    await world.slack.until(lambda: "Waiting for your approval" not in seen(world, "carol"))
    await world.slack.until(lambda: bool(world.slack.direct_messages("carol")))
    assert "does not wait for approval" in world.slack.direct_messages("carol")[-1].text
    assert world.cloud.calls("create_snapshot") == []


async def test_a_project_that_was_taken_back_is_gone_at_the_next_opening(world: World) -> None:
    assert "No project yet." in await opened(world, "carol")
    await asked(world, "grant @carol operator payments-prod", "is now operator")
    request = await world.create("web-01-data", person="carol")
    await world.finished(request)
    text = await opened(world, "carol")
    assert "*payments-prod* · operator" in text
    assert request in text
    await asked(world, "revoke @carol payments-prod", "no longer")
    text = await opened(world, "carol")
    for closed in ("payments-prod", request, "web-01-data", "New Snapshot"):
        assert closed not in text
    assert "No project yet." in text


async def test_guests_read_why_not_and_people_of_other_organisations_have_no_home(world: World) -> None:
    text = await opened(world, "gus")
    assert "Guests of this workspace may not use the snapshot bot." in text
    assert "payments-prod" not in text
    with pytest.raises(NotAllowedInSlack):
        await world.slack.open_home("eve")
    assert world.cloud.calls() == []


async def test_a_stale_update_never_overwrites_a_newer_view(world: World) -> None:
    await opened(world, "alice")
    other = {"type": "home", "blocks": [{"type": "divider", "block_id": "newer"}]}
    world.slack.state.views.publish("U0ALICE001", other)
    world.slack.journal.clear()
    request = await world.create("spare-disk")
    await world.finished(request)
    await shows(world, "alice", "ended: 1 available · *spare-disk*")
    refused = [entry["error"] for entry in world.slack.api_calls("views.publish") if not entry["ok"]]
    assert refused == ["hash_conflict"]


async def test_a_home_that_was_out_of_date_when_the_bot_stopped_is_shown_when_it_starts(world: World) -> None:
    await opened(world, "alice")
    world.slack.fault("status", method="views.publish", times=50, status=503)
    request = await world.create("spare-disk")
    await world.finished(request)
    await world.stop_bot()
    world.slack.state.faults.waiting.clear()
    assert request not in seen(world, "alice")
    await world.start_bot()
    await shows(world, "alice", "ended: 1 available")


async def test_home_is_shown_at_most_every_three_seconds(world: World) -> None:
    await opened(world, "alice")
    world.cloud.world.timing.min_seconds = world.cloud.world.timing.max_seconds = 20
    await world.finished(await world.create("web-01-data web-01-logs orders-db spare-disk"))
    await shows(world, "alice", "ended: 4 available")
    times = [entry["at"] for entry in world.slack.api_calls("views.publish")]
    assert all(later - earlier >= 2.9 for earlier, later in itertools.pairwise(times))
