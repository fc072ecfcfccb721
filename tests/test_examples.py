"""The examples in docs/examples: each names what is there, says what the bot needs, and passes its own kind's check."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from bot import cli, cli_run
from bot.__main__ import _parser
from bot.settings import load_settings
from bot.settings.environment import Environment
from bot.slack.http.request_url import PATH

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "docs" / "examples"
VARIABLES = {"BOT_CONFIG", *(str(field.alias) for field in Environment.model_fields.values())}
DEFAULT = {str(field.alias): field.default for field in Environment.model_fields.values()}
INSTALLED = "/opt/snapshot-bot/bin/snapshot-bot"
STOP_S = 10
"""A stop takes so long at most, as docs/install.md says."""


def test_what_is_promised_of_a_stop_holds_for_the_bot() -> None:
    assert cli_run.STOP_SECONDS < STOP_S
    assert f"ended within {STOP_S} s of SIGTERM" in (ROOT / "docs" / "install.md").read_text(encoding="utf-8")


# --- systemd ----------------------------------------------------------------------------------------------------------

UNIT = EXAMPLES / "systemd" / "snapshot-bot.service"
MOST_EXPOSED = 2.0
"""Of 10, as systemd-analyze counts."""


def directives() -> dict[str, list[str]]:
    found = defaultdict(list)
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith(("#", "[")):
            name, _, value = line.partition("=")
            found[name].append(value)
    return found


def variables(unit: Mapping[str, list[str]]) -> dict[str, str]:
    return dict(one.split("=", 1) for text in unit["Environment"] for one in shlex.split(text))


def test_the_unit_starts_again_what_another_start_may_mend_and_waits_for_a_stop() -> None:
    unit = directives()
    (start,) = unit["ExecStart"]
    assert start.split() == [INSTALLED, "run"]
    assert unit["Restart"] == ["on-failure"]
    assert unit["RestartPreventExitStatus"] == [str(cli.BAD_USE)]
    assert float(unit["TimeoutStopSec"][0]) > STOP_S


def test_the_unit_knows_each_variable_and_credential_that_it_names() -> None:
    unit = directives()
    assert variables(unit).keys() <= VARIABLES
    credentials = dict(text.split(":") for text in unit["LoadCredential"])
    assert all(path.startswith("/etc/snapshot-bot/") for path in [*credentials.values(), *unit["EnvironmentFile"]])
    assert variables(unit)["BOT_CONFIG"] == "%d/bot.toml" and "bot.toml" in credentials
    named = re.findall(r"file:/run/credentials/snapshot-bot\.service/(\w+)", UNIT.read_text(encoding="utf-8"))
    assert named and {*named} < credentials.keys()
    written = {
        name
        for line in UNIT.read_text(encoding="utf-8").splitlines()
        if line.startswith("# SLACK_")
        for name in re.findall(r"SLACK_\w+", line)
    }
    assert written and written <= VARIABLES


def test_the_unit_lets_the_bot_do_what_it_has_to_and_write_its_state_alone() -> None:
    unit = directives()
    assert (unit["ProtectSystem"], unit["DynamicUser"]) == (["strict"], ["yes"])
    assert unit["WorkingDirectory"] == [f"%S/{unit['StateDirectory'][0]}"]
    assert unit.keys().isdisjoint({"ReadWritePaths", "BindPaths", "AmbientCapabilities"})
    ports = {f"tcp:{DEFAULT[name]}" for name in ("PORT", "ADMIN_PORT")}
    assert {*unit["SocketBindAllow"]} == ports
    assert {"AF_INET", "AF_INET6"} < {*unit["RestrictAddressFamilies"][0].split()}


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_systemd_itself_reads_the_unit_and_finds_it_little_exposed(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    there = Path(sys.executable).parent / "snapshot-bot"
    unit.write_text(UNIT.read_text(encoding="utf-8").replace(INSTALLED, str(there)), encoding="utf-8")
    threshold = f"--threshold={MOST_EXPOSED * 10:.0f}"
    for arguments in (["verify"], ["security", "--offline=true", threshold, "--no-pager"]):
        said = subprocess.run(["systemd-analyze", *arguments, unit], capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stdout + said.stderr
    found = re.search(r"exposure level .*: ([0-9.]+)", said.stdout)
    assert found and 0 < float(found[1]) < MOST_EXPOSED


# --- the container ----------------------------------------------------------------------------------------------------

CONTAINERFILE = EXAMPLES / "container" / "Containerfile"


def instructions() -> Iterator[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", CONTAINERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, value = line.strip().partition(" ")
            yield name, value.strip()


INSTRUCTIONS = list(instructions())
LAST_STAGE = INSTRUCTIONS[[name for name, _ in INSTRUCTIONS].index("FROM", 1) :]


def test_the_image_is_built_of_files_that_are_there_and_of_pinned_parts() -> None:
    copied = [value for name, value in INSTRUCTIONS if name == "COPY" and not value.startswith("--from")]
    sources = [source for value in copied for source in value.split()[:-1]]
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert {"bot", "manifest.yml", "pyproject.toml"} <= {*sources}
    installs = [value for name, value in INSTRUCTIONS if name == "RUN" and "pip install" in value]
    assert all("--no-cache-dir" in one and ("--require-hashes" in one or "--no-deps" in one) for one in installs)
    bases = [value.split()[0] for name, value in INSTRUCTIONS if name == "FROM"]
    assert all(re.fullmatch(r"[a-z]+:\d[\w.-]*", base) for base in bases), "a base has a version, and no host"


def test_the_image_runs_the_bot_as_a_user_without_rights_and_holds_no_secret() -> None:
    last = dict(LAST_STAGE)
    user = re.fullmatch(r"(\d+):(\d+)", last["USER"])
    assert user and int(user[1]) > 0
    assert not any(name == "RUN" for name, _ in LAST_STAGE), "nothing of a shell or a package manager is left behind"
    command = [*json.loads(last["ENTRYPOINT"]), *json.loads(last["CMD"])]
    assert command[0] == "snapshot-bot"
    _parser().parse_args(command[1:])
    set_there = dict(one.split("=", 1) for one in shlex.split(last["ENV"]))
    assert set_there.keys() - {"PATH"} - {name for name in set_there if name.startswith("PYTHON")} <= VARIABLES
    assert not re.search(r"TOKEN|SECRET|PASSWORD", CONTAINERFILE.read_text(encoding="utf-8"))
    assert {*last["EXPOSE"].split()} == {str(DEFAULT["PORT"]), str(DEFAULT["ADMIN_PORT"])}
    assert f"127.0.0.1:{DEFAULT['ADMIN_PORT']}/healthz" in last["HEALTHCHECK"]
    assert last["WORKDIR"] in last["VOLUME"]


def test_hadolint_finds_nothing_in_the_file() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    said = subprocess.run([hadolint, CONTAINERFILE], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout) == (0, "")


# --- Kubernetes -------------------------------------------------------------------------------------------------------

SCHEMA = json.loads((ROOT / "tests" / "data" / "kubernetes.schema.json").read_text(encoding="utf-8"))
"""Of Kubernetes 1.34, for these kinds, in which nothing unknown may stand; made from the API's own definitions
(kubernetes/kubernetes, api/openapi-spec; Apache-2.0) without their descriptions."""
TEXT = (EXAMPLES / "kubernetes" / "snapshot-bot.yaml").read_text(encoding="utf-8")
OBJECTS: list[dict[str, Any]] = list(yaml.safe_load_all(TEXT))
KINDS = {one["kind"]: one for one in OBJECTS}
POD = KINDS["Deployment"]["spec"]["template"]
(CONTAINER,) = POD["spec"]["containers"]


def checked(thing: Mapping[str, Any]) -> None:
    jsonschema.validate(thing, {"$ref": f"#/$defs/{thing['kind']}", **SCHEMA})


@pytest.mark.parametrize("kind", KINDS)
def test_each_object_fits_the_schema_of_its_kind(kind: str) -> None:
    checked(KINDS[kind])


def test_the_schema_refuses_what_no_object_has() -> None:
    wrong = json.loads(json.dumps(KINDS["Deployment"]))
    wrong["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(jsonschema.ValidationError, match="readynessProbe"):
        checked(wrong)


def test_everything_is_about_the_pods_of_the_deployment() -> None:
    labels = POD["metadata"]["labels"]
    selectors = [
        KINDS["Deployment"]["spec"]["selector"]["matchLabels"],
        KINDS["Service"]["spec"]["selector"],
        KINDS["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        KINDS["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        *(one["labelSelector"]["matchLabels"] for one in POD["spec"]["topologySpreadConstraints"]),
    ]
    assert all(selector == labels for selector in selectors)
    replicas, least = KINDS["Deployment"]["spec"]["replicas"], KINDS["PodDisruptionBudget"]["spec"]["minAvailable"]
    assert replicas >= 2 and 0 < least < replicas


def test_the_pods_are_as_kubernetes_calls_restricted_and_write_nothing() -> None:
    """Source: kubernetes.io, Pod Security Standards, Restricted."""
    pod, own = POD["spec"]["securityContext"], CONTAINER["securityContext"]
    assert pod["runAsNonRoot"] and pod["runAsUser"] > 0 and pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert own["allowPrivilegeEscalation"] is False and own["capabilities"] == {"drop": ["ALL"]}
    assert own["readOnlyRootFilesystem"] and POD["spec"]["automountServiceAccountToken"] is False
    assert f"{pod['runAsUser']}:{pod['runAsGroup']}" == dict(LAST_STAGE)["USER"], "the image's own"
    assert all(one.get("readOnly") or one["name"] == "tmp" for one in CONTAINER["volumeMounts"])
    assert CONTAINER["resources"]["limits"].keys() == {"memory"}


def test_the_probes_ask_the_admin_port_and_a_stop_has_its_time() -> None:
    ports = {one["name"]: one["containerPort"] for one in CONTAINER["ports"]}
    assert ports == {"slack": DEFAULT["PORT"], "admin": DEFAULT["ADMIN_PORT"]}
    asked = {name: CONTAINER[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {one["port"] for one in asked.values()} == {"admin"}
    paths = {name: one["path"] for name, one in asked.items()}
    assert paths == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    waits = CONTAINER["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert POD["spec"]["terminationGracePeriodSeconds"] > waits + STOP_S
    reached = {one["port"] for rule in KINDS["NetworkPolicy"]["spec"]["ingress"] for one in rule["ports"]}
    assert reached == ports.keys()
    assert PATH.startswith("/") and KINDS["Service"]["spec"]["ports"][0]["targetPort"] == "slack"


def test_the_bot_reads_the_configuration_that_the_pods_give_it(tmp_path: Path) -> None:
    environ = {one["name"]: one.get("value", "a-secret-of-the-cluster") for one in CONTAINER["env"]}
    assert environ.keys() <= VARIABLES
    mounted = {one["name"]: one["mountPath"] for one in CONTAINER["volumeMounts"]}
    assert environ["BOT_CONFIG"] == f"{mounted['config']}/bot.toml"
    text = KINDS["ConfigMap"]["data"]["bot.toml"]
    (secret,) = re.findall(r"file:([^\"]+)", text)
    assert Path(secret).parent == Path(mounted["cloud"])
    (tmp_path / "secret").write_text("a-password", encoding="utf-8")
    config = tmp_path / "bot.toml"
    config.write_text(text.replace(secret, str(tmp_path / "secret")), encoding="utf-8")
    settings = load_settings(environ, config)
    assert settings.projects.keys() == {"payments-prod"}
    assert str(settings.store).startswith("postgresql://")
    assert settings.slack.app_token is None and settings.slack.signing_secret is not None
