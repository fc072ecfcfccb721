"""The metrics of a running bot, as Prometheus' own parser reads them, and every text that names them."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families as families

from bot.version import version
from tests.e2e.conftest import CHANNEL, World
from tests.e2e.replicas import some_replicas

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "docs" / "examples" / "prometheus" / "alerts.yml"
DASHBOARD = ROOT / "docs" / "examples" / "grafana" / "snapshot-bot.json"

_METRIC = re.compile(r"\b((?:snapshot_bot|process)_\w+)(?:\{([^}]*)\})?")
_BY = re.compile(r"\bby \(([^)]*)\)")

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def scraped(world: World, accept: str = "") -> httpx.Response:
    assert world.bot is not None
    async with httpx.AsyncClient(trust_env=False) as http:
        url = f"http://127.0.0.1:{world.bot.admin.port}/metrics"
        return await http.get(url, headers={"Accept": accept} if accept else {})


def samples(text: str) -> Samples:
    found = (sample for family in families(text) for sample in family.samples)
    return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in found}


class Scrape:
    def __init__(self, text: str) -> None:
        self.text = text
        self.samples = samples(text)

    def __call__(self, name: str, **labels: str) -> float | None:
        return self.samples.get((f"snapshot_bot_{name}", frozenset(labels.items())))


def linted(*what: str, given: str = "") -> None:
    """By Prometheus' own tool, where there is one."""
    if promtool := shutil.which("promtool"):
        subprocess.run([promtool, "check", *what], input=given.encode(), check=True)


async def scrape(world: World) -> Scrape:
    answer = await scraped(world)
    assert answer.status_code == 200
    return Scrape(answer.text)


async def test_what_happened_is_counted_with_its_outcome(either_world: World) -> None:
    world = either_world
    await world.finished(await world.create("web-01-data web-01-logs"))
    await world.say("create web-01-data", "carol")
    await world.told("carol", "There is no project")
    await world.say("status")
    await world.say("no such words")
    told = await scrape(world)
    assert told("commands_total", verb="create", outcome="accepted") == 2.0
    assert told("commands_total", verb="status", outcome="answered") == 1.0
    assert told("commands_total", verb="none", outcome="misread") == 1.0
    assert told("acknowledgement_seconds_count", kind="command") == 4.0
    assert 0 < (told("acknowledgement_seconds_sum", kind="command") or 0) < 12
    assert (told("decisions_total", action="create", outcome="denied", rule="no-grant") or 0) >= 1.0
    assert (told("decisions_total", action="create", outcome="allowed", rule="granted") or 0) >= 3.0
    assert told("cloud_calls_total", operation="evs:snapshots:create", code="ok") == 2.0
    assert told("cloud_call_seconds_count", operation="evs:snapshots:create") == 2.0
    assert (told("slack_calls_total", method="chat.postMessage", error="ok") or 0) >= 2.0
    assert (told("store_transaction_seconds_count", kind="acknowledgement") or 0) >= 2.0


async def test_what_is_there_is_read_from_the_rows(world: World) -> None:
    await world.finished(await world.create("web-01-data web-01-logs"))
    await world.say("create nope")
    await world.told("alice", "No disk named")
    assert world.bot is not None
    rows = await world.bot.store.audit_head()
    told = await scrape(world)
    assert told("requests", state="finished") == told("requests", state="dropped") == 1.0
    assert told("items", state="available") == 2.0
    assert told("items", state="unknown") == 0.0
    assert told("oldest_unfinished_item_age_seconds") == 0.0
    assert told("audit_head") == rows[0]
    assert told("slack_connected") == 1.0
    assert (told("store_size_bytes") or 0) > 100_000
    assert told("store_readings_stale") == 0.0
    assert told("build_info", mode="Socket Mode", store="SQLite", version=version()) == 1.0


async def test_what_runs_and_what_waits_has_an_age(world: World) -> None:
    world.cloud.fault("create_snapshot", "external_busy", seconds=600)
    await world.create("web-01-data")
    await world.until(lambda: bool(world.cloud.calls("create_snapshot")))
    world.slack.fault("status", method="chat.update", times=1000, status=503)
    async with asyncio.timeout(20):
        while not ((told := await scrape(world))("oldest_unfinished_item_age_seconds") or 0) > 5:
            await asyncio.sleep(0.1)
    assert told("requests", state="running") == 1.0


