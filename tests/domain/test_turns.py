"""Whose disks are the next to be in the making."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.turns import Places, Queued, disks_before, in_turn, next_turns, turn_in_words

HERS, HIS = Queued("r-hers", "U1", 500), Queued("r-his", "U2", 1)


def test_who_has_the_fewest_in_the_making_is_the_next() -> None:
    assert next(in_turn([HERS, HIS], {"U1": 3})) == HIS
    assert next(in_turn([HERS, HIS], {"U2": 3})) == HERS


def test_of_those_with_as_many_the_one_who_asked_first_is() -> None:
    assert next(in_turn([HERS, HIS], {})) == HERS
    assert next(in_turn([HIS, HERS], {})) == HIS


def test_people_take_turns_and_each_persons_requests_come_in_their_order() -> None:
    queued = [Queued("r-1", "U1", 2), Queued("r-2", "U1", 1), Queued("r-3", "U2", 2)]
    assert [one.request_id for one in in_turn(queued, {})] == ["r-1", "r-3", "r-1", "r-3", "r-2"]


def test_no_person_takes_more_than_their_share_and_all_no_more_than_there_is() -> None:
    assert next_turns([HERS, HIS], {}, Places(10, 4)) == {HERS: 4, HIS: 1}
    many = [Queued(f"r-{number}", f"U{number}", 5) for number in range(4)]
    assert next_turns(many, {"U0": 3}, Places(10, 5)).total() == 7


def test_a_group_takes_all_its_places_together_and_those_behind_it_wait() -> None:
    group = Queued("r-group", "U1", 5, "g-1")
    assert next_turns([group, HIS], {"U3": 3}, Places(8, 8)) == {group: 1}
    assert next_turns([group, HIS], {"U3": 4}, Places(8, 8)) == {}


def test_a_group_of_more_disks_than_there_are_places_has_its_turn_once_nothing_else_is_in_the_making() -> None:
    group = Queued("r-group", "U1", 60, "g-1")
    assert next_turns([group], {"U2": 1}, Places(8, 4)) == {}
    assert next_turns([group], {}, Places(8, 4)) == {group: 1}


def test_the_place_of_a_request_counts_all_disks_that_come_before_its_first() -> None:
    queued = [Queued("r-1", "U1", 37), Queued("r-2", "U1", 4), Queued("r-3", "U2", 1)]
    assert disks_before(queued, {"U1": 0, "U2": 0}) == {"r-1": 0, "r-3": 1, "r-2": 38}


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 6), st.booleans()), max_size=12),
    st.integers(1, 12),
    st.integers(1, 12),
)
def test_places_are_never_given_twice_and_no_person_is_passed_over_for_one_with_more(
    asked: list[tuple[int, int, bool]], at_once: int, each: int
) -> None:
    queued = [
        Queued(f"r-{number}", f"U{person}", disks, f"g-{number}" if together else "")
        for number, (person, disks, together) in enumerate(asked)
    ]
    placed, waiting, rounds = Counter[str](), list(queued), 0
    while waiting:
        before = Counter(placed)
        given_now = next_turns(waiting, placed, Places(at_once, min(each, at_once)))
        for one, times in given_now.items():
            placed[one.person] += one.together * times
        assert sum(placed.values()) <= max(at_once, max(one.together for one in queued), before.total())
        left = {one: one.disks // one.together - given_now[one] for one in waiting}
        waiting = [
            Queued(one.request_id, one.person, times * one.together, one.consistency_group_id)
            for one, times in left.items()
            if times
        ]
        assert given_now or placed, "a project in which nothing is made lets somebody begin"
        placed.clear()  # all of them end
        rounds += 1
        assert rounds <= sum(disks for _, disks, _ in asked)


@pytest.mark.parametrize(
    ("waiting", "disks", "before", "minutes", "words"),
    [
        (1, 1, 37, 5.8, "Waits for its turn: 37 disks before it, about 6 minutes."),
        (20, 20, 1, 0.2, "Waits for its turn: 1 disk before them, about a minute."),
        (3, 20, 120, None, "3 disks wait for their turn: 120 disks before them."),
        (1, 20, 4, 200.0, "1 disk waits for its turn: 4 disks before it, about 3 hours."),
        (2, 2, 0, 3.0, "Waits for its turn: they are next."),
        (1, 4, 0, None, "1 disk waits for its turn: it is next."),
    ],
)
def test_a_place_in_words(waiting: int, disks: int, before: int, minutes: float | None, words: str) -> None:
    assert turn_in_words(waiting, disks, before, minutes) == words
