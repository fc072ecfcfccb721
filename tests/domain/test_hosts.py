"""Why a port can't be listened at, in words."""

from __future__ import annotations

import errno
import os
import socket

import pytest

from bot.domain.hosts import cannot_listen


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EADDRINUSE, "another process does. Stop that one, or choose another port (PORT)."),
        (errno.EACCES, "this user may not. Choose a port from 1024 on (PORT)."),
        (errno.EADDRNOTAVAIL, "the address is none of this machine's."),
        (errno.ENOMEM, "Cannot allocate memory. Choose another (PORT)."),
        (socket.EAI_NONAME, "Name or service not known. Choose another (PORT)."),
    ],
)
def test_the_cause_is_told_with_what_to_set(number: int, words: str) -> None:
    text = "Name or service not known" if number < 0 else os.strerror(number)
    sentence = cannot_listen(OSError(number, text), "::1", 80, "PORT").sentence
    assert sentence.startswith("Nothing can listen at [::1]:80: ")
    assert words in sentence
