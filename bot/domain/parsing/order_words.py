"""The words of one order: out of its quotes, past its courtesies, without its question mark."""

from __future__ import annotations

from collections.abc import Collection

from bot.domain.errors import CommandError
from bot.domain.parsing.arguments import option_of
from bot.domain.parsing.words import Word, asks, order_text, outside_quotes, struck_out, unasked, verb_in, words_of
from bot.domain.sentences import quoted

_COURTESIES = ("please", "pls", "plz")
SEVERAL_ORDERS = "That message holds several orders, and one message is one. Nothing was done; send them one by one."


def order_words(text: str, command: str, verbs: Collection[str]) -> tuple[list[Word], bool]:
    """The words of one order, without courtesies before it; and whether it ends in a question mark, which is left out.
    Raises CommandError for what is no single order, or one that was taken back.
    """
    words = words_of(text)
    if len(words) == 1 and words[0].quoted and " " in words[0].text:
        text = words[0].text  # the whole order stood in quotes
        words = words_of(text)
    if struck := struck_out(text):
        raise CommandError(f"Part of it is struck out: {quoted(struck)}. Nothing was done. Type it without that.")
    if _several(text, command, verbs):
        raise CommandError(SEVERAL_ORDERS)
    while len(words) > 1 and words[0].text.lower().strip(",") in _COURTESIES:
        words = words[1:]
    asked = _asked(text, words)
    plain_words = [_unasked(word) if at in asked else word for at, word in enumerate(words)]
    return [word for at, word in enumerate(plain_words) if word.text or at not in asked], bool(asked)


def _several(text: str, command: str, verbs: Collection[str]) -> bool:
    """Whether more than one line begins with a verb."""
    if "\n" not in text:
        return False
    lines = [order_text(line, command) for line in outside_quotes(text).split("\n")]
    return sum(verb_in(line.split(maxsplit=1)[0]) in verbs for line in lines if line) > 1


def _asked(text: str, words: list[Word]) -> set[int]:
    """Where the words stand that end in a question mark: names, ids, and whatever comes last."""
    if text.isascii() and "?" not in text:
        return set()
    shown = outside_quotes(text).split()[-len(words) :]
    last = len(words) - 1
    return {at for at, seen in enumerate(shown) if asks(seen) and (at == last or option_of(words[at]) is None)}


def _unasked(word: Word) -> Word:
    return Word(unasked(word.text), word.quoted, word.held)
