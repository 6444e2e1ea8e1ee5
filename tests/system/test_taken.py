"""What is in the way at start is said in one clear line, and nobody is harmed."""

import socket
from pathlib import Path

import pytest

from tests.system.running import System, system_on
from tests.system.traffic import Agents


def end_of(system: System) -> tuple[int, str]:
    """Exit code, and what it said that is no log line of ours."""
    system.spawn()
    code = system.wait()
    return code, "\n".join(line for line in system.complaints().splitlines() if not line.startswith("{"))


def test_a_second_process_on_the_same_data_gets_one_line_and_the_first_works_on(system: System) -> None:
    before = system.run_file.read_bytes()
    with system_on(system.data) as second:
        second.name = "second"
        code, said = end_of(second)
    assert code not in (0, None)
    assert len(said.splitlines()) == 1, said
    assert str(system.data) in said
    assert str(system.info["pid"]) in said
    assert "Traceback" not in second.complaints()
    assert system.run_file.read_bytes() == before
    request = Agents(21).turns()
    assert system.post(request.path, request.body).status_code == 200
    assert system.reaches("SELECT count() FROM otel_traces", len(request.ids)) == len(request.ids)


@pytest.mark.parametrize(
    ("setting", "option"),
    [("PORT", "port"), ("OTLP_HTTP_PORT", "otlp_http_port"), ("OTLP_GRPC_PORT", "otlp_grpc_port"), ("SQL_PORT", "sql_port")],
)
def test_a_taken_port_is_one_clear_line(tmp_path: Path, setting: str, option: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with system_on(tmp_path / "data", **{setting: str(port)}) as system:
            code, said = end_of(system)
            assert code not in (0, None)
            assert len(said.splitlines()) == 1, said
            assert str(port) in said
            assert option in said or setting in said or option.replace("_", "-") in said
            assert "Traceback" not in system.complaints()
            assert not system.run_file.exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_others_are_let_in_only_with_a_key(tmp_path: Path, host: str) -> None:
    with system_on(tmp_path / "data", HOST=host) as system:
        code, said = end_of(system)
    assert code not in (0, None)
    assert len(said.splitlines()) == 1, said
    assert "API_KEY" in said
    assert not (tmp_path / "data").exists()
