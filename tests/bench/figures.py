"""Figures, each beside what it is measured against in the same run; as a table for people, and as JSON."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Goal:
    """At most so many times what `base` took and so much `plus`, in the unit of the figure. `base` "": `plus` alone."""

    base: str = ""
    times: float = 1.0
    plus: float = 0.0

    def limit(self, against: Mapping[str, float]) -> float | None:
        """None: the base was not measured."""
        if not self.base:
            return self.plus
        return against[self.base] * self.times + self.plus if self.base in against else None

    def words(self, unit: str) -> str:
        times = f"{shown(self.times)}x {self.base}" if self.base and self.times != 1 else self.base
        plus = f"{shown(self.plus)} {unit}" if self.plus or not self.base else ""
        return " + ".join(filter(None, [times, plus]))


@dataclass(frozen=True)
class Figure:
    """One measured value. `against`: what the same took elsewhere, by name; `code`: where both stand."""

    row: str
    case: str
    what: str
    value: float
    unit: str
    against: Mapping[str, float] = field(default_factory=dict)
    code: str = ""
    goals: Sequence[Goal] = ()

    @property
    def kept(self) -> dict[str, bool]:
        """The goals, in words, and whether each is reached."""
        limits = {goal.words(self.unit): goal.limit(self.against) for goal in self.goals}
        return {goal: self.value <= limit for goal, limit in limits.items() if limit is not None}

    @property
    def ratios(self) -> dict[str, float]:
        return {name: self.value / base for name, base in self.against.items() if base}

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "against": dict(self.against), "goals": self.kept, "ratios": self.ratios}


def percentile(values: Sequence[float], percent: int) -> float:
    if len(values) < 2:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def figures_of(
    row: str,
    case: str,
    times_s: Mapping[str, Sequence[float]],
    measured: str,
    code: str,
    percents: Iterable[int],
    goals: Mapping[int, Goal] | None = None,
) -> list[Figure]:
    """Percentiles of `measured` in milliseconds, each against the same of everything else that was timed."""
    found = []
    for percent in percents:
        at = {name: percentile(values, percent) * 1000 for name, values in times_s.items()}
        value = at.pop(measured)
        own = [goal for of, goal in (goals or {}).items() if of == percent]
        found.append(Figure(row, case, f"p{percent}", value, "ms", at, code, own))
    return found


def revision() -> str:
    """Which commit is measured; with + where files were changed since."""
    said = subprocess.run(
        ["git", "describe", "--always", "--dirty=+", "--abbrev=12"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return said.stdout.strip() or "unknown"


def machine() -> dict[str, str]:
    """`load`: how many others wanted its processors; ratios bear that better than milliseconds do."""
    return {
        "revision": revision(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}, {os.cpu_count()} processors",
        "load": f"{os.getloadavg()[0]:.1f}",
    }


def as_json(figures: Sequence[Figure], *, sizes: Mapping[str, Any], failed: Mapping[str, str]) -> str:
    document = {
        **machine(),
        "sizes": dict(sizes),
        "failed": dict(failed),
        "figures": [one.as_json() for one in figures],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def table(figures: Sequence[Figure]) -> str:
    """A line for each figure, and one below it for each thing it is measured against."""
    lines: list[str] = []
    case = ""
    for one in figures:
        if one.case != case:
            case = one.case
            lines.append(f"\n{one.row}: {case}" + (f"    [{one.code}]" if one.code else ""))
        beside = "".join(
            f"   {name} {shown(base)}" + (f" ({one.value / base:.3g}x)" if base else "")
            for name, base in one.against.items()
        )
        lines.append(f"  {one.what:38} {shown(one.value):>9} {one.unit:9}{beside}{_goals(one)}")
    return "\n".join(lines)


def _goals(one: Figure) -> str:
    return "".join(f"   goal {goal}: {'kept' if kept else 'MISSED'}" for goal, kept in one.kept.items())


def shown(value: float) -> str:
    """Three digits that count."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
