"""All checks together: at the same time where none waits for another, each with a deadline, and an end to all of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlsplit

import aiohttp

from bot.checks import configuration, rights, store_place, subjects, tokens
from bot.checks.clocks import SLACK, Clocks
from bot.checks.findings import Page, Report, report_of
from bot.domain.granting import BOT_TOML
from bot.domain.roles import Grant
from bot.evs.cloud import HttpCloud
from bot.ports.clock import Clock
from bot.settings import Settings, SettingsError
from bot.slack.client.identity import web_client
from bot.slack.client.inspection import SlackInspector, Token, Unreached
from bot.store.database import StoreFacts
from bot.store.opening import facts_at

FILES_S, SLACK_S, CLOUD_S = 5.0, 12.0, 14.0
"""How long each is waited for: the disk, Slack, and each project of the cloud."""

CALL_S = 6.0
"""How long one call may take, to Slack or to the cloud."""

CONCURRENCY = 8


def refused(error: SettingsError) -> Report:
    """All there is to say where the configuration can't be used."""
    page = Page("configuration")
    configuration.refused(page, error)
    return report_of([page])


async def look(settings: Settings, clock: Clock) -> Report:
    """Takes 20 s at most, whatever hangs."""
    said, machine, store, slack = (Page(area) for area in ("configuration", "machine", "store", "Slack"))
    projects = {alias: Page(alias) for alias in settings.projects}
    configuration.read(said, settings)
    clocks = Clocks(clock)
    facts = asyncio.ensure_future(_files(said, store, settings, clocks))
    await asyncio.gather(
        facts,
        slack.within(SLACK_S, "Slack", "Slack", _slack(slack, said, settings, clocks, facts, clock.now())),
        _cloud(projects, settings, clocks, clock),
    )
    clocks.told(machine, settings)
    return report_of([said, machine, store, slack, *projects.values()])


async def _files(said: Page, store: Page, settings: Settings, clocks: Clocks) -> StoreFacts:
    """The grants of the store are among what is found there."""
    found = StoreFacts()

    async def look_at_store() -> None:
        nonlocal found
        found = await facts_at(settings.store)
        store_place.looked_at(store, settings.store, found)
        if found.date is not None:
            clocks.told_by("the store's server", found.date)

    async def look_at_secrets() -> None:
        await asyncio.to_thread(configuration.secrets_of, said, settings)

    await asyncio.gather(
        store.within(FILES_S, "store", "store", look_at_store()),
        said.within(FILES_S, "secret file", "files of secrets", look_at_secrets()),
    )
    return found


async def _slack(
    page: Page, said: Page, settings: Settings, clocks: Clocks, facts: asyncio.Future[StoreFacts], now: datetime
) -> None:
    tokens.signing_secret(page, settings)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CALL_S)) as http:
        secret = settings.slack.bot_token.get_secret_value() if settings.slack.bot_token else ""
        client = web_client(settings.slack.api_url, http, secret)
        inspector = SlackInspector(client, lambda date: clocks.heard(SLACK, date))
        try:
            token = await tokens.bot_token(page, inspector)
        except Unreached as exc:
            tokens.unreached(page, urlsplit(settings.slack.api_url).hostname or "", str(exc))
            subjects.admins(said, settings, settings.grants, subjects.Known(asked=False), now)
            return
        looks = [tokens.app_token(page, settings, inspector)]
        if token is None:
            subjects.admins(said, settings, settings.grants, subjects.Known(asked=False), now)
        else:
            tokens.of_one_app(page, settings, token)
            tokens.scopes(page, settings, token)
            looks.append(subjects.channels(page, settings, inspector))
            looks.append(_people(page, said, settings, inspector, token, facts, now))
        await asyncio.gather(*looks)


async def _people(
    page: Page,
    said: Page,
    settings: Settings,
    inspector: SlackInspector,
    token: Token,
    facts: asyncio.Future[StoreFacts],
    now: datetime,
) -> None:
    """Admins may stand in the store alone, so it is waited for."""
    kept = (await asyncio.shield(facts)).admins
    grants: Sequence[Grant] = [*settings.grants, *(one for one in kept if one.source != BOT_TOML)]
    known = await subjects.people(page, [one for one in grants if one.in_force(now)], inspector, token)
    subjects.admins(said, settings, grants, known, now)


async def _cloud(pages: dict[str, Page], settings: Settings, clocks: Clocks, clock: Clock) -> None:
    cloud = HttpCloud(
        settings.projects,
        settings.credentials,
        clock,
        concurrency=CONCURRENCY,
        deadline_s=CALL_S,
        answered=clocks.heard,
    )
    try:
        common = rights.Common()
        await asyncio.gather(*(_project(page, alias, settings, cloud, common) for alias, page in pages.items()))
    finally:
        await cloud.aclose()


async def _project(page: Page, alias: str, settings: Settings, cloud: HttpCloud, common: rights.Common) -> None:
    project = settings.projects[alias]
    credentials = settings.credentials[project.credentials]
    looking = rights.looked_at(page, project, credentials, settings.bindings, cloud.probes(alias), common)
    await page.within(CLOUD_S, "cloud", "EVS", looking)
