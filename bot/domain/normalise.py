"""One normaliser for what people type, and for names that are compared with it.

Three steps, each further from the text as it came: `visible` is what the eye can see of it and is safe to keep and to
show; `plain` reads full-width and odd letters as the plain ones; `caseless` forgets case too. A text that is kept
(a name, a description, a reason) is only made `visible`; words that mean something are read `plain`.
"""

from __future__ import annotations

import re
import unicodedata

from bot.domain.sentences import without_mentions

_BLANK = (
    "\\u034f\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u206f\\u3164"
    "\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffc\\U0001bca0-\\U0001bca3\\U0001d159\\U0001d173-\\U0001d17a"
    "\\U000e0000-\\U000e0fff\\ud800-\\udfff"
)
"""Default-ignorable code points (DerivedCoreProperties.txt), letters without ink, and halves of surrogate pairs."""
_FORMATS = (
    "\\u00ad\\u0600-\\u0605\\u061c\\u06dd\\u070f\\u0890\\u0891\\u08e2\\U000110bd\\U000110cd\\U00013430-\\U0001345f"
)
"""Unicode's category Cf, as far as it is not above."""
_CONTROLS = "\\x00-\\x08\\x0e-\\x1f\\x7f-\\x84\\x86-\\x9f"

_PICTURE = (
    "[\\u00a9\\u00ae\\u203c\\u2049\\u2122\\u2139\\u2190-\\u21ff\\u2300-\\u23ff\\u25a0-\\u27bf\\u2900-\\u297f"
    "\\u2b00-\\u2bff\\u3030\\u303d\\u3297\\u3299\\U0001f000-\\U0001faff]"
)
_EMOJI = (
    f"[0-9#*]\\ufe0f\\u20e3|\\U0001f3f4[\\U000e0020-\\U000e007e]{{1,8}}\\U000e007f"
    f"|{_PICTURE}[\\ufe0e\\ufe0f]?(?:\\u200d{_PICTURE}[\\ufe0e\\ufe0f]?)*"
)
"""A picture with what holds it together: joiners between pictures, variation selectors, the tags of a flag."""

_SEEN = re.compile(f"({_EMOJI})|[{_BLANK}{_FORMATS}{_CONTROLS}]+")
_LINES = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u2800\u3000]")

MARKS_PER_LETTER = 4
"""So many accents, vowel signs and tones a letter keeps: more than any script writes, and no tower of them."""

_DASHES = re.compile("[\u02d7\u058a\u05be\u1806\u2010-\u2015\u2043\u2212\u2e3a\u2e3b\u301c\u30a0\ufe58\ufe63\uff0d]")
_READ_AS = str.maketrans({"、": ",", "،": ",", "﹐": ",", "。": ".", "∶": ":", "꞉": ":", "’": "'", "‘": "'", "ʼ": "'"})

_ANOTHER_THING = ("<super>", "<sub>", "<fraction>", "<circle>", "<square>")

MARKS = "`*_~"
"""Slack's formatting: code, bold, italic, strike (Formatting message text)."""
_AROUND_A_WORD = f"{MARKS}•◦▪‣【】〔〕〖〗「」『』（）［］〈〉《》()[]<>{{}}"


def visible(text: str) -> str:
    """Text as the eye sees it: composed (NFC), without invisible and control characters, every space a plain one. An
    emoji keeps what holds it together, a letter the first few of its marks. Line breaks stay. Twice is the same as
    once.
    """
    if text.isascii() and text.isprintable():
        return text
    lines = _LINES.sub("\n", _composed(text))
    seen = _SEEN.sub(lambda found: found[1] or "", lines)
    return _few_marks(unicodedata.normalize("NFC", _SPACES.sub(" ", seen)))


def _few_marks(text: str) -> str:
    if text.isascii():
        return text
    kept: list[str] = []
    marks = 0
    for letter in text:
        marks = marks + 1 if unicodedata.category(letter)[0] == "M" else 0
        if marks <= MARKS_PER_LETTER:
            kept.append(letter)
    return "".join(kept)


def letters_in(text: str) -> int:
    """How many letters and digits it has: dashes, dots and pictures say nothing."""
    return sum(letter.isalnum() for letter in text)


def length_of(text: str) -> int:
    """How many characters the eye sees in it: marks belong to their letters."""
    return sum(unicodedata.category(letter)[0] != "M" for letter in text.strip())


def _composed(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def entered(text: str) -> str:
    """The text that was entered in a field: `visible`, unable to mention anybody, without space around it."""
    return visible(without_mentions(text)).strip()


def plain(text: str) -> str:
    """Full-width letters and signs, odd dashes, commas and colons as the plain ones; case stays."""
    if text.isascii():
        return visible(text)
    wide = "".join(map(_plain_letter, visible(text)))
    return visible(_DASHES.sub("-", wide).translate(_READ_AS))


def _plain_letter(letter: str) -> str:
    """A letter that only looks another way as the plain one. A small raised two, a fraction or a one in a circle is not
    the digit.
    """
    if unicodedata.decomposition(letter).startswith(_ANOTHER_THING):
        return letter
    return unicodedata.normalize("NFKC", letter)


def caseless(text: str) -> str:
    """For comparing: `plain`, without case and with one space where there are several."""
    return " ".join(visible(plain(text).casefold()).split())


def unmarked_word(word: str) -> str:
    """A word without formatting, brackets, list marks and the end of a sentence around it; a word of nothing else stays
    as it is. A question mark stays: it asks.
    """
    return word.strip(_AROUND_A_WORD).rstrip(_AROUND_A_WORD + ".!;；") or word


def without_backticks(value: str) -> str:
    """A value as the bot shows it, in code, as the value."""
    return value[1:-1] if len(value) > 2 and value[0] == value[-1] == "`" else value


# --- the same letters to the eye --------------------------------------------------------------------------------------

_LOOK_ALIKE = str.maketrans(
    dict(
        zip(
            "аеорсухіјѕԁһԛԝАВЕКМНОРСТХІЈЅοανΑΒΕΖΗΙΚΜΝΟΡΤΥΧıℓ",
            "aeopcyxijsdhqwABEKMHOPCTXIJSoavABEZHIKMNOPTYXil",
            strict=True,
        )
    )
)
"""Cyrillic and Greek letters that are drawn as Latin ones (Unicode confusables.txt, those of a disk's name)."""


def looks_of(text: str) -> str:
    """The looks of a text: two texts with the same looks can't be told apart by reading them."""
    return visible(text).translate(_LOOK_ALIKE).casefold()


def foreign_letters(text: str) -> str:
    """The letters in a text that only look like Latin ones, each once."""
    return "".join(dict.fromkeys(letter for letter in text if ord(letter) in _LOOK_ALIKE))
