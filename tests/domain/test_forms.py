"""From the fields of a form to an order."""

from __future__ import annotations

from typing import Any

import pytest

from bot.domain.disks import matching
from bot.domain.forms import FormValues, form_as_typed, read_form
from bot.domain.orders import Create
from bot.domain.parsing.commands import parse_command
from tests.builders import a_disk

DISK = a_disk().id


def values(**fields: Any) -> FormValues:
    return FormValues(**{"project": "payments", "disks": (DISK,), **fields})


def test_every_field_becomes_its_option_and_an_empty_one_none() -> None:
    filled = values(
        name=" nightly ",
        description="weekly",
        tags="tier:prod,\nowner:bob\n",
        enterprise_project_id="0",
        instant=True,
        full=True,
        keep="7",
        reason="INC-42",
        break_glass="payments",
    )
    assert read_form(filled) == (
        Create(
            (DISK,),
            project="payments",
            name="nightly",
            description="weekly",
            tags={"tier": "prod", "owner": "bob"},
            enterprise_project_id="0",
            instant_access=True,
            incremental=False,
            keep_days=7,
            reason="INC-42",
            break_glass="payments",
        ),
        {},
    )
    assert read_form(values(name="  ", keep="")) == (Create((DISK,), project="payments"), {})


@pytest.mark.parametrize(
    ("fields", "field", "sentence"),
    [
        ({"project": ""}, "project", "Choose a project."),
        ({"disks": ()}, "disks", "Choose at least one disk."),
        ({"disks": ("no-choice",)}, "disks", "a message, not a disk"),
        ({"disks": tuple(a_disk(number=n).id for n in range(21))}, "disks", "up to 20 disks; these are 21"),
        ({"name": "n" * 65}, "name", "64 characters; this one has 65"),
        ({"name": "autobk_snapshot_x"}, "name", "belong to Cloud Backup"),
        ({"description": "d" * 86}, "description", "85 characters"),
        ({"tags": "prod"}, "tags", "Write tags as key:value"),
        ({"tags": "a/b:1"}, "tags", "The tag key “a/b” is not allowed"),
        ({"tags": ",".join(f"k{n}:v" for n in range(20))}, "tags", "give 19 at most"),
        ({"keep": "0"}, "keep", "takes days"),
        ({"reason": "r" * 301}, "reason", "300 characters"),
    ],
)
def test_a_fault_is_told_by_its_field(fields: dict[str, Any], field: str, sentence: str) -> None:
    _, problems = read_form(values(**fields))
    assert list(problems) == [field]
    assert sentence in problems[field]


def test_what_was_entered_is_read_as_it_looks() -> None:
    order, problems = read_form(
        values(
            name="a\u200bb",
            description="cafe\u0301",
            tags="env：prod，app：x",
            keep="７",
            reason="ok \u202edeteled ton",
            break_glass=" WEB\ufeff ",
            enterprise_project_id="\u200b0",
        )
    )
    assert problems == {}
    assert (order.name, order.description, order.tags) == ("ab", "caf\u00e9", {"env": "prod", "app": "x"})
    assert (order.keep_days, order.reason, order.break_glass) == (7, "ok deteled ton", "web")
    assert order.enterprise_project_id == "0"


def test_letters_nobody_sees_are_an_empty_field() -> None:
    order, problems = read_form(values(reason="\u200b" * 16, name="\u2800", keep="\u3164", tags="\ufeff"))
    assert problems == {}
    assert (order.reason, order.name, order.keep_days, order.tags) == (None, None, None, {})


def test_all_faults_are_told_at_once() -> None:
    _, problems = read_form(values(project="", disks=(), name="n" * 65, tags="x", keep="soon"))
    assert problems.keys() == {"project", "disks", "name", "tags", "keep"}


def test_disks_are_found_by_a_part_of_name_id_or_server() -> None:
    web = a_disk("web-data", 1, attachments=[{"server_id": "s1", "server_name": "front-01", "device": "/dev/vdb"}])
    data = a_disk("data-web", 2)
    other = a_disk("orders", 3)
    assert matching([data, web, other], "WEB") == [web, data]
    assert matching([data, web, other], "front") == [web]
    assert matching([data, web, other], "web front") == [web]
    assert matching([data, web, other], other.id[:13]) == [other]
    assert matching([other, web, data], "") == [data, other, web]
    assert matching([data, web, other], "nothing") == []


def test_what_was_entered_is_a_command_again_and_faults_are_in_it_too() -> None:
    right = values(
        name=" before upgrade ", tags="tier:prod,\nowner:bob", instant=True, full=True, keep="7", reason="I'm"
    )
    assert parse_command(form_as_typed(right)) == read_form(right)[0]
    wrong = values(disks=(DISK, "no-choice"), name="n" * 65, tags="no colon", keep="often")
    assert form_as_typed(wrong) == f'create {DISK} project=payments name={"n" * 65} tags="no colon" keep=often'
    assert form_as_typed(FormValues(disks=("no-choice",), reason="  ")) == ""
