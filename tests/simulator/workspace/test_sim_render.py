from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.simulator.workspace import WorkspaceSimulator, default_world
from bot.simulator.workspace.render import EMOJI, blocks_text, mrkdwn_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<@U0ALICE001> in <#C0OPS00001>", "@alice in #ops"),
        ("<#C0PRIVATE2|> and <@U0NOBODY|nobody>", "#db-oncall and @nobody"),
        ("<!subteam^S0DBADMIN1>", "@db-admins"),
        ("<!date^1767225600^{date_short_pretty} {time}|fallback>", "Jan 1, 2026 00:00 UTC"),
        ("<https://x.test/job|the job> <https://x.test>", "the job (https://x.test/job) https://x.test"),
        ("a &lt;b&gt; &amp;amp; c", "a <b> &amp; c"),
        (":white_check_mark: :camera: :unheard_of:", "✅ 📷 :unheard_of:"),
        ("<!channel> look", "📢 @CHANNEL 📢 look"),
        ("&lt;!channel&gt; look", "<!channel> look"),
    ],
)
def test_entities_are_shown_as_people_see_them(text: str, shown: str) -> None:
    assert mrkdwn_text(text, default_world()) == shown


def test_every_sign_of_the_bots_messages_is_drawn() -> None:
    files = (Path(__file__).parents[2] / "golden").glob("*.json")
    used = {sign for file in files for sign in re.findall(r":([a-z_]+):", file.read_text())}
    assert used and used <= set(EMOJI)


def test_blocks_that_hold_others_have_theirs() -> None:
    def plain(text: str) -> dict[str, Any]:
        return {"type": "plain_text", "text": text}

    leaf = {"type": "text", "text": "2 of 2"}
    rich = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [leaf]}]}
    button = {"type": "button", "action_id": "a", "text": plain("Open")}
    task = {"type": "task_card", "task_id": "1", "title": "vol-1", "status": "complete", "output": rich}
    card = {"type": "card", "title": plain("A card"), "body": plain("with words"), "actions": [button]}
    rate = {"positive_button": {"text": plain("Good")}, "negative_button": {"text": plain("Bad")}}
    cells = [{"type": "raw_text", "text": "disk"}, rich]
    blocks: list[dict[str, Any]] = [
        {"type": "plan", "title": "Backup", "tasks": [task, {**task, "status": "error", "output": None}]},
        {"type": "container", "title": plain("Details"), "child_blocks": [{"type": "divider"}, card]},
        {"type": "carousel", "elements": [card]},
        {"type": "table", "rows": [cells]},
        {"type": "alert", "text": plain("Careful")},
        {"type": "video", "title": plain("How")},
        {"type": "context_actions", "elements": [{"type": "feedback_buttons", **rate}, button]},
    ]
    assert blocks_text(blocks, default_world()).splitlines() == [
        "Backup",
        "✓ vol-1",
        "  2 of 2",
        "✕ vol-1",
        "Details",
        f"  {'─' * 32}",
        "  A card",
        "  with words",
        "  [ Open ]",
        "A card",
        "with words",
        "[ Open ]",
        "disk | 2 of 2",
        "! Careful",
        "(video: How)",
        "[ Good ]  [ Bad ]  [ Open ]",
    ]


def test_each_kind_of_block_has_its_lines() -> None:
    def mrkdwn(text: str) -> dict[str, Any]:
        return {"type": "mrkdwn", "text": text}

    def plain(text: str) -> dict[str, Any]:
        return {"type": "plain_text", "text": text}

    option = {"text": plain("orders"), "value": "1"}
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": plain("Snapshot")},
        {"type": "section", "text": mrkdwn("*by* <@U0BOB00002>"), "fields": [mrkdwn("*Disk*\nvol-1")]},
        {"type": "context", "elements": [mrkdwn("10:42"), plain("id 7")]},
        {
            "type": "actions",
            "elements": [
                {"type": "button", "text": plain("Cancel"), "action_id": "a"},
                {"type": "static_select", "action_id": "b", "placeholder": plain("Pick"), "options": [option]},
            ],
        },
        {"type": "image", "image_url": "https://x.test/a.png", "alt_text": "a chart"},
    ]
    assert blocks_text(blocks, default_world()).splitlines() == [
        "# Snapshot",
        "*by* @bob",
        "• *Disk* vol-1",
        "10:42 · id 7",
        "[ Cancel ]  [ Pick ▾ ]",
        "(image: a chart)",
    ]


async def test_a_channel_is_drawn_with_threads_and_what_only_the_viewer_sees(
    sim: WorkspaceSimulator, client: AsyncWebClient
) -> None:
    parent = await client.chat_postMessage(channel="C0OPS00001", text="Snapshot *nightly* :hourglass_flowing_sand:")
    await sim.say("bob", "#ops", "thanks", thread_ts=parent["ts"])
    await client.chat_postEphemeral(channel="C0OPS00001", user="U0ALICE001", text="psst")
    await client.chat_update(channel="C0OPS00001", ts=parent["ts"], text="Snapshot *nightly* :white_check_mark:")
    assert sim.render("#ops", "alice") == (
        "#ops\n"
        "────────────────────────\n"
        "Snapshot Bot APP (edited)  00:00:00\n"
        "  Snapshot *nightly* ✅\n"
        "\n"
        "  │ bob  00:00:00\n"
        "  │   thanks\n"
        "\n"
        "Snapshot Bot APP  00:00:00\n"
        "  👁 Only visible to you\n"
        "  psst\n"
    )
    assert "psst" not in sim.render("#ops")


async def test_lines_are_wrapped_to_the_width(sim: WorkspaceSimulator, client: AsyncWebClient) -> None:
    await client.chat_postMessage(channel="C0OPS00001", text="word " * 40)
    assert max(len(line) for line in sim.render("#ops", width=40).splitlines()) <= 40


async def test_a_screen_reader_has_only_the_text(sim: WorkspaceSimulator, client: AsyncWebClient) -> None:
    header = {"type": "header", "text": {"type": "plain_text", "text": "Only seen"}}
    await client.chat_postMessage(channel="C0OPS00001", text="Done by <@U0BOB00002>", blocks=[header])
    assert sim.screen_reader("#ops") == ["Done by @bob"]
