"""manifest.yml, the code and README.md say the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from bot.slack.client.scopes import EVENTS, SCOPES
from bot.slack.ids import BACKUP_FOR_MESSAGE, NEW_SNAPSHOT

ROOT = Path(__file__).parent.parent
SCHEMA = ROOT / "tests" / "data" / "slack-manifest.schema.json"
"""Slack's own, unmodified: slackapi/manifest-schema, schemas/manifest.schema.2.0.0.json (MIT)."""
MANIFEST: dict[str, Any] = yaml.safe_load((ROOT / "manifest.yml").read_text(encoding="utf-8"))
LISTENERS = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "bot" / "slack").rglob("*.py")))
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_manifest_asks_for_exactly_the_scopes_and_events_the_code_uses() -> None:
    assert tuple(MANIFEST["oauth_config"]["scopes"]["bot"]) == SCOPES
    assert tuple(MANIFEST["settings"]["event_subscriptions"]["bot_events"]) == EVENTS


def test_the_listeners_hear_exactly_the_events_of_the_manifest() -> None:
    heard = re.findall(r'app\.event\("(\w+)"\)', LISTENERS)
    assert sorted(heard) == sorted(EVENTS)


def test_every_shortcut_of_the_manifest_opens_the_form_and_is_in_the_readme() -> None:
    shortcuts = {item["callback_id"]: item["name"] for item in MANIFEST["features"]["shortcuts"]}
    assert shortcuts.keys() == {NEW_SNAPSHOT, BACKUP_FOR_MESSAGE}
    assert len(re.findall(r"app\.shortcut\((?:NEW_SNAPSHOT|BACKUP_FOR_MESSAGE)\)", LISTENERS)) == len(shortcuts)
    for name in shortcuts.values():
        assert f"*{name}*" in README


@pytest.mark.parametrize("word", [*SCOPES, *EVENTS])
def test_the_readme_says_what_each_scope_and_event_is_for(word: str) -> None:
    rows = [line for line in README.splitlines() if line.startswith("|") and f"`{word}`" in line]
    assert rows, f"README.md does not explain {word}"


def test_every_command_and_option_is_in_the_readme() -> None:
    from bot.domain.commands import KNOWN
    from bot.domain.orders import CREATE_OPTIONS, QUICK_OPTIONS

    for word in KNOWN:
        assert f"| `{word}" in README or f", `{word}" in README, word
    for option in CREATE_OPTIONS:
        assert f"| `{option}=" in README, option
    for option in QUICK_OPTIONS:
        assert f"| `{option}=" in README or f", `{option}=" in README, option


def test_slack_sends_mentions_and_links_as_entities() -> None:
    assert all(command["should_escape"] for command in MANIFEST["features"]["slash_commands"])


def test_the_manifest_fits_slacks_schema() -> None:
    jsonschema.validate(MANIFEST, json.loads(SCHEMA.read_text(encoding="utf-8")))
