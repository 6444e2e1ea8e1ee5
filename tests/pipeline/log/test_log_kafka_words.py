"""What needs no broker: cutting requests, commits as messages, how brokers are reached."""

import asyncio
import ssl
import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from pipeline.log.errors import TooFewBrokersError
from pipeline.log.kafka_commits import COMMIT_HEADER, EventsLostError, decode, encode
from pipeline.log.kafka_connection import KafkaConnection
from pipeline.log.kafka_loop import LoopThread
from pipeline.log.kafka_split import split
from pipeline.log.kafka_topics import TopicPlan
from schemas.errors import SettingsError
from schemas.events import EVENTS_VERSION, EVERYTHING, Commit, Event, Interest
from schemas.ports import Record
from schemas.topics import COMMITS, KEYS, LOGS, METRICS, SPANS

SIZES = st.lists(st.lists(st.lists(st.integers(0, 300), max_size=6), max_size=4), max_size=4)
"""Resources of scopes of records with so much text."""


def traces(sizes: list[list[list[int]]]) -> ExportTraceServiceRequest:
    request, count = ExportTraceServiceRequest(), 0
    for number, scopes in enumerate(sizes):
        block = request.resource_spans.add(schema_url="https://example.org/1")
        block.resource.attributes.add(key="service.name").value.string_value = f"service {number}"
        for name, records in enumerate(scopes):
            group = block.scope_spans.add(schema_url="https://example.org/2")
            group.scope.name = f"scope {name}"
            for size in records:
                group.spans.add(name=f"{count} " + "x" * size)
                count += 1
    return request


def flat(request: ExportTraceServiceRequest) -> list[tuple[str, str, str, str]]:
    return [
        (block.resource.attributes[0].value.string_value, block.schema_url, group.scope.name + group.schema_url, span.name)
        for block in request.resource_spans
        for group in block.scope_spans
        for span in group.spans
    ]


@given(sizes=SIZES, most=st.integers(200, 2000))
@settings(max_examples=200, deadline=None)
def test_parts_hold_all_records_in_order_and_are_small(sizes: list[list[list[int]]], most: int) -> None:
    request = traces(sizes)
    parts = [ExportTraceServiceRequest.FromString(part) for part in split(SPANS, request.SerializeToString(), most)]
    assert [one for part in parts for one in flat(part)] == flat(request)
    for part in parts:
        assert part.ByteSize() <= most or len(flat(part)) <= 1
    assert len(parts) == 1 or all(flat(part) for part in parts)


def test_logs_and_metrics_are_cut_too() -> None:
    logs = ExportLogsServiceRequest()
    records = logs.resource_logs.add().scope_logs.add().log_records
    metrics = ExportMetricsServiceRequest()
    points = metrics.resource_metrics.add().scope_metrics.add().metrics
    for number in range(20):
        records.add().body.string_value = f"{number}" * 50
        points.add(name=f"{number}" * 50).gauge.data_points.add(as_int=number)
    parts = [ExportLogsServiceRequest.FromString(part) for part in split(LOGS, logs.SerializeToString(), 400)]
    assert [one for part in parts for one in part.resource_logs[0].scope_logs[0].log_records] == list(records)
    more = [ExportMetricsServiceRequest.FromString(part) for part in split(METRICS, metrics.SerializeToString(), 400)]
    assert [one for part in more for one in part.resource_metrics[0].scope_metrics[0].metrics] == list(points)
    assert min(len(parts), len(more)) > 3


@pytest.mark.parametrize(("topic", "value"), [(SPANS, b"\xff" * 500), (COMMITS, b"x" * 500), (SPANS, b"\x7a\x02ab" * 200)])
def test_what_is_no_request_stays_whole(topic: str, value: bytes) -> None:
    assert split(topic, value, 100) == [value]


def event(number: int, kind: Any = "step", **more: Any) -> Event:
    return Event(kind, "p", f"e{number}", {"number": number, "text": "x" * 1000}, thread_id=f"t{number % 2}", **more)


def record_of(value: bytes, header: str) -> Record:
    return Record(COMMITS, 0, 0, value, {COMMIT_HEADER: header})


def sent(commit: Commit) -> list[Commit]:
    found = [decode(record_of(value, header)) for value, header in encode(commit)]
    return [one for one in found if one is not None]


def commit_of(events: Sequence[Event]) -> Commit:
    return Commit(SPANS, {0: 7, 3: 9}, lambda _: events)


def test_a_commit_comes_out_as_it_went_in() -> None:
    events = [event(1), event(2, "log", level="ERROR"), event(3, "thread.ended", mcp_id="m")]
    (found,) = sent(commit_of(events))
    assert (found.topic, found.offsets, found.version) == (SPANS, {0: 7, 3: 9}, EVENTS_VERSION)
    assert list(found.events(EVERYTHING)) == events


