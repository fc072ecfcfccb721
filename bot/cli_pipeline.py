"""`snapshot-bot request`: a pipeline asks a running bot over HTTP, and learns by the exit code how it ended."""

from __future__ import annotations

import argparse
import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel

from bot.cli import BAD_USE, DONE, FAILED, complain, say
from bot.clock import SystemClock
from bot.domain.errors import CommandError
from bot.domain.granting import duration_of
from bot.domain.hosts import is_loopback
from bot.domain.options import OPTIONS
from bot.ports.clock import Clock

STILL_RUNNING, NOT_REACHED = 3, 4
RECORDED_WITHIN_S = 60.0
"""How long it is tried to have the request recorded; what was recorded is waited for as long as `--timeout` says."""

LOOK_S = 30.0
"""One look waits so long for the end, in the bot."""

LOOKS_APART_S = 1.0
PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0)
_AGAIN = frozenset({500, 502, 503, 504})
_BAD_USE = frozenset({"invalid", "unreadable", "no-idempotency-key", "no-channel", "no-such-path"})
_RUNS = ("CI_JOB_URL", "BUILD_URL", "CIRCLE_BUILD_URL", "BUILDKITE_BUILD_URL")
"""Where GitLab, Jenkins, CircleCI and Buildkite say which run this is. GitHub says it in three parts."""


class NotReached(Exception):
    """No answer of a bot came in time; its text says why."""


@dataclass(frozen=True, slots=True)
class Refusal(Exception):
    """The answer was no."""

    rule: str
    sentence: str

    @property
    def code(self) -> int:
        return BAD_USE if self.rule in _BAD_USE else FAILED


async def request(options: argparse.Namespace) -> int:
    """Raises CommandError for what can't be sent."""
    url, token = _address(os.environ.get("BOT_URL", "")), os.environ.get("BOT_TOKEN", "").strip()
    if not token:
        raise CommandError("BOT_TOKEN is not set. It holds the token that stands under [tokens] in bot.toml.")
    within_s = _read(duration_of, options.timeout).total_seconds()
    body = body_of(options, os.environ)
    key = options.key or str(uuid.uuid4())
    for name, value in (("BOT_TOKEN", token), ("--key", key)):
        if not (value.isascii() and value.isprintable()):
            raise CommandError(f"{name} holds what no header may: only plain letters, digits and signs go there.")
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    loopback = is_loopback(urlsplit(url).hostname or "")
    timeout = httpx.Timeout(LOOK_S + 15.0, connect=5.0)
    try:
        async with _client(base_url=url, headers=headers, timeout=timeout, trust_env=not loopback) as bot:
            clock = SystemClock()
            return await Asking(bot, options, clock, clock.monotonic() + within_s).carried_out(body)
    except Refusal as refusal:
        complain(refusal.sentence)
        return refusal.code
    except NotReached as exc:
        complain(str(exc))
        return NOT_REACHED


