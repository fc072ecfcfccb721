"""Names and ids of what the simulated cloud and Slack hold for the bench, known to all of its processes."""

from __future__ import annotations

PAYMENTS = "0123456789abcdef0123456789abcdef"
SHOP = "5a0b5a0b5a0b5a0b5a0b5a0b5a0b5a0b"
ACCESS_KEY = "SIMAK000000000000001"
SECRET_KEY = "sim-sk-not-a-secret-000000000000000000001"
ZONE = "ap-southeast-3a"
CHANNEL = "C0INCDEMO1"
ALICE = "U0ALICE001"
PEOPLE = 25
"""Enough that none has more requests open than one person may, and few enough to ask Slack about all each minute."""


def disk_id(number: int) -> str:
    """A disk of the shop."""
    return f"5d15c000-0000-4000-8000-{number:012d}"


def payments_disk(number: int) -> str:
    return f"9d15c000-0000-4000-8000-{number:012d}"


def payments_name(number: int) -> str:
    return f"bench-{number:05d}"


def snapshot_id(number: int) -> str:
    return f"5a905000-0000-4000-8000-{number:012d}"


def job_id(number: int) -> str:
    return f"70b70b70b70b70b70b70{number:012d}"


def channel_id(number: int) -> str:
    """One of many channels, so that Slack's limit of a post a second in each holds nothing up."""
    return f"C0BENCH{number:04d}"


def person_id(number: int) -> str:
    """One of those who ask for a snapshot each."""
    return f"U0BENCH{number % PEOPLE:03d}"
