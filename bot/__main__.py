"""snapshot-bot: arguments and exit codes, nothing else."""

from __future__ import annotations

import argparse
import gc
import importlib
import io
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from bot.domain.roles import Action, Role
from bot.domain.terminal_text import harmless

if TYPE_CHECKING:
    import asyncio

    from bot import (
        cli,
        cli_audit,
        cli_check,
        cli_completion,
        cli_demo,
        cli_grants,
        cli_manifest,
        cli_pipeline,
        cli_requests,
        cli_run,
        cli_store,
    )
    from bot.domain import options as typed
    from bot.settings import StoreSettings


class _Late:
    """A module that is imported once one of its functions is called: no `--help` waits for what commands need."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, function: str) -> Callable[..., Any]:
        def called(*given: Any) -> Any:
            with _all_of_it_stays():
                module = importlib.import_module(self._name)
            return getattr(module, function)(*given)

        called.__name__ = function  # argparse names it in a complaint
        return called


@contextmanager
def _all_of_it_stays() -> Iterator[None]:
    """Around imports: what they make is not searched for what could be freed, which takes a fifth of a start."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


if not TYPE_CHECKING:
    cli_run, cli_check, cli_demo = map(_Late, ("bot.cli_run", "bot.cli_check", "bot.cli_demo"))
    cli, cli_audit, cli_requests = map(_Late, ("bot.cli", "bot.cli_audit", "bot.cli_requests"))
    cli_grants, cli_store = map(_Late, ("bot.cli_grants", "bot.cli_store"))
    cli_completion, cli_manifest = map(_Late, ("bot.cli_completion", "bot.cli_manifest"))
    cli_pipeline = _Late("bot.cli_pipeline")
    typed = _Late("bot.domain.options")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 well, 1 refused or failed, 2 bad configuration or bad use."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that has no such letters ends no command
    return _done(_parser().parse_args(arguments))


def _done(options: argparse.Namespace) -> int:
    with _all_of_it_stays():  # here, so that no help waits for it
        import asyncio

        from bot import cli
        from bot.domain.errors import BotError, StoreFailed, StoreMissing
        from bot.settings import SettingsError

    try:
        with asyncio.Runner(loop_factory=options.loop()) as runner:
            code: int = runner.run(options.run(options))
        sys.stdout.flush()
    except BrokenPipeError:  # the other end of a pipe, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return cli.FAILED
    except SettingsError as exc:
        cli.complain(exc.sentence)
        return cli.BAD_USE
    except (StoreMissing, StoreFailed) as exc:
        cli.complain(exc.sentence)
        return cli.FAILED
    except BotError as exc:
        cli.complain(exc.sentence)
        return cli.BAD_USE
    except KeyboardInterrupt:
        return cli.INTERRUPTED
    return code


class _Parser(argparse.ArgumentParser):
    """One whose complaint about what was typed is harmless itself."""

    def error(self, message: str) -> NoReturn:
        super().error(harmless(message))


