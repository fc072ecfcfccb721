"""Options and selectors as values: what each option's text becomes, and every fault at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from bot.domain.arguments import (
    COURTESIES,
    EVERYTHING,
    LISTS,
    Arguments,
    Option,
    options_meant,
    read_arguments,
    unknown_option,
)
from bot.domain.normalise import caseless, unmarked_word, without_backticks
from bot.domain.orders import (
    Selector,
    SelectorKind,
    as_entry,
    disk_selectors,
    read_alias,
    read_days,
    read_reason,
    read_tag,
    read_tags,
    read_yes_or_no,
)
from bot.domain.sentences import quoted
from bot.domain.words import Word

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


READERS: Mapping[str, Callable[[str], Any]] = {
    "project": read_alias,
    "break_glass": read_alias,
    "instant_access": read_yes_or_no,
    "incremental": read_yes_or_no,
    "confirm": read_yes_or_no,
    "keep": read_days,
    "tags": read_tags,
    "reason": read_reason,
    "enterprise_project_id": lambda text: caseless(unmarked_word(text)),
}
"""How the value of an option is read; a text without a reader stays as it was typed."""


def read_selectors(
    verb: str, words: list[Word], options: tuple[str, ...]
) -> tuple[tuple[Selector, ...], dict[str, Any], list[str]]:
    """Which disks are meant, the options, and every fault."""
    arguments = read_arguments(verb, words)
    given, faults = read_options(arguments, options, repeated=("server", "server_id", "tag"))
    bare = [word for word in arguments.entries if caseless(word) not in COURTESIES]
    if arguments.bare and not arguments.entries:
        faults.append(f"A comma alone names nothing. Say `{verb}` alone, or name a server: `{verb} server=…`.")
    if bare and all(caseless(word) in EVERYTHING for word in bare):
        faults.append(f"Say `{verb}` alone for all that this channel is bound to, or name a server: `{verb} server=…`.")
    elif bare and (meant := options_meant(verb, bare)):
        faults.append(f"Write options as key=value: `{meant}`.")
    elif bare:
        names = ",".join(map(as_entry, bare))
        what = f"{quoted(', '.join(bare))} {'is' if len(bare) == 1 else 'are'}"
        faults.append(f"Say what {what}: server={names}, tag={names} or disks={names}.")
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
