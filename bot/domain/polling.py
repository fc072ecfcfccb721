"""How often the cloud is asked about a snapshot in the making, by its age."""

from __future__ import annotations

from datetime import timedelta

FIRST_LOOK = timedelta(seconds=2)
"""No snapshot is done sooner after it was asked for."""

_INTERVALS = ((20, 2.0), (60, 3.0), (180, 5.0), (600, 10.0), (1800, 20.0))
"""Up to this many seconds after a create, it is looked at every so many seconds at most; every 30 s after that."""

_SLOWEST_S = 30.0
_WIDENING = 0.75
"""While all goes well the next look may be this share of a snapshot's age away: its end is told that much later at
most, and a copy of a minute costs seven listings.
"""

ASK_THE_JOB_EVERY = timedelta(seconds=60)
"""A snapshot that a listing still calls creating, and whose progress stands still, has its job asked this often: a job
can fail without a trace there."""


def pause_s(age_s: float, progress: int | None, *, troubled: bool = False) -> float:
    """Seconds until a snapshot in the making is looked at again: later the longer it takes, but by the time at which
    its progress lets expect the end. One that is missing, or in error, is looked at as often as can be.
    """
    least = next((wait for until, wait in _INTERVALS if age_s < until), _SLOWEST_S)
    if troubled:
        return least
    left_s = age_s * (100 - progress) / progress if progress else _SLOWEST_S
    return max(least, min(age_s * _WIDENING, left_s, _SLOWEST_S))