class _Version(argparse.Action):
    """Looked up when it is asked for: the files of a distribution are read for that."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        from bot.version import version

        print(f"snapshot-bot {version()}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="snapshot-bot", description="Standard snapshots of Huawei Cloud EVS disks, asked for in Slack."
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="say which version this is")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    parser.set_defaults(loop=lambda: None)

    run = commands.add_parser("run", help="the bot itself")
    run.set_defaults(loop=fast_loop)
    _runs(run, cli_run.run)

    looks = commands.add_parser("check", help="whether what the bot needs is there; changes nothing")
    looks.add_argument("--json", action="store_true", help="one object, for programs")
    _runs(looks, cli_check.check)

    play = commands.add_parser("demo", help="the bot in a simulated workspace and cloud: in the browser, or right here")
    play.add_argument("--port", type=int, default=0, metavar="N", help="of the page (any free port)")
    play.add_argument("--once", action="store_true", help="play one backup here and stop")
    play.add_argument("--world", type=Path, metavar="FILE", help="JSON with another world, such as one for a game day")
    play.set_defaults(run=cli_demo.demo)

    simulate = commands.add_parser("simulate", help="the simulated cloud and Slack alone")
    simulate.add_argument("--slack-port", type=int, default=0, metavar="N", help="any free port by default")
    simulate.add_argument("--cloud-port", type=int, default=0, metavar="N", help="any free port by default")
    simulate.add_argument("--world", type=Path, metavar="FILE", help="JSON with other people, channels and disks")
    simulate.set_defaults(run=cli_demo.simulate)

    _add_grants(commands.add_parser("grants", help="who may do what where, without Slack"))

    _add_requests(commands.add_parser("requests", help="what was asked and how it stands, without Slack"))
    _add_audit(commands.add_parser("audit", help="the audit trail"))
    _add_store(commands.add_parser("store", help="all that the bot keeps: a copy of it, and back again"))
    _add_request(commands.add_parser("request", help="ask a running bot, as a step of a pipeline"))
    _add_setting_up(commands)
    return parser


def _add_setting_up(commands: Any) -> None:
    manifest = commands.add_parser("manifest", help="the manifest to make the Slack app of")
    manifest.add_argument(
        "--http", type=cli_manifest.address, metavar="URL", help="where Slack reaches the bot; else Socket Mode"
    )
    manifest.set_defaults(run=cli_manifest.print_manifest)

    completion = commands.add_parser("completion", help="a script that completes these commands in a shell")
    completion.add_argument("shell", choices=["bash", "zsh", "fish"], metavar="SHELL", help="bash, zsh or fish")
    completion.set_defaults(run=lambda options: cli_completion.print_completion(_parser(), options.shell))


def _add_grants(grants: argparse.ArgumentParser) -> None:
    subject: dict[str, Any] = {"metavar": "SUBJECT", "help": "user:U…, group:S… or everyone"}
    alias: dict[str, Any] = {"type": typed.read_alias, "metavar": "PROJECT"}
    project = {**alias, "help": "an alias, or * for every project"}
    roles: dict[str, Any] = {"choices": [role.value for role in Role], "metavar": "ROLE", "help": ", ".join(Role)}
    verbs = grants.add_subparsers(required=True, metavar="list | add | remove | explain | import | export")

    listing = verbs.add_parser("list", help="every grant and where it stands")
    listing.add_argument("--project", type=typed.read_alias, metavar="P", help="only what counts in this project")
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
    explain.add_argument("project", **alias)
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
    verbs = requests.add_subparsers(required=True, metavar="list | show ID | retry ID | cancel ID")
    listing = verbs.add_parser("list", help="the latest requests")
    listing.add_argument(
        "--unreviewed", action="store_true", help="only those that ran without approval and wait for review"
    )
    _runs(listing, _with_store(cli.list_requests))
    show = verbs.add_parser("show", help="one request, by the id of the request, its job or its snapshot")
    show.add_argument("id", metavar="ID")
    _runs(show, _with_store(cli.show_request))
    retry = verbs.add_parser("retry", help="try again what failed of a request, in the name of its requester")
    retry.add_argument("id", metavar="ID", help="of the request")
    _runs(retry, _with_rights(cli_requests.retry))
    cancel = verbs.add_parser("cancel", help="call back what of a request was not sent to the cloud yet")
    cancel.add_argument("id", metavar="ID", help="of the request, or of anything in it")
    _runs(cancel, _with_rights(cli_requests.cancel))


def _add_request(request: argparse.ArgumentParser) -> None:
    request.description = (
        "Asks the bot at BOT_URL with the token in BOT_TOKEN. Exit codes: 0 every disk available (without --wait: "
        "recorded), 1 refused or a disk failed, 2 bad use, 3 time over and still running, 4 no bot reached."
    )
    verbs = request.add_subparsers(required=True, metavar="create DISK… | quick")
    create = verbs.add_parser("create", help="snapshots of these disks")
    create.add_argument("disks", nargs="+", metavar="DISK", help="an id, or a name that is unique in the project")
    create.add_argument("--name", help="name of the snapshots")
    create.add_argument("--description", metavar="TEXT")
    create.add_argument("--tags", metavar="K:V,K:V", help="tags of the snapshots")
    create.add_argument("--enterprise-project-id", metavar="ID")
    create.add_argument("--instant-access", metavar="YES_OR_NO")
    create.add_argument("--incremental", metavar="YES_OR_NO")
    _asks(create, "create")
    quick = verbs.add_parser("quick", help="every disk of what is named, else of what the channel is bound to")
    for option, metavar in (("--server", "NAME"), ("--server-id", "ID"), ("--tag", "K:V")):
        quick.add_argument(option, action="append", metavar=metavar, help="may be given several times")
    quick.add_argument("--disks", metavar="DISK,DISK", help="ids or names")
    quick.add_argument("--confirm", action="store_true", help="show the plan, and wait for a person's press")
    _asks(quick, "quick")


def _asks(verb: argparse.ArgumentParser, name: str) -> None:
    verb.add_argument("--project", metavar="P", help="its alias; by default the channel's, or the only one")
    verb.add_argument("--channel", metavar="C", help="id of the channel it is told in; by default the project's own")
    verb.add_argument("--keep", metavar="DAYS", help="how long the snapshots are to be kept")
    verb.add_argument("--reason", metavar="TEXT", help="why")
    verb.add_argument("--key", help="the same for each try of one request: it is carried out once")
    verb.add_argument("--run-url", metavar="URL", help="the page of this run; known of the usual services by itself")
    verb.add_argument("--wait", action="store_true", help="until it has ended")
    verb.add_argument("--timeout", default="30m", metavar="30m", help="how long that may take: s, m, h or d")
    verb.add_argument("--json", action="store_true", help="print the last answer, for programs")
    verb.set_defaults(run=cli_pipeline.request, verb=name)


def _add_audit(audit: argparse.ArgumentParser) -> None:
    verbs = audit.add_subparsers(required=True, metavar="export | evidence | forget | match | verify")
    export = verbs.add_parser("export", help="every row as a line of JSON, with what its request says")
    export.add_argument("--since", metavar="YYYY-MM-DD", help="only rows from this day on, in UTC")
    export.add_argument("--until", metavar="YYYY-MM-DD", help="only rows up to the end of this day")
    export.add_argument("--project", type=typed.read_alias, metavar="P", help="only rows that name this project")
    export.add_argument("--disk", metavar="DISK", help="only of requests that took in this disk, by its id or name")
    _runs(export, _with_store(cli_audit.export_audit))
    evidence = verbs.add_parser("evidence", help="a pack for an auditor: rights, decisions, exceptions of a period")
    evidence.add_argument("--from", dest="since", required=True, metavar="YYYY-MM-DD", help="its first day, in UTC")
    evidence.add_argument("--to", dest="until", required=True, metavar="YYYY-MM-DD", help="its last day")
    evidence.add_argument("--out", required=True, metavar="FILE.zip", help="a name that no file has yet")
    _runs(evidence, _with_store(cli_audit.write_evidence))
    forget = verbs.add_parser("forget", help="forget what people typed; the trail stays whole; prints its plan")
    whose = forget.add_mutually_exclusive_group(required=True)
    whose.add_argument("--actor", metavar="U", help="in the requests of this person, by their id")
    whose.add_argument("--request", metavar="ID", help="in this request")
    forget.add_argument("--apply", action="store_true", help="do it; without this nothing changes")
    _runs(forget, _with_store(cli_store.forget))
    match = verbs.add_parser("match", help="what the last match of rows, snapshots and messages found")
    _runs(match, _with_store(cli_audit.show_match))
    verify = verbs.add_parser("verify", help="check that the trail is whole, from its first row to its last")
    verify.add_argument("--head", metavar="SEQ:HASH", help="a head as it was posted: it must still be there")
    _runs(verify, _with_store(cli_audit.verify_audit))


def _add_store(store: argparse.ArgumentParser) -> None:
    verbs = store.add_subparsers(required=True, metavar="backup FILE | restore FILE | copy --to URL | prune")
    backup = verbs.add_parser("backup", help="copy it to a new file while the bot runs, and look the copy through")
    backup.add_argument("file", type=Path, metavar="FILE", help="a name that no file has yet")
    _runs(backup, _with_store(cli_store.back_up))
    restore = verbs.add_parser(
        "restore", help="make a backup the store, while no bot runs; the one that was there is kept"
    )
    restore.add_argument("file", type=Path, metavar="FILE", help="as backup wrote it")
    _runs(restore, _with_store(cli_store.restore))
    copy = verbs.add_parser("copy", help="move it from its file to PostgreSQL or back, while no bot runs")
    copy.add_argument(
        "--to", type=cli_store.store_url, required=True, metavar="URL", help="an empty one, as [store] url"
    )
    _runs(copy, _with_store(cli_store.copy_to))
    prune = verbs.add_parser(
        "prune", help="let go of requests that ended long ago, and of what was typed; prints its plan"
    )
    prune.add_argument(
        "--older-than", type=cli_store.age, default="400d", metavar="400d", help="h or d; since they ended"
    )
    prune.add_argument("--apply", action="store_true", help="do it; without this nothing changes")
    _runs(prune, _with_store(cli_store.prune))


def _runs(parser: argparse.ArgumentParser, run: _Run) -> None:
    """The command is done by `run`, with the configuration that `--config` names."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="BOT_CONFIG, or bot.toml, by default")
    parser.set_defaults(run=run)


def fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop, where the extra `fast` is installed; None is asyncio's own loop."""
    try:
        import uvloop
    except ImportError:
        return None
    made: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return made


_Command = Callable[["StoreSettings", argparse.Namespace], Awaitable[int]]
_Run = Callable[[argparse.Namespace], Awaitable[int]]


def _with_store(command: _Command, *, rights: bool = False) -> _Run:
    """For commands that need the store alone: no token, no secret of a cloud, and nothing else of bot.toml."""

    async def run(options: argparse.Namespace) -> int:
        import os

        from bot.settings import load_store

        return await command(load_store(os.environ, options.config, rights=rights), options)

    return run


def _with_rights(command: _Command) -> _Run:
    """The same with the projects and grants of bot.toml."""
    return _with_store(command, rights=True)


if __name__ == "__main__":
    sys.exit(main())
