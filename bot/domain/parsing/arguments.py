"""The words after a verb: bare ones, then options. A word written so that it means something else is told with the
whole command as it should be, ready to be copied.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bot.domain.normalise import caseless, plain, unmarked_word, without_backticks
from bot.domain.options import LISTS, OPTIONS, PROSE, Given, key_in, read_tag
from bot.domain.orders import Selector, SelectorKind, disk_selectors
from bot.domain.parsing.copyable import SEPARATOR, continued, options_meant, server_meant, unknown_option, written
from bot.domain.parsing.words import COURTESIES, EVERYTHING, FILLERS, Word, verb_in
from bot.domain.sentences import quoted

_Value = TypeVar("_Value")
_KEY = re.compile(r"[A-Za-z][A-Za-z_-]*")
_OPTION = re.compile(r"([^=＝﹦]++)([=＝﹦])(.*)", re.DOTALL)

_LIST_MARK = re.compile(r"[•◦▪‣*–-]|[0-9]{1,2}[.)]")


@dataclass(frozen=True, slots=True)
class Arguments:
    """`bare` are the words before the first option, `late` those after it; `spaced`: there was space around an equals
    sign, `parted`: words had another separator than a comma between them.
    """

    verb: str
    bare: tuple[Word, ...]
    options: tuple[Given, ...]
    late: tuple[str, ...] = ()
    spaced: bool = False
    parted: str = ""
    mend: Callable[[], str] = field(default=str, compare=False)

    @property
    def mended(self) -> str:
        """The whole command as it should have been written; the same where nothing was wrong."""
        return self.mend()

    @property
    def entries(self) -> list[str]:
        """The bare words, parted at their commas, each once."""
        return list(dict.fromkeys(entry for word in self.bare for entry in word.entries))

    @property
    def problems(self) -> list[str]:
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
    joined, spaced = _joined(_with_equals(verb, [word for word in words if word.text or word.quoted]))
    first = next((at for at, (_, option) in enumerate(joined) if option is not None), len(joined))
    named_next = [*(option is None for _, option in joined[1:]), False]
    bare, parted = _parted(
        [word for at, (word, _) in enumerate(joined[:first]) if not (named_next[at] and _marks_an_item(verb, word))]
    )
    behind = joined[first:]
    options = tuple(option for _, option in behind if option is not None)
    late = tuple(word.text for word, option in behind if option is None)

    def mend() -> str:
        named = [entry for word in bare for entry in word.entries]
        return _mended(verb, named, behind, late)

    return Arguments(verb, tuple(bare), options, late, spaced, parted, mend)


def _marks_an_item(verb: str, word: Word) -> bool:
    """Whether a word before the name of a disk is the mark of a list."""
    return verb == "create" and not word.quoted and _LIST_MARK.fullmatch(word.text) is not None


def _mended(verb: str, named: Iterable[str], behind: Iterable[tuple[Word, Given | None]], late: Sequence[str]) -> str:
    """The command with every word that stood `behind` the first option where it belongs, and courtesies left out."""
    options: list[Given] = []
    moved: list[str] = []
    polite = all(caseless(word) in COURTESIES for word in late)
    for word, option in behind:
        if option is not None:
            options.append(option)
        elif not polite:
            options[-1], more = continued(options[-1], word, verb)
            moved += more
    return written(verb, dict.fromkeys([*named, *moved]), options)


def option_of(word: Word) -> Given | None:
    """`key=value`. A full-width equals sign, or formatting around it all, counts where the key is one that I know: a
    disk may be called so.
    """
    found = None if word.quoted else _OPTION.match(word.text)
    if found is None:
        return None
    if option := _option_in(word, found, sure=True):
        return option
    bare = Word(unmarked_word(word.text), quoted=False)
    again = _OPTION.match(bare.text)
    return _option_in(bare, again, sure=False) if again else None


def _option_in(word: Word, found: re.Match[str], *, sure: bool) -> Given | None:
    key = plain(found[1])
    name = key.lower().replace("-", "_")
    if not _KEY.fullmatch(key) or not (name in OPTIONS or (sure and found[2] == "=" and key == found[1])):
        return None
    value = found[3].strip()
    listed = word.entries_from(found.start(3)) if key.lower() in LISTS else [value]
    return Given(name, value, tuple(_listed_plain(key, listed)))


def _listed_plain(key: str, entries: list[str]) -> Iterable[str]:
    """Every comma parts servers and tags, also a full-width one and one in quotes. A disk's name may have such a comma:
    disks are parted when they are sought.
    """
    if key.lower() not in ("server", "server_id", "tag"):
        return entries
    return dict.fromkeys(part.strip() for entry in entries for part in re.split("[,，、،]", entry) if part.strip())


_COMMAS = (",", "，", "、", "،")
_APART = re.compile("[:：]=?[^:：]*")
_COLON = re.compile(r"(?:[-–—]{0,2})([A-Za-z][A-Za-z_-]*)([:：]=?)(.*)|[-–—]{1,2}([A-Za-z][A-Za-z_-]*)=(.+)", re.DOTALL)


def _with_equals(verb: str, words: list[Word]) -> list[Word]:
    """`keep: 7`, `keep :7`, `keep := 7`, `keep:7` and `--keep=7`, all as if it were `keep = 7`.

    Only what I know is an option, for a disk may have a colon in its name; `create disks: a, b` means `create a, b`.
    """
    read: list[Word] = []
    for place, word in enumerate(words):
        found = None if word.quoted else _COLON.fullmatch(word.text)
        key, value = (key_in(found[1] or found[4]), found[3] or found[5] or "") if found else (None, "")
        if key in ("disks", "disk") and verb == "create":
            read += [Word(value, quoted=False)] if value else []
        elif key and (value or place + 1 < len(words)):
            read += [Word(key, quoted=False), Word(f"={value}", quoted=False)]
        elif not word.quoted and _APART.fullmatch(word.text) and read and (before := _key_alone(read[-1])):
            read[-1] = Word(before, quoted=False)
            read.append(Word("=" + word.text.lstrip(":：="), quoted=False))
        else:
            read.append(word)
    return read


def _key_alone(word: Word) -> str | None:
    return None if word.quoted or option_of(word) else key_in(word.text)


def _joined(words: list[Word]) -> tuple[list[tuple[Word, Given | None]], bool]:
    """`keep = 7` as one word, and a list with spaces after its commas too, each with the option it is. Says whether an
    equals sign stood apart.
    """
    joined: list[tuple[Word, Given | None]] = []
    spaced = False
    for word in words:
        last, option = joined[-1] if joined else (None, None)
        own = option_of(word)
        if last is None or last.quoted or own is not None:
            joined.append((word, own))
            continue
        after_equals = last.text[-1:] in ("=", "＝") and option is not None and not option.value
        before_equals = (
            not word.quoted and word.text[:1] in ("=", "＝") and _KEY.fullmatch(plain(last.text)) is not None
        )
        tag_goes_on = option is not None and option.key in ("tags", "tag") and last.text[-1:] in (":", "：")
        goes_on = last.text[-1:] in (",", "，", "、", "،") or (
            not word.quoted and word.text[:1] in (",", "，", "、", "،")
        )
        apart = after_equals or before_equals or tag_goes_on
        if apart or (option is not None and option.key in LISTS and option.value and goes_on):
            whole = last.joined_with(word)
            joined[-1], spaced = (whole, option_of(whole)), spaced or apart
        else:
            joined.append((word, None))
    return joined, spaced


def _parted(bare: list[Word]) -> tuple[list[Word], str]:
    """The words without what people put between them instead of a comma, and what that was."""
    kept: list[Word] = []
    parted = ""
    for place, word in enumerate(bare):
        between = 0 < place < len(bare) - 1
        if not word.quoted and between and SEPARATOR.fullmatch(word.text):
            parted = parted or word.text
        elif not word.quoted and place < len(bare) - 1 and len(word.text) > 1 and word.text[-1] in ";；":
            parted = parted or word.text[-1]
            kept.append(Word(word.text.rstrip(";；"), quoted=False))
        else:
            kept.append(word)
    return kept, parted


# --- options and selectors as values ----------------------------------------------------------------------------------


def tried(read: Callable[[str], _Value], text: str, problems: list[str]) -> _Value | None:
    try:
        return read(text)
    except ValueError as problem:
        problems.append(str(problem))
        return None


def read_options(
    arguments: Arguments, known: Sequence[str], *, repeated: Sequence[str] = ()
) -> tuple[dict[str, list[Given]], list[str]]:
    """The options by key, and what is wrong with them; some may be `repeated`."""
    given: dict[str, list[Given]] = {}
    problems = arguments.problems
    for option in arguments.options:
        if option.key not in known:
            problems.append(unknown_option(option, known, arguments.verb))
        elif option.key in given and option.key not in repeated:
            problems.append(f"`{option.key}=` is given twice.")
        elif not option.value or (option.key in LISTS and not option.entries):
            problems.append(f"`{option.key}=` is empty. Write a value right after the equals sign, without spaces.")
        else:
            given.setdefault(option.key, []).append(option)
    return given, problems


def _said_in_words(verb: str, bare: Sequence[str]) -> list[str]:
    """The problem of bare words that are no selectors: one at most."""
    names = [word for word in bare if caseless(word) not in FILLERS | COURTESIES | EVERYTHING | {"no", "yes"}]
    if not bare or all(caseless(word) in COURTESIES for word in bare):
        return []
    if not names:
        return [f"Say `{verb}` alone for all that this channel is bound to, or name a server: `{verb} server=SERVER`."]
    if of_server := server_meant(bare):
        return [f"For all disks of a server: `{of_server}`."]
    if meant := options_meant(verb, bare):
        return [f"Write options as key=value: `{meant}`."]
    return [f"For a server: `{written(verb, names, ())}`. Instead of `server=` there are `tag=` and `disks=`."]


def read_selectors(
    verb: str, words: list[Word], options: tuple[str, ...]
) -> tuple[tuple[Selector, ...], dict[str, Any], list[str]]:
    """Which disks are meant, the options, and every problem. The verb may be said again, as in a form."""
    words = words[1:] if words and verb_in(words[0].text) == verb else words
    arguments = read_arguments(verb, words)
    given, problems = read_options(arguments, options, repeated=("server", "server_id", "tag"))
    if arguments.bare and not arguments.entries:
        problems.append(f"A comma alone names nothing. Say `{verb}` alone, or name a server: `{verb} server=SERVER`.")
    problems += _said_in_words(verb, arguments.entries)
    selectors: list[Selector] = []
    kinds: Mapping[str, tuple[SelectorKind, Callable[[str], str]]] = {
        "server": ("server", without_backticks),
        "server_id": ("server_id", lambda text: caseless(unmarked_word(text))),
        "tag": ("tag", read_tag),
    }
    for key, (kind, reader) in kinds.items():
        entries = [entry for option in given.get(key, ()) for entry in option.entries]
        if any(";" in entry for entry in entries):
            parts = [part.strip() for entry in entries for part in entry.split(";") if part.strip()]
            problems.append(f"Part names with commas: `{verb} {key}={','.join(parts)}`.")
        read_all = [tried(reader, entry, problems) for entry in entries]
        selectors += [Selector(kind, value) for value in read_all if value]
    for option in given.get("disks", ()):
        try:
            selectors += disk_selectors(option.entries)
        except ValueError as problem:
            problems.append(str(problem))
    read: dict[str, Any] = {
        key: tried(OPTIONS[key].read, given[key][0].value, problems)
        for key in ("keep", "reason", "confirm", "project", "break_glass")
        if key in given
    }
    return tuple(dict.fromkeys(selectors)), read, problems
