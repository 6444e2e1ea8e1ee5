"""The load generator sends what it built, waits where it is told to, and counts what was acknowledged."""

import json
import threading
from collections.abc import Iterator
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bench.connection import Connection
from bench.errors import SenderError
from bench.generator import send
from bench.sender import Plan, Sender, bodies


class Collector(ThreadingHTTPServer):
    """Answers each request with the next of `statuses`, then with 200."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses: list[int] = []
        self.taken: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1/traces"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Collector

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        if status == 200:
            self.server.taken.append(data)
        self.send_response(status)
        self.send_header("Retry-After", "0.01")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


async def test_all_is_sent_once_and_refusals_are_repeated(collector: Collector) -> None:
    collector.statuses = [503, 429]
    plan = Plan(collector.url, 300, 50, connections=2)
    built = list(bodies(plan))
    sent = await Sender(plan, iter(built)).run()
    assert sorted(collector.taken) == sorted(body.data for body in built)
    assert (sent.requests, sent.refused) == (len(built), 2)
    assert sent.records == sum(body.records for body in built)
    assert sent.steps == sum(body.steps for body in built)
    assert len(sent.answers) == len(built)


async def test_a_rate_is_kept(collector: Collector) -> None:
    plan = Plan(collector.url, 50, 10, rate=50.0)
    sent = await Sender(plan, bodies(plan)).run()
    assert sent.seconds >= (sent.requests - 1) / 50


async def test_what_will_never_be_taken_ends_the_run(collector: Collector) -> None:
    collector.statuses = [400]
    plan = Plan(collector.url, 10, 10)
    with pytest.raises(RuntimeError, match="status 400"):
        await Sender(plan, bodies(plan)).run()


async def test_chunked_answers_and_closed_connections(collector: Collector) -> None:
    connection = Connection(collector.url, {"X": "y"})
    for _ in range(2):
        assert (await connection.get("/")).body == b"abcde"
    connection.close()


def test_the_generator_is_a_process_of_its_own(collector: Collector) -> None:
    sent = send(Plan(collector.url, 40, 20, signal="logs", prefix="T", threads=3), 60)
    assert (sent.requests, sent.records, len(collector.taken)) == (2, 40, 2)


def test_a_failing_generator_says_why(collector: Collector) -> None:
    collector.statuses = [404]
    with pytest.raises(SenderError, match="404"):
        send(Plan(collector.url, 10, 10), 60)


def test_plans_survive_the_way_to_the_process() -> None:
    plan = Plan("http://127.0.0.1:1/v1/traces", 5, headers={"a": "b"})
    assert Plan(**json.loads(json.dumps(asdict(plan)))) == plan