async def test_a_429_is_throttling(world: World) -> None:
    world.cloud.fault("create_snapshot", "429")
    await world.finished(await world.create("web-01-data"))
    told = await scrape(world)
    assert told("cloud_throttled_total") == 1.0
    refused = [one for one in told.samples if one[0] == "snapshot_bot_cloud_calls_total"]
    assert sum(told.samples[one] for one in refused if ("code", "ok") not in one[1]) == 1.0


async def test_a_slack_that_asks_to_wait_and_one_that_is_gone_can_be_told(world: World) -> None:
    world.slack.fault("ratelimited", method="chat.postMessage", retry_after=1)
    await world.finished(await world.create("web-01-data"))
    told = await scrape(world)
    assert told("slack_calls_total", method="chat.postMessage", error="ratelimited") == 1.0
    assert 0 < (told("slack_budget_left", method="chat.update") or 0) <= 50
    assert world.bot is not None
    await world.bot.entry.stop()
    assert (await scrape(world))("slack_connected") == 0.0


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version=0.0.4"),
        ("*/*", "text/plain; version=0.0.4"),
        ("application/openmetrics-text; version=1.0.0,text/plain;version=0.0.4;q=0.5", "application/openmetrics-text"),
        ("application/openmetrics-text; version=odd", "text/plain; version=0.0.4"),
    ],
)
async def test_the_reader_says_which_format_it_takes(world: World, accept: str, content_type: str) -> None:
    await world.finished(await world.create("web-01-data"))
    answer = await scraped(world, accept)
    assert answer.headers["Content-Type"].startswith(content_type)
    read = openmetrics_families if "openmetrics" in content_type else families
    found = {sample.name for family in read(answer.text) for sample in family.samples}
    assert {"snapshot_bot_items", "snapshot_bot_commands_total", "process_cpu_seconds_total"} <= found
    assert not any(name.startswith("snapshot_bot_") and name.endswith("_created") for name in found)


async def test_the_text_is_as_the_conventions_have_it(world: World) -> None:
    await world.finished(await world.create("web-01-data"))
    text = (await scraped(world)).text
    for family in families(text):
        if family.name.startswith("snapshot_bot_"):
            assert family.documentation.endswith(("sum over replicas.", "take the maximum of replicas.")), family.name
            names = {sample.name for sample in family.samples}
            assert family.type != "counter" or all(name.endswith("_total") for name in names)
            assert family.type == "counter" or not any(name.endswith("_total") for name in names)
    linted("metrics", given=text)


async def test_no_metric_names_a_person_a_disk_a_channel_or_a_request(world: World) -> None:
    request = await world.create("web-01-data")
    await world.finished(request)
    text = (await scraped(world)).text
    people = [person.id for person in world.slack.world.people.values()]
    named = [
        *people,
        *world.slack.world.channels,
        *world.cloud.world.disks,
        request,
        "web-01",
        "alice",
        "payments-prod",
    ]
    assert [name for name in named if name in text] == []


async def test_each_replica_reads_the_same_of_the_whole_store_and_counts_what_it_did_itself(
    tmp_path: Path, postgres_url: str
) -> None:
    async with some_replicas(tmp_path, postgres_url, 2) as two, httpx.AsyncClient(trust_env=False) as http:
        await two.start()
        for disk in ("web-01-data", "web-01-logs"):
            await two.slack.command("alice", CHANNEL, f"create {disk}")
        await two.until_all_is_said(60)

        async def told() -> list[Scrape]:
            urls = [f"http://127.0.0.1:{one.environment['ADMIN_PORT']}/metrics" for one in two.bots]
            return [Scrape((await http.get(url)).text) for url in urls]

        async with asyncio.timeout(20):
            while {one("requests", state="finished") for one in await told()} != {2.0}:
                await asyncio.sleep(0.5)
        scrapes = await told()
        accepted = [one("commands_total", verb="create", outcome="accepted") or 0.0 for one in scrapes]
        assert sum(accepted) == 2.0
        for one in scrapes:
            assert one("build_info", mode="HTTP", store="PostgreSQL", version=version()) == 1.0
            assert one("items", state="available") == 2.0
            assert (one("jobs_overdue"), one("slack_connected")) == (0.0, 1.0)
            assert (one("store_size_bytes") or 0) > 1_000_000
        assert scrapes[0]("audit_head") == scrapes[1]("audit_head")


# --- what names them --------------------------------------------------------------------------------------------------


Labels = dict[str, set[str]]


