"""What stands after a verb: bare words, then options. What was written so that it means something else is told with the
whole command as it should be, ready to be copied.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from bot.domain.normalise import caseless, plain, unmarked_word
from bot.domain.orders import CREATE_OPTIONS, QUICK_OPTIONS, as_entry, as_word, days_in
from bot.domain.sentences import quoted
from bot.domain.words import Word

LISTS = frozenset({"disks", "server", "server_id", "tag", "tags"})
"""Options that take several values, with commas between them."""
PROSE = frozenset({"name", "description", "reason"})
"""Options whose value is kept as it was typed."""

_KEY = re.compile(r"[A-Za-z][A-Za-z_-]*")
_KNOWN = frozenset({*CREATE_OPTIONS, *QUICK_OPTIONS, "disk", "for"})
FILLERS = frozenset(
    (
        *(
            "a",
            "an",
            "the",
            "my",
            "our",
            "this",
            "that",
            "it",
            "is",
            "are",
            "me",
            "us",
            "of",
            "to",
            "up",
            "down",
            "from",
        ),
        *("with", "latest", "last", "new", "recent", "named", "called", "disk:", "disk", "disks", "volume", "volumes"),
        *("snapshot", "snapshots", "snap", "backup", "backups", "copy", "create", "on", "in"),
    )
)
"""Words of a sentence around a name, which mean nothing to the bot."""
COURTESIES = frozenset(("please", "pls", "plz", "now", "thanks", "thx", "asap", "kindly", "just", "cheers"))
EVERYTHING = frozenset(("all", "everything", "*"))

_LIST_MARK = re.compile(r"[•◦▪‣*–-]|[0-9]{1,2}[.)]")
_SEPARATOR = re.compile(r"and|[&+/;|]", re.IGNORECASE)

OTHER_WORDS = {
    "keep": "for retention retain retention_days keep_days days ttl expire expires expiry kept lifetime",
    "reason": "because comment why note message msg cause purpose ticket incident",
    "description": "desc descr text details",
    "name": "title snapshot_name label_name called as",
    "tags": "labels label tag",
    "tag": "tags label labels",
    "disks": "disk volume volumes vol vols disk_name volume_id disk_id",
    "disk": "disks volume vol name disk_name",
    "server": "servers host hosts hostname vm vms ecs instance machine server_name",
    "server_id": "ecs_id instance_id vm_id",
    "project": "proj alias account project_id projects",
    "enterprise_project_id": "eps eps_id enterprise_project enterprise",
    "instant_access": "instant fast instant_restore",
    "incremental": "full incr",
    "confirm": "ask yes wait y",
    "break_glass": "breakglass force emergency glass",
}
"""What else people write for an option, in the order in which it is looked for."""


LATER_OPTIONS = "|".join(sorted({*_KNOWN, *" ".join(OTHER_WORDS.values()).split()} - {"for", "as", "y", "yes"}))
"""The keys of options and what people write for them, for a pattern."""


@dataclass(frozen=True, slots=True)
class Option:
    """`entries` is the value parted at its commas."""

    key: str
    value: str
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Arguments:
    """`bare` are the words before the first option, `late` those after it; `spaced`: there was space around an equals
    sign, `parted`: words had another separator than a comma between them.
    """

    verb: str
    bare: tuple[Word, ...]
    options: tuple[Option, ...]
    late: tuple[str, ...] = ()
    spaced: bool = False
    parted: str = ""
    mended: str = ""
    """The whole command as it should have been written; the same where nothing was wrong."""

    @property
    def entries(self) -> list[str]:
        """The bare words, parted at their commas, each once."""
        return list(dict.fromkeys(entry for word in self.bare for entry in word.entries))

    @property
    def faults(self) -> list[str]:
        if self.parted:
            return [f"Part names with spaces or commas, not with {quoted(self.parted)}: `{self.mended}`."]
        if self.late:
            why = self._why_late()
            return [f"{why} `{self.mended}`{'.' if why.endswith(':') else '?'}"]
        if self.spaced:
            return [f"Write options as key=value: `{self.mended}`."]
        return []

    def _why_late(self) -> str:
        last = self.options[-1].key
        if all(caseless(word) in COURTESIES for word in self.late):
            return "Leave the courtesy out:"
        if any(option.key in PROSE for option in self.options):
            return "A value of several words stands in quotes:"
        if last == "keep":
            return "`keep=` takes a number of days and nothing else:"
        return f"Options come last, and after them {quoted(self.late[0])} is no disk. Did you mean"


def read_arguments(verb: str, words: Sequence[Word]) -> Arguments:
    joined, spaced = _joined(_with_equals([word for word in words if word.text or word.quoted]))
    bare: list[Word] = []
    options: list[Option] = []
    mended: list[Option] = []
    moved: list[str] = []
    late: list[str] = []
    for place, word in enumerate(joined):
        option = option_of(word)
        if option is not None:
            options.append(option)
            mended.append(option)
        elif not options:
            followed = place + 1 < len(joined) and option_of(joined[place + 1]) is None
            marks_an_item = verb == "create" and followed and not word.quoted and _LIST_MARK.fullmatch(word.text)
            if not marks_an_item:
                bare.append(word)
        else:
            late.append(word.text)
            mended[-1], elsewhere = _with_word(mended[-1], word, verb)
            moved += elsewhere
    bare, parted = _parted(bare)
    for key, more in (("disks", moved),) if verb != "create" else ():
        mended += [Option(key, ",".join(more), tuple(more))] if more else []
    named = [*(entry for word in bare for entry in word.entries), *(moved if verb == "create" else ())]
    whole = written(verb, dict.fromkeys(named), mended)
    return Arguments(verb, tuple(bare), tuple(options), tuple(late), spaced, parted, whole)


def written(verb: str, names: Iterable[str], options: Iterable[Option]) -> str:
    """A command as it is typed, in one line that fits a code span."""
    whole = " ".join([verb, *map(as_entry, names), *map(_written, options)])
    return " ".join(whole.replace("`", "").split())


def _written(option: Option) -> str:
    if option.key in LISTS and option.key not in ("tags", "tag"):
        return f"{option.key}={','.join(map(as_entry, option.entries))}"
    return f"{option.key}={as_word(option.value)}" if option.value else f"{option.key}="


def option_of(word: Word) -> Option | None:
    """`key=value`. A full-width equals sign, or formatting around it all, counts where the key is one that I know: a
    disk may be called so.
    """
    if word.quoted:
        return None
    for text, sure in ((word.text, True), (unmarked_word(word.text), False)):
        found = re.match(r"([^=＝﹦]+)([=＝﹦])(.*)", text, re.DOTALL)
        if not found:
            continue
        key = plain(found[1])
        known = key.lower().replace("-", "_") in _KNOWN
        if not _KEY.fullmatch(key) or not (known or (sure and found[2] == "=" and key == found[1])):
            continue
        value = word if text == word.text else Word(text, quoted=False)
        at = found.start(3)
        listed = value.entries_from(at) if key.lower() in LISTS else [found[3].strip()]
        return Option(key.lower().replace("-", "_"), found[3].strip(), tuple(_listed_plain(key, listed)))
    return None


def _listed_plain(key: str, entries: list[str]) -> Iterable[str]:
    """Every comma parts servers and tags, also a full-width one and one in quotes. A disk's name may have such a comma:
    disks are parted when they are sought.
    """
    if key.lower() not in ("server", "server_id", "tag"):
        return entries
    return dict.fromkeys(part.strip() for entry in entries for part in re.split("[,，、]", entry) if part.strip())


_COLON = re.compile(r"(-{0,2})([A-Za-z][A-Za-z_-]*)([:：]=?|[=＝](?=$))(.*)", re.DOTALL)


def _with_equals(words: list[Word]) -> list[Word]:
    """`keep: 7`, `keep :7`, `keep := 7` and `keep:7` with an equals sign that stands apart, as it would in `keep = 7`.

    Only what I know is an option, for a disk may have a colon in its name.
    """
    read: list[Word] = []
    for place, word in enumerate(words):
        found = None if word.quoted else _COLON.fullmatch(word.text)
        before = key_in(read[-1].text) if read and not read[-1].quoted and option_of(read[-1]) is None else None
        if found and found[3] != "=" and (key := key_in(found[2])) and (found[4] or place + 1 < len(words)):
            read += [Word(key, quoted=False), Word(f"={found[4]}", quoted=False)]
        elif before and not word.quoted and re.fullmatch(r"[:：]=?[^:：]*", word.text):
            read[-1] = Word(before, quoted=False)
            read.append(Word("=" + word.text.lstrip(":：="), quoted=False))
        else:
            read.append(word)
    return read


def key_in(word: str) -> str | None:
    """The option that a word is the key of, in any case."""
    key = plain(word).casefold().replace("-", "_")
    return key if key in _KNOWN else None


def _joined(words: list[Word]) -> tuple[list[Word], bool]:
    """`keep = 7` as one word, and a list with spaces after its commas too. Says whether an equals sign stood apart."""
    joined: list[Word] = []
    spaced = False
    for word in words:
        last = joined[-1] if joined else None
        if last is None or last.quoted or option_of(word) is not None:
            joined.append(word)
            continue
        option = option_of(last)
        after_equals = last.text[-1:] in ("=", "＝") and option is not None and not option.value
        before_equals = (
            not word.quoted and word.text[:1] in ("=", "＝") and _KEY.fullmatch(plain(last.text)) is not None
        )
        goes_on = last.text[-1:] in (",", "，", "、") or (not word.quoted and word.text[:1] in (",", "，", "、"))
        if after_equals or before_equals:
            spaced = True
            joined[-1] = last.joined_with(word)
        elif option is not None and option.key in LISTS and option.value and goes_on:
            joined[-1] = last.joined_with(word)
        else:
            joined.append(word)
    return joined, spaced


def _with_word(option: Option, word: Word, verb: str) -> tuple[Option, list[str]]:
    """The option with a word that stood behind it, where it can belong there; else what is a disk of its own."""
    if option.key in PROSE:
        return replace(option, value=f"{option.value} {word.text}".strip()), []
    if caseless(word.text) in COURTESIES | FILLERS or _SEPARATOR.fullmatch(word.text):
        return option, []
    if option.key == "tags" and re.search("[:=]", word.text):
        return replace(option, value=f"{option.value.rstrip(',;')},{word.text}".replace("=", ":")), []
    if option.key == "keep":
        value = f"{option.value} {word.text}"
        return (replace(option, value=str(days)), []) if (days := days_in(value)) else (option, word.entries)
    if option.key in LISTS and verb != "create":
        entries = tuple(dict.fromkeys([*(one.rstrip(";") for one in option.entries), *word.entries]))
        return replace(option, entries=entries, value=",".join(entries)), []
    return option, word.entries


def _parted(bare: list[Word]) -> tuple[list[Word], str]:
    """The words without what people put between them instead of a comma, and what that was."""
    kept: list[Word] = []
    parted = ""
    for place, word in enumerate(bare):
        between = 0 < place < len(bare) - 1
        if not word.quoted and between and _SEPARATOR.fullmatch(word.text):
            parted = parted or word.text
        elif not word.quoted and place < len(bare) - 1 and len(word.text) > 1 and word.text[-1] in ";；":
            parted = parted or word.text[-1]
            kept.append(Word(word.text.rstrip(";；"), quoted=False))
        else:
            kept.append(word)
    return kept, parted


def options_meant(verb: str, words: Sequence[str]) -> str | None:
    """The command as it was meant by whoever wrote options as words of their own: `keep 7`, `--keep 7`, `keep:7`,
    `for 7 days`, `because it is full`. None where no option is among the words.
    """
    names: list[str] = []
    options: list[Option] = []
    for word in words:
        key, _, value = plain(word).strip("-").partition(":") if not word.startswith("r-") else (word, "", "")
        meant = key_meant(key.casefold().replace("-", "_"))
        at_its_end = options and options[-1].key not in PROSE and options[-1].value
        if meant and (names or verb != "create") and not (options and options[-1].key in PROSE):
            options.append(Option(meant, value, (value,) if value else ()))
        elif options and not at_its_end:
            joined = f"{options[-1].value} {word}".strip()
            options[-1] = Option(options[-1].key, joined, (joined,))
        elif options:
            options[-1], more = _with_word(options[-1], Word(word, quoted=False), verb)
            names += more
        else:
            names.append(word)
    if not options or not all(option.value for option in options):
        return None
    return written(verb, names, (replace(one, value=_as_days(one)) for one in options))


def _as_days(option: Option) -> str:
    return str(days_in(option.value) or option.value) if option.key == "keep" else option.value


def key_meant(key: str) -> str | None:
    """The option that somebody means by a word; None for a word that is none."""
    if key in _KNOWN and key != "for":
        return key
    return next((one for one, others in OTHER_WORDS.items() if key in others.split()), None)


def unknown_option(option: Option, known: Sequence[str], verb: str) -> str:
    """What somebody meant by an option that there is not."""
    if verb == "create" and key_meant(option.key) in ("disks", "disk"):
        return f"Disks stand alone: `{written('create', option.value.split(','), ())}`."
    if verb == "create" and key_meant(option.key) in ("server", "server_id"):
        meant = replace(option, key=key_meant(option.key) or "", entries=tuple(option.value.split(",")))
        return f"`{meant.key}=` belongs to quick: `{written('quick', (), [meant])}`."
    for one in known:
        if option.key in OTHER_WORDS.get(one, "").split():
            value = _as_days(replace(option, key=one))
            value = value if one not in ("tags", "tag") or ":" in value else value.replace("=", ":", 1)
            entries = tuple(value.split(",")) if one in LISTS else ()
            return f"There is no option {quoted(option.key)}. Did you mean `{_written(Option(one, value, entries))}`?"
    near = difflib.get_close_matches(option.key, known, n=1)
    if near:
        return f"There is no option {quoted(option.key)}. Did you mean `{near[0]}=`?"
    others = f" I know {', '.join(f'`{name}=`' for name in known)}." if known else ""
    return f"There is no option {quoted(option.key)}.{others}"
