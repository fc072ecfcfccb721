"""From the text Slack delivers to the words a person typed: entities undone, dress taken off, quotes honoured."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.domain.errors import CommandError
from bot.domain.normalise import plain, visible
from bot.domain.sentences import quoted, without_mentions

_ENTITY = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")


def plain_text(text: str) -> str:
    """Undo `should_escape`: mentions, channels and links become the words a person typed, `&amp;` becomes `&`. What
    cannot be seen is dropped.

    Source: Slack, Implementing slash commands (escaping); Formatting message text.
    """
    return _unescaped(text, _typed_word)


def subject_text(text: str) -> str:
    """The same, with whatever is mentioned by its id: `<@U1|bob>` is `user:U1`, `<!subteam^S1|@oncall>` `group:S1`,
    `<#C1|inc-42>` `channel:C1`.
    """

    def word(kind: str, target: str, label: str) -> str:
        if kind == "@":
            return f"user:{target}"
        if kind == "#":
            return f"channel:{target}"
        if kind == "!":
            group = target.removeprefix("subteam^")
            return target if group == target else f"group:{group}"
        return _typed_word(kind, target, label)

    return _unescaped(text, word)


def _typed_word(kind: str, target: str, label: str) -> str:
    if kind in ("@", "#"):
        return kind + (label or target)
    if kind == "!":
        return label or f"@{target}"
    return label or target


def _unescaped(text: str, word: Callable[[str, str, str], str]) -> str:
    undone = _ENTITY.sub(lambda found: word(found[1], found[2], found[3] or ""), visible(without_mentions(text)))
    return visible(undone.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


# --- what stands around an order --------------------------------------------------------------------------------------

_BEFORE = re.compile(r"(?:>+\s*|[•◦▪‣*–—-]\s+|\d{1,2}[.)]\s+)+")
_AROUND = ("```", "`", "*", "_")
_STRUCK = re.compile(r"(?<![\w~])~(?=[^\s~])[^~\n]*(?<=[^\s~])~(?![\w~])")
_ASKING = "?؟‽՞፧"
_AFTER_A_QUESTION = "`*_~()[]{}<>.!…"


def order_text(text: str, command: str) -> str:
    """An order without what is only its dress: a quote or list mark before it, a code fence, bold or italic around it,
    and the name of the command itself, which people copy along. Strike is no dress: it takes back.
    """
    bare, before = text.strip(), ""
    while bare != before:
        before = bare
        bare = _BEFORE.sub("", bare, count=1).strip() if _BEFORE.match(bare) else bare
        for mark in _AROUND:
            if len(bare) > 2 * len(mark) and bare.startswith(mark) and bare.endswith(mark):
                bare = bare[len(mark) : -len(mark)].strip()
        first, _, rest = bare.partition(" ")
        if first.strip("`*_~").casefold() == command:
            bare = rest.strip()
    return bare


def verb_in(word: str) -> str:
    """The first word of an order as a verb: without case, formatting, brackets, and the comma or colon after it. A
    question mark stays: `unbind?` orders nothing.
    """
    return plain(word).strip("`*_~ ()[]<>【】").rstrip(",:").casefold()


def struck_out(text: str) -> str:
    """The first part of an order that is struck through, outside of quotes; empty where there is none."""
    found = _STRUCK.search(outside_quotes(text)) if "~" in text else None
    return found[0].strip("~") if found else ""


def asks(word: str) -> bool:
    """Whether a word ends in a question mark of any script, be there formatting or an exclamation mark behind it."""
    return plain(word).rstrip(_AFTER_A_QUESTION)[-1:] in tuple(_ASKING)


def unasked(word: str) -> str:
    """The word without its question mark."""
    return plain(word).rstrip(_AFTER_A_QUESTION + _ASKING) if asks(word) else word


# --- words ------------------------------------------------------------------------------------------------------------

DOUBLE_QUOTES = frozenset('"“”„‟«»＂')
SINGLE_QUOTES = frozenset("'‘’‚‛")
_QUOTES = DOUBLE_QUOTES | SINGLE_QUOTES
_QUOTE = re.compile(f"[{''.join(_QUOTES)}]")
_UNQUOTED = re.compile(rf"[^\s{''.join(_QUOTES)}]+(?!\S)")
_LETTERS = re.compile(rf".[^\s{''.join(_QUOTES)}]*", re.DOTALL)
"""A letter, whatever it is, with those behind it that are neither space nor quote."""
_ENDS = {quotes: re.compile(rf"[{''.join(quotes)}](?=[\s,:，：]|\Z)") for quotes in (DOUBLE_QUOTES, SINGLE_QUOTES)}
"""By the kind of quote that opens a value: one of its kind that no letter follows, so don't is safe within."""


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    quoted: bool
    """It began with a quote, so an equals sign in it is a letter like any other."""
    held: frozenset[int] = field(default=frozenset(), compare=False)
    """Where commas stand in it that were between quotes: they part nothing."""

    @property
    def entries(self) -> list[str]:
        """The parts between commas, without empty ones."""
        return self.entries_from(0)

    def entries_from(self, start: int) -> list[str]:
        if "," not in self.text:
            whole = self.text[start:].strip()
            return [whole] if whole else []
        ends = [at for at in range(start, len(self.text)) if self.text[at] == "," and at not in self.held]
        starts = [start, *(at + 1 for at in ends)]
        parts = [self.text[one:end].strip() for one, end in zip(starts, [*ends, len(self.text)], strict=True)]
        return list(dict.fromkeys(filter(None, parts)))

    def joined_with(self, other: Word) -> Word:
        """Both as one word."""
        shifted = {at + len(self.text) for at in other.held}
        return Word(self.text + other.text, self.quoted, self.held | shifted)


