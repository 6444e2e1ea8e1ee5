"""How it ends: by SIGTERM and SIGINT, under load, at once, and while queries run. Exit 0, nothing accepted is lost."""

import signal
import threading
import time

import httpx
import pytest

from tests.system.accounts import check_all
from tests.system.running import System, eventually
from tests.system.traffic import Agents, Senders, Sent

SLOW_QUERY = "SELECT count() FROM numbers(100000000000) WHERE NOT ignore(sipHash64(number))"


def end_by(system: System, number: int) -> float:
    """Seconds until it had ended, with exit code 0 and without `run.json`; only said, as the machine may be busy."""
    began = time.monotonic()
    system.send_signal(number)
    assert system.wait() == 0, system.complaints()
    took = time.monotonic() - began
    assert not system.run_file.exists()
    return took


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_under_load_finishes_what_was_accepted(stopped: System, number: int) -> None:
    sent = Sent()
    stopped.start()
    with Senders(stopped.info["otlp_http"], [Agents(11), Agents(12)], sent):
        time.sleep(1.5)
        took = end_by(stopped, number)
    print(f"ended in {took:.2f} s after {len(sent.acknowledged)} acknowledged requests")
    stopped.start()
    check_all(stopped, sent)


@pytest.mark.parametrize("delay", [0.0, 0.3, 1.0, 1.8])
def test_a_signal_before_it_listens_ends_it(stopped: System, delay: float) -> None:
    """Until then nothing was accepted, so it may end as any process does; what it leaves behind must start again."""
    process = stopped.spawn()
    time.sleep(delay)
    stopped.send_signal(signal.SIGTERM)
    assert stopped.wait() in (0, -signal.SIGTERM)
    assert not stopped.run_file.exists()
    assert process.returncode != -signal.SIGSEGV
    assert stopped.start().stop() == 0


def test_a_signal_right_after_it_listens_ends_it(stopped: System) -> None:
    stopped.start()
    end_by(stopped, signal.SIGTERM)


def test_two_signals_are_one(stopped: System) -> None:
    stopped.start()
    stopped.send_signal(signal.SIGTERM)
    end_by(stopped, signal.SIGINT)


def test_a_query_that_runs_is_ended_with_the_system(stopped: System) -> None:
    """The engine crashes when the process leaves while it works."""
    stopped.start()
    answers: list[httpx.Response | httpx.HTTPError] = []

    def ask() -> None:
        try:
            answers.append(httpx.post(stopped.info["sql"], content=SLOW_QUERY, timeout=300))
        except httpx.HTTPError as error:
            answers.append(error)

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    assert eventually(lambda: stopped.metrics()["mission_control_sql_queries_in_work"], lambda running: running == 3) == 3
    took = end_by(stopped, signal.SIGTERM)
    for asker in askers:
        asker.join()
    print(f"ended in {took:.2f} s; the queries' answers: {answers}")
    assert len(answers) == 3
    assert stopped.start().stop() == 0
