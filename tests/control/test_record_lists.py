"""Permissions, the fleet, search, overview and the lists of what the system did."""

from typing import Any
from urllib.parse import quote

from control.times import iso

SECOND = 1_000_000_000
HOUR = 3600 * SECOND


async def events(running: Any, rows: Any, **parameters: Any) -> list[str]:
    page = await running.get("/api/permissions/audit", project=rows.project, **parameters)
    return [item["event_id"] for item in page["items"]]


async def test_permission_audit(running: Any, rows: Any) -> None:
    rows.permission("t", "yes", timestamp=rows.now - 1)
    rows.permission("t", "no", timestamp=rows.now - 2, result="deny", mcp_id="mail", user_id="ann", resource="mail:out")
    rows.permission("u", "open", "ask", timestamp=rows.now - 3)
    # Asked long ago, answered lately: one event, in the place of the answer.
    rows.permission("u", "late", "ask", timestamp=rows.now - 30 * HOUR, escalation_rule="stated")
    rows.permission("u", "late", timestamp=rows.now - 4, result="deny", escalation_rule="stated")
    rows.permission("v", "old", timestamp=rows.now - 900 * HOUR, result="deny")
    assert await events(running, rows) == ["yes", "no", "open", "late", "old"]
    assert await events(running, rows, granted="true") == ["yes"]
    assert await events(running, rows, granted="false") == ["no", "late", "old"]
    assert await events(running, rows, granted="false", **{"from": iso(rows.now - 24 * HOUR)}) == ["no", "late"]
    assert await events(running, rows, granted="pending") == ["open"]
    assert await events(running, rows, mcp_id="mail", user_id="ann", resource="OUT") == ["no"]
    first = await running.get("/api/permissions/audit", project=rows.project, limit=2)
    assert await events(running, rows, cursor=first["next"]) == ["open", "late", "old"]


async def test_escalations_by_the_rule_that_found_them(running: Any, rows: Any) -> None:
    rows.permission("t", "no", timestamp=rows.now - 90 * HOUR, result="deny")
    rows.permission("t", "yes", timestamp=rows.now - 5)
    rows.permission(
        "u", "late", "ask", timestamp=rows.now - 30 * HOUR, escalation_rule="stated", escalation_reason="said so", action="write"
    )
    rows.permission("u", "late", timestamp=rows.now - 4, result="deny", escalation_rule="stated", action="write")
    rows.permission("u", "open", "ask", timestamp=rows.now - 50 * HOUR, escalation_rule="auto_accept", mcp_id="mail", action="write")
    assert await events(running, rows, escalation="true") == ["late", "yes", "open"]
    assert await events(running, rows, escalation="false") == ["no"]
    assert await events(running, rows, escalation="allowed_after_denial") == ["yes"]
    assert await events(running, rows, escalation="stated") == ["late"]
    assert await events(running, rows, escalation="new_for_agent") == []
    assert await events(running, rows, escalation="true", granted="pending") == ["open"]
    assert await events(running, rows, escalation="true", granted="true", resource="TMP") == ["yes"]
    assert await events(running, rows, escalation="true", mcp_id="mail") == ["open"]
    first = await running.get("/api/permissions/audit", project=rows.project, escalation="true", limit=2)
    assert [(item["escalation_rule"], item["escalation_reason"]) for item in first["items"]] == [
        ("stated", "said so"),
        ("allowed_after_denial", "allowed after it was denied in the same thread"),
    ]
    assert await events(running, rows, escalation="true", cursor=first["next"]) == ["open"]
    thread = await running.get("/api/permissions/audit/t", project=rows.project, escalation="true")
    assert ([item["event_id"] for item in thread["items"]], thread["counts"]["escalations"]) == (["yes"], 1)


async def test_permission_audit_of_a_thread(running: Any, rows: Any) -> None:
    rows.permission("a/b", "yes")
    rows.permission("a/b", "no", result="deny")
    rows.permission("other", "x")
    page = await running.get(f"/api/permissions/audit/{quote('a/b', safe='')}", project=rows.project, granted="false")
    assert [item["event_id"] for item in page["items"]] == ["no"]
    assert page["counts"] == {"checks": 2, "granted": 1, "denied": 1, "pending": 0, "escalations": 0}


