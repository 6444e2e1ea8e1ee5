"""Columns under construction: what most rows leave empty costs nothing, what a whole request shares is written once."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

NANOSECONDS: Final = pa.timestamp("ns", "UTC")
TEXT_MAP: Final = pa.map_(pa.string(), pa.string())


class SparseColumns:
    """Columns of which most rows hold the default: only what differs is kept."""

    def __init__(self, types: Mapping[str, tuple[pa.DataType, Any]]) -> None:
        self._types = types
        self._rows: dict[str, list[int]] = {name: [] for name in types}
        self._values: dict[str, list[Any]] = {name: [] for name in types}

    def put(self, name: str, row: int, value: Any) -> None:
        self._rows[name].append(row)
        self._values[name].append(value)

    def arrays(self, length: int) -> dict[str, pa.Array]:
        return {name: self._array(name, length) for name in self._types}

    def _array(self, name: str, length: int) -> pa.Array:
        kind, default = self._types[name]
        rows, values = self._rows[name], self._values[name]
        if not rows:
            return pa.nulls(length, kind) if default is None else pa.repeat(pa.scalar(default, kind), length)
        dense = [default] * length
        for row, value in zip(rows, values, strict=True):
            dense[row] = value
        return pa.array(dense, kind)


class MapColumn:
    """A column of text maps, kept flat."""

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._values: list[str] = []
        self._ends: list[int] = [0]

    def append(self, value: Mapping[str, str]) -> None:
        if value:
            self._keys.extend(value)
            self._values.extend(value.values())
        self._ends.append(len(self._keys))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def array(self) -> pa.Array:
        offsets = pa.array(self._ends, pa.int32())
        return pa.MapArray.from_arrays(offsets, pa.array(self._keys, pa.string()), pa.array(self._values, pa.string()))


class ListColumn:
    """The offsets of a column of lists; its items are kept by the caller, flat."""

    def __init__(self) -> None:
        self._ends: list[int] = [0]

    def end(self, length: int) -> None:
        """The row that ends after `length` items."""
        self._ends.append(length)

    def array(self, items: pa.Array) -> pa.Array:
        return pa.ListArray.from_arrays(pa.array(self._ends, pa.int32()), items)


class SharedColumns:
    """What all records of one scope share: built once per scope, spread over its rows at the end."""

    def __init__(self, types: Mapping[str, pa.DataType], maps: Sequence[str]) -> None:
        self._types = types
        self._values: dict[str, list[Any]] = {name: [] for name in types}
        self._maps = {name: MapColumn() for name in maps}
        self._counts: list[int] = []

    def open(self, values: Mapping[str, Any], maps: Mapping[str, Mapping[str, str]]) -> None:
        """Begin a scope; the rows counted from here on belong to it."""
        for name, column in self._values.items():
            column.append(values[name])
        for name, map_column in self._maps.items():
            map_column.append(maps[name])
        self._counts.append(0)

    def count(self, rows: int) -> None:
        self._counts[-1] += rows

    def arrays(self) -> dict[str, pa.Array]:
        spread = pa.array(np.repeat(np.arange(len(self._counts), dtype=np.int32), self._counts))
        shared = {name: pa.array(values, self._types[name]) for name, values in self._values.items()}
        shared |= {name: column.array() for name, column in self._maps.items()}
        if len(self._counts) == 1:
            return {name: _repeated(array, self._counts[0], spread) for name, array in shared.items()}
        return {name: array.take(spread) for name, array in shared.items()}


def _repeated(array: pa.Array, rows: int, spread: pa.Array) -> pa.Array:
    if pa.types.is_map(array.type):
        return array.take(spread)
    return pa.repeat(array[0], rows)


def times(values: Iterable[int]) -> pa.Array:
    """Nanoseconds since 1970 as timestamps; what a signed 64-bit number cannot hold is capped."""
    return pa.array([value if value < 2**63 else 2**63 - 1 for value in values], pa.int64()).view(NANOSECONDS)


def stamped(types: Sequence[tuple[str, pa.DataType]], rows: Sequence[Sequence[Any]], stamps: Sequence[tuple[int, int]]) -> pa.RecordBatch:
    """`rows` in columns of these types, and of each when it happened and when it was received (ns), as `timestamp` and `received`."""
    columns = {name: pa.array(values, kind) for (name, kind), values in zip(types, zip(*rows, strict=True), strict=True)}
    at, received = zip(*stamps, strict=True)
    columns |= {"timestamp": times(at), "received": times(received)}
    return pa.record_batch(list(columns.values()), names=list(columns))
