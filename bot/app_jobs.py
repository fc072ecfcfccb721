"""The engine and the jobs it runs: the part of the composition root that is another for one bot than for replicas."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.domain.shipping import ShipTo, name_of
from bot.engine.embedded import EmbeddedEngine
from bot.evs.cloud import HttpCloud
from bot.metrics.instruments import Instruments
from bot.outages import Outages
from bot.ports.audit import Receiver
from bot.ports.budgets import Room
from bot.ports.clock import FollowingClock
from bot.ports.jobs import Engine, Handler
from bot.receivers.json_lines import JsonLinesFile
from bot.receivers.syslog import SyslogReceiver
from bot.settings import Settings
from bot.slack.front import Front
from bot.slack.listeners.app_home import SlackAppHomes
from bot.store.database import Database
from bot.store.sqlite.database import SqliteDatabase
from bot.store.store import Store
from bot.workflow.call_budget import OwnRoom
from bot.workflow.check_before_sending import SendCheck
from bot.workflow.discovery import GroupDiscovery
from bot.workflow.jobs import match_audit, verify_points
from bot.workflow.jobs.anchor_audit import AuditAnchor
from bot.workflow.jobs.attempting import SEND_WITHIN_S, RetryPolicy
from bot.workflow.jobs.clear_test_disk import Clearer
from bot.workflow.jobs.delete import Deleter
from bot.workflow.jobs.expire_grants import GrantExpiry
from bot.workflow.jobs.follow_on import FollowOn
from bot.workflow.jobs.give_turns import TurnGiver
from bot.workflow.jobs.match_audit import AuditMatch
from bot.workflow.jobs.new_disk import DiskMaker
from bot.workflow.jobs.notify import Notifier
from bot.workflow.jobs.plan import Planner
from bot.workflow.jobs.publish_app_home import AppHomePublisher
from bot.workflow.jobs.remind import Reminder
from bot.workflow.jobs.report import Reporter
from bot.workflow.jobs.roll_back import RollBacker
from bot.workflow.jobs.ship_audit import AuditShipper
from bot.workflow.jobs.submit import Submitter
from bot.workflow.jobs.submit_group import Grouper
from bot.workflow.jobs.verify_points import PointVerifier
from bot.workflow.jobs.watch import Watcher
from bot.workflow.queries.disk_choices import DiskCatalogue
from bot.workflow.queries.existing import Existing
from bot.workflow.servers import ServerNames
from bot.workflow.use_cases import UseCases

log = logging.getLogger(__name__)

STOP_SECONDS = 6.0
"""The time in which all that runs may end by itself; a stop takes 10 s in all."""

STOP_SECONDS_OF_A_REPLICA = 4.0
"""The same where others go on with what did not end."""

FORGET_EVERY_SECONDS = 3600.0
FOLLOWS_WITHIN_S = 10.0
"""How long the database may take to tell its date at the start; the engine asks again, for a better answer."""

LATEST_S = 5.0
"""Added to the time in which a POST may leave: clocks run at different speeds, and a first byte takes a moment."""


@dataclass(frozen=True, slots=True)
class Base:
    """The ground of all else. `former`: aliases by which what still runs knows its project, with those of today."""

    settings: Settings
    clock: FollowingClock
    database: Database
    store: Store
    former: Mapping[str, str]
    instruments: Instruments

    @property
    def shared(self) -> bool:
        """Whether other replicas run on the same rows."""
        return not isinstance(self.settings.store, Path)

    def room(self, method: str) -> Room:
        return self.store.room(method) if self.shared else OwnRoom(self.clock)


@dataclass(frozen=True, slots=True)
class Clouds:
    """The cloud, and what is asked of it on the way of a question."""

    cloud: HttpCloud
    servers: ServerNames
    existing: Existing
    catalogue: DiskCatalogue


@dataclass(frozen=True, slots=True)
class Jobs:
    """The engine at work. `stop` returns when nothing runs any more, and may be called twice."""

    engine: Engine
    running: asyncio.Task[None]
    stop: Callable[[], Any]
    shipped_in_vain: Mapping[str, int]
    """How often audit rows were handed over in vain, by cause."""


async def follow_server(database: Database, clock: FollowingClock) -> None:
    """One date for all replicas, whatever the clock of each machine says. Raises StoreFailed."""
    from bot.engine.shared import ahead  # here, as they are of an extra
    from bot.store.postgres.database import PostgresDatabase

    assert isinstance(database, PostgresDatabase)
    while (by := await ahead(database.date, clock, within_s=FOLLOWS_WITHIN_S)) is None:
        continue  # this process was frozen meanwhile
    clock.follow(by)


async def build_jobs(base: Base, front: Front, clouds: Clouds, cases: UseCases, stack: AsyncExitStack) -> Jobs:
    """The engine, at work on what the rows call for."""
    engine = await _shared(base, front, stack) if base.shared else _embedded(base)
    budgets = front.replies.budgets
    budgets.on_turn(lambda channel: engine.schedule(f"report:{channel}", base.clock.now(), channel))
    handlers = _handlers(base, front, clouds, cases)
    told = (base.store, front.replies, base.clock, budgets, engine.take_changed, base.settings.projects)
    handlers["report"] = Reporter(*told, lingers=base.shared)
    outages = Outages(log, "a receiver of audit rows does not take them", "a receiver of audit rows takes them again")
    if base.settings.audit_ship:
        handlers["ship"] = _shipper(base, base.settings.audit_ship, outages)
    running = asyncio.create_task(engine.run(handlers))
    engine.schedule("forget:deliveries", base.clock.now())
    if base.settings.audit_channel:
        engine.schedule(f"anchor:{base.settings.audit_channel}", base.clock.now())
    if base.settings.audit_ship:
        engine.schedule("ship:audit", base.clock.now())
    for alias in base.settings.projects if base.settings.audit_match_days else ():
        engine.schedule(f"match:{alias}", base.clock.now() + match_audit.BEGINS_AFTER, alias)
    for alias in base.settings.projects:
        engine.schedule(f"verify:{alias}", base.clock.now() + verify_points.BEGINS_AFTER, alias)

    async def stop() -> None:
        await engine.stop(STOP_SECONDS_OF_A_REPLICA if base.shared else STOP_SECONDS)
        await asyncio.gather(running, return_exceptions=True)  # it may have ended before, which was told then

    stack.push_async_callback(stop)
    return Jobs(engine, running, stop, outages.counts)


def _embedded(base: Base) -> Engine:
    database = base.database
    assert isinstance(database, SqliteDatabase)
    engine = EmbeddedEngine(base.clock, base.store, acknowledging=lambda: database.acknowledging)
    database.on_scheduled(engine.schedule)
    return engine


async def _shared(base: Base, front: Front, stack: AsyncExitStack) -> Engine:
    """Raises StoreFailed."""
    from bot.engine.shared import SharedEngine, connected  # here, as they are of an extra
    from bot.store.postgres.database import PostgresDatabase

    database = base.database
    assert isinstance(database, PostgresDatabase)
    pool = await connected(database.url)
    stack.callback(pool.terminate)
    engine = SharedEngine(
        base.clock,
        base.store,
        pool,
        base.store.chore_taken,
        database.date,
        acknowledging=lambda: database.acknowledging,
        first_here={"answer"},  # who was pressed holds the trigger and the response URL
    )
    database.on_committing(engine.enqueue)
    database.on_scheduled(engine.committed)
    front.changes.pass_on, engine.on_news = engine.tell, front.changes.heard
    return engine


def _handlers(base: Base, front: Front, clouds: Clouds, cases: UseCases) -> dict[str, Handler]:
    store, clock, projects, cloud = base.store, base.clock, base.settings.projects, clouds.cloud
    people, replies = front.people, front.replies
    app_homes = SlackAppHomes(front.client, front.command, front.identity.url)
    discovery, send_check = GroupDiscovery(clock), SendCheck(store, cases.actors, projects, clock)
    policy, every = _retry_policy(base), timedelta(days=base.settings.audit_match_days)
    follow_for = timedelta(seconds=base.settings.cloud.watch_s)

    async def forget(_: str) -> float:
        await store.forget_deliveries()
        return FORGET_EVERY_SECONDS

    return {
        "plan": Planner(store, cases.actors, front.channels, cloud, projects, discovery, clouds.servers, clock),
        "group": Grouper(store, send_check, cloud, discovery, clock, policy),
        "submit": Submitter(store, send_check, cloud, clock, policy),
        "new_disk": DiskMaker(store, send_check, cloud, clock, policy, follow_for, Clearer(store, cloud, clock)),
        "roll_back": RollBacker(store, send_check, cloud, clock, policy, follow_for),
        "watch": Watcher(store, cloud, clock, follow_for),
        "follow": FollowOn(store),
        "turns": TurnGiver(store, projects, clock),
        "remind": Reminder(store, cloud, replies, clock),
        "delete": Deleter(store, people, cloud, replies, projects, clock),
        "expire": cases.approvals.expire,
        "expire_grants": GrantExpiry(store, clock),
        "app_home": AppHomePublisher(store, people, app_homes, projects, clock),
        "notify": Notifier(store, people, people, replies, projects, clock),
        "anchor": AuditAnchor(store, replies, clock),
        "match": AuditMatch(store, cloud, replies, clock, every, base.settings.audit_channel),
        "verify": PointVerifier(store, cases.intake, cloud, clouds.servers, projects, clock, front.identity.team_id),
        "answer": front.deferred,
        "forget": forget,
    }


def _shipper(base: Base, to: ShipTo, outages: Outages) -> AuditShipper:
    receiver: Receiver = (
        JsonLinesFile(to, outages) if isinstance(to, Path) else SyslogReceiver(to, base.settings.audit_ship_ca, outages)
    )
    return AuditShipper(base.store, receiver, name_of(to))


def _retry_policy(base: Base) -> RetryPolicy:
    cloud = base.settings.cloud
    return RetryPolicy(
        look_for=timedelta(seconds=cloud.reconcile_s),
        busy_first=timedelta(seconds=cloud.busy_retry_s),
        busy_deadline=timedelta(seconds=cloud.busy_deadline_s),
        unconfigured=timedelta(seconds=cloud.watch_s),
        another_may_send=timedelta(seconds=SEND_WITHIN_S + LATEST_S if base.shared else 0.0),
    )
