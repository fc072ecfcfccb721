"""The bot's configuration of a described world, read back by what reads TOML."""

from __future__ import annotations

import tomllib

from bot.simulator.bot_config import config_text


def test_what_a_world_says_of_the_bot_is_read_back_as_it_was_said() -> None:
    described = {
        "cloud": {"busy_retry_seconds": 10},
        "projects": {"a-b": {"approvals": 1, "region": "x", "channels": ["C1", "C2"]}, "own": {"evs_endpoint": "e"}},
        "grants": [{"subject": "user:U1", "role": "admin", "project": 'odd "name"\n'}, {"subject": "everyone"}],
    }
    read = tomllib.loads(config_text(described, "http://cloud", "http://servers"))
    assert read["cloud"] == described["cloud"] and read["grants"] == described["grants"]
    here = {"evs_endpoint": "http://cloud", "iam_endpoint": "http://cloud", "ecs_endpoint": "http://servers"}
    assert read["projects"]["a-b"] == {
        **here,
        "console_url": "",
        "approvals": 1,
        "region": "x",
        "channels": ["C1", "C2"],
    }
    assert read["projects"]["own"]["evs_endpoint"] == "e"
