"""What mapping a span of each emitter costs, from the recorded requests: `python -m bench.dialects`, or `python -m bench --only dialects`.

Each recording is sent many times over with fresh ids and other words in its texts, so that nothing is remembered that would not be in earnest.
Counted is parsing and mapping, in one process, for each; then the way of all of them together through engine and summaries.
"""

import argparse
import gc
import os
import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client import CollectorRegistry

from bench.load import Body
from bench.stages import Stages, batches, report
from bench.tables import Figure, Result, Table, number
from pipeline import native
from pipeline.batch import Sent
from pipeline.context import Envelope
from pipeline.dialects import STANDARD
from pipeline.mappers import mapper
from pipeline.native import Native
from pipeline.seen import SeenCache
from pipeline.vocabulary import THREAD_NAMES
from schemas.errors import MalformedRequestError
from schemas.metrics import Metrics
from schemas.migrate import migrate
from schemas.otlp import JSON_TYPE, decode
from schemas.settings import load_settings
from schemas.store import Store, open_embedded
from schemas.topics import SPANS

_REPOSITORY: Final = Path(__file__).parent.parent
PLACES: Final = (
    _REPOSITORY / "tests" / "payloads" / "recorded",
    Path(os.environ.get("MISSION_CONTROL_PAYLOADS", _REPOSITORY.parent / "shared" / "payloads")),
)
SPANS_WANTED: Final = 1_000
PER_REQUEST: Final = 100
PER_BATCH: Final = 1_000
TO_REACH: Final = 18_000
"""Translated spans per CPU-second, end to end."""
THREADS: Final = THREAD_NAMES | {"thread.id"}
_THREAD: Final = re.compile(r'"thread_id": ?"')
"""In metadata as JSON."""
_BETWEEN_WORDS: Final = re.compile(r"(?<=[a-z]) (?=[a-z])")


@dataclass(frozen=True)
class Recording:
    """One recorded request of traces, by its emitter and its file."""

    name: str
    request: ExportTraceServiceRequest

    @property
    def spans(self) -> int:
        return sum(1 for _ in _spans(self.request))


@dataclass(frozen=True)
class Cost:
    """CPU µs a span; `dialect` as most of the spans speak it, `taken` the share of requests that the kernel mapped."""

    recording: Recording
    dialect: str
    attributes: float
    bytes: float
    micros: float
    taken: float


def recordings() -> list[Recording]:
    """All that are here."""
    files = {f"{file.parent.name}/{file.name.partition('.')[0]}": file for place in PLACES for file in place.glob("*/*.json")}
    found = [(name, _request(file)) for name, file in sorted(files.items())]
    return [Recording(name, request) for name, request in found if request is not None and any(_spans(request))]


def _request(file: Path) -> ExportTraceServiceRequest | None:
    try:
        request = decode(SPANS, file.read_bytes(), JSON_TYPE)
    except MalformedRequestError:
        return None
    return request if isinstance(request, ExportTraceServiceRequest) else None


def _spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
    return (span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans)


def copies(recording: Recording, wanted: int) -> Iterator[tuple[bytes, int]]:
    """(request, spans in it) until `wanted` spans are there."""
    made = copy = 0
    while made < wanted:
        request = ExportTraceServiceRequest()
        while (spans := sum(1 for _ in _spans(request))) < PER_REQUEST:
            request.MergeFrom(_copy(recording.request, copy))
            copy += 1
        made += spans
        yield request.SerializeToString(), spans


def _copy(request: ExportTraceServiceRequest, number: int) -> ExportTraceServiceRequest:
    copy = ExportTraceServiceRequest()
    copy.CopyFrom(request)
    for span in _spans(copy):
        span.trace_id = _fresh(span.trace_id, number)
        span.span_id, span.parent_span_id = _fresh(span.span_id, number), _fresh(span.parent_span_id, number)
        for item in span.attributes:
            _reword(item.value, number)
            if item.key in THREADS and item.value.HasField("string_value"):
                item.value.string_value += f"-{number}"
        for event in span.events:
            for item in event.attributes:
                _reword(item.value, number)
    return copy


def _fresh(identity: bytes, number: int) -> bytes:
    return blake2b(identity, digest_size=len(identity), key=str(number).encode()).digest() if identity else b""


def _reword(value: AnyValue, number: int) -> None:
    which = value.WhichOneof("value")
    if which == "string_value":
        value.string_value = _THREAD.sub(rf"\g<0>{number}-", _BETWEEN_WORDS.sub(f" {number} ", value.string_value))
    elif which == "array_value":
        for item in value.array_value.values:
            _reword(item, number)


