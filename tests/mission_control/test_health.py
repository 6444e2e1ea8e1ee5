"""The health check of containers, and what `doctor` says about TLS."""

from datetime import timedelta
from pathlib import Path

import pytest

from mission_control import health
from mission_control.commands import in_transit
from mission_control.runfile import RunFile, RunInfo
from schemas.settings import load_settings
from tests.authority import Authority
from tests.mission_control.conftest import Answer, Door


def test_healthy_is_who_answers(found: Door) -> None:
    found.on("GET", "/health", Answer({"status": "ok"}), Answer(b"", 503))
    assert [health.main() for _ in range(2)] == [0, 1]


def test_who_does_not_is_not(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert health.main() == 1
    RunFile(place).write(RunInfo(1, console="https://127.0.0.1:1"))
    assert health.main() == 1
    monkeypatch.delenv("MISSION_CONTROL_DATA_DIR")
    assert health.main() == 1
    assert capsys.readouterr().err.count("it does not answer: ") == 3


def test_what_doctor_says_of_encryption_in_transit(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    good, soon, old = (
        authority.server("good"),
        authority.server("soon", ends=timedelta(days=3)),
        authority.server("old", ends=timedelta(-1)),
    )
    assert in_transit.encryption(load_settings()).status == "ok"
    assert in_transit.encryption(load_settings(host="0.0.0.0")).status == "warn"
    found = [in_transit.encryption(load_settings(tls_cert_file=one.cert, tls_key_file=one.key)) for one in (good, soon, old)]
    assert [one.status for one in found] == ["ok", "warn", "fail"]
    assert "expired" in found[2].found
