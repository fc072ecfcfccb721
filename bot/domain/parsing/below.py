"""The lines below an order: more of it, a courtesy, or talk; and what talk means to the order.

Nothing that may belong to an order is lost: a line with an option is read as part of it, or refused with it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.domain.errors import CommandError
from bot.domain.options import LATER_OPTIONS
from bot.domain.orders import Create, Quick, Restore
from bot.domain.parsing import commands
from bot.domain.parsing.greetings import is_courtesy, speaks_against
from bot.domain.parsing.order_words import SEVERAL_ORDERS
from bot.domain.parsing.words import plain_text, verb_in, words_of
from bot.domain.sentences import quoted

LIST_MARK = re.compile(
    r"(?:\[[ xX]\]|[•◦▪‣*–—→➔➜✅☑✔☐-]️?|\(?(?:\d{1,2}|[a-z])[.)]|:[a-z_]+:)\s+|[•◦▪‣→]", re.IGNORECASE
)
_NAME = r"(?=\S*[\d_=-])[^\s!?]+"
_BETWEEN = r"(?:\s+|\s*(?:[,;&+/|，、،；]|\b(?:and|or|und|et|y|plus)\b|和|と)\s*)"
_NAMES = re.compile(
    rf"(?:(?:and|or|und|et|y|plus|also|&|\+)\s+)?{_NAME}(?:{_BETWEEN}{_NAME})*|[^\s!?.]+", re.IGNORECASE
)
"""One word, or words that all look like names or options: with a digit, a dash, an underscore or an equals sign."""
_REMARK = re.compile(r"(?<=\S)\s+\([^()]*\)$")
_OPTION = re.compile(
    rf"(?:^|[\s`*_])(?:{LATER_OPTIONS})\s*[=＝﹦]|^\W*(?:{LATER_OPTIONS})\s*[:：]"
    r"|^\W*(?:with\s+)?(?:for|keep|reason|because|until)\b",
    re.IGNORECASE,
)
_TAKES_OR_GIVES = (
    commands.Delete
    | commands.GrantAccess
    | commands.RevokeAccess
    | commands.Approve
    | commands.Deny
    | commands.Cancel
    | commands.Review
    | commands.Bind
    | commands.Unbind
    | Restore
)


def is_quoted(line: str) -> bool:
    """A line that shows the words of another person, or what could be written."""
    return unescaped(line).startswith((">", "```"))


def unescaped(line: str) -> str:
    return line.replace("&gt;", ">").lstrip(" \t*_~")


def unlisted(line: str) -> str:
    """A line without what makes it the item of a list, and without a remark in brackets at its end."""
    bare = _REMARK.sub("", line.replace("```", "").strip())
    while mark := LIST_MARK.match(bare):
        bare = bare[mark.end() :]
    return bare


def is_list(line: str) -> bool:
    """An item of a list, or names and options alone. Words of a sentence are neither."""
    return bool(_NAMES.fullmatch(unlisted(line).strip("` ")))


def parted(order: str, below: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The order with what belongs to it, and the lines that are talk. Courtesies and quotations are neither.

    An order goes on below its line where that ends in a comma or opens a code fence, where the name stands alone, and
    where names follow, or options.
    """
    lines = list(below)
    kept = [order] if order else _first(lines)
    talk: list[str] = []
    open_fence = sum(line.count("```") for line in kept) % 2 == 1
    names_follow = True
    while lines:
        line = lines.pop(0)
        if open_fence or (line.strip() and kept and _goes_on(kept) and not is_quoted(line)):
            open_fence ^= line.count("```") % 2 == 1
            kept.append(line)
        elif unescaped(line).startswith(">>>"):
            break  # quotes everything below it too
        elif unescaped(line).startswith("```"):
            fenced = _fenced(line, lines)
            names_follow = names_follow and all(is_list(one.replace("```", "")) for one in fenced if one.strip("` "))
            kept += map(unlisted, fenced) if names_follow else ()
        elif not line.strip() or is_quoted(line):
            continue
        elif is_courtesy(line):
            names_follow = False
        elif speaks_against(line):
            talk.append(line)
        elif _OPTION.search(line) or (names_follow and kept and is_list(line)):
            kept.append(unlisted(line))
        else:
            names_follow = False
            talk.append(line)
    return "\n".join(kept).strip(), tuple(talk)


def _first(lines: list[str]) -> list[str]:
    """The line below a name that stands alone, taken from `lines`: it is the order, unless it is quoted."""
    while lines and not lines[0].strip():
        del lines[0]
    if not lines or unescaped(lines[0]).startswith(">") or is_courtesy(lines[0]):
        return []
    return [lines.pop(0)]


def _goes_on(kept: Sequence[str]) -> bool:
    """Whether a list, or a quotation, is not at its end."""
    if kept[-1].rstrip().endswith((",", "，", "、", "،")):
        return True
    try:
        words_of("\n".join(kept))
    except CommandError:
        return True
    return False


def _fenced(first: str, lines: list[str]) -> list[str]:
    """A code fence that `first` opens, its other lines taken from `lines`."""
    fenced = [first]
    while lines and sum(line.count("```") for line in fenced) % 2 == 1:
        fenced.append(lines.pop(0))
    return fenced


def read_order(text: str, below: Sequence[str], command_name: str) -> commands.Command:
    """Read an order with the talk below it. What takes or gives a right, or takes something away, is one line or
    nothing; a snapshot is made all the same, unless what is said speaks against it. Raises CommandError.
    """
    command = commands.read_command(text, command_name)
    if not isinstance(command, _TAKES_OR_GIVES | Create | Quick | commands.OpenForm):
        return command
    for line in below:
        said = quoted(plain_text(line))
        if _is_order(line, command_name):
            raise CommandError(SEVERAL_ORDERS)
        if speaks_against(line):
            raise CommandError(
                f"Below it you say {said}, so I did not do it. Nothing was done. If it shall be done, send it alone."
            )
        if isinstance(command, commands.OpenForm):
            raise CommandError(f"I can't read {said} as disks. Nothing was done. Name them: `create DISK,DISK`.")
        if isinstance(command, _TAKES_OR_GIVES):
            raise CommandError(f"I can't tell whether {said} belongs to it. Nothing was done. Send the order alone.")
    return command


def _is_order(line: str, command_name: str) -> bool:
    bare = unlisted(line)
    first, *_ = [*bare.split(maxsplit=1), ""]
    if verb_in(first) not in commands.KNOWN:
        return False
    try:
        commands.parse_command(plain_text(bare), command_name)
    except CommandError:
        return False
    return True
