"""The options: each command's are known ones, and no word is read as two of them."""

from __future__ import annotations

import pytest

from bot.domain.options import CREATE_HELP, CREATE_OPTIONS, OPTIONS, OPTIONS_OF, is_called, key_in, key_meant
from bot.domain.orders import Create
from bot.domain.parsing.commands import KNOWN, read_command


@pytest.mark.parametrize("verb", OPTIONS_OF)
def test_a_command_takes_options_that_there_are(verb: str) -> None:
    assert verb in KNOWN
    assert set(OPTIONS_OF[verb]) <= set(OPTIONS)


@pytest.mark.parametrize("verb", OPTIONS_OF)
def test_no_word_means_two_options_of_one_command(verb: str) -> None:
    known = OPTIONS_OF[verb]
    words = [word for one in known for word in OPTIONS[one].others.split()]
    assert [word for word in words if sum(is_called(one, word) for one in known) > 1] == []


@pytest.mark.parametrize("option", CREATE_OPTIONS)
def test_every_option_of_create_is_a_field_of_the_order(option: str) -> None:
    assert f"{option}_days" in Create.__slots__ or option in Create.__slots__


def test_help_tells_every_option_of_create_but_the_one_for_emergencies() -> None:
    assert [option for option in CREATE_OPTIONS if f"`{option}=" not in CREATE_HELP] == ["break_glass"]


@pytest.mark.parametrize(("text", "value"), [("keep=2d", 2), ("keep=7", 7)])
def test_what_is_typed_becomes_a_value(text: str, value: int) -> None:
    order = read_command(f"create web-01 {text}")
    assert isinstance(order, Create) and order.keep_days == value


def test_a_key_is_read_in_any_case_and_a_word_for_it_is_only_meant() -> None:
    assert (key_in("Instant-Access"), key_in("ttl"), key_meant("ttl")) == ("instant_access", None, "keep")
    assert key_meant("web-01") is None
