"""manifest.yml, the code and the documents say the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from bot.__main__ import main
from bot.cli_manifest import over_http
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


def test_the_manifest_for_http_sends_everything_to_one_address_and_differs_in_nothing_else() -> None:
    text = over_http((ROOT / "manifest.yml").read_text(encoding="utf-8"), "https://bot.example.com")
    over: dict[str, Any] = yaml.safe_load(text)
    jsonschema.validate(over, json.loads(SCHEMA.read_text(encoding="utf-8")))
    commands, settings = over["features"]["slash_commands"], over["settings"]
    places = [
        *((command, "url") for command in commands),
        (settings["event_subscriptions"], "request_url"),
        (settings["interactivity"], "request_url"),
        (settings["interactivity"], "message_menu_options_url"),
    ]
    assert {place.pop(key) for place, key in places} == {"https://bot.example.com/slack/events"}
    assert settings.pop("socket_mode_enabled") is False
    assert over == {
        **MANIFEST,
        "settings": {k: v for k, v in MANIFEST["settings"].items() if k != "socket_mode_enabled"},
    }


@pytest.mark.parametrize(
    "url", ["https://bot.example.com", "https://bot.example.com/", "https://bot.example.com/slack/events"]
)
def test_the_address_is_named_with_or_without_its_path(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["manifest", "--http", url]) == 0
    assert capsys.readouterr().out.count("https://bot.example.com/slack/events\n") == 4


@pytest.mark.parametrize("url", ["bot.example.com", "http://bot.example.com", "https://bot.example.com?x=1"])
def test_what_is_no_address_for_slack_is_refused(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["manifest", "--http", url])
    assert refused.value.code == 2
    assert "http" in capsys.readouterr().err
