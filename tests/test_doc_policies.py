"""The worked examples of a policy: each bot.toml is read, and each decision that is shown is the one that is made."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.domain.access import decide, glass_stays
from bot.domain.actors import AccountKind, Actor
from bot.domain.daily_limit import Usage
from bot.domain.denials import Denied
from bot.domain.orders import Create
from bot.domain.parsing.commands import read_command
from bot.domain.roles import Action
from bot.settings import Settings, load_settings
from tests.test_cli_grants import Run, run
from tests.test_docs import TEXT

__all__ = ["run"]

LEFT_OUT = """
project_id = "{:032x}"
region = "ap-southeast-3"
credentials = "vm"
"""
EXAMPLES = {
    part.splitlines()[0]: part for part in re.split(r"^## ", TEXT["docs/policy-examples.md"], flags=re.MULTILINE)[1:]
}


def block(example: str, language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", EXAMPLES[example], re.DOTALL)
    return found[1] if found else ""


def settings_of(example: str) -> Settings:
    """Read as `run` reads them, with what the document leaves out."""
    left_out = iter(range(1, 9))
    text = re.sub(
        r"^\[projects\..*\]$",
        lambda head: head[0] + LEFT_OUT.format(next(left_out)),
        block(example, "toml"),
        flags=re.M,
    )
    Path("bot.toml").write_text(f'[credentials.vm]\nkind = "agency"\n\n{text}', "utf-8")
    return load_settings({"SLACK_BOT_TOKEN": "xoxb-1234", "SLACK_APP_TOKEN": "xapp-1234"}, Path("bot.toml"))


def test_there_are_ten() -> None:
    assert len(EXAMPLES) == 10


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_decided_as_it_says(example: str, run: Run) -> None:
    assert settings_of(example).grants
    shown = re.split(r"^\$ ", block(example, "console"), flags=re.MULTILINE)[1:]
    for command, *answer in (one.splitlines() for one in shown):
        said = run(*shlex.split(command)[2:])
        assert said.out.splitlines()[:-1] == answer, command
        assert said.out.splitlines()[-1].startswith("Assumed, because Slack was not asked")
        assert said.code == (answer[0] not in ("rule: granted", "rule: approval-needed"))
    assert shown or block(example, "slack")


def test_what_is_typed_without_approval_is_answered_as_it_says(run: Run) -> None:
    example = next(one for one in EXAMPLES if one.startswith("6."))
    project = settings_of(example).projects["payments-prod"]
    typed = re.split(r"^/snapshot ", block(example, "slack"), flags=re.MULTILINE)[1:]
    answers = []
    for text in typed:
        words, _, answer = text.strip().partition("\n")
        order = read_command(words)
        assert isinstance(order, Create)
        denied = glass_stays(project, order)
        answers.append((denied.explanation if denied else "", answer))
    assert len(answers) == 3
    assert [said for said, _ in answers] == [shown for _, shown in answers]


def test_the_limit_of_a_day_is_answered_as_it_says(run: Run) -> None:
    example = next(one for one in EXAMPLES if one.startswith("7."))
    settings = settings_of(example)
    actor = Actor("U0BOB00002", AccountKind.MEMBER, frozenset())
    asked = (actor, Action.CREATE, "staging", settings.projects["staging"], "C0OPS00001", settings.grants)
    denied = decide(*asked, datetime.now(UTC), Usage(today=20, wanted=1))
    assert isinstance(denied, Denied)
    assert denied.explanation == block(example, "slack").splitlines()[1]
    assert not isinstance(decide(*asked, datetime.now(UTC), Usage(today=19, wanted=1)), Denied)
