"""A form that a person fills in: what the bot keeps of it, and how its fields become an order."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar

from bot.domain.disks import is_disk_id
from bot.domain.normalise import caseless, entered, plain
from bot.domain.options import payload_problems, read_alias, read_days, read_reason, read_tags
from bot.domain.orders import DISKS_PER_CREATE, Create, create_as_typed
from bot.domain.requests import Place

FormKind = Literal["create", "bind", "change", "deny", "delete", "restore", "overwrite", "project"]
"""The purpose of a form: a new snapshot, what a channel means, another selection of a plan, the reason of a denial,
(a question with one button) what a deletion would let go, which way back is meant, the typed word for overwriting, or
(a question with a button for each) the project of an order that names none.
"""


@dataclass(frozen=True, slots=True)
class Form:
    """One form as it was opened. Slack's copy carries only `id`, so what is trusted of it stands here.

    `order` is what was typed before (for `change` the disks that are offered, for `delete` the items that were named),
    `place` where it will be told; with `choose_place` the person may change that. `project` is the one chosen last,
    `revision` counts those changes.
    `view_id` is None for a form that could not be shown yet. `subject` is what it is about: the request of a plan, of a
    denial or of restore points, the channel that is bound, an order as it is typed. `more`: the person wants to see the
    fields that are seldom filled in.
    """

    id: str
    user_id: str
    place: Place
    order: Create
    opened_at: datetime
    choose_place: bool = False
    view_id: str | None = None
    project: str | None = None
    revision: int = 0
    kind: FormKind = "create"
    subject: str = ""
    more: bool = False

    @property
    def told_directly(self) -> bool:
        """No channel: the answer goes to the person. A person's id stands for the conversation with them."""
        return self.place.channel_id == self.user_id

    @property
    def shows_more(self) -> bool:
        """Asked for, or because something stands in them: what is not shown would not be sent."""
        order = self.order
        texts = (order.name, order.description, order.tags, order.enterprise_project_id)
        return self.more or any(texts) or order.instant_access is not None or order.incremental is not None


@dataclass(frozen=True, slots=True)
class FormValues:
    """The fields as they came back, texts as typed. `place` is the channel chosen, where one could be chosen."""

    project: str = ""
    disks: tuple[str, ...] = ()
    name: str = ""
    description: str = ""
    tags: str = ""
    enterprise_project_id: str = ""
    instant: bool = False
    full: bool = False
    keep: str = ""
    reason: str = ""
    break_glass: str = ""
    place: str = ""


_Value = TypeVar("_Value")


def read_form(values: FormValues) -> tuple[Create, dict[str, str]]:
    """The order, and what is wrong with it by field: every problem at once. With problems the order is not complete."""
    problems: dict[str, str] = {}

    def tried(field: str, read: Callable[[str], _Value], text: str) -> _Value | None:
        if not entered(text):
            return None
        try:
            return read(entered(text))
        except ValueError as problem:
            problems[field] = str(problem)
            return None

    tags = tried("tags", lambda text: read_tags(_tags_listed(text)), values.tags)
    order = Create(
        values.disks,
        project=values.project or None,
        name=tried("name", str, values.name),
        description=tried("description", str, values.description),
        tags=tags or {},
        enterprise_project_id=tried("enterprise_project_id", caseless, values.enterprise_project_id),
        instant_access=True if values.instant else None,
        incremental=False if values.full else None,
        keep_days=tried("keep", read_days, values.keep),
        reason=tried("reason", read_reason, values.reason),
        break_glass=tried("break_glass", read_alias, values.break_glass),
    )
    given = {"name": order.name, "description": order.description, "tags": order.tags}
    problems = {**payload_problems(given), **problems}
    if not values.project:
        problems["project"] = "Choose a project."
    if not values.disks:
        problems["disks"] = "Choose at least one disk."
    elif len(values.disks) > DISKS_PER_CREATE:
        problems["disks"] = f"One request takes up to {DISKS_PER_CREATE} disks; these are {len(values.disks)}."
    elif not all(map(is_disk_id, values.disks)):
        problems["disks"] = "One of these lines is a message, not a disk. Take it out, or choose a disk in its place."
    return order, problems


def _tags_listed(text: str) -> str:
    """Commas and line breaks both part tags; the field has room for lines."""
    return ",".join(filter(None, map(str.strip, re.split(r"[,\n]", plain(text)))))


def form_as_typed(values: FormValues) -> str:
    """The command that asks for what was entered, problems and all: nothing typed is lost with its form."""
    disks = [word for word in values.disks if is_disk_id(word)]
    options = {
        "project": values.project,
        "name": values.name,
        "description": values.description,
        "tags": _tags_listed(values.tags),
        "enterprise_project_id": values.enterprise_project_id,
        "instant_access": "yes" if values.instant else "",
        "incremental": "no" if values.full else "",
        "keep": values.keep,
        "reason": values.reason,
        "break_glass": values.break_glass,
    }
    given = {key: shown for key, text in options.items() if (shown := entered(text))}
    return create_as_typed(disks, given) if disks or given else ""
