"""One cloud project: whether it answers, takes the credential, has standard snapshots, and which rights are open."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.checks.findings import Page
from bot.domain.bindings import Binding
from bot.domain.errors import CloudError, CloudRefused, CloudUnavailable, CredentialRefused, NotOffered, Throttled
from bot.domain.projects import AccessKeyCredentials, AgencyCredentials, Credentials, PasswordCredentials, Project
from bot.evs.probes import Probes

UNSEEN = ("evs:snapshots:create", "evs:snapshots:delete")
"""Rights that can't be known without changing something; the second is wanted only where the bot may delete."""

_NO_RIGHT = frozenset({"EVS.0003", "EVS.1027", "EVS.2056", "EVS.5403", "Ecs.0003", "Pdp.0001"})
"""Other refusals with 403 are of the gateway, or of a frozen account."""

_WRONG_PROJECT = frozenset({"EVS.0001", "Common.0018", "Ecs.0023"})


@dataclass(frozen=True, slots=True)
class Right:
    """`breaks`: what does not work without it. `spared`: that is bearable. `todo`: what to do, if not to add it."""

    action: str
    breaks: str
    ask: Callable[[], Awaitable[object]]
    spared: bool = False
    todo: str = ""


@dataclass(slots=True)
class Common:
    """Answers that the projects of one credential share. `refused`: where it was refused first, by its name and why."""

    refused: dict[tuple[str, str], str] = field(default_factory=dict)
    _names: dict[str, asyncio.Task[Mapping[str, str]]] = field(default_factory=dict)

    async def names(self, credential: str, probes: Probes) -> Mapping[str, str]:
        """IAM's names of the credential's projects, asked once: a refusal there counts towards the lock of a key."""
        if credential not in self._names:
            self._names[credential] = asyncio.create_task(_named(probes))
        return await asyncio.shield(self._names[credential])


async def looked_at(
    page: Page,
    project: Project,
    credentials: Credentials,
    bindings: Sequence[Binding],
    probes: Probes,
    common: Common,
) -> None:
    """Ask with the credential once, and the rest only where it was taken: five wrong signatures lock a key."""
    try:
        disk = await probes.a_disk()
    except CredentialRefused as exc:
        reason = exc.reason or exc.sentence.rstrip(".")
        elsewhere = common.refused.setdefault((credentials.name, reason), project.alias)
        if elsewhere == project.alias:
            page.failed("credential", _shown(credentials), reason, _mend(credentials))
        else:
            page.failed("credential", _shown(credentials), f"it is refused as in {elsewhere}", "Mend it there.")
        page.not_tried("rights")
        return
    except CloudUnavailable as exc:
        _unreached(page, project, exc)
        return
    except CloudRefused as exc:
        if exc.code not in _NO_RIGHT:
            _other_project(page, project, exc, await common.names(credentials.name, probes))
            return
        page.ok("credential", _shown(credentials), "the cloud accepts it")
        _closed(page, _rights(project, bindings, probes, "", "")[0], exc)
        disk = ""
    else:
        page.ok("credential", _shown(credentials), "the cloud accepts it")
    _region(page, project, await common.names(credentials.name, probes))
    await _open(page, project, bindings, probes, disk)


def _unreached(page: Page, project: Project, exc: CloudUnavailable) -> None:
    page.not_tried("credential", "rights")
    if isinstance(exc, Throttled):
        page.warning("cloud", "EVS", "the cloud asks for fewer calls just now", "Try again in a minute.")
        return
    if "no such host" in exc.reason:
        todo = f'Look at region ("{project.region}"), evs_endpoint and iam_endpoint, then at the network.'
    elif exc.status is not None and exc.status >= 500:
        todo = "Try again in a few minutes."
    else:
        todo = "Look at the network, at HTTPS_PROXY, and at evs_endpoint and iam_endpoint."
    found = exc.sentence.rstrip(".").removesuffix("; nothing was sent to it")
    page.failed("cloud", "EVS", f"{found}{f': {exc.reason}' if exc.reason else ''}", todo)


def _other_project(page: Page, project: Project, exc: CloudRefused, names: Mapping[str, str]) -> None:
    """The address or the project id is wrong; where IAM tells the credential's projects, they are named."""
    page.not_tried("rights")
    if isinstance(exc, NotOffered):
        todo = "Look at region and evs_endpoint."
        page.failed("cloud", "EVS", f"{project.evs_endpoint}: there is no list of disks at this address", todo)
    elif exc.code in _WRONG_PROJECT:
        _region(page, project, names)
        if not any(finding.check == "project" for finding in page.findings):
            page.failed("project", "project id", exc.sentence.rstrip("."), "Correct project_id or region.")
    else:
        page.failed("cloud", "EVS", exc.sentence.rstrip("."), "")


async def _named(probes: Probes) -> Mapping[str, str]:
    """IAM's names of the credential's projects; none where IAM does not say."""
    try:
        return await probes.projects()
    except CloudError:
        return {}


def _region(page: Page, project: Project, names: Mapping[str, str]) -> None:
    """IAM calls a project by its region, and a sub-project `{region}_{suffix}` (IAM API Reference, projects)."""
    if not names:
        return
    name = names.get(project.project_id)
    if name is None:
        known = ", ".join(f"{names[one]} ({one})" for one in sorted(names)[:3])
        page.failed(
            "project",
            "project id",
            f"the credential may not use {project.project_id}, but {known}",
            "Correct project_id.",
        )
    elif (region := name.partition("_")[0]) != project.region:
        found = f"{project.project_id} is the project {name}, so its region is {region}, and not {project.region}"
        page.failed("project", "project id", found, f'Write region = "{region}", or correct project_id.')
    else:
        page.ok("project", "project id", f"{project.project_id} is called {name}")


