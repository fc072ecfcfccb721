"""The composition root: makes each object, hands it what it needs, starts and stops them in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from pydantic import SecretStr
from slack_bolt.app.async_app import AsyncApp

from bot.admin import AdminServer
from bot.api.bearer import Tokens
from bot.api.ends import Ends
from bot.api.programs import Programs
from bot.api.server import ApiServer
from bot.app_jobs import Base, Clouds, Jobs, build_jobs, follow_server
from bot.clock import SteadyClock
from bot.domain.store_urls import PostgresUrl
from bot.evs.cloud import HttpCloud
from bot.identifiers import new_id
from bot.metrics.exposition import Metrics
from bot.metrics.instruments import Instruments
from bot.metrics.readings import Parts, Readings
from bot.ports.clock import Clock, FollowingClock
from bot.settings import Settings
from bot.slack.background_tasks import BackgroundTasks
from bot.slack.bolt import SocketModeEntry, build_bolt
from bot.slack.changes import Changes
from bot.slack.client.channels import SlackChannels
from bot.slack.client.health import SlackHealth
from bot.slack.client.identity import identity_of, is_simulated, web_client
from bot.slack.client.limits import budgets
from bot.slack.client.people import SlackPeople
from bot.slack.client.poster import ResponseUrls, SlackReplies
from bot.slack.command_road import CommandRoad
from bot.slack.front import Front
from bot.slack.http.request_url import HttpEntry
from bot.slack.listeners import routes
from bot.slack.listeners.actions import Actions
from bot.slack.listeners.app_home import AppHomeListeners
from bot.slack.listeners.approvals import DenyForm
from bot.slack.listeners.binding import BindForm
from bot.slack.listeners.channel_card import ChannelCardListeners
from bot.slack.listeners.commands import CommandListeners
from bot.slack.listeners.deferred_replies import DeferredReplyJob
from bot.slack.listeners.errors import ErrorListener
from bot.slack.listeners.events import ChangeListeners, LastListeners, Unrouted
from bot.slack.listeners.going_back import OverwriteForm, RestoreForm
from bot.slack.listeners.mentions import MentionListeners
from bot.slack.listeners.modals import FormListeners
from bot.slack.listeners.pages import PageListeners
from bot.slack.listeners.plans import ChangeForm
from bot.slack.listeners.post_mortem import PostMortemListeners
from bot.slack.listeners.queries import Queries
from bot.slack.listeners.which_project import WhichProject
from bot.slack.origin import Origin
from bot.slack.unexpected import Unexpected
from bot.slack.views.mrkdwn import message_address
from bot.store.database import Database
from bot.store.opening import database_at
from bot.store.sqlite.database import SqliteDatabase
from bot.store.sqlite.lock import StoreLock
from bot.store.store import Store
from bot.supervision import Readiness, Vitals
from bot.version import version
from bot.workflow.actions.approve import Approvals
from bot.workflow.actions.ask_before_deleting import DeletionQuestions
from bot.workflow.actions.ask_project import ProjectQuestions
from bot.workflow.actions.bind import ChannelBindings
from bot.workflow.actions.cancel import Cancelling
from bot.workflow.actions.confirm import Confirming
from bot.workflow.actions.delete import Deleting
from bot.workflow.actions.extend import Extending
from bot.workflow.actions.fill_form import Forms
from bot.workflow.actions.go_back import GoingBack
from bot.workflow.actions.grant import Granting
from bot.workflow.actions.try_again import Retrying
from bot.workflow.actors import Actors
from bot.workflow.form_sessions import FormSessions
from bot.workflow.gate import Gate
from bot.workflow.intake import Intake
from bot.workflow.queries.disk_choices import DiskCatalogue
from bot.workflow.queries.existing import Existing
from bot.workflow.queries.restore_points import RestorePointsInquiry
from bot.workflow.queries.status import Inquiry
from bot.workflow.servers import ServerNames
from bot.workflow.use_cases import UseCases

log = logging.getLogger(__name__)

SLACK_SECONDS = 15.0
DRAIN_SECONDS = 2.5
"""How long a replica goes on taking what Slack delivers once it says that it is not ready: a balancer looks about each
second.
"""


def new_reference() -> str:
    """The reference that a person quotes and an operator finds in the log."""
    return new_id("e")


@dataclass(frozen=True, slots=True)
class Bot:
    """A started bot. `stop` takes 10 s at most; `failed` returns when the bot can't go on, with why."""

    store: Store
    entry: SocketModeEntry | HttpEntry
    admin: AdminServer
    api: ApiServer | None
    stop: Callable[[], Any]
    failed: Callable[[], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Watch:
    """How the bot does, and where operators hear of it. `parts` are asked at each scrape of the metrics."""

    admin: AdminServer
    vitals: Vitals
    readiness: Readiness
    parts: Parts


async def start(settings: Settings, clock: Clock, database: Database | None = None) -> Bot:
    """Start everything in order. Makes no cloud call. `database`: the one to open, if not as the settings say.

    Raises StoreInUse, StoreFailed, CannotListen or SlackRefusedToken.
    """
    async with AsyncExitStack() as stack:  # whatever has begun ends again where the rest can't
        if isinstance(settings.store, Path):
            stack.callback(StoreLock(settings.store).release)
        return await _start(settings, clock, database or database_at(settings.store, clock), stack)


async def _start(settings: Settings, machine: Clock, database: Database, stack: AsyncExitStack) -> Bot:
    clock = SteadyClock(machine)
    base = await build_store(settings, clock, database, stack)
    log.info("the bot starts", extra=_facts(settings))
    health = SlackHealth(urlsplit(settings.slack.api_url).hostname or "", clock, base.instruments.slack_called)
    watch = await build_watch(base, health, stack)
    bolt, front = await build_slack(base, health, stack)
    clouds = build_cloud(base, stack)
    cases = build_use_cases(base, front, clouds)
    road = listen(base, bolt, front, cases)
    jobs = await build_jobs(base, front, clouds, cases, stack)
    entry = _entry(base, bolt, road)
    await entry.start()
    stack.push_async_callback(entry.stop)
    api = await build_api(base, front, cases, stack)
    watch.vitals.begin(jobs.running, lambda: jobs.engine.idle_s)
    watch.readiness.begin(entry.trouble, front.client.auth_test)
    watch.parts.failures.update(cloud=clouds.cloud.failures, deliveries=entry.failures)
    watch.parts.failures["audit receiver"] = jobs.shipped_in_vain
    budgets = {"chat.update": front.replies.budgets.edits, "chat.postMessage": front.replies.budgets.posts}
    watch.parts.begin(lambda: not entry.trouble(), clouds.cloud, budgets, jobs.engine)
    if base.shared and isinstance(entry, HttpEntry):
        stack.push_async_callback(_drain, machine, jobs)
    stack.callback(watch.readiness.end)
    log.info("the bot is up", extra={"team": front.identity.team_id, "projects": len(settings.projects)})
    return Bot(base.store, entry, watch.admin, api, stack.pop_all().aclose, watch.vitals.failed)


async def _drain(machine: Clock, jobs: Jobs) -> None:
    """Whatever is delivered meanwhile is recorded, and other replicas go on with it."""
    await asyncio.gather(machine.sleep(DRAIN_SECONDS), jobs.stop())


def _facts(settings: Settings) -> dict[str, Any]:
    return {
        "version": version(),
        "store": str(settings.store),
        "mode": _mode(settings),
        "projects": ", ".join(settings.projects),
        "loop": type(asyncio.get_running_loop()).__module__.partition(".")[0],
    }


def _mode(settings: Settings) -> str:
    return "HTTP" if settings.slack.app_token is None else "Socket Mode"


async def build_watch(base: Base, health: SlackHealth, stack: AsyncExitStack) -> Watch:
    """For operators, before anything waits for Slack. Raises CannotListen."""
    settings, store = base.settings, base.store
    # A server that is away is waited for, by every replica: none is better for being started again.
    vitals = Vitals(None if base.shared else store.answers, store.broken)
    readiness = Readiness(store.writable, health.trouble)
    kind = "PostgreSQL" if base.shared else "SQLite"
    parts = Parts(
        build={"version": version(), "store": kind, "mode": _mode(settings)},
        failures={"slack": health.outages.counts, "slack token": health.refusals.counts},
        anchored=bool(settings.audit_channel),
    )
    readings = Readings(store, base.clock, parts)
    stack.callback(readings.stop)
    metrics = Metrics(base.instruments, readings, base.clock)
    admin = AdminServer(settings.admin_host, settings.admin_port, vitals.trouble, readiness.trouble, metrics.scrape)
    await admin.start()
    stack.push_async_callback(admin.stop)
    return Watch(admin, vitals, readiness, parts)


async def build_store(settings: Settings, clock: FollowingClock, database: Database, stack: AsyncExitStack) -> Base:
    """The store with what `bot.toml` says written into it."""
    instruments = Instruments()
    database.on_measured(instruments)
    await database.open()
    stack.push_async_callback(database.close)
    if isinstance(database, SqliteDatabase):
        await database.make_room_in_the_log()
    store = Store(database, clock)
    if isinstance(settings.store, PostgresUrl):
        await follow_server(database, clock)
    elif set_back := await store.clock_set_meanwhile():
        log.warning("the machine's clock was set back", extra={"seconds": round(-set_back.total_seconds(), 1)})
    await store.configured_grants(settings.grants)
    await store.configured_bindings(settings.bindings)
    former = await store.configured_projects(settings.projects)
    return Base(settings, clock, database, store, former, instruments)


async def build_slack(base: Base, health: SlackHealth, stack: AsyncExitStack) -> tuple[AsyncApp, Front]:
    """The client and what stands on it; waits until Slack says who the bot is. Raises SlackRefusedToken."""
    settings, clock = base.settings, base.clock
    http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SLACK_SECONDS))
    stack.push_async_callback(http.close)
    api_url, command, token = settings.slack.api_url, settings.slack.command, _reveal(settings.slack.bot_token)
    client = web_client(api_url, http, token, health)
    identity = await identity_of(client, clock)
    origin, channels, urls = Origin(identity), SlackChannels(client, clock), ResponseUrls(clock)
    replies = SlackReplies(
        client,
        http,
        urls,
        channels=channels,
        projects=settings.projects,
        command=command,
        team_url=identity.url,
        bot_user_id=identity.user_id,
        clock=clock,
        budgets=budgets(base.room("chat.update"), base.room("chat.postMessage"), clock),
        called=base.instruments.slack_called,
    )
    tasks = BackgroundTasks(unexpected := Unexpected(command, new_reference))
    stack.push_async_callback(tasks.stop)
    bolt = build_bolt(web_client(api_url, http, None), token, _reveal(settings.slack.signing_secret), origin)
    people = SlackPeople(client, identity.team_id, clock, enterprise_id=identity.enterprise_id)
    return bolt, Front(
        command=command,
        origin=origin,
        client=client,
        people=people,
        channels=channels,
        changes=Changes(people, channels),
        urls=urls,
        replies=replies,
        unexpected=unexpected,
        tasks=tasks,
        deferred=DeferredReplyJob(base.store, replies, clock, unexpected),
        clock=clock,
    )


