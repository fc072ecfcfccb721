"""The client and the simulated cloud, written apart from the same documents, understand each other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
from pydantic import SecretStr

from bot.domain.errors import (
    CloudRefused,
    CloudUnavailable,
    CredentialRefused,
    DiskBusy,
    NotFound,
    NotOffered,
    Throttled,
)
from bot.domain.projects import AccessKeyCredentials, AgencyCredentials, Credentials, PasswordCredentials, Project
from bot.domain.snapshots import CreateStandardSnapshot
from bot.evs.client import EvsClient
from bot.evs.cloud import HttpCloud
from bot.simulator.cloud import CloudSimulator
from bot.simulator.cloud.world import IamRefusal, KeyRefusal
from tests.fakes.scripted_cloud import FakeClock

PROJECTS = {
    "payments-prod": "0123456789abcdef0123456789abcdef",
    "shop": "5a0b5a0b5a0b5a0b5a0b5a0b5a0b5a0b",
    "legacy": "1e9ac71e9ac71e9ac71e9ac71e9ac700",
}
DATA = "d15c0000-0002-4000-8000-000000000002"
WEB_01 = "77777777-0001-4000-8000-000000000001"
PASSWORD = PasswordCredentials("main", "ACME", "snapshot-bot", SecretStr("sim-password-not-a-secret"))
ACCESS_KEY = AccessKeyCredentials(
    "main", SecretStr("SIMAK000000000000001"), SecretStr("sim-sk-not-a-secret-000000000000000000001")
)
Connect = Callable[..., HttpCloud]


@pytest.fixture
async def simulator(clock: FakeClock) -> AsyncIterator[CloudSimulator]:
    cloud = CloudSimulator(now=clock.now)
    await cloud.start()
    yield cloud
    await cloud.stop()


@pytest.fixture
async def connect(simulator: CloudSimulator, clock: FakeClock) -> AsyncIterator[Connect]:
    made: list[HttpCloud] = []

    def make(credentials: Credentials = PASSWORD, deadline_s: float = 30.0) -> HttpCloud:
        projects = {
            alias: Project(
                alias, project_id, "ap-southeast-3", credentials.name, simulator.url, simulator.ecs_url, simulator.url
            )
            for alias, project_id in PROJECTS.items()
        }
        cloud = HttpCloud(projects, {credentials.name: credentials}, clock, deadline_s=deadline_s)
        made.append(cloud)
        return cloud

    yield make
    for cloud in made:
        await cloud.aclose()


@pytest.fixture
def evs(connect: Connect) -> EvsClient:
    return connect().project("payments-prod")


def _order(**fields: object) -> CreateStandardSnapshot:
    return CreateStandardSnapshot.model_validate({"volume_id": DATA, "name": "nightly", **fields})


def _agency(simulator: CloudSimulator) -> AgencyCredentials:
    return AgencyCredentials("main", simulator.url)


async def test_a_snapshot_is_made_followed_and_found(
    evs: EvsClient, simulator: CloudSimulator, clock: FakeClock
) -> None:
    tags = {"snapshot-bot-request": "item-1"}
    ticket = await evs.create_standard_snapshot(_order(tags=tags), send_before=clock.monotonic() + 60)
    assert (await evs.show_job(ticket.job_id)).ended is None
    assert (await evs.show_snapshot(ticket.snapshot_id)).status == "creating"
    simulator.settle()
    assert (await evs.show_job(ticket.job_id)).ended == "success"
    found = await evs.list_snapshots(volume_id=DATA)
    assert [(one.id, one.request_tag, one.status) for one in found] == [(ticket.snapshot_id, "item-1", "available")]
    assert await evs.list_snapshots(ids=[ticket.snapshot_id]) == found


async def test_disks_are_found_by_every_means(evs: EvsClient) -> None:
    assert (await evs.show_disk(DATA)).name == "web-01-data"
    assert [one.id for one in await evs.list_disks(name="web-01-data")] == [DATA]
    assert [one.id for one in await evs.list_disks(ids=[DATA])] == [DATA]
    assert {one.server for one in await evs.list_disks(server_id=WEB_01)} == {WEB_01}
    everything = await evs.list_disks()
    assert len(everything) == 14
    tagged = await evs.disks_by_tag("tier", ["prod"])
    assert {one.id for one in tagged} == {one.id for one in everything if one.tags.get("tier") == "prod"}
    assert {one.id for one in await evs.disks_by_tag("app")} == {one.id for one in everything if "app" in one.tags}


@pytest.mark.parametrize("kind", ["password", "access key", "agency", "agency with a metadata token"])
async def test_each_kind_of_credential_opens_the_project(
    connect: Connect, simulator: CloudSimulator, kind: str
) -> None:
    simulator.world.switches.metadata_token_required = "token" in kind
    credentials = {"password": PASSWORD, "access key": ACCESS_KEY}.get(kind, _agency(simulator))
    disks = await connect(credentials).project("shop").list_disks(name="shop-01-data")
    assert [one.name for one in disks] == ["shop-01-data"]


@pytest.mark.parametrize("refusal", ["APIGW.0301", "APIGW.0307", "EVS.5401", "EVS.0002", "Common.0013"])
async def test_a_token_that_died_early_is_renewed(evs: EvsClient, simulator: CloudSimulator, refusal: str) -> None:
    await evs.show_disk(DATA)
    simulator.world.switches.token_error = refusal  # type: ignore[assignment]
    simulator.world.tokens.clear()
    assert (await evs.show_disk(DATA)).id == DATA
    assert len(simulator.calls("create_token")) == 2


async def test_a_wrong_secret_is_shown_once(connect: Connect, simulator: CloudSimulator) -> None:
    wrong = AccessKeyCredentials("main", ACCESS_KEY.access_key, SecretStr("wrong"))
    cloud = connect(wrong)
    for _ in range(9):
        with pytest.raises(CredentialRefused):
            await cloud.project("shop").list_disks()
    assert len(simulator.calls()) == 1
    assert cloud.resting("payments-prod") is not None


async def test_a_wrong_password_is_shown_once(connect: Connect, simulator: CloudSimulator) -> None:
    cloud = connect(PasswordCredentials("main", "ACME", "snapshot-bot", SecretStr("wrong")))
    for _ in range(9):
        with pytest.raises(CredentialRefused, match="user and password"):
            await cloud.project("shop").list_disks()
    assert len(simulator.calls()) == 1


@pytest.mark.parametrize("fault", ["drop_after", "502_after", "504_after", "html", "empty", "truncated", "huge"])
async def test_a_lost_answer_is_uncertain_and_the_snapshot_is_found_by_its_tag(
    evs: EvsClient, simulator: CloudSimulator, clock: FakeClock, fault: str
) -> None:
    if fault.endswith("_after"):
        simulator.fault("create_snapshot", fault)
    else:
        simulator.fault("create_snapshot", fault, processed=True)
    order = _order(tags={"snapshot-bot-request": "item-1"})
    with pytest.raises(CloudUnavailable) as caught:
        await evs.create_standard_snapshot(order, send_before=clock.monotonic() + 60)
    assert caught.value.maybe_done
    assert [one.request_tag for one in await evs.list_snapshots(volume_id=DATA)] == ["item-1"]
    assert len(simulator.calls("create_snapshot")) == 1


async def test_a_slow_answer_ends_at_the_deadline(
    connect: Connect, simulator: CloudSimulator, clock: FakeClock
) -> None:
    evs = connect(deadline_s=0.4).project("payments-prod")
    await evs.show_disk(DATA)
    simulator.fault("create_snapshot", "slow", seconds=30)
    with pytest.raises(CloudUnavailable) as caught:
        await evs.create_standard_snapshot(_order(), send_before=clock.monotonic() + 60)
    assert caught.value.maybe_done


@pytest.mark.parametrize("fault", ["drop_before", "500_before", "503", "html", "empty", "truncated"])
async def test_a_read_gets_over_it(evs: EvsClient, simulator: CloudSimulator, fault: str) -> None:
    simulator.fault("list_volumes", fault)
    assert [one.id for one in await evs.list_disks(ids=[DATA])] == [DATA]


async def test_a_huge_answer_is_refused(evs: EvsClient, simulator: CloudSimulator) -> None:
    simulator.fault("list_volumes", "huge")
    with pytest.raises(CloudUnavailable, match="over 8 MiB"):
        await evs.list_disks()


async def test_a_429_slows_the_project_down(evs: EvsClient, simulator: CloudSimulator, clock: FakeClock) -> None:
    simulator.fault("create_snapshot", "429")
    with pytest.raises(Throttled):
        await evs.create_standard_snapshot(_order(), send_before=clock.monotonic() + 60)
    assert simulator.snapshots() == []
    await evs.create_standard_snapshot(_order(), send_before=clock.monotonic() + 60)
    assert clock.slept == [2.0]


async def test_what_the_cloud_refuses_is_told_apart(connect: Connect, clock: FakeClock) -> None:
    cloud, soon = connect(), clock.monotonic() + 60
    evs, nowhere = cloud.project("payments-prod"), "d15c0000-9999-4000-8000-000000009999"
    await evs.create_standard_snapshot(_order(), send_before=soon)
    with pytest.raises(DiskBusy):
        await evs.create_standard_snapshot(_order(), send_before=soon)
    with pytest.raises(NotFound):
        await evs.create_standard_snapshot(_order(volume_id=nowhere), send_before=soon)
    with pytest.raises(CloudRefused, match=r"available or in-use.*EVS\.5400"):
        await evs.create_standard_snapshot(_order(volume_id="d15c0000-0009-4000-8000-000000000009"), send_before=soon)
    with pytest.raises(NotOffered):
        await cloud.project("legacy").list_snapshots()
    for unknown in (evs.show_disk(nowhere), evs.show_snapshot(nowhere), evs.show_job("0" * 32)):
        with pytest.raises(NotFound):
            await unknown


async def test_jobs_that_only_v2_knows_are_found_there(
    evs: EvsClient, simulator: CloudSimulator, clock: FakeClock
) -> None:
    simulator.world.switches.jobs_on_v1 = False
    ticket = await evs.create_standard_snapshot(_order(), send_before=clock.monotonic() + 60)
    assert (await evs.show_job(ticket.job_id)).ended is None


@pytest.mark.parametrize(
    ("switch", "words"),
    [
        ("mfa", "login protection (MFA)"),
        ("huawei_id", "HUAWEI ID"),
        ("wrong_password", "its password is wrong"),
        ("password_expired", "its password has expired"),
        ("locked", "its account is locked"),
        ("disabled", "its user is disabled"),
        ("console_only", "may use the console only"),
        ("no_right", "has no right in this project"),
        ("private_region", "a private one"),
        ("bad_request", "check domain, user and project_id"),
    ],
)
async def test_each_refusal_of_iam_is_told_apart_tried_once_and_one_line_in_the_log(
    connect: Connect, simulator: CloudSimulator, caplog: pytest.LogCaptureFixture, switch: IamRefusal, words: str
) -> None:
    simulator.world.switches.iam_refuses = switch
    evs = connect().project("payments-prod")
    for _ in range(3):
        with pytest.raises(CredentialRefused) as caught:
            await evs.list_disks()
        assert words in caught.value.sentence
        assert "credential “main”" in caught.value.sentence
    assert len(simulator.calls()) == 1
    (line,) = [one for one in caplog.records if one.levelname == "ERROR"]
    assert (line.__dict__["credential"], bool(line.__dict__["said"])) == ("main", True)
    assert "snapshot-bot" not in line.__dict__["said"]


async def test_a_throttled_iam_is_no_refusal(connect: Connect, simulator: CloudSimulator) -> None:
    simulator.world.switches.iam_refuses = "throttled"
    cloud = connect()
    with pytest.raises(Throttled):
        await cloud.project("payments-prod").list_disks()
    assert cloud.resting("payments-prod") is None


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("IAM.0080", "user is disabled"),
        ("IAM.1105", "access key has expired"),
        ("IAM.1108", "temporary key has expired"),
    ],
)
async def test_each_refusal_of_a_key_is_told_apart_and_tried_once(
    connect: Connect, simulator: CloudSimulator, code: KeyRefusal, words: str
) -> None:
    simulator.world.switches.key_refused_with = code
    evs = connect(ACCESS_KEY).project("payments-prod")
    for _ in range(3):
        with pytest.raises(CredentialRefused) as caught:
            await evs.list_disks()
        assert words in caught.value.sentence
        assert ACCESS_KEY.access_key.get_secret_value() not in caught.value.sentence
    assert len(simulator.calls()) == 1
