"""The form as pure functions. Every field's block begins with the field's name; what follows a dot makes it a new one.

Slack keeps what was entered where block_id and action_id stay the same (Modals, updating), so a change of the project
gives the disks a new block and leaves everything else alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.domain.forms import Form, FormValues
from bot.domain.normalise import visible
from bot.domain.options import REASON_CHARACTERS
from bot.domain.orders import DISKS_PER_CREATE, Create
from bot.domain.sentences import MENTION
from bot.domain.snapshots import COPYABLE_STATES, DESCRIPTION_CHARACTERS, NAME_CHARACTERS, RETENTION_DAYS, Disk
from bot.slack.payloads import Entered, View
from bot.slack.views.blocks import OPTION_CHARACTERS, OPTIONS, button, context, divider, option, plain, row, section
from bot.slack.views.mrkdwn import code_block, cut_in_the_middle, escaped, sentence, shortened
from bot.workflow.actions.fill_form import DiskOptions, Filling, ProjectOptions

FORM = "snapshot_form"
FORM_PROJECT = "form_project"
FORM_DISKS = "form_disks"
FORM_PLACE = "form_place"
FORM_MORE = "form_more"
VALUE = "value"

ID_CHARACTERS = 13
"""Of an id, where it stands beside a name: disks made together often agree in their first eight."""
NO_CHOICE = "no-choice"
"""The value of a line in a picker that is a sentence, and nothing to choose."""

ERROR_CHARACTERS = 400

_PROBLEM = "fault"
_SUBMIT = "Create Snapshot"


# --- views ------------------------------------------------------------------------------------------------------------


def loading_view(form_id: str) -> dict[str, Any]:
    """Shown within the trigger's 3 s; nothing that has to be asked for is in it."""
    return _view(form_id, [section(":hourglass_flowing_sand: Looking up your projects and disks…", "looking")])


def refused_view(form_id: str, why: str, said: str) -> dict[str, Any]:
    """Why there is no form, and what was typed, ready to be copied."""
    blocks = [section(f":no_entry_sign: {sentence(shortened(why, 2_000))}\nNothing was created.", "refused")]
    if said:
        blocks.append(section(f"You typed: {code_block(said, most=2_000)}", "typed"))
    return _view(form_id, blocks, close="Close")


def view_with_problem(form_id: str, view: View, problem: str) -> dict[str, Any]:
    """The form as it stands, with a sentence on top. Slack keeps what was entered, because no field changes."""
    return _view(form_id, [_problem(problem), *view.blocks_but(_PROBLEM)], submit=_SUBMIT)


def filled_view(filling: Filling) -> dict[str, Any]:
    form, order = filling.form, filling.form.order
    blocks = [_problem(filling.problem)] if filling.problem else []
    if form.choose_place:
        blocks.append(_place(form))
    blocks.append(_project(filling))
    if filling.approvals:
        blocks.append(context(_needs_approval(filling), "approval"))
    if form.project is None:
        blocks.append(section("_Choose the project; then its disks can be chosen here._", "disks-later"))
    else:
        blocks.append(_disks(form, filling.disks))
    if filling.unfound:
        blocks.append(context(_not_found(filling), "unfound"))
    blocks += _often_wanted(order)
    blocks += _rarely_wanted(order) if form.shows_more else [_more_options()]
    if filling.break_glass:
        blocks.append(_break_glass(form, order))
    blocks.append(context(_small_print(form), "cost"))
    return _view(form.id, blocks, submit=_SUBMIT)


def _problem(problem: str) -> dict[str, Any]:
    return section(f":warning: {sentence(problem)}", _PROBLEM)


def _view(form_id: str, blocks: list[dict[str, Any]], *, submit: str = "", close: str = "Cancel") -> dict[str, Any]:
    view: dict[str, Any] = {
        "type": "modal",
        "callback_id": FORM,
        "private_metadata": form_id,
        "title": plain("New snapshot"),
        "close": plain(close),
        "blocks": blocks,
    }
    return {**view, "submit": plain(submit)} if submit else view


# --- fields -----------------------------------------------------------------------------------------------------------


def _place(form: Form) -> dict[str, Any]:
    element: dict[str, Any] = {
        "type": "conversations_select",
        "action_id": FORM_PLACE,
        "placeholder": plain("A direct message to me"),
        "filter": {"include": ["public", "private"], "exclude_bot_users": True},
    }
    if not form.told_directly:
        element["initial_conversation"] = form.place.channel_id
    hint = "A channel that you and I are both in. Some projects can be used only from their own channels."
    return _input("place", "Where to follow it", element, optional=True, dispatch=True, hint=hint)


