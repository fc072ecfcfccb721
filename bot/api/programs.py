"""The requests of programs: taken in as a command is, and shown as far as they are."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from bot.api.answers import answer_of
from bot.api.bodies import CreateBody, QuickBody
from bot.api.problems import KEY_USED, NO_CHANNEL, NO_KEY, UNKNOWN_ID, Problem, denied
from bot.domain.access import Chosen, choose_project
from bot.domain.actors import Actor
from bot.domain.audit import read_entry
from bot.domain.orders import Order, as_typed
from bot.domain.projects import Project
from bot.domain.requests import Place, Request
from bot.domain.results import Accepted, Refused, Told
from bot.domain.roles import Action
from bot.ports.audit import Audit
from bot.ports.clock import Clock
from bot.ports.grants import Bindings, Grants
from bot.ports.requests import Requests
from bot.workflow.gate import OWN_REQUEST, Gate, Verb
from bot.workflow.intake import Delivery, Intake

log = logging.getLogger(__name__)

KEY_CHARACTERS = 200
LOOKS_EVERY_S = 0.5
"""While a program waits for the end: a look is two reads by key."""

_VIEW = Verb(Action.VIEW, "view", "There is no request {} that this token may see.", reads=True)


class Rows(Audit, Bindings, Grants, Requests, Protocol):
    """The roles of the store that this asks for."""


@dataclass(frozen=True, slots=True)
class Programs:
    """`link`: the address of a request's message, "" where there is none."""

    store: Rows
    intake: Intake
    gate: Gate
    projects: Mapping[str, Project]
    clock: Clock
    team_id: str
    link: Callable[[Request], str]

    async def ask(self, actor: Actor, key: str, body: CreateBody | QuickBody) -> tuple[dict[str, Any], bool]:
        """Record it, once for each key; and whether it was recorded just now. Raises Problem."""
        if not key or len(key) > KEY_CHARACTERS or not key.isprintable():
            raise Problem(
                HTTPStatus.BAD_REQUEST,
                NO_KEY,
                f"Send a header Idempotency-Key of 1 to {KEY_CHARACTERS} characters, the same for each try of one "
                "request: it is carried out once.",
            )
        order = body.order()
        channel = body.channel or await self._channel(actor, order)
        delivery = delivery_id(actor, key)
        log.info("program asked", extra={"actor": actor.user_id, "channel": channel, "delivery": delivery})
        if first := await self.store.of_delivery(delivery):
            return await self._again(first, order, channel), False
        place = Place(self.team_id, channel)
        asked = Delivery(delivery, actor.user_id, place, as_typed(order), run_url=body.run_url or "")
        match await self.intake.create(asked, order, mendable=True):
            case Refused() as refused:
                raise denied(refused)
            case Accepted(request, repeated=True):
                return await self._again(request, order, channel), False
            case Accepted(request):
                return answer_of(request, (), ""), True

    async def _again(self, first: Request, order: Order, channel: str) -> dict[str, Any]:
        if first.text != as_typed(order) or first.place.channel_id != channel:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                KEY_USED,
                f"This Idempotency-Key asked for something else before, which is request {first.id}. "
                "Take another key for another request.",
            )
        return await self._shown(first.id)

    async def _channel(self, actor: Actor, order: Order) -> str:
        """The channel of the project, where none is named."""
        grants, now = await self.store.grants_for(actor), self.clock.now()
        choice = choose_project(order.project, None, actor, Action.CREATE, self.projects, "", grants, now)
        if not isinstance(choice, Chosen):  # a ceiling of channels may have hidden the one that is meant
            held = {grant.project for grant in grants if grant.names(actor) and grant.in_force(now)}
            named = [alias for alias in self.projects if alias in held or "*" in held]
            choice = Chosen(named[0]) if len(named) == 1 else choice
        project = self.projects.get(choice.alias) if isinstance(choice, Chosen) else None
        if project is None or not project.api_channel:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                NO_CHANNEL,
                "Name the channel in which this is told, or give the project an api_channel in bot.toml.",
                {"channel": "It is missing, and the project has none of its own."},
            )
        return project.api_channel

    async def show(
        self, actor: Actor, request_id: str, wait_s: float, *, may_wait: Callable[[], bool] = lambda: True
    ) -> dict[str, Any]:
        """How it stands, once it is over, that long has passed or there is no more waiting. Raises Problem (404)."""
        admitted = await self.gate.admits(actor, None, request_id, _VIEW)
        if isinstance(admitted, Told):
            raise Problem(HTTPStatus.NOT_FOUND, UNKNOWN_ID, admitted.sentence)
        if admitted.request.actor_id != actor.user_id:
            own = admitted.rule == OWN_REQUEST
            projects = [admitted.project]
            self.store.note([read_entry(actor.user_id, "view", projects, admitted.place, admitted.request.id, own=own)])
        until = self.clock.monotonic() + wait_s
        while True:
            answer = await self._shown(admitted.request.id)
            left_s = until - self.clock.monotonic()
            if answer["outcome"] != "pending" or left_s <= 0 or not may_wait():
                return answer
            await self.clock.sleep(min(LOOKS_EVERY_S, left_s))

    async def _shown(self, request_id: str) -> dict[str, Any]:
        found = await self.store.request(request_id)
        if found is None:
            raise Problem(HTTPStatus.NOT_FOUND, UNKNOWN_ID, f"Request {request_id} is kept no more.")
        return answer_of(*found, self.link(found[0]))


def delivery_id(actor: Actor, key: str) -> str:
    """Of one length, and the same for the same key of the same token."""
    return f"api:{actor.user_id}:{hashlib.sha256(key.encode('utf-8', 'surrogateescape')).hexdigest()}"
