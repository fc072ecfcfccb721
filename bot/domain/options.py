"""Options and selectors as values: what each option's text becomes, and every fault at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from bot.domain.arguments import Arguments, read_arguments
from bot.domain.copyable import options_meant, server_meant, unknown_option, written
from bot.domain.keys import COURTESIES, EVERYTHING, FILLERS, LISTS, READERS, Option
from bot.domain.normalise import caseless, unmarked_word, without_backticks
from bot.domain.orders import (
    Selector,
    SelectorKind,
    disk_selectors,
    read_tag,
)
from bot.domain.words import Word, verb_in

_Value = TypeVar("_Value")


def tried(read: Callable[[str], _Value], text: str, faults: list[str]) -> _Value | None:
    try:
        return read(text)
    except ValueError as fault:
        faults.append(str(fault))
        return None


def read_options(
    arguments: Arguments, known: Sequence[str], *, repeated: Sequence[str] = ()
) -> tuple[dict[str, list[Option]], list[str]]:
    """The options by key, and what is wrong with them; some may be `repeated`."""
    given: dict[str, list[Option]] = {}
    faults = arguments.faults
    for option in arguments.options:
        if option.key not in known:
            faults.append(unknown_option(option, known, arguments.verb))
        elif option.key in given and option.key not in repeated:
            faults.append(f"`{option.key}=` is given twice.")
        elif not option.value or (option.key in LISTS and not option.entries):
            faults.append(f"`{option.key}=` is empty. Write a value right after the equals sign, without spaces.")
        else:
            given.setdefault(option.key, []).append(option)
    return given, faults


def _said_in_words(verb: str, bare: Sequence[str]) -> list[str]:
    """What bare words mean, which are no selectors: one fault at most."""
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
    """Which disks are meant, the options, and every fault. The verb may be said again, as in a form."""
    words = words[1:] if words and verb_in(words[0].text) == verb else words
    arguments = read_arguments(verb, words)
    given, faults = read_options(arguments, options, repeated=("server", "server_id", "tag"))
    if arguments.bare and not arguments.entries:
        faults.append(f"A comma alone names nothing. Say `{verb}` alone, or name a server: `{verb} server=SERVER`.")
    faults += _said_in_words(verb, arguments.entries)
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
            faults.append(f"Part names with commas: `{verb} {key}={','.join(parts)}`.")
        read_all = [tried(reader, entry, faults) for entry in entries]
        selectors += [Selector(kind, value) for value in read_all if value]
    for option in given.get("disks", ()):
        try:
            selectors += disk_selectors(option.entries)
        except ValueError as fault:
            faults.append(str(fault))
    read: dict[str, Any] = {
        key: tried(READERS[key], given[key][0].value, faults)
        for key in ("keep", "reason", "confirm", "project", "break_glass")
        if key in given
    }
    return tuple(dict.fromkeys(selectors)), read, faults
