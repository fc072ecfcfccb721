"""Whether a message that names the bot is an order to it, or talk about it. This is decided here and nowhere else.

An order begins the message or one of its lines, after at most a greeting or an address. Lines that are quoted, that
were copied from a conversation or stand in a code fence never are: they show the words of another person, or what could
be written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.domain.normalise import visible
from bot.domain.parsing.below import parted, unescaped
from bot.domain.parsing.greetings import ADDRESS, GREETING
from bot.domain.parsing.words import DOUBLE_QUOTES, SINGLE_QUOTES

_BETWEEN = r"[\s,;:!.…*_–—，、！。：،-]*"
_BEFORE_THE_NAME = re.compile(rf"(?:[*_]+(?!\s))?(?:(?:{ADDRESS}|{GREETING}(?![\w'’])){_BETWEEN})*", re.IGNORECASE)
"""Text struck through is no order any more; a star or a dash with a space behind it marks the item of a list."""
_BETWEEN_TWO_NAMES = re.compile(r"[\s,;:!.…*_~–—-]*")
_AFTER_THE_NAME = re.compile(r"[*_~]*(?:(?:(?!:[\w+'-]+:)(?:[\s,;:!.…，、：]|[–—-]+(?=\s)))+|$)")
_QUOTING = (">", "&gt;", "&lt;", "(", "[", "{", "（", "【", "「", "『", "《", *DOUBLE_QUOTES, *SINGLE_QUOTES)

_TIME = r"\d{1,2}[:.]\d{2}(?::\d{2})?"
_SPEAKER = (
    r"@?\w[\w.'’-]*(?: \(?\w[\w.'’-]*\)?){0,3}?(?<! at)(?<! by)(?<! from)(?<! until)(?<! around)(?<! before)(?<! after)"
)
_COPIED = re.compile(
    rf"\s*(?:{_SPEAKER}[:,]?\s+(?:(?:today|yesterday)(?: at)? )?(?:{_TIME}\s*[ap]\.?m\.?|\[{_TIME}(?:\s*[ap]m)?\])"
    rf"|{_SPEAKER}\s{{2,}}{_TIME}|\[{_TIME}(?:\s*[ap]m)?\]\s*{_SPEAKER}:?)\s*",
    re.IGNORECASE,
)
"""The line that Slack puts above a person's words, as it is copied: `bob  3:12 AM`."""


@dataclass(frozen=True, slots=True)
class Order:
    """An order: the rest of the line, with what belongs to it below. `below` are the other lines there."""

    text: str
    below: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Talk:
    """The bot is named, and nothing is ordered. `text` is what stands behind the name."""

    text: str


@dataclass(frozen=True, slots=True)
class Quotation:
    """The words behind the name stand in quotes or brackets, so they are shown rather than said."""

    text: str


@dataclass(frozen=True, slots=True)
class SeveralOrders:
    """More than one line is an order; a message is one request."""


Mentioned = Order | Talk | Quotation | SeveralOrders


def read_mention(message: str, bot_id: str) -> Mentioned:
    """Read a message as Slack delivers it. `bot_id` is the bot's own user id."""
    text = visible(message)
    name = re.compile(rf"<@{re.escape(bot_id)}(?:\|[^<>]*)?>")
    lines = text.split("\n")
    rests = [(number, _order_in(lines[number], name)) for number in sorted(_said(lines))]
    orders = [(number, rest) for number, rest in rests if rest is not None]
    orders = [(number, rest) for number, rest in orders if rest] or orders[:1]
    if len(orders) > 1:
        return SeveralOrders()
    if orders:
        number, rest = orders[0]
        ordered, below = parted(rest, [name.sub("", line) for line in lines[number + 1 :]])
        return Quotation(ordered) if ordered.startswith(_QUOTING) else Order(ordered, below)
    before, *others = name.split(text)
    behind = others[-1] if others else ""
    return Talk(_after_name(behind) or before.strip())


def _order_in(line: str, name: re.Pattern[str]) -> str | None:
    """The text behind the bot's name where that begins the line, be it said once or twice."""
    line = line.strip()
    while len(line) > 2 and line[0] == line[-1] and line[0] in "*_" and not line[1].isspace():
        line = line[1:-1]  # the whole line is bold or italic
    end = 0
    for found in name.finditer(line):
        between = _BETWEEN_TWO_NAMES if end else _BEFORE_THE_NAME
        if not between.fullmatch(line, end, found.start()):
            break
        end = found.end()
    return _after_name(line[end:]) if end else None


def _after_name(rest: str) -> str:
    found = _AFTER_THE_NAME.match(rest)
    return rest[found.end() if found else 0 :].strip()


def _said(lines: list[str]) -> set[int]:
    """The lines in which the author speaks: none that is quoted or copied, or that begins within a code fence."""
    said: set[int] = set()
    fenced = copied = False
    for number, line in enumerate(lines):
        if not fenced and unescaped(line).startswith(">>>"):
            break  # quotes everything below it too
        copied = bool(line.strip()) and (copied or _COPIED.fullmatch(line) is not None)
        if not fenced and not copied and not unescaped(line).startswith((">", "```")):
            said.add(number)
        fenced ^= line.count("```") % 2 == 1
    return said
