"""manifest.yml, the code and the documents say the same."""

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
USE = (ROOT / "docs" / "use.md").read_text(encoding="utf-8")
INSTALL = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")


def test_the_manifest_asks_for_exactly_the_scopes_and_events_the_code_uses() -> None:
    assert tuple(MANIFEST["oauth_config"]["scopes"]["bot"]) == SCOPES
    assert tuple(MANIFEST["settings"]["event_subscriptions"]["bot_events"]) == EVENTS


def test_the_listeners_hear_exactly_the_events_of_the_manifest() -> None:
    heard = re.findall(r'app\.event\("(\w+)"\)', LISTENERS)
    assert sorted(heard) == sorted(EVENTS)


def test_every_shortcut_of_the_manifest_opens_the_form_and_is_explained() -> None:
    shortcuts = {item["callback_id"]: item["name"] for item in MANIFEST["features"]["shortcuts"]}
    assert shortcuts.keys() == {NEW_SNAPSHOT, BACKUP_FOR_MESSAGE}
    assert len(re.findall(r"app\.shortcut, \w+, {ids\.(?:NEW_SNAPSHOT|BACKUP_FOR_MESSAGE):", LISTENERS)) == len(
        shortcuts
    )
    for name in shortcuts.values():
        assert f"*{name}*" in USE
        assert f"*{name}*" in INSTALL


@pytest.mark.parametrize("word", [*SCOPES, *EVENTS])
def test_it_is_documented_what_each_scope_and_event_is_for(word: str) -> None:
    rows = [line for line in INSTALL.splitlines() if line.startswith("|") and f"`{word}`" in line]
    assert rows, f"docs/install.md does not explain {word}"


def test_slack_sends_mentions_and_links_as_entities() -> None:
    assert all(command["should_escape"] for command in MANIFEST["features"]["slash_commands"])


def test_the_manifest_fits_slacks_schema() -> None:
    jsonschema.validate(MANIFEST, json.loads(SCHEMA.read_text(encoding="utf-8")))
