"""What the demo's page asks the bot's own rules."""

from __future__ import annotations

from pathlib import Path

from bot.cli_demo import explaining
from bot.simulator.demo_world import demo_world
from bot.simulator.setting import Setting
from bot.slack.client.scopes import SCOPES


async def test_many_questions_about_rights_ask_the_workspace_once_for_each_person(tmp_path: Path) -> None:
    setting = Setting(tmp_path, scopes=SCOPES, world=demo_world())
    await setting.start()
    async with explaining(setting) as explain:
        for _ in range(60):
            found = await explain("U0ALICE001", "create", "payments-prod", "C0INCDEMO1")
            assert (found["allowed"], found["rule"]) == (True, "granted")
        assert str(found["told"]).startswith("Alice may create in payments-prod")
        assert not (await explain("U0CAROL009", "create", "payments-prod", "C0INCDEMO1"))["allowed"]
    asked = {method: len(setting.workspace.api_calls(method)) for method in ("users.info", "usergroups.list")}
    assert asked == {"users.info": 2, "usergroups.list": 1}
    await setting.stop()
