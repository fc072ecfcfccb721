"""A right that ends between any two hops counts no more at the next one, however it ended."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.orders import Quick, Selector
from bot.simulator.setting import Setting
from bot.slack.ids import APPROVE, BACKUP_FOR_MESSAGE, CANCEL, CHANGE, CONFIRM, EXTEND, NEW_SNAPSHOT
from tests.e2e.conftest import CHANNEL, FastClock, World, kept, request_id
from tests.e2e.test_app_home import opened, seen
from tests.e2e.test_approvals import Start, start
from tests.e2e.test_approvals import asked as ask_of
from tests.e2e.test_forms import choose_disks, choose_project, more_options, offers, open_form, shown
from tests.e2e.test_granting import asked
from tests.e2e.test_quick import planned
from tests.e2e.test_restoring import said, soon

__all__ = ["soon", "start"]

OPS = "#ops"

NO_RIGHT = {
    "carol": ("There is no project in which you may", "There is no project “payments-prod”"),
    "eng04": ("There is no project in which you may", "There is no project “payments-prod”"),
    "eng03": ("Guests of this workspace may not use the snapshot bot.",),
}
"""What each is told afterwards, without a word about the project."""

LOSERS = pytest.mark.parametrize(
    "person",
    ["carol", "eng04", "eng03"],
    ids=["a grant is revoked", "the group is left", "the account becomes a guest"],
)


@pytest.fixture(autouse=True)
def quick_snapshots(setting: tuple[Setting, FastClock]) -> None:
    timing = setting[0].cloud.world.timing
    timing.min_seconds = timing.max_seconds = 1.5


async def given(world: World, person: str) -> None:
    """Operator in payments-prod, for as long as it lasts."""
    world.slack.join(person, CHANNEL)
    if person == "carol":
        await asked(world, "grant @carol operator payments-prod", "is now operator")
    else:
        await world.slack.set_group_members("oncall", [person])


async def lost(world: World, person: str) -> None:
    match person:
        case "carol":
            await asked(world, "revoke @carol payments-prod", "is no longer")
        case "eng04":
            await world.slack.set_group_members("oncall", [])
        case _:
            await world.slack.set_user(person, is_restricted=True)


async def forgotten(world: World, person: str, seconds: float = 0.8) -> None:
    """Slack tells that an account changed, and is slow to say how: whatever is asked about it now waits meanwhile."""
    await world.slack.set_user(person, tz="Asia/Singapore")
    world.slack.fault("latency", method="users.info", seconds=seconds)


async def refused(world: World, person: str) -> None:
    """They are told, alone, and nothing was made."""

    def heard() -> bool:
        texts = [one.text for one in [*world.private(person), *world.slack.direct_messages(person)]]
        return any(words in text for text in texts for words in NO_RIGHT[person])

    await world.slack.until(heard)
    assert world.cloud.calls("create_snapshot") == []


def refused_in_form(world: World, person: str, result: Any) -> None:
    assert not result.ok
    assert any(words in text for text in result.errors.values() for words in NO_RIGHT[person]), result.errors
    assert world.cloud.calls("create_snapshot") == []


async def filled_form(world: World, person: str) -> None:
    await world.say("", person)
    await open_form(world, person)
    await choose_disks(world, person, "web-01-data")


# --- commands and mentions --------------------------------------------------------------------------------------------


@LOSERS
async def test_between_a_command_and_its_plan(world: World, person: str) -> None:
    await given(world, person)
    await forgotten(world, person)
    await world.create("web-01-data", person)
    await lost(world, person)
    await refused(world, person)
    assert world.cloud.calls() == []


@LOSERS
async def test_between_a_mention_and_its_plan(world: World, person: str) -> None:
    await given(world, person)
    await forgotten(world, person)
    await world.slack.mention(person, CHANNEL, "create web-01-data")
    await lost(world, person)
    await refused(world, person)
    assert world.cloud.calls() == []


@LOSERS
async def test_between_the_look_at_the_disks_and_the_post(world: World, person: str) -> None:
    await given(world, person)
    world.cloud.fault("list_volumes", "slow", seconds=0.8)
    request = await world.create("web-01-data", person)
    await world.until(lambda: bool(world.cloud.calls("list_volumes")))
    await lost(world, person)
    root = await world.finished(request)
    assert "none available" in root.text
    assert "not sent" in root.text
    assert world.cloud.calls("create_snapshot") == []


# --- the form ---------------------------------------------------------------------------------------------------------


@LOSERS
async def test_between_a_shortcut_and_its_form(world: World, person: str) -> None:
    await given(world, person)
    await forgotten(world, person)
    said = (await world.slack.say("alice", CHANNEL, "slow disk")).message
    await world.slack.message_shortcut(person, CHANNEL, said.ts, BACKUP_FOR_MESSAGE)
    await lost(world, person)
    await world.slack.until(lambda: any(words in shown(world, person) for words in NO_RIGHT[person]))
    assert world.cloud.calls() == []


@LOSERS
async def test_between_the_form_and_its_disks(world: World, person: str) -> None:
    await given(world, person)
    await world.say("", person)
    await open_form(world, person)
    await lost(world, person)
    (option,) = await offers(world, person)
    assert option["text"]["text"] == "You may not snapshot disks of this project, so I can't list them."
    assert world.cloud.calls() == []


@LOSERS
async def test_between_the_disks_and_another_project(world: World, person: str) -> None:
    await given(world, person)
    await filled_form(world, person)
    await lost(world, person)
    await choose_project(world, person, "payments-prod")
    assert any(words in shown(world, person) for words in NO_RIGHT[person])
    assert "payments-prod" not in shown(world, person).replace("project=payments-prod", "").replace(
        "“payments-prod”", ""
    )


async def test_what_was_entered_outlives_the_form_of_somebody_who_may_use_nothing_any_more(world: World) -> None:
    await given(world, "carol")
    await filled_form(world, "carol")
    await more_options(world, "carol")
    for field, value in {"name": "before upgrade", "tags": "no colon"}.items():
        await world.slack.type_in_view("carol", field, "value", value)
    await lost(world, "carol")
    await choose_project(world, "carol", "payments-prod")
    assert 'project=payments-prod name="before upgrade" tags="no colon"' in shown(world, "carol")


@LOSERS
async def test_between_the_disks_and_the_submission(world: World, person: str) -> None:
    await given(world, person)
    await filled_form(world, person)
    await lost(world, person)
    result = await world.slack.submit(person, {})
    refused_in_form(world, person, result)


@LOSERS
async def test_between_the_submission_and_the_plan(world: World, person: str) -> None:
    await given(world, person)
    await filled_form(world, person)
    await forgotten(world, person, seconds=2.0)  # longer than a form that is sent waits
    assert (await world.slack.submit(person, {})).ok
    await lost(world, person)
    await refused(world, person)


async def test_a_form_keeps_the_disks_it_was_given_and_still_nothing_runs(world: World) -> None:
    """The right comes back after the form was refused: what was chosen is still there, and then it runs."""
    await given(world, "carol")
    await filled_form(world, "carol")
    await lost(world, "carol")
    refused_in_form(world, "carol", await world.slack.submit("carol", {}))
    await asked(world, "grant @carol operator payments-prod", "is now operator")
    assert (await world.slack.submit("carol", {})).ok
    told = await world.told("carol", "On it: snapshot of")
    assert "all available" in (await world.finished(request_id(told.text))).text


# --- what waits -------------------------------------------------------------------------------------------------------


@LOSERS
async def test_between_the_approval_and_the_post(start: Start, person: str) -> None:
    """Others agreed to a request of somebody who may not ask for it any more."""
    world = await start("approvals = 1")
    await given(world, person)
    request = await world.create("web-01-data", person)
    ask = await ask_of(world, request)
    await lost(world, person)
    await world.slack.press("eng01", CHANNEL, ask.ts, APPROVE)
    root = await world.finished(request)
    assert "none available" in root.text
    assert world.cloud.calls("create_snapshot") == []


@pytest.mark.parametrize("loss", ["a grant is revoked", "the account becomes a guest"])
async def test_between_the_question_and_the_approval(start: Start, loss: str) -> None:
    world = await start("approvals = 1")
    world.slack.join("carol", CHANNEL)
    await asked(world, "grant @carol approver payments-prod", "is now approver")
    request = await world.create("web-01-data", "bob")
    ask = await ask_of(world, request)
    if loss == "a grant is revoked":
        await asked(world, "revoke @carol payments-prod", "is no longer")
    else:
        await world.slack.set_user("carol", is_restricted=True)
    await world.slack.press("carol", CHANNEL, ask.ts, APPROVE)
    await world.told(
        "carol", "Guests of this" if loss != "a grant is revoked" else f"no request “{request}” that waits for you"
    )
    root = world.root(request)
    assert root is not None
    assert "waiting for approval, 0 of 1 agreed" in root.text
    assert world.cloud.calls("create_snapshot") == []


@LOSERS
async def test_between_the_request_and_its_cancelling(start: Start, person: str) -> None:
    world = await start("approvals = 1")
    await given(world, person)
    request = await world.create("web-01-data", person)
    await ask_of(world, request)
    root = world.root(request)
    assert root is not None
    await lost(world, person)
    await world.slack.press(person, CHANNEL, root.ts, CANCEL)
    words = "Guests of this workspace" if person == "eng03" else f"I know no request “{request}” that you may cancel."
    await world.told(person, words)
    assert "waiting for approval" in getattr(world.root(request), "text", "")


@LOSERS
async def test_between_a_plan_and_the_press_that_starts_it(world: World, person: str) -> None:
    await given(world, person)
    request, root = await planned(world, "server=web-01", person)
    await lost(world, person)
    await world.slack.press(person, CHANNEL, root.ts, CONFIRM)
    words = "Guests of this workspace" if person == "eng03" else f"I know no plan “{request}” that you may confirm."
    await world.told(person, words)
    assert world.cloud.calls("create_group") == []


@LOSERS
async def test_between_a_plan_and_its_group_when_somebody_else_pressed(world: World, person: str) -> None:
    """Who asked may not any more; that somebody else could have asked too makes it nobody's backup."""
    await given(world, person)
    request, root = await planned(world, "server=web-01", person)
    await lost(world, person)
    await world.slack.press("alice", CHANNEL, root.ts, CONFIRM)
    root = await world.finished(request)
    assert "none available" in root.text
    assert world.cloud.calls("create_group") == world.cloud.calls("create_snapshot") == []