def cost(recording: Recording, kernel: Native | None, metrics: Metrics, wanted: int) -> Cost:
    """Of all batches but the first, which warms up."""
    requests = list(copies(recording, wanted + PER_BATCH))
    seen = SeenCache()
    maps = mapper(SPANS, seen, load_settings().retention_days, native=kernel)
    seconds, spans, before = 0.0, 0, _taken(metrics)
    dialects: list[str] = []
    for place, batch in enumerate(_batches(requests)):
        gc.collect()
        began = time.process_time()
        mapped = maps.map([sent for sent, _ in batch])
        took = time.process_time() - began
        seen.add(mapped.seen)
        if place:
            seconds, spans = seconds + took, spans + sum(count for _, count in batch)
        dialects = mapped.tables["spans"].column("dialect").to_pylist()
    total = sum(count for _, count in requests)
    attributes = sum(len(span.attributes) for span in _spans(recording.request)) / recording.spans
    most = max(sorted(set(dialects)), key=dialects.count)
    share = (_taken(metrics) - before) / len(requests)
    return Cost(recording, most, attributes, sum(len(raw) for raw, _ in requests) / total, seconds / max(spans, 1) * 1e6, share)


def _batches(requests: Sequence[tuple[bytes, int]]) -> Iterator[list[tuple[Sent, int]]]:
    batch: list[tuple[Sent, int]] = []
    for offset, (raw, spans) in enumerate(requests):
        batch.append(((Envelope(SPANS, 0, offset, time.time_ns(), "bench", "", len(raw)), raw), spans))
        if sum(count for _, count in batch) >= PER_BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _taken(metrics: Metrics) -> float:
    return float(metrics.native_requests.labels("taken")._value.get())


def costs(wanted: int, use_kernel: bool, named: str = "") -> list[Cost]:
    metrics = Metrics(CollectorRegistry())
    kernel = native.load(metrics) if use_kernel else None
    return [cost(recording, kernel, metrics, wanted) for recording in recordings() if named in recording.name]


def whole_way(translated: Sequence[Recording], wanted: int) -> float:
    """CPU µs a span with engine and summaries, `wanted` spans of each recording."""
    bodies = [
        Body(raw, spans) for pair in zip(*(copies(one, wanted + PER_REQUEST) for one in translated), strict=False) for raw, spans in pair
    ]
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="bench-dialects-") as directory:
        store = open_embedded(Path(directory), 2 * 1024**3, 64 * 1024**2)
        try:
            migrate(store)
            stages = _through(store, list(batches(bodies, PER_REQUEST * len(translated))))
        finally:
            store.close()
            tempfile.tempdir = before  # the engine's files went to its own directory, which goes now
    return report(stages)[-1][3]


def _through(store: Store, all_batches: Sequence[Sequence[Body]]) -> Stages:
    """The first batch warms up."""
    stages, offset = Stages(store), 0
    for place, batch in enumerate(all_batches):
        stages.batch(batch, offset)
        offset += len(batch)
        if place == 0:
            stages.restart()
    return stages


def measure(wanted: int = SPANS_WANTED) -> Result:
    """With the kernel where one is built, beside Python alone."""
    native_, python = costs(wanted, True), costs(wanted, False)
    rows = [
        (one.recording.name, one.dialect, number(one.attributes), number(one.bytes), number(one.micros), number(other.micros))
        for one, other in zip(native_, python, strict=True)
    ]
    micros = whole_way([one.recording for one in native_ if one.dialect != STANDARD], wanted)
    figure = Figure("translated spans per CPU-second, of all recordings in equal parts", 1e6 / micros, "", "least", TO_REACH)
    head = ("recording", "dialect", "attributes a span", "bytes a span", "CPU µs a span", "in Python alone")
    note = (
        "Parsing and mapping alone, in one process; texts of each copy of a recording are its own. The figure includes the engine and all summaries, "
        "not HTTP and the log."
    )
    return Result([Table("dialects", "Mapping what others send", head, rows, note)], [figure])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.dialects", description=__doc__)
    parser.add_argument("--spans", type=int, default=SPANS_WANTED, help="of each recording")
    parser.add_argument("--only", default="", help="recordings with this in their name")
    parser.add_argument("--python", action="store_true", help="map in Python, also where the native kernel is built")
    options = parser.parse_args()
    print(f"{'recording':<44}{'dialect':<16}{'attributes':>11}{'bytes':>8}{'taken':>7}{'CPU µs':>9}")
    for one in costs(options.spans, not options.python, options.only):
        print(
            f"{one.recording.name:<44.44}{one.dialect:<16}{one.attributes:>11.1f}{one.bytes:>8.0f}{one.taken:>7.0%}{one.micros:>9.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
