"""Golden files: Block Kit JSON, one a state, keys sorted. `GOLDEN_UPDATE=1` rewrites them; the diff is read."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def golden() -> Callable[[str, Any], None]:
    def compare(name: str, value: Any) -> None:
        text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        file = GOLDEN / f"{name}.json"
        if os.environ.get("GOLDEN_UPDATE"):
            file.write_text(text, encoding="utf-8")
        assert file.read_text(encoding="utf-8") == text

    return compare
