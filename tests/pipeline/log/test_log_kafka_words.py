"""What needs no broker: cutting requests, commits as messages, how brokers are reached."""

import asyncio
import ssl
import subprocess
import threading
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from random import Random
from types import MappingProxyType
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
from pipeline.log.kafka_split import partition_of, split
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
    parts = [ExportTraceServiceRequest.FromString(part.value) for part in split(SPANS, request.SerializeToString(), most=most)]
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
    parts = [ExportLogsServiceRequest.FromString(part.value) for part in split(LOGS, logs.SerializeToString(), 3, 400)]
    assert [one for part in parts for one in part.resource_logs[0].scope_logs[0].log_records] == list(records)
    more = [ExportMetricsServiceRequest.FromString(part.value) for part in split(METRICS, metrics.SerializeToString(), 3, 400)]
    assert [one for part in more for one in part.resource_metrics[0].scope_metrics[0].metrics] == list(points)
    assert min(len(parts), len(more)) > 3


@pytest.mark.parametrize(("topic", "value"), [(SPANS, b"\xff" * 500), (COMMITS, b"x" * 500), (SPANS, b"\x7a\x02ab" * 200)])
def test_what_is_no_request_stays_whole(topic: str, value: bytes) -> None:
    assert split(topic, value, 3, 100) == [(None, value)]


TRACES = [bytes([number]) * 16 for number in range(40)]


@given(sizes=SIZES, partitions=st.integers(2, 7), most=st.integers(200, 20_000), picks=st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_every_trace_goes_to_its_partition_whole_and_in_order(
    sizes: list[list[list[int]]], partitions: int, most: int, picks: Random
) -> None:
    request = traces(sizes)
    for block in request.resource_spans:
        for span in (span for group in block.scope_spans for span in group.spans):
            span.trace_id = picks.choice(TRACES)
    own = {partition: type(request)() for partition in range(partitions)}
    for part in split(SPANS, request.SerializeToString(), partitions, most):
        assert part.partition is not None or not flat(request)
        own[part.partition or 0].MergeFromString(part.value)
    for partition, found in own.items():
        assert flat(found) == [one for one, trace_id in with_trace(request) if partition_of(trace_id, partitions) == partition]
    assert sum(len(flat(found)) for found in own.values()) == len(flat(request))


def with_trace(request: ExportTraceServiceRequest) -> list[tuple[tuple[str, str, str, str], bytes]]:
    traces_of = [span.trace_id for block in request.resource_spans for group in block.scope_spans for span in group.spans]
    return list(zip(flat(request), traces_of, strict=True))


def test_a_request_of_one_partition_is_the_senders_own_bytes() -> None:
    request = traces([[[5, 5]], [[5]]])
    for block in request.resource_spans:
        for span in block.scope_spans[0].spans:
            span.trace_id = TRACES[3]
    value = request.SerializeToString() + b"\x98\x06\x01"  # a field that nobody knows yet
    assert split(SPANS, value, 5) == [(partition_of(TRACES[3], 5), value)]
    assert split(SPANS, b"", 5) == [(None, b"")]


def test_the_trace_is_found_wherever_it_stands_in_a_span() -> None:
    """After fields of every wire type, as an encoder may write it; a span without one has its place too."""
    late = b"\x12\x02ab" + b"\x39" + bytes(8) + b"\x85\x01" + bytes(4) + b"\x30\x96\x01" + b"\x0a\x10" + TRACES[7]
    spans = b"".join(b"\x12" + bytes([len(span)]) + span for span in (late, b"\x2a\x01x"))
    scope = b"\x12" + bytes([len(spans)]) + spans
    found = split(SPANS, b"\x0a" + bytes([len(scope)]) + scope, 1000)
    assert {part.partition for part in found} == {partition_of(TRACES[7], 1000), partition_of(b"", 1000)}


@pytest.mark.parametrize(
    ("trace_id", "partitions", "expected"),
    [("", 2**31, 2128831035), ("01" * 16, 2**31, 414106491), ("ff" * 16, 1000, 475)],
)
def test_partitions_are_those_of_the_collector(trace_id: str, partitions: int, expected: int) -> None:
    """FNV-1a of 32 bits, whose sign is taken off: values by hand."""
    assert partition_of(bytes.fromhex(trace_id), partitions) == expected


def event(number: int, kind: Any = "step", **more: Any) -> Event:
    return Event(kind, "p", f"e{number}", {"number": number, "text": "x" * 1000}, thread_id=f"t{number % 2}", **more)


def test_payloads_of_any_kind_are_told() -> None:
    payload = MappingProxyType({"at": Decimal("1.5"), "inner": {"a": [1, None]}, "more": MappingProxyType({"b": True})})
    (commit,) = sent(Commit(SPANS, {0: 1}, lambda _: [Event("step", "p", "e", payload, level="INFO")]))
    (told,) = commit.events(EVERYTHING)
    assert told == Event("step", "p", "e", {"at": "1.5", "inner": {"a": [1, None]}, "more": {"b": True}}, level="INFO")


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
