"""The contract's tables, column for column; every column says what it is."""

import pytest

from schemas.store import ClickHouseStore

CONTRACT = {
    "threads": """thread_id parent_thread_id kind name status stalled_since waiting_for waiting_since loop_count controls environment service_version
        host tags user_input agent_name user_id mcp_ids services models started_at last_seen_at ended_at duration_ms current_step step_count llm_calls
        tool_calls error_count permission_checks permission_denials escalations input_tokens output_tokens cache_read_tokens cache_write_tokens cost_usd
        cost_estimated memory_bytes cpu_utilization error_type error_message attributes""",
    "execution_steps": """thread_id step_id trace_id parent_step_id sequence type name description status environment service service_version host
        started_at ended_at duration_ms mcp_id agent_name tool_name tool_call_id request_model model provider prompt_name prompt_version ttft_ms
        reasoning_tokens input output input_tokens output_tokens cache_read_tokens cache_write_tokens cost_usd finish_reason error_type error_message
        memory_bytes cpu_utilization attributes""",
    "llm_messages": "thread_id step_id sequence role content content_hash timestamp tool_call_id tool_name metadata",
    "logs": "timestamp level severity_number service thread_id step_id trace_id mcp_id event_name message exception context",
    "permission_events": """event_id timestamp thread_id step_id mcp_id user_id subject resource action granted reason reason_code policy rule
        rules_checked inheritance_chain source escalation_detected escalation_rule escalation_status decided_at waited_ms severity received_at
        sender_key_id evidence_trace_id evidence_span_id""",
    "unchecked_calls": "thread_id step_id agent_name tool_name mcp_id started_at",
    "scores": "timestamp thread_id step_id name value label explanation source user_id",
    "error_groups": "fingerprint error_type message service first_seen_at last_seen_at service_versions count threads",
    "usage_hourly": """hour agent_name user_id provider model calls errors input_tokens output_tokens cache_read_tokens cache_write_tokens cost_usd
        p50_ms p95_ms p99_ms""",
    "steps_hourly": "hour type steps running errors under_1s under_10s under_60s",
    "tools_hourly": "hour mcp_id tool_name agent_name calls errors p50_ms p95_ms p99_ms last_seen_at",
    "permissions_hourly": "hour resource action checks granted denied pending escalations",
    "alerts": "alert_id rule severity status started_at ended_at labels value acknowledged_by silenced_until",
    "mcps": "mcp_id name version transport endpoint status last_seen_at tools calls errors p50_ms p95_ms",
    "entities": "entity_id type name version scope validated description created_at modified_at source metadata",
    "relationships": "source_id target_id type origin first_seen_at last_seen_at count metadata",
    "audit_events": "event_id timestamp writer type severity status user_id actor role action target outcome ip details previous_hash hash",
    "dead_letters": "received_at source signal reason error payload payload_sha256 replayed_at",
    "ingest_ledger": "minute source signal received stored rejected duplicates bytes lag_ms_max",
}
EXPORTER = {
    "otel_traces": """Timestamp TraceId SpanId ParentSpanId TraceState SpanName SpanKind ServiceName ResourceAttributes ScopeName ScopeVersion
        SpanAttributes Duration StatusCode StatusMessage Events.Timestamp Events.Name Events.Attributes Links.TraceId Links.SpanId Links.TraceState
        Links.Attributes""",
    "otel_traces_trace_id_ts": "TraceId Start End",
    "otel_logs": """Timestamp TraceId SpanId TraceFlags SeverityText SeverityNumber ServiceName Body ResourceSchemaUrl ResourceAttributes ScopeSchemaUrl
        ScopeName ScopeVersion ScopeAttributes LogAttributes EventName""",
}
MORE = {
    "threads": "trace_ids unchecked_calls last_received computed_at",
    "execution_steps": "user_id span_ids received_on",
    "llm_messages": "trace_id parts",
    "unchecked_calls": "received_on",
    "steps_hourly": """name service mcp_id model error_type paused cancelled unchecked p50_ms p95_ms p99_ms first_tokens p50_ttft_ms p95_ttft_ms
        longest_ms longest_thread_id longest_name longest_at thread_ids""",
    "permissions_hourly": "agent_name source detected p50_waited_ms p95_waited_ms",
    "permission_statements": "thread_id event_id phase timestamp",
    "logs": "log_id",
    "permission_events": "agent_name escalation_reason overreach",
    "scores": "score_id trace_id",
    "dead_letters": "log_partition log_offset part",
}
"""Columns, and views, that we show beyond the contract."""
ALIASES = {
    "threads": {
        "id": "thread_id",
        "parent_id": "parent_thread_id",
        "mcp_id": "mcp_ids[1]",
        "memory_usage": "memory_bytes",
        "cpu_usage": "cpu_utilization * 100",
        "execution_context": "attributes",
    },
    "execution_steps": {"timestamp": "started_at", "details": "attributes"},
    "permission_events": {"id": "event_id", "permission_rules_checked": "rules_checked"},
    "mcps": {"id": "mcp_id", "last_seen": "last_seen_at"},
}
"""Names that people know from elsewhere, with what they stand for."""


