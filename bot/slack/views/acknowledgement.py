"""The acknowledgement of a request, read within a second. Pure."""

from __future__ import annotations

from bot.domain.disks import is_disk_id
from bot.domain.normalise import unmarked_word
from bot.domain.orders import Quick, Restore, named
from bot.domain.requests import Request
from bot.slack.views.mrkdwn import code, escaped, plural, shortened
from bot.slack.views.status_message import what_was_named


def recorded(request: Request, *, checked: bool, approvals: int = 0) -> str:
    """The acknowledgement, read within a second. Ids, as a form gives them, tell a person nothing: they are counted."""
    if isinstance(request.order, Quick):
        return _planning(request, checked=checked)
    if isinstance(request.order, Restore):
        return _looking(request, request.order)
    words = named(request.order)
    shown = [disk for disk in words if not is_disk_id(disk)]
    disks = ", ".join(code(shortened(unmarked_word(disk), 64)) for disk in shown[:5]) or plural(len(words), "disk")
    more = f" and {len(words) - len(shown[:5])} more" if shown and len(words) > 5 else ""
    where = f" in {escaped(request.project)}" if request.project else ""
    if checked and approvals:
        others = "another person agrees" if approvals == 1 else f"{approvals} other people agree"
        return (
            f":hand: Recorded: snapshot of {disks}{more}{where}. It runs once {others}; "
            f"I am asking {_followed(request)}. Request {code(request.id)}."
        )
    if checked:
        return (
            f":camera_with_flash: On it: snapshot of {disks}{more}{where}. "
            f"Follow it {_followed(request)}; request {code(request.id)}."
        )
    return (
        f":camera_with_flash: Got it: snapshot of {disks}{more}. I am checking your rights and the disks; "
        f"the answer follows here. Request {code(request.id)}."
    )


def _planning(request: Request, *, checked: bool) -> str:
    what = what_was_named(request)
    if checked:
        return (
            f":mag: Looking at the disks of {what}. The plan appears {_followed(request)}; request {code(request.id)}."
        )
    return (
        f":mag: Got it: a backup of {what}. I am checking your rights and the disks; the answer follows here. "
        f"Request {code(request.id)}."
    )


def _looking(request: Request, order: Restore) -> str:
    """Who may is known by then: an id is sought among those that are theirs."""
    then = "The proof is told" if order.way == "verify" else "The plan appears"
    return (
        f":mag: Looking at what there is to go back to by {code(order.of)}. {then} {_followed(request)}; "
        f"request {code(request.id)}."
    )


def _followed(request: Request) -> str:
    if request.place.direct:
        return "here"
    return "in this thread" if request.place.thread_ts else "in this channel"
