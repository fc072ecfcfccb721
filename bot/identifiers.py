"""Names for what begins: requests, forms, references."""

from __future__ import annotations

import secrets

_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: nothing that a tired person could take for something else."""


def new_id(prefix: str) -> str:
    """`r-` and eight letters: short enough to read aloud, 40 random bits."""
    return f"{prefix}-{''.join(_LETTERS[byte % 32] for byte in secrets.token_bytes(8))}"
