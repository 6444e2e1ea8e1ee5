"""Ourselves and the peers, one after the other, on the same bytes: spans per second of CPU time."""

from collections.abc import Iterable, Sequence

from bench.errors import BenchError
from bench.ingest import Ingested
from bench.peers.mlflow import Mlflow
from bench.peers.phoenix import Phoenix
from bench.peers.rotel import Rotel
from bench.peers.run import Outcome, Peer, load
from bench.tables import Figure, Result, Table, number

PEERS: Sequence[tuple[str, Peer, float]] = (("Rotel", Rotel(), 0.7), ("Phoenix", Phoenix(), 150), ("MLflow", Mlflow(), 35))
"""(name, peer, the ratio that we are to reach)"""


def measure(ours: Ingested, spans: int) -> Result:
    """`ours` is what we did with `spans` in this run; a peer that is slow gets a part of them."""
    rows = [["Mission Control, everything derived", *_cells(ours.sent.records, ours.seconds, ours.cpu), "1"]]
    figures: list[Figure] = []
    for name, outcome in _outcomes(spans):
        if isinstance(outcome, BenchError):
            rows.append([name, "", "", "", "", str(outcome)])
            continue
        ratio = ours.per_cpu_second / outcome.per_cpu_second
        rows.append([outcome.name, *_cells(outcome.spans, outcome.seconds, outcome.cpu), number(ratio)])
        bound = next(bound for known, _, bound in PEERS if known == name)
        figures.append(Figure(f"spans per CPU-second, ours over {name}'s", ratio, "", "least", bound))
    head = ("system", "spans", "spans/s", "per CPU-second", "CPU µs a span", "ours over theirs")
    note = (
        "Counted is the CPU time of all processes of a system, from the first byte until the last row (ours: and summary) is there;"
        " not the generator's. Rotel writes its raw table into the same engine with the same settings; it derives nothing."
    )
    return Result([Table("peers", "The same bytes to others", head, rows, note)], figures)


def _outcomes(spans: int) -> Iterable[tuple[str, Outcome | BenchError]]:
    for name, peer, _ in PEERS:
        try:
            with peer.running() as running:
                yield name, load(running, int(spans * peer.share))
        except BenchError as error:
            yield name, error


def _cells(spans: int, seconds: float, cpu: float) -> list[str]:
    return [number(spans), number(spans / seconds), number(spans / cpu), number(cpu / spans * 1e6)]
