"""How log records are rendered: a fixed sentence, facts beside it, and no secret in either."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import math
import os
import re
import select
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from logging.handlers import QueueHandler, QueueListener
from queue import SimpleQueue
from typing import Any, Literal, Protocol, TextIO
from urllib.parse import quote

from bot.domain.terminal_text import harmless

HIDDEN = "[hidden]"

_LEAST = 8
"""Characters of a secret that is hidden wherever it stands. The settings refuse a shorter one; as a part of other words
it would tell more by its absence, and take the sense out of the log.
"""

MOST_WAITING = 10_000
"""Lines that wait to be written; what is more is dropped and counted, and the next line says how many."""

LAST_SECONDS = 0.5
LAST_LOOKS = 4
"""How long an ending process waits for lines to become fewer, and how often."""

_DROPPED = "lines of the log were dropped: nothing read them"

_STANDARD = frozenset({*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName"})
_SHORT_NAMES = {"warning": "warn", "critical": "fatal"}
_BARE_VALUE = re.compile(r'[^\s"=]+')

_SECRET_HEADERS = (
    r"x-auth-token|x-subject-token|x-security-token|x-metadata-token|x-slack-signature|(?:proxy-)?authorization|cookie"
)
_SECRET_HEADER = re.compile(_SECRET_HEADERS, re.IGNORECASE)
_SHAPES = (
    # Slack tokens: bot, user, app-level, and the rotating xoxe. and xoxe- kinds.
    re.compile(r"(?:xoxe\.)?xox[a-z]-[\w-]+|xapp-[\w-]+"),
    # The holder of one of these addresses may speak as the bot; JSON may have escaped their slashes.
    re.compile(r"(?:https?:\\?/\\?/)?hooks\.slack\.com[^\s\"'<>]*"),
    re.compile(r"https?:\\?/\\?/[^\s\"'<>]*/response\\?/[^\s\"'<>]*"),
    re.compile(r"wss?:\\?/\\?/[^\s\"'<>]+"),
    re.compile(r"(?<=Signature=)[0-9a-fA-F]+"),
)
_HEADER_VALUE = re.compile(
    rf"""(?P<name>(?:{_SECRET_HEADERS})\\?["']?\s*[:=,]\s*b?)"""
    r"""(?P<value>\\?"[^"]*"|\\?'[^']*'|[^\n]+)""",
    re.IGNORECASE,
)


_MARKS = ("xox", "xapp-", "hooks.slack.com", "//", "\\/", "signature", "token", "authorization", "cookie")
"""Text without any of these is nothing of all that: most of it is, and looking for it takes longer than a line."""


class Redactor:
    """Hides configured secrets, in each form they may be written in, and whatever is shaped like one."""

    def __init__(self, secrets: Iterable[str]) -> None:
        written = {form for secret in secrets if len(secret) >= _LEAST for form in _forms(secret)}
        # The longest first: a secret may begin with another.
        longest_first = sorted(written, key=len, reverse=True)
        self._configured = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def is_harmless(self, text: str) -> bool:
        """Whether nothing in it is hidden."""
        return not _marked(text) and not (self._configured and self._configured.search(text))

    def text(self, text: str) -> str:
        if self._configured:
            text = self._configured.sub(HIDDEN, text)
        if not _marked(text):
            return text
        for shape in _SHAPES:
            text = shape.sub(HIDDEN, text)
        return _HEADER_VALUE.sub(rf"\g<name>{HIDDEN}", text)

    def fact(self, value: object) -> Any:
        """A value for JSON: containers keep their form, anything unknown becomes text."""
        match value:
            case None | bool() | int():
                return value
            case float():
                return value if math.isfinite(value) else str(value)
            case Mapping():
                return {self.text(str(name)): self._named(str(name), inner) for name, inner in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self.fact(inner) for inner in value]
            case _:
                return self.text(str(value))

    def _named(self, name: str, value: object) -> Any:
        return HIDDEN if _SECRET_HEADER.fullmatch(name) else self.fact(value)


def _marked(text: str) -> bool:
    folded = text.casefold()
    return any(mark in folded for mark in _MARKS)


def _forms(secret: str) -> set[str]:
    return {secret, quote(secret), quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1]}


class _Formatter(logging.Formatter):
    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def sentence(self, record: logging.LogRecord) -> str:
        return self._redactor.text(record.getMessage())

    def facts(self, record: logging.LogRecord) -> dict[str, Any]:
        """The facts given as `extra`, redacted."""
        given = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        plain = all(isinstance(value, str | int) for value in given.values())
        if plain and self._redactor.is_harmless("\0".join([*given, *map(str, given.values())])):
            return given  # as nearly always: all of them are looked at together
        facts: dict[str, Any] = self._redactor.fact(given)
        return facts

    def trouble(self, record: logging.LogRecord) -> str:
        """The formatted exception and stack, redacted; empty without."""
        parts = [self.formatException(record.exc_info)] if record.exc_info and record.exc_info[0] else []
        parts += [self.formatStack(record.stack_info)] if record.stack_info else []
        return self._redactor.text("\n".join(parts))


