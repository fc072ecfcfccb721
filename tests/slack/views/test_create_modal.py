"""The form in every state, as Slack is given it, and what is read of what Slack gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.forms import Form, FormValues
from bot.domain.orders import Create
from bot.domain.requests import Place
from bot.slack.payloads import View, read, read_state
from bot.slack.views import create_modal
from bot.slack.views.create_modal import (
    disk_options,
    errors_beside,
    filled_view,
    listed_disk,
    loading_view,
    read_values,
    refused_view,
    view_with_problem,
)
from bot.workflow.actions.fill_form import DiskOptions, Filling, ProjectOptions
from tests.block_kit import checked_options, checked_view
from tests.builders import NOON, a_disk

Golden = Callable[[str, Any], None]

TYPED = Create(
    ("orders-db", "nope"),
    project="payments",
    name="before <upgrade>",
    description="by hand",
    tags={"tier": "prod", "owner": ""},
    enterprise_project_id="0",
    instant_access=True,
    incremental=False,
    keep_days=7,
    reason="INC-42 <!channel>",
)
WORN = a_disk("cache", 2, status="attaching", size=60)
LONG_NAMED = {"server_id": "s1", "server_name": "db-server-with-a-very-long-name-01", "device": "/dev/vdb"}
SERVED = a_disk("orders-db", 1, attachments=[LONG_NAMED])
EMPTY = Create(())


def a_form(order: Create = EMPTY, **fields: Any) -> Form:
    return Form("f-one", "U1", Place("T1", "C1"), order, NOON, **fields)


FILLINGS: dict[str, Filling] = {
    "empty": Filling(a_form(), ["payments", "shop"]),
    "only_project": Filling(a_form(project="payments", revision=1), ["payments"]),
    "more_options": Filling(a_form(project="payments", revision=1, more=True), ["payments"]),
    "prefilled": Filling(
        a_form(TYPED, project="payments", revision=1), ["payments", "shop"], disks=[SERVED], unfound=["nope"]
    ),
    "disks_before_project": Filling(a_form(Create(("orders-db",))), ["payments", "shop"], unfound=["orders-db"]),
    "asks_approval": Filling(a_form(project="payments", revision=1), ["payments"], approvals=2, break_glass=True),
    "in_a_thread": Filling(
        replace(a_form(project="payments", revision=1), place=Place("T1", "C1", "1767225610.000200")), ["payments"]
    ),
    "in_a_direct_message": Filling(
        replace(a_form(project="payments", revision=1), place=Place("T1", "D1", direct=True)), ["payments"]
    ),
    "in_a_thread_of_a_direct_message": Filling(
        replace(a_form(project="payments", revision=1), place=Place("T1", "D1", "1767225610.000200", direct=True)),
        ["payments"],
    ),
    "choose_place": Filling(
        replace(a_form(project="payments", revision=1, choose_place=True), place=Place("T1", "U1", direct=True)),
        ["payments"],
    ),
    "place_chosen": Filling(a_form(project="payments", revision=1, choose_place=True), ["payments"]),
    "closed_project": Filling(
        a_form(Create((), project="vault")),
        ["payments"],
        problem="There is no project “vault” that you may use. Check the alias, or ask the people who run the bot.",
    ),
}


@pytest.mark.parametrize("name", FILLINGS)
def test_the_form_in_every_state(golden: Golden, name: str) -> None:
    golden(f"form_{name}", checked_view(filled_view(FILLINGS[name])))


def test_the_form_while_it_is_looked_up_and_where_it_is_refused(golden: Golden) -> None:
    golden("form_loading", checked_view(loading_view("f-one")))
    why = "Guests of this workspace may not use the snapshot bot. Ask a full member to do it."
    golden("form_refused", checked_view(refused_view("f-one", why, "/snapshot create orders-db <x>")))


def test_a_hundred_and_one_projects_are_offered_as_one_types(golden: Golden) -> None:
    projects = [f"team-{number:03d}" for number in range(101)]
    view = checked_view(filled_view(Filling(a_form(project="team-007", revision=1), projects)))
    element = view["blocks"][0]["element"]
    assert (element["type"], element["initial_option"]["value"]) == ("external_select", "team-007")
    offered = checked_options(create_modal.project_options(ProjectOptions(projects[:99], more=2)))
    assert [option["value"] for option in offered] == [*projects[:99], create_modal.NO_CHOICE]
    assert offered[-1]["text"]["text"] == "… and 2 more: type on"
    (nothing,) = checked_options(create_modal.project_options(ProjectOptions(sentence="No project fits “x”.")))
    assert (nothing["value"], nothing["text"]["text"]) == (create_modal.NO_CHOICE, "No project fits “x”.")
    chosen = {"project": {create_modal.FORM_PROJECT: {"selected_option": nothing}}}
    assert read_values(read_state(chosen)).project == ""


def test_a_sentence_comes_on_top_of_what_stands_and_takes_the_place_of_the_one_before(golden: Golden) -> None:
    before = filled_view(FILLINGS["closed_project"])
    after = checked_view(
        view_with_problem(
            "f-one", View(id="V1", blocks=before["blocks"]), "Slack could not tell me who you are just now."
        )
    )
    golden("form_stands", after)
    assert after["blocks"][1:] == before["blocks"][1:]
    assert {key: after[key] for key in after if key != "blocks"} == {
        key: before[key] for key in before if key != "blocks"
    }


def test_long_texts_of_the_cloud_fit_into_every_field() -> None:
    disk = a_disk("d" * 255, 1, volume_type="GPSSD2", size=32_768, status="restoring-backup")
    served = a_disk("orders", 2, attachments=[{"server_id": "s", "server_name": "h" * 255, "device": "/dev/vda"}])
    order = Create(("x" * 300,) * 3, name="n" * 64, reason="r" * 300, tags={f"k{n}": "v" * 43 for n in range(19)})
    form = a_form(order, project="p" * 40, revision=1)
    checked_view(filled_view(Filling(form, ["p" * 40], [disk, served], ["x" * 300] * 20, "f" * 3_000)))
    checked_view(refused_view("f-one", "w" * 5_000, "t" * 5_000))
    checked_options(disk_options(DiskOptions([disk, served], more=3)))


def test_a_disk_is_offered_with_all_that_tells_it_from_its_namesakes() -> None:
    assert listed_disk(SERVED) == {
        "text": {"type": "plain_text", "text": "orders-db · 100 GiB SSD"},
        "value": SERVED.id,
        "description": {
            "type": "plain_text",
            "text": "on db-server-with-a-very-long-na… · in-use · d15c0000-0001",
        },
    }
    assert listed_disk(WORN)["description"]["text"] == "not attached · attaching: not now · d15c0000-0002"


def test_an_empty_offer_is_a_sentence_and_not_an_empty_list() -> None:
    nothing = checked_options(disk_options(DiskOptions(sentence="No disk fits “zzz”.")))
    assert [option["value"] for option in nothing] == [create_modal.NO_CHOICE]
    more = checked_options(disk_options(DiskOptions([a_disk(f"d{n}", n) for n in range(99)], more=7)))
    assert (len(more), more[-1]["text"]["text"]) == (100, "… and 7 more: type more of the name")


# --- what comes back --------------------------------------------------------------------------------------------------


def test_every_field_is_read() -> None:
    state = {
        "project": {create_modal.FORM_PROJECT: {"type": "static_select", "selected_option": {"value": "payments"}}},
        "disks.3": {
            create_modal.FORM_DISKS: {
                "type": "multi_external_select",
                "selected_options": [{"value": "d1"}, {"value": "d2"}, {"value": "d1"}],
            }
        },
        "place": {create_modal.FORM_PLACE: {"type": "conversations_select", "selected_conversation": "C9"}},
        "options": {"value": {"type": "checkboxes", "selected_options": [{"value": "full"}]}},
        **{
            field: {"value": {"type": "plain_text_input", "value": field.upper()}}
            for field in ("name", "description", "tags", "enterprise_project_id", "keep", "reason", "break_glass")
        },
    }
    assert read_values(read_state(state)) == FormValues(
        "payments",
        ("d1", "d2"),
        "NAME",
        "DESCRIPTION",
        "TAGS",
        "ENTERPRISE_PROJECT_ID",
        instant=False,
        full=True,
        keep="KEEP",
        reason="REASON",
        break_glass="BREAK_GLASS",
        place="C9",
    )


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["values", "project", "disks", "value", "selected_option", "selected_options", "options", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JUNK)
def test_whatever_comes_back_is_read_or_passed_over(junk: Any) -> None:
    assert isinstance(read_values(read_state(junk)), FormValues)
    assert isinstance(read_values(read(View, {"id": "V1", "state": junk}).entered), FormValues)


def test_faults_stand_beside_their_fields_and_strangers_beside_the_project() -> None:
    view = filled_view(FILLINGS["more_options"])
    problems = {"disks": "Choose `one`.", "place": "Not there.", "project": "Not you.", "tags": "t" * 900}
    errors = errors_beside(View(id="V1", blocks=view["blocks"]).inputs, problems)
    assert errors["disks.1"] == "Choose one."
    assert errors["project"] == "Not there. Not you."
    assert len(errors["tags"]) == 400
    inputs = {block["block_id"] for block in view["blocks"] if block["type"] == "input"}
    assert errors.keys() <= inputs
