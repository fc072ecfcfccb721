"""The bot as the image and the unit run it: as a user without rights, with one folder that it may write."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.street import Street, a_street

USER = 10001
READS = "dac_read_search"
"""The one right that is left: the interpreter of a developer lies where only they may read."""

CONFINED = """
import os, sys
state, user, kept = sys.argv[1:4]
confine = '''
    mount --make-rprivate / && mount --bind "$0" "$0" && mount -o remount,bind,ro / && cd "$0" && exec "$@"
'''
rights = [f"--{which}=-all,+{kept}" for which in ("inh-caps", "ambient-caps", "bounding-set")]
bare = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--no-new-privs", *rights]
run = [*bare, sys.executable, "-m", "bot", *sys.argv[4:]]
os.execvp("unshare", ["unshare", "--mount", "sh", "-c", confine, state, *run])
"""


def can_confine() -> bool:
    if os.geteuid() != 0 or not (shutil.which("unshare") and shutil.which("setpriv")):
        return False
    return subprocess.run(["unshare", "--mount", "mount", "--make-rprivate", "/"], check=False).returncode == 0


pytestmark = pytest.mark.skipif(not can_confine(), reason="only root may make a file system read-only for one process")


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    os.chown(state, USER, USER)
    root = str(Path(__file__).parents[2])
    async with a_street(tmp_path, BOT_STORE=f"sqlite:///{state}/snapshot-bot.db", PYTHONPATH=root) as street:
        street.bot.program = ("-c", CONFINED, str(state), str(USER), READS)
        yield street


async def test_it_ends_what_is_asked_and_writes_nothing_but_its_state(street: Street, tmp_path: Path) -> None:
    await street.start()
    process = street.bot.process
    assert process is not None
    here = Path(f"/proc/{process.pid}")
    told = dict(line.split(":\t", 1) for line in (here / "status").read_text("ascii").splitlines() if ":\t" in line)
    assert (told["Uid"].split(), told["NoNewPrivs"]) == ([str(USER)] * 4, "1")
    assert int(told["CapEff"], 16) == int(told["CapBnd"], 16) == 1 << 2
    top = next(line for line in (here / "mountinfo").read_text("utf-8").splitlines() if line.split()[4] == "/")
    assert "ro" in top.split()[5].split(",")

    await street.say_until_taken("create web-01-data", "#inc-demo", random.Random(1))
    ((request, (item,)),) = await street.until_all_is_said(timeout=60)
    assert (str(request.state), str(item.state)) == ("finished", "available")
    files = [path.stat() for path in (tmp_path / "state").iterdir()]
    assert {(one.st_uid, one.st_mode & 0o777) for one in files} == {(USER, 0o600)}
    assert await street.bot.signal(signal.SIGTERM) == 0
    assert "Read-only" not in street.bot.text()
