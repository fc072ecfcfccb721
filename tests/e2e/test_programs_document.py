"""The document of the entry for programs against the server: what a fuzzer makes of its schemas is answered as it says.

Left out is that whatever fits a schema is taken: which disks, projects and channels there are stands in no schema.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.simulator.setting import Setting
from tests.e2e.conftest import FastClock, World
from tests.e2e.test_programs import CONFIG, DEPLOY, READER, STRANGER, Api

EXAMPLES = 25
"""Of each call and phase: some hundreds in all."""


@pytest.fixture
async def world(setting: tuple[Setting, FastClock]) -> AsyncIterator[World]:
    world = World(*setting)
    file = world.setting.directory / "bot.toml"
    file.write_text(f"{file.read_text()}{CONFIG}\n[limits]\nopen_requests = 100000\n")
    world.environment = {"DEPLOY_TOKEN": DEPLOY, "READER_TOKEN": READER, "NOTHING_TOKEN": STRANGER}
    await world.start_bot()
    yield world
    await world.stop_bot()


async def test_what_a_fuzzer_sends_is_answered_as_the_document_says(world: World, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{Api(world).url}/api/v1/openapi.json"),
        *("-H", f"Authorization: Bearer {DEPLOY}", "--max-examples", str(EXAMPLES), "--request-timeout", "30"),
        *("--checks", "all", "--exclude-checks", "positive_data_acceptance", "--seed", "1", "--no-color"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 240)
    assert process.returncode == 0, said.decode()
    assert "3 selected / 3 total" in said.decode()
