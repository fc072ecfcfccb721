"""Named parameters become numbered ones."""

from __future__ import annotations

import pytest

from bot.store.postgres.statements import asked
from bot.store.script import sql


@pytest.mark.parametrize(
    ("text", "expected", "values"),
    [
        ("select :a, :b, :a", "select $1, $2, $1", [1, 2]),
        ("select 'expire_grants:all', 'again:' || :b", "select 'expire_grants:all', 'again:' || $1", [2]),
        ("select :a::text, x::bigint, 'it''s :b'", "select $1::text, x::bigint, 'it''s :b'", [1]),
        ("select 1", "select 1", []),
    ],
)
def test_a_name_is_a_number_and_what_is_quoted_or_a_type_is_none(text: str, expected: str, values: list[int]) -> None:
    numbered, given = asked(sql(text, a=1, b=2, unused=3))
    assert (numbered, list(given)) == (expected, values)


def test_a_name_that_has_no_value_is_a_fault() -> None:
    with pytest.raises(KeyError):
        list(asked(sql("select :missing"))[1])
