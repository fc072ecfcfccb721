"""A scripted cloud, a clock, and clients that talk to them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from bot.domain.projects import Credentials
from bot.evs.cloud import HttpCloud
from tests.fakes.scripted_cloud import FakeClock, ScriptedCloud, a_password, a_project

Build = Callable[..., HttpCloud]


@pytest.fixture(autouse=True)
def plain(no_certificates: None) -> None:
    """No test here speaks TLS."""


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def server() -> AsyncIterator[ScriptedCloud]:
    cloud = ScriptedCloud()
    await cloud.start()
    yield cloud
    await cloud.stop()


@pytest.fixture
async def build(server: ScriptedCloud, clock: FakeClock) -> AsyncIterator[Build]:
    """Make an HttpCloud with the aliases `web` and `shop` on one credential; closed at the end of the test."""
    made: list[HttpCloud] = []

    def make(credentials: Credentials | None = None, *, url: str = "", **options: Any) -> HttpCloud:
        key = credentials or a_password()
        projects = {alias: a_project(url or server.url, key, alias) for alias in ("web", "shop")}
        cloud = HttpCloud(projects, {key.name: key}, clock, **options)
        made.append(cloud)
        return cloud

    yield make
    for cloud in made:
        await cloud.aclose()


@pytest.fixture
def cloud(build: Build) -> HttpCloud:
    return build()
