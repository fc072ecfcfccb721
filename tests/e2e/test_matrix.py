"""Every kind of account at every entry there is: whoever may not reaches nothing, and hears no more than is theirs."""

from __future__ import annotations

import asyncio
import copy
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from bot.app import Bot
from bot.simulator.workspace import Message, Person, payloads
from bot.simulator.workspace.escaping import escape_typed
from bot.slack.ids import (
    AGREE,
    APPROVE,
    ASK_AGAIN,
    BACKUP_FOR_MESSAGE,
    BIND,
    CANCEL,
    CHANGE,
    CONFIRM,
    DELETE,
    DELETE_FOR_GOOD,
    DENY,
    EXTEND,
    IN_PROJECT,
    LIST_NEWER,
    LIST_OLDER,
    NEW_SNAPSHOT,
    OPEN_FORM,
    RESTORE,
    REVIEW,
    TYPE_TO_CONFIRM,
)
from bot.slack.views.create_modal import FORM_DISKS, FORM_PROJECT, NO_CHOICE
from bot.slack.views.restoring.restoration_forms import OVERWRITE_FORM, RESTORE_FORM
from bot.slack.views.small_modals import BIND_FORM, CHANGE_FORM, DENY_FORM
from tests.e2e.conftest import CHANNEL, World
from tests.e2e.test_approvals import Start, asked, start
from tests.e2e.test_forms import choose_disks, open_form
from tests.e2e.test_quick import planned

__all__ = ["start"]

GRID = "E0HARBOR01"
ELSEWHERE = Person("U0ELSE0010", "elsewhere", "T0OTHER002", "Else", enterprise_id=GRID, enterprise_teams=["T0OTHER002"])
REFUSED = ("carol", "gus", "sam", "eve", "strange", "otherbot", "gone", "elsewhere")
"""A member without rights, two kinds of guest, an external person, a stranger, another bot, a deactivated account, and
somebody of another workspace of the same organisation.
"""

TYPED = (
    "create web-01-data project=payments-prod",
    'create web-01-data project=payments-prod break_glass=payments-prod reason="because I would like to"',
    "quick",
    "quick server=web-01 project=payments-prod confirm=no",
    "bind server=web-01 project=payments-prod",
    "unbind",
    "restore-points",
    "restore {request}",
    "restore {request} overwrite",
    "verify {request}",
    "delete {request}",
    "status",
    "status {request}",
    "list",
    "list project=payments-prod",
    "projects",
    "access project=payments-prod",
    "access @bob project=payments-prod",
    "grant @carol admin payments-prod",
    "revoke @bob payments-prod",
    "cancel {request}",
    "approve {request}",
    "deny {request} reason=no",
    "review {request}",
    "help",
)
ABOUT_REQUESTS = (
    APPROVE,
    DENY,
    REVIEW,
    CANCEL,
    CONFIRM,
    CHANGE,
    EXTEND,
    IN_PROJECT,
    DELETE,
    DELETE_FOR_GOOD,
    AGREE,
    RESTORE,
    TYPE_TO_CONFIRM,
)
BUTTONS = (*ABOUT_REQUESTS, BIND, IN_PROJECT, NEW_SNAPSHOT, OPEN_FORM, ASK_AGAIN)
SECRETS = ("orders-db", "kernel", "web-01-logs")
"""What stands in the requests that wait, and is nobody's business who may not view the project."""


