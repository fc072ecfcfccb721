"""The composition root: makes each object, hands it what it needs, starts and stops them in order."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.admin import AdminServer
from bot.domain.errors import BotError
from bot.domain.hosts import is_loopback
from bot.engine import EmbeddedEngine
from bot.evs.cloud import HttpCloud
from bot.ports.clock import Clock
from bot.ports.jobs import Handler
from bot.settings import Settings
from bot.slack.background_tasks import BackgroundTasks
from bot.slack.bolt import SocketModeEntry, build_bolt
from bot.slack.client.channels import SlackChannels
from bot.slack.client.errors import NO_ANSWER, failure_of
from bot.slack.client.people import SlackPeople
from bot.slack.client.poster import ResponseUrls, SlackReplies
from bot.slack.http.request_url import HttpEntry
from bot.slack.listeners import routes
from bot.slack.listeners.actions import Actions
from bot.slack.listeners.app_home import AppHomeListeners, SlackAppHomes
from bot.slack.listeners.approvals import DenyForm
from bot.slack.listeners.binding import BindForm
from bot.slack.listeners.channel_card import OfferListeners
from bot.slack.listeners.commands import CommandListeners
from bot.slack.listeners.deferred_replies import DeferredReplyJob
from bot.slack.listeners.errors import ErrorListener
from bot.slack.listeners.events import ChangeListeners, LastListeners, Unrouted
from bot.slack.listeners.mentions import MentionListeners
from bot.slack.listeners.modals import FormListeners
from bot.slack.listeners.pages import PageListeners
from bot.slack.listeners.plans import ChangeForm
from bot.slack.listeners.post_mortem import RecordListeners
from bot.slack.listeners.queries import Answering
from bot.slack.payloads import BotAccount, Identity, read
from bot.slack.unexpected import Unexpected
from bot.store.database import SqliteDatabase
from bot.store.lock import StoreLock
from bot.store.store import SqliteStore
from bot.supervision import Vitals
from bot.workflow.actions.approve import Approvals
from bot.workflow.actions.bind import ChannelBindings
from bot.workflow.actions.cancel import Cancelling
from bot.workflow.actions.confirm import Confirming
from bot.workflow.actions.delete import Deleting
from bot.workflow.actions.doubt import Doubting
from bot.workflow.actions.fill_form import Forms
from bot.workflow.actions.grant import Granting
from bot.workflow.actions.try_again import Retrying
from bot.workflow.check_before_sending import SendCheck
from bot.workflow.discovery import GroupDiscovery
from bot.workflow.form_sessions import FormSessions
from bot.workflow.gate import Gate
from bot.workflow.intake import Intake
from bot.workflow.jobs.anchor_audit import AuditAnchor
from bot.workflow.jobs.delete import Deleter
from bot.workflow.jobs.expire_grants import GrantExpiry
from bot.workflow.jobs.notify import Notifier
from bot.workflow.jobs.plan import Planner
from bot.workflow.jobs.publish_home import AppHomePublisher
from bot.workflow.jobs.remind import Keeping, Reminder
from bot.workflow.jobs.report import EditBudget, Reporter
from bot.workflow.jobs.submit import RetryPolicy, Submitter
from bot.workflow.jobs.submit_group import Grouper
from bot.workflow.jobs.watch import Watcher
from bot.workflow.queries.disk_choices import DiskCatalogue
from bot.workflow.queries.existing import Existing
from bot.workflow.queries.restore_points import RestorePointsInquiry
from bot.workflow.queries.status import Inquiry
from bot.workflow.servers import ServerNames

log = logging.getLogger(__name__)

STOP_SECONDS = 6.0
"""What runs may end by itself in that time; a stop takes 10 s in all."""

SLACK_SECONDS = 15.0
FORGET_EVERY_SECONDS = 3600.0

_ID_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: nothing that a tired person could take for something else."""


class SlackRefusedToken(BotError):
    """Slack does not accept the bot's token: bad configuration."""