def build_cloud(base: Base, stack: AsyncExitStack) -> Clouds:
    called, settings = base.instruments.cloud_called, base.settings
    cloud = HttpCloud(settings.projects, settings.credentials, base.clock, former=base.former, called=called)
    stack.push_async_callback(cloud.aclose)
    servers, existing = ServerNames(base.clock), Existing(base.store, cloud, base.clock)
    stack.push_async_callback(existing.aclose)
    catalogue = DiskCatalogue(cloud, servers, base.clock)
    stack.push_async_callback(catalogue.aclose)
    return Clouds(cloud, servers, existing, catalogue)


def build_use_cases(base: Base, front: Front, clouds: Clouds) -> UseCases:
    store, clock, projects, people = base.store, base.clock, base.settings.projects, front.people
    actors = Actors(people, base.settings.tokens)
    gate = Gate(store, projects, clock)
    form_sessions = FormSessions(store, clock, lambda: new_id("f"))
    intake = Intake(store, actors, projects, clock, lambda: new_id("r"), base.settings.open_requests)
    deleting = Deleting(store, gate, projects, clock)
    return UseCases(
        actors=actors,
        gate=gate,
        intake=intake,
        approvals=Approvals(store, gate, clock),
        bindings=ChannelBindings(store, projects, clock),
        cancelling=Cancelling(store, gate),
        confirming=Confirming(store, gate, projects, clock),
        deleting=deleting,
        deletion_questions=DeletionQuestions(store, clouds.cloud, deleting, form_sessions, clock),
        forms=Forms(store, people, front.channels, clouds.catalogue, intake, projects, clock, form_sessions),
        granting=Granting(store, people, projects, clock),
        inquiry=Inquiry(store, clouds.existing, gate, projects, clock),
        extending=Extending(store, gate, clock),
        form_sessions=form_sessions,
        going_back=GoingBack(store, gate, intake),
        project_questions=ProjectQuestions(store, intake, form_sessions),
        restoring=RestorePointsInquiry(store, clouds.existing, clouds.cloud, projects, clock),
        retrying=Retrying(store, gate, intake),
    )


