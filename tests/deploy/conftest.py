"""Real tools for the deployment files. Helm and kubeconform are Go programs: built once from Go modules into `.make/bin`."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parents[2]
DEPLOY: Final = ROOT / "deploy"
BIN: Final = ROOT / ".make" / "bin"
KUBERNETES: Final = "1.36.2"
BUILD_SECONDS: Final = 900
Helm = Callable[..., str]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What asks for a Go program waits for its build."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and {"helm", "kubeconform", "compose_schema"} & set(
            getattr(item, "fixturenames", ())
        ):
            item.add_marker(pytest.mark.slow)


def missing(tool: str) -> None:
    """In CI nothing is left out."""
    if os.environ.get("CI"):
        pytest.fail(f"{tool} is needed and not here")
    pytest.skip(f"{tool} is not here")


def go(*words: str, **environment: str) -> str:
    """Outside of our tree, with the Go that is here."""
    if shutil.which("go") is None:
        missing("go")
    around = os.environ | {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod"} | environment
    with tempfile.TemporaryDirectory() as place:
        ran = subprocess.run(["go", *words], cwd=place, env=around, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    return ran.stdout


def module(path: str) -> Path:
    """Where the files of a Go module lie."""
    return Path(json.loads(go("mod", "download", "-json", path))["Dir"])


def program(name: str, package: str) -> Path:
    if not (BIN / name).exists():
        BIN.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=BIN) as place:
            go("install", package, GOBIN=place)
            (Path(place) / name).rename(BIN / name)
    return BIN / name


@pytest.fixture(scope="session")
def helm() -> Helm:
    """`helm("template", …)`: its output; the chart's own errors end the test."""
    path = program("helm", "helm.sh/helm/v3/cmd/helm@v3.22.0")

    def running(*words: str, fails: bool = False) -> str:
        ran = subprocess.run([path, *words], capture_output=True, text=True, timeout=120, check=False)
        assert (ran.returncode != 0) == fails, ran.stderr
        return ran.stderr if fails else ran.stdout

    return running


@pytest.fixture(scope="session")
def kubeconform(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], None]:
    """Rendered manifests against Kubernetes' own OpenAPI description; what operators define is skipped by kind."""
    from tests.deploy.kubernetes_schemas import write_schemas

    path = program("kubeconform", "github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0")
    schemas = tmp_path_factory.mktemp("schemas")
    write_schemas(module(f"k8s.io/kubernetes@v{KUBERNETES}") / "api" / "openapi-spec" / "swagger.json", schemas)
    operators = "Kafka,KafkaNodePool,ClickHouseInstallation,PodMonitor"
    words = ["-strict", "-skip", operators, "-schema-location", f"{schemas}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"]

    def checking(manifests: str) -> None:
        ran = subprocess.run([path, *words], input=manifests, capture_output=True, text=True, timeout=120, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr

    return checking


@pytest.fixture(scope="session")
def compose_schema() -> dict[str, Any]:
    """The compose specification's, as its own Go library ships it."""
    place = module("github.com/compose-spec/compose-go/v2@v2.16.2")
    return dict(json.loads((place / "schema" / "compose-spec.json").read_text()))
