"""Who the bot is: asked of Slack over a real socket until it answers, and not again once the token is refused."""

from __future__ import annotations

import aiohttp
import pytest

from bot.simulator.workspace import WorkspaceSimulator
from bot.slack.client.identity import ASK_AGAIN_SECONDS, SlackRefusedToken, identity_of, web_client
from tests.builders import FakeClock


@pytest.mark.parametrize(
    ("kind", "options"),
    [("status", {"status": 503}), ("ratelimited", {"retry_after": 30}), ("malformed", {})],
)
async def test_it_is_asked_until_slack_answers(slack: WorkspaceSimulator, kind: str, options: dict[str, float]) -> None:
    clock = FakeClock()
    slack.fault(kind, method="auth.test", times=5, **options)
    async with aiohttp.ClientSession() as http:
        identity = await identity_of(web_client(slack.api_url, http, slack.bot_token), clock)
    assert identity.team_id == slack.world.team_id
    assert clock.monotonic() == 5 * ASK_AGAIN_SECONDS


async def test_a_token_that_slack_refuses_is_not_tried_again(slack: WorkspaceSimulator) -> None:
    async with aiohttp.ClientSession() as http:
        with pytest.raises(SlackRefusedToken, match="invalid_auth"):
            await identity_of(web_client(slack.api_url, http, "xoxb-not-ours"), FakeClock())
    assert [call["method"] for call in slack.api_calls()] == ["auth.test"]
