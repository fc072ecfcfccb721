"""The look for what an unanswered POST made, be it a snapshot or a group: whose it is, and when the next one comes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.domain.snapshots import Snapshot
from bot.domain.transitions import ItemState
from bot.workflow.jobs.attempting import ours, pause_s
from tests.builders import NOON, an_item
from tests.workflow.jobs.test_submit import tagged


def test_a_name_counts_only_once_looking_is_over_and_only_for_a_fresh_one_without_a_tag() -> None:
    item = replace(an_item(1, ItemState.UNCERTAIN), attempts=1, submitted_at=NOON)
    named = Snapshot.model_validate({"id": "s", "name": "snap-1", "created_at": "2026-11-23T12:00:05"})
    assert ours(item, [named]) is None
    assert ours(item, [named], named="snap-1") == named
    old = named.model_copy(update={"created_at": NOON - timedelta(hours=1)})
    assert ours(item, [old], named="snap-1") is None
    assert ours(item, [tagged("r-other-1", name="snap-1")], named="snap-1") is None


def test_looks_come_later_the_longer_it_was_sent_and_the_last_when_the_time_is_over() -> None:
    item = replace(an_item(1, ItemState.UNCERTAIN), submitted_at=NOON, look_until=NOON + timedelta(seconds=60))
    ages = (-30, 0, 4, 8, 40, 59, 70)
    pauses = [pause_s(item, NOON + timedelta(seconds=age), (1.0, 2.0, 4.0), each_s=4) for age in ages]
    assert pauses == [1.0, 1.0, 2.0, 4.0, 4.0, 1.0, 0.05]