@LOSERS
async def test_between_a_plan_and_another_selection(world: World, person: str) -> None:
    await given(world, person)
    request, root = await planned(world, "server=web-01", person)
    await lost(world, person)
    await world.slack.press(person, CHANNEL, root.ts, CHANGE)
    await heard(world, person, plan_refused(person, request))
    assert world.slack.view(person) is None


@LOSERS
async def test_between_the_form_for_another_selection_and_its_submission(world: World, person: str) -> None:
    await given(world, person)
    request, root = await planned(world, "server=web-01", person)
    await world.slack.press(person, CHANNEL, root.ts, CHANGE)
    await form_kept(world, person)
    await lost(world, person)
    assert (await world.slack.submit(person, {"others": {"others": "server=db-01"}})).ok
    await heard(world, person, plan_refused(person, request))
    assert "orders-db" not in getattr(world.root(request), "text", "")
    assert world.bot is not None
    found = await world.bot.store.request(request)
    assert found is not None and isinstance(found[0].order, Quick)
    assert found[0].order.selectors == (Selector("server", "web-01"),)


@pytest.mark.parametrize("loss", ["a grant is revoked", "the account becomes a guest"])
async def test_between_the_form_that_binds_a_channel_and_its_submission(world: World, loss: str) -> None:
    world.slack.join("carol", OPS)
    await asked(world, "grant @carol admin payments-prod", "is now admin")
    await world.say("bind", "carol", OPS)
    await form_kept(world, "carol")
    if loss == "a grant is revoked":
        await asked(world, "revoke @carol payments-prod", "is no longer")
        words = "There is no project “payments-prod” that you may use."
    else:
        await world.slack.set_user("carol", is_restricted=True)
        words = "Guests of this workspace"
    assert (await world.slack.submit("carol", {"server": {"value": "web-01"}})).ok
    await heard(world, "carol", words)
    assert world.bot is not None
    assert await world.bot.store.bindings(world.slack.world.channel(OPS).id) == []