@pytest.fixture
async def there(quiet_world: World) -> Labels:
    """Each series of a bot with all that it may have, and its labels; of a metric that has no series yet its name."""
    world = quiet_world
    with (world.setting.directory / "bot.toml").open("a", encoding="utf-8") as file:
        file.write('\n[audit]\nchannel = "C0INCDEMO1"\n')
    await world.start_bot()
    await world.finished(await world.create("web-01-data"))
    await world.slack.until(lambda: any("Head of the audit" in one.text for one in world.slack.messages(CHANNEL)), 20)
    world.slack.fault("reset_after", method="chat.postMessage", times=1)
    await world.finished(await world.create("web-01-logs"))
    found: Labels = defaultdict(set)
    async with asyncio.timeout(20):
        while "snapshot_bot_audit_posted_age_seconds" not in found:
            for family in families((await scraped(world)).text):
                if not family.samples:
                    found[f"{family.name}_total"] |= set()
                for sample in family.samples:
                    found[sample.name] |= sample.labels.keys()
            await asyncio.sleep(0.1)
    return found


def base(name: str) -> str:
    return re.sub(r"_(bucket|count|sum)$", "", name)


def documented() -> Iterator[tuple[str, set[str]]]:
    section = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8").partition("## Metrics")[2]
    for line in section.partition("\n## ")[0].splitlines():
        if line.startswith("| `"):
            names, labels, _ = (
                line.strip("| ").split(" | ", 2) if " | | " not in line else (line.split(" | ")[0], "", "")
            )
            for name in re.findall(r"`(\w+)`", names):
                yield name, set(re.findall(r"`(\w+)`", labels))


async def test_the_table_of_metrics_is_what_a_bot_tells_and_each_example_names_what_is_there(there: Labels) -> None:
    table = dict(documented())
    assert table.keys() == {base(name) for name in there}
    unseen = {"snapshot_bot_store_transactions_failed_total"}
    told = {name: set[str]() for name in table}
    for name, labels in there.items():
        told[base(name)] |= labels - {"le"}
    assert {name: labels for name, labels in told.items() if name not in unseen and labels != table[name]} == {}
    known = {name: labels | table[base(name)] for name, labels in there.items()}
    for text in (*expressions(DASHBOARD), *expressions(ALERTS)):
        assert list(strangers(text, known)) == [], text


def expressions(path: Path) -> list[str]:
    """Each expression of PromQL in a file."""
    text = path.read_text(encoding="utf-8")
    found: list[str] = []

    def look(value: Any) -> None:
        if isinstance(value, dict):
            found.extend(one for key, one in value.items() if key == "expr")
            value = list(value.values())
        for one in value if isinstance(value, list) else ():
            look(one)

    look(json.loads(text) if path.suffix == ".json" else yaml.safe_load(text))
    assert len(found) > 15
    return found


def strangers(text: str, known: Labels) -> Iterator[str]:
    """Names of metrics and of labels that no series has."""
    named = _METRIC.findall(text)
    labels = set().union(*(known.get(name, set()) for name, _ in named))
    yield from (name for name, _ in named if name not in known)
    for name, matchers in named:
        yield from set(re.findall(r"(\w+)\s*(?:=|!=|=~|!~)", matchers)) - known.get(name, set())
    for grouped in _BY.findall(text):
        yield from {one.strip() for one in grouped.split(",")} - labels


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("sum(rate(snapshot_bot_none_total[5m]))", ["snapshot_bot_none_total"]),
        ('max(snapshot_bot_items{states="unknown"})', ["states"]),
        ("max by (project) (snapshot_bot_items)", ["project"]),
        ('max by (state) (snapshot_bot_items{state!~"failed"})', []),
    ],
)
def test_a_name_that_no_series_has_is_found(text: str, found: list[str]) -> None:
    assert list(strangers(text, {"snapshot_bot_items": {"state"}})) == found


def test_each_alert_says_what_it_is_and_what_to_do_and_where_that_stands() -> None:
    rules = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"][0]["rules"]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in ("page", "warn")
        notes = rule["annotations"]
        assert notes.keys() == {"summary", "description", "runbook"}
        assert all(notes[name].endswith(".") for name in ("summary", "description"))
        document, _, anchor = notes["runbook"].partition("#")
        headings = re.findall(r"^## (.+)$", (ROOT / document).read_text(encoding="utf-8"), re.MULTILINE)
        assert anchor in {heading.lower().replace(" ", "-") for heading in headings}, notes["runbook"]


def test_the_rules_and_the_dashboard_are_well_formed() -> None:
    for text in (*expressions(DASHBOARD), *expressions(ALERTS)):
        assert text.count("(") == text.count(")") and text.count("{") == text.count("}"), text
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["title"] and panel["targets"] for panel in panels)
    linted("rules", str(ALERTS))