def columns(store: ClickHouseStore, view: str) -> dict[str, str]:
    """name -> comment"""
    sql = "SELECT name, comment FROM system.columns WHERE database = 'mission_control' AND table = {t:String} ORDER BY position"
    return {row["name"]: row["comment"] for row in store.query(sql, {"t": view})}


def test_other_names_stand_for_the_same(store: ClickHouseStore) -> None:
    store.command(
        "INSERT INTO thread_summaries (project, thread_id, parent_thread_id, mcp_ids, memory_bytes, cpu_utilization, attributes, started_at, last_received, retention_days)"
        " VALUES ('p', 't', 'above', ['files', 'web'], 7, 0.5, {'a': 'b'}, now64(9), now64(9), 30)"
    )
    store.command(
        "INSERT INTO steps (project, thread_id, trace_id, step_id, mcp_id, tool_name, type, status, attributes, started_at, received, retention_days)"
        " VALUES ('p', 't', 'r', 's', 'files', 'read', 'tool_call', 'complete', {'c': 'd'}, now64(9), now64(9), 30)"
    )
    store.command(
        "INSERT INTO permission_rows (project, thread_id, event_id, phase, timestamp, rules_checked, result, received, retention_days)"
        " VALUES ('p', 't', 'e', 'decision', now64(9), '[1]', 'allow', now64(9), 30)"
    )
    store.command(
        "INSERT INTO tool_hours (project, hour, mcp_id, tool_name, agent_name, calls, last_seen_at, version)"
        " VALUES ('p', toStartOfHour(now()), 'files', 'read', 'a', 1, now64(9), 1)"
    )
    for view, names in ALIASES.items():
        (row,) = store.query(
            f"SELECT {', '.join(f'{name}, {meant} AS meant_{name}' for name, meant in names.items())} FROM {view} WHERE project = 'p'"
        )
        assert all(row[name] and row[name] == row[f"meant_{name}"] for name in names)


@pytest.mark.parametrize("view", CONTRACT | MORE)
def test_every_column_of_the_contract(store: ClickHouseStore, view: str) -> None:
    found = columns(store, view)
    assert set(found) == {"project", *CONTRACT.get(view, "").split(), *MORE.get(view, "").split(), *ALIASES.get(view, {})}
    assert [name for name, comment in found.items() if not comment] == []
    (row,) = store.query("SELECT comment FROM system.tables WHERE database = 'mission_control' AND name = {t:String}", {"t": view})
    assert row["comment"]
    store.query(f"SELECT * FROM {view} LIMIT 1")


@pytest.mark.parametrize("view", EXPORTER)
def test_every_column_of_the_exporter_in_its_order(store: ClickHouseStore, view: str) -> None:
    assert list(columns(store, view)) == [*EXPORTER[view].split(), "project"]


@pytest.mark.parametrize("kind", ["gauge", "sum", "histogram", "exponential_histogram", "summary"])
def test_metrics_have_five_tables(store: ClickHouseStore, kind: str) -> None:
    found = columns(store, f"otel_metrics_{kind}")
    common = "ResourceAttributes ResourceSchemaUrl ScopeName ScopeVersion ScopeAttributes ScopeDroppedAttrCount ScopeSchemaUrl ServiceName"
    assert list(found)[:14] == [
        *common.split(),
        *["MetricName", "MetricDescription", "MetricUnit", "Attributes", "StartTimeUnix", "TimeUnix"],
    ]
    assert list(found)[-1] == "project"
    store.query(f"SELECT * FROM otel_metrics_{kind} LIMIT 1")


def test_every_table_keeps_merged_parts_until_they_are_on_disk(store: ClickHouseStore) -> None:
    sql = "SELECT name, create_table_query AS text FROM system.tables WHERE database = 'mission_control' AND engine LIKE '%MergeTree'"
    ours = [row for row in store.query(sql) if row["name"] != "schema_migrations" and not row["name"].startswith("numbers_")]
    assert len(ours) > 15
    assert [row["name"] for row in ours if "old_parts_lifetime = 480" not in row["text"]] == []


def test_every_row_belongs_to_a_project(store: ClickHouseStore) -> None:
    sql = "SELECT name, sorting_key AS sorted_by FROM system.tables WHERE database = 'mission_control' AND engine LIKE '%MergeTree'"
    without = {
        row["name"] for row in store.query(sql) if not row["sorted_by"].startswith("project") and not row["name"].startswith("numbers_")
    }
    assert without == {"schema_migrations", "dead_letter_rows", "ledger_rows", "model_prices"}


def test_a_step_that_ends_beyond_what_a_column_holds_harms_no_query(store: ClickHouseStore) -> None:
    """Senders' clocks say anything; one such step must not fail the queries of everybody."""
    store.command(
        "INSERT INTO steps (project, thread_id, step_id, status, started_at, duration_ns)"
        " VALUES ('late', 't', 's', 'complete', fromUnixTimestamp64Nano(9223372036854775807), 18446744073709551615)"
    )
    (row,) = store.query("SELECT toString(ended_at) AS ended FROM execution_steps WHERE project = 'late'")
    assert row["ended"] == "2262-04-11 23:47:16.854775807"
