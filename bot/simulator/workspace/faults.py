"""Trouble on demand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

API_FAULTS: dict[str, dict[str, Any]] = {
    "latency": {"seconds": 1.0},
    "status": {"status": 503},
    "error": {"error": "internal_error"},
    "ratelimited": {"retry_after": 1},
    "reset_after": {},
    "malformed": {},
}
DELIVERY_FAULTS: dict[str, dict[str, Any]] = {
    "lose_ack": {},
    "duplicate_delivery": {},
    "bad_signature": {},
    "stale_signature": {},
}


@dataclass
class Fault:
    """One kind of trouble; `times` is how many calls or deliveries it still strikes."""

    kind: str
    method: str | None
    times: int
    options: dict[str, Any] = field(default_factory=dict)


class Faults:
    """The trouble waiting to strike, oldest first."""

    def __init__(self) -> None:
        self.waiting: list[Fault] = []

    def add(self, kind: str, method: str | None, times: int, options: dict[str, Any]) -> Fault:
        known = {**API_FAULTS, **DELIVERY_FAULTS}
        if kind not in known:
            raise ValueError(f"unknown fault {kind}; known: {', '.join(sorted(known))}")
        wrong = set(options) - set(known[kind])
        if wrong:
            raise ValueError(f"the fault {kind} has no option {', '.join(sorted(wrong))}")
        fault = Fault(kind, method, times, {**known[kind], **options})
        self.waiting.append(fault)
        return fault

    def strike_api(self, method: str) -> list[Fault]:
        """The faults that hit this API call, or `response_url`."""
        return self._strike(API_FAULTS, {method})

    def strike_delivery(self, kind: str, *names: str) -> list[str]:
        """The kinds of fault that hit this delivery, matched by envelope type or by what it carries."""
        return [fault.kind for fault in self._strike(DELIVERY_FAULTS, {kind, *names})]

    def _strike(self, kinds: dict[str, Any], names: set[str]) -> list[Fault]:
        hits = [
            fault for fault in self.waiting if fault.kind in kinds and (fault.method is None or fault.method in names)
        ]
        for fault in hits:
            fault.times -= 1
        self.waiting = [fault for fault in self.waiting if fault.times > 0]
        return hits
