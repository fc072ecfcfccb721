"""snapshot-bot: arguments and exit codes, nothing else."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import io
import os
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from bot import app, cli, cli_grants
from bot.clock import SystemClock
from bot.domain.access import Action, Role
from bot.domain.errors import BotError, StoreFailed, StoreMissing
from bot.domain.orders import read_alias
from bot.domain.terminal_text import harmless
from bot.logs import configure_logs
from bot.settings import SettingsError, StoreSettings, load_settings, load_store
from bot.simulator import demo
from bot.simulator.setting import Setting, read_world
from bot.slack.client.scopes import SCOPES

OK, FAILED, BAD_USE = 0, 1, 2

STOP_SECONDS = 9.0
"""A stop may take 10 s in all, whatever hangs."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 well, 1 refused or failed, 2 bad configuration or bad use."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that has no such letters ends no command
    options = _parser().parse_args(arguments)
    try:
        code: int = asyncio.run(options.run(options))
    except SettingsError as exc:
        cli.complain(exc.sentence)
        return BAD_USE
    except (StoreMissing, StoreFailed) as exc:
        cli.complain(exc.sentence)
        return FAILED
    except BotError as exc:
        cli.complain(exc.sentence)
        return BAD_USE
    except KeyboardInterrupt:
        return OK
    return code


class _Parser(argparse.ArgumentParser):
    """One whose complaint about what was typed is harmless itself."""

    def error(self, message: str) -> NoReturn:
        super().error(harmless(message))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="snapshot-bot", description="Standard snapshots of Huawei Cloud EVS disks, asked for in Slack."
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="the bot itself")
    _runs(run, _run)

    play = commands.add_parser("demo", help="the bot against a simulated cloud and Slack, here in the terminal")
    play.add_argument(
        "--port", type=int, default=0, metavar="N", help="where the simulated Slack listens (any free port)"
    )
    play.add_argument("--once", action="store_true", help="stop after the played backup")
    play.set_defaults(run=_demo)

    simulate = commands.add_parser("simulate", help="the simulated cloud and Slack alone")
    simulate.add_argument("--slack-port", type=int, default=0, metavar="N", help="any free port by default")
    simulate.add_argument("--cloud-port", type=int, default=0, metavar="N", help="any free port by default")
    simulate.add_argument("--world", type=Path, metavar="FILE", help="JSON with other people, channels and disks")
    simulate.set_defaults(run=_simulate)

    _add_grants(commands.add_parser("grants", help="who may do what where, without Slack"))

    _add_requests(commands.add_parser("requests", help="what was asked and how it stands, without Slack"))
    _add_audit(commands.add_parser("audit", help="the audit trail"))
    return parser


def _add_grants(grants: argparse.ArgumentParser) -> None:
    subject: dict[str, Any] = {"metavar": "SUBJECT", "help": "user:U…, group:S… or everyone"}
    project: dict[str, Any] = {"type": read_alias, "metavar": "PROJECT", "help": "an alias, or * for every project"}
    roles: dict[str, Any] = {"choices": [role.value for role in Role], "metavar": "ROLE", "help": ", ".join(Role)}
    verbs = grants.add_subparsers(required=True, metavar="list | add | remove | explain | import | export")

    listing = verbs.add_parser("list", help="every grant and where it stands")
    listing.add_argument("--project", type=read_alias, metavar="P", help="only what counts in this project")
    _runs(listing, _with_rights(cli_grants.list_grants))

    add = verbs.add_parser("add", help="give a role")
    add.add_argument("subject", **subject)
    add.add_argument("role", **roles)
    add.add_argument("project", **project)
    add.add_argument("--for", dest="lasting", metavar="8h", help="s, m, h or d; for good by default")
    _runs(add, _with_rights(cli_grants.add_grant))

    remove = verbs.add_parser("remove", help="take back what was granted by command")
    remove.add_argument("subject", **subject)
    remove.add_argument("role", nargs="?", **roles)
    remove.add_argument("project", **project)
    _runs(remove, _with_rights(cli_grants.remove_grant))

    explain = verbs.add_parser("explain", help="what would be decided, by which rule and why")
    explain.add_argument("subject", **subject)
    explain.add_argument("action", choices=[str(action) for action in Action], metavar="ACTION", help=", ".join(Action))
    explain.add_argument("project", type=read_alias, metavar="PROJECT")
    explain.add_argument("--channel", default="", metavar="C", help="the id of the channel it is asked from")
    explain.add_argument("--group", action="append", default=[], metavar="S", help="a user group they are in")
    _runs(explain, _with_rights(cli_grants.explain_grant))

    take_in = verbs.add_parser("import", help="make the rows of a file what it says; prints its plan")
    take_in.add_argument("file", type=Path, metavar="FILE", help="TOML with [[grants]] as in bot.toml")
    take_in.add_argument("--apply", action="store_true", help="do it; without this nothing changes")
    _runs(take_in, _with_rights(cli_grants.import_grants))

    export = verbs.add_parser("export", help="every grant as TOML that import reads back")
    _runs(export, _with_rights(cli_grants.export_grants))