def new_id(prefix: str) -> str:
    """`r-` and eight letters: short enough to read aloud, 40 random bits."""
    return f"{prefix}-{''.join(_ID_LETTERS[byte % 32] for byte in secrets.token_bytes(8))}"


def new_reference() -> str:
    """What a person quotes and an operator finds in the log."""
    return new_id("e")


@dataclass(frozen=True, slots=True)
class Bot:
    """A started bot. `stop` takes 10 s at most; `failed` returns when the bot can't go on, with why."""

    store: SqliteStore
    entry: SocketModeEntry | HttpEntry
    admin: AdminServer
    stop: Callable[[], Any]
    failed: Callable[[], Awaitable[str]]


async def start(settings: Settings, clock: Clock) -> Bot:
    """Start everything in order. Makes no cloud call. Raises StoreInUse or SlackRefusedToken."""
    lock = StoreLock(settings.store_path)
    stack: list[Callable[[], Any]] = [lambda: _now(lock.release)]

    async def stop() -> None:
        while stack:
            await stack.pop()()

    try:
        return await _start(settings, clock, stack, stop)
    except BaseException:
        await stop()
        raise


async def _start(settings: Settings, clock: Clock, stack: list[Callable[[], Any]], stop: Callable[[], Any]) -> Bot:
    database = SqliteDatabase(settings.store_path)
    await database.open()
    stack.append(database.close)
    await database.make_room_in_the_log()
    store = SqliteStore(database, clock)
    if set_back := await store.clock_set_meanwhile():
        log.warning("the machine's clock was set back", extra={"seconds": round(-set_back.total_seconds(), 1)})
    await store.configured_grants(settings.grants)
    await store.configured_bindings(settings.bindings)
    former = await store.configured_projects(settings.projects)

    http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SLACK_SECONDS))
    stack.append(http.close)
    token = _reveal(settings.slack.bot_token)
    client = _slack_client(settings, http, token)
    identity = await _identity(client, clock)
    people = SlackPeople(client, identity.team_id, clock, enterprise_id=identity.enterprise_id)
    urls = ResponseUrls(clock)
    team_url = identity.url
    channels = SlackChannels(client, clock)
    replies = SlackReplies(
        client,
        http,
        urls,
        channels=channels,
        projects=settings.projects,
        command=settings.slack.command,
        team_url=team_url,
        bot_user_id=identity.user_id,
        clock=clock,
    )

    cloud = HttpCloud(settings.projects, settings.credentials, clock, former=former)
    stack.append(cloud.aclose)
    homes = SlackAppHomes(client, settings.slack.command, team_url)
    engine = EmbeddedEngine(clock, store)
    database.on_wanted(engine.wake)
    gate = Gate(store, settings.projects, clock)
    approvals = Approvals(store, gate, clock)
    unexpected = Unexpected(settings.slack.command, new_reference)
    tasks = BackgroundTasks(unexpected)
    stack.append(tasks.stop)
    deferred = DeferredReplyJob(store, replies, clock, unexpected)
    anonymous = _slack_client(settings, http, None)
    bolt = build_bolt(anonymous, token, _reveal(settings.slack.signing_secret), identity)
    cancelling = Cancelling(store, gate)
    deleting = Deleting(store, gate, settings.projects, clock)
    opened = FormSessions(store, clock, lambda: new_id("f"))
    doubting = Doubting(store, cloud, deleting, opened, clock)
    bindings = ChannelBindings(store, settings.projects, clock)
    existing = Existing(store, cloud, clock)
    stack.append(existing.aclose)
    inquiry = Inquiry(store, existing, gate, settings.projects, clock)
    answering = Answering(
        command=settings.slack.command,
        team_url=team_url,
        store=store,
        people=people,
        inquiry=inquiry,
        approvals=approvals,
        granting=Granting(store, people, settings.projects, clock),
        cancelling=cancelling,
        bindings=bindings,
        restoring=RestorePointsInquiry(store, existing, cloud, settings.projects, clock),
        doubting=doubting,
        clock=clock,
    )
    intake = Intake(store, people, settings.projects, clock, lambda: new_id("r"))
    servers = ServerNames(clock)
    catalogue = DiskCatalogue(cloud, servers, clock)
    stack.append(catalogue.aclose)
    forms = Forms(store, people, channels, catalogue, intake, settings.projects, clock, opened)
    ErrorListener(unexpected, replies, tasks).register(bolt)
    Unrouted(people, channels).register(bolt)
    form_listeners = FormListeners(
        command=settings.slack.command,
        team_url=team_url,
        forms=forms,
        client=client,
        replies=replies,
        urls=urls,
        tasks=tasks,
        clock=clock,
    )
    MentionListeners(
        command=settings.slack.command,
        bot_user_id=identity.user_id,
        intake=intake,
        people=people,
        forms=forms,
        answering=answering,
        deferred=deferred,
        clock=clock,
    ).register(bolt)
    deny = DenyForm(approvals, opened, client)
    change = ChangeForm(confirming := Confirming(store, gate, settings.projects, clock), opened, client)
    bind = BindForm(settings.slack.command, bindings, opened, client)
    actions = Actions(
        routes.buttons(
            approvals=approvals,
            cancelling=cancelling,
            confirming=confirming,
            deleting=deleting,
            doubting=doubting,
            keeping=Keeping(store, gate, clock),
            retrying=Retrying(store, gate, intake),
            deny=deny,
            change=change,
            bind=bind,
        ),
        routes.small_forms(deny=deny, change=change, bind=bind),
        people=people,
        store=store,
        replies=replies,
        tasks=tasks,
        deferred=deferred,
        opened=opened,
        clock=clock,
    )
    CommandListeners(
        command=settings.slack.command,
        intake=intake,
        answering=answering,
        forms=form_listeners,
        bindings=bindings,
        actions=actions,
        people=people,
        urls=urls,
        deferred=deferred,
        clock=clock,
    ).register(bolt)
    pages, records = PageListeners(answering, replies, tasks), RecordListeners(people, store, inquiry, replies, tasks)
    routes.register(bolt, actions, form_listeners, pages, records)
    AppHomeListeners(store).register(bolt)
    OfferListeners(
        pattern=settings.slack.offer_channels,
        command=settings.slack.command,
        store=store,
        projects=settings.projects,
        client=client,
        channels=channels,
        replies=replies,
        tasks=tasks,
        clock=clock,
    ).register(bolt)
    ChangeListeners(people).register(bolt)
    LastListeners().register(bolt)

    handlers = _handlers(settings, clock, store, people, cloud, servers, replies, approvals, homes, channels, deferred)
    running = asyncio.create_task(engine.run(handlers))
    engine.wake("forget:deliveries", clock.now())
    if settings.audit_channel:
        engine.wake(f"seal:{settings.audit_channel}", clock.now())

    async def stop_engine() -> None:
        await engine.stop(STOP_SECONDS)
        await asyncio.gather(running, return_exceptions=True)  # it may have ended before, which was told then

    stack.append(stop_engine)

    entry: SocketModeEntry | HttpEntry
    if settings.slack.app_token is not None:
        entry = SocketModeEntry(
            bolt, settings.slack.app_token.get_secret_value(), clock, loopback=_slack_is_simulated(settings)
        )
    else:
        entry = HttpEntry(bolt, _reveal(settings.slack.signing_secret), settings.port, settings.host)
    await entry.start()
    stack.append(entry.stop)

    async def ready() -> bool:
        return await store.writable() and await entry.connected()

    vitals = Vitals(store.answers, store.broken, running, lambda: engine.idle_s)
    admin = AdminServer(settings.admin_host, settings.admin_port, vitals.trouble, ready, store.counts)
    await admin.start()
    stack.append(admin.stop)
    log.info("the bot is up", extra={"team": identity.team_id, "projects": len(settings.projects)})
    return Bot(store, entry, admin, stop, vitals.failed)


