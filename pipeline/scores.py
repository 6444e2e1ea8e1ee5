"""Scores: from the attributes of an evaluation event (OpenTelemetry's `gen_ai.evaluation.result`) to a row of `score_records`."""

from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa

from pipeline.columns import stamped
from pipeline.messages import digest
from pipeline.permissions import Place
from pipeline.values import number
from schemas.scores import EXPLANATION, KEY, LABEL, NAME, SCORE_ID, SOURCE, USER, VALUE

NAMELESS: Final = "evaluation"
_SAID: Final = (NAME, VALUE, LABEL, SOURCE)
_TYPES: Final = (
    ("project", pa.string()), ("score_id", pa.string()), ("thread_id", pa.string()), ("trace_id", pa.string()), ("step_id", pa.string()),
    ("name", pa.string()), ("value", pa.float64()), ("label", pa.string()), ("explanation", pa.string()), ("source", pa.string()),
    ("user_id", pa.string()), ("log_topic", pa.string()), ("log_partition", pa.uint16()), ("log_offset", pa.uint64()),
    ("retention_days", pa.uint16()), ("version", pa.uint64()), ("is_deleted", pa.uint8()),
)  # fmt: skip


class ScoreRows:
    """Rows of `score_records`, under construction."""

    def __init__(self) -> None:
        self._rows: list[tuple[Any, ...]] = []
        self._times: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, place: Place, found: Mapping[str, str], service: str) -> None:
        """One judgement of the step, trace or thread at `place`. Who judged is the `service` that says so, unless `found` names another.

        An evaluation that failed has neither a number nor a word: its `error.type` is what it came to.
        """
        value, label = number(found.get(VALUE, "")), found.get(LABEL, "") or found.get("error.type", "")
        self._rows.append(
            (
                place.project, found.get(SCORE_ID) or _derived_id(place, found), place.thread_id, place.trace_id, place.step_id,
                found.get(NAME) or NAMELESS, value, label, found.get(EXPLANATION, ""), found.get(SOURCE) or service, found.get(USER, ""),
                place.topic, place.partition, place.offset, place.retention_days, place.version, 0,
            )
        )  # fmt: skip
        self._times.append((min(place.timestamp, 2**63 - 1), place.received))

    def add_of_span(self, place: Place, found: Mapping[str, str], scope: str) -> None:
        """The same as a span tells it: however its thread is read, it is the same score."""
        self.add(place, {SCORE_ID: _derived_id(place._replace(thread_id=""), found), **found}, scope)

    def extend(self, others: "ScoreRows") -> None:
        self._rows.extend(others._rows)
        self._times.extend(others._times)

    def batch(self) -> pa.RecordBatch:
        return stamped(_TYPES, self._rows, self._times)


def _derived_id(place: Place, found: Mapping[str, str]) -> str:
    """A score without an id is told apart by what it judges and its sender's key, else by when and how."""
    said = ("", found.get(NAME, ""), key) if (key := found.get(KEY)) else (str(place.timestamp), *(found.get(name, "") for name in _SAID))
    return digest("\n".join((place.thread_id, place.trace_id, place.step_id, *said)).encode()).hex()
