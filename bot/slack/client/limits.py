"""How many calls of a method Slack takes in a minute from the whole workspace (Slack, Web API rate limits)."""

from __future__ import annotations

from bot.ports.budgets import Room
from bot.ports.clock import Clock
from bot.workflow.call_budget import Budgets, CallBudget

EDITS_A_MINUTE = 50
"""chat.update is Tier 3: 50 and more."""

POSTS_A_MINUTE = 300
"""chat.postMessage: "several hundred", which is this at least, beside about one a second in each channel."""


def budgets(edits: Room, posts: Room, clock: Clock) -> Budgets:
    """As much as Slack takes, counted in these rooms."""
    return Budgets(CallBudget(edits, clock, EDITS_A_MINUTE), CallBudget(posts, clock, POSTS_A_MINUTE))
