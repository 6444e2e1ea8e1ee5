"""(g) Very long threads: a hundred thousand spans, and hours of calls that each send the whole conversation again. What they take, how they open."""

import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final
from urllib.parse import quote

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from bench.errors import NotCompleteError
from bench.generator import send
from bench.load import VOCABULARY
from bench.parts import active_parts
from bench.sender import NOT_NOW, PROTOBUF, Plan
from bench.standing import MEBIBYTE, OTHER_SIGNALS
from bench.system import System, running
from bench.tables import Figure, Result, Table, milliseconds, number

MANY_SPANS, RESENT = "bench many spans", "bench resent"
DURATION: Final = 2 * 3600 * 10**9
"""Nanoseconds from the first call to the last."""
WORDS: Final = 15
"""Of a message."""
OPENINGS: Final = 15
PATIENCE: Final = 1800.0
REST: Final = 5.0
"""Seconds between two looks at the parts."""
SHARE: Final = 20
"""The tables may take this part of the messages' bytes."""


@dataclass(frozen=True)
class Call:
    """A request with one call of a model, and how many bytes of messages it carries."""

    body: bytes
    message_bytes: int


def conversation(calls: int, began: int, seed: int = 40) -> Iterator[Call]:
    """One thread, built while it is sent: each call's input is all that was said before. `began` in nanoseconds since 1970."""
    words = random.Random(seed)
    history: list[str] = []
    for place in range(calls):
        history.append(_message("user", words))
        answer = _message("assistant", words)
        given, said = f"[{','.join(history)}]", f"[{answer}]"
        start = began + DURATION * place // calls
        texts = {
            "gen_ai.operation.name": "chat", "gen_ai.request.model": "bench", "gen_ai.conversation.id": RESENT, "gen_ai.input.messages": given,
            "gen_ai.output.messages": said,
        }  # fmt: skip
        call = Span(
            trace_id=words.randbytes(16), span_id=words.randbytes(8), name="chat bench", start_time_unix_nano=start,
            end_time_unix_nano=start + 900_000_000, attributes=[KeyValue(key=name, value=AnyValue(string_value=text)) for name, text in texts.items()],
        )  # fmt: skip
        request = ExportTraceServiceRequest()
        request.resource_spans.add().scope_spans.add().spans.append(call)
        yield Call(request.SerializeToString(), len(given) + len(said))
        history.append(answer)


def _message(role: str, words: random.Random) -> str:
    text = " ".join(words.choices(VOCABULARY, k=WORDS)) + f" {words.randrange(10**9)}"
    return json.dumps({"role": role, "parts": [{"type": "text", "content": text}]})


def measure(spans: int, calls: int) -> Result:
    """A thread of `spans` and one of `calls`, each in a system of its own."""
    many = _opened(MANY_SPANS, spans, lambda system: _send_spans(system, spans))
    resent = _opened(RESENT, calls, lambda system: _send_calls(system, calls))
    head = ("thread", "bytes of messages, MiB", "stored, MiB", "share", "timeline, ms", "transcript, ms")
    figures = [figure for thread in (many, resent) for figure in thread.figures()]
    note = f"First pages as the API answers them, medians of {OPENINGS}; stored is what all tables of spans take once merges have rested."
    return Result([Table("long", "Very long threads", head, [many.cells(), resent.cells()], note)], figures)


@dataclass(frozen=True)
class Long:
    """A long thread: bytes sent in messages (0: not counted) and stored; seconds until a first page was there."""

    name: str
    message_bytes: int
    stored: int
    timeline: float
    transcript: float

    def cells(self) -> list[str]:
        share = f"1/{number(self.message_bytes / self.stored)}" if self.message_bytes else ""
        sent = number(self.message_bytes / MEBIBYTE) if self.message_bytes else ""
        return [self.name, sent, number(self.stored / MEBIBYTE), share, milliseconds(self.timeline), milliseconds(self.transcript)]

    def figures(self) -> list[Figure]:
        pages = (("timeline", self.timeline), ("transcript", self.transcript))
        opened = [Figure(f"{self.name}: first page of the {page}", seconds * 1e3, "ms", "most", 100) for page, seconds in pages]
        stored = Figure(f"{self.name}: bytes of messages to a stored byte", self.message_bytes / self.stored, "", "least", SHARE)
        return [stored, *opened] if self.message_bytes else opened


def _opened(thread: str, count: int, fill: Callable[[System], int]) -> Long:
    with tempfile.TemporaryDirectory(prefix="bench-long-") as directory, running(Path(directory) / "data") as system:
        message_bytes = fill(system)
        _rest(system)
        tables = active_parts(system.directory)
        stored = sum(part.size for name, parts in tables.items() if name not in OTHER_SIGNALS for part in parts)
        name = f"{number(count)} {'spans' if thread == MANY_SPANS else 'calls, all resent'}"
        return Long(name, message_bytes, stored, _page(system, thread, "timeline"), _page(system, thread, "transcript"))


def _send_spans(system: System, spans: int) -> int:
    sent = send(Plan(system.traces_url, spans, 512, seed=31, prefix=MANY_SPANS, signal="thread", stream=True), PATIENCE)
    system.wait_for(sent.records, sent.steps, PATIENCE)
    return 0


def _send_calls(system: System, calls: int) -> int:
    total = 0
    for call in conversation(calls, time.time_ns() - DURATION):
        while system.client.post(system.traces_url, content=call.body, headers=PROTOBUF).status_code in NOT_NOW:
            time.sleep(0.2)
        total += call.message_bytes
    system.wait_for(calls, calls, PATIENCE)
    return total


def _page(system: System, thread: str, part: str) -> float:
    """Seconds; the median."""
    seconds = []
    for _ in range(OPENINGS):
        began = time.perf_counter()
        reply = system.get(f"/api/threads/{quote(thread)}/{part}")
        seconds.append(time.perf_counter() - began)
        if reply.status_code != 200 or (part == "timeline" and not reply.json()["items"]):
            raise NotCompleteError(f"the first page of the {part}", 1, 0)
    return median(seconds)


def _rest(system: System, longest: float = 60.0) -> None:
    """Until the number of parts stands still."""
    deadline, before = time.monotonic() + longest, -1
    while time.monotonic() < deadline:
        now = sum(len(parts) for parts in active_parts(system.directory).values())
        if now == before:
            return
        before = now
        time.sleep(REST)
