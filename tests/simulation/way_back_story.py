"""Orders of ways back, drawn from a seed: what is asked, typed and agreed to, and what goes wrong meanwhile."""

from __future__ import annotations

import random
from typing import Any

from tests.simulation.story import Act, Story

SOURCES = ("create spare-disk", "create spare-disk web-01-data web-01-logs", "quick server=web-01 confirm=no")
READS = ("list_volumes", "list_snapshots", "show_job", "show_volume", "volumes_by_tags", "show_snapshot")
UNANSWERED = ("drop_before", "drop_after", "502_after", "504_after", "500_before", "hang", "html", "empty", "truncated")
DETACHED_AT = 80.0
ASKED_AT = 90.0


def drawn_way_back(seed: int) -> Story:
    """First snapshots are made and the disks are detached; then the way back is asked for, until it is taken."""
    rng = random.Random(f"{seed}/way back")
    way = rng.choice(["", "overwrite", "overwrite"])
    acts = [Act(1.0, "backs_up", {"text": rng.choice(SOURCES)}), Act(DETACHED_AT, "detach")]
    acts += [Act(at, "agrees_to_the_source") for at in (15.0, 30.0)]
    acts += [Act(at, "goes_back", {"way": way}) for at in (ASKED_AT, ASKED_AT + 12, ASKED_AT + 40)]
    if rng.random() < 0.25:
        other = rng.choice(["", "overwrite"])
        acts.append(Act(rng.uniform(95, 200), "goes_back", {"way": other, "once_more": True}))
    acts += _said(rng) + _wrong(rng)
    return Story(
        seed,
        sorted(acts, key=lambda act: act.at),
        socket_mode=rng.random() < 0.8,
        approvals=rng.choice([0, 0, 1]),
        making_s=rng.choice([(0.5, 1.0), (2.0, 8.0), (10.0, 40.0)]),
        wire_s=rng.choice([0.001, 0.004, 0.1]),
        shuffles=rng.random() < 0.7,
    )


def _said(rng: random.Random) -> list[Act]:
    acts = [
        Act(ASKED_AT + at, "goes", {"right": rng.random() < 0.8}) for at in (6, 14, 20, 45, 80) if rng.random() < 0.8
    ]
    agreeing = ["eng01", "eng01", "eng02", "alice", "bob"]
    some = [at for at in (18, 26, 34, 60, 100) if rng.random() < 0.8]
    acts += [Act(ASKED_AT + at, "agrees", {"person": rng.choice(agreeing)}) for at in some]
    acts += [Act(ASKED_AT + rng.uniform(1, 100), "forges") for _ in range(rng.choice([0, 0, 1, 2]))]
    acts += [Act(ASKED_AT + rng.uniform(10, 120), "calls_off") for _ in range(rng.choice([0, 0, 0, 1]))]
    return acts


def _wrong(rng: random.Random) -> list[Act]:
    begins = rng.choice([2.0, ASKED_AT, ASKED_AT])
    acts = [Act(rng.uniform(begins, 240), "kill", _kill(rng)) for _ in range(rng.choice([0, 1, 1, 2, 3]))]
    acts += [Act(rng.uniform(begins, 200), "cloud_fault", _fault(rng)) for _ in range(rng.choice([0, 1, 2, 3, 5]))]
    plugs = rng.choice([0, 0, 0, 1])
    acts += [Act(rng.uniform(ASKED_AT, 180), "plugs_in", {"for_s": rng.uniform(1, 90)}) for _ in range(plugs)]
    acts += [Act(rng.uniform(100, 180), "loses_safety") for _ in range(rng.choice([0, 0, 0, 0, 1]))]
    acts += [Act(rng.uniform(ASKED_AT, 180), "revoke") for _ in range(rng.choice([0, 0, 0, 0, 1]))]
    acts += [Act(rng.uniform(begins, 200), "break_connections") for _ in range(rng.choice([0, 0, 1]))]
    return acts


def _kill(rng: random.Random) -> dict[str, Any]:
    moment = rng.choices(["at once", "post", "way back", "word", "commit", "asked"], [1, 2, 5, 2, 3, 2])[0]
    delay_s = rng.choice([0.0, rng.uniform(0, 0.01), rng.uniform(0, 0.2), rng.uniform(0, 2)])
    return {"moment": moment, "delay_s": delay_s, "away_s": rng.choice([0.1, 2.0, 20.0, 100.0])}


def _fault(rng: random.Random) -> dict[str, Any]:
    sent = rng.choice(["rollback_snapshot", "rollback_snapshot", "create_volume", "create_volume", "create_snapshot"])
    kinds: list[tuple[str, str, dict[str, Any]]] = [
        *[(sent, rng.choice(UNANSWERED), {})] * 5,
        (sent, "job_fail", {}),
        (sent, rng.choice(["503", "429"]), {"retry_after": rng.choice([1, 10])}),
        (sent, "slow", {"seconds": rng.choice([1, 8, 20])}),
        (sent, "external_busy", {"seconds": rng.choice([3, 30])}) if sent != "create_volume" else (sent, "503", {}),
        ("create_volume", rng.choice(["delayed_visibility", "tag_late"]), {"seconds": rng.choice([2, 20])}),
        ("create_snapshot", "job_fail", {}),
        *[(rng.choice(READS), rng.choice([*UNANSWERED, "token_expired"]), {})] * 3,
    ]
    operation, kind, options = rng.choice(kinds)
    return {"operation": operation, "kind": kind, "times": rng.choice([1, 1, 1, 2, 4]), "options": options}
