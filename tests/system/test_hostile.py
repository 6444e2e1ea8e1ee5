"""Requests of the worst kind at the running system: the right status, a message, nothing stored, the process alive."""

import gzip
import http.client
import json
import random
import socket
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import zstandard

from tests.system.running import System, system_on
from tests.system.traffic import LOGS, METRICS, TRACES, Agents

LIMIT = 1_000_000
GOOD = Agents(31).turns()
NOTHING = "SELECT (SELECT count() FROM otel_traces) + (SELECT count() FROM otel_logs) + (SELECT count() FROM otel_metrics_gauge) AS n"
BOMB = b"\0" * 50_000_000


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with system_on(tmp_path_factory.mktemp("hostile") / "data", OTLP_MAX_BYTES=str(LIMIT), OTLP_REQUEST_TIMEOUT="5") as system:
        yield system.start()
        assert system.number(NOTHING) == 0
        assert system.number("SELECT count() FROM dead_letters") == 0
        assert system.number("SELECT count() FROM ingest_ledger") == 0
        assert system.post(TRACES, GOOD.body).status_code == 200
        assert system.reaches("SELECT count() FROM otel_traces", len(GOOD.ids)) == len(GOOD.ids)
        assert system.memory() < 1_500_000_000
        assert system.stop() == 0
        assert "Traceback" not in system.complaints()


CASES: dict[str, tuple[int, str, bytes, dict[str, str]]] = {
    "malformed protobuf": (400, TRACES, b"\x0a\xff\xff\xff\xff\x0f", {}),
    "truncated protobuf": (400, TRACES, GOOD.body[:-7], {}),
    "another signal's JSON": (400, TRACES, b'{"resourceLogs": []}', {"content_type": "application/json"}),
    "malformed JSON": (400, LOGS, b'{"resourceLogs": [', {"content_type": "application/json"}),
    "JSON that is no object": (400, LOGS, b"[]", {"content_type": "application/json"}),
    "JSON of the wrong types": (400, TRACES, b'{"resourceSpans": [{"scopeSpans": 7}]}', {"content_type": "application/json"}),
    "JSON in UTF-16": (400, TRACES, '{"resourceSpans": []}'.encode("utf-16"), {"content_type": "application/json"}),
    "no OTLP at all": (415, TRACES, b"hello", {"content_type": "text/plain"}),
    "unknown compression": (415, TRACES, GOOD.body, {"content_encoding": "br"}),
    "gzip that is none": (400, TRACES, GOOD.body, {"content_encoding": "gzip"}),
    "truncated gzip": (400, TRACES, gzip.compress(GOOD.body)[:-9], {"content_encoding": "gzip"}),
    "oversized": (413, METRICS, b"\0" * (LIMIT + 1), {}),
    "gzip bomb": (413, TRACES, gzip.compress(BOMB), {"content_encoding": "gzip"}),
    "deflate bomb": (413, LOGS, zlib.compress(BOMB), {"content_encoding": "deflate"}),
    "zstd bomb": (413, TRACES, zstandard.compress(BOMB), {"content_encoding": "zstd"}),
    "a path that is none": (404, "/v1/nothing", GOOD.body, {}),
}


@pytest.mark.parametrize("name", CASES)
def test_is_refused_with_a_word(target: System, name: str) -> None:
    status, path, body, headers = CASES[name]
    answer = target.post(path, body, **headers)
    assert answer.status_code == status, answer.text
    if "json" in answer.headers["content-type"]:
        assert len(json.loads(answer.text)["message"]) > 10
    else:
        assert len(answer.content) > 10  # google.rpc.Status
    assert target.is_alive()


def test_random_bytes_never_do_harm(target: System) -> None:
    """Some random bytes are valid OTLP without any record; nothing else may pass."""
    chance = random.Random(31)
    for _ in range(200):
        body = chance.randbytes(chance.randrange(1, 400))
        headers = chance.choice(({}, {"content_type": "application/json"}, {"content_encoding": "gzip"}, {"content_encoding": "zstd"}))
        answer = target.post(chance.choice((TRACES, LOGS, METRICS)), body, **headers)
        assert answer.status_code in (200, 400), answer.text
    assert target.number(NOTHING) == 0


def test_bodies_that_never_come_or_say_too_much(target: System) -> None:
    address = urlsplit(target.info["otlp_http"])
    assert address.hostname
    assert address.port
    for headers, status in (({"content-length": "100000000000"}, 413), ({"content-length": "500"}, 408)):
        link = http.client.HTTPConnection(address.hostname, address.port, timeout=120)
        link.putrequest("POST", TRACES)
        for header, value in {"content-type": "application/x-protobuf", **headers}.items():
            link.putheader(header, value)
        link.endheaders(b"abc")
        assert link.getresponse().status == status
        link.close()


@pytest.mark.parametrize("port", ["otlp_http", "otlp_grpc", "console", "sql"])
def test_noise_on_any_port_does_no_harm(target: System, port: str) -> None:
    address = urlsplit(target.info[port])
    chance = random.Random(port)
    for _ in range(20):
        with socket.create_connection((address.hostname, address.port), timeout=120) as link:
            link.sendall(chance.randbytes(chance.randrange(1, 3000)))
    assert target.is_alive()
    assert target.ask("/ready").status_code == 200


def test_other_sites_get_nothing_through_a_browser(target: System) -> None:
    """DNS rebinding: a page of elsewhere that resolves to us still sends its own Host or Origin."""
    for name in ("otlp_http", "console", "sql"):
        for headers in ({"host": "evil.example"}, {"origin": "http://evil.example"}):
            answer = target.http.post(target.info[name] + ("/v1/traces" if name == "otlp_http" else "/api/threads"), headers=headers)
            assert answer.status_code in (400, 403, 421), (name, headers, answer.status_code)


def test_the_console_serves_only_its_own_files(target: System) -> None:
    for path in ("/../pyproject.toml", "/%2e%2e/pyproject.toml", "/..%2fpyproject.toml", "/.git/config", "/package.json"):
        assert target.ask(path).status_code == 404, path
    assert not Path(target.data / "pyproject.toml").exists()
