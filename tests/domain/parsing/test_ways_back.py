"""`restore ID [overwrite]` and `verify ID`: read as they stand, or refused with what was meant; overwriting is never
guessed.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import CommandError
from bot.domain.orders import Restore, as_typed
from bot.domain.parsing.commands import parse_command
from tests.domain.parsing.test_clumsy_commands import offered
from tests.domain.parsing.test_commands import refused

ID = "r-7kq2m9xw"
SNAPSHOT = "5a9c0000-0001-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (f"restore {ID}", Restore(ID)),
        (f"restore {ID.upper()}", Restore(ID)),
        (f"Restore `{ID}`", Restore(ID)),
        (f"restore #{ID}", Restore(ID)),
        (f"restore id={ID}", Restore(ID)),
        (f"restore {SNAPSHOT}", Restore(SNAPSHOT)),
        (f"restore {ID} overwrite", Restore(ID, way="overwrite")),
        (f"restore overwrite {ID}", Restore(ID, way="overwrite")),
        (f"restore {ID} OVERWRITE", Restore(ID, way="overwrite")),
        (f"restore {ID}, overwrite", Restore(ID, way="overwrite")),
        (f'restore {ID} overwrite reason="bad patch"', Restore(ID, way="overwrite", reason="bad patch")),
        (f"verify {ID}", Restore(ID, way="verify")),
        (f"verify {SNAPSHOT} reason=audit", Restore(SNAPSHOT, way="verify", reason="audit")),
        (f'restore {ID} reason="do not overwrite"', Restore(ID, reason="do not overwrite")),
    ],
)
def test_it_is_read_and_written_back_as_it_was_meant(typed: str, meant: Restore) -> None:
    assert parse_command(typed) == meant
    assert parse_command(as_typed(meant)) == meant


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("restore web-01", "restore-points"),
        ("restore", "restore-points"),
        ("verify", "restore-points"),
        ("verify orders-db", "restore-points"),
        ("restore points", "restore-points"),
        ("restore overwrite", "restore-points"),
        ("restore the disks", "restore-points"),
        (f"restore {ID} overwrit", f"restore {ID} overwrite"),
        (f"restore {ID} in place", f"restore {ID} overwrite"),
        (f"restore {ID} please", f"restore {ID}"),
        (f"restore the snapshot {ID}", f"restore {ID}"),
        (f"restore {ID} to new disks", f"restore {ID}"),
        (f"restore {ID} do not overwrite", f"restore {ID}"),
        (f"restore {ID} reason=patch overwrite", f"restore {ID} overwrite reason=patch"),
        (f"restore {ID} reason=bad patch", f'restore {ID} reason="bad patch"'),
        (f"restore {ID} because=patch", "reason=patch"),
        (f"restore {ID} r-aaaaaaaa", f"restore {ID}"),
        (f"verify {ID} overwrite", f"restore {ID} overwrite"),
        (f"rollback {ID}", f"restore {ID} overwrite"),
        (f"roll-back {ID}", f"restore {ID} overwrite"),
        (f"revert {ID}", f"restore {ID} overwrite"),
        (f"recover {ID}", f"restore {ID}"),
        (f"prove {ID}", f"verify {ID}"),
        (f"resotre {ID} overwrite", f"restore {ID} overwrite"),
        ("rollback web-01", "restore-points"),
        (f"restore {ID} overwrite?", f"restore {ID} overwrite"),
        (f"verify {ID}?", f"verify {ID}"),
    ],
)
def test_what_was_meant_is_offered_and_nothing_is_done(typed: str, wanted: str) -> None:
    assert wanted in offered(typed)
    assert "Nothing was done." in refused(typed)


@pytest.mark.parametrize("option", ["project=payments", "keep=7", "break_glass=payments", "name=x"])
def test_it_takes_no_option_but_a_reason(option: str) -> None:
    assert "There is no option" in refused(f"restore {ID} overwrite {option}")


@given(st.lists(st.sampled_from(f"{ID} web-01 over the to disk not in place rollback force reason=x please".split())))
def test_nothing_is_overwritten_where_nobody_wrote_the_word(words: list[str]) -> None:
    try:
        command = parse_command(" ".join(["restore", *words]))
    except CommandError:
        return
    assert isinstance(command, Restore) and command.way == "new_disks"