class ConsoleFormatter(_Formatter):
    """`21:04:05 info  bot.evs  snapshot created  item=… project=…`, in UTC; a traceback follows, indented."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC)
        level = record.levelname.lower()
        message = harmless(self.sentence(record))
        head = f"{at:%H:%M:%S} {_SHORT_NAMES.get(level, level):<5} {record.name}  {message}"
        facts = " ".join(f"{harmless(name)}={_shown(value)}" for name, value in self.facts(record).items())
        trouble = [f"    {harmless(line)}" for line in self.trouble(record).splitlines()]
        return "\n".join([f"{head}  {facts}" if facts else head, *trouble])


class JsonFormatter(_Formatter):
    """One object a line: ts (UTC), level, logger, message, the facts, and exception where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        own = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self.sentence(record),
        }
        trouble = {"exception": text} if (text := self.trouble(record)) else {}
        taken = {*own, "exception"}
        facts = {f"{name}_" if name in taken else name: value for name, value in self.facts(record).items()}
        return json.dumps({**own, **facts, **trouble}).replace("\x7f", "\\u007f")


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return harmless(text if _BARE_VALUE.fullmatch(text) else json.dumps(value, ensure_ascii=False))


class _Stream(Protocol):
    @property
    def closed(self) -> bool: ...
    def write(self, text: str, /) -> Any: ...
    def flush(self) -> None: ...


class _Descriptor:
    """Writes past the buffer of Python's own stream, whose lock an ending process would wait for in vain where a write
    hangs.
    """

    closed = False

    def __init__(self, stream: TextIO) -> None:
        self._number = stream.fileno()
        self._encoding = stream.encoding

    def write(self, text: str) -> None:
        left = text.encode(self._encoding, "backslashreplace")
        while left:
            try:
                left = left[os.write(self._number, left) :]
            except BlockingIOError:  # another process that has it as well made it so
                select.select([], [self._number], [])

    def flush(self) -> None:
        """Nothing is kept."""


class _Handler(logging.StreamHandler[_Stream]):
    """Writes one record; one that cannot be rendered is told without its contents.

    Where nothing can be written at all, as to a full disk, the bot works on unheard.
    """

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        if self.stream.closed:
            return
        place = f"{record.name} line {record.lineno}"
        told = json.dumps({"level": "error", "message": "log record not written", "logger": place})
        with contextlib.suppress(OSError):
            self.stream.write(f"{told}\n")


class _Writer(QueueListener):
    """The thread that renders and writes."""

    def __init__(self, waiting: SimpleQueue[Any], handler: _Handler) -> None:
        super().__init__(waiting, handler)
        self._waiting = waiting
        handler.lock = None  # this thread alone uses it, and an ending process would wait for the lock

    def stop(self) -> None:
        """A write that hangs is left behind, with what waits for it."""
        if self._thread is None:
            return
        self.enqueue_sentinel()
        waiting = -1
        for _ in range(LAST_LOOKS):
            if waiting == (waiting := self._waiting.qsize()):
                break
            self._thread.join(LAST_SECONDS)


class _Behind(QueueHandler):
    """Hands records to a thread: what logs waits for no disk, and for no reader of a pipe."""

    def __init__(self, handler: _Handler) -> None:
        waiting: SimpleQueue[Any] = SimpleQueue()
        super().__init__(waiting)
        self._waiting = waiting
        self._dropped = 0
        self._writer = _Writer(waiting, handler)
        self._writer.start()

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """It stays in this process as it is."""
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        if self._waiting.qsize() >= MOST_WAITING:
            self._dropped += 1
            return
        if self._dropped:
            facts = {"name": __name__, "levelno": logging.WARNING, "levelname": "WARNING", "msg": _DROPPED}
            self._waiting.put(logging.makeLogRecord({**facts, "count": self._dropped}))
            self._dropped = 0
        self._waiting.put(record)

    def close(self) -> None:
        self._writer.stop()
        super().close()


class _OwnFirst(logging.Filter):
    """Other people's loggers are heard from WARNING on, at DEBUG level too from DEBUG on.

    By a filter and not by their levels, because Bolt gives each of its loggers the level of the root logger.
    """

    def __init__(self, level: int) -> None:
        super().__init__()
        self._others = logging.DEBUG if level <= logging.DEBUG else logging.WARNING

    def filter(self, record: logging.LogRecord) -> bool:
        match record.name.split(".")[0]:
            case "bot" | "__main__":
                return True
            case "httpcore" | "httpx":
                # Their DEBUG records hold headers; httpx tells a request in one INFO line.
                return record.levelno >= max(self._others, logging.INFO)
            case "asyncpg" if record.levelno <= logging.WARNING:
                return (
                    self._others <= logging.DEBUG
                )  # of a server that is away, each second: the bot says so once itself
            case "slack_bolt" if record.name.endswith("RequestVerification"):
                # It prints the signature and the whole body of whatever a stranger sends.
                return record.levelno >= logging.WARNING
            case _:
                return record.levelno >= self._others


def configure_logs(
    format: Literal["console", "json"],  # noqa: A002 - LOG_FORMAT is its name outside
    level: str,
    secrets: Iterable[str],
    stream: TextIO | None = None,
) -> None:
    """Render every record on `stream`, redacted; by default on stderr, from a thread. Called again, it replaces its
    earlier work.
    """
    redactor, root = Redactor(secrets), logging.getLogger()
    formatter = ConsoleFormatter(redactor) if format == "console" else JsonFormatter(redactor)
    for earlier in [known for known in root.handlers if isinstance(known, _Handler | _Behind)]:
        root.removeHandler(earlier)
        earlier.close()
    handler = _written_to(stream, formatter)
    root.setLevel(level)
    handler.addFilter(_OwnFirst(root.level))
    root.addHandler(handler)


def _written_to(stream: TextIO | None, formatter: logging.Formatter) -> logging.Handler:
    written: _Stream = stream or sys.stderr
    if stream is None:
        with contextlib.suppress(io.UnsupportedOperation):  # of a stream that stands in for it
            written = _Descriptor(sys.stderr)
    handler = _Handler(written)
    handler.setFormatter(formatter)
    return _Behind(handler) if isinstance(written, _Descriptor) else handler
