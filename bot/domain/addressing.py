"""Whether a message that names the bot is an order to it, or talk about it. This is decided here and nowhere else.

An order begins the message or one of its lines, after at most a greeting or an address. Lines that are quoted or stand
in a code fence never are: they show what somebody else wrote, or what could be written.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from bot.domain.normalise import visible

_ADDRESS = r"<(?:@[^<>]*|![^<>]*)>"
_GREETING = (
    r"(?:(?:hi|hiya|hello|hey|heya|hallo|yo|good (?:morning|day|evening)|morning)"
    r"(?: (?:there|all|team|folks|everyone|bot))?"
    r"|dear|ok|okay|thanks|thank you|thx|cheers|please|pls|plz|@here|@channel|:[a-z0-9_+-]+:)"
)
_BEFORE_THE_NAME = re.compile(rf"[\s*_]*(?:(?:{_ADDRESS}|{_GREETING}(?![\w'’]))[\s,;:!.…*_–—-]*)*", re.IGNORECASE)
"""What is struck through is no order any more."""
_BETWEEN_TWO_NAMES = re.compile(r"[\s,;:!.…*_~–—-]*")
_AFTER_THE_NAME = re.compile(r"[*_~]*(?:[\s,;:!.…–—-]+|$)")
_LIST_MARK = re.compile(r"(?:[•◦▪‣*–-]|\d{1,2}[.)])\s+")
_NAMES = re.compile(r"(?=\S*[\d_=-])\S+(?:\s+(?=\S*[\d_=-])\S+)*|[^\s!?.]+")
"""One word, or words that all look like names or options: with a digit, a dash, an underscore or an equals sign."""
_PLEASANTRIES = frozenset(("thanks", "thx", "please", "cheers", "asap", "now", "ty", "pls", "ta", "danke"))


@dataclass(frozen=True, slots=True)
class Order:
    """What is ordered: the rest of the line, with the list below it where there is one."""

    text: str


@dataclass(frozen=True, slots=True)
class Talk:
    """The bot is named, and nobody ordered anything. `text` is what stands behind the name."""

    text: str


@dataclass(frozen=True, slots=True)
class SeveralOrders:
    """More than one line is an order; a message is one request."""


Mentioned = Order | Talk | SeveralOrders


def read_mention(message: str, bot_id: str) -> Mentioned:
    """Read a message as Slack delivers it. `bot_id` is the bot's own user id."""
    text = visible(message)
    name = re.compile(rf"<@{re.escape(bot_id)}(?:\|[^<>]*)?>")
    lines = text.split("\n")
    said = _said(lines)
    rests = [(number, _order_in(lines[number], name)) for number in sorted(said)]
    orders = [(number, rest) for number, rest in rests if rest is not None]
    orders = [(number, rest) for number, rest in orders if rest] or orders[:1]
    if len(orders) > 1:
        return SeveralOrders()
    if orders:
        number, rest = orders[0]
        below = itertools.takewhile(lambda line: not name.search(line), lines[number + 1 :])
        return Order(_with_what_is_below(rest, list(below)))
    before, *others = name.split(text)
    behind = others[-1] if others else ""
    return Talk(_after_name(behind) or before.strip())


def _order_in(line: str, name: re.Pattern[str]) -> str | None:
    """What stands behind the bot's name where that begins the line, be it said once or twice."""
    line = line.strip()
    while len(line) > 2 and line[0] == line[-1] and line[0] in "*_":
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
    """The lines in which the author speaks: none that is quoted, or that begins within a code fence."""
    said: set[int] = set()
    fenced = False
    for number, line in enumerate(lines):
        if not fenced and _unescaped(line).startswith(">>>"):
            break  # quotes everything below it too
        if not fenced and not _unescaped(line).startswith((">", "```")):
            said.add(number)
        fenced ^= line.count("```") % 2 == 1
    return said


def _unescaped(line: str) -> str:
    return line.replace("&gt;", ">").lstrip(" \t*_~")


def _with_what_is_below(order: str, below: list[str]) -> str:
    """An order goes on below its line where that ends in a comma or opens a code fence, where the name stands alone,
    and where a list of names or options follows. What is said after it is talk again.
    """
    kept = [order]
    if not order:
        below = below[next((at for at, line in enumerate(below) if line.strip()), len(below)) :]
        kept, below = [line for line in below[:1] if not _unescaped(line).startswith(">")], below[1:]
    open_fence = sum(line.count("```") for line in kept) % 2 == 1
    for line in below:
        if not line.strip() and not open_fence:
            continue
        goes_on = kept and kept[-1].rstrip().endswith((",", "，", "、"))
        if not (open_fence or goes_on or (kept and _is_list(line))):
            break
        open_fence ^= line.count("```") % 2 == 1
        kept.append(line)
    return "\n".join(kept).strip()


def _is_list(line: str) -> bool:
    """An item of a list, or names and options alone. Words of a sentence are neither."""
    bare = _LIST_MARK.sub("", line.strip(), count=1)
    return bool(_NAMES.fullmatch(bare)) and bare.casefold() not in _PLEASANTRIES
