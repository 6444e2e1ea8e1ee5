"""The deployment files through the tools that will read them."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from schemas.settings import load_settings
from tests.deploy.conftest import DEPLOY, KUBERNETES, ROOT, Helm, missing

CHART = str(DEPLOY / "helm" / "mission-control")
EVERYTHING = (
    "strimzi.enabled=true,altinity.enabled=true,archive.enabled=true,archive.existingClaim=cold,ingress.enabled=true,"
    "ingress.consoleHost=console.example.org,ingress.otlpHost=otlp.example.org,ingress.tlsSecret=tls,tls.kafkaSecret=kafka-tls,"
    "tls.clickhouseSecret=clickhouse-tls,monitoring.podMonitor=true,settings.log_max_bytes=67108864,settings.summary_interval=2"
)
VARIANTS = {
    "default": "",
    "everything": EVERYTHING,
    "strimzi": "strimzi.enabled=true",
    "altinity": "altinity.enabled=true,altinity.replicas=1",
    "tls": "tls.serverSecret=ours,monitoring.podMonitor=true,settings.tls_client_ca_file=/etc/mission-control/tls/ca.crt",
    "bare": "process.autoscaling.enabled=false,networkPolicy.enabled=false,migrate.enabled=false",
}


def render(helm: Helm, values: str) -> list[dict[str, Any]]:
    words = ["--set", values] if values else []
    rendered = helm("template", "trial", CHART, "--namespace", "agents", "--kube-version", KUBERNETES, *words)
    return [document for document in yaml.safe_load_all(rendered) if document]


def pods(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for document in documents:
        spec = document["spec"]["jobTemplate"]["spec"] if document["kind"] == "CronJob" else document.get("spec", {})
        if document["kind"] in ("Deployment", "Job", "CronJob"):
            found.append(spec["template"]["spec"])
    return found


def test_the_chart_is_linted(helm: Helm) -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", "--kube-version", KUBERNETES, CHART)


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_it_renders_is_what_kubernetes_knows(helm: Helm, kubeconform: Callable[[str], None], variant: str) -> None:
    kubeconform(yaml.safe_dump_all(render(helm, VARIANTS[variant])))


def test_every_role_has_probes_a_budget_and_an_autoscaler_and_writes_nowhere_else(helm: Helm) -> None:
    documents = render(helm, "")
    for kind in ("Deployment", "PodDisruptionBudget", "HorizontalPodAutoscaler"):
        names = {document["metadata"]["name"] for document in documents if document["kind"] == kind}
        assert names == {"trial-collect", "trial-process", "trial-serve"}
    for pod in pods(documents):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
    lag = next(one for one in documents if one["kind"] == "HorizontalPodAutoscaler" and one["metadata"]["name"] == "trial-process")
    assert lag["spec"]["metrics"][0]["pods"]["metric"]["name"] == "mission_control_pipeline_lag_records"
    for document in documents:
        if document["kind"] == "Deployment":
            (container,) = document["spec"]["template"]["spec"]["containers"]
            assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys()


def test_all_pods_have_one_environment_that_the_settings_can_be_read_from(
    helm: Helm, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    environments = [container["env"] for pod in pods(render(helm, EVERYTHING)) for container in pod["containers"]]
    assert all(environment == environments[0] for environment in environments)
    for one in environments[0]:
        monkeypatch.setenv(one["name"], one.get("value", "http://clickhouse:8123"))
    settings = load_settings()
    assert settings.log_max_bytes == 67108864
    assert settings.summary_interval == 2
    assert settings.kafka_bootstrap_servers == "trial-kafka-bootstrap:9092"
    assert settings.clickhouse_cluster == "main"
    assert {"trial-collect.agents.svc", "otlp.example.org"} <= set(settings.allowed_hosts)
    secrets = {one["name"] for one in environments[0] if "valueFrom" in one}
    assert "MISSION_CONTROL_API_KEY" in secrets


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ("settings.no_such_setting=1", "no_such_setting"),
        ("settings.port=eight", "port"),
        ("settings.api_key=open", "api_key"),
        ("secrets.existingSecret=", "existingSecret"),
        ("collect.replica=3", "replica"),
    ],
)
def test_wrong_values_are_refused_by_name(helm: Helm, values: str, complaint: str) -> None:
    assert complaint in helm("template", "trial", CHART, "--kube-version", KUBERNETES, "--set", values, fails=True)


@pytest.mark.parametrize("name", ["small.yaml", "full.yaml"])
def test_compose_files_keep_the_specification(compose_schema: dict[str, Any], name: str) -> None:
    content = yaml.safe_load((DEPLOY / "compose" / name).read_text())
    jsonschema.Draft7Validator(compose_schema).validate(content)
    for service in content["services"].values():
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert (DEPLOY / "compose" / source).exists() if source.startswith(".") else source in content["volumes"]


def test_the_image_is_linted() -> None:
    linter = Path(sys.executable).with_name("hadolint")
    if not linter.exists():
        missing("hadolint")
    ran = subprocess.run([linter, DEPLOY / "image" / "Dockerfile"], capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout


def test_what_the_image_copies_is_there_and_not_left_out() -> None:
    recipe = (DEPLOY / "image" / "Dockerfile").read_text()
    taken = [word for line in recipe.splitlines() if line.startswith("COPY") and "--from" not in line for word in line.split()[1:-1]]
    assert all((ROOT / word).exists() for word in taken)
    kept = {line[1:] for line in (DEPLOY / "image" / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")}
    assert all((ROOT / word).exists() for word in kept)
    wheel = (ROOT / "pyproject.toml").read_text().partition("[tool.hatch.build.targets.wheel]")[2].partition("]")[0]
    assert {word.strip('" ') for word in wheel.partition("[")[2].split(",")} <= kept


@pytest.mark.parametrize("path", sorted((DEPLOY / "systemd").glob("*.service")), ids=lambda path: path.stem)
def test_systemd_understands_the_units(path: Path) -> None:
    """But for the program, which is not installed here."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd here; the other test of units reads them too")
    ran = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True, timeout=120, check=False)
    ours = [line for line in ran.stderr.splitlines() if path.name in line and "is not executable" not in line]
    assert ours == []


def test_tls_of_our_own_ports_is_one_secret(helm: Helm, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    documents = render(helm, VARIANTS["tls"])
    for pod in pods(documents):
        (container,) = pod["containers"]
        assert {"name": "tls", "mountPath": "/etc/mission-control/tls", "readOnly": True} in container["volumeMounts"]
        for one in container["env"]:
            monkeypatch.setenv(one["name"], one.get("value", "http://clickhouse:8123"))
        probes = [container[name]["httpGet"]["scheme"] for name in ("startupProbe", "livenessProbe", "readinessProbe") if name in container]
        assert set(probes) <= {"HTTPS"}
    settings = load_settings()
    assert [file.name for file in (settings.tls_cert_file, settings.tls_key_file, settings.tls_client_ca_file) if file] == [
        "tls.crt",
        "tls.key",
        "ca.crt",
    ]
    plain = [pod["containers"][0] for pod in pods(render(helm, "")) if "livenessProbe" in pod["containers"][0]]
    assert {container["livenessProbe"]["httpGet"]["scheme"] for container in plain} == {"HTTP"}
