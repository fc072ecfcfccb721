"""How text that others wrote is shown in a terminal and in the log: what would act there, or hide, is made visible.

A terminal obeys escape sequences (ESC and the C1 bytes), turns lines round at bidi controls, and breaks lines where the
text says so; a person who may name a disk could write lines of their own into an operator's screen. In Slack
`normalise.visible` drops such characters; here nothing is dropped, since an operator has to see what stands there.
"""

from __future__ import annotations

import json
import re

_WITHOUT_INK = re.compile(
    "[\\u034f\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u2800\\u3164\\ufe00-\\ufe0f\\uffa0"
    "\\U0001d159\\U000e0100-\\U000e01ef]"
)
"""Letters and marks that show nothing, which Unicode does not count among the formats."""


def harmless(text: str) -> str:
    """One line that holds nothing but what can be seen: `\\x1b`, `\\n`, `\\u202e` stand for what would act or hide."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if _shows(char) else char.encode("unicode_escape").decode() for char in text)


def json_line(value: object) -> str:
    """JSON in one line, harmless: what would act or hide is escaped as JSON has it, so it reads back the same."""
    text = json.dumps(value, ensure_ascii=False)
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if _shows(char) else json.dumps(char)[1:-1] for char in text)


def _shows(char: str) -> bool:
    return char.isprintable() and not _WITHOUT_INK.match(char)
