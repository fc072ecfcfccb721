"""Every configured project behind one connection pool."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import httpx

from bot.domain.projects import AccessKeyCredentials, AgencyCredentials, Credentials, PasswordCredentials, Project
from bot.evs.auth import AgencyAuth, KeyAuth, TokenAuth
from bot.evs.call_turns import PEOPLE
from bot.evs.calls import ProjectCalls
from bot.evs.client import EvsClient
from bot.evs.credential_breaker import CredentialBreaker
from bot.evs.metadata import AgencyKeys
from bot.evs.probes import Probes
from bot.evs.signing import Keys
from bot.evs.transport import Answered, Transport
from bot.ports.clock import Clock
from bot.ports.meters import Called, uncounted

DEADLINE_S = 30.0

CALLS_AT_ONCE = 10
"""Of a project: eight of one person's jobs, and two that those leave to others."""


class HttpCloud:
    """Implements `bot.ports.cloud.Cloud`. Makes no call until a project's client is used."""

    def __init__(
        self,
        projects: Mapping[str, Project],
        credentials: Mapping[str, Credentials],
        clock: Clock,
        *,
        former: Mapping[str, str] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        concurrency: int = CALLS_AT_ONCE,
        deadline_s: float = DEADLINE_S,
        answered: Answered = lambda host, date: None,
        called: Called = uncounted,
    ) -> None:
        """`projects` by alias, `credentials` by name, `former` aliases by which what still runs knows its project, with
        the one it has now. `concurrency`: calls at a time for each project.

        `deadline_s` bounds each call in seconds, everything it waits for included. `answered` hears the host and the
        Date of each answer, `called` how each call ended. Raises KeyError for a project whose credentials are not among
        those given.
        """
        self._clock = clock
        self._credentials = credentials
        self._breakers = {name: CredentialBreaker(name, clock) for name in credentials}
        metadata = [one.metadata_url for one in credentials.values() if isinstance(one, AgencyCredentials)]
        endpoints = [url for one in projects.values() for url in (one.evs_endpoint, one.ecs_endpoint, one.iam_endpoint)]
        # Each project's calls at a time fit into the pool, so that one whose calls hang keeps no other waiting.
        connections = concurrency * max(len(projects), 1)
        self._transport = Transport(
            endpoints, metadata, transport, connections=connections, answered=answered, called=called
        )
        self._agencies = {
            name: AgencyKeys(one, self._breakers[name], self._transport, clock)
            for name, one in credentials.items()
            if isinstance(one, AgencyCredentials)
        }
        self._projects = dict(projects)
        self._former = dict(former or {})
        self._ways = {alias: self._calls(project, concurrency, deadline_s) for alias, project in projects.items()}
        self._clients = {alias: EvsClient(way) for alias, way in self._ways.items()}
        self._probes = {alias: Probes(way) for alias, way in self._ways.items()}

    def project(self, alias: str, whose: str = PEOPLE) -> EvsClient:
        """The client of one project, for a person who waits, or for the jobs of one. Raises KeyError for an alias that
        is not configured, and that no project had.
        """
        return self._clients[self._former.get(alias, alias)].on_behalf_of(whose)

    def probes(self, alias: str) -> Probes:
        """Questions that show which rights are open in a project. Raises KeyError as `project` does."""
        return self._probes[alias]

    def resting(self, alias: str) -> datetime | None:
        """Until when the project's credential rests after a refusal; None while it is in use."""
        return self._breakers[self._projects[alias].credentials].resting(alias)

    @property
    def failures(self) -> Mapping[str, int]:
        """How often no answer came, by cause."""
        return self._transport.outages.counts

    @property
    def throttled(self) -> int:
        """How often it asked for fewer calls."""
        return sum(way.throttled for way in self._ways.values())

    @property
    def throttled_s(self) -> float:
        """Seconds that calls waited because of that, all together."""
        return sum(way.waited_s for way in self._ways.values())

    @property
    def credentials_resting(self) -> int:
        """How many credentials rest, in one project at least."""
        return sum(breaker.rests for breaker in self._breakers.values())

    async def aclose(self) -> None:
        await self._transport.aclose()

    def _calls(self, project: Project, concurrency: int, deadline_s: float) -> ProjectCalls:
        return ProjectCalls(
            project,
            self._auth(project),
            self._breakers[project.credentials],
            self._transport,
            self._clock,
            concurrency=concurrency,
            deadline_s=deadline_s,
        )

    def _auth(self, project: Project) -> httpx.Auth:
        credentials = self._credentials[project.credentials]
        match credentials:
            case PasswordCredentials(name):
                return TokenAuth(credentials, project, self._breakers[name], self._transport, self._clock)
            case AccessKeyCredentials(_, access, secret, security_token):
                return KeyAuth(Keys(access, secret, security_token), project, self._clock)
            case AgencyCredentials(name):
                return AgencyAuth(self._agencies[name], project, self._clock)