def _add_requests(requests: argparse.ArgumentParser) -> None:
    verbs = requests.add_subparsers(required=True, metavar="list | show ID")
    listing = verbs.add_parser("list", help="the latest requests")
    listing.add_argument(
        "--unreviewed", action="store_true", help="only those that ran without approval and wait for review"
    )
    _runs(listing, _with_store(cli.list_requests))
    show = verbs.add_parser("show", help="one request, by the id of the request, its job or its snapshot")
    show.add_argument("id", metavar="ID")
    _runs(show, _with_store(cli.show_request))


def _add_audit(audit: argparse.ArgumentParser) -> None:
    verbs = audit.add_subparsers(required=True, metavar="export | verify")
    export = verbs.add_parser("export", help="every row as a line of JSON")
    export.add_argument("--since", metavar="YYYY-MM-DD", help="only rows from this day on, in UTC")
    _runs(export, _with_store(cli.export_audit))
    verify = verbs.add_parser("verify", help="check that the trail is whole, from its first row to its last")
    verify.add_argument("--head", metavar="SEQ:HASH", help="a head as it was posted: it must still be there")
    _runs(verify, _with_store(cli.verify_audit))


def _runs(parser: argparse.ArgumentParser, run: _Run) -> None:
    """The command is done by `run`, with the configuration that `--config` names."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="BOT_CONFIG, or bot.toml, by default")
    parser.set_defaults(run=run)


async def _run(options: argparse.Namespace) -> int:
    settings = load_settings(os.environ, options.config)
    configure_logs(settings.log_format, settings.log_level, settings.secrets())
    stopped = _on_signal()
    starting = asyncio.ensure_future(app.start(settings, SystemClock()))
    signalled = asyncio.ensure_future(stopped.wait())
    await asyncio.wait({starting, signalled}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        return OK
    try:
        bot = starting.result()
        return await _until_it_ends(bot, signalled)
    finally:
        signalled.cancel()


async def _until_it_ends(bot: app.Bot, signalled: asyncio.Future[Any]) -> int:
    """By a signal, or because a part of it ended by itself: then with a sentence, as it has to be started again."""
    gc.collect()
    gc.freeze()  # what stays for good is not looked through again and again while everybody waits
    failed = asyncio.ensure_future(bot.failed())
    await asyncio.wait({signalled, failed}, return_when=asyncio.FIRST_COMPLETED)
    code = OK
    if failed.done():
        _complain(failed.result())
        code = FAILED
    failed.cancel()
    try:
        await asyncio.wait_for(bot.stop(), STOP_SECONDS)
    except TimeoutError:
        _complain("Something did not end in time and was left behind; nothing that was recorded is lost.")
        code = FAILED
    return code


def _complain(sentence: str) -> None:
    with contextlib.suppress(OSError):  # the disk that is full may be the one under the log
        cli.complain(sentence)


async def _demo(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="snapshot-bot-demo-") as directory:
        setting = Setting(Path(directory), scopes=SCOPES)
        return await demo.play(setting, _start_quietly, once=options.once, slack_port=options.port)


async def _start_quietly(environment: Mapping[str, str]) -> Callable[[], Awaitable[None]]:
    """A bot for the demo: its log would stand between the lines of the channel, so only trouble is shown."""
    settings = load_settings(environment)
    configure_logs("console", "WARNING", settings.secrets())
    bot = await app.start(settings, SystemClock())
    return bot.stop


async def _simulate(options: argparse.Namespace) -> int:
    try:
        world = read_world(options.world) if options.world else None
    except ValueError as exc:
        cli.complain(str(exc))
        return BAD_USE
    stopped = _on_signal()
    with tempfile.TemporaryDirectory(prefix="snapshot-bot-simulation-") as directory:
        setting = Setting(Path(directory), scopes=SCOPES, world=world)
        await setting.start(slack_port=options.slack_port, cloud_port=options.cloud_port)
        cloud = f"the cloud at {setting.cloud.url}, its servers (ECS) at {setting.cloud.ecs_url}"
        print(f"# Slack at {setting.workspace.url}, {cloud}. In another terminal:")
        for name, value in setting.environment().items():
            print(f"export {name}='{value}'")
        print("snapshot-bot run", flush=True)
        await stopped.wait()
        await setting.stop()
    return OK


_Command = Callable[[StoreSettings, argparse.Namespace], Awaitable[int]]
_Run = Callable[[argparse.Namespace], Awaitable[int]]


def _with_store(command: _Command, *, rights: bool = False) -> _Run:
    """For commands that need the store alone: no token, no secret of a cloud, and nothing else of bot.toml."""

    async def run(options: argparse.Namespace) -> int:
        return await command(load_store(os.environ, options.config, rights=rights), options)

    return run


def _with_rights(command: _Command) -> _Run:
    """The same with the projects and grants of bot.toml."""
    return _with_store(command, rights=True)


def _on_signal() -> asyncio.Event:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    return stopped


if __name__ == "__main__":
    sys.exit(main())
