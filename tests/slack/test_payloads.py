"""Slack's JSON is read in one place: what is recorded can be read, and what the bot needs is asked for strictly."""

from __future__ import annotations

import ast
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.actors import AccountKind
from bot.slack import payloads
from bot.slack.payloads import (
    Account,
    AppHomeOpened,
    BlockAction,
    Entered,
    Mention,
    MessageShortcut,
    Payload,
    Sender,
    SlashCommand,
    Suggestion,
    Triggered,
    Unreadable,
    View,
    ViewAction,
    read,
    read_state,
)

ROOT = Path(__file__).parents[2]
RECORDED = ROOT / "tests" / "data" / "slack-payloads"
ALICE, OPS = "U0ALICE001", "C0OPS00001"


def recorded(name: str) -> Any:
    body = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    return body["fields"] if name == "slash_command.form" else body


KINDS = {
    "event.app_home_opened": "event",
    "event.app_mention": "event",
    "event.app_rate_limited": "event",
    "block_actions.message": "action",
    "block_suggestion.modal": "options",
    "shortcut.message_action": "shortcut",
    "shortcut.global": "shortcut",
    "slash_command.form": "command",
    "view_closed": "form",
    "view_submission": "form",
}


@pytest.mark.parametrize("name", KINDS)
def test_each_kind_of_delivery_has_a_word(name: str) -> None:
    assert payloads.kind_of(recorded(name)) == KINDS[name]


@pytest.mark.parametrize("body", [{}, {"type": "new_thing"}, {"type": ["block_actions"]}, {"type": None}])
def test_a_delivery_of_no_kind_that_is_known_is_another(body: dict[str, Any]) -> None:
    assert payloads.kind_of(body) == "other"


# --- what is recorded -------------------------------------------------------------------------------------------------


def test_a_button_on_a_message_says_who_where_and_what() -> None:
    action = read(BlockAction, recorded("block_actions.message"))
    assert (action.user_id, action.channel, action.thread_ts) == (ALICE, OPS, None)
    assert (action.message_ts, action.is_ephemeral, action.in_app_home) == ("1767225610.000200", False, False)
    assert action.value
    assert action.response_url
    assert read(BlockAction, recorded("block_actions.ephemeral")).is_ephemeral
    assert read(BlockAction, recorded("block_actions.thread_message")).thread_ts


def test_views_have_no_place() -> None:
    home = read(BlockAction, recorded("block_actions.home"))
    assert (home.channel, home.value, home.in_app_home, home.response_url) == ("", "new", True, None)
    modal = read(ViewAction, recorded("block_actions.modal"))
    assert (modal.channel, modal.in_app_home, modal.view.id) == ("", False, "V0VIEW0001")


def test_a_sent_form_and_a_picker_bring_their_view() -> None:
    sent = read(ViewAction, recorded("view_submission"))
    assert sent.view.inputs[:2] == ["target", "name"]
    assert sent.view.entered.text("name")
    typed = read(Suggestion, recorded("block_suggestion.modal"))
    assert (typed.value, typed.view.id) == ("ord", "V0VIEW0001")


def test_commands_shortcuts_and_events_are_read() -> None:
    command = read(SlashCommand, recorded("slash_command.form"))
    assert (command.user_id, command.channel, command.text) == (ALICE, OPS, "create orders-db --retain 7d")
    assert read(Triggered, recorded("shortcut.global")).channel == ""
    about = read(MessageShortcut, recorded("shortcut.message_action.in_thread"))
    assert about.parent_ts not in (None, about.ts)
    mention = read(Mention, recorded("event.app_mention.in_thread"))
    assert mention.thread_ts
    assert not mention.edited
    opened = read(AppHomeOpened, recorded("event.app_home_opened"))
    assert (opened.user_id, opened.tab, opened.view_hash) == (ALICE, "home", "1767225500.Hh7kLm2P")


# --- what is needed ---------------------------------------------------------------------------------------------------

NEEDED: list[tuple[str, type[Payload], str]] = [
    *[("slash_command.form", SlashCommand, field) for field in ("user_id", "channel_id", "trigger_id")],
    *[("block_actions.message", BlockAction, field) for field in ("user.id", "trigger_id")],
    *[("block_actions.modal", ViewAction, field) for field in ("view", "view.id")],
    *[("view_submission", ViewAction, field) for field in ("user.id", "trigger_id", "view.id")],
    *[("block_suggestion.modal", Suggestion, field) for field in ("user.id", "view.id")],
    *[("shortcut.message_action", MessageShortcut, field) for field in ("channel.id", "message.ts", "trigger_id")],
    *[("event.app_mention", Mention, field) for field in ("event_id", "event.channel", "event.ts")],
    ("event.app_home_opened", AppHomeOpened, "event.user"),
]


@pytest.mark.parametrize(("name", "model", "field"), NEEDED)
@pytest.mark.parametrize("odd", [None, "", 7, ["x"], {}], ids=str)
def test_without_what_the_bot_needs_a_payload_is_unreadable_and_no_value_is_told(
    name: str, model: type[Payload], field: str, odd: Any
) -> None:
    body = copy.deepcopy(recorded(name))
    *above, last = field.split(".")
    holder = body
    for key in above:
        holder = holder[key]
    holder[last] = odd
    with pytest.raises(Unreadable) as caught:
        read(model, body)
    assert last in caught.value.fields
    assert ALICE not in str(caught.value)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["id", "ts", "value"]), inner, max_size=3)
    ),
    max_leaves=8,
)
MODELS = [model for model in vars(payloads).values() if isinstance(model, type) and issubclass(model, Payload)]


