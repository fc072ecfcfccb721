"""What calls roll-backs off, of which none has begun for sure."""

from __future__ import annotations

import pytest

from bot.domain.restoring.restorations import Restoration
from bot.domain.restoring.roll_backs import CHANGED_MEANWHILE, any_begun, doubtful, plugged_in
from bot.domain.transitions import RestorationState
from tests.builders import a_disk, a_restoration

S = RestorationState


def rows(*states: RestorationState) -> list[Restoration]:
    return [a_restoration(number, state, way="overwrite") for number, state in enumerate(states, start=1)]


@pytest.mark.parametrize("state", [S.RESTORING, S.RESTORED, S.FAILED])
def test_others_belong_to_one_that_has_begun(state: RestorationState) -> None:
    assert any_begun(rows(state, S.PLANNED))
    assert not any_begun(rows(S.PLANNED, S.CANCELLED))


def test_others_belong_to_one_that_was_changed_by_nothing_else() -> None:
    assert any_begun([a_restoration(1, S.UNKNOWN, way="overwrite", code=CHANGED_MEANWHILE), *rows(S.PLANNED)])


def test_one_that_can_t_be_looked_up_begins_no_other() -> None:
    assert not any_begun(rows(S.UNKNOWN, S.PLANNED))
    assert doubtful(rows(S.PLANNED, S.UNKNOWN)) == "Whether “disk-2” was rolled back is not known."
    assert doubtful(rows(S.PLANNED)) == ""


def test_a_disk_that_is_attached_is_named_with_its_server() -> None:
    planned = rows(S.PLANNED, S.PLANNED)
    free, plugged = a_disk("disk-1", 1), a_disk("disk-2", 2, attachments=[{"server_id": "srv-1"}])
    assert plugged_in(planned, {free.id: free}) == ""
    told = plugged_in(planned, {free.id: free, plugged.id: plugged})
    assert told.startswith("“disk-2” was attached to server “srv-1” after it was planned")
