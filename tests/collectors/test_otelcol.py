"""The Collector's configurations that we ship: valid, and end to end with the Collector that `make collector` builds."""

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from pipeline.log.kafka import KafkaLog
from pipeline.log.kafka_connection import KafkaConnection
from pipeline.log.kafka_split import partition_of
from schemas.ports import Record
from schemas.topics import SPANS
from tests import otelcol
from tests.brokers import Cluster, free_port
from tests.otelcol import collector_in
from tests.system.roles import roles_in
from tests.system.running import System, eventually, system_on
from tests.system.traffic import Agents, text

if not otelcol.is_built():
    pytest.skip(otelcol.NOT_BUILT, allow_module_level=True)

PATIENCE = 120.0
CONFIGURATIONS = (("agent",), ("agent", "to-kafka"), ("gateway",), ("gateway", "to-kafka"), ("from-kafka",))
SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A whole system, on ports that it keeps over restarts."""
    ports = {"OTLP_HTTP_PORT": str(free_port()), "SQL_PORT": str(free_port())}
    with system_on(tmp_path_factory.mktemp("otelcol") / "up", **ports) as system:
        yield system.start()


@pytest.fixture
def project() -> str:
    """Each test sees its own records only."""
    return f"otelcol-{uuid4().hex[:8]}"


def to(system: System, project: str) -> dict[str, str]:
    """The environment of a Collector that sends there."""
    return {"MISSION_CONTROL_OTLP_URL": system.info["otlp_http"], "MISSION_CONTROL_PROJECT": project}


def arrives(system: System, query: str, wanted: int) -> int:
    return system.reaches(query, wanted, PATIENCE)


@pytest.mark.parametrize("names", CONFIGURATIONS, ids="+".join)
def test_the_collector_finds_them_valid(names: tuple[str, ...]) -> None:
    done = otelcol.validate([otelcol.CONFIGS / f"{name}.yaml" for name in names])
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_collector_finds_mistakes(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(yaml.safe_dump({"receivers": {"file_log": {"inclode": ["*.log"]}}}))
    done = otelcol.validate([otelcol.CONFIGS / "agent.yaml", wrong])
    assert done.returncode != 0
    assert "inclode" in done.stderr


def line(message: str, **fields: Any) -> str:
    return json.dumps({"timestamp": "2026-11-23T12:00:00.5Z", "level": "warning", "message": message, **fields}) + "\n"


@pytest.mark.slow
def test_the_agent_reads_files_once_and_measures_the_host(up: System, project: str, tmp_path: Path) -> None:
    """Lines written while the agent was down are read when it is back, those from before are not read again."""
    file = tmp_path / "planner.log"
    check = {"event.name": "permission.check", "permission.check.id": "c1", "permission.resource.type": "tool", "permission.result": "deny"}
    file.write_text(
        line("in a thread", **{"gen_ai.conversation.id": "t1"})
        + line("may not", **{"gen_ai.conversation.id": "t1"}, **check)
        + "2026-11-23 12:00:01 ERROR plain text\n"
        + "nothing to see\n" * 2
    )
    settings = {"OTELCOL_LOG_FILES": str(file), "OTELCOL_SERVICE_NAME": "planner", "OTELCOL_HOST_INTERVAL": "1s", "HOSTNAME": "host-1"}
    count = f"SELECT count() FROM logs WHERE project = '{project}'"
    with collector_in(tmp_path / "agent", "agent", **settings, **to(up, project)) as agent:
        assert arrives(up, count, 5) == 5
        memory = f"otel_metrics_sum WHERE project = '{project}' AND MetricName = 'system.memory.usage'"
        points = f"SELECT count() > 0 FROM {memory} AND ResourceAttributes['host.name'] = 'host-1'"
        assert arrives(up, points, 1) == 1
        agent.end()
        with file.open("a") as more:
            more.writelines(line(f"later {number}") for number in range(100))
        agent.start()
        assert arrives(up, count, 105) == 105
    rows = {row["message"]: row for row in up.sql(f"SELECT message, level, thread_id, service FROM logs WHERE project = '{project}'")}
    assert {row["service"] for row in rows.values()} == {"planner"}
    assert (rows["in a thread"]["level"], rows["in a thread"]["thread_id"]) == ("WARN", "t1")
    assert rows["2026-11-23 12:00:01 ERROR plain text"]["level"] == "ERROR"
    assert rows["nothing to see"]["level"] == "INFO"
    assert arrives(up, f"SELECT count() FROM permission_events WHERE project = '{project}' AND granted = 0", 1) == 1


def span(
    thread: str, said: Mapping[str, str] | None = None, *, name: str = "chat", failed: bool = False, event: str = "", trace: int = 0
) -> bytes:
    """One request with one span that has said these attributes, in a trace of its own or in the trace of this number."""
    request = ExportTraceServiceRequest()
    own = request.resource_spans.add().scope_spans.add().spans.add(name=name, kind=Span.SPAN_KIND_INTERNAL)
    own.trace_id, own.span_id = trace.to_bytes(16, "big") if trace else uuid4().bytes, uuid4().bytes[:8]
    own.start_time_unix_nano, own.end_time_unix_nano = time.time_ns() - SECOND, time.time_ns()
    own.attributes.extend(text(key, value) for key, value in {"gen_ai.conversation.id": thread, **(said or {})}.items())
    if failed:
        own.status.code = Status.STATUS_CODE_ERROR
    if event:
        own.events.add(name=event, time_unix_nano=own.end_time_unix_nano).attributes.append(text("permission.result", "deny"))
    return request.SerializeToString()


@pytest.mark.slow
def test_the_gateway_drops_neither_failures_nor_checks(up: System, project: str, tmp_path: Path) -> None:
    """With nothing else sampled: each kind of failure and check arrives, with its trace, even after its trace was dropped."""
    kept = [
        span("failed", failed=True),
        span("error-type", {"error.type": "timeout"}),
        span("check", {"permission.result": "deny"}, name="permission.check"),
        span("own-check", {"mission_control.permission.result": "allow"}, name="mission_control.permission.check"),
        span("claude", {"decision": "reject"}, name="claude_code.tool.blocked_on_user"),
        span("guardrail", {"gen_ai.guardrail.verdict.type": "deny"}),
        span("guard", {"openinference.span.kind": "GUARDRAIL"}),
        span("authorization", {"aspnetcore.authorization.result": "failure"}),
        span("stackql", {"stackql.decision": "deny"}),
        span("asks", {"mcp.result.type": "input_required"}),
        span("event", event="permission.check"),
    ]
    whole = uuid4().int
    settings = {"OTELCOL_SAMPLE_PERCENT": "0", "OTELCOL_DECISION_WAIT": "1s"}
    threads = f"SELECT DISTINCT thread_id FROM execution_steps WHERE project = '{project}'"
    with collector_in(tmp_path / "gateway", "gateway", **settings, **to(up, project)) as gateway:
        for body in [*kept, *(span("dropped") for _ in range(50)), span("whole", trace=whole), span("whole", failed=True, trace=whole)]:
            assert gateway.post("/v1/traces", body).status_code == 200
        assert arrives(up, f"SELECT count() FROM otel_traces WHERE project = '{project}'", len(kept) + 2) == len(kept) + 2
        late = uuid4().int
        assert gateway.post("/v1/traces", span("late", trace=late)).status_code == 200
        time.sleep(3)  # the trace is decided upon
        assert gateway.post("/v1/traces", span("late", failed=True, trace=late)).status_code == 200
        assert arrives(up, f"SELECT count() FROM otel_traces WHERE project = '{project}'", len(kept) + 3) == len(kept) + 3
    found = eventually(lambda: {row["thread_id"] for row in up.sql(threads)}, lambda found: "late" in found, PATIENCE)
    assert found == {
        "failed", "error-type", "check", "own-check", "claude", "guardrail", "guard", "authorization", "stackql", "asks", "event", "whole", "late",
    }  # fmt: skip


@pytest.mark.slow
def test_the_gateway_keeps_the_part_that_it_is_told(up: System, project: str, tmp_path: Path) -> None:
    """And the project that the sender named."""
    settings = {"OTELCOL_SAMPLE_PERCENT": "50", "OTELCOL_DECISION_WAIT": "1s"}
    request = ExportTraceServiceRequest.FromString(b"".join(span("usual") for _ in range(400)))
    with collector_in(tmp_path / "gateway", "gateway", **settings, **to(up, "other")) as gateway:
        assert gateway.post("/v1/traces", request.SerializeToString(), x_mission_control_project=project).status_code == 200
        count = f"SELECT count() FROM otel_traces WHERE project = '{project}'"
        found = eventually(lambda: up.number(count), lambda found: found > 100, PATIENCE)
    assert 100 < found < 300
    assert up.number("SELECT count() FROM otel_traces WHERE project = 'other'") == 0


@pytest.mark.slow
def test_nothing_accepted_is_lost_while_mission_control_is_away(up: System, project: str, tmp_path: Path) -> None:
    """Not even when the gateway is killed as well."""
    settings = {"OTELCOL_SAMPLE_PERCENT": "100", "OTELCOL_DECISION_WAIT": "1s"}
    agents = Agents(17)
    with collector_in(tmp_path / "gateway", "gateway", **settings, **to(up, project)) as gateway:
        up.stop()
        requests = [agents.logs(10) for _ in range(50)]
        for request in requests[:25]:
            assert gateway.post(request.path, request.body).status_code == 200
        failures = [span("away", failed=True) for _ in range(25)]
        for body in failures:
            assert gateway.post("/v1/traces", body).status_code == 200
        gateway.kill()
        gateway.start()
        for request in requests[25:]:
            assert gateway.post(request.path, request.body).status_code == 200
        up.start()
        assert arrives(up, f"SELECT count() FROM logs WHERE project = '{project}'", 500) == 500
        assert arrives(up, f"SELECT count() FROM otel_traces WHERE project = '{project}'", 25) == 25
    found = {row["message"] for row in up.sql(f"SELECT message FROM logs WHERE project = '{project}'")}
    assert found == {text for request in requests for text in request.ids}


@pytest.mark.slow
def test_topics_are_shared_with_the_collector(up: System, kafka: Cluster, project: str, tmp_path: Path) -> None:
    """The Collector writes what our processor stores, each trace where our collector puts it; what that writes, the Collector reads."""
    agents = Agents(18)
    written, read = [agents.turns(5) for _ in range(20)], [agents.turns(5) for _ in range(20)]
    logs = [agents.logs(10) for _ in range(20)]
    with roles_in(tmp_path, kafka, servers=0) as roles:
        roles.start()
        topics = {f"MISSION_CONTROL_{name}": value for name, value in roles.settings.items() if name.startswith("KAFKA_")}
        settings = {"OTELCOL_SAMPLE_PERCENT": "100", "OTELCOL_DECISION_WAIT": "1s", "MISSION_CONTROL_PROJECT": project}
        with collector_in(tmp_path / "to-kafka", "gateway", "to-kafka", **settings, **topics) as gateway:
            for request in [*written, *logs]:
                assert gateway.post(request.path, request.body).status_code == 200
            with roles.clickhouse.store() as store:
                spans, records = (f"SELECT count() AS n FROM {table} WHERE project = '{project}'" for table in ("otel_traces", "logs"))
                assert eventually(lambda: store.query(spans)[0]["n"], lambda found: found == 400, PATIENCE) == 400
                assert eventually(lambda: store.query(records)[0]["n"], lambda found: found == 200, PATIENCE) == 200

        (collector,) = roles.collectors
        mine = f"{project}-read"
        for request in read:
            assert collector.post(request.path, request.body, x_mission_control_project=mine).status_code == 200
        with collector_in(tmp_path / "from-kafka", "from-kafka", OTELCOL_DESTINATION=up.info["otlp_http"], **topics):
            count = f"SELECT count() FROM otel_traces WHERE project = '{mine}'"
            assert arrives(up, count, 400) == 400
            found = {row["SpanId"] for row in up.sql(f"SELECT SpanId FROM otel_traces WHERE project = '{mine}'")}
            assert found == {one for request in read for one in request.ids}
        with KafkaLog(KafkaConnection(kafka.bootstrap, roles.settings["KAFKA_TOPIC_PREFIX"])) as log:
            partitions = log.partitions(SPANS)
            places = {
                (number, trace) for number in range(partitions) for record in log.records(SPANS, number) for trace in traces_of(record)
            }
        assert partitions > 1
        assert len({number for number, _ in places}) > 1
        assert all(partition_of(trace, partitions) == number for number, trace in places)


def traces_of(record: Record) -> set[bytes]:
    request = ExportTraceServiceRequest.FromString(record.value)
    return {span.trace_id for block in request.resource_spans for scope in block.scope_spans for span in scope.spans}
