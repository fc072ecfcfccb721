"""One line of the audit trail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

BEFORE_POST = "submit"
"""The `hop` in the details of the row that is written before something is sent to the cloud."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the trail. `subject` is an id, `details` small facts: no secret, and nothing that people typed."""

    actor: str
    action: str
    subject: str
    outcome: Literal["allowed", "denied", "done", "failed"]
    rule: str = ""
    details: Mapping[str, str | int | None] = field(default_factory=dict)
