"""The command that was meant, as it should have been typed: ready to be copied, and read without a problem.

Where a value is not known, or is none that its option takes, a word in capitals stands for it. No word is moved where
it may not belong.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from bot.domain.normalise import caseless, letters_in, plain
from bot.domain.options import LISTS, OPTIONS, OPTIONS_OF, PROSE, Given, days_in, is_called, key_meant, payload_problems
from bot.domain.orders import as_entry, as_word
from bot.domain.parsing.words import COURTESIES, EVERYTHING, FILLERS, Word, like_a_name
from bot.domain.sentences import quoted

SEPARATOR = re.compile(r"and|und|et|plus|or|oder|ou|[和与と&+/;|]", re.IGNORECASE)
"""Words and signs that people put between names instead of a comma."""


_BARE_MEANS = {"quick": "server", "bind": "server", "list": "disk"}
_ANSWERS = frozenset(("yes", "no", "not", "without"))


def written(verb: str, names: Iterable[str], options: Iterable[Given]) -> str:
    """A command as it is typed, in one line that fits a code span. Bare names behind `quick` and `bind` are servers,
    and behind `list` a disk.
    """
    if key := _BARE_MEANS.get(verb):
        said = FILLERS | COURTESIES | EVERYTHING | _ANSWERS
        meant = tuple(one for one in names if caseless(one) not in said)
        options = [*([Given(key, meant[-1], meant)] if meant else ()), *options]
        names = ()
    given: dict[str, Given] = {}
    for option in options:
        if key := _known(option.key, verb):
            given[key] = _both(given.get(key), replace(option, key=key))
    values = [f"{key}={_value(option)}" for key, option in given.items()]
    whole = " ".join([verb, *map(as_entry, names), *values])
    return " ".join(whole.replace("`", "").split())


def _both(first: Given | None, second: Given) -> Given:
    """The value of an option that is given twice; only a list holds both."""
    if first is None or second.key not in LISTS:
        return second
    values = dict.fromkeys([*first.value.split(","), *second.value.split(",")])
    return Given(second.key, ",".join(values), tuple(dict.fromkeys([*first.entries, *second.entries])))


def _known(key: str, verb: str) -> str | None:
    """The option of a verb that is meant by a key; None for none."""
    known = OPTIONS_OF.get(verb, ())
    if key in known:
        return key
    meant = next((one for one in known if is_called(one, key)), None)
    return meant or next(iter(difflib.get_close_matches(key, known, n=1)), None)


def _value(option: Given) -> str:
    """A value that its option takes, as it is typed; else what stands for one."""
    if option.key in LISTS - {"tags", "tag"}:
        entries = [
            part.strip() for one in option.entries for part in (one.split(";") if option.key != "disks" else [one])
        ]
        return ",".join(as_entry(one) for one in entries if letters_in(one)) or OPTIONS[option.key].placeholder
    read = OPTIONS[option.key].read
    for value in _readings(option):
        try:
            given = read(value)
        except ValueError:
            continue
        if not payload_problems({option.key: given}):
            return as_word(value)
    return OPTIONS[option.key].placeholder or option.key.upper()


def _readings(option: Given) -> Iterable[str]:
    """A value as it may have been meant, the likeliest first."""
    value = option.value.rstrip(",;，、") if option.key not in PROSE else option.value
    if not value.strip("`"):
        return
    yield value
    if option.key == "keep" and (days := days_in(value)):
        yield str(days)
    if option.key in ("tags", "tag"):
        yield ",".join(one if ":" in one else one.replace("=", ":", 1) for one in re.split("[,;]", value) if one)


def continued(option: Given, word: Word, verb: str) -> tuple[Given, list[str]]:
    """The option with a word that stood behind it, where it can belong there; else what is a name of its own."""
    if option.key in PROSE:
        return replace(option, value=f"{option.value} {word.text}".strip()), []
    if caseless(word.text) in COURTESIES | FILLERS or SEPARATOR.fullmatch(word.text):
        return option, []
    if option.key in ("tags", "tag") and (re.search("[:=]", word.text) or option.value.endswith(":")):
        between = "" if option.value.endswith(":") or word.text.startswith(":") else ","
        return replace(option, value=f"{option.value.rstrip(',;')}{between}{word.text}".replace("=", ":")), []
    if option.key == "keep" and (days := days_in(f"{option.value} {word.text}", whole=True)):
        return replace(option, value=str(days)), []
    if option.key in LISTS and verb != "create":
        entries = tuple(dict.fromkeys([*(one.rstrip(";") for one in option.entries), *word.entries]))
        return replace(option, entries=entries, value=",".join(entries)), []
    if like_a_name(word.text):
        return option, word.entries
    if option.key in ("project", "break_glass"):
        return replace(option, value=""), []
    return option, word.entries if verb == "create" and option.key != "keep" else []


def server_meant(words: Sequence[str]) -> str | None:
    """`quick server=…` for `all disks of web-01` and `everything on web-01`; None where that is not said."""
    said = [caseless(word) for word in words]
    for at, word in enumerate(said):
        if word in ("of", "on", "from", "in", "for") and {*EVERYTHING, "disks", "volumes"} & set(said[:at]):
            names = [one for one in words[at + 1 :] if caseless(one) not in FILLERS | COURTESIES]
            return written("quick", (), [Given("server", "", tuple(names[:1]))]) if names else None
    return None


def options_meant(verb: str, words: Sequence[str]) -> str | None:
    """The command that was meant where options were written as words of their own: `keep 7`, `--keep 7`, `for 7 days`,
    `because it is full`. None where no option is among the words.
    """
    names: list[str] = []
    options: list[Given] = []
    for at, word in enumerate(words):
        key = _key_among(word, words[at + 1 :], verb)
        in_prose = bool(options) and options[-1].key in PROSE
        if key and (names or verb != "create") and (not in_prose or word.startswith(("--", "–", "—"))):
            value = plain(word).partition(":")[2]
            options.append(Given(key, value, (value,) if value else ()))
        elif caseless(word) in _ANSWERS and not in_prose:
            continue
        elif options and not options[-1].value:
            if caseless(word) not in ("is", "of", "to", "=", ":", ":="):
                options[-1] = Given(options[-1].key, word, (word,))
        elif options:
            options[-1], more = continued(options[-1], Word(word, quoted=False), verb)
            names += more
        else:
            names.append(word)
    if not options or not all(option.value for option in options if not OPTIONS[option.key].placeholder):
        return None
    named = [name for name in names if caseless(name) not in FILLERS | COURTESIES | EVERYTHING]
    return written(verb, named or names, options)


def _key_among(word: str, behind: Sequence[str], verb: str) -> str | None:
    """The option that a word among others is the key of. `for` is a time, a server or a reason, as what follows is."""
    if word.startswith("r-"):
        return None
    key = plain(word).strip("-").partition(":")[0].casefold().replace("-", "_")
    if key != "for":
        return key_meant(key)
    if days_in(" ".join(behind[:2])) and any(letter.isdigit() for letter in behind[0][:1]):
        return "keep"
    return "server" if verb in ("quick", "bind") else "reason"


def unknown_option(option: Given, known: Sequence[str], verb: str) -> str:
    """The option that was meant by one that does not exist."""
    entries = tuple(filter(None, option.value.split(",")))
    if verb == "create" and key_meant(option.key) in ("disks", "disk"):
        return f"Disks stand alone: `{written('create', entries or ('DISK',), ())}`."
    if verb == "create" and (key := key_meant(option.key)) in ("server", "server_id"):
        return f"`{key}=` belongs to quick: `{written('quick', (), [Given(key, option.value, entries)])}`."
    one = _known(option.key, verb) or next(iter(difflib.get_close_matches(option.key, known, n=1)), None)
    if one in known and is_called(one or "", option.key):
        meant = Given(one or "", option.value, entries if one in LISTS else ())
        return f"There is no option {quoted(option.key)}. Did you mean `{one}={_value(meant)}`?"
    if one in known:
        return f"There is no option {quoted(option.key)}. Did you mean `{one}=`?"
    others = f" I know {', '.join(f'`{name}=`' for name in known)}." if known else ""
    return f"There is no option {quoted(option.key)}.{others}"
