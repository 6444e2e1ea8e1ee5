"""The fold of permission checks in Python says what the view `permission_events` says, whatever their statements are."""

import random
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from control.permission_fold import checks
from control.reader import Reader
from schemas.settings import Settings
from schemas.store import ClickHouseStore

THREADS: Final = 6
STATEMENTS: Final = 240
_VIEW: Final = """SELECT * EXCEPT (id, permission_rules_checked) FROM permission_events WHERE project = {project:String} ORDER BY thread_id, event_id
SETTINGS date_time_output_format = 'iso', output_format_json_quote_64bit_integers = 0"""


def said(rows: Any, r: random.Random) -> dict[str, Any]:
    """A statement in which everything that the fold looks at may be empty, and times may be the same."""

    def one_of(*values: str) -> str:
        return r.choice(values)

    at = rows.now + r.randrange(12) * 1_000_000
    return {
        "thread_id": f"t{r.randrange(THREADS)}", "event_id": f"e{r.randrange(24)}", "phase": one_of("ask", "decision"), "timestamp": at,
        "trace_id": one_of("t1", "t2"), "step_id": one_of("", "s1", "s2"), "mcp_id": one_of("", "files", "mail"), "agent_name": one_of("", "ann", "bob"),
        "user_id": one_of("", "u1"), "subject": one_of("", "agent:x"), "resource": one_of("", "file:a", "file:b"), "action": one_of("read", "write"),
        "asked_for": one_of("", "tool:a", "tool:b", "file"), "result": one_of("allow", "deny", ""), "reason": one_of("", "because", "why not"),
        "reason_code": one_of("", "code"), "policy": one_of("", "p1", "p2"), "rule": one_of("", "r1", "r2"), "rules_checked": one_of("", "[1]", "[2]"),
        "inheritance_chain": one_of("", "[]", "[3]"), "source": one_of("", "user", "policy"), "escalation_detected": r.randrange(2),
        "escalation_rule": one_of("", "", "", "stated", "denied_above"), "escalation_reason": one_of("", "", "that is why"),
        "escalation_status": one_of("", "", "pending", "approved"), "severity": one_of("info", "high"), "sender_key_id": one_of("", "k"),
        "received": at + r.randrange(3), "is_deleted": int(r.random() < 0.05),
    }  # fmt: skip


@pytest.fixture
def reader(store: ClickHouseStore, tmp_path: Path) -> Any:
    made = Reader(store, Settings.model_validate({"data_dir": tmp_path}), lambda name, seconds: None)
    yield made
    made.close()


@pytest.mark.parametrize("seed", range(4))
async def test_the_view_says_the_same(store: ClickHouseStore, rows: Any, reader: Reader, seed: int) -> None:
    r = random.Random(seed)
    for _ in range(STATEMENTS // 40):
        rows.put("permission_rows", *(rows.permission_row(**said(rows, r)) for _ in range(40)))
    rows.permission("later", "new", agent_name="ann", asked_for="tool:z", timestamp=rows.now + 10**9)
    viewed = store.raw(_VIEW, "JSONEachRow", {"project": rows.project})
    expected = [orjson.loads(line) for line in viewed.splitlines()]
    found = [check.event for check in await checks(reader, {"projects": [rows.project]})]
    for one, other in zip(found, expected, strict=True):
        assert one == other
    assert {event["escalation_rule"] for event in found} >= {"", "stated", "denied_above", "allowed_after_denial", "new_for_agent"}
    assert [list(event) for event in found] == [list(event) for event in expected]


async def test_statements_that_fit_are_marked(rows: Any, reader: Reader) -> None:
    rows.permission("t", "both", "ask", timestamp=rows.now)
    rows.permission("t", "both", timestamp=rows.now + 5)
    rows.permission("t", "open", "ask", timestamp=rows.now + 3)
    found = await checks(reader, {"projects": [rows.project], "thread_id": "t", "pending": 1})
    assert [(check.event["event_id"], check.matched_ns, check.latest_ns) for check in found] == [
        ("both", rows.now, rows.now + 5),
        ("open", rows.now + 3, rows.now + 3),
    ]
