"""The triggers of a store, as `audit verify` looks for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Triggers:
    """`select` asks for the `name` and `text` of those that are there. By name, as that text: the `guards` keep rows
    from being changed as they may not be, as long as none is taken away; `others` are all else there are.
    """

    select: str
    guards: Mapping[str, str]
    others: Mapping[str, str]
