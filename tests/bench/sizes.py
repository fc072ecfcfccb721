"""How much of everything: in full, quickly, and as little as shows that it can be measured."""

from __future__ import annotations

from dataclasses import dataclass

SOCKET, HTTP = "socket", "http"
EVERY_WAY = ((SOCKET, True), (SOCKET, False), (HTTP, True), (HTTP, False))


@dataclass(frozen=True)
class Sizes:
    """Counts, unless the name says seconds."""

    acks: tuple[tuple[int, int], ...]
    """How many at once, and in how many turns."""
    ack_ways: tuple[tuple[str, bool], ...]
    """Over which way in, and whether the engine rests."""
    burst: int
    posts: int
    ends: tuple[int, ...]
    speed: float
    """How much faster than outside time runs for what is measured end to end."""
    in_flight: int
    in_flight_s: float
    requests: int
    audit_rows: int
    readings: int
    grants: int
    decisions: int
    idle_s: float
    starts: int
    plans: int


FULL = Sizes(
    acks=((1, 200), (8, 50), (32, 20)),
    ack_ways=EVERY_WAY,
    burst=2_000,
    posts=200,
    ends=(200, 2_000),
    speed=5.0,
    in_flight=10_000,
    in_flight_s=60.0,
    requests=200_000,
    audit_rows=1_000_000,
    readings=40,
    grants=1_000_000,
    decisions=2_000,
    idle_s=60.0,
    starts=5,
    plans=20,
)
QUICK = Sizes(
    acks=((1, 60), (8, 15), (32, 6)),
    ack_ways=EVERY_WAY,
    burst=200,
    posts=40,
    ends=(40,),
    speed=20.0,
    in_flight=600,
    in_flight_s=10.0,
    requests=5_000,
    audit_rows=20_000,
    readings=15,
    grants=50_000,
    decisions=300,
    idle_s=8.0,
    starts=2,
    plans=3,
)
SMOKE = Sizes(
    acks=((2, 2),),
    ack_ways=((SOCKET, True), (HTTP, False)),
    burst=5,
    posts=2,
    ends=(2,),
    speed=20.0,
    in_flight=60,
    in_flight_s=1.0,
    requests=100,
    audit_rows=200,
    readings=2,
    grants=200,
    decisions=5,
    idle_s=0.5,
    starts=1,
    plans=1,
)
SIZES = {"full": FULL, "quick": QUICK, "smoke": SMOKE}