def _handlers(
    settings: Settings,
    clock: Clock,
    store: SqliteStore,
    people: SlackPeople,
    cloud: HttpCloud,
    servers: ServerNames,
    replies: SlackReplies,
    approvals: Approvals,
    homes: SlackAppHomes,
    channels: SlackChannels,
    deferred: DeferredReplyJob,
) -> dict[str, Handler]:
    patience = RetryPolicy(
        look_for=timedelta(seconds=settings.cloud.reconcile_s),
        busy_first=timedelta(seconds=settings.cloud.busy_retry_s),
        busy_deadline=timedelta(seconds=settings.cloud.busy_deadline_s),
        unconfigured=timedelta(seconds=settings.cloud.watch_s),
    )
    send_check, offers = SendCheck(store, people, settings.projects, clock), GroupDiscovery(clock)

    async def forget(_: str) -> float:
        await store.forget_deliveries()
        return FORGET_EVERY_SECONDS

    return {
        "plan": Planner(store, people, channels, cloud, settings.projects, offers, servers, clock),
        "group": Grouper(store, send_check, cloud, offers, settings.projects, clock, patience),
        "submit": Submitter(store, send_check, cloud, settings.projects, clock, patience),
        "watch": Watcher(store, cloud, clock, timedelta(seconds=settings.cloud.watch_s)),
        "remind": Reminder(store, cloud, replies, replies, clock),
        "report": Reporter(store, replies, clock, EditBudget(clock)),
        "delete": Deleter(store, people, cloud, replies, settings.projects, clock),
        "expire": approvals.expire,
        "lapse": GrantExpiry(store, clock),
        "home": AppHomePublisher(store, people, homes, settings.projects, clock),
        "notify": Notifier(store, people, people, replies, settings.projects, clock),
        "seal": AuditAnchor(store, replies, clock),
        "answer": deferred,
        "forget": forget,
    }