def _rights(
    project: Project, bindings: Sequence[Binding], probes: Probes, disk: str, snapshot: str
) -> tuple[Right, ...]:
    here = [one for one in bindings if one.project == project.alias]
    by_tag, by_server = any(one.tag for one in here), any(one.server for one in here)
    servers = f'{_added("ecs:cloudServers:list")} In identity policies it is "ecs:cloudServers:listServersDetails".'
    groups = 'Where it has an identity policy, add "evs:snapshotGroups:list" and "evs:snapshotGroups:create".'
    return (
        Right("evs:volumes:list", "no disk is found by its name, and forms have none to choose", probes.a_disk),
        Right("evs:volumes:get", "a disk that is named by its id is not found", lambda: probes.this_disk(disk)),
        Right("evs:snapshots:list", "no snapshot is followed to its end", probes.a_snapshot),
        Right(
            "evs:snapshots:get",
            "no snapshot is let go, since none is looked at before",
            lambda: probes.this_snapshot(snapshot),
        ),
        _tags(project, by_tag, probes),
        Right(
            "ecs:cloudServers:list",
            "server=NAME is refused, and ids stand for names",
            probes.a_server,
            not by_server,
            servers,
        ),
        Right("consistency groups", "disks are copied one by one, and not at one moment", probes.a_group, True, groups),
        *(_of_restoring(probes) if project.restore else ()),
    )


def _tags(project: Project, by_tag: bool, probes: Probes) -> Right:
    breaks = "quick tag=… finds no disk"
    if project.restore:
        breaks = "a new disk whose order was not answered is not found, so its restoration ends as unknown"
    return Right("evs:volumeTags:get", breaks, probes.tagged, not (by_tag or project.restore))


def _of_restoring(probes: Probes) -> tuple[Right, ...]:
    """Where a project says `restore = true`."""
    return (
        Right("evs:volumes:create", "restore and verify make no disk of a snapshot", probes.a_new_disk),
        Right("evs:volumes:delete", "the test disks of verify stay, and cost money", probes.a_deleted_disk),
        Right("evs:snapshots:rollback", "restore overwrite rolls no disk back", probes.a_roll_back),
        Right("evs:quotas:get", "what is too much for the quota is refused once it is ordered", probes.quotas, True),
    )


async def _open(page: Page, project: Project, bindings: Sequence[Binding], probes: Probes, disk: str) -> None:
    """The snapshots first: one of them is what the right to look at one is tried on."""
    snapshot, listing = "", _rights(project, bindings, probes, disk, "")[2]
    try:
        snapshot = await probes.a_snapshot()
    except NotOffered:
        todo = "Nothing can be done here: name a project in a region that has them."
        page.failed("standard snapshots", "standard snapshots", "this region has no standard snapshots", todo)
        page.not_tried("rights")
        return
    except CloudError as exc:
        _closed(page, listing, exc)
    else:
        page.ok("standard snapshots", "standard snapshots", "this region has them")
    first = {"evs:volumes:list", listing.action}
    rest = [one for one in _rights(project, bindings, probes, disk, snapshot) if one.action not in first]
    await asyncio.gather(*(_tried(page, one) for one in rest))
    if not any(finding.check == "right" for finding in page.findings):
        unseen = " and ".join(UNSEEN)
        page.ok("right", "rights", f"all that only read are open; {unseen} can't be known without changing something")


async def _tried(page: Page, right: Right) -> None:
    try:
        await right.ask()
    except CloudError as exc:
        _closed(page, right, exc)


def _closed(page: Page, right: Right, exc: CloudError) -> None:
    if isinstance(exc, CloudUnavailable):
        found = f"it can't be known now: {exc.reason or exc.sentence.rstrip('.')}"
        page.warning("right", f"right {right.action}", found, "Try again.")
        return
    if isinstance(exc, NotOffered):
        page.warning("right", f"right {right.action}", f"this region has none: {right.breaks}", "")
        return
    told = page.warning if right.spared else page.failed
    if exc.code in _NO_RIGHT:
        found, todo = f"it is closed: {right.breaks}", right.todo or _added(right.action)
    else:
        found, todo = f"{exc.sentence.rstrip('.')}: {right.breaks}", ""
    told("right", f"right {right.action}", found, todo)


def _added(action: str) -> str:
    return f'Add "{action}" to the policy of the bot\'s cloud user.'


def _shown(credentials: Credentials) -> str:
    match credentials:
        case PasswordCredentials(name):
            return f"password {name}"
        case AccessKeyCredentials(name):
            return f"access key {name}"
        case AgencyCredentials(name):
            return f"agency {name}"


def _mend(credentials: Credentials) -> str:
    match credentials:
        case AccessKeyCredentials(name):
            return (
                f"Mend [credentials.{name}], then look again: it was tried once, for five wrong signatures lock a key."
            )
        case PasswordCredentials(name):
            return f"Mend [credentials.{name}], then look again: it was tried once."
        case AgencyCredentials():
            return "Give this server an agency for EVS in the console of ECS."