def listen(base: Base, bolt: AsyncApp, front: Front, cases: UseCases) -> CommandRoad:
    """Register whatever Slack may deliver. Bolt takes the first that fits, so the order counts; the slash command has a
    road of its own.
    """
    store, settings = base.store, base.settings
    errors = ErrorListener(front.unexpected, front.replies, front.tasks)
    errors.register(bolt)
    Unrouted(front.changes).register(bolt)
    queries, forms = Queries(front, cases, store), FormListeners(front, cases.forms)
    which_project = WhichProject(front, cases.project_questions)
    MentionListeners(front, cases, queries, which_project).register(bolt)
    actions = _actions(front, cases, store, which_project)
    pages, post_mortems = PageListeners(front, queries), PostMortemListeners(front, store, cases.inquiry)
    routes.register(bolt, actions, forms, pages, post_mortems)
    AppHomeListeners(store).register(bolt)
    ChannelCardListeners(front, settings.slack.offer_channels, store, settings.projects).register(bolt)
    ChangeListeners(front.changes).register(bolt)
    LastListeners().register(bolt)
    commands = CommandListeners(front, cases, queries, forms, actions, which_project, base.instruments.commanded)
    return CommandRoad(front.command, front.origin, commands.on_command, errors.on_error)


async def build_api(base: Base, front: Front, cases: UseCases, stack: AsyncExitStack) -> ApiServer | None:
    """The entry for programs, where bot.toml opens one. Raises CannotListen."""
    settings, team_url = base.settings, front.identity.url
    if settings.api is None:
        return None
    ends = Ends(base.clock)
    programs = Programs(
        base.store,
        cases.intake,
        cases.gate,
        settings.projects,
        base.clock,
        front.identity.team_id,
        lambda request: message_address(request, team_url),
        ends,
    )
    base.database.on_scheduled(ends.heard)
    tokens = Tokens(settings.tokens)
    api = ApiServer(settings.api.host, settings.api.port, tokens, programs, front.unexpected.report_unexpected)
    await api.start()
    stack.push_async_callback(api.stop)
    return api


def _actions(front: Front, cases: UseCases, store: Store, which_project: WhichProject) -> Actions:
    sessions = cases.form_sessions
    opened = routes.Opened(
        deny=DenyForm(front, cases.approvals, sessions),
        change=ChangeForm(front, cases.confirming, sessions),
        bind=BindForm(front, cases.bindings, sessions),
        restore=RestoreForm(front, cases.going_back, sessions),
        overwrite=OverwriteForm(front, cases.confirming, sessions),
    )
    return Actions(front, store, sessions, routes.buttons(cases, opened, which_project), routes.small_forms(opened))


def _entry(base: Base, bolt: AsyncApp, road: CommandRoad) -> SocketModeEntry | HttpEntry:
    settings, told = base.settings, base.instruments.acknowledged
    if settings.slack.app_token is None:
        secret = _reveal(settings.slack.signing_secret)
        return HttpEntry(bolt, road, secret, settings.port, settings.host, acknowledged=told)
    token = settings.slack.app_token.get_secret_value()
    return SocketModeEntry(bolt, road, token, base.clock, told, loopback=is_simulated(settings.slack.api_url))


def _reveal(secret: SecretStr | None) -> str:
    return "" if secret is None else secret.get_secret_value()