@dataclass
class Gate:
    """A bot with a request that waits, a plan that waits, and everything that could be changed as it stands."""

    world: World
    request: str
    plan: str
    calls: int
    public: int
    grants: list[str]

    def people(self) -> Iterator[Person]:
        for name in REFUSED:
            yield self.world.slack.world.person(name)

    async def refuses(self, person: Person, what: str, delivery: Awaitable[Any]) -> Any:
        """Delivered as if Slack had let them; answers the acknowledgement once a denied row names them."""
        store = the_bot(self.world).store
        last, _ = await store.audit_head()
        delivered = await delivery
        assert delivered is not None and delivered.ok, (person.name, what)
        try:
            async with asyncio.timeout(10):
                while not (rows := [row for row in await store.audit_page(last) if row["actor"] == person.id]):
                    await asyncio.sleep(0.005)
        except TimeoutError:
            raise AssertionError(f"{person.name} left no row: {what}") from None
        # Their own requests, which were refused, are theirs to read.
        assert {row["outcome"] for row in rows if row["rule"] != "own-request"} <= {"denied"}, (person.name, what, rows)
        return delivered.ack

    async def nothing_happened(self) -> None:
        """The same after all of it: no call to the cloud, nothing said in public, no right and no binding changed."""
        await self.world.say(f"status {self.request}", "bob")
        await self.world.told("bob", "waiting for approval, 0 of 1 agreed")
        assert len(self.world.cloud.calls()) == self.calls
        assert len([one for one in self.world.slack.messages(CHANNEL) if one.from_app]) == self.public
        bot = the_bot(self.world)
        assert [str(one) for one in await bot.store.every_grant()] == self.grants
        assert [one.server for one in await bot.store.bindings("C0INCDEMO1")] == ["web-01"]
        found = await bot.store.request(self.plan)
        assert found is not None and found[0].state == "planned"
        for person in self.people():
            texts = [one.text for one in [*self.world.private(person.id), *self.world.slack.direct_messages(person.id)]]
            views = [self.world.slack.view(person.id), self.world.slack.home(person.id)]
            assert not any(view.source.get("submit") for view in views if view)
            texts += [str(view.blocks) for view in views if view]
            assert [secret for secret in SECRETS for text in texts if secret in text] == [], person.name


@pytest.fixture
async def gate(start: Start, quiet_world: World) -> AsyncIterator[Gate]:
    slack = quiet_world.slack.world
    slack.enterprise_id = GRID
    slack.people[ELSEWHERE.id] = copy.deepcopy(ELSEWHERE)
    world = await start("approvals = 1\nbreak_glass = true\nrestore = true")
    request = await world.create("orders-db reason=kernel", "bob")
    await asked(world, request)
    plan, _ = await planned(world, "disks=web-01-logs", "bob")
    await world.slack.until(lambda: len([1 for one in world.slack.messages(CHANNEL) if one.from_app]) >= 3)
    grants = [str(one) for one in await the_bot(world).store.every_grant()]
    public = len([one for one in world.slack.messages(CHANNEL) if one.from_app])
    yield Gate(world, request, plan, len(world.cloud.calls()), public, grants)


async def test_no_command_does_anything_for_whoever_may_not(gate: Gate) -> None:
    slack = gate.world.slack
    place = slack.world.channel(CHANNEL)
    for person in gate.people():
        for text in TYPED:
            typed = escape_typed(text.format(request=gate.request), slack.world)
            payload = payloads.slash_command(slack.state, person, place, "/snapshot", typed)
            await gate.refuses(person, text, slack.deliverer.command(payload))
        payload = payloads.slash_command(slack.state, person, place, "/snapshot", "")
        await gate.refuses(person, "the form", slack.deliverer.command(payload))
    await gate.nothing_happened()


async def test_no_mention_does_anything_for_whoever_may_not(gate: Gate) -> None:
    slack = gate.world.slack
    moments = itertools.count(1)
    for person in gate.people():
        for text in TYPED:
            typed = escape_typed(text.format(request=gate.request), slack.world)
            said = {"type": "app_mention", "user": person.id, "text": f"<@{slack.world.app.bot_user_id}> {typed}"}
            ts = f"{next(moments)}.000001"
            said |= {"channel": "C0INCDEMO1", "ts": ts, "event_ts": ts}
            await gate.refuses(person, text, slack.deliverer.event("app_mention", said))
    await gate.nothing_happened()