def _project(filling: Filling) -> dict[str, Any]:
    form = filling.form
    element: dict[str, Any] = {"action_id": FORM_PROJECT, "placeholder": plain("Choose a project")}
    if len(filling.projects) <= OPTIONS:
        element |= {"type": "static_select", "options": [option(alias, alias) for alias in filling.projects]}
    else:
        element |= {"type": "external_select", "min_query_length": 0}
    if form.project:
        element["initial_option"] = option(form.project, form.project)
    # Another place may have other projects, so its list is a new one.
    block_id = f"project.{form.place.channel_id}" if form.choose_place else "project"
    return _input(block_id, "Project", element, dispatch=True)


def _disks(form: Form, chosen: Sequence[Disk]) -> dict[str, Any]:
    element: dict[str, Any] = {
        "type": "multi_external_select",
        "action_id": FORM_DISKS,
        "placeholder": plain("Type a part of the name, the id or the server"),
        "min_query_length": 0,
        "max_selected_items": DISKS_PER_CREATE,
    }
    if chosen:
        element["initial_options"] = [listed_disk(disk) for disk in chosen[:DISKS_PER_CREATE]]
    return _input(f"disks.{form.revision}", f"Disks (up to {DISKS_PER_CREATE})", element)


def _break_glass(form: Form, order: Create) -> dict[str, Any]:
    hint = (
        f"Only in an emergency: type {form.project} to confirm, and give a reason of at least 15 characters. "
        "Everybody who may approve is told, and one of them has to review it."
    )
    element = _text_input(order.break_glass)
    return _input("break_glass", "Run without approval", element, optional=True, hint=hint)


def _often_wanted(order: Create) -> list[dict[str, Any]]:
    reason = _text_input(order.reason, REASON_CHARACTERS, multiline=True)
    keep: dict[str, Any] = {
        "type": "number_input",
        "action_id": VALUE,
        "is_decimal_allowed": False,
        "min_value": str(RETENTION_DAYS.start),
        "max_value": str(RETENTION_DAYS.stop - 1),
    }
    if order.keep_days:
        keep["initial_value"] = str(order.keep_days)
    return [
        _input("reason", "Reason", reason, optional=True, hint="Stands in the message and in the receipt."),
        _input("keep", "Keep for how many days", keep, optional=True, hint="Left empty: until somebody deletes it."),
    ]


def _rarely_wanted(order: Create) -> list[dict[str, Any]]:
    name, description = (
        _text_input(order.name, NAME_CHARACTERS),
        _text_input(order.description, DESCRIPTION_CHARACTERS),
    )
    tags = _text_input(", ".join(f"{key}:{value}" for key, value in order.tags.items()) or None)
    enterprise_project = _text_input(order.enterprise_project_id)
    boxes = [
        option("Instant restore", "instant", "Usable at once; not for SATA and SAS disks"),
        option("Full copy instead of incremental", "full", "Takes longer, and more space"),
    ]
    ticked = [box for box, on in zip(boxes, (order.instant_access, order.incremental is False), strict=True) if on]
    options: dict[str, Any] = {"type": "checkboxes", "action_id": VALUE, "options": boxes}
    if ticked:
        options["initial_options"] = ticked
    name_hint = "Several disks: each name ends with its disk. Left empty: the disk's name and the time."
    tags_hint = "key:value, separated by commas. Letters, digits, _ and - (values also dots)."
    return [
        divider("rarely"),
        _input("name", "Name", name, optional=True, hint=name_hint),
        _input("description", "Description", description, optional=True),
        _input("tags", "Tags", tags, optional=True, hint=tags_hint),
        _input(
            "enterprise_project_id",
            "Enterprise project",
            enterprise_project,
            optional=True,
            hint="Its id. Left empty: the one set for the project.",
        ),
        _input("options", "Copies", options, optional=True),
    ]


def _more_options() -> dict[str, Any]:
    spoken = "More options: name, description, tags, enterprise project, copies"
    return row([{**button(FORM_MORE, "More Options", "more"), "accessibility_label": spoken}], "rarely")


def _needs_approval(filling: Filling) -> str:
    others = "one other person" if filling.approvals == 1 else f"{filling.approvals} other people"
    return f":hand: {escaped(filling.form.project or '')} asks for approval: it runs once {others} agreed."


def _not_found(filling: Filling) -> str:
    words = ", ".join(f"“{escaped(shortened(word, 64))}”" for word in filling.unfound[:DISKS_PER_CREATE])
    if filling.form.project is None:
        return f"You typed {words}. Choose the project and I look for them there."
    return f":warning: Not found in {escaped(filling.form.project)}, or not one disk alone: {words}. Choose them above."


def _small_print(form: Form) -> str:
    return (
        f"I report {_where(form)}. While the snapshot is made, the disk's reads and writes may be slower. "
        "Standard snapshots are charged for as long as they exist."
    )


