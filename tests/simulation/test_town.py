"""The town as its acts leave it, whatever else is under way."""

from __future__ import annotations

import pytest

from tests.simulation.run import simulate
from tests.simulation.story import Act, Story

CREATE = Act(1.0, "say", {"person": "alice", "channel": "#inc-demo", "text": "create spare-disk", "pick": 0})


def test_a_bot_that_is_killed_while_it_stops_comes_back_once() -> None:
    kill = Act(5.001, "kill", {"moment": "at once", "delay_s": 0.0, "away_s": 20.0})
    outcome = simulate(Story(0, [CREATE, Act(5.0, "stop", {"away_s": 0.5}), kill]))
    assert outcome.problems == []
    assert outcome.lives == 2


def test_a_form_that_slack_delivers_twice_is_acknowledged_once() -> None:
    twice = Act(3.0, "slack_fault", {"method": "interactive", "kind": "duplicate_delivery", "times": 2, "options": {}})
    story = Story(0, [Act(1.0, "fill_form", {"person": "alice", "pick": 251}), twice], approvals=1)
    outcome = simulate(story)
    assert outcome.problems == []
    words = [line for line in outcome.said if "posted D0ALICE001" in line and "Request `r-" in line]
    assert len(words) == 1, words


def test_an_answer_that_slack_refuses_with_status_200_is_said_another_way() -> None:
    refused = {"kind": "error", "times": 2, "options": {"error": "service_unavailable"}}
    faults = [
        Act(0.5, "slack_fault", {"method": "slash_commands", "kind": "lose_ack", "times": 3, "options": {}}),
        Act(0.6, "slack_fault", {"method": "response_url", **refused}),
    ]
    create = {"person": "alice", "channel": "#ops", "text": "create no-such-disk", "pick": 0}
    outcome = simulate(Story(0, [*faults, Act(1.0, "say", create)]))
    assert outcome.problems == []
    assert any("no-such-disk" in line for line in outcome.said if "slack: " in line), outcome.said


def test_who_pressed_while_the_disk_was_full_hears_so_though_slack_asks_to_wait() -> None:
    full = {"how": "no byte", "moment": "at once", "delay_s": 0.0, "for_s": 20.0}
    busy = {"method": "response_url", "kind": "ratelimited", "times": 2, "options": {"retry_after": 1}}
    acts = [
        Act(1.0, "say", {"person": "alice", "channel": "#ops", "text": "quick tag=tier:prod", "pick": 0}),
        Act(30.0, "fill_disk", full),
        Act(30.5, "slack_fault", busy),
        Act(31.0, "press", {"person": "alice", "pick": 0, "times": 2}),
    ]
    outcome = simulate(Story(0, acts))
    assert outcome.problems == []
    assert len([line for line in outcome.said if "to U0ALICE001" in line and "was not recorded" in line]) == 2


@pytest.mark.parametrize("for_s", [0.5, 25.0, 4_000.0])
def test_what_a_frozen_bot_was_sent_is_done_once_when_it_wakes(for_s: float) -> None:
    """It is frozen as its POST arrives, so the answer waits; who asks meanwhile hears of a time-out."""
    freeze = Act(0.5, "freeze", {"moment": "post", "delay_s": 0.0, "for_s": for_s})
    asked = Act(1.6, "say", {"person": "bob", "channel": "#inc-demo", "text": "create web-01-data", "pick": 0})
    outcome = simulate(Story(0, [freeze, CREATE, asked]))
    assert outcome.problems == []
    assert (outcome.lives, outcome.made) == (1, 2)
    frozen, woken = (
        next(number for number, line in enumerate(outcome.said) if word in line) for word in ("is frozen", "is woken")
    )
    meanwhile = outcome.said[frozen:woken]
    assert not any("create_snapshot" in line for line in meanwhile)
    assert any("operation_timeout" in line for line in meanwhile) == (for_s > 3)
