"""A bot that is frozen before it sends what it wrote down, and woken later, sends nothing."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from bot.domain.transitions import ItemState
from tests.e2e.conftest import press_when_asked, request_id
from tests.e2e.street import BotProcess, Street, a_street

FREEZES = """
import os, signal, sys
from bot.workflow.jobs import {module} as job
job_class, sends = job.{name}, job.{name}.{method}
{limit} = 1.0
frozen = []
async def freezes(*args):
    if not frozen:
        frozen.append(True)
        os.kill(os.getpid(), signal.SIGSTOP)
    return await sends(*args)
job_class.{method} = freezes
from bot.__main__ import main
sys.exit(main())
"""
ONE_DISK = {
    "module": "submit",
    "name": "Submitter",
    "method": "_post",
    "limit": "from bot.workflow.jobs import attempting; attempting.SEND_WITHIN_S",
}
A_GROUP = {"module": "submit_group", "name": "Grouper", "method": "_post", "limit": "job.SEND_WITHIN_S"}
A_DELETION = {"module": "delete", "name": "Deleter", "method": "_delete", "limit": "job.SEND_WITHIN_S"}


async def frozen(street: Street) -> None:
    async with asyncio.timeout(30):
        while not is_frozen(street.bot):
            await asyncio.sleep(0.02)


def is_frozen(bot: BotProcess) -> bool:
    assert bot.process is not None
    return "State:\tT" in Path(f"/proc/{bot.process.pid}/status").read_text(encoding="ascii")


async def order(street: Street, operation: str) -> None:
    if operation == "create_group":
        told = await street.slack.command("alice", "#inc-demo", "quick confirm=no")
    else:
        told = await street.slack.command("alice", "#inc-demo", "create web-01-data")
    assert told.error is None
    if operation == "delete_snapshot":
        await street.until_all_is_said(timeout=30)
        await press_when_asked(street.slack, request_id(told.text), "alice", "#inc-demo")


@pytest.mark.parametrize(
    ("job", "operation"), [(ONE_DISK, "create_snapshot"), (A_GROUP, "create_group"), (A_DELETION, "delete_snapshot")]
)
async def test_a_bot_that_was_frozen_before_it_sent_sends_nothing_once_it_is_woken(
    tmp_path: Path, job: dict[str, str], operation: str
) -> None:
    async with a_street(tmp_path) as street:
        street.bot.program = ("-c", FREEZES.format(**job))
        await street.start()
        await order(street, operation)
        await frozen(street)
        await asyncio.sleep(1.2)
        assert street.bot.process is not None
        street.bot.process.send_signal(signal.SIGCONT)
        await asyncio.sleep(1.0)
        assert street.cloud.calls(operation) == []
        async with asyncio.timeout(30):
            while not street.cloud.calls(operation):
                await asyncio.sleep(0.05)
        found = await street.until_all_is_said(timeout=30)
        assert {item.state for _, items in found for item in items} == {ItemState.AVAILABLE}
        assert len(street.cloud.calls(operation)) == 1
        assert await street.bot.signal(signal.SIGTERM) == 0