def _where(form: Form) -> str:
    """A direct message has no name to be shown by, so where it was opened is "here"."""
    channel = form.place.channel_id
    if form.told_directly:
        return "in a direct message to you"
    if form.place.direct:
        return "here, in the thread" if form.place.thread_ts else "here"
    return f"in the thread in <#{channel}>" if form.place.thread_ts else f"in <#{channel}>"


# --- pickers ----------------------------------------------------------------------------------------------------------


def disk_options(choices: DiskOptions) -> list[dict[str, Any]]:
    """Options for the picker; a sentence is an option too, because an empty list is not allowed."""
    if choices.sentence:
        return [option(choices.sentence, NO_CHOICE)]
    options = [listed_disk(disk) for disk in choices.disks]
    if choices.more:
        options.append(option(f"… and {choices.more} more: type more of the name", NO_CHOICE))
    return options


def project_options(choices: ProjectOptions) -> list[dict[str, Any]]:
    if choices.sentence:
        return [option(choices.sentence, NO_CHOICE)]
    options = [option(alias, alias) for alias in choices.projects]
    if choices.more:
        options.append(option(f"… and {choices.more} more: type on", NO_CHOICE))
    return options


def disk_option(label: str, size_gib: int, volume_type: str, description: str, disk_id: str) -> dict[str, Any]:
    """Name and size, and below them what tells it from its namesakes. A name that is too long is cut in the middle, for
    names differ at their ends, and has the beginning of the id beside it: of what was chosen only this line is shown.
    """
    size = f" · {size_gib} GiB {volume_type}".rstrip()
    room = OPTION_CHARACTERS - len(size)
    if len(label) > room:
        beginning = f" · {disk_id[:ID_CHARACTERS]}"
        label = f"{cut_in_the_middle(label, room - len(beginning))}{beginning}"
    return option(f"{label}{size}", disk_id, description)


def listed_disk(disk: Disk) -> dict[str, Any]:
    """With its server, state, and the beginning of its id."""
    server = f"on {shortened(disk.server, 30)}" if disk.server else "not attached"
    state = disk.status if disk.status in COPYABLE_STATES else f"{disk.status}: not now"
    told = f"{server} · {state} · {disk.id[:ID_CHARACTERS]}"
    return disk_option(disk.label, disk.size, disk.volume_type, told, disk.id)


# --- what comes back --------------------------------------------------------------------------------------------------


def read_values(entered: Entered) -> FormValues:
    """The fields as they came back; a line that is no choice counts as none."""
    boxes, project = entered.chosen("options"), entered.text("project")
    return FormValues(
        project="" if project == NO_CHOICE else project,
        disks=entered.chosen("disks"),
        name=entered.text("name"),
        description=entered.text("description"),
        tags=entered.text("tags"),
        enterprise_project_id=entered.text("enterprise_project_id"),
        instant="instant" in boxes,
        full="full" in boxes,
        keep=entered.text("keep"),
        reason=entered.text("reason"),
        break_glass=entered.text("break_glass"),
        place=entered.text("place"),
    )


def errors_beside(inputs: Sequence[str], problems: Mapping[str, str]) -> dict[str, str]:
    """Problems by field become errors by block, of which `inputs` are ids. What has no field of its own stands beside
    the project.

    An error for a block that is no input of the view would make Slack show none of them.
    """
    by_field = {block_id.partition(".")[0]: block_id for block_id in inputs}
    first = by_field.get("project") or next(iter(inputs), "project")
    errors: dict[str, str] = {}
    for field, problem in problems.items():
        block_id = by_field.get(field, first)
        told = f"{errors[block_id]} {unmarked(problem)}" if block_id in errors else unmarked(problem)
        errors[block_id] = shortened(told, ERROR_CHARACTERS)
    return errors


def unmarked(problem: str) -> str:
    """Errors are plain text: no mentions, no code spans, and nothing that turns the line round."""
    return visible(MENTION.sub(lambda found: found[2], problem)).replace("`", "")


# --- pieces -----------------------------------------------------------------------------------------------------------


def _input(
    block_id: str,
    label: str,
    element: dict[str, Any],
    *,
    optional: bool = False,
    dispatch: bool = False,
    hint: str = "",
) -> dict[str, Any]:
    block: dict[str, Any] = {
        "type": "input",
        "block_id": block_id,
        "label": plain(label),
        "element": element,
        "optional": optional,
    }
    if dispatch:
        block["dispatch_action"] = True
    return {**block, "hint": plain(hint)} if hint else block


def _text_input(initial: str | None, most: int = 0, *, multiline: bool = False) -> dict[str, Any]:
    element: dict[str, Any] = {"type": "plain_text_input", "action_id": VALUE}
    if multiline:
        element["multiline"] = True
    if most:
        element["max_length"] = most
    return {**element, "initial_value": initial} if initial else element