async def test_no_button_does_anything_for_whoever_may_not(gate: Gate) -> None:
    slack = gate.world.slack
    place = slack.world.channel(CHANNEL)
    message = (await slack.say("alice", CHANNEL, "who looks at this?")).message
    page = json.dumps({"disk": None, "project": "payments-prod", "mine": False, "offset": 0})
    presses = [(action, value) for action in BUTTONS for value in (gate.request, gate.plan)]
    presses += [(LIST_OLDER, page), (LIST_NEWER, page)]
    for person in gate.people():
        for action, value in presses:
            acted = {"type": "button", "action_id": action, "block_id": "b", "value": value, "action_ts": "1.0"}
            payload = payloads.message_actions(slack.state, person, place, message, {}, acted)
            await gate.refuses(person, action, slack.deliverer.interactive(payload))
    await gate.nothing_happened()


async def test_no_shortcut_and_no_app_home_show_anything_to_whoever_may_not(gate: Gate) -> None:
    slack = gate.world.slack
    place = slack.world.channel(CHANNEL)
    message = (await slack.say("alice", CHANNEL, "slow")).message
    for person in gate.people():
        payload = payloads.global_shortcut(slack.state, person, NEW_SNAPSHOT)
        await gate.refuses(person, "shortcut", slack.deliverer.interactive(payload))
        payload = payloads.message_shortcut(slack.state, person, place, message, BACKUP_FOR_MESSAGE)
        await gate.refuses(person, "message shortcut", slack.deliverer.interactive(payload))
        home = {"type": "app_home_opened", "user": person.id, "channel": "D0HOME0001", "tab": "home"}
        await gate.refuses(person, "App Home", slack.deliverer.event("app_home_opened", {**home, "event_ts": "1.0"}))
    await gate.nothing_happened()


async def test_no_form_and_no_picker_is_of_use_to_whoever_may_not(gate: Gate) -> None:
    """Whoever copies everything from the form of a colleague and sends it as their own."""
    world, slack = gate.world, gate.world.slack
    await world.say("", "bob")
    await open_form(world, "bob")
    await choose_disks(world, "bob", "web-01-data")
    gate.calls = len(world.cloud.calls())
    state, view = slack.state, slack.view("bob")
    reason = {"values": {"reason": {"reason": {"value": "no"}}}}
    way = {"values": {"way": {"value": {"selected_option": {"value": "overwrite"}}}}}
    typed = {"values": {"typed": {"value": {"value": "orders-db"}}}}
    selection = {"values": {"others": {"others": {"value": "server=web-01"}}}}
    for person in gate.people():
        sent = payloads.view_submission(state, person, view)
        ack = await gate.refuses(person, "the form", slack.deliverer.interactive(sent, accepts_payload=True))
        assert ack["response_action"] == "errors"
        for name, about, entered in (
            (DENY_FORM, gate.request, reason),
            (CHANGE_FORM, gate.plan, selection),
            (BIND_FORM, sent["view"]["private_metadata"], {}),
            (RESTORE_FORM, gate.request, way),
            (OVERWRITE_FORM, gate.plan, typed),
        ):
            forged = copy.deepcopy(payloads.view_submission(state, person, view))
            forged["view"] |= {"callback_id": name, "private_metadata": about, "state": entered}
            await gate.refuses(person, name, slack.deliverer.interactive(forged, accepts_payload=True))
        for action, block_id in ((FORM_DISKS, "disks.1"), (FORM_PROJECT, "project")):
            asks = payloads.suggestion(state, person, block_id, action, "")
            asks |= {"container": {"type": "view", "view_id": view.id}, "view": sent["view"]}
            ack = await gate.refuses(person, action, slack.deliverer.interactive(asks, accepts_payload=True))
            assert [option["value"] for option in ack["options"]] in ([NO_CHOICE], [])
    await gate.nothing_happened()


# --- closed and missing are alike -------------------------------------------------------------------------------------


ABOUT_A_PROJECT = (
    "create web-01-data project={0}",
    'create web-01-data project={0} break_glass={0} reason="because I would like to"',
    "quick project={0}",
    "quick server=web-01 project={0}",
    "list project={0}",
    "list disk=web-01-data project={0}",
    "access project={0}",
    "access @bob project={0}",
    "grant @bob viewer {0}",
    "revoke @bob operator {0}",
    "bind server=web-01 project={0}",
)
ABOUT_A_REQUEST = (
    *("status {0}", "cancel {0}", "approve {0}", "deny {0} reason=no", "review {0}", "delete {0}"),
    *("restore {0}", "restore {0} overwrite", "verify {0}"),
)


