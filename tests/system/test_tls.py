"""The whole system behind TLS, with a certificate for another name than it is asked for here, and with mutual TLS for senders."""

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.authority import Authority
from tests.system.running import ROOT, System, eventually, system_on
from tests.system.traffic import Agents


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[System]:
    authority = Authority(tmp_path)
    server, client = authority.server(host="mission-control.example"), authority.client()
    files = {
        "TLS_CERT_FILE": server.cert,
        "TLS_KEY_FILE": server.key,
        "TLS_CLIENT_CA_FILE": authority.ca,
        "TLS_CLIENT_CERT_FILE": client.cert,
        "TLS_CLIENT_KEY_FILE": client.key,
    }
    with system_on(tmp_path / "data", **{name: str(file) for name, file in files.items()}) as system:
        trusting = ssl.create_default_context(cafile=authority.ca)
        trusting.check_hostname = False
        trusting.load_cert_chain(client.cert, client.key)
        system.http.close()
        system.http = httpx.Client(verify=trusting, timeout=60)
        yield system.start()


def command(system: System, *words: str) -> "subprocess.CompletedProcess[str]":
    """Of this machine, with the settings that the system has."""
    names = {f"MISSION_CONTROL_{name}": value for name, value in ({"DATA_DIR": str(system.data)} | system.settings).items()}
    return subprocess.run([sys.executable, "-m", *words], cwd=ROOT, env=os.environ | names, capture_output=True, text=True, timeout=120)


def test_every_door_and_our_own_commands(secured: System) -> None:
    addresses = [secured.info[name] for name in ("console", "otlp_http", "otlp_grpc", "sql", "login_url")]
    assert all(address.startswith("https://127.0.0.1:") for address in addresses)
    assert secured.info["login_url"] in eventually(secured.stdout.read_text)
    request = Agents(72).turns()
    assert secured.post(request.path, request.body).status_code == 200
    assert secured.reaches("SELECT count() FROM otel_traces", len(request.ids)) == len(request.ids)
    login = secured.http.get(secured.info["login_url"])
    assert "secure" in login.headers["set-cookie"].lower()

    looked = command(secured, "mission_control.main", "doctor", "--json")
    findings = {one["check"]: one for one in json.loads(looked.stdout)}
    wrong = {name: one for name, one in findings.items() if one["status"] == "fail"}
    assert wrong == {}, looked.stdout
    assert {"health", "ready", "token", "OTLP gRPC", "round trip"} <= findings.keys()
    assert findings["encryption in transit"]["found"].startswith("TLS on every port, until ")
    assert command(secured, "mission_control.main", "demo", "--clear").returncode == 0  # by WebSocket
    assert command(secured, "mission_control.health").returncode == 0

    nobody = httpx.Client(verify=ssl._create_unverified_context())
    with nobody, pytest.raises(httpx.TransportError):
        nobody.post(secured.info["sql"], content="SELECT 1")
    assert secured.stop() == 0
    assert "ERROR" not in secured.complaints()
    assert command(secured, "mission_control.health").returncode == 1