@given(JUNK, st.sampled_from(["block_actions.message", "view_submission", "event.app_mention"]), st.data())
def test_whatever_stands_in_a_payload_it_is_read_or_unreadable(junk: Any, name: str, data: st.DataObject) -> None:
    body = recorded(name)
    body[data.draw(st.sampled_from(sorted(body)))] = junk
    for model in MODELS:
        try:
            read(model, body)
        except Unreadable:
            continue
    assert isinstance(read(Sender, body), Sender)


def test_one_reader_knows_every_kind_of_field() -> None:
    values = {
        "typed": {"value": {"type": "plain_text_input", "value": "x"}},
        "empty": {"value": {"type": "plain_text_input", "value": None}},
        "chosen.3": {"a": {"selected_options": [{"value": "d1"}, {"value": "d2"}, {"value": "d1"}, {"value": 7}, 7]}},
        "one": {"a": {"selected_option": {"value": "payments"}}},
        "where": {"a": {"selected_conversation": "C9"}},
        "odd": 7,
    }
    entered = read_state(values)
    assert entered == {"typed": ["x"], "empty": [], "chosen": ["d1", "d2"], "one": ["payments"], "where": ["C9"]}
    assert Entered(json.loads(json.dumps(entered))) == entered
    assert (entered.text("typed"), entered.text("empty"), entered.text("missing")) == ("x", "", "")
    assert read(View, {"id": "V1", "state": {"values": values}}).entered == entered


# --- accounts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "kind"),
    [
        ({}, AccountKind.MEMBER),
        ({"deleted": True}, AccountKind.DEACTIVATED),
        ({"is_bot": True}, AccountKind.BOT),
        ({"is_workflow_bot": True}, AccountKind.BOT),
        ({"is_connector_bot": True}, AccountKind.BOT),
        ({"id": "USLACKBOT", "is_bot": False}, AccountKind.BOT),
        ({"is_restricted": True, "is_ultra_restricted": True}, AccountKind.SINGLE_CHANNEL_GUEST),
        ({"is_restricted": True}, AccountKind.GUEST),
        ({"is_stranger": True, "team_id": "T2"}, AccountKind.STRANGER),
        ({"team_id": "T2"}, AccountKind.OTHER_TEAM),
        ({"team_id": None}, AccountKind.OTHER_TEAM),
        ({"is_invited_user": True}, AccountKind.INVITED),
        ({"is_admin": True, "is_owner": True}, AccountKind.MEMBER),
        ({"deleted": "yes"}, AccountKind.DEACTIVATED),
    ],
)
def test_accounts_are_told_apart(flags: dict[str, object], kind: AccountKind) -> None:
    assert read(Account, {"user": {"id": "U1", "team_id": "T1", **flags}}).kind("T1") is kind


def test_an_account_of_the_same_organisation_counts_only_as_a_member_of_this_workspace() -> None:
    def kind(enterprise: str | None, **enterprise_user: object) -> AccountKind:
        user = {"id": "U1", "team_id": "T2", "enterprise_user": enterprise_user}
        return read(Account, {"user": user}).kind("T1", enterprise)

    assert kind("E1", enterprise_id="E1", teams=["T2", "T1"]) is AccountKind.MEMBER
    assert kind("E1", enterprise_id="E1", teams=["T2"]) is AccountKind.OTHER_WORKSPACE
    assert kind("E1", enterprise_id="E9", teams=["T1"]) is AccountKind.OTHER_TEAM
    assert kind(None, enterprise_id="E1", teams=["T1"]) is AccountKind.OTHER_TEAM
    assert kind("E1", enterprise_id="E1", teams="T1") is AccountKind.OTHER_WORKSPACE


# --- nowhere else -----------------------------------------------------------------------------------------------------

SOURCES = [path for path in sorted((ROOT / "bot" / "slack").rglob("*.py")) if path.name != "payloads.py"]
OWN = {
    "message": "a message of the bot's own",
    "first": "the same",
    "late": "the same",
    "opening": "the same",
    "arguments": "what is sent to Slack",
    "to": "the same",
    "by_field": "ids by the names of fields",
    "found": "a match of a pattern",
    "element": "a block that is being built",
    "deferred_reply.payload": "what the bot wrote down itself",
    "headers": "HTTP",
    "response.headers": "HTTP",
    "response.first_headers()": "HTTP",
}


def subscripted(text: str) -> Iterator[str]:
    """Whatever is taken out of something by a name that stands in the code."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Subscript(value=base, slice=ast.Constant(value=str()), ctx=ast.Load()):
                yield ast.unparse(base)
            case ast.Call(func=ast.Attribute(value=base, attr="get"), args=[ast.Constant(value=str()), *_]):
                yield ast.unparse(base)
            case _:
                pass


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_other_file_takes_slacks_json_apart(path: Path) -> None:
    assert set(subscripted(path.read_text(encoding="utf-8"))) - OWN.keys() == set()


@pytest.mark.parametrize(
    "text",
    ['body["user"]["id"]', 'event.get("user")', 'view.get("state", {})', 'answer.data["ts"]', 'x = opened["view"]'],
)
def test_the_watch_sees_each_way_to_take_it_apart(text: str) -> None:
    assert set(subscripted(text)) - OWN.keys()
