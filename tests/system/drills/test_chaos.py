"""Under steady load, one fault after the other in a seeded order: afterwards every acknowledged record is in the tables exactly once,
the ledger adds up, and threads and steps are summarised as a recount says.

`MISSION_CONTROL_CHAOS_SECONDS` makes it longer (`make test-chaos`), `MISSION_CONTROL_CHAOS_SEED` repeats one that failed.
"""

import os
import random
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import httpx

from tests.brokers import Cluster
from tests.system.accounts import check_stored
from tests.system.roles import Roles, roles_in
from tests.system.running import System, eventually
from tests.system.traffic import LOGS, METRICS, TRACES, Agents, Request, Senders, Sent

SECONDS: Final = float(os.environ.get("MISSION_CONTROL_CHAOS_SECONDS", "25"))
SEED: Final = int(os.environ.get("MISSION_CONTROL_CHAOS_SEED", "4711"))
Fault = Callable[[Roles, random.Random], None]


def kill_a_collector(roles: Roles, chance: random.Random) -> None:
    roles.restart(chance.choice(roles.collectors))


def kill_a_processor(roles: Roles, chance: random.Random) -> None:
    roles.restart(chance.choice(roles.processors))


def a_processor_leaves(roles: Roles, chance: random.Random) -> None:
    leaving = chance.choice(roles.processors)
    assert leaving.stop() == 0
    time.sleep(chance.uniform(0, 2))
    leaving.start()


def kill_the_broker(roles: Roles, chance: random.Random) -> None:
    roles.kafka.node.end()
    time.sleep(chance.uniform(0, 3))
    roles.kafka.node.start()


def the_broker_hangs(roles: Roles, chance: random.Random) -> None:
    roles.kafka.node.pause()
    time.sleep(chance.uniform(0.5, 4))
    roles.kafka.node.unpause()


def kill_the_store(roles: Roles, chance: random.Random) -> None:
    roles.clickhouse.kill()
    time.sleep(chance.uniform(0, 2))
    roles.clickhouse.start()


FAULTS: Final[tuple[Fault, ...]] = (
    kill_a_collector, kill_a_processor, a_processor_leaves, kill_the_broker, the_broker_hangs, kill_the_store
)  # fmt: skip


def test_nothing_acknowledged_is_lost_or_doubled_whatever_fails(tmp_path: Path, kafka: Cluster) -> None:
    chance, sent, done = random.Random(SEED), Sent(), list[str]()
    print(f"seed {SEED}, {SECONDS:g} s")
    with roles_in(tmp_path, kafka, collectors=2, processors=2) as roles:
        roles.start()
        with ExitStack() as senders:
            for number, collector in enumerate(roles.collectors):
                senders.enter_context(Senders(collector.info["otlp_http"], [Agents(number + 1)], sent))
            end = time.monotonic() + SECONDS
            order = list(FAULTS)
            chance.shuffle(order)
            while order or time.monotonic() < end:
                fault = order.pop() if order else chance.choice(FAULTS)
                time.sleep(chance.uniform(0.5, 2))
                print(f"{time.strftime('%H:%M:%S')} {fault.__name__}, {len(sent.acknowledged)} acknowledged", flush=True)
                fault(roles, chance)
                done.append(fault.__name__)
            before = len(sent.acknowledged)
            assert eventually(lambda: len(sent.acknowledged) > before + 20)
        print(f"{len(done)} faults, {len(sent.acknowledged)} of {len(sent.tried)} requests acknowledged")
        for path in (TRACES, LOGS, METRICS):
            assert sent.ids(path)
        roles.await_quiet()
        began = time.monotonic()
        check_stored(roles.server, sent)
        print(f"summaries and ledger were right {time.monotonic() - began:.1f} s after the last record was stored")
        for system in roles.everyone():
            assert (system.name, system.stop()) == (system.name, 0)


def test_a_collector_answers_503_while_the_broker_hangs(tmp_path: Path, kafka: Cluster) -> None:
    with roles_in(tmp_path, kafka, processors=0, servers=0) as roles:
        (collector,) = roles.start().collectors
        request = Agents(1).turns()
        assert answers(collector, request, 200)
        kafka.node.pause()
        try:
            began = time.monotonic()
            answer = collector.post(request.path, request.body)
            seconds = time.monotonic() - began
        finally:
            kafka.node.unpause()
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        print(f"503 after {seconds:.2f} s")
        assert answers(collector, request, 200)
        assert eventually(lambda: httpx.get(f"{collector.info['console']}/ready").json()["checks"]["kafka"] == "ok")


def answers(collector: System, request: Request, wanted: int) -> bool:
    return eventually(lambda: collector.post(request.path, request.body).status_code == wanted)