def test_only_what_is_wanted_is_built_of_steps() -> None:
    (found,) = sent(commit_of([event(number) for number in range(4)] + [event(9, "permission")]))
    assert [one.id for one in found.events(Interest(threads=frozenset({("p", "t1")})))] == ["e1", "e3", "e9"]


def test_a_large_commit_comes_in_parts_and_the_last_moves_the_cursor() -> None:
    events = [event(number) for number in range(2000)]
    parts = sent(commit_of(events))
    assert len(parts) == 3
    assert [part.offsets for part in parts] == [{}, {}, {0: 7, 3: 9}]
    assert [one for part in parts for one in part.events(EVERYTHING)] == events


def test_an_empty_commit_moves_the_cursor() -> None:
    (found,) = sent(commit_of([]))
    assert (found.offsets, list(found.events(EVERYTHING))) == ({0: 7, 3: 9}, [])


def test_events_that_were_not_sent_are_missed_loudly() -> None:
    ((_, header),) = encode(commit_of([]))
    found = decode(record_of(b"", header))
    assert found is not None
    with pytest.raises(EventsLostError):
        found.events(EVERYTHING)


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("{", id="no JSON"),
        pytest.param("{}", id="nothing in it"),
        pytest.param("[]", id="a list"),
        pytest.param(orjson.dumps({"version": EVENTS_VERSION + 1, "topic": "", "offsets": {}}).decode(), id="a later version"),
    ],
)
def test_what_is_no_commit_of_ours_is_left_out(header: str, caplog: pytest.LogCaptureFixture) -> None:
    assert decode(record_of(b"[]", header)) is None
    assert caplog.records


def test_without_header_it_is_no_commit() -> None:
    assert decode(Record(COMMITS, 0, 0, b"[]", {})) is None


def test_names_have_the_prefix() -> None:
    connection = KafkaConnection("a:1, b:2,", "staging.")
    assert connection.topic(SPANS) == "staging.otlp_spans"
    assert connection.group("processor", SPANS) == "staging.mission_control.processor.otlp_spans"
    options = connection.options()
    assert (options["bootstrap_servers"], options["security_protocol"]) == (["a:1", "b:2"], "PLAINTEXT")
    assert "ssl_context" not in options


def test_a_login_needs_a_user() -> None:
    with pytest.raises(SettingsError, match="needs a user"):
        KafkaConnection("a:1", security_protocol="SASL_PLAINTEXT").options()
    options = KafkaConnection("a:1", security_protocol="SASL_PLAINTEXT", username="u", password="p").options()
    assert (options["sasl_mechanism"], options["sasl_plain_username"], options["sasl_plain_password"]) == ("SCRAM-SHA-512", "u", "p")


def test_certificates_are_checked(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    good = KafkaConnection("a:1", security_protocol="SSL", ca_file=certificate, cert_file=certificate, key_file=key)
    context = good.options()["ssl_context"]
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    with pytest.raises(SettingsError, match="kafka_ca_file"):
        KafkaConnection("a:1", security_protocol="SSL", ca_file=tmp_path / "none").options()
    with pytest.raises(SettingsError, match="kafka_cert_file"):
        KafkaConnection("a:1", security_protocol="SSL", ca_file=certificate, cert_file=tmp_path / "none").options()


def test_new_topics_are_safe_unless_told_otherwise() -> None:
    plans: list[tuple[TopicPlan, int, str]] = [(TopicPlan(), 3, "2"), (TopicPlan(single_node=True), 1, "1")]
    for plan, replicas, in_sync in plans:
        assert plan.replicas == replicas
        assert {settings["min.insync.replicas"] for _, _, settings in plan.topics()} == {in_sync}
    assert "needs 3 replicas" in str(TooFewBrokersError(SPANS, 3))
    (keys,) = [(partitions, settings["cleanup.policy"]) for name, partitions, settings in TopicPlan().topics() if name == KEYS]
    assert keys == (1, "compact")


async def give(value: int) -> int:
    await asyncio.sleep(0)
    return value


def test_a_loop_works_for_other_threads_until_it_is_closed() -> None:
    loop = LoopThread("test")
    assert loop.call(give(3)) == 3
    with pytest.raises(TimeoutError):
        loop.call(asyncio.sleep(60), 0.01)
    waiting = loop.submit(asyncio.sleep(60))
    loop.close()
    loop.close()
    assert waiting.cancelled()
    with pytest.raises(RuntimeError):
        loop.submit(give(4))


def test_who_waits_for_a_loop_that_ends_is_told() -> None:
    loop, entered = LoopThread("test"), threading.Event()

    async def wait() -> None:
        entered.set()
        await asyncio.sleep(60)

    def end(close: Callable[[], None]) -> None:
        entered.wait()
        close()

    ending = threading.Thread(target=end, args=(loop.close,))
    ending.start()
    with pytest.raises(TimeoutError, match="closed"):
        loop.call(wait())
    ending.join()