async def test_mcps(running: Any, rows: Any) -> None:
    rows.calls("read", calls=4, errors=1)
    rows.calls("write", calls=2)
    rows.calls("send", mcp_id="mail/box", calls=2, errors=2)
    rows.calls("old", mcp_id="quiet", hours_ago=30)
    rows.calls("older", mcp_id="still", hours_ago=8 * 24)
    page = await running.get("/api/mcps", project=rows.project, limit=2)
    assert [(mcp["mcp_id"], mcp["calls"], mcp["tools"]) for mcp in page["items"]] == [
        ("files", 6, ["read", "write"]),
        ("mail/box", 2, ["send"]),
    ]
    rest = await running.get("/api/mcps", project=rows.project, cursor=page["next"])
    assert [(mcp["mcp_id"], mcp["p50_ms"] is None, mcp["p95_ms"] is None) for mcp in rest["items"]] == [
        ("quiet", False, False),
        ("still", True, True),
    ]
    assert (await running.get("/api/mcps/still/health", project=rows.project))["p95_ms"] is None
    assert (await running.get("/api/mcps/files/health", project=rows.project))["health"] == "healthy"
    mail = await running.get("/api/mcps/mail%2Fbox/health", project=rows.project)
    assert (mail["health"], mail["error_rate"], len(mail["hours"])) == ("failing", 1.0, 1)
    quiet = await running.get("/api/mcps/quiet/health", project=rows.project)
    assert (quiet["health"], quiet["hours"]) == ("silent", [])
    tools = await running.get("/api/mcps/files/tools", project=rows.project, limit=1)
    assert [(tool["name"], tool["calls"], tool["agents"]) for tool in tools["items"]] == [("read", 4, ["planner"])]
    tools = await running.get("/api/mcps/files/tools", project=rows.project, cursor=tools["next"])
    assert [tool["name"] for tool in tools["items"]] == ["write"]
    assert (await running.client.get("/api/mcps/none/health")).status_code == 404


async def test_graph(running: Any, rows: Any) -> None:
    rows.calls("read")
    page = await running.get("/api/graph/entities", project=rows.project)
    assert [entity["entity_id"] for entity in page["items"]] == ["agent:planner", "mcp:files", "tool:read"]
    for wanted, found in (
        ({"type": "tool"}, ["tool:read"]),
        ({"search": "PLAN"}, ["agent:planner"]),
        ({"validated": "true"}, []),
        ({"scope": "user"}, []),
    ):
        page = await running.get("/api/graph/entities", project=rows.project, **wanted)
        assert [entity["entity_id"] for entity in page["items"]] == found
    page = await running.get("/api/graph/relationships", project=rows.project, limit=1)
    rest = await running.get("/api/graph/relationships", project=rows.project, cursor=page["next"])
    edges = [(edge["source_id"], edge["type"], edge["target_id"]) for edge in page["items"] + rest["items"]]
    assert edges == [("agent:planner", "uses", "tool:read"), ("tool:read", "depends_on", "mcp:files")]
    page = await running.get("/api/graph/relationships", project=rows.project, type="uses", entity_id="tool:read")
    assert len(page["items"]) == 1


async def test_search(running: Any, rows: Any) -> None:
    rows.thread("t1", user_input="x" * 90 + " Find the needle in here " + "y" * 90)
    rows.log("a Needle\nwas found", thread_id="t1")
    rows.calls("needle_finder")
    found = (await running.get("/api/search", q="needle", project=rows.project))["items"]
    assert [result["type"] for result in found] == ["thread", "log", "entity"]
    for result in found:
        start, end = result["highlight"]
        assert result["title"][start:end].lower() == "needle"
        assert len(result["title"]) <= 100
    assert [result["type"] for result in (await running.get("/api/search", q="needle", project=rows.project, type="log"))["items"]] == [
        "log"
    ]
    by_id = (await running.get("/api/search", q="t1", project=rows.project, type="thread"))["items"]
    assert [(result["id"], result["highlight"]) for result in by_id] == [("t1", None)]
    assert len((await running.get("/api/search", q="needle", project=rows.project, limit=1))["items"]) == 1
    assert (await running.client.get("/api/search", params={"q": "n"})).status_code == 400