def words_of(text: str) -> list[Word]:
    """Split as a shell does; curly quotes count as straight ones, and the apostrophe in don't stands."""
    found = _QUOTE.search(text)
    at = found.start() if found else len(text)
    while found and at and not text[at - 1].isspace():  # back to the beginning of its word
        at -= 1
    words = [Word(word, quoted=False) for word in text[:at].split()]
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        if unquoted := _UNQUOTED.match(text, at):
            words.append(Word(unquoted[0], quoted=False))
            at = unquoted.end()
            continue
        word, at = _word_at(text, at)
        words.append(word)
    return words


def outside_quotes(text: str) -> str:
    """The text, as long as it was, with the letter x for whatever stands in quotes and for the quotes."""
    at = 0
    shown: list[str] = []
    while at < len(text):
        if text[at].isspace():
            shown.append(text[at])
            at += 1
            continue
        start = at
        while at < len(text) and not text[at].isspace():
            quotes = _quotes_opening(text, start, at)
            end = _closing(text, at, quotes) if quotes else None
            shown.append(text[at] if end is None else "x" * (end + 1 - at))
            at = at + 1 if end is None else end + 1
    return "".join(shown)


def _word_at(text: str, start: int) -> tuple[Word, int]:
    letters: list[str] = []
    held: set[int] = set()
    at = start
    while at < len(text) and not text[at].isspace():
        quotes = _quotes_opening(text, start, at)
        if not quotes:
            found = _LETTERS.match(text, at)
            assert found
            letters.append(found[0])
            at = found.end()
            continue
        end = _closing(text, at, quotes)
        if end is None:
            shown = quoted(text[at : at + 20])
            raise CommandError(f"The quote that opens {shown} is never closed. Close it, or leave it out.")
        inside = text[at + 1 : end]
        if "," in inside:
            begins = sum(map(len, letters))
            held |= {begins + found for found, letter in enumerate(inside) if letter == ","}
        letters.append(inside)
        at = end + 1
    quoted_word = bool(_quotes_opening(text, start, start))
    return Word("".join(letters), quoted_word, frozenset(held)), at


def _quotes_opening(text: str, start: int, at: int) -> frozenset[str]:
    """A quote opens a word, a value after `=`, or one entry of a list after a comma; elsewhere it is a letter."""
    if text[at] not in _QUOTES or (at != start and text[at - 1] not in "=,:＝，："):
        return frozenset()
    return DOUBLE_QUOTES if text[at] in DOUBLE_QUOTES else SINGLE_QUOTES


def _closing(text: str, opening: int, quotes: frozenset[str]) -> int | None:
    """Where the quote stands that ends the value."""
    found = _ENDS[quotes].search(text, opening + 1)
    return found.start() if found else None


# --- words that mean nothing ------------------------------------------------------------------------------------------

_FILLERS = (
    "a an the my our your this that these those following it its is are was be me us of to up down from at by with",
    "latest last new recent named called disk disks volume volumes snapshot snapshots snap backup backups copy create",
    "on in host server vm ecs instance machine both channel",
)
FILLERS = frozenset(word + end for words in _FILLERS for word in words.split() for end in ("", ":"))
"""Words of a sentence around a name, which mean nothing to the bot."""
COURTESIES = frozenset(("please", "pls", "plz", "now", "thanks", "thx", "asap", "kindly", "just", "cheers"))
EVERYTHING = frozenset(("all", "everything", "*", "every", "each"))


def like_a_name(word: str) -> bool:
    """Disks and servers are seldom called by a plain word of a sentence."""
    return any(letter.isdigit() or letter in "_-" for letter in word)
