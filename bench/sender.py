"""The load generator: a process of its own that builds its requests, waits for the word to go, and sends them.

`python -m bench.sender '{"url": …}'` (the fields of `Plan`) prints `ready`, reads one line, and prints a `Sent` as JSON.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final, Literal
from urllib.parse import urlsplit

from bench.connection import Connection
from bench.load import Body, Load, scattered

NOT_NOW: Final = (429, 503)
PROTOBUF: Final = {"Content-Type": "application/x-protobuf"}


@dataclass(frozen=True)
class Plan:
    """What to send where. `rate` is requests per second over all connections, 0 as fast as they are acknowledged."""

    url: str
    records: int
    per_request: int = 256
    connections: int = 4
    rate: float = 0.0
    signal: Literal["spans", "logs", "permissions", "thread"] = "spans"
    seed: int = 7
    prefix: str = "T"
    threads: int = 0
    """Logs and permissions belong to threads 1 to this one."""
    age: float = 3600.0
    """Seconds before now at which the first record begins."""
    stream: bool = False
    """Build while sending, for loads that do not fit memory."""
    headers: dict[str, str] = field(default_factory=dict)
    scattered: int = 1
    """Over so many requests the spans of a trace are spread."""


@dataclass
class Sent:
    """What was acknowledged. `cpu` is the generator's own, while sending; times in seconds."""

    requests: int = 0
    records: int = 0
    steps: int = 0
    bytes: int = 0
    refused: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    behind: float = 0.0
    """By how much the last request was late, at a given rate."""
    answers: list[float] = field(default_factory=list)


def bodies(plan: Plan) -> Iterator[Body]:
    load = Load(plan.seed, time.time_ns() - int(plan.age * 1e9), prefix=plan.prefix)
    load.threads.extend(f"{plan.prefix}-{number:06d}" for number in range(1, plan.threads + 1))
    if plan.signal == "thread":
        return load.long_thread(plan.prefix, plan.records, plan.per_request)
    if plan.scattered > 1:
        return scattered(load.spans(plan.records, plan.per_request), plan.scattered)
    make = {"spans": load.spans, "logs": load.logs, "permissions": load.permissions}[plan.signal]
    return make(plan.records, plan.per_request)


class Sender:
    """Sends what an iterator gives over several connections."""

    def __init__(self, plan: Plan, requests: Iterator[Body]) -> None:
        self._plan, self._requests, self._path = plan, requests, urlsplit(plan.url).path
        self.sent = Sent()
        self._started = 0.0
        self._taken = 0

    async def run(self) -> Sent:
        cpu, self._started = time.process_time(), time.perf_counter()
        await asyncio.gather(*(self._connection() for _ in range(self._plan.connections)))
        self.sent.seconds, self.sent.cpu = time.perf_counter() - self._started, time.process_time() - cpu
        return self.sent

    async def _connection(self) -> None:
        connection = Connection(self._plan.url, {**PROTOBUF, **self._plan.headers})
        try:
            for body in self._requests:
                await self._turn()
                await self._acknowledged(connection, body)
        finally:
            connection.close()

    async def _turn(self) -> None:
        """Wait for the moment of the next request."""
        if self._plan.rate:
            due = self._started + self._taken / self._plan.rate
            self._taken += 1
            self.sent.behind = max(time.perf_counter() - due, 0.0)
            await asyncio.sleep(max(due - time.perf_counter(), 0.0))

    async def _acknowledged(self, connection: Connection, body: Body) -> None:
        """Send until it is acknowledged. Raises RuntimeError when it never will be."""
        while True:
            began = time.perf_counter()
            answer = await connection.post(self._path, body.data)
            if answer.status == 200:
                break
            if answer.status not in NOT_NOW:
                raise RuntimeError(f"status {answer.status}: {answer.body[:200]!r}")
            self.sent.refused += 1
            await asyncio.sleep(answer.retry_after)
        self.sent.answers.append(time.perf_counter() - began)
        self.sent.requests += 1
        self.sent.records += body.records
        self.sent.steps += body.steps
        self.sent.bytes += len(body.data)


def main(arguments: Sequence[str]) -> None:
    plan = Plan(**json.loads(arguments[0]))
    requests = bodies(plan)
    ready = requests if plan.stream else iter(list(requests))
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(asdict(asyncio.run(Sender(plan, ready).run()))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
