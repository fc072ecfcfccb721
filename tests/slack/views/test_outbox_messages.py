"""What people read, in every state: golden files, Slack's own limits, and text alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import sentences
from bot.domain.attempts import NOT_THERE
from bot.domain.denials import Denied
from bot.domain.errors import GONE_AGAIN, REFUSED, SHARED, CommandError
from bot.domain.granting import Subject
from bot.domain.items import DiskRef, Item
from bot.domain.orders import Create
from bot.domain.parsing.commands import ListSnapshots, read_command
from bot.domain.requests import Place, Request
from bot.domain.results import NothingFound
from bot.domain.roles import Action
from bot.domain.snapshots import CreateStandardSnapshot
from bot.domain.transitions import ItemState, RequestState
from bot.slack.views import responses
from bot.slack.views.acknowledgement import recorded
from bot.slack.views.message import Message
from bot.slack.views.mrkdwn import bold, code, duration, escaped, message_of
from bot.slack.views.outbox_messages import rendered
from bot.slack.views.refusal import refusal
from bot.slack.views.small_modals import deny_form
from bot.workflow.queries.status import Found, MayDo, Page
from tests.block_kit import EDITED, checked_message, checked_view
from tests.builders import NOON, a_project, a_request, an_item
from tests.outgoing import outgoing

TEAM = "https://harbor-eng.slack.com/"
LATER = NOON + timedelta(seconds=75)
Golden = Callable[[str, Any], None]


def said(
    kind: str, request: Request, *items: Item, leaders: dict[str, Request] | None = None, why: str = ""
) -> Message:
    project = a_project(console_url="")
    message = rendered(
        outgoing(kind, request, items, leaders=leaders or {}, why=why),
        "/snapshot",
        TEAM,
        LATER,
        project,
        bot_user_id="U0BOT",
    )
    return checked_message(message, edited=kind in EDITED)


STATES: dict[str, Item] = {
    "next": an_item(1),
    "busy": an_item(
        1,
        waiting_since=NOON,
        due_at=NOON + timedelta(seconds=20),
        cause="A snapshot of this disk is already being created (EVS.2409).",
    ),
    "asking": an_item(1, ItemState.SUBMITTING, submitted_at=NOON),
    "not_there": an_item(
        1,
        cause="The cloud at evs.example.com broke off its answer.",
        code=NOT_THERE,
        in_doubt=True,
        attempts=1,
        waiting_since=NOON,
        due_at=NOON + timedelta(seconds=20),
    ),
    "uncertain": an_item(1, ItemState.UNCERTAIN, cause="EVS did not answer in time."),
    "creating": an_item(1, ItemState.CREATING, snapshot_id="snap-1", job_id="job-1", progress=40),
    "joined": an_item(1, ItemState.CREATING, snapshot_id="snap-1", joined_to="r-two-1"),
    "available": an_item(
        1, ItemState.AVAILABLE, snapshot_id="snap-1", job_id="job-1", taken_at=NOON, incremental=True, ended_at=NOON
    ),
    "failed": an_item(
        1, ItemState.FAILED, cause="The cloud could not create it: storage error (EVS.9).", ended_at=NOON
    ),
    "cancelled": an_item(1, ItemState.CANCELLED, cause="In payments you may view, but not create.", ended_at=NOON),
    "unknown": an_item(1, ItemState.UNKNOWN, snapshot_id="snap-1", cause="After 24 hours …", ended_at=NOON),
}


@pytest.mark.parametrize("name", STATES)
def test_the_root_message_in_every_state_of_a_disk(golden: Golden, name: str) -> None:
    item = STATES[name]
    order = Create(("orders-db",), reason="INC-42 <!channel>")
    finished: dict[str, Any] = (
        {"state": RequestState.FINISHED, "ended_at": NOON + timedelta(seconds=42)} if item.ended else {}
    )
    request = a_request(order=order, **finished)
    leader = a_request("r-two", actor_id="U2", status_channel="C9", status_ts="1767225610.000200")
    message = checked_message(said("status", request, item, leaders={"r-two-1": leader}))
    golden(f"root_{name}", message)


def test_one_of_two_disks_ended(golden: Golden) -> None:
    items = (replace(STATES["available"], state=ItemState.AVAILABLE), an_item(2, ItemState.CREATING, progress=50))
    golden("root_half_done", checked_message(said("edit", a_request(rev=7), *items)))


def test_a_mixed_end_and_its_receipt(golden: Golden) -> None:
    order = Create(("a", "b"), keep_days=7, reason="INC-42")
    request = a_request(order=order, state=RequestState.FINISHED, ended_at=NOON + timedelta(minutes=3))
    second = replace(STATES["failed"], id="r-one-2", position=2)
    golden("root_mixed", checked_message(said("edit", request, STATES["available"], second)))
    golden("receipt_mixed", checked_message(said("receipt", request, STATES["available"], second)))


def test_the_receipt_of_a_full_success_tells_the_spread(golden: Golden) -> None:
    later = replace(STATES["available"], id="r-one-2", snapshot_id="snap-2", taken_at=NOON + timedelta(seconds=1.25))
    request = a_request(state=RequestState.FINISHED, ended_at=NOON)
    message = checked_message(said("receipt", request, STATES["available"], later))
    assert ", the last 1.2 s later." in message["text"]
    golden("receipt_available", message)


def test_accepted_and_failure_in_the_thread(golden: Golden) -> None:
    found = replace(STATES["creating"], id="r-one-2", job_id=None)
    golden("accepted", checked_message(said("accepted", a_request(), STATES["creating"], found, STATES["joined"])))
    golden("failure", checked_message(said("failure", a_request(), STATES["failed"], STATES["cancelled"])))


def test_a_refusal_gives_back_what_was_typed(golden: Golden) -> None:
    request = a_request(state=RequestState.DROPPED, text="create ordrs-db", explanation="No disk named “ordrs-db”.")
    golden("refusal", checked_message(said("refusal", request)))


@pytest.mark.parametrize(
    ("name", "why", "cause"),
    [
        ("moved", "not_in_channel", "I was not invited to this channel"),
        ("moved_shared", SHARED, "people of another organisation may read along"),
        ("moved_archived", "is_archived", "this channel is archived"),
        ("moved_restricted", "restricted_action_read_only_channel", "who may post in this channel is restricted"),
        ("moved_thread", "cannot_reply_to_message", "this thread takes no more replies"),
        ("moved_deleted", GONE_AGAIN, "my messages here were deleted"),
        ("moved_refused", REFUSED, "Slack does not take my message"),
    ],
)
def test_moved_says_why_and_whom_to_invite_where_that_helps(golden: Golden, name: str, why: str, cause: str) -> None:
    message = checked_message(said("moved", a_request(), why=why))
    golden(name, message)
    assert cause in message["text"]
    assert ("/invite <@U0BOT>" in message["text"]) == (why == "not_in_channel")


def test_nobody_is_asked_to_invite_the_bot_into_direct_messages_of_others() -> None:
    direct = a_request(place=Place("T1", "D0OTHERS", direct=True), reply_channel="D0OTHERS")
    text = said("moved", direct, why="channel_not_found")["text"]
    assert "direct messages that I am no part of" in text
    assert "invite" not in text


WAITING: dict[str, Any] = {
    "state": RequestState.WAITING,
    "approvals_needed": 2,
    "approvers": ("U7",),
    "waits_until": NOON + timedelta(minutes=60),
    "order": Create(("orders-db",), reason="INC-42 before the upgrade"),
}


def test_an_approval_says_how_much_where_and_what_it_is_charged_by(golden: Golden) -> None:
    data = replace(STATES["next"], disk=replace(STATES["next"].disk, size=1_200, availability_zone="az-b"))
    logs = replace(
        data, id="r-one-2", disk=replace(data.disk, name="logs", volume_type="SAS", availability_zone="az-a")
    )
    waiting = a_request(**{**WAITING, "order": Create(("a",), keep_days=7)})
    message = checked_message(said("ask", waiting, data, logs), edited=True)
    golden("ask_two", message)
    assert "*Size:* 2 disks, 2,400 GiB · SAS, SSD · zone az-a, az-b" in message["text"]
    assert "*Cost:* charged by what is stored, here up to 2,400 GiB; the first copy" in message["text"]
    full = [replace(one, snapshot=one.snapshot.model_copy(update={"incremental": False})) for one in (data, logs)]
    assert (
        "full copies, as asked for; kept until somebody deletes them."
        in said("ask", a_request(**WAITING), *full)["text"]
    )


def test_those_who_may_approve_are_called_where_it_waits_and_no_more_of_them_than_ten(golden: Golden) -> None:
    called = [Subject("group", "S0ONCALL02"), *(Subject("user", f"U{number}") for number in range(10, 24))]
    message = calling(a_request(**WAITING), called)
    golden("ask_calls", message)
    assert "May approve: <!subteam^S0ONCALL02>, <@U10>, " in message["text"]
    assert message["text"].count("<@U") == 2 + 9 and " and 5 more." in message["text"]
    settled = calling(a_request(**{**WAITING, "state": RequestState.RUNNING, "approvers": ("U8",)}), called)
    assert "May approve" not in settled["text"]
    assert "I mention nobody here: tell somebody" in calling(a_request(**WAITING), [])["text"]
    assert "mention" not in said("ask_directly", a_request(**WAITING), STATES["next"])["text"]
    assert "May approve" not in calling(a_request(**WAITING, reply_channel="U1"), called)["text"]


def calling(request: Request, called: list[Subject]) -> Message:
    message = rendered(
        outgoing("ask", request, [STATES["next"]], called=called), "/snapshot", TEAM, LATER, a_project(console_url="")
    )
    return checked_message(message, edited=True)


def test_what_waits_for_others_and_how_that_ends(golden: Golden) -> None:
    waiting, item = a_request(**WAITING), STATES["next"]
    golden("root_waiting", checked_message(said("status", waiting, item)))
    golden("ask", checked_message(said("ask", waiting, item)))
    alone = replace(waiting, reply_channel="U1")
    golden("ask_alone", checked_message(said("ask", alone, item)))
    directly, below = said("ask_directly", alone, item)["text"], said("ask", waiting, item)["text"]
    assert directly == below.replace("I mention nobody here: tell somebody who may approve.\n", "")
    approved = replace(waiting, state=RequestState.RUNNING, approvers=("U7", "U8"))
    golden("ask_approved", checked_message(said("ask_edit", approved, item)))
    explanation = f"{sentences.person('U8')} denied it: “use the replica”. Nothing was created."
    denied = replace(
        waiting,
        state=RequestState.DENIED,
        rule="denied-by-approver",
        explanation=explanation,
        ended_at=NOON,
        text="create a",
    )
    never = replace(STATES["cancelled"], cause=explanation)
    golden("ask_denied", checked_message(said("ask_edit", denied, never)))
    golden("root_denied", checked_message(said("edit", denied, never)))
    golden("receipt_denied", checked_message(said("receipt", denied, never)))


def test_the_message_leads_to_the_question_below_it_once_that_stands() -> None:
    waiting = a_request(**WAITING, status_channel="C1", status_ts="1.5")
    assert "*Approve* and *Deny…* stand in the thread." in said("edit", waiting, STATES["next"])["text"]
    led = said("edit", replace(waiting, ask_ts="2.5"), STATES["next"])["text"]
    assert f"stand <{TEAM}archives/C1/p25?thread_ts=1.5&amp;cid=C1|in the thread>." in led
    alone = replace(waiting, ask_ts="2.5", reply_channel="U1")
    assert "Those who may are asked directly." in said("edit", alone, STATES["next"])["text"]


def test_without_a_go_it_took_the_time_between_the_moments_beside_it() -> None:
    asked = NOON + timedelta(seconds=0.9)
    began, ended = asked + timedelta(seconds=16), NOON + timedelta(seconds=24.1)
    done = a_request(state=RequestState.FINISHED, created_at=asked, started_at=began, ended_at=ended)
    assert "finished in 24 s" in said("edit", done, STATES["available"])["text"]
    agreed = replace(done, approvals_needed=1, approvers=("U7",))
    assert "finished 7 s after the approval" in said("edit", agreed, STATES["available"])["text"]


def test_who_may_do_nothing_is_not_offered_other_words() -> None:
    guest = a_request(state=RequestState.DENIED, rule="standing-guest", explanation="Guests may not.", text="create a")
    assert "ask_again" not in str(said("refusal", guest)["blocks"])
    assert "ask_again" in str(said("refusal", replace(guest, rule="disks"))["blocks"])


def test_what_ran_without_approval(golden: Golden) -> None:
    request = a_request(
        break_glass=True,
        order=Create(("orders-db",), reason="db down, restoring now"),
        status_channel="C1",
        status_ts="1767225610.000200",
    )
    golden("break_glass", checked_message(said("break_glass", request, STATES["next"])))
    golden("root_break_glass", checked_message(said("status", request, STATES["creating"])))
    reviewed = replace(request, reviewed_by="U9")
    assert "reviewed by <@U9>" in said("edit", reviewed, STATES["available"])["text"]


def test_a_request_that_was_called_back_in_part(golden: Golden) -> None:
    second = replace(
        STATES["cancelled"],
        id="r-one-2",
        position=2,
        cause=f"{sentences.person('U2')} cancelled it before it was sent.",
    )
    request = a_request(state=RequestState.FINISHED, ended_at=NOON + timedelta(seconds=75))
    golden("root_called_back", checked_message(said("edit", request, STATES["available"], second)))
    golden("receipt_called_back", checked_message(said("receipt", request, STATES["available"], second)))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("recorded", recorded(a_request(), checked=True)),
        ("recorded_unchecked", recorded(a_request(), checked=False)),
        ("recorded_asks", recorded(a_request(), checked=True, approvals=2)),
    ],
)
def test_the_acknowledgement(golden: Golden, name: str, words: str) -> None:
    golden(name, checked_message(responses.as_written(words)))


def test_a_form_that_is_offered_by_a_button(golden: Golden) -> None:
    golden("form_offered", checked_message(responses.form_button("f-one", "/snapshot")))
    golden("form_too_late", checked_message(responses.form_too_late("f-one", "/snapshot")))


def test_the_form_that_asks_an_approver_why_not(golden: Golden) -> None:
    golden("deny_form", checked_view(deny_form("f-one", from_app_home=False)))


def test_a_reminder_asks_whether_to_keep(golden: Golden) -> None:
    request = a_request(order=Create(("a",), keep_days=7), state=RequestState.FINISHED, ended_at=NOON)
    golden("reminder", checked_message(said("reminder", request, STATES["available"])))


def test_native_retention_is_the_clouds_own_doing() -> None:
    request = a_request(order=Create(("a",), keep_days=7), state=RequestState.FINISHED, ended_at=NOON)
    kept = CreateStandardSnapshot(volume_id="v", name="n", retention_days=7)
    assert "The cloud deletes them on" in said("receipt", request, replace(STATES["available"], snapshot=kept))["text"]
    assert "Nothing deletes them by itself" in said("receipt", request, STATES["available"])["text"]


@pytest.mark.parametrize("name", STATES)
def test_text_alone_names_disk_state_and_request(name: str) -> None:
    item = STATES[name]
    state = RequestState.FINISHED if item.ended else RequestState.RUNNING
    text = said("status", a_request(state=state), item)["text"]
    assert "disk-1" in text and "r-one" in text and "payments" in text
    for identity in (item.snapshot_id, item.cause):
        assert identity is None or escaped(identity) in text


def test_twenty_disks_with_long_names_stay_within_slacks_limits() -> None:
    long = DiskRef("d15c0000-0001-4000-8000-000000000001", "<" * 255)
    items = [
        replace(STATES["failed"], id=f"r-one-{n}", position=n, disk=long, cause="<" * 2_000, snapshot_id="s" * 36)
        for n in range(1, 21)
    ]
    finished = a_request(state=RequestState.FINISHED, ended_at=NOON, order=Create(("a",), reason="&" * 300))
    kinds: tuple[str, ...] = ("status", "failure", "receipt")
    for kind in kinds:
        said(kind, finished, *items)
    waiting = replace(finished, state=RequestState.WAITING, ended_at=None, approvals_needed=2, waits_until=NOON)
    asks = said("ask", waiting, *items)["text"]
    assert "`/snapshot approve r-one`" in asks and "&amp;" * 300 in asks


@pytest.mark.parametrize("count", [2, 15, 20])
def test_text_alone_tells_who_why_and_which_request_however_many_disks_failed(count: int) -> None:
    cause = "The cloud could not create it & said <why> in many words. " * 5
    items = [
        replace(
            STATES["failed"], id=f"r-one-{n}", position=n, cause=cause[:270], disk=DiskRef(f"d{n}", f"orders-{n:02d}")
        )
        for n in range(1, count + 1)
    ]
    request = a_request(state=RequestState.FINISHED, ended_at=NOON, order=Create(("a",), reason="INC-42 disk latency"))
    text = said("edit", request, *items)["text"]
    facts = text.splitlines()[-1]
    assert "<@U1>" in facts and "INC-42 disk latency" in facts and "request `r-one`" in facts
    told = [line for line in text.splitlines() if line.startswith(":x: *orders-")]
    more = re.search("… and ([0-9]+) more like these", text)
    assert len(told) + (int(more[1]) if more else 0) == count
    assert len(told) >= min(count, 15)


def test_a_backtick_in_a_disks_name_takes_nothing_into_a_code_span() -> None:
    nasty = DiskRef("d1", "a`b", 100, "S`SD", "az`a", "web`01", "in`use")
    request = a_request(state=RequestState.FINISHED, ended_at=NOON)
    shown = [
        said("edit", a_request(), replace(STATES["creating"], disk=nasty)),
        said("status", a_request(state=RequestState.WAITING, approvals_needed=1), replace(STATES["next"], disk=nasty)),
        said("receipt", request, replace(STATES["available"], disk=nasty), replace(STATES["failed"], disk=nasty)),
    ]
    for message in shown:
        outside = message["text"].partition("```")[0].split("`")[::2]
        inside = message["text"].partition("```")[0].split("`")[1::2]
        assert "aˋb" in "".join(outside)
        assert not [text for text in inside if "—" in text or "aˋb" in text]
    assert "creating, 40 %" in "".join(shown[0]["text"].split("`")[::2])


def test_the_message_that_is_the_reason_is_one_press_away() -> None:
    address = "https://harbor-eng.slack.com/archives/C1/p1767225610000200"
    order = Create(("a",), reason=f"{address} https://evil.example/archives/C1/p1")
    request = a_request(order=order, state=RequestState.WAITING, approvals_needed=1)
    done = replace(request, state=RequestState.FINISHED, ended_at=NOON)
    shown = [said("status", request, STATES["next"]), said("ask", request, STATES["next"])]
    shown += [said("receipt", done, STATES["available"]), said("break_glass", done, STATES["available"])]
    for message in shown:
        assert f"<{address}|the message>" in message["text"]
        assert "<https://evil" not in str(message)


def test_while_it_runs_it_is_told_where_the_receipt_will_stand() -> None:
    running = said("edit", a_request(), STATES["creating"])["text"]
    assert "receipt follows in the thread" in running
    for state in (RequestState.RECEIVED, RequestState.PLANNED, RequestState.WAITING):
        assert "receipt" not in said("edit", a_request(state=state), STATES["next"])["text"]


def test_an_ask_with_long_names_can_be_edited_and_still_says_what_to_type() -> None:
    long = DiskRef("d15c0000-0001-4000-8000-000000000001", "<" * 255)
    items = [replace(STATES["next"], id=f"r-one-{n}", position=n, disk=long) for n in range(1, 21)]
    request = a_request(**{**WAITING, "order": Create(("a",), reason="&" * 300)})
    for state in (RequestState.WAITING, RequestState.DENIED):
        message = said("ask_edit", replace(request, state=state, explanation="<" * 1_000), *items)
        assert len(message["text"]) <= 4_000
        checked_message(message)
    assert "approve r-one" in said("ask", request, *items)["text"]


HOSTILE = "<!channel> & *x* `y` <@U1> <https://evil|ok>"


def test_nothing_that_people_or_the_cloud_write_becomes_a_mention_or_a_link() -> None:
    disk = DiskRef("d1", HOSTILE)
    items = [replace(item, disk=disk, cause=HOSTILE) for item in STATES.values()]
    order = Create((HOSTILE,), reason=HOSTILE, name=HOSTILE)
    request = a_request(order=order, text=HOSTILE, explanation=HOSTILE, state=RequestState.FINISHED, ended_at=NOON)
    kinds: tuple[str, ...] = ("status", "accepted", "failure", "receipt", "refusal", "moved")
    for kind in kinds:
        message = str(said(kind, request, *items))
        assert "<!channel>" not in message
        assert "<https://evil" not in message
        assert message.count("<@U1>") == message.count(f"<@{request.actor_id}>")
    assert "<!channel>" not in str(
        responses.listing(Page([(request, items)], ListSnapshots(), more=False), "/snapshot")
    )
    assert "<!channel>" not in recorded(request, checked=True)


@given(st.text(max_size=200))
def test_escaped_text_holds_none_of_slacks_three_characters(text: str) -> None:
    for shown in (escaped(text), code(text), bold(text)):
        assert "<" not in shown and ">" not in shown
        assert "&" not in shown.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0 s"), (59, "59 s"), (185, "3 min 5 s"), (7_800, "2 h 10 min")])
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_help_shows_only_what_the_caller_may_do(golden: Golden) -> None:
    operator = MayDo({"payments": frozenset({Action.VIEW, Action.CREATE}), "shop": frozenset({Action.VIEW})})
    golden("help_operator", checked_message(responses.help_text(operator, "/snapshot")))
    viewer = responses.help_text(MayDo({"shop": frozenset({Action.VIEW})}), "/snapshot")["text"]
    assert "create" not in viewer and "/snapshot list" in viewer
    nobody = responses.help_text(MayDo({}), "/snapshot")["text"]
    assert "list" not in nobody and "You may use no project" in nobody
    assert responses.help_text(Denied("standing-guest", "Guests may not."), "/snapshot")["text"] == "Guests may not."


def test_listing_and_status(golden: Golden) -> None:
    posted = a_request(status_channel="C1", status_ts="1795435200.000100", reply_channel="C1")
    running = (posted, [STATES["creating"]])
    refused = (a_request("r-two", state=RequestState.DENIED, explanation="No.", project=None), list[Item]())
    golden(
        "list",
        checked_message(
            responses.listing(Page([running, refused], ListSnapshots(offset=10), more=True), "/snapshot", TEAM)
        ),
    )
    one = responses.status(Found([running]), "/snapshot", TEAM, NOON)
    assert "creating, 40 %" in one["text"]
    assert responses.status(NothingFound("Nothing <here>."), "/snapshot", TEAM, NOON)["text"] == "Nothing &lt;here&gt;."


# --- questions --------------------------------------------------------------------------------------------------------

QUESTIONS = [
    "status a b",
    "status ID extra=1",
    "list foo=bar",
    "list disk=",
    "list web-01",
    "help me please",
    "projects x",
    "access @a @b",
    "access nobody",
    "restore-points here there",
    "statsu",
    "x" * 2_001,
    '"unclosed',
    "lsit mine",
]


@pytest.mark.parametrize("typed", QUESTIONS)
def test_a_question_that_cannot_be_answered_never_says_that_nothing_was_created(typed: str) -> None:
    try:
        read_command(typed)
    except CommandError as exc:
        assert "created" not in refusal(exc.sentence, typed, "/snapshot")["text"]


@pytest.mark.parametrize("typed", ["create a nmae=b", "CREATE a nmae=b", "quick foo", "quick keep=never"])
def test_an_order_that_is_refused_says_that_nothing_was_created(typed: str) -> None:
    with pytest.raises(CommandError) as caught:
        read_command(typed)
    assert "Nothing was" in refusal(caught.value.sentence, typed, "/snapshot")["text"]


def test_a_list_of_what_was_called_off_does_not_end_with_what_was_not_created() -> None:
    dropped = a_request(state=RequestState.DROPPED, explanation="Nobody confirmed it. Nothing was created.")
    for message in (
        responses.listing(Page([(dropped, [])], ListSnapshots(), more=False), "/snapshot"),
        responses.status(Found([(dropped, [])]), "/snapshot", TEAM, NOON),
    ):
        assert "Nothing was created" not in message["text"]


# --- links to the message ---------------------------------------------------------------------------------------------


def test_a_link_to_a_message_in_a_thread_leads_into_the_thread() -> None:
    posted = a_request(status_channel="C1", status_ts="1795435200.000100", reply_channel="C1")
    assert message_of(posted, TEAM) == f"<{TEAM}archives/C1/p1795435200000100|its message>"
    below = replace(posted, place=replace(posted.place, channel_id="C1", thread_ts="1795435100.000100"))
    assert "?thread_ts=1795435100.000100&amp;cid=C1|" in message_of(below, TEAM)
    assert message_of(a_request(), TEAM) == message_of(posted, "") == ""
    direct = replace(posted, status_channel="D1", reply_channel="U1")
    assert (message_of(direct, TEAM), bool(message_of(direct, TEAM, own=True))) == ("", True)
