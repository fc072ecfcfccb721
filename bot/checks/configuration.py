"""The configuration: what is wrong with it, and who may read the files that secrets stand in."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path

from bot.checks.findings import Page
from bot.checks.regions import REGIONS
from bot.domain.projects import Project
from bot.settings import Settings, SettingsError, secret_files
from bot.settings.configuration_errors import nearest


def refused(page: Page, error: SettingsError) -> None:
    """Each problem as it is told at the start."""
    for problem in error.problems:
        found, dot, todo = problem.sentence.partition(". ")
        page.failed("configuration", problem.where, found.rstrip("."), todo if dot else "")
    page.waiting.append("the store, Slack and the cloud")


def read(page: Page, settings: Settings) -> None:
    """How much it holds, and what is odd about it."""
    path = settings.config_path
    if settings.projects:
        counted = {
            "project": len(settings.projects),
            "credential": len(settings.credentials),
            "grant": len(settings.grants),
        }
        told = ", ".join(_number(count, what) for what, count in counted.items())
        page.ok("configuration", "bot.toml", f"{path} has {told}")
    else:
        todo = "Add [credentials.NAME] and [projects.NAME]."
        page.failed("configuration", "bot.toml", f"{path} names no project, so there is nothing to snapshot", todo)
    for project in settings.projects.values():
        _region(page, project)


def _region(page: Page, project: Project) -> None:
    """Only where the address is made of it: partners of Huawei Cloud have regions of their own."""
    made_of_it = project.evs_endpoint.startswith(f"https://evs.{project.region}.myhuaweicloud.")
    if made_of_it and project.region not in REGIONS:
        found = f"{project.region} is none of the regions that Huawei Cloud's SDK knows"
        close = nearest(project.region, REGIONS)
        todo = (
            close
            if close.startswith("Did")
            else "Look it up in the console, or set evs_endpoint, ecs_endpoint and iam_endpoint."
        )
        page.warning("region", f"[projects.{project.alias}] region", found, todo)


def secrets_of(page: Page, settings: Settings) -> None:
    """Takes a look at the disk."""
    files = secret_files(settings)
    open_ones = [(place, path) for place, path in files if _open_to_all(path, stat.S_IROTH)]
    for place, path in open_ones:
        page.warning("secret file", place, f"every user of this machine may read {path}", f"Run: chmod o-rwx {path}")
    if _open_to_all(settings.config_path, stat.S_IWOTH):
        path = settings.config_path
        found = f"every user of this machine may change {path}, and so give rights"
        page.warning("secret file", "bot.toml", found, f"Run: chmod o-w {path}")
    if files and not open_ones:
        page.ok("secret file", _number(len(files), "file"), "none can be read by every user of this machine")


def _open_to_all(path: Path, right: int) -> bool:
    """Whether anyone has this right to the file, and may come to it: each folder above lets them through."""
    try:
        return bool(path.stat().st_mode & right) and _passable(path.absolute().parents)
    except OSError:
        return False


def _passable(folders: Sequence[Path]) -> bool:
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in folders)


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"