async def test_a_closed_project_and_a_missing_one_are_answered_to_the_byte_alike(start: Start) -> None:
    world = await start("approvals = 1\nbreak_glass = true")
    await asks(world, "help")
    for text in ABOUT_A_PROJECT:
        closed, missing = [await asks(world, text.format(one), one) for one in ("payments-prod", "payments-nope")]
        assert closed == missing, text
        assert closed


@pytest.mark.parametrize("person", ["carol", "gus", "sam"])
async def test_what_a_closed_project_has_and_what_does_not_exist_are_answered_to_the_byte_alike(
    world: World, person: str
) -> None:
    request = await world.create("spare-disk", "bob", CHANNEL)
    await world.finished(request)
    found = await the_bot(world).store.find(request)
    assert found is not None
    (item,) = found[1]
    await asks(world, "help", person=person)
    for text in ABOUT_A_REQUEST:
        for real in (request, item.id, str(item.snapshot_id), str(item.job_id)):
            fake = real[:-4] + "0000"
            closed, missing = [await asks(world, text.format(one), one, person) for one in (real, fake)]
            assert closed == missing, text
    here, elsewhere = (
        await asks(world, "restore-points", "inc-demo", person),
        await asks(world, "restore-points #ops", "ops", person),
    )
    assert here == elsewhere


async def test_a_channel_bound_to_a_closed_project_and_one_that_is_not_bound_are_alike_to_the_byte(
    world: World,
) -> None:
    """To carol, who may use no project at all, and to bob, who may use others."""
    await world.slack.set_group_members("oncall", [])
    for person in ("carol", "bob"):
        world.slack.join(person, "#ops")
        await asks(world, "help", person=person)
        for text in ("quick", "quick keep=3", "quick confirm=no"):
            bound, unbound = [await asks(world, text, "", person, place) for place in (CHANNEL, "#ops")]
            assert bound == unbound, (person, text)
    assert world.cloud.calls() == []


async def asks(world: World, text: str, name: str = "", person: str = "carol", channel: str = CHANNEL) -> str:
    """What somebody alone reads in answer, but for the name they typed."""
    before = {(one.channel, one.ts) for one in world.private(person)}

    def answers() -> list[str]:
        new = [one for one in world.private(person) if (one.channel, one.ts) not in before]
        return [f"{one.text} {shape(one)}" for one in new if "One moment" not in one.text]

    await world.say(text, person, channel)
    await world.slack.until(lambda: bool(answers()))
    (answer,) = answers()
    return answer.replace(name, "NAME") if name else answer


def shape(message: Message) -> list[str]:
    return [element["action_id"] for block in message.blocks for element in block.get("elements", []) if element]


def the_bot(world: World) -> Bot:
    assert world.bot is not None
    return world.bot


async def test_a_form_for_a_closed_project_and_one_for_a_missing_one_are_alike_to_the_byte(world: World) -> None:
    """alice may use one project; she types two others, one of which exists."""
    shown = []
    for alias in ("shop", "shpo"):
        await world.say(f"create project={alias}", "alice")
        await world.slack.until(lambda: world.slack.view("alice") is not None)
        await open_form(world, "alice")
        shown.append(world.slack.render_view("alice").replace(alias, "ALIAS"))
        await world.slack.close("alice")
    assert shown[0] == shown[1]
    assert "“ALIAS”" in shown[0]


async def test_a_mention_of_a_closed_project_and_one_of_a_missing_one_are_alike_to_the_byte(world: World) -> None:
    await world.slack.mention("alice", CHANNEL, "help")
    await world.told("alice", "You may use")
    told = []
    for alias in ("shop", "shpo"):
        await world.slack.mention("alice", CHANNEL, f"create web-01-data project={alias}")
        message = await world.told("alice", f"“{alias}”")
        told.append(message.text.replace(alias, "ALIAS"))
    assert told[0] == told[1]
