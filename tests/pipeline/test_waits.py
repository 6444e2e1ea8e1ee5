"""What a thread said that it waits for, beside the questions that nobody has answered: one rule for both, in any order, over restarts."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from pipeline.activity import LONGEST_WAIT_NAME
from pipeline.vocabulary import RESUMED, WAITING, WAITING_FOR
from schemas.store import ClickHouseStore
from tests.pipeline.line import Line
from tests.pipeline.otlp_messages import hex_trace, log, span

C = {"gen_ai.conversation.id": "c"}
AGENT = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner", **C}
WORKING = span(2, "chat", (10, 20), {"gen_ai.operation.name": "chat", **C}, 1)
CHECK = {"permission.check.id": "k", "permission.resource.id": "rm", "permission.action": "run", "permission.result": "ask", **C}


def waits(when: float, what: str = "user", **more: Any) -> LogRecord:
    return log(f"waits for {what}", when, {WAITING_FOR: what, **C, **more}, 1, 2, WAITING)


def goes_on(when: float, what: str = "user") -> LogRecord:
    return log("", when, {WAITING_FOR: what, **C}, 1, 2, RESUMED)


def waiting(line: Line) -> tuple[str, str, int | None]:
    """Status, what for, since when (ms)."""
    line.summarise()
    ((status, what, since),) = line.values("threads", "status, waiting_for, waiting_since")
    return status, what, since and since.microsecond // 1000


def test_a_thread_waits_from_when_it_says_so_until_it_goes_on(line: Line) -> None:
    line.spans(WORKING)
    line.logs(waits(25))
    assert waiting(line) == ("paused", "user", 25)
    line.logs(goes_on(30))
    assert waiting(line) == ("running", "", None)
    line.logs(waits(35))
    assert waiting(line) == ("paused", "user", 35)
    line.spans(span(1, "agent", (0, 40), AGENT))
    assert waiting(line) == ("complete", "", None)


def test_it_shows_before_any_span_ended_and_a_session_that_ends_waits_for_nothing(line: Line) -> None:
    line.logs(log("", 0, C, event="session.start"), waits(5, "slot"))
    assert waiting(line) == ("paused", "slot", 5)
    line.logs(log("", 9, C, event="session.end"))
    assert waiting(line) == ("complete", "", None)


def test_a_thread_that_does_something_else_meanwhile_runs_and_waits(line: Line) -> None:
    line.spans(WORKING)
    line.logs(waits(25))
    line.spans(span(3, "chat", (26, 27), C, 1))
    assert waiting(line) == ("running", "user", 25)


def test_what_waits_longest_shows_whether_check_or_wait(line: Line) -> None:
    line.spans(WORKING)
    line.logs(waits(30), log("?", 25, CHECK, 1, 2, "permission.check"), waits(28, "lock"))
    assert waiting(line) == ("paused", "run rm", 25)
    line.logs(log("!", 31, {**CHECK, "permission.result": "allow"}, 1, 2, "permission.check"))
    assert waiting(line) == ("paused", "lock", 28)
    line.logs(goes_on(32, "lock"))
    assert waiting(line) == ("paused", "user", 30)


def test_a_resumption_without_a_name_ends_all_that_was_before(line: Line) -> None:
    line.spans(WORKING)
    line.logs(waits(25), waits(26, "lock"), log("", 27, C, 1, 2, RESUMED))
    assert waiting(line) == ("running", "", None)
    line.logs(log("which slot?", 28, C, 1, 2, WAITING))
    assert waiting(line) == ("paused", "which slot?", 28)
    line.logs(log(None, 29, C, 1, 2, RESUMED), log(None, 30, C, 1, 2, WAITING))
    assert waiting(line) == ("paused", "an answer", 30)


def test_a_wait_of_a_trace_that_no_thread_names(line: Line) -> None:
    line.spans(span(2, "chat", (10, 20), {"gen_ai.operation.name": "chat"}, 1))
    line.logs(log("", 25, {WAITING_FOR: "user"}, 1, 2, WAITING), log("", 25, {WAITING_FOR: "nobody"}, event=WAITING))
    assert (*waiting(line), line.values("threads", "thread_id")) == ("paused", "user", 25, [hex_trace(1)])


def test_names_of_any_length_and_times_of_any_age(line: Line) -> None:
    line.spans(WORKING)
    late = waits(25, "x" * 5000)
    late.time_unix_nano = 2**64 - 1
    line.logs(late)
    assert waiting(line)[1] == "x" * LONGEST_WAIT_NAME


def test_what_was_stored_and_not_summarised_is_found_after_a_restart(line: Line) -> None:
    line.spans(WORKING)
    line.summarise()
    line.logs(waits(25))
    line.restart()
    line.heal()
    assert waiting(line) == ("paused", "user", 25)
    line.logs(goes_on(26))
    line.restart()
    line.heal()
    assert waiting(line) == ("running", "", None)


LIFE = [waits(21), goes_on(23), waits(25), waits(26, "lock"), goes_on(27), goes_on(28, "lock"), waits(29, "slot"), waits(31), goes_on(33)]


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(data=st.data())
def test_the_same_in_any_order(store: ClickHouseStore, data: st.DataObject) -> None:
    line = Line(store)
    line.spans(WORKING)
    for record in data.draw(st.permutations(LIFE)):
        line.logs(record)
        happens = data.draw(st.sampled_from(("nothing", "nothing", "again", "summary", "restart", "heal")))
        if happens == "again":
            line.logs(record, again=True)
        line.befall(happens)
    line.summarise()
    line.heal()
    assert waiting(line) == ("paused", "slot", 29)