async def test_overview(running: Any, rows: Any) -> None:
    rows.thread("a", status="running", ended_at=None)
    rows.thread("b", status="running", ended_at=None, last_received=rows.now - HOUR)
    rows.thread("c", status="running", ended_at=None, waiting_for="write")
    rows.thread("d", status="error", ended_at=rows.now)
    rows.log("broken", level="ERROR", thread_id="d")
    rows.permission("d", "no", result="deny")
    shown = await running.get("/api/overview", project=rows.project)
    counts = {name: shown["threads"][name] for name in ("running", "waiting", "stalled", "errors_last_hour")}
    assert counts == {"running": 2, "waiting": 1, "stalled": 1, "errors_last_hour": 1}
    assert shown["endpoints"]["otlp_http"] == "http://127.0.0.1:4318"
    assert shown["last_hour"] == {"logs": {"ERROR": 1}, "permission_checks": 1, "permission_denials": 1, "escalations": 0}
    assert {event["type"] for event in shown["events"]} == {"thread", "denial", "error"}
    assert shown["today"]["cost_usd"] == 0


def record_rows(rows: Any, n: int) -> dict[str, dict[str, Any]]:
    """The n-th row of each list, by table; later ones are older."""
    at, common = rows.now - n * SECOND, {"project": rows.project, "version": 1}
    place = {"log_partition": 0, "log_offset": n, "signal": "otlp_logs"}
    alert = {"rule": "slow", "severity": "warn", "status": "firing", "started_at": at, "labels": {}, "value": 1.0}
    command = {"type": "command", "severity": "info", "user_id": f"u{n}", "actor": "", "action": "login", "target": "x"}
    letter = {"log_topic": "otlp_logs", "part": 0, "received_at": at, "reason": "bad", "payload": "abc"}
    booked = {"received": at - n * 60 * SECOND, "stored_at": at, "source": "http", "records": 2, "stored": 2}
    score = {"step_id": "", "name": "good", "source": "judge", "timestamp": at, "value": float(n), "is_deleted": 0}
    return {
        "score_records": {**common, "score_id": f"s{n}", "thread_id": f"t{n}", "received": at, "retention_days": 30, **score},
        "alert_rows": {**common, "alert_id": f"a{n}", **alert},
        "audit_rows": {"project": rows.project, "event_id": f"e{n}", "timestamp": at, **command},
        "dead_letter_rows": {**common, **place, **letter},
        "ledger_rows": {**common, **place, "log_topic": f"l-{rows.project}", **booked},
    }


async def test_records(running: Any, rows: Any) -> None:
    for n in range(3):
        for table, row in record_rows(rows, n).items():
            rows.put(table, row)
    for path, wanted, name in (
        ("scores", {"name": "good"}, "thread_id"), ("alerts", {"status": "firing", "severity": "warn"}, "alert_id"),
        ("audit", {"type": "command", "q": "log", "resource": "X"}, "event_id"),
        ("dead-letters", {"signal": "otlp_logs", "reason": "bad"}, "log_offset"), ("ledger", {"source": "http"}, "minute"),
    ):  # fmt: skip
        whole = await running.get(f"/api/{path}", project=rows.project, **wanted)
        assert len(whole["items"]) == 3, path
        assert "row_id" not in whole["items"][0]
        first = await running.get(f"/api/{path}", project=rows.project, limit=2)
        rest = await running.get(f"/api/{path}", project=rows.project, limit=2, cursor=first["next"])
        assert [item[name] for item in first["items"] + rest["items"]] == [item[name] for item in whole["items"]]
        assert rest["next"] is None
    assert (await running.get("/api/dead-letters", limit=1))["items"][0]["payload_bytes"] == 3
    assert len((await running.get("/api/audit", project=rows.project, user="u1"))["items"]) == 1
    assert (await running.get("/api/scores", project=rows.project, **{"from": iso(rows.now)}))["next"] is None


async def test_metrics_page(running: Any, rows: Any) -> None:
    await running.get("/api/threads", project=rows.project)
    shown = await running.get("/api/metrics")
    assert shown["current"].keys() >= {
        "ws_connections", "throughput", "api_latency_p50_ms", "api_latency_p95_ms", "api_latency_p99_ms", "error_rate", "memory_bytes", "query_p50_ms",
    }  # fmt: skip
    assert shown["peak"]["ws_connections"] == 0
    assert shown["series"][-1]["memory_bytes"] > 0
    assert shown["queries"]["thread_keys"]["count"] >= 1
    assert "mission_control_api_request_seconds_count" in (await running.client.get("/metrics")).text