def _slack_client(settings: Settings, http: aiohttp.ClientSession, token: str | None) -> AsyncWebClient:
    """One client with one session. It repeats nothing by itself: a repeated chat.postMessage could post twice."""
    client = AsyncWebClient(
        token=token,
        base_url=settings.slack.api_url,
        session=http,
        retry_handlers=[],
    )
    if _slack_is_simulated(settings):
        client.proxy = None  # slack_sdk takes a proxy from the environment for every host and knows no NO_PROXY
    return client


async def _identity(client: AsyncWebClient, clock: Clock) -> Identity:
    """Who the bot is in Slack. Waits for Slack as long as it takes; a refused token is bad configuration."""
    while True:
        try:
            identity = read(Identity, (await client.auth_test()).data)
        except SlackApiError as exc:
            failure = failure_of(exc)
            if failure.status == 200 and failure.error and not failure.asks_to_wait:
                raise SlackRefusedToken(
                    f"Slack does not accept SLACK_BOT_TOKEN ({failure.error}). "
                    "Install the app again and copy its bot token."
                ) from None
            log.warning("slack gave no usable answer yet", extra={"status": failure.status})
        except NO_ANSWER as exc:
            log.warning("slack can't be reached yet", extra={"error": type(exc).__name__})
        else:
            return identity.model_copy(update={"app_id": await _app_id(client, identity.bot_id)})
        await clock.sleep(3.0)


async def _app_id(client: AsyncWebClient, bot_id: str) -> str | None:
    """Which app the token is of, which auth.test does not say; None: deliveries are not compared with it."""
    try:
        return read(BotAccount, (await client.bots_info(bot=bot_id)).data).app_id
    except (SlackApiError, *NO_ANSWER) as exc:
        log.warning("slack did not say which app this is", extra={"error": type(exc).__name__})
        return None


def _slack_is_simulated(settings: Settings) -> bool:
    return is_loopback(urlsplit(settings.slack.api_url).hostname or "")


def _reveal(secret: Any) -> str:
    return "" if secret is None else str(secret.get_secret_value())


async def _now(work: Callable[[], None]) -> None:
    work()
