"""Events for the hub out of a stored batch of spans."""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from schemas.events import Event


def span_events(tables: Mapping[str, pa.RecordBatch]) -> Sequence[Event]:
    return ()
