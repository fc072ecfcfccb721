"""A story: what people do and what goes wrong, drawn from a seed. Any act can be left out, and the others stay as they
are: that is how the shortest story that fails is found.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Act:
    """`does` names a method of `tests.simulation.town.Town`, `facts` are its arguments; `at` is in seconds."""

    at: float
    does: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        facts = ", ".join(f"{name}={value!r}" for name, value in self.facts.items())
        return f"{self.at:7.2f} s  {self.does}({facts})"


@dataclass(frozen=True, slots=True)
class Story:
    """`approvals` of the project payments-prod, `making_s` how long a snapshot takes, `wire_s` how long bytes take."""

    seed: int
    acts: Sequence[Act]
    socket_mode: bool = True
    approvals: int = 0
    making_s: tuple[float, float] = (2.0, 8.0)
    wire_s: float = 0.004
    shuffles: bool = True
    goes_on_s: float = 0.0
    """For how long it is looked on after all is quiet."""


FULL = ("no byte", "no more bytes", "no page")
"""Ways in which a disk is full: see `tests.simulation.store.Disk`."""

DISKS = (
    "web-01-data", "web-01-logs", "web-01-system", "orders-db", "orders-db-wal", "spare-disk", "cold-store",
    "vault-data", "shop-01-data", "catalogue", "cache-01-data", "broken-index", "scratch", "no-such-disk",
)  # fmt: skip
PEOPLE = ("alice", "alice", "alice", "bob", "bob", "eng01", "eng02", "eng03", "carol", "gus")
CHANNELS = ("#inc-demo", "#inc-demo", "#ops", "#db-oncall", "#shop-inc")

NEWER = 20_000
"""Seeds from here on also draw frozen processes and full disks; those below mean what they always did."""

Draw = Callable[[random.Random], dict[str, Any]]


def drawn(seed: int) -> Story:
    rng = random.Random(f"{seed}/story")
    beside = [(_killed_as_it_heard, "heard"), *([(_frozen, "frozen"), (_full, "full")] if seed >= NEWER else [])]
    length_s = rng.choice([15.0, 60.0, 60.0, 240.0])
    acts = [Act(1.0, "say", {"person": "alice", "channel": "#inc-demo", "text": _create(rng), "pick": 0})]
    for _ in range(rng.randint(4, 39)):
        (does, (_, facts)) = rng.choices(list(_ACTS.items()), [weight for weight, _ in _ACTS.values()])[0]
        acts.append(Act(round(rng.uniform(0.5, length_s), 3), does, facts(rng)))
    for draw, name in beside:
        acts += draw(random.Random(f"{seed}/{name}"), length_s)
    return Story(
        seed,
        sorted(acts, key=lambda act: act.at),
        socket_mode=rng.random() < 0.8,
        approvals=rng.choices([0, 1, 2], [5, 4, 1])[0],
        making_s=rng.choice([(0.5, 1.0), (2.0, 8.0), (10.0, 40.0)]),
        wire_s=rng.choice([0.001, 0.004, 0.1]),
        shuffles=rng.random() < 0.7,
        goes_on_s=3_700.0 if rng.random() < 0.05 else 5.0,
    )


# --- what people do ---------------------------------------------------------------------------------------------------


def _create(rng: random.Random) -> str:
    disks = " ".join(rng.sample(DISKS, rng.choice([1, 1, 2, 3])))
    return (
        f"create {disks}{rng.choice(['', '', ' keep=7', ' reason=drill', ' project=payments-prod', ' project=shop'])}"
    )


def _quick(rng: random.Random) -> str:
    what = rng.choice(["", " server=web-01", " server=db-01", " tag=tier:prod", " disks=orders-db,spare-disk"])
    return f"quick{what}{rng.choice(['', '', ' confirm=no', ' keep=3', ' project=payments-prod'])}"


def _about_one(rng: random.Random) -> str:
    """`{r}` stands for a request that was acknowledged before."""
    changes = ["cancel {r}", "delete {r}", "approve {r}", "deny {r} reason=no"]
    asks = ["status {r}", "status", "list", "restore-points web-01-data", "access", "help", "projects"]
    return rng.choice(rng.choice([changes, changes, asks]))


def _person(rng: random.Random) -> dict[str, Any]:
    return {"person": rng.choice(PEOPLE), "pick": rng.randrange(1000)}


def _say(rng: random.Random) -> dict[str, Any]:
    text = rng.choices([_create, _quick, _about_one], [4, 3, 4])[0](rng)
    return {**_person(rng), "channel": rng.choice(CHANNELS), "text": text}


def _press(rng: random.Random) -> dict[str, Any]:
    return {**_person(rng), "times": rng.choice([1, 1, 1, 2])}


def _set_grant(rng: random.Random) -> dict[str, Any]:
    verb = rng.choice(["grant @eng03 operator payments-prod", "revoke @eng03 operator payments-prod"])
    return {**_person(rng), "person": "alice", "channel": "#inc-demo", "text": verb}


# --- what goes wrong --------------------------------------------------------------------------------------------------

_UNANSWERED = (
    "drop_before",
    "drop_after",
    "502_after",
    "504_after",
    "500_before",
    "hang",
    "html",
    "empty",
    "truncated",
)
_CREATED = ("job_fail", "snapshot_error", "stuck", "job_unknown")
_CLOUD_CALLS = (
    "list_snapshots", "show_snapshot", "list_volumes", "show_volume", "show_job", "delete_snapshot", "create_token",
    "list_servers", "list_groups", "show_group",
)  # fmt: skip
_SLACK_CALLS = (
    "chat.postMessage", "chat.postMessage", "chat.update", "chat.update", "chat.postEphemeral", "users.info",
    "views.open", "views.update", "usergroups.users.list", "conversations.info", "response_url",
    "apps.connections.open",
)  # fmt: skip


def _cloud_fault(rng: random.Random) -> dict[str, Any]:
    creates = rng.choice(["create_snapshot", "create_snapshot", "create_snapshot", "create_group"])
    kinds: list[tuple[str, str, dict[str, Any]]] = [
        *[(creates, rng.choice(_UNANSWERED), {})] * 6,
        (creates, rng.choice(_CREATED), {}),
        (creates, "external_busy", {"seconds": rng.choice([3, 30])}),
        (creates, rng.choice(["delayed_visibility", "tag_late"]), {"seconds": rng.choice([2, 20])}),
        (creates, rng.choice(["503", "429"]), {"retry_after": rng.choice([1, 10])}),
        (creates, "slow", {"seconds": rng.choice([1, 8, 20])}),
        *[(rng.choice(_CLOUD_CALLS), rng.choice([*_UNANSWERED, "token_expired"]), {})] * 3,
        (rng.choice(_CLOUD_CALLS), "slow", {"seconds": rng.choice([1, 8])}),
    ]
    operation, kind, options = rng.choice(kinds)
    return {"operation": operation, "kind": kind, "times": rng.choice([1, 1, 1, 2, 4]), "options": options}


def _slack_fault(rng: random.Random) -> dict[str, Any]:
    method = rng.choice(_SLACK_CALLS)
    kinds: list[tuple[str, str, dict[str, Any]]] = [
        *[(method, "reset_after", {})] * 3,
        (method, "malformed", {}),
        (method, "latency", {"seconds": rng.choice([1, 5, 20])}),
        (method, "status", {"status": rng.choice([500, 503])}),
        (method, "error", {"error": rng.choice(["internal_error", "fatal_error", "service_unavailable"])}),
        (method, "ratelimited", {"retry_after": rng.choice([1, 5, 30])}),
        *[(rng.choice(["slash_commands", "interactive", "events_api"]), "duplicate_delivery", {})] * 2,
        *[(rng.choice(["slash_commands", "interactive", "events_api"]), "lose_ack", {})] * 2,
    ]
    method, kind, options = rng.choice(kinds)
    return {"method": method, "kind": kind, "times": rng.choice([1, 1, 2, 3]), "options": options}


def _kill(rng: random.Random) -> dict[str, Any]:
    return {
        "moment": rng.choices(["at once", "post", "word", "commit", "asked"], [1, 3, 2, 2, 4])[0],
        "delay_s": rng.choice(
            [0.0, rng.uniform(0, 0.01), rng.uniform(0, 0.03), rng.uniform(0, 0.2), rng.uniform(0, 2)]
        ),
        "away_s": rng.choice([0.1, 2.0, 2.0, 20.0]),
    }


def _killed_as_it_heard(rng: random.Random, length_s: float) -> list[Act]:
    """In a third of the stories: it is mentioned, and dies within the few milliseconds after the next commit."""
    if rng.random() > 0.33:
        return []
    at = round(rng.uniform(2.0, length_s), 3)
    mention = {**_person(rng), "channel": rng.choice(CHANNELS), "text": _about_one(rng)}
    kill = {"moment": "written down", "delay_s": rng.choice([0.0, 0.001, 0.003]), "away_s": rng.choice([0.1, 2.0])}
    return [Act(at - 0.001, "kill", kill), Act(at, "mention", mention)]


def _frozen(rng: random.Random, length_s: float) -> list[Act]:
    """In half of the stories: it does nothing for a while, which others take for longer than they wait."""
    acts = []
    for _ in range(rng.choice([0, 0, 1, 1, 2])):
        facts = _when(rng) | {"for_s": rng.choice([0.5, 3.5, 3.5, 25.0, 25.0, 100.0, 400.0, 4_000.0])}
        acts.append(Act(round(rng.uniform(0.5, length_s), 3), "freeze", facts))
    return acts


def _full(rng: random.Random, length_s: float) -> list[Act]:
    """In half of the stories: the disk of the store has no room for a while."""
    acts = []
    for _ in range(rng.choice([0, 0, 1, 1, 2])):
        facts = _when(rng) | {"how": rng.choice(FULL), "for_s": rng.choice([0.05, 0.5, 3.0, 3.0, 20.0, 100.0])}
        acts.append(Act(round(rng.uniform(0.5, length_s), 3), "fill_disk", facts))
    return acts


def _when(rng: random.Random) -> dict[str, Any]:
    return {
        "moment": rng.choices(["at once", "post", "word", "commit", "asked"], [1, 3, 2, 3, 3])[0],
        "delay_s": rng.choice([0.0, rng.uniform(0, 0.01), rng.uniform(0, 0.03), rng.uniform(0, 0.2)]),
    }


def _step(rng: random.Random) -> dict[str, Any]:
    return {"seconds": rng.choice([-1, 1]) * rng.choice([0.5, 3.0, 100.0, 3_600.0, 100_000.0])}


_ACTS: Mapping[str, tuple[int, Draw]] = {
    "say": (26, _say),
    "press": (34, _press),
    "mention": (8, _say),
    "fill_form": (5, _person),
    "open_form": (2, _person),
    "open_home": (2, _person),
    "set_grant": (1, _set_grant),
    "cloud_fault": (11, _cloud_fault),
    "slack_fault": (11, _slack_fault),
    "kill": (8, _kill),
    "stop": (2, lambda rng: {"away_s": rng.choice([0.5, 5.0])}),
    "step_clock": (2, _step),
    "break_connections": (3, lambda rng: {}),
    "refresh_sockets": (2, lambda rng: {"reason": rng.choice(["warning", "refresh_requested", "link_disabled"])}),
}
"""Each kind of act, how often it is drawn, and with what."""
