"""`restore ID [overwrite]` and `verify ID`: the way back from a snapshot that a person means."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace

from bot.domain.errors import CommandError
from bot.domain.normalise import caseless, plain
from bot.domain.options import OPTIONS_OF, read_reason, read_yes_or_no
from bot.domain.orders import Restore, Way, as_word
from bot.domain.parsing.arguments import Arguments, read_arguments, read_options, tried
from bot.domain.parsing.named_ids import LIKE_AN_ID, around_an_id, read_id
from bot.domain.parsing.words import Word, like_a_name
from bot.domain.sentences import listed, quoted

OVERWRITE = "overwrite"
_IN_PLACE = frozenset(("rollback", "roll-back", "in-place", "inplace", "overwriting", "replace", "in", "place", "back"))
"""Words that people say for it. It is never guessed: what it would destroy is written in no word but its own."""
_NEW = frozenset(("new", "disk", "disks", "copy", "copies", "clone", "new-disk", "new-disks", "into"))
_POINTS = frozenset(("point", "points"))
_OF_ONE_DISK = "For one disk, name its snapshot instead of the request: `restore-points` shows the ids of both."
_AGAINST = frozenset(("not", "no", "don't", "dont", "don’t", "never", "without"))


def read_way_back(verb: str, words: list[Word]) -> Restore:
    """`verb` is restore or verify."""
    if any(caseless(word.text) in _POINTS for word in words):
        raise CommandError("For the ids that there are: `restore-points`. Nothing was done.")
    plain_ids = [Word(id_, quoted=False) if LIKE_AN_ID.fullmatch(id_ := read_id(word)) else word for word in words]
    arguments = read_arguments(verb, plain_ids)
    overwrite = [word for word in arguments.bare if _is_overwrite(word)]
    named = [word for word in arguments.bare if word not in overwrite]
    entries = [Word(entry, word.quoted) for word in named for entry in word.entries]
    ids = list(dict.fromkeys(id_ for word in entries if LIKE_AN_ID.fullmatch(id_ := read_id(word))))
    others = [word for word in entries if read_id(word) not in ids]
    in_place = bool(overwrite)
    if arguments.late and all(caseless(word) == OVERWRITE for word in arguments.late):
        meant = _written(verb, ids, arguments, in_place=True)
        raise CommandError(f"`{OVERWRITE}` stands right behind the id: `{meant}`. Nothing was done.")
    if answer := next((option.value for option in arguments.options if option.key == OVERWRITE), None):
        wanted = bool(tried(read_yes_or_no, answer, []))
        meant = _written("restore" if wanted else verb, ids, arguments, in_place=wanted)
        raise CommandError(f"`{OVERWRITE}` is a word of its own, or left out: `{meant}`. Nothing was done.")
    if any(option.key in ("disk", "disks") for option in arguments.options):
        raise CommandError(f"{_OF_ONE_DISK} Nothing was done.")
    mended = replace(arguments, mend=lambda: _written(verb, ids, arguments, in_place=in_place))
    given, problems = read_options(mended, OPTIONS_OF[verb])
    reasons = [tried(read_reason, option.value, problems) for option in given.get("reason", ())]
    if problem := _which(verb, ids, others, arguments, in_place=in_place):
        problems.insert(0, problem)
    if verb == "verify" and in_place:
        problems.append(f"`{OVERWRITE}` belongs to `restore`: `{_written('restore', ids, arguments, in_place=True)}`.")
    if problems:
        raise CommandError(listed(problems, "Nothing was done."))
    way: Way = "verify" if verb == "verify" else "overwrite" if in_place else "new_disks"
    return Restore(of=ids[0], way=way, reason=reasons[0] if reasons else None)


def _which(verb: str, ids: Sequence[str], others: Sequence[Word], arguments: Arguments, *, in_place: bool) -> str:
    """The problem of the words that say what of; "" where they are one id."""
    said = [caseless(word.text) for word in others]
    strange = [word.text for word in others if not around_an_id(word) or caseless(word.text) in _NEW]
    if len(ids) > 1:
        return f"One id at a time, of a request (all of its disks) or of one snapshot: `{verb} {ids[0]}`."
    if not ids and [one for one in strange if caseless(one) not in _NEW | _IN_PLACE]:
        shown = quoted(strange[0])
        return f"{shown} is no id of a snapshot or a request. `restore-points` shows those that there are."
    if not ids:
        return f"Which one? `restore-points` shows the ids that there are; then `{verb} ID`."
    if not others:
        return ""
    meant = in_place or any(
        word in _IN_PLACE or difflib.get_close_matches(word, [OVERWRITE], cutoff=0.75) for word in said
    )
    meant = meant and verb == "restore" and not _AGAINST.intersection(said)
    told = f"Write the id and nothing else: `{_written(verb, ids, arguments, in_place=meant)}`."
    one_disk = not meant and bool(strange) and all(map(like_a_name, strange))
    return f"{told} {_OF_ONE_DISK}" if one_disk else told


def _written(verb: str, ids: Sequence[str], arguments: Arguments, *, in_place: bool) -> str:
    late = [word for word in arguments.late if caseless(word) != OVERWRITE]
    said = next((option.value for option in arguments.options if option.key == "reason"), "")
    reason = " ".join([said, *late]).strip() if said else ""
    words = [verb, *(ids[:1] or ["ID"]), *([OVERWRITE] if in_place else [])]
    words += [f"reason={as_word(reason)}"] if reason else []
    return " ".join(" ".join(words).replace("`", "").split())


def _is_overwrite(word: Word) -> bool:
    return not word.quoted and caseless(plain(word.text)).strip("`*_.!") == OVERWRITE
