"""Ids of requests, jobs and snapshots as people type them."""

from __future__ import annotations

import re

from bot.domain.errors import CommandError
from bot.domain.normalise import caseless, plain, unmarked_word
from bot.domain.parsing.words import COURTESIES, FILLERS, Word

ID = re.compile(r"r-[a-z0-9]{8}(?:-\w+)?|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}")
"""The shapes that ids have: of a request or an item, and the cloud's own."""
LIKE_AN_ID = re.compile(rf"r-[\w-]+|{ID.pattern}")
"""The same, or what is hardly anything else: whether there is such a one is not for who reads the words to say."""

_AROUND_AN_ID = FILLERS | COURTESIES | {"request", "job", "id"}


def read_id(word: Word) -> str:
    """Ids count without case, in the code span in which I show them, and with what people write before them."""
    return re.sub(r"^(?:#|(?:id|request)[=:])", "", caseless(unmarked_word(plain(word.text)))).rstrip(",:")


def read_request_id(words: list[Word], verb: str, rest: str = "") -> str:
    if len(words) == 1:
        return read_id(words[0])
    ids = list(dict.fromkeys(id_ for word in words if re.search("[0-9]", id_ := read_id(word))))
    others = [word for word in words if read_id(word) not in ids and not around_an_id(word)]
    one = ids[0] if len(ids) == 1 and not others else "ID"
    raise CommandError(f"Say which one request, and nothing else: `{verb} {one}{rest}`. Nothing was changed.")


def around_an_id(word: Word) -> bool:
    """Whether it is a word of a sentence around an id, which means nothing."""
    return caseless(word.text) in _AROUND_AN_ID
