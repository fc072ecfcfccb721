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

_EARLY = 0.6
"""A look may come early by this share of its pause, where a listing has room for one more. Over a half, so that two
groups of snapshots that fit into one listing come together there.
"""

SOON = timedelta(seconds=_EARLY * _SLOWEST_S)

_ASK_THE_JOB_S, _ASK_THE_JOB_SLOWLY_S = 55.0, 300.0
"""Looks are 30 s apart at most, so it is asked with every second one at first."""

_STILL = 0.1
"""A snapshot may stand still for this share of its age before its job is asked."""


def pause_s(age_s: float, progress: int | None, *, troubled: bool = False) -> float:
    """Seconds until a snapshot in the making is looked at again: later the longer it takes, but by the time at which
    its progress lets expect the end. One that is missing, or in error, is looked at as often as can be.
    """
    least = next((wait for until, wait in _INTERVALS if age_s < until), _SLOWEST_S)
    if troubled:
        return least
    left_s = age_s * (100 - progress) / progress if progress else _SLOWEST_S
    return max(least, min(age_s * _WIDENING, left_s, _SLOWEST_S))


def may_come_now(left_s: float, age_s: float, progress: int | None) -> bool:
    """Whether a look that is due in so many seconds may share a listing that is made now."""
    return left_s <= _EARLY * pause_s(age_s, progress)


def job_pause_s(age_s: float) -> float:
    """Seconds for which a snapshot stands still, in a listing that still calls it creating, before its job is asked: a
    job can fail without a trace there.
    """
    return min(max(_ASK_THE_JOB_S, age_s * _STILL), _ASK_THE_JOB_SLOWLY_S)
