"""`snapshot-bot run` on uvloop, where the other tests of a process run it, and on the loop of asyncio."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from bot.domain.transitions import RequestState
from tests.e2e.conftest import request_id
from tests.e2e.street import a_street

WITHOUT = """
import sys
sys.modules["uvloop"] = None
from bot.__main__ import main
sys.exit(main())
"""
NOT_THERE = pytest.mark.skipif(sys.platform == "win32", reason="uvloop is not made for Windows")
LOOPS = [pytest.param("uvloop", ("-m", "bot"), marks=NOT_THERE), ("asyncio", ("-c", WITHOUT))]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(("loop", "program"), LOOPS)
async def test_a_bot_on_either_loop_says_which_carries_out_what_it_took_and_ends_by_a_signal(
    tmp_path: Path, loop: str, program: tuple[str, ...], number: signal.Signals
) -> None:
    async with a_street(tmp_path) as street:
        street.bot.program = program
        await street.start()
        assert f"loop={loop}" in street.bot.text()
        taken = request_id((await street.slack.command("alice", "#inc-demo", "create web-01-data")).text)
        found = await street.until_all_is_said(timeout=30)
        assert [(request.id, request.state) for request, _ in found] == [(taken, RequestState.FINISHED)]
        assert await street.bot.signal(number) == 0
