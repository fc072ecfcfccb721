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
from bot.api.ends import Ends
from bot.api.problems import KEY_USED, NO_CHANNEL, NO_KEY, UNKNOWN_ID, Problem, denied
from bot.domain.access import Chosen, Reach
from bot.domain.actors import Actor
from bot.domain.audit import read_entry
from bot.domain.orders import Order, Restore, as_typed
from bot.domain.projects import Project
from bot.domain.requests import Place, Request
from bot.domain.results import Accepted, Refused, Told
from bot.domain.roles import Action
from bot.domain.sentences import quoted
from bot.ports.audit import Audit
from bot.ports.clock import Clock
from bot.ports.grants import Bindings, Grants
from bot.ports.requests import Requests
from bot.workflow.gate import Gate, Verb
from bot.workflow.intake import ANSWERED, Delivery, Intake

log = logging.getLogger(__name__)

KEY_CHARACTERS = 200

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
    ends: Ends

    async def ask(
        self, actor: Actor, key: str, body: CreateBody | QuickBody, *, reworded: bool = False
    ) -> tuple[dict[str, Any], bool]:
        """Record it, once for each key; and whether it was recorded just now. `reworded`: the same may come in other
        words the next time. Raises Problem.
        """
        if not key or len(key) > KEY_CHARACTERS or not key.isprintable():
            raise Problem(
                HTTPStatus.BAD_REQUEST,
                NO_KEY,
                f"Send a header Idempotency-Key of 1 to {KEY_CHARACTERS} characters, the same for each try of one "
                "request: it is carried out once.",
            )
        delivery = delivery_id(actor, key)
        if first := await self.store.of_delivery(delivery):
            return await self._again(actor, first, body, reworded=reworded), False
        order = body.order()
        channel = body.channel or await self._channel(actor, order)
        log.info("program asked", extra={"actor": actor.user_id, "channel": channel, "delivery": delivery})
        place = Place(self.team_id, channel)
        asked = Delivery(delivery, actor.user_id, place, as_typed(order), run_url=body.run_url or "")
        match await self.intake.create(asked, order, mendable=True):
            case Refused(rule=rule) if rule == ANSWERED:
                raise _key_used("It asked for a request that is kept no more.")
            case Refused() as refused:
                raise denied(refused)
            case Accepted(request, repeated=True):
                return await self._again(actor, request, body, reworded=reworded), False
            case Accepted(request):
                return answer_of(request, (), ""), True

    async def _again(
        self, actor: Actor, first: Request, body: CreateBody | QuickBody, *, reworded: bool
    ) -> dict[str, Any]:
        """The request of this key, as far as the token may still see it. Whose words were forgotten is compared with
        none; a channel that is not named may be another one by now.
        """
        same = reworded or first.text in ("", as_typed(body.order()))
        if not same or body.channel not in (None, first.place.channel_id):
            raise _key_used(f"It asked for something else, which is request {first.id}.")
        admitted = await self.gate.admits(actor, None, first.id, _VIEW)
        if isinstance(admitted, Told):
            raise Problem(HTTPStatus.FORBIDDEN, UNKNOWN_ID, admitted.sentence)
        return await self._shown(first.id)

    async def _channel(self, actor: Actor, order: Order) -> str:
        """The channel of the project, where none is named."""
        grants, now = await self.store.grants_for(actor), self.clock.now()
        choice = Reach(actor, Action.CREATE, self.projects, "", grants, now).chosen(order.project, None)
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

    async def show(self, actor: Actor, request_id: str, wait_s: float) -> dict[str, Any]:
        """How it stands, once it is over, that long has passed or there is no more waiting. Raises Problem (404)."""
        admitted = await self.gate.admits(actor, None, request_id, _VIEW)
        if isinstance(admitted, Told) or isinstance(admitted.request.order, Restore):  # its disks are none of these
            raise Problem(HTTPStatus.NOT_FOUND, UNKNOWN_ID, _VIEW.unknown.format(quoted(request_id)))
        if admitted.request.actor_id != actor.user_id:
            read = read_entry(actor.user_id, "view", [admitted.project], admitted.place, admitted.request.id)
            self.store.note([read])
        with self.ends.watched(admitted.request.id, wait_s) as watch:
            answer = await self._shown(admitted.request.id)
            while answer["outcome"] == "pending" and await watch.another_look():
                answer = await self._shown(admitted.request.id)
            return answer

    async def _shown(self, request_id: str) -> dict[str, Any]:
        found = await self.store.request(request_id)
        if found is None:
            raise Problem(HTTPStatus.NOT_FOUND, UNKNOWN_ID, f"Request {request_id} is kept no more.")
        return answer_of(*found, self.link(found[0]))


def _key_used(how: str) -> Problem:
    detail = f"This Idempotency-Key was used before. {how} Take another key for another request."
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, KEY_USED, detail)


def delivery_id(actor: Actor, key: str) -> str:
    """Of one length, and the same for the same key of the same token."""
    return f"api:{actor.user_id}:{hashlib.sha256(key.encode('utf-8', 'surrogateescape')).hexdigest()}"
