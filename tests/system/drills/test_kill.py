"""`kill -9` at any moment: what was acknowledged is there afterwards, once, and everything computed from it is right."""

import random
import signal
import time

import httpx

from tests.system.accounts import check_all
from tests.system.running import System
from tests.system.traffic import LOGS, METRICS, TRACES, Agents, Request, Senders, Sent

KILLS = 20
SEED = 20_260
MOMENTS = (
    ("message_bodies", "before"),
    ("message_rows", "after"),
    ("permission_rows", "after"),
    ("spans", "before"),
    ("spans", "after"),
    ("ledger_rows", "before"),
    ("ledger_rows", "after"),
    ("steps", "before"),
    ("steps", "after"),
    ("trace_summaries", "before"),
    ("traces", "before"),
    ("thread_summaries", "before"),
)
"""Between append and insert, between the inserts of one batch, before its commit, between the parts of its summary."""


def test_nothing_acknowledged_is_lost_or_doubled_at_twenty_random_moments(stopped: System) -> None:
    chance = random.Random(SEED)
    sent = Sent()
    sources = [Agents(seed) for seed in (1, 2, 3)]
    delays = [round(chance.uniform(0.005, 0.8), 3) for _ in range(KILLS)]
    print(f"seed {SEED}: killed after {delays} s of load")
    for number, delay in enumerate(delays):
        stopped.start()
        with Senders(stopped.info["otlp_http"], sources, sent):
            time.sleep(delay)
            assert stopped.is_alive()
            stopped.kill()
        if number % 4 == 3:  # and once more before it has found its feet
            stopped.spawn()
            time.sleep(chance.uniform(0.2, 2.5))
            assert stopped.is_alive()
            stopped.kill()
    stopped.start()
    print(f"{len(sent.acknowledged)} of {len(sent.tried)} requests were acknowledged")
    for path in (TRACES, LOGS, METRICS):
        assert sent.ids(path)
    check_all(stopped, sent)
    assert stopped.stop() == 0


def post_until_death(system: System, sent: Sent, requests: list[Request]) -> None:
    for request in requests:
        sent.tried.append(request)
        try:
            answer = system.post(request.path, request.body)
        except httpx.HTTPError:
            return
        assert answer.status_code == 200
        sent.acknowledged.append(request)


def test_nothing_is_lost_or_doubled_by_a_death_between_any_two_inserts(stopped: System) -> None:
    """One life after the other on the same data: what one did not finish, the next takes up, and dies in it, too."""
    agents, sent = Agents(4, threads=3), Sent()
    for table, moment in MOMENTS:
        stopped.command = ("-m", "tests.system.drills.killed_at", table, moment)
        stopped.spawn()
        if stopped.await_ports():
            post_until_death(stopped, sent, [agents.turns(), agents.logs(), agents.points()])
        assert stopped.wait() == -signal.SIGKILL, (table, moment)
    stopped.command = System.command
    stopped.start()
    check_all(stopped, sent)
