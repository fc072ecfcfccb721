"""What was written as text, as the Web API gives it back."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.simulator.workspace import WorkspaceSimulator
from bot.simulator.workspace.rich_text import blocks_of


def text(words: str, *styles: str) -> dict[str, Any]:
    return {"type": "text", "text": words} | ({"style": dict.fromkeys(styles, True)} if styles else {})


@pytest.mark.parametrize(
    ("written", "leaves"),
    [
        ("a &amp; b &lt;c&gt;", [text("a & b <c>")]),
        (
            "*now* _or_ ~never~",
            [text("now", "bold"), text(" "), text("or", "italic"), text(" "), text("never", "strike")],
        ),
        ("`a*b*`", [text("a*b*", "code")]),
        ("a_b_c 2*3*4 10:42:03", [text("a_b_c 2*3*4 10:42:03")]),
        (
            "<@U1|bob>\n<#C1|ops>",
            [{"type": "user", "user_id": "U1"}, text("\n"), {"type": "channel", "channel_id": "C1"}],
        ),
        ("<!here>", [{"type": "broadcast", "range": "here"}]),
        ("<!subteam^S1|@dbas>", [{"type": "usergroup", "usergroup_id": "S1"}]),
        ("<!date^1^{time}|10:00 UTC>", [text("10:00 UTC")]),
        ("<https://x.test/?a=1&amp;b=2|X>", [{"type": "link", "url": "https://x.test/?a=1&b=2", "text": "X"}]),
        ("*<https://x.test>*", [{"type": "link", "url": "https://x.test", "style": {"bold": True}}]),
        (":tada:", [{"type": "emoji", "name": "tada"}]),
    ],
)
def test_each_sign_of_mrkdwn_becomes_its_element(written: str, leaves: list[dict[str, Any]]) -> None:
    (block,) = blocks_of(written)
    assert block["elements"] == [{"type": "rich_text_section", "elements": leaves}]


def test_quotes_and_fences_are_parts_of_their_own() -> None:
    (block,) = blocks_of("first\n> one\n&gt; two\n```\n*x*\n```last")
    assert [(part["type"], part["elements"]) for part in block["elements"]] == [
        ("rich_text_section", [text("first\n")]),
        ("rich_text_quote", [text("one\ntwo")]),
        ("rich_text_preformatted", [text("*x*")]),
        ("rich_text_section", [text("last")]),
    ]


async def test_a_text_alone_comes_back_with_blocks_in_the_answers(
    sim: WorkspaceSimulator, client: AsyncWebClient
) -> None:
    posted = await client.chat_postMessage(channel="C0OPS00001", text="*done*")
    (block,) = posted["message"]["blocks"]
    assert block["elements"][0]["elements"] == [text("done", "bold")]
    updated = await client.chat_update(channel="C0OPS00001", ts=posted["ts"], text="again")
    assert (updated["text"], updated["message"]["text"]) == ("again", "again")
    assert updated["message"]["blocks"][0]["block_id"] != block["block_id"]
    assert sim.message("#ops", posted["ts"]).blocks == []


async def test_blocks_that_were_given_stay_the_only_ones(client: AsyncWebClient) -> None:
    posted = await client.chat_postMessage(channel="C0OPS00001", text="x", blocks=[{"type": "divider"}])
    assert [block["type"] for block in posted["message"]["blocks"]] == ["divider"]