@LOSERS
@pytest.mark.usefixtures("soon")
async def test_between_the_reminder_and_keeping(world: World, person: str) -> None:
    await given(world, person)
    request = await world.create("web-01-data keep=7")
    await world.finished(request)
    message = await said(world, "shall they stay, or go?")
    await lost(world, person)
    await world.slack.press(person, CHANNEL, message.ts, EXTEND)
    words = "Guests of this workspace" if person == "eng03" else f"I know no restore points “{request}”"
    await heard(world, person, words)
    assert world.bot is not None
    found = await world.bot.store.find(request)
    assert found is not None and found[0].kept_until is None


def plan_refused(person: str, request: str) -> str:
    return "Guests of this workspace" if person == "eng03" else f"I know no plan “{request}” that you may confirm."


async def heard(world: World, person: str, words: str) -> None:
    """They alone are told this, in the channel or directly."""
    await world.slack.until(
        lambda: any(words in one.text for one in [*world.private(person), *world.slack.direct_messages(person)])
    )


async def form_kept(world: World, person: str) -> None:
    """Slack shows a form a moment before the bot has written down whose it is."""
    await world.slack.until(lambda: world.slack.view(person) is not None)
    await kept(world, world.slack.view(person).source["private_metadata"])


@LOSERS
async def test_between_app_home_and_its_button(world: World, person: str) -> None:
    await given(world, person)
    await opened(world, person)
    assert "payments-prod" in seen(world, person)
    await lost(world, person)
    await world.slack.press_in_view(person, NEW_SNAPSHOT, home=True)
    await world.slack.until(lambda: any(words in shown(world, person) for words in NO_RIGHT[person]))
    assert "payments-prod" not in shown(world, person)
    assert "disks" not in [one.get("block_id") for one in world.slack.view(person).blocks]
