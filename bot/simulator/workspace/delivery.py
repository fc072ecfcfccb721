"""Bringing payloads to the app: over its Socket Mode connections, else to its request URL.

The 3 s for an acknowledgement are real seconds, whatever the workspace's clock says.
Source: docs.slack.dev, apis/events-api and interactivity/handling-user-interaction.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
import urllib.parse
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import aiohttp

from bot.simulator.workspace.sockets import SocketGone, Sockets
from bot.simulator.workspace.state import State

STALE_S = 3600
RETRY_DELAYS_S = (0.0, 60.0, 300.0)
ACKED, TIMED_OUT, FAILED = "acked", "operation_timeout", "dispatch_failed"


@dataclass
class Delivery:
    """One payload brought to the app once. `outcome` is acked, operation_timeout or dispatch_failed."""

    kind: str
    name: str
    to: str = "nowhere"
    outcome: str = FAILED
    reason: str = "connection_failed"
    ack: Any = None
    status: int | None = None
    latency_ms: float = 0.0
    retry: int = 0
    duplicate: bool = False
    no_retry: bool = False

    @property
    def ok(self) -> bool:
        return self.outcome == ACKED

    def facts(self) -> dict[str, Any]:
        return asdict(self)


class Deliverer:
    """Sends payloads and waits for their acknowledgements."""

    def __init__(self, state: State, sockets: Sockets) -> None:
        self.ack_seconds = 3.0
        self.retry_factor = 1.0
        self.request_url: str | None = None
        self._state = state
        self._sockets = sockets
        self._http: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        self._http = aiohttp.ClientSession(
            # A kept connection to an app that restarted would fail a delivery that can succeed.
            connector=aiohttp.TCPConnector(force_close=True)
        )

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def command(self, payload: dict[str, str]) -> Delivery:
        """A slash command: form fields, never retried."""
        return await self._deliver("slash_commands", payload["command"], payload, accepts_payload=True)

    async def interactive(self, payload: dict[str, Any], *, accepts_payload: bool = False) -> Delivery:
        """A click, a submission, a shortcut or an options request; never retried."""
        return await self._deliver("interactive", str(payload["type"]), payload, accepts_payload=accepts_payload)

    async def event(self, name: str, event: dict[str, Any], *, ext_shared: bool = False) -> Delivery | None:
        """An event, if the app subscribed to it. A first attempt that fails is retried in the background."""
        if not self._state.config.gets_event(name):
            return None
        payload = self._event_payload(event, ext_shared)
        first = await self._deliver("events_api", str(event["type"]), payload)
        if not first.ok and not first.no_retry:
            self._hold(self._retry_event(payload, first))
        return first

    async def verify_request_url(self) -> bool:
        """Ask the request URL for the url_verification challenge, as Slack does when the URL is saved."""
        if self.request_url is None or self._http is None:
            return False
        body = json.dumps({"type": "url_verification", "challenge": "sim-challenge", "token": "verification"}).encode()
        headers = {"Content-Type": "application/json", **self._signature(body)}
        try:
            async with self._http.post(self.request_url, data=body, headers=headers) as answer:
                return answer.status == 200 and "sim-challenge" in await answer.text()
        except (aiohttp.ClientError, OSError):
            return False

    async def _retry_event(self, payload: dict[str, Any], failed: Delivery) -> None:
        for number, delay in enumerate(RETRY_DELAYS_S, start=1):
            await asyncio.sleep(delay * self.retry_factor)
            retried = await self._deliver("events_api", failed.name, payload, retry=number, retry_reason=failed.reason)
            if retried.ok or retried.no_retry:
                return

    async def _deliver(
        self,
        kind: str,
        name: str,
        payload: Mapping[str, Any],
        *,
        accepts_payload: bool = False,
        retry: int = 0,
        retry_reason: str = "",
    ) -> Delivery:
        faults = self._state.faults.strike_delivery(kind, name)
        delivery = Delivery(kind, name, retry=retry)
        if "duplicate_delivery" in faults:
            copy = Delivery(kind, name, retry=retry, duplicate=True)
            self._hold(self._attempt(copy, payload, accepts_payload, retry_reason, []))
        await self._attempt(delivery, payload, accepts_payload, retry_reason, faults)
        return delivery

    async def _attempt(
        self,
        delivery: Delivery,
        payload: Mapping[str, Any],
        accepts_payload: bool,
        retry_reason: str,
        faults: list[str],
    ) -> None:
        started = time.monotonic()
        try:
            async with asyncio.timeout(self.ack_seconds):
                if self._sockets.count:
                    await self._by_socket(delivery, payload, accepts_payload, retry_reason)
                elif self.request_url is not None:
                    await self._by_http(delivery, payload, retry_reason, faults)
                if "lose_ack" in faults and delivery.ok:
                    await asyncio.sleep(self.ack_seconds)
        except TimeoutError:
            delivery.outcome, delivery.ack = TIMED_OUT, None
            delivery.reason = "timeout" if delivery.to.startswith("socket") else "http_timeout"
        except SocketGone:
            delivery.reason = "timeout"
        delivery.latency_ms = (time.monotonic() - started) * 1000
        self._state.journal.add("delivery", **delivery.facts(), payload=payload)

    async def _by_socket(
        self, delivery: Delivery, payload: Mapping[str, Any], accepts_payload: bool, retry_reason: str
    ) -> None:
        envelope: dict[str, Any] = {
            "type": delivery.kind,
            "payload": payload,
            "accepts_response_payload": accepts_payload,
        }
        if delivery.kind == "events_api":
            envelope |= {"retry_attempt": delivery.retry, "retry_reason": retry_reason}
        ack = await self._sockets.send(envelope, to=lambda name: setattr(delivery, "to", name))
        delivery.outcome, delivery.reason = ACKED, ""
        delivery.ack = ack.get("payload") if accepts_payload else None

    async def _by_http(
        self, delivery: Delivery, payload: Mapping[str, Any], retry_reason: str, faults: list[str]
    ) -> None:
        assert self._http is not None and self.request_url is not None
        delivery.to = "http"
        match delivery.kind:
            case "slash_commands":
                body, kind = urllib.parse.urlencode(payload).encode(), "application/x-www-form-urlencoded"
            case "interactive":
                fields = {"payload": json.dumps(payload)}
                body, kind = urllib.parse.urlencode(fields).encode(), "application/x-www-form-urlencoded"
            case _:
                body, kind = json.dumps(payload).encode(), "application/json"
        headers = {"Content-Type": kind, "User-Agent": "Slackbot 1.0 (simulated)", **self._signature(body, faults)}
        if delivery.retry:
            headers |= {"X-Slack-Retry-Num": str(delivery.retry), "X-Slack-Retry-Reason": retry_reason}
        try:
            async with self._http.post(self.request_url, data=body, headers=headers) as answer:
                delivery.status = answer.status
                text = await answer.text()
                delivery.no_retry = answer.headers.get("X-Slack-No-Retry") == "1"
                is_json = answer.content_type == "application/json"
        except (aiohttp.ClientError, OSError):
            return
        if not 200 <= delivery.status < 300:
            delivery.reason = "http_error"
            return
        delivery.outcome, delivery.reason = ACKED, ""
        delivery.ack = _body(text, is_json)

    def _signature(self, body: bytes, faults: Sequence[str] = ()) -> dict[str, str]:
        secret = "another secret" if "bad_signature" in faults else self._state.signing_secret
        age_s = STALE_S if "stale_signature" in faults else 0
        return sign(secret, str(int(time.time()) - age_s), body)

    def _event_payload(self, event: dict[str, Any], ext_shared: bool) -> dict[str, Any]:
        world = self._state.world
        number = len(self._state.journal.entries)
        return {
            **({"enterprise_id": world.enterprise_id} if world.enterprise_id else {}),
            "token": "legacyverificationtoken0",
            "team_id": world.team_id,
            "context_team_id": world.team_id,
            "context_enterprise_id": world.enterprise_id or None,
            "api_app_id": world.app.id,
            "event": event,
            "type": "event_callback",
            "event_id": f"Ev0SIM{number:04d}{time.monotonic_ns() % 10**9:09d}",
            "event_time": int(self._state.clock()),
            "authorizations": [
                {
                    "enterprise_id": world.enterprise_id or None,
                    "team_id": world.team_id,
                    "user_id": world.app.bot_user_id,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": ext_shared,
            "event_context": "4-eyJldCI6ImZha2UifQ",
        }

    def _hold(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def sign(secret: str, timestamp: str, body: bytes) -> dict[str, str]:
    """The v0 request signature. Source: docs.slack.dev, authentication/verifying-requests-from-slack."""
    digest = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={digest}"}


def _body(text: str, is_json: bool) -> Any:
    if not text:
        return None
    if is_json:
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text