@dataclass(frozen=True, slots=True)
class Asking:
    """One request, and the looks at it until `until`, on the monotonic clock."""

    bot: httpx.AsyncClient
    options: argparse.Namespace
    clock: Clock
    until: float

    async def carried_out(self, body: Mapping[str, Any]) -> int:
        within = min(self.until, self.clock.monotonic() + RECORDED_WITHIN_S)
        answer = await self._answer("POST", "/api/v1/requests", within, "Nothing may have been recorded", json=body)
        told = f" and told in {answer['channel']}" if answer["channel"] else ""
        self._say(f"{answer['id']} is recorded{told}.")
        if self.options.wait:
            answer = await self._ended(answer)
        if self.options.json:
            say(json.dumps(answer, ensure_ascii=False))
        return self._told(answer)

    async def _ended(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Looked at until it is over or the time is."""
        shown = ""
        lost = f"{answer['id']} is recorded, and how it stands is not known"
        while answer["outcome"] == "pending" and (left_s := self.until - self.clock.monotonic()) > 0:
            path = f"/api/v1/requests/{answer['id']}?wait={min(LOOK_S, left_s):.0f}"
            asked_at = self.clock.monotonic()
            answer = await self._answer("GET", path, self.until, lost)
            if answer["outcome"] == "pending":  # a bot where many wait answers at once
                await self.clock.sleep(min(max(0.0, asked_at + LOOKS_APART_S - self.clock.monotonic()), left_s))
            if (now := _progress(answer)) != shown and answer["outcome"] == "pending":
                self._say(shown := now)
        return answer

    async def _answer(self, method: str, path: str, until: float, lost: str, **sent: Any) -> dict[str, Any]:
        """Tried again with the same key while no bot answers. Raises Refusal, or NotReached once the time is over."""
        tries = 0
        while True:
            try:
                response = await self.bot.request(method, path, **sent)
                if response.status_code not in _AGAIN:
                    return _read_answer(response)
                why = f"HTTP {response.status_code}"
            except (httpx.HTTPError, ValueError) as exc:
                why = type(exc).__name__
            pause_s = PAUSES_S[min(tries, len(PAUSES_S) - 1)]
            tries += 1
            if self.clock.monotonic() + pause_s > until:
                raise NotReached(f"No bot answers at {self.bot.base_url.copy_with(path='/')} ({why}). {lost}.")
            await self.clock.sleep(pause_s)

    def _told(self, answer: Mapping[str, Any]) -> int:
        if answer["outcome"] == "refused":
            complain(answer["detail"] or f"Refused: {answer['rule']}.")
            return FAILED
        if not self.options.wait:
            return DONE
        for disk in answer["disks"]:
            end = disk["snapshot_id"] if disk["state"] == "available" else disk["cause"]
            self._say(f"{disk['disk_name'] or disk['disk_id']}  {disk['state']}  {end or ''}".rstrip())
        match answer["outcome"]:
            case "available":
                return DONE
            case "pending":
                complain(f"{answer['id']} is still running after {self.options.timeout}; it goes on.")
                return STILL_RUNNING
            case _:
                return FAILED

    def _say(self, line: str) -> None:
        """Beside `--json` nothing else stands on the standard output."""
        (complain if self.options.json else say)(line)


def body_of(options: argparse.Namespace, environ: Mapping[str, str]) -> dict[str, Any]:
    """Only what was given; the bot has the defaults. Raises CommandError."""
    given = {key: getattr(options, key, None) for key in ("project", "channel", "reason", "keep")}
    given["run_url"] = options.run_url or _run_url(environ)
    if options.verb == "create":
        given |= {key: getattr(options, key) for key in ("name", "description", "enterprise_project_id")}
        given |= {"disks": options.disks, "tags": _read(OPTIONS["tags"].read, options.tags) if options.tags else None}
        given |= {key: _yes_or_no(getattr(options, key)) for key in ("instant_access", "incremental")}
    else:
        given |= {key: getattr(options, key) for key in ("server", "server_id", "tag")}
        given |= {"disks": _read(str, options.disks).split(",") if options.disks else None}
        given |= {"confirm": True if options.confirm else None}
    body = {"verb": options.verb, **{key: value for key, value in given.items() if value is not None}}
    try:
        json.dumps(body, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise CommandError("What was typed is not all text in UTF-8.") from None
    return body


def _run_url(environ: Mapping[str, str]) -> str | None:
    """The page of the run that this is a step of, as its service says it."""
    server, repository, run = (environ.get(f"GITHUB_{part}", "") for part in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    github = f"{server}/{repository}/actions/runs/{run}" if server and repository and run else ""
    found = github or next((environ[name] for name in _RUNS if environ.get(name)), "")
    return found if found.startswith("https://") else None


def _client(**given: Any) -> httpx.AsyncClient:
    try:
        return httpx.AsyncClient(**given)
    except ValueError as problem:  # of a proxy in the environment, or a certificate
        raise CommandError(f"The environment names a proxy that can't be used: {problem}.") from None


def _address(url: str) -> str:
    try:
        parts = urlsplit(url.strip())
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one or parts.query or parts.fragment:
        raise CommandError("BOT_URL is not set to an address. It is that of the bot's entry, as https://bot.example.")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise CommandError("BOT_URL is http:// to another machine, which would show the token to all. Use https://.")
    return url.strip().rstrip("/")


class _Disk(BaseModel):
    disk_id: str
    disk_name: str
    state: str
    snapshot_id: str | None
    cause: str


class _Answer(BaseModel):
    """Of a bot's answer what is read here; a later bot's may have more."""

    id: str
    outcome: Literal["pending", "available", "failed", "refused"]
    state: str
    channel: str
    detail: str
    rule: str
    disks: list[_Disk]


class _Field(BaseModel):
    field: str
    detail: str


class _Problem(BaseModel):
    rule: str
    detail: str
    errors: list[_Field] = []


def _read_answer(response: httpx.Response) -> dict[str, Any]:
    """Raises Refusal; ValueError for what is none of a bot's answers."""
    answer: dict[str, Any] = response.json()
    if response.is_success:
        _Answer.model_validate(answer)
        return answer
    problem = _Problem.model_validate(answer)
    errors = "".join(f"\n  {one.field}: {one.detail}" for one in problem.errors)
    raise Refusal(problem.rule, f"{problem.detail}{errors}")


def _progress(answer: Mapping[str, Any]) -> str:
    disks = answer["disks"]
    if not disks:
        return ": ".join(filter(None, (answer["state"], answer["detail"])))
    done = sum(disk["state"] == "available" for disk in disks)
    return f"{answer['state']}: {done} of {len(disks)} disks available"


def _yes_or_no(text: str | None) -> bool | None:
    return None if text is None else _read(OPTIONS["confirm"].read, text)


def _read(read: Any, text: str) -> Any:
    try:
        return read(text)
    except ValueError as problem:
        raise CommandError(str(problem)) from None
